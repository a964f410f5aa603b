#include "reports/profile_fields.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

bool profile_has_test(const struct profile_row *row, enum profile_test test)
{
    if (test == PROFILE_E2E)
        return true;
    return !row->error && row->stamps && (test == PROFILE_PP || row->new_tokens > 1);
}

void profile_test_tokens(const struct profile_row *row, enum profile_test test, int *n_prompt,
                         int *n_gen)
{
    *n_prompt = test == PROFILE_TG ? 0 : row->image_tokens + row->prompt_rows;
    *n_gen = test == PROFILE_PP ? 0 : row->new_tokens - (test == PROFILE_TG ? 1 : 0);
}

double profile_test_ns(const struct profile_row *row, enum profile_test test, size_t run)
{
    const struct profile_run *times = &row->runs[run];
    switch (test) {
    case PROFILE_PP:
        return (double)(times->stage_ns[PROFILE_IMAGE] + times->stage_ns[PROFILE_PROMPT]);
    case PROFILE_TG:
        return (double)times->stage_ns[PROFILE_DECODE];
    case PROFILE_E2E:
    case PROFILE_TESTS:
        break;
    }
    return (double)times->e2e_ns;
}

void profile_test_name(const struct profile_row *row, enum profile_test test, char *out,
                       size_t size)
{
    int n_prompt, n_gen, used;
    profile_test_tokens(row, test, &n_prompt, &n_gen);
    if (test == PROFILE_E2E)
        used = snprintf(out, size, "%s", row->has_picture ? "question" : "turn");
    else if (test == PROFILE_PP)
        used = snprintf(out, size, "pp%d", n_prompt);
    else
        used = snprintf(out, size, "tg%d", n_gen);
    if (row->depth > 0)
        snprintf(out + used, size - (size_t)used, " @ d%d", row->depth);
}

static struct profile_field *put(struct profile_fields *fields, const char *name,
                                 enum profile_field_type type)
{
    struct profile_field *field = &fields->items[fields->n];
    fields->n += fields->n + 1 < PROFILE_MOST_FIELDS;
    *field = (struct profile_field){.name = name, .type = type, .number = (double)NAN};
    return field;
}

static void put_text(struct profile_fields *fields, const char *name, const char *text)
{
    put(fields, name, FIELD_TEXT)->text = text;
}

static void put_whole(struct profile_fields *fields, const char *name, double number)
{
    put(fields, name, FIELD_WHOLE)->number = number;
}

static void put_real(struct profile_fields *fields, const char *name, double number)
{
    put(fields, name, FIELD_REAL)->number = number;
}

static void put_flag(struct profile_fields *fields, const char *name, bool flag)
{
    put(fields, name, FIELD_FLAG)->number = flag;
}

static const char *fact(const struct profile_record *record, const char *name)
{
    for (size_t i = 0; i < record->n_facts; i++)
        if (strcmp(record->facts[i].name, name) == 0)
            return record->facts[i].value;
    return "";
}

/* Mean and standard deviation of a test's times and rates, as llama-bench has them: each by
 * itself, 0 where there is one run. */
struct means {
    double ns, ns_sd, ts, ts_sd;
};

static struct means means_of(const struct profile_row *row, enum profile_test test, double tokens)
{
    struct means sums = {0, 0, 0, 0};
    double n = (double)row->n_runs;
    for (size_t i = 0; i < row->n_runs; i++) {
        double ns = profile_test_ns(row, test, i), ts = tokens * 1e9 / ns;
        sums.ns += ns / n;
        sums.ts += ts / n;
    }
    for (size_t i = 0; i < row->n_runs; i++) {
        double ns = profile_test_ns(row, test, i) - sums.ns;
        double ts = tokens * 1e9 / profile_test_ns(row, test, i) - sums.ts;
        sums.ns_sd += ns * ns;
        sums.ts_sd += ts * ts;
    }
    sums.ns_sd = n > 1 ? sqrt(sums.ns_sd / (n - 1)) : 0;
    sums.ts_sd = n > 1 ? sqrt(sums.ts_sd / (n - 1)) : 0;
    return sums;
}

