/* eval/cmd_ask.c - `mambench ask`: one picture, one question. */
#include "engine/engine.h"
#include "eval/command.h"
#include "eval/model_options.h"
#include "eval/output.h"
#include "reports/json_writer.h"

#include <string.h>

static const struct option_spec options_table[] = {
    {"model", 'm', OPTION_DIRECTORY, "MODEL", "model directory, or preset with --random-weights",
     NULL, NULL, false},
    {"image", 'i', OPTION_FILE, "FILE", "the picture, PNG or JPEG", NULL, NULL, false},
    {"choices", 0, OPTION_TEXT, "LIST",
     "print the probability of each of these first tokens (Yes,No) instead of an answer", NULL,
     NULL, false},
    {"max-new-tokens", 0, OPTION_COUNT, "N", "longest answer", "128", NULL, false},
    {"temperature", 0, OPTION_NUMBER, "T", "sample at this temperature; by default greedy", NULL,
     NULL, false},
    {"top-k", 0, OPTION_COUNT, "N", "sample among the N likeliest tokens; 0 is all", "0", NULL,
     false},
    {"top-p", 0, OPTION_NUMBER, "P", "sample among the likeliest that sum up to P", "1", NULL,
     false},
    MODEL_OPTION_ROWS,
    {"seed", 0, OPTION_COUNT, "N", "of sampling and of random weights", "0", NULL, false},
    {"raw", 0, OPTION_FLAG, NULL, "the question is the whole prompt, template included", NULL, NULL,
     false},
    {"quiet", 'q', OPTION_FLAG, NULL, "no timings on standard error", NULL, NULL, false},
    {"json", 0, OPTION_FLAG, NULL, "print JSON, timings included", NULL, NULL, false},
    {0},
};

static const char *const examples[] = {
    "mambench ask --model examples/mini-cobra --image scene.png \"Is there a red circle?\"",
    "mambench ask --model cobra --image cat.jpg --choices Yes,No \"Is there a cat?\"",
    NULL,
};

enum { MOST_CHOICES = 8 }; /* as struct generation has room for */

struct asked {
    const struct options *options;
    struct engine_options engine_options;
    struct request request;
    const char *choices[MOST_CHOICES];
    struct engine *engine;
    struct session *session;
    struct generation generation;
    struct timings see;
    struct error warning;
    struct text prompt;
    struct arena arena;
};

static enum status read_choices(struct asked *asked, struct error *err)
{
    const char *list = option_text(asked->options, "choices");
    while (list && *list) {
        size_t length = strcspn(list, ",");
        if (length == 0 || asked->request.n_choices == MOST_CHOICES)
            return fail(err, STATUS_USAGE, "--choices: 1 to %d words are expected", MOST_CHOICES);
        asked->choices[asked->request.n_choices++] = arena_copy(&asked->arena, list, length);
        list += length + (list[length] == ',');
    }
    asked->request.choices = asked->choices;
    return arena_failed(&asked->arena) ? fail(err, STATUS_NO_MEMORY, "out of memory") : STATUS_OK;
}

static enum status read_sampling(struct asked *asked, struct error *err)
{
    const struct options *options = asked->options;
    struct sampling *sampling = &asked->request.sampling;
    sampling->sample = option_given(options, "temperature") || option_given(options, "top-k") ||
                       option_given(options, "top-p");
    sampling->temperature =
        option_given(options, "temperature") ? option_number(options, "temperature") : 1;
    sampling->top_p = option_number(options, "top-p");
    sampling->seed = asked->engine_options.seed;
    if (!(sampling->temperature > 0))
        return fail(err, STATUS_USAGE,
                    "--temperature must be above 0; without it the answer is "
                    "greedy");
    if (!(sampling->top_p > 0 && sampling->top_p <= 1))
        return fail(err, STATUS_USAGE, "--top-p must be above 0 and at most 1");
    return option_int(options, "top-k", &sampling->top_k, err);
}

static enum status read_request(struct asked *asked, struct error *err)
{
    const struct options *options = asked->options;
    if (!option_text(options, "model") || !option_text(options, "image"))
        return fail(err, STATUS_USAGE, "--model and --image are needed");
    if (options->n_operands != 1)
        return fail(err, STATUS_USAGE, "one question is expected, in quotes");
    enum status status = model_options_read(options, &asked->engine_options, err);
    if (!status)
        status = option_int(options, "max-new-tokens", &asked->request.max_new_tokens, err);
    if (!status)
        status = read_sampling(asked, err);
    if (!status)
        status = read_choices(asked, err);
    if (asked->request.n_choices > 0 && !option_given(options, "max-new-tokens"))
        asked->request.max_new_tokens = 0;
    return status;
}

