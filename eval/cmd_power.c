/* eval/cmd_power.c - `mambench power`: what a sample can show, and how many a difference needs. */
#include "eval/command.h"
#include "eval/output.h"
#include "eval/pairing.h"
#include "eval/run_list.h"
#include "eval/version.h"
#include "metrics/power.h"
#include "reports/json_writer.h"
#include "reports/table.h"

#include <math.h>
#include <string.h>

static const char *const formats[] = {"table", "md", "json", NULL};

static const struct option_spec options_table[] = {
    {"difference", 0, OPTION_NUMBER, "POINTS", "the true difference to be found, in points", "2",
     NULL, false},
    {"correlation", 0, OPTION_NUMBER, "R",
     "of two runs' results, image by image, where one run is given: from -1 to below 1", "0", NULL,
     false},
    PAIRING_OPTION_ROWS,
    {"format", 0, OPTION_CHOICE, "NAME", "what to print", "table", formats, false},
    {"json", 0, OPTION_FLAG, NULL, "the same as --format json", NULL, NULL, false},
    {0},
};

static const char *const notes[] = {
    "RUN is a finished run directory or a folder with the runs of one model. With a second one, "
    "what counts is how the two differ image by image, as `mambench compare` takes them. With one, "
    "a second as noisy is assumed; its results are unrelated to the first one's unless "
    "--correlation says more, so that the number of samples is on the safe side.",
    "A difference is found if it is 1.96 standard errors from 0, on the right side; errors know "
    "that questions share images. More samples means more images with as many questions each.",
    NULL,
};

static const char *const examples[] = {
    "mambench power runs/cobra-pope --difference 1",
    "mambench power runs/before runs/after --difference 0.5",
    NULL,
};

/* What a protocol's sample can show; differences and errors in 0..1. */
struct outlook {
    const char *protocol;
    size_t n, n_images;
    double credit, error; /* of the first run */
    double difference_error;
    double detectable, power, images, samples; /* NAN where nothing varies */
};

struct question {
    struct pairing_options pairing;
    double difference, correlation;
    bool is_paired;
};

static double error_alone(const struct run_answers *answers, struct arena *arena)
{
    struct paired_image *images = arena_alloc_small(arena, answers->n_images + 1, sizeof *images);
    if (!images)
        return NAN;
    for (size_t i = 0; i < answers->task.set.n_samples; i++) {
        images[answers->image[i]].n += 1;
        images[answers->image[i]].difference += answers->credits[i];
    }
    return paired_difference(images, answers->n_images).error;
}

static void look_ahead(struct outlook *outlook, double difference)
{
    double error = outlook->difference_error;
    outlook->detectable = outlook->power = outlook->images = outlook->samples = (double)NAN;
    if (!(error > 0))
        return;
    double images = power_images(difference, error, (double)outlook->n_images);
    outlook->detectable = power_detectable(error);
    outlook->power = power_of(difference, error);
    outlook->images = ceil(images);
    outlook->samples = ceil(images * (double)outlook->n / (double)outlook->n_images);
}

static enum status look_at_pair(struct outlook *outlook, const struct run_answers *first,
                                const struct run_list *side, const struct question *question,
                                struct arena *arena, struct error *err)
{
    struct run_answers second;
    struct pairing pairing;
    const struct run_record *other = run_list_find(side, outlook->protocol);
    if (!other)
        return fail(err, STATUS_MISMATCH, "the second run has no %s, which %s is",
                    outlook->protocol, first->directory);
    enum status status = run_answers_open(&second, other->path, question->pairing.data, err);
    if (status)
        return status;
    status = pairing_make(&pairing, first, &second, &question->pairing, arena, err);
    if (!status) {
        struct paired_difference difference = paired_difference(pairing.images, pairing.n_images);
        outlook->n = pairing.n;
        outlook->n_images = difference.n_images;
        outlook->difference_error = difference.error;
    }
    run_answers_close(&second);
    return status;
}

