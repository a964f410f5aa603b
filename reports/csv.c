/* reports/csv.c - one line a score, for spreadsheets and scripts. */
#include "reports/csv_field.h"
#include "reports/report.h"

#include <math.h>

static const char *const columns[] = {
    "run",
    "model",
    "precision",
    "kernels",
    "threads",
    "protocol",
    "dataset",
    "variant",
    "score",
    "headline",
    "value",
    "scale",
    "n",
    "low",
    "high",
    "detectable",
    "samples",
    "failed",
    "random_weights",
    "first_token_ns_median",
    "questions_per_s",
    "decode_tokens_per_s",
    "prefill_tokens_per_s",
    "state_bytes",
    "cache_bytes_per_token",
    "protocol_hash",
    "model_hash",
    "mambench",
};

static void add_string(struct text *out, const char *value)
{
    csv_add_field(out, value ? value : "", false);
}

/* Blank where nothing was measured. */
static void add_number(struct text *out, double value)
{
    csv_add_number(out, value, false);
}

static void add_line(const struct run_record *record, const struct score *score, struct text *out)
{
    const struct run_speed *speed = &record->speed;
    csv_add_field(out, record->path, true);
    add_string(out, record->model);
    add_string(out, record->precision);
    add_string(out, record->kernels);
    add_number(out, record->threads > 0 ? record->threads : (double)NAN);
    add_string(out, record->protocol);
    add_string(out, record->dataset_title);
    add_string(out, record->variant);
    add_string(out, score->name);
    add_number(out, score == run_headline(record));
    add_number(out, score->value);
    add_number(out, score->scale);
    add_number(out, (double)score->n);
    add_number(out, score->low);
    add_number(out, score->high);
    add_number(out, report_detectable(score));
    add_number(out, (double)record->n_samples);
    add_number(out, (double)record->n_failed);
    add_number(out, record->random_weights);
    add_number(out, speed->n > 0 ? speed->first_token_median_ns : (double)NAN);
    add_number(out, speed->n > 0 ? speed->questions_per_s : (double)NAN);
    add_number(out, speed->n > 0 ? speed->decode_tokens_per_s : (double)NAN);
    add_number(out, speed->n > 0 ? speed->prefill_tokens_per_s : (double)NAN);
    add_number(out, record->state_bytes);
    add_number(out, isnan(record->state_bytes) ? (double)NAN : record->cache_bytes_per_token);
    add_string(out, record->protocol_hash);
    add_string(out, record->model_hash);
    add_string(out, record->version);
    text_add_char(out, '\n');
}

static void add_csv(const struct run_record *records, size_t n, struct text *out)
{
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++)
        csv_add_field(out, columns[i], i == 0);
    text_add_char(out, '\n');
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < records[i].n_scores; j++)
            add_line(&records[i], &records[i].scores[j], out);
}

const struct report_format report_csv = {"csv", "report.csv", add_csv, NULL, systems_add_csv};
