/* reports/json_report.c - finished runs for programs: an array, one object a run. */
#include "reports/json_writer.h"
#include "reports/report.h"

#include <math.h>

static void put_scores(struct json_writer *writer, const struct run_record *record)
{
    json_open(writer, "scores", '[');
    for (size_t i = 0; i < record->n_scores; i++) {
        const struct score *score = &record->scores[i];
        json_open(writer, NULL, '{');
        json_put_string(writer, "name", score->name);
        json_put_number(writer, "value", score->value);
        json_put_number(writer, "scale", score->scale);
        json_put_count(writer, "n", score->n);
        json_put_number(writer, "low", score->low);
        json_put_number(writer, "high", score->high);
        json_put_number(writer, "detectable", report_detectable(score));
        json_close(writer, '}');
    }
    json_close(writer, ']');
    json_open(writer, "floors", '{');
    for (size_t i = 0; i < record->n_floors; i++)
        if (record->floors[i].name)
            json_put_number(writer, record->floors[i].name, record->floors[i].value);
    json_close(writer, '}');
}

static void put_speed(struct json_writer *writer, const struct run_speed *speed)
{
    json_open(writer, "speed", '{');
    json_put_count(writer, "samples", speed->n);
    if (speed->n > 0) {
        json_put_count(writer, "repeated", speed->n_repeated);
        json_put_count(writer, "together", speed->most_together);
        json_put_number(writer, "questions_per_s", speed->questions_per_s);
        json_put_number(writer, "first_token_ns_median", speed->first_token_median_ns);
        json_put_number(writer, "first_token_ns_p90", speed->first_token_p90_ns);
        json_put_number(writer, "reused_first_token_ns_median", speed->reused_median_ns);
        json_put_number(writer, "reused_first_token_ns_p90", speed->reused_p90_ns);
        json_put_number(writer, "decode_tokens_per_s", speed->decode_tokens_per_s);
        json_put_number(writer, "prefill_tokens_per_s", speed->prefill_tokens_per_s);
        json_open(writer, "stages", '[');
        for (size_t i = 0; i < speed->n_stages; i++) {
            json_open(writer, NULL, '{');
            json_put_string(writer, "name", speed->stages[i].name);
            json_put_number(writer, "median_ns", speed->stages[i].median_ns);
            json_put_number(writer, "share", speed->stages[i].share);
            json_put_count(writer, "n", speed->stages[i].n);
            json_close(writer, '}');
        }
        json_close(writer, ']');
    }
    json_close(writer, '}');
}

static void put_record(struct json_writer *writer, const struct run_record *record)
{
    json_open(writer, NULL, '{');
    json_put_string(writer, "run", record->path);
    json_put_string(writer, "mambench", record->version);
    json_put_string(writer, "command", record->command);
    json_put_string(writer, "model", record->model);
    json_put_string(writer, "model_hash", record->model_hash);
    json_put_bool(writer, "random_weights", record->random_weights);
    json_put_string(writer, "precision", record->precision);
    json_put_string(writer, "kernels", record->kernels);
    json_put_number(writer, "threads", record->threads > 0 ? record->threads : (double)NAN);
    json_put_string(writer, "protocol", record->protocol);
    json_put_string(writer, "protocol_hash", record->protocol_hash);
    json_put_string(writer, "dataset", record->dataset_title);
    json_put_string(writer, "note", record->data_note);
    json_put_count(writer, "samples", record->n_samples);
    json_put_count(writer, "samples_in_dataset", record->n_in_dataset);
    json_put_count(writer, "images", record->n_images);
    if (record->has_correct)
        json_put_count(writer, "correct", record->n_correct);
    json_put_count(writer, "failed", record->n_failed);
    json_put_string(writer, "headline", run_headline(record)->name);
    put_scores(writer, record);
    put_speed(writer, &record->speed);
    json_put_number(writer, "state_bytes", record->state_bytes);
    json_put_number(writer, "cache_bytes_per_token",
                    isnan(record->state_bytes) ? (double)NAN : record->cache_bytes_per_token);
    json_put_number(writer, "session_bytes_at_median", run_session_bytes(record));
    json_put_number(writer, "peak_rss_bytes", record->peak_bytes);
    json_close(writer, '}');
}

static void add_json(const struct run_record *records, size_t n, struct text *out)
{
    struct json_writer writer;
    json_begin(&writer, out);
    json_open(&writer, NULL, '[');
    for (size_t i = 0; i < n; i++)
        put_record(&writer, &records[i]);
    json_close(&writer, ']');
}

const struct report_format report_json = {"json", NULL, add_json, NULL, systems_add_json};
