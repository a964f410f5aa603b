/* reports/summary.c - numbers as readers want them, and the one-line-a-run table. */
#include "metrics/power.h"
#include "reports/report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

void report_add_value(struct text *out, const struct score *score)
{
    if (isnan(score->value))
        return;
    if (score->scale == 0)
        text_addf(out, "%.0f", score->value);
    else
        text_addf(out, score->scale >= 100 ? "%.2f" : "%.4f", score->value);
}

void report_add_percent(struct text *out, double value, double scale)
{
    if (!isnan(value) && scale > 0)
        text_addf(out, "%.2f %%", value / scale * 100);
}

void report_add_interval(struct text *out, const struct score *score)
{
    if (score->interval == INTERVAL_NONE || isnan(score->low) || isnan(score->high) ||
        score->scale <= 0)
        return;
    text_addf(out, "%.2f to %.2f %%", score->low / score->scale * 100,
              score->high / score->scale * 100);
}

double report_detectable(const struct score *score)
{
    if (score->interval == INTERVAL_NONE || score->scale <= 0)
        return (double)NAN;
    return power_detectable_apart(fmax(score->high - score->value, score->value - score->low));
}

void report_add_size(struct text *out, double bytes)
{
    static const char *const units[] = {"kB", "MB", "GB"};
    size_t unit = 0;
    if (isnan(bytes) || bytes <= 0)
        return;
    for (bytes /= 1e3; bytes >= 1e3 && unit < 2; unit++)
        bytes /= 1e3;
    text_addf(out, "%.3g %s", bytes, units[unit]);
}

void report_add_session(const struct run_record *record, struct text *out)
{
    if (isnan(record->state_bytes))
        return;
    if (record->cache_bytes_per_token <= 0) {
        report_add_size(out, record->state_bytes);
        text_add(out, ", however long it is");
        return;
    }
    if (record->state_bytes > 0) {
        report_add_size(out, record->state_bytes);
        text_add(out, " and ");
    }
    report_add_size(out, record->cache_bytes_per_token);
    text_add(out, " a token");
    if (isnan(run_session_bytes(record)))
        return;
    text_add(out, ", ");
    report_add_size(out, run_session_bytes(record));
    text_addf(out, " behind the median question (%.0f tokens)", run_session_tokens(record));
}

void report_add_time(struct text *out, double ns)
{
    static const struct {
        double ns;
        const char *name;
    } units[] = {{1e9, "s"}, {1e6, "ms"}, {1e3, "us"}, {1, "ns"}};
    size_t unit = 0;
    if (isnan(ns))
        return;
    while (unit < 3 && ns < units[unit].ns)
        unit++;
    double value = ns / units[unit].ns;
    text_addf(out, "%.*f %s", value < 10 ? 2 : value < 100 ? 1 : 0, value, units[unit].name);
}

void report_add_rate(struct text *out, double per_second)
{
    if (!isnan(per_second))
        text_addf(out, "%.*f", per_second < 10 ? 2 : per_second < 100 ? 1 : 0, per_second);
}

void report_begin_scores(struct table *table, struct arena *arena)
{
    table_init(table, arena, "lrrrrl");
    table_cell(table, "score");
    table_cell(table, "value");
    table_cell(table, "95 %% interval");
    table_cell(table, "detectable");
    table_cell(table, "n");
    table_cell(table, "note");
}

static void interval_cell(struct table *table, const struct score *score)
{
    bool known = score->interval != INTERVAL_NONE && !isnan(score->low) && !isnan(score->high);
    const char *how = score->interval == INTERVAL_BOOTSTRAP ? " (bootstrap)" : "";
    if (!known)
        table_cell(table, "%s", "");
    else if (score->scale >= 100)
        table_cell(table, "%.2f to %.2f%s", score->low, score->high, how);
    else
        table_cell(table, "%.4f to %.4f%s", score->low, score->high, how);
}

static void detectable_cell(struct table *table, const struct score *score)
{
    double detectable = report_detectable(score);
    if (isnan(detectable))
        table_cell(table, "%s", "");
    else
        table_cell(table, score->scale >= 100 ? "%.2f" : "%.4f", detectable);
}

void report_add_scores_legend(struct text *out)
{
    text_add(out,
             "\nDetectable: by how much the score of a second, unrelated run of this size must "
             "differ to be shown in 80 of\n100 comparisons, images as clusters; runs on the same "
             "samples, paired by `mambench compare`, show less.\n");
}

void report_add_score(struct table *table, const struct score *score)
{
    struct text value;
    text_init(&value);
    report_add_value(&value, score);
    table_cell(table, "%s", score->name);
    table_text(table, &value);
    interval_cell(table, score);
    detectable_cell(table, score);
    table_cell(table, "%zu", score->n);
    table_cell(table, "%s", score->note ? score->note : "");
    text_release(&value);
}

typedef void number_printer(struct text *out, double value);

static void number_cell(struct table *table, number_printer *print, double value)
{
    struct text text;
    text_init(&text);
    print(&text, value);
    table_text(table, &text);
    text_release(&text);
}

static void score_cells(struct table *table, const struct run_record *record)
{
    const struct score *headline = run_headline(record);
    struct text text;
    text_init(&text);
    report_add_percent(&text, headline->value, headline->scale);
    table_cell(table, "%s", headline->name);
    table_text(table, &text);
    text_reset(&text);
    report_add_interval(&text, headline);
    table_text(table, &text);
    text_reset(&text);
    const struct run_floor *best = run_best_floor(record);
    if (best) {
        report_add_percent(&text, best->value, headline->scale);
        const char *colon = strchr(best->name, ':');
        text_addf(&text, " (%s)", colon ? colon + 1 : best->name);
    }
    table_text(table, &text);
    table_cell(table, "%zu", record->n_samples);
    table_cell(table, "%zu", record->n_failed);
    text_release(&text);
}

