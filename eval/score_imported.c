#include "eval/score_imported.h"

#include "eval/imported_run.h"
#include "eval/output.h"
#include "eval/scoring.h"
#include "eval/task.h"
#include "metrics/import.h"
#include "reports/json_writer.h"
#include "reports/report.h"
#include "reports/table.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_PROTOCOLS = 32 };

/* The same answers under several protocols.  The first task owns the samples. */
struct comparison {
    const char *names[MOST_PROTOCOLS];
    size_t n;
    struct task tasks[MOST_PROTOCOLS];
    size_t n_open;
    struct scored scored[MOST_PROTOCOLS];
    struct error reasons[MOST_PROTOCOLS]; /* why there is no score; empty if there is one */
    struct prediction *predictions;
    struct arena arena;
};

static void tell_notes(const struct import_notes *notes)
{
    if (notes->has_labels)
        message("note: no --data was given: questions and labels are those in the predictions");
    if (notes->n_missing > 0)
        message("note: %zu samples have no prediction; they count as wrong", notes->n_missing);
    if (notes->n_extra > 0)
        message("note: %zu predictions answer no sample and are left out", notes->n_extra);
    if (notes->n_duplicate > 0)
        message("note: %zu predictions were replaced by a later one for the same sample",
                notes->n_duplicate);
    if (notes->text)
        message("note: %s", notes->text);
}

/* Loads the data, if a folder is given, and the predictions for it. */
static enum status import(const struct options *options, const struct import_format *format,
                          struct task *task, struct prediction **predictions, struct error *err)
{
    const char *data = option_text(options, "data");
    const char *path = option_text(options, "predictions");
    struct task_selection all = {0};
    struct import_notes notes;
    enum status status = data ? task_load(task, data, &all, err) : STATUS_OK;
    if (status)
        return status;
    struct dataset set = task->set;
    set.kind = task->protocol.dataset;
    status = predictions_import(format, path, &set, data != NULL, &task->arena, predictions, &notes,
                                err);
    if (status)
        return status;
    if (!data)
        status = task_take(task, &set, &all, err);
    tell_notes(&notes);
    return status;
}

static enum status unknown_format(const char *name, struct error *err)
{
    char known[200] = "";
    for (size_t i = 0; import_formats[i]; i++) {
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "", import_formats[i]->name);
    }
    return fail(err, STATUS_USAGE, "--format %s: there is no such format; there is: %s", name,
                known);
}

/* "a,b" into names. */
static enum status split_names(struct comparison *comparison, const char *list, struct error *err)
{
    char *rest = arena_string(&comparison->arena, list);
    if (!rest)
        return fail(err, STATUS_NO_MEMORY, "out of memory while scoring");
    for (char *name; (name = strtok_r(rest, ",", &rest));) {
        if (comparison->n == MOST_PROTOCOLS)
            return fail(err, STATUS_USAGE, "more than %d protocols", MOST_PROTOCOLS);
        comparison->names[comparison->n++] = name;
    }
    return comparison->n > 0 ? STATUS_OK
                             : fail(err, STATUS_USAGE, "--tasks names no protocol to score by");
}

/* One file answers one set of questions: all protocols must ask those. */
static enum status open_tasks(struct comparison *comparison, struct error *err)
{
    for (size_t i = 0; i < comparison->n; i++) {
        struct task *task = &comparison->tasks[i], *first = &comparison->tasks[0];
        enum status status = task_open(task, comparison->names[i], err);
        if (status)
            return status;
        comparison->n_open += 1;
        if (task->protocol.dataset != first->protocol.dataset ||
            strcmp(task->protocol.variant, first->protocol.variant) != 0)
            return fail(err, STATUS_USAGE,
                        "%s and %s ask different questions: one file cannot answer both",
                        first->protocol.name, task->protocol.name);
    }
    return STATUS_OK;
}

/* A protocol that reads what the answers do not hold gets a reason, not a score. */
static enum status score_all(struct comparison *comparison, uint64_t seed, struct error *err)
{
    const struct task *first = &comparison->tasks[0];
    for (size_t i = 0; i < comparison->n; i++) {
        struct task task = comparison->tasks[i];
        task.set = first->set;
        enum status status = scoring_score(&task, comparison->predictions, seed, &comparison->arena,
                                           &comparison->scored[i], &comparison->reasons[i]);
        if (status && (status != STATUS_MISMATCH || comparison->n == 1))
            return fail(err, status, "%s", comparison->reasons[i].text);
    }
    return STATUS_OK;
}

static const struct score *headline_of(const struct comparison *comparison, size_t i)
{
    const struct score_table *table = &comparison->scored[i].table;
    return &table->scores[table->headline];
}

