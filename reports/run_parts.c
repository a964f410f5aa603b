#include "reports/run_parts.h"

#include "reports/report.h"

#include <math.h>

void run_add_title(const struct run_record *record, struct text *out)
{
    text_addf(out, "%s on %s%s", record->model, record->protocol,
              record->random_weights ? " (random weights)" : "");
}

void run_add_subject(const struct run_record *record, struct text *out)
{
    if (record->dataset_title)
        text_addf(out, "%s: %zu samples about %zu images", record->dataset_title, record->n_samples,
                  record->n_images);
    if (record->n_samples < record->n_in_dataset)
        text_addf(out, ", of the %zu of the benchmark", record->n_in_dataset);
    text_add(out, ".");
    if (record->protocol_title)
        text_addf(out, " Protocol: %s.", record->protocol_title);
}

void run_add_headline(const struct run_record *record, struct text *out)
{
    const struct score *headline = run_headline(record);
    text_addf(out, "%s ", headline->name);
    if (isnan(headline->value))
        text_addf(out, "is undefined%s%s", headline->note ? ": " : "",
                  headline->note ? headline->note : "");
    else
        report_add_percent(out, headline->value, headline->scale);
}

void run_add_headline_facts(const struct run_record *record, struct text *out)
{
    const struct score *headline = run_headline(record);
    if (headline->interval != INTERVAL_NONE && !isnan(headline->low)) {
        text_add(out, ", 95 % interval ");
        report_add_interval(out, headline);
        text_add(out, headline->interval == INTERVAL_WILSON    ? " (Wilson)"
                      : headline->interval == INTERVAL_CLUSTER ? " (images as clusters)"
                                                               : " (bootstrap of images)");
    }
    if (record->has_correct)
        text_addf(out, "; %zu of %zu right", record->n_correct, record->n_samples);
    text_addf(out, "; %zu failed", record->n_failed);
    if (record->n_failed > 0)
        text_add(out, " (counted as wrong)");
    text_add(out, ".");
}

void run_add_floors(const struct run_record *record, struct text *out)
{
    for (size_t i = 0; i < record->n_floors; i++) {
        text_addf(out, "%s%s ", i == 0 ? "Floors on the same samples: " : ", ",
                  record->floors[i].name ? record->floors[i].name : "");
        if (isnan(record->floors[i].value))
            text_add(out, "undefined");
        report_add_percent(out, record->floors[i].value, run_headline(record)->scale);
        text_add(out, i + 1 == record->n_floors ? "." : "");
    }
}

void run_add_failed(const struct run_record *record, struct text *out)
{
    if (record->n_failed == 0)
        return;
    text_addf(out, "%zu samples have no answer", record->n_failed);
    text_add(out, record->n_failures < record->n_failed ? "; the first of them:" : ":");
}

void run_add_speed(const struct run_record *record, struct text *out)
{
    const struct run_speed *speed = &record->speed;
    if (speed->n == 0)
        return;
    text_add(out, "Measured during this run, ");
    if (speed->most_together > 1)
        text_addf(out,
                  "up to %zu questions computed together: a question's times are its share, and "
                  "no latencies.",
                  speed->most_together);
    else
        text_add(out, "one question at a time.");
    if (speed->n_repeated > 0)
        text_addf(out, " %zu questions repeat another one of the same picture and cost nothing.",
                  speed->n_repeated);
    if (speed->n + speed->n_repeated < record->n_samples - record->n_failed)
        text_addf(out, " %zu of %zu answers have timings.", speed->n + speed->n_repeated,
                  record->n_samples - record->n_failed);
}

void run_scores_table(const struct run_record *record, struct arena *arena, struct table *table)
{
    report_begin_scores(table, arena);
    for (size_t i = 0; i < record->n_scores; i++)
        report_add_score(table, &record->scores[i]);
}

void run_failures_table(const struct run_record *record, struct arena *arena, struct table *table)
{
    table_init(table, arena, "ll");
    table_cell(table, "sample");
    table_cell(table, "why there is no answer");
    for (size_t i = 0; i < record->n_failures; i++) {
        table_cell(table, "%s", record->failures[i].id ? record->failures[i].id : "");
        table_cell(table, "%s", record->failures[i].reason ? record->failures[i].reason : "");
    }
}

static void add_first_token(struct table *table, const char *name, double median_ns, double p90_ns,
                            size_t n)
{
    struct text text;
    if (n == 0 || isnan(median_ns))
        return;
    text_init(&text);
    table_cell(table, "%s", name);
    report_add_time(&text, median_ns);
    table_text(table, &text);
    text_reset(&text);
    if (isnan(p90_ns))
        text_addf(&text, "n<%d", RUN_P90_SAMPLES);
    else
        report_add_time(&text, p90_ns);
    table_text(table, &text);
    table_cell(table, "%zu", n);
    text_release(&text);
}

static void add_rate_row(struct table *table, const char *name, double rate, const char *unit,
                         size_t n)
{
    struct text text;
    if (isnan(rate))
        return;
    text_init(&text);
    report_add_rate(&text, rate);
    table_cell(table, "%s", name);
    table_cell(table, "%s %s/s", text_string(&text), unit);
    table_cell(table, "%s", "");
    table_cell(table, "%zu", n);
    text_release(&text);
}

