/* reports/profile_table.c - a profile for people at a terminal. */
#include "reports/profile.h"
#include "reports/table.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { DETAILED_ROWS = 3, COLUMNS = 6 }; /* more rows than that share one table of stages */

static void add_head(const struct profile_record *record, struct text *out)
{
    text_addf(out, "mambench %s, %s, seed %llu\n", record->version, record->started,
              (unsigned long long)record->seed);
    for (size_t i = 0; i < record->n_facts; i++)
        text_addf(out, "%s%s: %s", i ? "; " : "", record->facts[i].name, record->facts[i].value);
    if (isnan(record->read_bytes_per_s)) {
        text_add(out, "\nlimits were not probed\n");
        return;
    }
    text_addf(out, "\nlimits in the same run: memory read %.1f GB/s",
              record->read_bytes_per_s * 1e-9);
    for (int i = 0; i < PROFILE_MOST_TYPES; i++)
        if (record->product_types[i])
            text_addf(out, ", %s products %.0f GFLOP/s", record->product_types[i],
                      record->product_flop_per_s[i] * 1e-9);
    text_add(out, "\n");
}

static void add_label(const struct profile_row *row, struct text *out)
{
    text_addf(out, "%s%s, %s, %d thread%s", row->name ? row->name : row->asked,
              row->random_weights ? " (random weights)" : "", row->precision, row->threads,
              row->threads == 1 ? "" : "s");
    if (row->batch > 1)
        text_addf(out, ", batch %d", row->batch);
    if (row->has_picture)
        text_addf(out, ", picture");
    else
        text_addf(out, ", behind %d positions (synthetic)", row->depth);
    if (!row->error)
        text_addf(out, ", prompt of %d tokens", row->prompt_rows);
    text_addf(out, ", %d new tokens", row->new_tokens);
    if (profile_beyond_training(row))
        text_addf(out, ", BEYOND the %d trained positions", row->max_positions);
    if (!row->stamps)
        text_add(out, ", stages not timed");
    text_add(out, "\n");
}

static void rate_cell(struct table *table, double value)
{
    if (isnan(value))
        table_cell(table, "-");
    else
        table_cell(table, "%.1f", value * 1e-9);
}

static void limit_cell(struct table *table, const struct profile_stage_result *stage)
{
    if (isnan(stage->limit_share))
        table_cell(table, "-");
    else
        table_cell(table, "%.0f %% of %s", 100 * stage->limit_share,
                   stage->by_memory ? "memory" : "products");
}

static void add_stages(const struct profile_row *row, struct text *out, struct arena *arena)
{
    static const char *const heads[] = {"stage", "median ms", "share", "GFLOP/s", "GB/s", "limit"};
    struct table table;
    table_init(&table, arena, "lrrrrl");
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++)
        table_cell(&table, "%s", heads[i]);
    for (int s = 0; s < PROFILE_STAGES; s++) {
        const struct profile_stage_result *stage = &row->stages[s];
        if (isnan(stage->median_ns))
            continue;
        table_cell(&table, "%s", profile_stage_name(row, (enum profile_stage)s));
        table_cell(&table, "%.3f", stage->median_ns * 1e-6);
        table_cell(&table, "%.2f %%", 100 * stage->share);
        rate_cell(&table, stage->flop_per_s);
        rate_cell(&table, stage->bytes_per_s);
        limit_cell(&table, stage);
    }
    table_cell(&table, "unattributed");
    table_cell(&table, "%.3f", row->unattributed * row->e2e.median * 1e-6);
    table_cell(&table, "%.2f %%%s", 100 * row->unattributed,
               row->unattributed > 0.02 ? " WARNING" : "");
    table_add_to(&table, TABLE_PLAIN, out);
}

/* Milliseconds, or how many runs there should be. */
static void percentile_cell(struct table *table, double ns, int least)
{
    if (isnan(ns))
        table_cell(table, "n<%d", least);
    else
        table_cell(table, "%.2f", ns * 1e-6);
}