/* Recurrent state costs the same however much was read; a cache is measured where the run stood. */
static double session_bytes(const struct run_record *record)
{
    return record->cache_bytes_per_token > 0 ? run_session_bytes(record) : record->state_bytes;
}

void report_add_summary(const struct run_record *records, size_t n, enum table_style style,
                        struct text *out)
{
    static const char *const heads[] = {"protocol",      "model",       "score",    "value",
                                        "95 % interval", "best floor",  "n",        "failed",
                                        "first token",   "questions/s", "tokens/s", "state"};
    struct arena arena;
    struct table table;
    arena_init(&arena);
    table_init(&table, &arena, "lllrrrrrrrrr");
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++)
        table_cell(&table, "%s", heads[i]);
    for (size_t i = 0; i < n; i++) {
        const struct run_record *record = &records[i];
        table_cell(&table, "%s", record->protocol);
        table_cell(&table, "%s%s%s", record->model, record->precision ? " " : "",
                   record->precision ? record->precision : "");
        score_cells(&table, record);
        number_cell(&table, report_add_time, record->speed.first_token_median_ns);
        number_cell(&table, report_add_rate, record->speed.questions_per_s);
        number_cell(&table, report_add_rate, record->speed.decode_tokens_per_s);
        number_cell(&table, report_add_size, session_bytes(record));
    }
    table_add_to(&table, style, out);
    arena_release(&arena);
}

static bool same_text(const char *a, const char *b)
{
    return a && b && strcmp(a, b) == 0;
}

static bool same_protocol(const struct run_record *a, const struct run_record *b)
{
    return same_text(a->protocol, b->protocol) && same_text(a->protocol_hash, b->protocol_hash);
}

/* Whether an earlier pair of runs was of the protocols of pair (j, i) already. */
static bool pair_is_known(const struct run_record *records, size_t j, size_t i)
{
    for (size_t b = 1; b <= i; b++)
        for (size_t a = 0; a < b; a++) {
            if (b == i && a >= j)
                break;
            bool same =
                same_protocol(&records[a], &records[j]) && same_protocol(&records[b], &records[i]);
            bool swapped =
                same_protocol(&records[a], &records[i]) && same_protocol(&records[b], &records[j]);
            if (same || swapped)
                return true;
        }
    return false;
}

/* Says so where one fact is not the same in all runs of one benchmark. */
static void caution(const struct run_record *records, size_t n, const char *bullet,
                    struct text *out)
{
    for (size_t i = 1; i < n; i++)
        for (size_t j = 0; j < i; j++) {
            const struct run_record *a = &records[j], *b = &records[i];
            if (!same_text(a->dataset_title, b->dataset_title))
                continue;
            if (!same_protocol(a, b) && !pair_is_known(records, j, i))
                text_addf(out,
                          "%s%s and %s answer the same benchmark under different protocols (%s, "
                          "%s): their scores cannot be compared\n",
                          bullet, a->path, b->path, a->protocol, b->protocol);
            else if (same_protocol(a, b) && a->n_samples != b->n_samples)
                text_addf(out, "%s%s and %s are over different samples (%zu, %zu)\n", bullet,
                          a->path, b->path, a->n_samples, b->n_samples);
        }
}

/* A note about the data, once for all runs on the same data. */
static void data_note(const struct run_record *records, size_t n, size_t i, const char *bullet,
                      struct text *out)
{
    const struct run_record *record = &records[i];
    size_t shared = 0;
    if (!record->data_note)
        return;
    for (size_t j = 0; j < n; j++)
        if (j != i && same_text(records[j].data_note, record->data_note)) {
            if (j < i)
                return;
            shared++;
        }
    const char *who = n > 1 ? record->path : "", *colon = n > 1 ? ": " : "";
    text_addf(out, "%s%s", bullet, who);
    if (shared > 0)
        text_addf(out, " and %zu more", shared);
    text_addf(out, "%s%s\n", colon, record->data_note);
}

void report_add_cautions(const struct run_record *records, size_t n, const char *bullet,
                         struct text *out)
{
    caution(records, n, bullet, out);
    for (size_t i = 0; i < n; i++) {
        const struct run_record *record = &records[i];
        const char *who = n > 1 ? record->path : "", *colon = n > 1 ? ": " : "";
        if (record->random_weights)
            text_addf(out, "%s%s%sthe weights are random; only speed and memory mean something\n",
                      bullet, who, colon);
        if (record->n_samples < record->n_in_dataset)
            text_addf(out, "%s%s%s%zu of the %zu samples of the benchmark\n", bullet, who, colon,
                      record->n_samples, record->n_in_dataset);
        if (record->max_new_tokens_changed)
            text_addf(out, "%s%s%sat most %d new tokens, which is not the protocol's number\n",
                      bullet, who, colon, record->max_new_tokens);
        data_note(records, n, i, bullet, out);
    }
}

static void add_summary(const struct run_record *records, size_t n, struct text *out)
{
    report_add_summary(records, n, TABLE_PLAIN, out);
    report_add_cautions(records, n, "", out);
}

/* For a terminal only: no file of a run directory. */
const struct report_format report_summary = {"summary", NULL, add_summary, NULL, NULL};