void run_stages_table(const struct run_record *record, struct arena *arena, struct table *table)
{
    const struct run_speed *speed = &record->speed;
    table_init(table, arena, "lrrr");
    table_cell(table, "stage");
    table_cell(table, "median");
    table_cell(table, "share");
    table_cell(table, "n");
    for (size_t i = 0; i < speed->n_stages; i++) {
        const struct run_stage *stage = &speed->stages[i];
        struct text text;
        if (stage->n == 0)
            continue;
        text_init(&text);
        report_add_time(&text, stage->median_ns);
        table_cell(table, "%s", stage->name);
        table_text(table, &text);
        table_cell(table, "%.1f %%", stage->share * 100);
        table_cell(table, "%zu", stage->n);
        text_release(&text);
    }
}

void run_speed_table(const struct run_record *record, struct arena *arena, struct table *table)
{
    const struct run_speed *speed = &record->speed;
    table_init(table, arena, "lrrr");
    table_cell(table, "speed");
    table_cell(table, "median or rate");
    table_cell(table, "p90");
    table_cell(table, "n");
    add_first_token(table, "time to first token, picture read", speed->first_token_median_ns,
                    speed->first_token_p90_ns, speed->n_fresh);
    add_first_token(table, "time to first token, picture's state reused", speed->reused_median_ns,
                    speed->reused_p90_ns, speed->n - speed->n_fresh);
    add_rate_row(table, "all stages", speed->questions_per_s, "questions",
                 speed->n + speed->n_repeated);
    add_rate_row(table, "prefill (picture and prompt)", speed->prefill_tokens_per_s, "tokens",
                 speed->n);
    add_rate_row(table, "decode (after the first token)", speed->decode_tokens_per_s, "tokens",
                 speed->n_decoded);
}

/* A line of a two-column table; nothing where the value is not known. */
static void fact(struct table *table, const char *name, const char *value)
{
    if (!value || !value[0])
        return;
    table_cell(table, "%s", name);
    table_cell(table, "%s", value);
}

static void fact_text(struct table *table, const char *name, struct text *value)
{
    fact(table, name, text_string(value));
    text_reset(value);
}

static void add_model_facts(const struct run_record *record, struct table *table)
{
    struct text text;
    text_init(&text);
    fact(table, "model", record->model);
    if (record->random_weights)
        fact(table, "weights", "random: the scores mean nothing");
    fact(table, "model hash", record->model_hash);
    if (!isnan(record->parameters))
        text_addf(&text, "%.0f", record->parameters);
    fact_text(table, "parameters used", &text);
    if (record->precision)
        text_addf(&text, "%s%s%s", record->precision, record->precision_note ? ": " : "",
                  record->precision_note ? record->precision_note : "");
    fact_text(table, "precision", &text);
    fact(table, "kernels", record->kernels);
    fact(table, "matrix products", record->matmul);
    report_add_size(&text, record->weight_bytes);
    fact_text(table, "weights in memory", &text);
    report_add_session(record, &text);
    fact_text(table, "state of a session", &text);
    if (record->threads > 0)
        text_addf(&text, "%d", record->threads);
    fact_text(table, "threads", &text);
    text_release(&text);
}

static void add_protocol_facts(const struct run_record *record, struct table *table)
{
    struct text text;
    text_init(&text);
    text_addf(&text, "%s, version %d, hash %.16s", record->protocol, record->protocol_version,
              record->protocol_hash ? record->protocol_hash : "unknown");
    fact_text(table, "protocol", &text);
    fact(table, "reference scorer", record->protocol_reference);
    for (size_t i = 0; i < record->n_files; i++) {
        const struct run_file *file = &record->files[i];
        text_addf(&text, "%s: %zu samples, SHA-256 %.16s", file->path ? file->path : "",
                  file->n_samples, file->sha256 ? file->sha256 : "");
        fact_text(table, "file", &text);
    }
    fact(table, "note on the data", record->data_note);
    if (record->max_new_tokens_changed)
        text_addf(&text, "%d (not the protocol's)", record->max_new_tokens);
    else
        text_addf(&text, "%d", record->max_new_tokens);
    fact_text(table, "new tokens at most", &text);
    if (!isnan(record->seed))
        text_addf(&text, "%.0f", record->seed);
    fact_text(table, "seed", &text);
    text_release(&text);
}

static void add_machine_facts(const struct run_record *record, struct table *table)
{
    struct text text;
    text_init(&text);
    fact(table, "processor", record->cpu);
    if (record->cores > 0)
        text_addf(&text, "%d, %.1f GiB of memory", record->cores,
                  record->memory_bytes / 1073741824.0);
    fact_text(table, "cores", &text);
    fact(table, "system", record->system);
    report_add_size(&text, record->peak_bytes);
    fact_text(table, "peak resident memory", &text);
    if (record->n_starts > 0)
        text_addf(&text, "%.1f s in %zu start%s", record->seconds, record->n_starts,
                  record->n_starts > 1 ? "s" : "");
    if (record->n_shards > 0)
        text_addf(&text, ", the sum over the %zu shards that were merged", record->n_shards);
    fact_text(table, "time", &text);
    fact(table, "mambench", record->version);
    text_release(&text);
}

void run_setup_table(const struct run_record *record, struct arena *arena, struct table *table)
{
    table_init(table, arena, "ll");
    table_cell(table, "setup");
    table_cell(table, "%s", "");
    add_model_facts(record, table);
    add_protocol_facts(record, table);
    add_machine_facts(record, table);
}