static enum status answer(struct asked *asked, struct error *err)
{
    const struct options *options = asked->options;
    enum status status;
    if ((status = engine_open(&asked->engine, option_text(options, "model"), &asked->engine_options,
                              err)) ||
        (status = session_open(&asked->session, asked->engine, err)) ||
        (status = session_see(asked->session, option_text(options, "image"), &asked->see,
                              &asked->warning, err)))
        return status;
    if (option_flag(options, "raw"))
        text_add(&asked->prompt, options->operands[0]);
    else
        engine_prompt(asked->engine, options->operands[0], &asked->prompt);
    if (asked->prompt.failed)
        return fail(err, STATUS_NO_MEMORY, "out of memory");
    asked->request.prompt = text_string(&asked->prompt);
    status = session_answer(asked->session, &asked->request, &asked->generation, err);
    for (int stage = 0; !status && stage < STAGE_N; stage++)
        asked->generation.timings.ns[stage] += asked->see.ns[stage];
    return status;
}

static double first_token_ns(const struct asked *asked)
{
    int64_t sum = 0;
    for (int stage = 0; stage <= STAGE_PROMPT; stage++)
        sum += asked->generation.timings.ns[stage];
    return (double)sum;
}

static void put_json(const struct asked *asked, struct text *out)
{
    const struct generation *generation = &asked->generation;
    struct json_writer writer;
    json_begin(&writer, out);
    json_open(&writer, NULL, '{');
    json_put_string(&writer, "model", engine_info(asked->engine)->name);
    json_put_bool(&writer, "random_weights", engine_info(asked->engine)->random_weights);
    json_put_string(&writer, "prompt", text_string(&asked->prompt));
    json_put_string(&writer, "text", asked->request.max_new_tokens > 0 ? generation->text : NULL);
    json_open(&writer, "choices", '{');
    for (size_t i = 0; i < asked->request.n_choices; i++) {
        json_open(&writer, asked->choices[i], '{');
        json_put_number(&writer, "probability", generation->choice_probabilities[i]);
        json_put_number(&writer, "logit", (double)generation->choice_logits[i]);
        json_close(&writer, '}');
    }
    json_close(&writer, '}');
    json_put_count(&writer, "prompt_tokens", generation->n_prompt_ids);
    json_put_count(&writer, "tokens", generation->n_ids);
    json_put_bool(&writer, "ended", generation->ended);
    json_put_bool(&writer, "truncated", generation->truncated);
    json_put_string(&writer, "warning", asked->warning.text[0] ? asked->warning.text : NULL);
    json_put_number(&writer, "first_token_ns", first_token_ns(asked));
    json_open(&writer, "ns", '{');
    for (int stage = 0; stage < STAGE_N; stage++)
        json_put_number(&writer, stage_name((enum stage)stage),
                        (double)generation->timings.ns[stage]);
    json_close(&writer, '}');
    json_close(&writer, '}');
}

static void add_answer(const struct asked *asked, struct text *out)
{
    for (size_t i = 0; i < asked->request.n_choices; i++)
        text_addf(out, "%s %.6f\n", asked->choices[i], asked->generation.choice_probabilities[i]);
    if (asked->request.max_new_tokens > 0)
        text_addf(out, "%s\n", asked->generation.text);
}

static void tell_timings(const struct asked *asked)
{
    const struct generation *generation = &asked->generation;
    double decode_ns = (double)generation->timings.ns[STAGE_DECODE];
    const struct engine_info *info = engine_info(asked->engine);
    if (info->random_weights)
        message("note: the weights are random, the answer means nothing");
    if (asked->warning.text[0])
        message("note: %s", asked->warning.text);
    if (generation->truncated)
        message("note: the prompt was cut at the model's text limit");
    if (option_flag(asked->options, "quiet"))
        return;
    if (generation->n_ids > 1 && decode_ns > 0)
        message("first token after %.1f ms; then %.1f tokens/s (%zu tokens)",
                first_token_ns(asked) * 1e-6, (double)(generation->n_ids - 1) / decode_ns * 1e9,
                generation->n_ids);
    else
        message("first token after %.1f ms", first_token_ns(asked) * 1e-6);
}

static enum exit_code ask(struct asked *asked, struct error *err)
{
    struct text text;
    enum status status = read_request(asked, err);
    if (!status)
        status = answer(asked, err);
    if (status)
        return exit_of_status(status);
    text_init(&text);
    if (option_flag(asked->options, "json"))
        put_json(asked, &text);
    else
        add_answer(asked, &text);
    status = output_text(&text, err);
    text_release(&text);
    tell_timings(asked);
    return status ? EXIT_INTERNAL : EXIT_DONE;
}

static enum exit_code run(const struct options *options, struct error *err)
{
    struct asked asked = {.options = options};
    arena_init(&asked.arena);
    text_init(&asked.prompt);
    enum exit_code code = ask(&asked, err);
    if (asked.session)
        session_close(asked.session);
    if (asked.engine)
        engine_close(asked.engine);
    text_release(&asked.prompt);
    arena_release(&asked.arena);
    return code;
}

const struct command command_ask = {
    .name = "ask",
    .summary = "Asks a model one question about one picture",
    .operands = "QUESTION",
    .operand_type = OPTION_TEXT,
    .options = options_table,
    .examples = examples,
    .run = run,
};
