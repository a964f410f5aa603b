#include "eval/scenario.h"

#include "engine/base/file.h"
#include "engine/base/json.h"
#include "engine/base/text.h"
#include "eval/machine.h"
#include "eval/signals.h"
#include "eval/version.h"
#include "reports/json_writer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const struct scenario scenarios[] = {
    {"cobra-table3", "Describe the image specifically", 256,
     "Cobra v4, section 4.3, table 3: 256 tokens over the time from the picture to the end"},
    {"ml-mamba-table3", "Provide a detailed description of the image.", 256,
     "ML-Mamba, section 4.3, table 3: the same formula, another prompt"},
    {0},
};

const struct scenario *scenario_find(const char *name)
{
    for (size_t i = 0; scenarios[i].name; i++)
        if (strcmp(scenarios[i].name, name) == 0)
            return &scenarios[i];
    return NULL;
}

static int64_t sum_stages(const struct timings *timings, enum stage last)
{
    int64_t sum = 0;
    for (int stage = 0; stage <= (int)last; stage++)
        sum += timings->ns[stage];
    return sum;
}

static int compare_numbers(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The median over the runs of the time up to a stage. */
static double median_until(const struct scenario_result *result, enum stage last, double *scratch)
{
    size_t n = result->n;
    for (size_t i = 0; i < n; i++)
        scratch[i] = (double)sum_stages(&result->runs[i], last);
    qsort(scratch, n, sizeof *scratch, compare_numbers);
    return n % 2 ? scratch[n / 2] : (scratch[n / 2 - 1] + scratch[n / 2]) / 2;
}

static enum status measure_once(struct session *session, const struct request *request,
                                const char *image, struct timings *timings, struct error *err)
{
    struct generation generation;
    enum status status = session_see(session, image, timings, NULL, err);
    if (!status)
        status = session_answer(session, request, &generation, err);
    for (int stage = 0; !status && stage < STAGE_N; stage++)
        timings->ns[stage] += generation.timings.ns[stage];
    return status;
}

static enum status measure(struct session *session, const struct request *request,
                           const char *image, struct arena *arena, struct scenario_result *result,
                           struct error *err)
{
    size_t capacity = 0;
    int64_t total = 0;
    struct timings unused;
    enum status status = measure_once(session, request, image, &result->cold, err);
    for (int i = 0; !status && i < SCENARIO_WARM_UPS; i++)
        status = measure_once(session, request, image, &unused, err);
    while (!status && !signals_caught() &&
           (result->n < SCENARIO_MIN_RUNS || total < SCENARIO_MIN_NS)) {
        if (result->n == capacity) {
            capacity = capacity ? 2 * capacity : 64;
            struct timings *larger = arena_alloc(arena, capacity, sizeof *larger);
            if (!larger)
                return fail(err, STATUS_NO_MEMORY, "out of memory while measuring");
            if (result->n > 0)
                memcpy(larger, result->runs, result->n * sizeof *larger);
            result->runs = larger;
        }
        status = measure_once(session, request, image, &result->runs[result->n], err);
        if (!status)
            total += sum_stages(&result->runs[result->n++], STAGE_TEXT);
    }
    return status;
}

enum status scenario_measure(const struct scenario *scenario, const struct engine *engine,
                             const char *image, struct arena *arena, struct scenario_result *result,
                             struct error *err)
{
    struct session *session;
    struct text prompt;
    struct request request = {.max_new_tokens = scenario->new_tokens, .ignore_end = true};
    *result = (struct scenario_result){0};
    enum status status = session_open(&session, engine, err);
    if (status)
        return status;
    text_init(&prompt);
    engine_prompt(engine, scenario->prompt, &prompt);
    request.prompt = text_string(&prompt);
    status = prompt.failed ? fail(err, STATUS_NO_MEMORY, "out of memory while measuring")
                           : measure(session, &request, image, arena, result, err);
    double *scratch = arena_alloc(arena, result->n + 1, sizeof *scratch);
    if (!status && !scratch)
        status = fail(err, STATUS_NO_MEMORY, "out of memory while measuring");
    if (!status) {
        result->first_token_median_ns = median_until(result, STAGE_PROMPT, scratch);
        result->total_median_ns = median_until(result, STAGE_TEXT, scratch);
        result->tokens_per_s = scenario->new_tokens / result->total_median_ns * 1e9;
    }
    text_release(&prompt);
    session_close(session);
    return status;
}

static void put_timings(struct json_writer *writer, const char *key, const struct timings *timings)
{
    json_open(writer, key, '{');
    for (int stage = 0; stage < STAGE_N; stage++)
        json_put_count(writer, stage_name((enum stage)stage), (uint64_t)timings->ns[stage]);
    json_close(writer, '}');
}

/* What must be the same for an old measurement to stand for a new one. */
static void put_identity(struct json_writer *writer, const struct scenario *scenario,
                         const struct engine_info *info, const struct sha256_text *hash,
                         const struct machine *machine, const char *image)
{
    json_open(writer, "identity", '{');
    json_put_string(writer, "mambench", mambench_version);
    json_put_string(writer, "scenario", scenario->name);
    json_put_string(writer, "image", image);
    json_put_string(writer, "model", info->name);
    json_put_string(writer, "model_sha256", hash->hex);
    json_put_bool(writer, "random_weights", info->random_weights);
    json_put_string(writer, "precision", precision_name(info->precision));
    json_put_string(writer, "kernels", info->kernels);
    json_put_string(writer, "matmul", info->matmul);
    json_put_count(writer, "threads", (uint64_t)info->threads);
    json_put_string(writer, "cpu", machine->cpu);
    json_put_string(writer, "host", machine->host);
    json_close(writer, '}');
}

static void put_result(struct json_writer *writer, const struct scenario *scenario,
                       const struct scenario_result *result)
{
    char now[32];
    machine_time(now, sizeof now);
    json_put_string(writer, "prompt", scenario->prompt);
    json_put_string(writer, "reference", scenario->reference);
    json_put_string(writer, "measured", now);
    json_put_count(writer, "new_tokens", (uint64_t)scenario->new_tokens);
    json_put_number(writer, "tokens_per_s", result->tokens_per_s);
    json_put_number(writer, "total_median_ns", result->total_median_ns);
    json_put_number(writer, "first_token_median_ns", result->first_token_median_ns);
    put_timings(writer, "cold_ns", &result->cold);
    json_open(writer, "runs_ns", '[');
    for (size_t i = 0; i < result->n; i++)
        put_timings(writer, NULL, &result->runs[i]);
    json_close(writer, ']');
}

/* The rate in a profile.json of the same identity; NAN where there is none. */
static double rate_on_file(const char *path, const char *identity)
{
    cJSON *old = NULL, *wanted = cJSON_Parse(identity);
    double rate = NAN;
    if (wanted && file_exists(path) && json_read(&old, path, NULL) == STATUS_OK &&
        cJSON_Compare(json_find(old, "identity"), json_find(wanted, "identity"), 1))
        rate = json_number_or(old, "tokens_per_s", NAN);
    cJSON_Delete(old);
    cJSON_Delete(wanted);
    return rate;
}

/* Both texts of profile.json: with the identity alone, and with the result (NULL: without). */
static void add_profile(struct text *out, const struct scenario *scenario,
                        const struct engine_info *info, const struct sha256_text *hash,
                        const char *image, const struct scenario_result *result)
{
    struct json_writer writer;
    struct machine machine;
    machine_read(&machine);
    json_begin(&writer, out);
    json_open(&writer, NULL, '{');
    put_identity(&writer, scenario, info, hash, &machine, image);
    if (result)
        put_result(&writer, scenario, result);
    json_close(&writer, '}');
}

enum status scenario_run(const struct scenario *scenario, const struct engine *engine,
                         const char *image, const char *directory, bool again, double *tokens_per_s,
                         struct error *err)
{
    struct arena arena;
    struct text text;
    struct sha256_text hash;
    struct scenario_result result;
    arena_init(&arena);
    text_init(&text);
    const char *path = path_join(&arena, directory, "profile.json");
    enum status status = path ? engine_hash(engine, &hash, err)
                              : fail(err, STATUS_NO_MEMORY, "out of memory while measuring");
    *tokens_per_s = NAN;
    if (!status) {
        add_profile(&text, scenario, engine_info(engine), &hash, image, NULL);
        *tokens_per_s = again ? NAN : rate_on_file(path, text_string(&text));
    }
    if (!status && isnan(*tokens_per_s)) {
        status = scenario_measure(scenario, engine, image, &arena, &result, err);
        text_reset(&text);
    }
    if (!status && isnan(*tokens_per_s) && !signals_caught()) {
        if (!status)
            add_profile(&text, scenario, engine_info(engine), &hash, image, &result);
        if (!status)
            status = directory_create(directory, err);
        if (!status)
            status = text.failed ? fail(err, STATUS_NO_MEMORY, "out of memory while measuring")
                                 : file_write(path, text_string(&text), text.length, err);
        if (!status)
            *tokens_per_s = result.tokens_per_s;
    }
    text_release(&text);
    arena_release(&arena);
    return status;
}
