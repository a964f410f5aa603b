#include "eval/scoring.h"

#include "engine/base/file.h"
#include "engine/base/json.h"
#include "engine/base/string_map.h"
#include "eval/prediction_log.h"
#include "eval/version.h"
#include "reports/json_writer.h"
#include "reports/report.h"
#include "reports/table.h"

#include <math.h>
#include <string.h>

enum { MOST_FAILURES = 100 }; /* listed one by one */

static enum status list_failures(const struct task *task, const struct prediction *predictions,
                                 struct arena *arena, struct scored *scored, struct error *err)
{
    struct scored_failure *list = arena_alloc_small(arena, MOST_FAILURES, sizeof *list);
    if (!list)
        return fail(err, STATUS_NO_MEMORY, "out of memory while scoring");
    for (size_t i = 0; i < task->set.n_samples && scored->n_failures < MOST_FAILURES; i++)
        if (predictions[i].failure)
            list[scored->n_failures++] =
                (struct scored_failure){task->set.samples[i].id, predictions[i].failure};
    scored->failures = list;
    return STATUS_OK;
}

enum status scoring_score(const struct task *task, const struct prediction *predictions,
                          uint64_t seed, struct arena *arena, struct scored *scored,
                          struct error *err)
{
    const struct metric *metric = metric_find(task->protocol.metric);
    *scored = (struct scored){0};
    enum status status =
        score_predictions(&task->set, &task->protocol, predictions, arena, &scored->table, err);
    if (status)
        return status;
    for (size_t i = 0; metric->correct && i < task->set.n_samples; i++)
        scored->n_correct +=
            metric->correct(&task->set.samples[i], &task->protocol, &predictions[i]) == 1;
    struct error reason = {""}; /* that there are no floors is no failure */
    status = score_floors(&task->set, &task->protocol, seed, arena, scored->floors,
                          &scored->n_floors, &reason);
    if (status == STATUS_UNSUPPORTED)
        status = STATUS_OK;
    else if (status)
        fail(err, status, "%s", reason.text);
    return status ? status : list_failures(task, predictions, arena, scored, err);
}

static const char *interval_name(enum interval_kind kind)
{
    static const char *const names[] = {
        [INTERVAL_NONE] = NULL,
        [INTERVAL_WILSON] = "wilson",
        [INTERVAL_CLUSTER] = "cluster",
        [INTERVAL_BOOTSTRAP] = "bootstrap",
    };
    return names[kind];
}

static void put_score(struct json_writer *writer, const struct score *score)
{
    json_open(writer, NULL, '{');
    json_put_string(writer, "name", score->name);
    json_put_number(writer, "value", score->value);
    json_put_number(writer, "scale", score->scale);
    json_put_count(writer, "n", score->n);
    if (score->interval != INTERVAL_NONE) {
        json_put_number(writer, "low", score->low);
        json_put_number(writer, "high", score->high);
        json_put_string(writer, "interval", interval_name(score->interval));
    }
    if (score->note)
        json_put_string(writer, "note", score->note);
    json_close(writer, '}');
}

static void put_lists(struct json_writer *writer, const struct scored *scored)
{
    const struct score_table *table = &scored->table;
    json_open(writer, "scores", '[');
    for (size_t i = 0; i < table->n_scores; i++)
        put_score(writer, &table->scores[i]);
    json_close(writer, ']');
    json_open(writer, "floors", '[');
    for (size_t i = 0; i < scored->n_floors; i++) {
        const struct score_table *floor = &scored->floors[i].table;
        json_open(writer, NULL, '{');
        json_put_string(writer, "name", scored->floors[i].baseline->name);
        json_put_number(writer, "value", floor->scores[floor->headline].value);
        json_close(writer, '}');
    }
    json_close(writer, ']');
    json_open(writer, "failures", '[');
    for (size_t i = 0; i < scored->n_failures; i++) {
        json_open(writer, NULL, '{');
        json_put_string(writer, "id", scored->failures[i].id);
        json_put_string(writer, "reason", scored->failures[i].reason);
        json_close(writer, '}');
    }
    json_close(writer, ']');
}

void scoring_add_json(struct text *out, const struct task *task, const struct scored *scored)
{
    const struct score_table *table = &scored->table;
    struct json_writer writer;
    json_begin(&writer, out);
    json_open(&writer, NULL, '{');
    json_put_string(&writer, "mambench", mambench_version);
    json_put_string(&writer, "protocol", task->protocol.name);
    json_put_string(&writer, "protocol_hash", task->protocol.hash);
    json_put_string(&writer, "headline", table->scores[table->headline].name);
    json_put_count(&writer, "samples", table->n_samples);
    json_put_count(&writer, "images", table->n_images);
    json_put_count(&writer, "correct", scored->n_correct);
    json_put_count(&writer, "failed", table->n_failed);
    json_put_count(&writer, "warned", scored->n_warned);
    put_lists(&writer, scored);
    json_close(&writer, '}');
}

