#include "eval/figure_input.h"

#include "engine/base/file.h"
#include "engine/base/json.h"
#include "engine/base/lines.h"
#include "eval/output.h"
#include "eval/run_answers.h"
#include "metrics/yes_no_rule.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static enum status no_memory(struct error *err)
{
    return fail(err, STATUS_NO_MEMORY, "out of memory for the figures");
}

/* The probability of the first choice, yes, and whether that is the label. */
static bool take_answers(struct figure_answers *out, const struct run_answers *answers,
                         struct arena *arena)
{
    size_t n = answers->task.set.n_samples;
    struct ranked *items = arena_alloc_small(arena, n + 1, sizeof *items);
    out->n = out->n_failed = 0;
    out->items = items;
    if (!items || !answers->metric->needs_choices)
        return false;
    for (size_t i = 0; i < n; i++) {
        const struct prediction *prediction = &answers->predictions[i];
        if (prediction->failure || !prediction->probabilities) {
            out->n_failed++;
            continue;
        }
        items[out->n++] = (struct ranked){prediction->probabilities[0],
                                          label_is_yes(answers->task.set.samples[i].answers[0]),
                                          answers->image[i]};
    }
    return ranking_sort(items, out->n);
}

enum status figure_answers_read(const struct report_input *input, struct figure_answers **answers,
                                size_t *n, struct arena *arena, struct error *err)
{
    *n = 0;
    *answers = arena_alloc_small(arena, input->runs.n + 1, sizeof **answers);
    for (size_t i = 0; *answers && i < input->runs.n; i++) {
        const struct run_record *record = input->named[i].record;
        struct run_answers open;
        struct error reason = {""};
        if (!text_starts_with(record->protocol, "pope") || record->baseline)
            continue;
        if (run_answers_open(&open, record->path, NULL, &reason)) {
            message("note: %s: not in the figures of POPE: %s", record->path, reason.text);
            continue;
        }
        struct figure_answers *taken = &(*answers)[*n];
        const char *name = input->named[i].row ? input->named[i].row : record->model;
        *taken = (struct figure_answers){.name = arena_string(arena, name)};
        *n += take_answers(taken, &open, arena);
        run_answers_close(&open);
    }
    return arena_failed(arena) ? no_memory(err) : STATUS_OK;
}

/* Percent of element i of [value, low, high]. */
static double percent(const cJSON *values, int i, double scale)
{
    const cJSON *value = cJSON_GetArrayItem(values, i);
    return cJSON_IsNumber(value) && scale > 0 ? value->valuedouble / scale * 100 : (double)NAN;
}

static enum status read_moment(struct figure_moment *moment, const cJSON *root, const char *place,
                               struct arena *arena, struct error *err)
{
    const char *task, *model, *date, *headline;
    enum status status = json_get_string(root, "task", place, &task, err);
    if (!status)
        status = json_get_string(root, "model", place, &model, err);
    if (!status)
        status = json_get_string(root, "date", place, &date, err);
    if (!status)
        status = json_get_string(root, "headline", place, &headline, err);
    if (status)
        return status;
    const char *precision = json_string_or(root, "precision", NULL);
    const cJSON *values = json_find(json_find(root, "scores"), headline);
    double scale = json_number_or(json_find(root, "scale"), headline, 1);
    *moment = (struct figure_moment){
        .series = arena_printf(arena, "%s%s%s, %s", model, precision ? " " : "",
                               precision ? precision : "", task),
        .time = arena_string(arena, date),
        .version = arena_string(arena, json_string_or(root, "commit", NULL)),
        .value = percent(values, 0, scale),
        .low = percent(values, 1, scale),
        .high = percent(values, 2, scale),
    };
    return arena_failed(arena) ? no_memory(err) : STATUS_OK;
}

static int by_series(const void *a, const void *b)
{
    const struct figure_moment *left = a, *right = b;
    int order = strcmp(left->series, right->series);
    return order ? order : strcmp(left->time, right->time);
}

static size_t count_lines(const char *data, size_t size)
{
    size_t n = 1;
    for (size_t i = 0; i < size; i++)
        n += data[i] == '\n';
    return n;
}

enum status figure_moments_read(const char *path, struct figure_moment **moments, size_t *n,
                                struct arena *arena, struct error *err)
{
    char *data;
    size_t size, length;
    struct lines lines;
    const char *line;
    *n = 0;
    enum status status = file_read(path, arena, &data, &size, err);
    if (status)
        return status;
    *moments = arena_alloc_small(arena, count_lines(data, size), sizeof **moments);
    lines_init(&lines, data, size);
    while (*moments && !status && lines_next(&lines, &line, &length)) {
        cJSON *root = NULL;
        if (line_is_blank(line, length))
            continue;
        const char *place = arena_printf(arena, "%s, line %zu", path, lines.number);
        status = place ? json_parse(&root, line, length, place, err) : no_memory(err);
        if (!status)
            status = read_moment(&(*moments)[*n], root, place, arena, err);
        *n += !status && !isnan((*moments)[*n].value);
        cJSON_Delete(root);
    }
    if (!status && !*moments)
        return no_memory(err);
    if (!status && *n > 1)
        qsort(*moments, *n, sizeof **moments, by_series);
    return status;
}