/* sides [2]; the second is used only where runs are paired. */
static enum status look_at(struct outlook *outlook, const struct run_record *run,
                           const struct run_list *sides, const struct question *question,
                           struct error *err)
{
    struct arena arena;
    struct run_answers answers;
    enum status status = run_answers_open(&answers, run->path, question->pairing.data, err);
    if (status)
        return status;
    arena_init(&arena);
    *outlook = (struct outlook){.protocol = run->protocol,
                                .n = answers.task.set.n_samples,
                                .n_images = answers.n_images,
                                .credit = answers.credit,
                                .error = error_alone(&answers, &arena)};
    outlook->difference_error = outlook->error * sqrt(2 * (1 - question->correlation));
    if (question->is_paired)
        status = look_at_pair(outlook, &answers, &sides[1], question, &arena, err);
    if (!status && arena_failed(&arena))
        status = fail(err, STATUS_NO_MEMORY, "out of memory for the power of %s", run->path);
    look_ahead(outlook, question->difference);
    run_answers_close(&answers);
    arena_release(&arena);
    return status;
}

/* Blank where there is none. */
static void number_cell(struct table *table, double value, int decimals, const char *unit)
{
    if (isnan(value))
        table_cell(table, "%s", "");
    else
        table_cell(table, "%.*f%s", decimals, value, unit);
}

static void add_table(const struct outlook *outlooks, size_t n, const struct question *question,
                      enum table_style style, struct text *out)
{
    static const char *const head[] = {"protocol",   "n",          "images", "score",  "error",
                                       "difference", "detectable", "power",  "images", "samples"};
    struct arena arena;
    struct table table;
    arena_init(&arena);
    table_init(&table, &arena, "lrrrrrrrrr");
    for (size_t i = 0; i < sizeof head / sizeof head[0]; i++)
        table_cell(&table, "%s%s", head[i], i == 5 ? "'s error" : i >= 8 ? " needed" : "");
    for (size_t i = 0; i < n; i++) {
        const struct outlook *outlook = &outlooks[i];
        table_cell(&table, "%s", outlook->protocol);
        table_cell(&table, "%zu", outlook->n);
        table_cell(&table, "%zu", outlook->n_images);
        number_cell(&table, 100 * outlook->credit, 2, " %");
        number_cell(&table, 100 * outlook->error, 3, "");
        number_cell(&table, 100 * outlook->difference_error, 3, "");
        number_cell(&table, 100 * outlook->detectable, 2, "");
        number_cell(&table, 100 * outlook->power, 1, " %");
        number_cell(&table, outlook->images, 0, "");
        number_cell(&table, outlook->samples, 0, "");
    }
    table_add_to(&table, style, out);
    text_addf(
        out,
        "\nErrors are standard errors in points, images as clusters. Detectable: the smallest "
        "true difference\nthat 80 of 100 such samples show. Power: how often a difference of "
        "%g points is found; needed: for\nfinding it in 80 of 100. ",
        100 * question->difference);
    if (question->is_paired)
        text_add(out, "The difference's error is that of these two runs.\n");
    else
        text_addf(out,
                  "The difference's error is for a second run as noisy as this\none, its results "
                  "correlated with %g: two finished runs tell the true one.\n",
                  question->correlation);
    arena_release(&arena);
}

static void add_json(const struct outlook *outlooks, size_t n, const struct question *question,
                     struct text *out)
{
    struct json_writer writer;
    json_begin(&writer, out);
    json_open(&writer, NULL, '{');
    json_put_string(&writer, "mambench", mambench_version);
    json_put_number(&writer, "difference", question->difference);
    json_put_bool(&writer, "paired", question->is_paired);
    json_put_number(&writer, "assumed_correlation",
                    question->is_paired ? (double)NAN : question->correlation);
    json_open(&writer, "protocols", '[');
    for (size_t i = 0; i < n; i++) {
        const struct outlook *outlook = &outlooks[i];
        json_open(&writer, NULL, '{');
        json_put_string(&writer, "protocol", outlook->protocol);
        json_put_count(&writer, "samples", outlook->n);
        json_put_count(&writer, "images", outlook->n_images);
        json_put_number(&writer, "score", outlook->credit);
        json_put_number(&writer, "error", outlook->error);
        json_put_number(&writer, "difference_error", outlook->difference_error);
        json_put_number(&writer, "detectable", outlook->detectable);
        json_put_number(&writer, "power", outlook->power);
        json_put_number(&writer, "images_needed", outlook->images);
        json_put_number(&writer, "samples_needed", outlook->samples);
        json_close(&writer, '}');
    }
    json_close(&writer, ']');
    json_close(&writer, '}');
}