/* llama-bench of April 2025, in its order (examples/llama-bench/llama-bench.cpp get_fields()).
 * Settings that this program does not have hold what a CPU build of it prints. */
static void put_llama(struct profile_fields *fields, const struct profile_record *record,
                      const struct profile_row *row, enum profile_test test)
{
    int n_prompt, n_gen;
    profile_test_tokens(row, test, &n_prompt, &n_gen);
    struct means means = {(double)NAN, (double)NAN, (double)NAN, (double)NAN};
    if (!row->error)
        means = means_of(row, test, row->batch * (n_prompt + n_gen));
    put_text(fields, "build_commit", record->version);
    put_whole(fields, "build_number", 0);
    put_text(fields, "cpu_info", fact(record, "cpu"));
    put_text(fields, "gpu_info", "");
    put_text(fields, "backends", "CPU");
    put_text(fields, "model_filename", row->asked);
    put_text(fields, "model_type", row->name ? row->name : "");
    put_whole(fields, "model_size", row->name ? row->weight_bytes : (double)NAN);
    put_whole(fields, "model_n_params", row->name ? (double)row->parameters : (double)NAN);
    put_whole(fields, "n_batch", 512);
    put_whole(fields, "n_ubatch", 512);
    put_whole(fields, "n_threads", row->threads);
    put_text(fields, "cpu_mask", "0x0");
    put_flag(fields, "cpu_strict", false);
    put_whole(fields, "poll", 0);
    const char *cache = strcmp(row->precision, "f32") == 0 ? "f32" : "bf16";
    put_text(fields, "type_k", cache);
    put_text(fields, "type_v", cache);
    put_whole(fields, "n_gpu_layers", 0);
    put_text(fields, "split_mode", "none");
    put_whole(fields, "main_gpu", 0);
    put_flag(fields, "no_kv_offload", false);
    put_flag(fields, "flash_attn", true);
    put_text(fields, "tensor_split", "0.00");
    put_flag(fields, "use_mmap", true);
    put_flag(fields, "embeddings", false);
    put_whole(fields, "n_prompt", n_prompt);
    put_whole(fields, "n_gen", n_gen);
    put_whole(fields, "n_depth", row->depth);
    put_text(fields, "test_time", record->started);
    put_whole(fields, "avg_ns", round(means.ns));
    put_whole(fields, "stddev_ns", round(means.ns_sd));
    put_real(fields, "avg_ts", means.ts);
    put_real(fields, "stddev_ts", means.ts_sd);
}

static void put_percentile(struct profile_fields *fields, const char *name, double ns, int least)
{
    struct profile_field *field = put(fields, name, FIELD_WHOLE);
    field->number = ns;
    field->text = least == LATENCY_P90_RUNS ? "n<64" : "n<662";
}

static void put_stages(struct profile_fields *fields, const struct profile_row *row)
{
    static const char *const limits[PROFILE_STAGES] = {
        [PROFILE_TOWER] = "tower_of_limit",         [PROFILE_TOWER_2] = "tower_2_of_limit",
        [PROFILE_CONNECTOR] = "connector_of_limit", [PROFILE_IMAGE] = "image_of_limit",
        [PROFILE_PROMPT] = "prompt_of_limit",       [PROFILE_DECODE] = "decode_of_limit",
    };
    for (int s = 0; s < PROFILE_STAGES; s++) {
        char *name = fields->texts[fields->n_texts++];
        snprintf(name, sizeof fields->texts[0], "stage_%s_ns",
                 profile_stage_key((enum profile_stage)s));
        put_whole(fields, name, row->error ? (double)NAN : row->stages[s].median_ns);
        if (limits[s])
            put_real(fields, limits[s], row->error ? (double)NAN : row->stages[s].limit_share);
    }
    put_real(fields, "unattributed", row->error ? (double)NAN : row->unattributed);
    put_real(fields, "decode_gb_s",
             row->error ? (double)NAN : row->stages[PROFILE_DECODE].bytes_per_s * 1e-9);
}