static void add_latency(struct table *table, const char *name, const struct latency_summary *s)
{
    if (s->n == 0)
        return;
    table_cell(table, "%s", name);
    table_cell(table, "%zu", s->n);
    table_cell(table, "%.3f", s->median * 1e-6);
    if (isnan(s->low))
        table_cell(table, "n<6");
    else
        table_cell(table, "%.3f to %.3f", s->low * 1e-6, s->high * 1e-6);
    table_cell(table, "%.3f", s->min * 1e-6);
    table_cell(table, "%.3f", s->max * 1e-6);
    percentile_cell(table, s->p90, LATENCY_P90_RUNS);
    percentile_cell(table, s->p99, LATENCY_P99_RUNS);
    table_cell(table, "%.1f %%", 100 * s->sd / s->mean);
    table_cell(table, "%zu", s->n_outliers);
}

static void add_latencies(const struct profile_row *row, struct text *out, struct arena *arena)
{
    static const char *const heads[] = {"latency, ms", "n",       "median", "95 % of the median",
                                        "min",         "max",     "p90",    "p99",
                                        "sd",          "outliers"};
    struct table table;
    table_init(&table, arena, "lrrrrrrrrr");
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++)
        table_cell(&table, "%s", heads[i]);
    add_latency(&table, "first token (TTFT)", &row->ttft);
    add_latency(&table, "per token (TPOT)", &row->tpot);
    add_latency(&table, "gap between tokens", &row->gaps);
    add_latency(&table, "whole (E2E)", &row->e2e);
    table_add_to(&table, TABLE_PLAIN, out);
}

static void add_early_stop(const struct latency_summary *s, const char *name, double ns,
                           size_t discarded, int least, struct text *out)
{
    text_addf(out, "  MLPerf early stopping, %s: ", name);
    if (isnan(ns))
        text_addf(out, "n<%d, no estimate from %zu runs\n", least, s->n);
    else
        text_addf(out, "%.2f ms (%zu slowest of %zu discarded)\n", ns * 1e-6, discarded, s->n);
}

static void add_bytes_of(struct text *out, const char *name, double bytes)
{
    text_addf(out, "%s %.1f MiB", name, bytes / (1 << 20));
}

static void add_costs(const struct profile_row *row, struct text *out)
{
    double gap = row->clock_reads * row->clock_ns / row->e2e.median;
    text_addf(out, "  %.2f tokens/s over the whole time (%d tokens / E2E)\n",
              profile_tokens_per_s(row), row->batch * row->new_tokens);
    text_addf(out, "  cold run %.2f ms, %zu warm-up runs (%s), %zu runs in %d block%s\n",
              (double)row->cold.e2e_ns * 1e-6, row->n_warm_ups,
              row->warm ? "stable within 2 %" : "not stable within 2 %", row->n_runs, row->n_blocks,
              row->n_blocks == 1 ? "" : "s");
    text_addf(out, "  clock: at most %d readings of %.0f ns, %.4f %% of E2E\n", row->clock_reads,
              row->clock_ns, 100 * gap);
    text_add(out, "  memory: ");
    add_bytes_of(out, "weights", row->weight_bytes);
    add_bytes_of(out, ", activations", row->activation_bytes);
    add_bytes_of(out, ", SSM state", row->ssm_bytes);
    add_bytes_of(out, ", convolution state", row->conv_bytes);
    add_bytes_of(out, ", KV cache", row->cache_bytes);
    add_bytes_of(out, "; peak resident so far", row->peak_bytes);
    text_add(out, "\n");
    if (!isnan(row->energy_j))
        text_addf(out, "  energy (RAPL packages) %.2f J a run, %.3f J a token\n", row->energy_j,
                  row->energy_j / (row->batch * row->new_tokens));
    text_addf(out, "  verdict: %s (sd %.1f %%", profile_verdict_text(row->verdict),
              100 * row->e2e.sd / row->e2e.mean);
    if (!isnan(row->e2e.drift_p))
        text_addf(out, ", drift p %.3f", row->e2e.drift_p);
    if (!isnan(row->blocks_p))
        text_addf(out, ", blocks p %.3f", row->blocks_p);
    if (!isnan(row->others))
        text_addf(out, ", others had %.1f %% of the CPUs", 100 * row->others);
    text_add(out, ")\n");
}