static enum exit_code print_outlooks(const struct outlook *outlooks, size_t n, const char *format,
                                     const struct question *question, struct error *err)
{
    struct text text;
    text_init(&text);
    if (strcmp(format, "json") == 0)
        add_json(outlooks, n, question, &text);
    else
        add_table(outlooks, n, question, strcmp(format, "md") == 0 ? TABLE_MARKDOWN : TABLE_PLAIN,
                  &text);
    enum status status = output_text(&text, err);
    text_release(&text);
    return status ? EXIT_INTERNAL : EXIT_DONE;
}

static enum status read_question(struct question *question, const struct options *options,
                                 struct error *err)
{
    *question = (struct question){
        .pairing = pairing_options_of(options),
        .difference = option_number(options, "difference") / 100,
        .correlation = option_number(options, "correlation"),
        .is_paired = options->n_operands == 2,
    };
    if (options->n_operands < 1 || options->n_operands > 2)
        return fail(err, STATUS_USAGE,
                    "one finished run is expected, or two of the same questions");
    if (!(question->difference > 0 && question->difference <= 1))
        return fail(err, STATUS_USAGE, "--difference is in points, above 0 and at most 100");
    if (!(question->correlation >= -1 && question->correlation < 1))
        return fail(err, STATUS_USAGE, "--correlation is at least -1 and below 1");
    if (question->is_paired && option_given(options, "correlation"))
        return fail(err, STATUS_USAGE, "--correlation is for one run: of two it is measured");
    return STATUS_OK;
}

static enum exit_code look_at_all(const struct run_list *sides, const struct options *options,
                                  const struct question *question, struct error *err)
{
    struct arena arena;
    enum status status = STATUS_OK;
    arena_init(&arena);
    struct outlook *outlooks = arena_alloc(&arena, sides[0].n, sizeof *outlooks);
    if (!outlooks)
        status = fail(err, STATUS_NO_MEMORY, "out of memory for the power of runs");
    for (size_t i = 0; i < sides[0].n && !status; i++)
        status = look_at(&outlooks[i], &sides[0].records[i], sides, question, err);
    enum exit_code code = exit_of_status(status);
    if (!code)
        code = print_outlooks(
            outlooks, sides[0].n,
            option_flag(options, "json") ? "json" : option_text(options, "format"), question, err);
    arena_release(&arena);
    return code;
}

static enum exit_code run(const struct options *options, struct error *err)
{
    struct question question;
    struct run_list sides[2] = {{0}};
    size_t n_open = 0;
    enum status status = read_question(&question, options, err);
    for (size_t i = 0; i < options->n_operands && !status; i++) {
        status = run_list_open(&sides[i], &options->operands[i], 1, true, err);
        n_open += !status;
    }
    if (!status && question.is_paired)
        status = run_list_check_pair(&sides[0], &sides[1], err);
    enum exit_code code = exit_of_status(status);
    if (!code)
        code = look_at_all(sides, options, &question, err);
    for (size_t i = 0; i < n_open; i++)
        run_list_close(&sides[i]);
    return code;
}

const struct command command_power = {
    .name = "power",
    .summary = "Tells what differences a finished run's sample can show",
    .operands = "RUN [RUN]",
    .operand_type = OPTION_DIRECTORY,
    .options = options_table,
    .notes = notes,
    .examples = examples,
    .run = run,
};
