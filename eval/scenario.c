#include "eval/scenario.h"

#include "engine/base/file.h"
#include "engine/base/json.h"
#include "engine/base/text.h"
#include "eval/machine.h"
#include "eval/profile.h"
#include "eval/version.h"
#include "reports/json_writer.h"
#include "reports/profile.h"

#include <math.h>
#include <string.h>

const struct scenario scenarios[] = {
    {"cobra-table3", "Describe the image specifically", 256, LATENCY_MIN_RUNS,
     "Cobra v4, section 4.3, table 3: 256 tokens over the time from the picture to the end"},
    {"ml-mamba-table3", "Provide a detailed description of the image.", 256, LATENCY_MIN_RUNS,
     "ML-Mamba, section 4.3, table 3: the same formula, another prompt"},
    {"single-stream", "Describe the image specifically", 16, LATENCY_P90_RUNS,
     "MLPerf Inference's SingleStream: one question after the other, the 90th percentile"},
    {0},
};

const struct scenario *scenario_find(const char *name)
{
    for (size_t i = 0; scenarios[i].name; i++)
        if (strcmp(scenarios[i].name, name) == 0)
            return &scenarios[i];
    return NULL;
}

/* What must be the same for an old measurement to stand for a new one. */
static void add_identity(struct text *out, const struct scenario *scenario,
                         const struct engine_info *info, const struct sha256_text *hash,
                         const char *image)
{
    struct json_writer writer;
    struct machine machine;
    machine_read(&machine);
    json_begin_line(&writer, out);
    json_open(&writer, NULL, '{');
    json_put_string(&writer, "mambench", mambench_version);
    json_put_string(&writer, "scenario", scenario->name);
    json_put_string(&writer, "prompt", scenario->prompt);
    json_put_string(&writer, "reference", scenario->reference);
    json_put_string(&writer, "image", image);
    json_put_string(&writer, "model", info->name);
    json_put_string(&writer, "model_sha256", hash->hex);
    json_put_bool(&writer, "random_weights", info->random_weights);
    json_put_string(&writer, "precision", precision_name(info->precision));
    json_put_string(&writer, "kernels", info->kernels);
    json_put_string(&writer, "matmul", info->matmul);
    json_put_count(&writer, "threads", (uint64_t)info->threads);
    json_put_string(&writer, "cpu", machine.cpu);
    json_put_string(&writer, "host", machine.host);
    json_close(&writer, '}');
}

/* The rate in a profile.json of the same identity; NAN where there is none. */
static double rate_on_file(const char *path, const char *identity)
{
    cJSON *old = NULL, *wanted = cJSON_Parse(identity);
    double rate = NAN;
    if (wanted && file_exists(path) && json_read(&old, path, NULL) == STATUS_OK &&
        cJSON_Compare(json_find(old, "identity"), wanted, 1))
        rate = json_number_or(old, "tokens_per_s", NAN);
    cJSON_Delete(old);
    cJSON_Delete(wanted);
    return rate;
}

/* The profiler's plan for one scenario of an open engine. */
static struct profile_plan plan_of(const struct scenario *scenario, const struct engine_info *info,
                                   const char *image)
{
    return (struct profile_plan){
        .models = {info->directory ? info->directory : info->name},
        .n_models = 1,
        .depths = {{0}, 1},
        .threads = {{info->threads}, 1},
        .batches = {{1}, 1},
        .precisions = {{(int)info->precision}, 1},
        .scenario = scenario,
        .prompt = scenario->prompt,
        .new_tokens = scenario->new_tokens,
        .min_runs = scenario->min_runs,
        .min_seconds = 3,
        .warm_up_seconds = 10,
        .memory_bytes = INFINITY,
        .random_weights = info->random_weights,
        .image = image,
        .quiet = true,
    };
}

/* Measures, and writes what came of it. */
static enum status measure(const struct scenario *scenario, const struct engine *engine,
                           const char *image, const char *path, const char *identity,
                           double *tokens_per_s, struct error *err)
{
    struct profile_plan plan = plan_of(scenario, engine_info(engine), image);
    struct profile profile;
    struct text text;
    text_init(&text);
    enum status status = profile_open(&profile, &plan, err);
    profile.engine = engine;
    if (!status)
        status = profile_facts_before(&profile, err);
    if (!status)
        status = profile_measure_all(&profile, err);
    if (!status)
        status = profile_facts_after(&profile, err);
    if (!status && profile.interrupted) { /* nothing is kept, *tokens_per_s stays NAN */
        profile_close(&profile);
        text_release(&text);
        return STATUS_OK;
    }
    if (!status && profile.record.rows[0].error)
        status = fail(err, profile.cells[0].status ? profile.cells[0].status : STATUS_UNSUPPORTED,
                      "%s", profile.record.rows[0].error);
    if (!status) {
        double rate = profile_tokens_per_s(&profile.record.rows[0]);
        profile_add_run_json(&profile.record, identity, rate, &text);
        status = text.failed ? fail(err, STATUS_NO_MEMORY, "out of memory while measuring")
                             : file_write(path, text_string(&text), text.length, err);
        *tokens_per_s = status ? (double)NAN : rate;
    }
    text_release(&text);
    profile_close(&profile);
    return status;
}

enum status scenario_run(const struct scenario *scenario, const struct engine *engine,
                         const char *image, const char *directory, bool again, double *tokens_per_s,
                         struct error *err)
{
    struct arena arena;
    struct text identity;
    struct sha256_text hash;
    arena_init(&arena);
    text_init(&identity);
    const char *path = path_join(&arena, directory, "profile.json");
    enum status status = path ? engine_hash(engine, &hash, err)
                              : fail(err, STATUS_NO_MEMORY, "out of memory while measuring");
    *tokens_per_s = NAN;
    if (!status) {
        add_identity(&identity, scenario, engine_info(engine), &hash, image);
        *tokens_per_s = again ? NAN : rate_on_file(path, text_string(&identity));
        if (identity.failed)
            status = fail(err, STATUS_NO_MEMORY, "out of memory while measuring");
    }
    if (!status && isnan(*tokens_per_s))
        status = directory_create(directory, err);
    if (!status && isnan(*tokens_per_s))
        status = measure(scenario, engine, image, path, text_string(&identity), tokens_per_s, err);
    text_release(&identity);
    arena_release(&arena);
    return status;
}