static void add_row(const struct profile_row *row, struct text *out, struct arena *arena)
{
    text_add(out, "\n");
    add_label(row, out);
    if (row->error) {
        text_addf(out, "  ERROR: %s\n", row->error);
        return;
    }
    if (row->stamps)
        add_stages(row, out, arena);
    text_add(out, "\n");
    add_latencies(row, out, arena);
    if (row->scenario && strcmp(row->scenario, "single-stream") == 0) {
        add_early_stop(&row->e2e, "p90", row->e2e.es_p90, row->e2e.es_p90_discarded,
                       LATENCY_P90_RUNS, out);
        add_early_stop(&row->e2e, "p99", row->e2e.es_p99, row->e2e.es_p99_discarded,
                       LATENCY_P99_RUNS, out);
    }
    add_costs(row, out);
}

static void summary_row(struct table *table, const struct profile_row *row)
{
    table_cell(table, "%s", row->name ? row->name : row->asked);
    table_cell(table, "%s", row->precision);
    table_cell(table, "%d", row->threads);
    table_cell(table, "%d", row->batch);
    table_cell(table, row->has_picture ? "picture" : "%d", row->depth);
    if (row->error) {
        for (int i = 0; i < 6; i++)
            table_cell(table, " ");
        table_cell(table, "ERROR: %s", row->error);
        return;
    }
    if (row->stamps) {
        table_cell(table, "%.2f", row->ttft.median * 1e-6);
        if (row->tpot.n > 0)
            table_cell(table, "%.2f", row->tpot.median * 1e-6);
        else
            table_cell(table, " ");
    } else {
        table_cell(table, "not timed");
        table_cell(table, " ");
    }
    table_cell(table, "%.2f", row->e2e.median * 1e-6);
    table_cell(table, "%.1f", (row->conv_bytes + row->ssm_bytes) / (1 << 20));
    table_cell(table, "%.1f", row->cache_bytes / (1 << 20));
    table_cell(table, "%zu", row->e2e.n);
    table_cell(table, "%s%s", profile_verdict_text(row->verdict),
               profile_beyond_training(row) ? "; beyond training" : "");
}

static void add_summary(const struct profile_record *record, struct text *out, struct arena *arena)
{
    static const char *const heads[] = {"model",     "precision", "threads", "batch",
                                        "behind",    "TTFT ms",   "TPOT ms", "E2E ms",
                                        "state MiB", "KV MiB",    "n",       "verdict"};
    struct table table;
    table_init(&table, arena, "llrrrrrrrrrl");
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++)
        table_cell(&table, "%s", heads[i]);
    for (size_t i = 0; i < record->n_rows; i++)
        summary_row(&table, &record->rows[i]);
    text_add(out, "\n");
    table_add_to(&table, TABLE_PLAIN, out);
    text_add(out, "medians; behind numbers are synthetic positions: random state and cache\n");
}

/* Stages of several rows beside each other: milliseconds and share of the limit. */
static void add_stage_columns(const struct profile_row *const *rows, size_t n, struct text *out,
                              struct arena *arena)
{
    struct table table;
    table_init(&table, arena, &"lllllll"[COLUMNS - n]);
    table_cell(&table, "stage: ms (of its limit)");
    for (size_t i = 0; i < n; i++)
        table_cell(&table, "%s %s%s", rows[i]->name, rows[i]->precision,
                   rows[i]->batch > 1 ? " batched" : "");
    for (int s = 0; s < PROFILE_STAGES; s++) {
        table_cell(&table, "%s", profile_stage_name(NULL, (enum profile_stage)s));
        for (size_t i = 0; i < n; i++) {
            const struct profile_stage_result *stage = &rows[i]->stages[s];
            if (isnan(stage->median_ns))
                table_cell(&table, " ");
            else if (isnan(stage->limit_share))
                table_cell(&table, "%.2f", stage->median_ns * 1e-6);
            else
                table_cell(&table, "%.2f (%.0f %% of %s)", stage->median_ns * 1e-6,
                           100 * stage->limit_share, stage->by_memory ? "memory" : "products");
        }
    }
    table_cell(&table, "unattributed");
    for (size_t i = 0; i < n; i++)
        table_cell(&table, "%.2f (%.2f %%)", rows[i]->unattributed * rows[i]->e2e.median * 1e-6,
                   100 * rows[i]->unattributed);
    text_add(out, "\n");
    table_add_to(&table, TABLE_PLAIN, out);
}

