/* eval/history_output.c - a metric over commits. */
#include "engine/base/json.h"
#include "eval/history.h"
#include "eval/version.h"
#include "reports/json_writer.h"
#include "reports/table.h"

#include <math.h>
#include <string.h>

/* A metric of a line; NAN where it has none. */
struct point {
    double value, low, high;
    bool is_share;
};

static const char *shown_metric(const struct history_line *line, const struct history_view *view)
{
    return view->metric ? view->metric : json_string_or(line->root, "headline", "");
}

static double element(const cJSON *array, int at)
{
    const cJSON *item = cJSON_GetArrayItem(array, at);
    return cJSON_IsNumber(item) ? item->valuedouble : (double)NAN;
}

static struct point point_of(const struct history_line *line, const struct history_view *view)
{
    const char *metric = shown_metric(line, view);
    const cJSON *latency = json_find(line->root, "latency");
    const cJSON *score = json_find(json_find(line->root, "scores"), metric);
    if (score)
        return (struct point){element(score, 0), element(score, 1), element(score, 2), true};
    bool is_latency =
        strcmp(metric, "first_token_ms") == 0 || strcmp(metric, "questions_per_s") == 0;
    return (struct point){is_latency ? json_number_or(latency, metric, (double)NAN) : (double)NAN,
                          (double)NAN, (double)NAN, false};
}

static bool is_shown(const struct history_line *line, const struct history_view *view)
{
    return (!view->task || strcmp(view->task, line->task) == 0) &&
           (!view->model || strcmp(view->model, line->model) == 0) &&
           !isnan(point_of(line, view).value);
}

static bool is_series(const struct history_line *a, const struct history_line *b)
{
    return strcmp(a->task, b->task) == 0 && strcmp(a->model, b->model) == 0 &&
           strcmp(json_string_or(a->root, "precision", ""),
                  json_string_or(b->root, "precision", "")) == 0;
}

/* Bars from the lowest to the highest value; the last 60. */
static void add_bars(const double *values, size_t n, struct text *out)
{
    enum { LEVELS = 8, MOST = 60 };
    double low = INFINITY, high = -INFINITY;
    size_t first = n > MOST ? n - MOST : 0;
    for (size_t i = first; i < n; i++) {
        low = fmin(low, values[i]);
        high = fmax(high, values[i]);
    }
    for (size_t i = first; i < n; i++) {
        double share = high > low ? (values[i] - low) / (high - low) : 0.5;
        text_add_code_point(out, 0x2581 + (unsigned)fmin(LEVELS - 1, share * LEVELS));
    }
}

static void add_row(struct table *table, const struct history_line *line, const struct point *point,
                    double previous)
{
    double by = point->is_share ? 100 : 1;
    table_cell(table, "%s", line->commit);
    table_cell(table, "%s", line->date);
    table_cell(table, "%.2f%s", by * point->value, point->is_share ? " %" : "");
    if (isnan(point->low))
        table_cell(table, "%s", "");
    else
        table_cell(table, "%.2f to %.2f", by * point->low, by * point->high);
    if (isnan(previous))
        table_cell(table, "%s", "");
    else
        table_cell(table, "%+.2f", by * (point->value - previous));
    table_cell(table, "%d", json_int_or(line->root, "samples", 0));
    table_cell(table, "%d", json_int_or(line->root, "failed", 0));
}

/* All lines of one task, model and precision, from the first on. */
static size_t add_series(const struct history *history, size_t first,
                         const struct history_view *view, struct text *out)
{
    static const char *const head[] = {"commit", "date", "value", "95 % interval",
                                       "change", "n",    "failed"};
    const struct history_line *lead = &history->lines[first];
    const char *precision = json_string_or(lead->root, "precision", NULL);
    struct arena arena;
    struct table table;
    size_t n = 0;
    arena_init(&arena);
    double *values = arena_alloc_small(&arena, history->n, sizeof *values);
    table_init(&table, &arena, "llrrrrr");
    for (size_t i = 0; i < sizeof head / sizeof head[0]; i++)
        table_cell(&table, "%s", head[i]);
    for (size_t i = first; values && i < history->n; i++) {
        const struct history_line *line = &history->lines[i];
        if (!is_series(lead, line) || !is_shown(line, view))
            continue;
        struct point point = point_of(line, view);
        add_row(&table, line, &point, n > 0 ? values[n - 1] : (double)NAN);
        values[n++] = point.value;
    }
    text_addf(out, "%s of %s on %s%s%s: ", shown_metric(lead, view), lead->model, lead->task,
              precision ? ", " : "", precision ? precision : "");
    if (values)
        add_bars(values, n, out);
    text_add(out, "\n\n");
    table_add_to(&table, TABLE_PLAIN, out);
    out->failed |= arena_failed(&arena);
    arena_release(&arena);
    return n;
}

void history_add_tables(const struct history *history, const struct history_view *view,
                        struct text *out, size_t *n_shown)
{
    *n_shown = 0;
    for (size_t i = 0; i < history->n; i++) {
        bool is_first = is_shown(&history->lines[i], view);
        for (size_t j = 0; j < i && is_first; j++)
            is_first = !(is_series(&history->lines[j], &history->lines[i]) &&
                         is_shown(&history->lines[j], view));
        if (!is_first)
            continue;
        text_add(out, *n_shown > 0 ? "\n" : "");
        *n_shown += add_series(history, i, view, out);
    }
}

void history_add_json(const struct history *history, const struct history_view *view,
                      struct text *out, size_t *n_shown)
{
    struct json_writer writer;
    *n_shown = 0;
    json_begin(&writer, out);
    json_open(&writer, NULL, '{');
    json_put_string(&writer, "mambench", mambench_version);
    json_open(&writer, "runs", '[');
    for (size_t i = 0; i < history->n; i++) {
        const struct history_line *line = &history->lines[i];
        struct point point = point_of(line, view);
        if (!is_shown(line, view))
            continue;
        json_open(&writer, NULL, '{');
        json_put_string(&writer, "commit", line->commit);
        json_put_string(&writer, "date", line->date);
        json_put_string(&writer, "task", line->task);
        json_put_string(&writer, "model", line->model);
        json_put_string(&writer, "precision", json_string_or(line->root, "precision", NULL));
        json_put_string(&writer, "metric", shown_metric(line, view));
        json_put_number(&writer, "value", point.value);
        json_put_number(&writer, "low", point.low);
        json_put_number(&writer, "high", point.high);
        json_put_string(&writer, "run", line->run);
        json_close(&writer, '}');
        *n_shown += 1;
    }
    json_close(&writer, ']');
    json_close(&writer, '}');
}