static void put_configuration(struct profile_fields *fields, const struct profile_row *row)
{
    put_text(fields, "scenario", row->scenario);
    put_text(fields, "family", row->family);
    put_text(fields, "model_sha256", row->sha256);
    put_text(fields, "precision", row->precision);
    put_text(fields, "kernels", row->kernels);
    put_text(fields, "matmul", row->matmul);
    put_flag(fields, "random_weights", row->random_weights);
    put_flag(fields, "synthetic", row->depth > 0);
    put_flag(fields, "beyond_training", profile_beyond_training(row));
    put_flag(fields, "timed_stages", row->stamps);
    put_whole(fields, "batch", row->batch);
    put_whole(fields, "image_tokens", row->image_tokens);
    put_whole(fields, "prompt_tokens", row->prompt_rows);
    put_whole(fields, "new_tokens", row->new_tokens);
}

static void put_times(struct profile_fields *fields, const struct profile_row *row)
{
    const struct latency_summary none = {.median = (double)NAN,
                                         .p90 = (double)NAN,
                                         .p99 = (double)NAN,
                                         .es_p90 = (double)NAN,
                                         .es_p99 = (double)NAN,
                                         .low = (double)NAN,
                                         .high = (double)NAN,
                                         .drift_p = (double)NAN};
    const struct latency_summary *e2e = row->error ? &none : &row->e2e;
    put_whole(fields, "n", (double)row->n_runs);
    put_whole(fields, "warmup_n", (double)row->n_warm_ups);
    put_flag(fields, "warm", row->warm);
    put_whole(fields, "cold_ns", row->cold.e2e_ns > 0 ? (double)row->cold.e2e_ns : (double)NAN);
    put_whole(fields, "p50_ns", e2e->median);
    put_whole(fields, "p50_low_ns", e2e->low);
    put_whole(fields, "p50_high_ns", e2e->high);
    put_percentile(fields, "p90_ns", e2e->p90, LATENCY_P90_RUNS);
    put_percentile(fields, "p99_ns", e2e->p99, LATENCY_P99_RUNS);
    put_percentile(fields, "es_p90_ns", e2e->es_p90, LATENCY_P90_RUNS);
    put_percentile(fields, "es_p99_ns", e2e->es_p99, LATENCY_P99_RUNS);
    put_whole(fields, "ttft_ns", row->error ? (double)NAN : row->ttft.median);
    put_whole(fields, "tpot_ns", row->error ? (double)NAN : row->tpot.median);
    put_real(fields, "tokens_per_s", row->error ? (double)NAN : profile_tokens_per_s(row));
}

static void put_costs(struct profile_fields *fields, const struct profile_row *row)
{
    const struct {
        const char *name;
        double bytes;
    } bytes[] = {
        {"weight_bytes", row->weight_bytes},
        {"activation_bytes", row->activation_bytes},
        {"conv_bytes", row->conv_bytes},
        {"ssm_bytes", row->ssm_bytes},
        {"state_bytes", row->conv_bytes + row->ssm_bytes},
        {"kv_bytes", row->cache_bytes},
        {"peak_rss", row->peak_bytes},
    };
    for (size_t i = 0; i < sizeof bytes / sizeof bytes[0]; i++)
        put_whole(fields, bytes[i].name, row->error ? (double)NAN : bytes[i].bytes);
    put_real(fields, "energy_j", row->energy_j);
    put_whole(fields, "outliers", row->error ? (double)NAN : (double)row->e2e.n_outliers);
    put_real(fields, "drift_p", row->error ? (double)NAN : row->e2e.drift_p);
    put_real(fields, "blocks_p", row->error ? (double)NAN : row->blocks_p);
    put_real(fields, "others_cpu", row->others);
    put_text(fields, "verdict", row->error ? NULL : profile_verdict_text(row->verdict));
    put_text(fields, "error", row->error);
}

void profile_fields_fill(struct profile_fields *fields, const struct profile_record *record,
                         const struct profile_row *row, enum profile_test test)
{
    static const char *const tests[PROFILE_TESTS] = {"pp", "tg", "question"};
    fields->n = fields->n_texts = 0;
    put_llama(fields, record, row, test);
    put_text(fields, "test", row->error ? "error" : tests[test]);
    put_configuration(fields, row);
    put_times(fields, row);
    put_stages(fields, row);
    put_costs(fields, row);
}