/* Of rows that read a picture, or of all where none does. */
static void add_all_stages(const struct profile_record *record, struct text *out,
                           struct arena *arena)
{
    const struct profile_row *rows[COLUMNS];
    size_t n = 0;
    bool pictures = false;
    for (size_t i = 0; i < record->n_rows; i++)
        pictures = pictures || (record->rows[i].has_picture && !record->rows[i].error);
    for (size_t i = 0; i < record->n_rows; i++) {
        const struct profile_row *row = &record->rows[i];
        if (!row->error && row->stamps && row->has_picture == pictures)
            rows[n++] = row;
        if (n == COLUMNS || (n > 0 && i + 1 == record->n_rows)) {
            add_stage_columns(rows, n, out, arena);
            n = 0;
        }
    }
}

static void add_name(const struct profile_row *row, const char *differ, struct text *out)
{
    if (strcmp(differ, "threads") == 0)
        text_addf(out, "%d threads", row->threads);
    else if (strcmp(differ, "precision") == 0)
        text_addf(out, "%s", row->precision);
    else if (strcmp(differ, "timing") == 0)
        text_add(out, row->stamps ? "timing on" : "timing off");
    else
        text_addf(out, "%s [%zu]", row->name, row->model + 1);
}

static void add_pairs(const struct profile_record *record, struct text *out)
{
    if (record->n_pairs > 0)
        text_add(out, "\ncompared run by run (E2E, runs in turn; p: signed ranks):\n");
    for (size_t i = 0; i < record->n_pairs; i++) {
        const struct profile_pair *pair = &record->pairs[i];
        const struct latency_comparison *e2e = &pair->e2e;
        const struct profile_row *b = &record->rows[pair->b];
        text_add(out, "  ");
        add_name(b, pair->differ, out);
        text_add(out, " against ");
        add_name(&record->rows[pair->a], pair->differ, out);
        if (record->n_rows > 2)
            text_addf(out, " (%s, batch %d, depth %d)",
                      strcmp(pair->differ, "model") == 0 ? b->precision : b->name, b->batch,
                      b->depth);
        text_addf(out, ": %+.2f %%", e2e->percent);
        if (!isnan(e2e->low))
            text_addf(out, " (95 %% %+.2f to %+.2f)", e2e->low, e2e->high);
        text_addf(out, ", p %.4f, %zu pairs: %s\n", e2e->p, e2e->n,
                  e2e->differs ? e2e->percent > 0 ? "SLOWER" : "FASTER" : "no difference shown");
    }
}

static void add_notes(const struct profile_record *record, struct text *out)
{
    text_add(out,
             "\nIncluded: reading the picture's file, every stage to the text; the end token is "
             "ignored. Limits count products, attention, scans and convolutions; weights once, "
             "states and caches as they are read and written; over 100 % is work that the "
             "probe's memory or shape is too large for, such as weights that stay in the cache.");
    for (size_t i = 0; i < record->n_rows; i++)
        if (record->rows[i].precision_note) {
            text_addf(out, " Note: %s.", record->rows[i].precision_note);
            break;
        }
    text_add(out, "\n");
}

static void add_table(const struct profile_record *record, struct text *out)
{
    struct arena arena;
    arena_init(&arena);
    add_head(record, out);
    if (record->n_rows > DETAILED_ROWS) {
        add_summary(record, out, &arena);
        add_all_stages(record, out, &arena);
    } else
        for (size_t i = 0; i < record->n_rows; i++)
            add_row(&record->rows[i], out, &arena);
    if (record->compares) {
        text_add(out, "\n");
        profile_add_crossover(record, false, out);
    }
    add_pairs(record, out);
    add_notes(record, out);
    out->failed = out->failed || arena_failed(&arena);
    arena_release(&arena);
}

const struct profile_format profile_table = {"table", add_table};