void scoring_add_text(struct text *out, const struct task *task, const struct scored *scored)
{
    const struct score_table *table = &scored->table;
    struct arena arena;
    struct table cells;
    arena_init(&arena);
    report_begin_scores(&cells, &arena);
    for (size_t i = 0; i < table->n_scores; i++)
        report_add_score(&cells, &table->scores[i]);
    text_addf(out, "%s: %zu samples, %zu images, %zu correct, %zu failed\n\n", task->protocol.name,
              table->n_samples, table->n_images, scored->n_correct, table->n_failed);
    table_add_to(&cells, TABLE_PLAIN, out);
    report_add_scores_legend(out);
    for (size_t i = 0; i < scored->n_floors; i++) {
        const struct score_table *floor = &scored->floors[i].table;
        text_addf(out, "%s%s ", i == 0 ? "\nfloors of the headline: " : ", ",
                  scored->floors[i].baseline->name);
        if (isnan(floor->scores[floor->headline].value))
            text_add(out, "undefined");
        report_add_value(out, &floor->scores[floor->headline]);
    }
    text_addf(out, "%sheadline: %s ", scored->n_floors > 0 ? "\n" : "",
              table->scores[table->headline].name);
    report_add_value(out, &table->scores[table->headline]);
    text_add_char(out, '\n');
    arena_release(&arena);
}

/* The log's lines as predictions in the set's order; a sample without a line has failed. */
static enum status join(const struct task *task, const struct log_entry *entries, size_t n,
                        const char *path, struct arena *arena, struct prediction *predictions,
                        struct error *err)
{
    struct string_map lines;
    string_map_init(&lines, arena);
    for (size_t i = 0; i < n; i++)
        if (!string_map_add(&lines, entries[i].id, strlen(entries[i].id), (int64_t)i, NULL) &&
            !arena_failed(arena))
            return fail(err, STATUS_BAD_FORMAT, "%s: sample '%s' has two lines", path,
                        entries[i].id);
    for (size_t i = 0; i < task->set.n_samples; i++) {
        const char *id = task->set.samples[i].id;
        int64_t at = string_map_get(&lines, id, strlen(id), -1);
        predictions[i] = (struct prediction){.sample_id = id, .failure = "no prediction"};
        if (at < 0)
            continue;
        predictions[i].text = entries[at].text;
        predictions[i].failure = entries[at].failure;
        if (entries[at].n_choices == task->protocol.n_choices)
            predictions[i].probabilities = entries[at].probabilities;
        else if (entries[at].n_choices > 0)
            return fail(err, STATUS_MISMATCH,
                        "%s: sample '%s' has %zu probabilities, %s has %zu choices", path, id,
                        entries[at].n_choices, task->protocol.name, task->protocol.n_choices);
    }
    return arena_failed(arena) ? fail(err, STATUS_NO_MEMORY, "out of memory while scoring")
                               : STATUS_OK;
}

enum status scoring_read_log(const char *path, const struct task *task, struct arena *arena,
                             struct prediction **predictions, size_t *n_warned, struct error *err)
{
    struct log_entry *entries = NULL;
    size_t n = 0, warned = 0;
    enum status status = log_read(path, arena, &entries, &n, NULL, err);
    *predictions = arena_alloc_small(arena, task->set.n_samples + 1, sizeof **predictions);
    if (!status && !*predictions)
        status = fail(err, STATUS_NO_MEMORY, "out of memory while reading %s", path);
    if (!status)
        status = join(task, entries, n, path, arena, *predictions, err);
    for (size_t i = 0; !status && i < n; i++)
        warned += entries[i].warning != NULL;
    if (n_warned)
        *n_warned = warned;
    return status;
}

static enum status score_log(const char *path, const struct task *task, uint64_t seed,
                             struct arena *arena, struct scored *scored, struct error *err)
{
    struct prediction *predictions;
    size_t n_warned = 0;
    enum status status = scoring_read_log(path, task, arena, &predictions, &n_warned, err);
    if (!status)
        status = scoring_score(task, predictions, seed, arena, scored, err);
    scored->n_warned = n_warned;
    return status;
}

static enum exit_code write_scores(const char *path, const struct task *task,
                                   const struct scored *scored, struct error *err)
{
    struct text text;
    text_init(&text);
    scoring_add_json(&text, task, scored);
    enum status status = text.failed
                             ? fail(err, STATUS_NO_MEMORY, "out of memory while writing %s", path)
                             : file_write(path, text_string(&text), text.length, err);
    text_release(&text);
    return status ? EXIT_INTERNAL : EXIT_DONE;
}

enum exit_code scoring_write(const char *directory, const struct task *task, uint64_t seed,
                             struct error *err)
{
    struct arena arena;
    struct scored scored = {0};
    arena_init(&arena);
    const char *predictions = path_join(&arena, directory, "predictions.jsonl");
    const char *scores = path_join(&arena, directory, "scores.json");
    enum exit_code code = EXIT_DONE;
    if (arena_failed(&arena)) {
        fail(err, STATUS_NO_MEMORY, "out of memory while scoring");
        code = EXIT_INTERNAL;
    }
    if (!code)
        code = exit_of_status(score_log(predictions, task, seed, &arena, &scored, err));
    if (!code)
        code = write_scores(scores, task, &scored, err);
    if (!code && report_write_files(directory, err))
        code = EXIT_INTERNAL;
    if (!code && scored.table.n_failed > 0)
        code = EXIT_INCOMPLETE;
    arena_release(&arena);
    return code;
}