static void add_row(struct table *table, const struct comparison *comparison, size_t i)
{
    const struct score_table *scores = &comparison->scored[i].table;
    table_cell(table, "%s", comparison->names[i]);
    if (comparison->reasons[i].text[0]) {
        for (int blank = 0; blank < 6; blank++)
            table_cell(table, "%s", "");
        table_cell(table, "%s", comparison->reasons[i].text);
        return;
    }
    const struct score *headline = headline_of(comparison, i);
    struct text value, interval;
    text_init(&value);
    text_init(&interval);
    report_add_value(&value, headline);
    report_add_interval(&interval, headline);
    table_cell(table, "%s", headline->name);
    table_text(table, &value);
    table_text(table, &interval);
    table_cell(table, "%zu", scores->n_samples);
    table_cell(table, "%zu", comparison->scored[i].n_correct);
    table_cell(table, "%zu", scores->n_failed);
    table_cell(table, "%s", headline->note ? headline->note : "");
    text_release(&value);
    text_release(&interval);
}

static void add_table(const struct comparison *comparison, struct text *out)
{
    static const char *const heads[] = {"protocol", "score",   "value",  "95 % interval",
                                        "n",        "correct", "failed", "note"};
    struct arena arena;
    struct table table;
    arena_init(&arena);
    table_init(&table, &arena, "llrrrrrl");
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++)
        table_cell(&table, "%s", heads[i]);
    for (size_t i = 0; i < comparison->n; i++)
        add_row(&table, comparison, i);
    table_add_to(&table, TABLE_PLAIN, out);
    arena_release(&arena);
}

static void add_reason_json(struct text *out, const struct comparison *comparison, size_t i)
{
    struct json_writer writer;
    json_begin(&writer, out);
    json_open(&writer, NULL, '{');
    json_put_string(&writer, "protocol", comparison->names[i]);
    json_put_string(&writer, "reason", comparison->reasons[i].text);
    json_close(&writer, '}');
}

static void add_json(const struct comparison *comparison, struct text *out)
{
    for (size_t i = 0; i < comparison->n; i++) {
        struct task task = comparison->tasks[i];
        if (comparison->n > 1)
            text_add(out, i > 0 ? "," : "[");
        if (comparison->reasons[i].text[0])
            add_reason_json(out, comparison, i);
        else
            scoring_add_json(out, &task, &comparison->scored[i]);
    }
    text_add(out, comparison->n > 1 ? "]\n" : "");
}

static enum exit_code print(const struct comparison *comparison, bool json, struct error *err)
{
    struct text text;
    size_t n_scored = 0, n_failed = 0;
    text_init(&text);
    if (json)
        add_json(comparison, &text);
    else if (comparison->n > 1)
        add_table(comparison, &text);
    else
        scoring_add_text(&text, &comparison->tasks[0], &comparison->scored[0]);
    enum status status = output_text(&text, err);
    text_release(&text);
    if (status)
        return EXIT_INTERNAL;
    if (comparison->n == 1 && isnan(headline_of(comparison, 0)->value))
        return exit_of_status(fail(err, STATUS_MISMATCH, "%s: no %s: %s", comparison->names[0],
                                   headline_of(comparison, 0)->name,
                                   headline_of(comparison, 0)->note
                                       ? headline_of(comparison, 0)->note
                                       : "it is undefined"));
    for (size_t i = 0; i < comparison->n; i++) {
        n_scored += !comparison->reasons[i].text[0];
        n_failed += comparison->scored[i].table.n_failed;
    }
    if (n_scored == 0)
        return exit_of_status(
            fail(err, STATUS_MISMATCH, "the answers do not hold what any of the protocols reads"));
    return n_failed > 0 ? EXIT_INCOMPLETE : EXIT_DONE;
}

static enum exit_code compare(struct comparison *comparison, const struct options *options,
                              uint64_t seed, struct error *err)
{
    const char *tasks = option_text(options, "tasks"), *task = option_text(options, "task");
    const char *format_name = option_text(options, "format");
    const struct import_format *format = import_format_find(format_name);
    enum status status = STATUS_OK;
    if (!tasks == !task || options->n_operands > 0)
        status = fail(err, STATUS_USAGE, "%s",
                      options->n_operands > 0 ? "give run directories or --predictions, not both"
                                              : "--predictions needs --task or --tasks, the "
                                                "protocols to score by");
    else if (!format)
        status = unknown_format(format_name, err);
    else if (option_given(options, "out") && !(task && option_given(options, "data")))
        status = fail(err, STATUS_USAGE,
                      "--out keeps the answers under one --task, with the questions of --data");
    if (status || (status = split_names(comparison, tasks ? tasks : task, err)) ||
        (status = open_tasks(comparison, err)) ||
        (status = import(options, format, &comparison->tasks[0], &comparison->predictions, err)) ||
        (status = score_all(comparison, seed, err)))
        return exit_of_status(status);
    enum exit_code code = print(comparison, option_flag(options, "json"), err);
    if (option_given(options, "out") && (code == EXIT_DONE || code == EXIT_INCOMPLETE))
        code = imported_run_write(option_text(options, "out"), &comparison->tasks[0],
                                  comparison->predictions, options, seed, err);
    return code;
}

enum exit_code score_imported(const struct options *options, uint64_t seed, struct error *err)
{
    static struct comparison comparison;
    comparison = (struct comparison){.n = 0};
    arena_init(&comparison.arena);
    enum exit_code code = compare(&comparison, options, seed, err);
    for (size_t i = 0; i < comparison.n_open; i++)
        task_close(&comparison.tasks[i]);
    arena_release(&comparison.arena);
    return code;
}
