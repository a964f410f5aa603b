#include "reports/profile_read.h"

#include "engine/base/json.h"
#include "metrics/latency.h"

#include <math.h>

enum { PROFILE_VERSION = 1 };

static const char *copy(const cJSON *object, const char *key, struct arena *arena)
{
    return arena_string(arena, json_string_or(object, key, NULL));
}

static double number(const cJSON *object, const char *key)
{
    return json_number_or(object, key, (double)NAN);
}

/* Median and interval of the runs' times to the first token. */
static void read_first_token(struct profile_point *point, const cJSON *row, struct arena *arena)
{
    const cJSON *runs = json_find(row, "runs_ns"), *run;
    size_t n = 0, most = (size_t)cJSON_GetArraySize(runs);
    double *values = arena_alloc(arena, most + 1, sizeof *values);
    double *scratch = arena_alloc(arena, 2 * most + 2, sizeof *scratch);
    struct latency_summary summary;
    point->ttft_low_ns = point->ttft_high_ns = (double)NAN;
    point->ttft_ns = number(row, "ttft_ns");
    if (!values || !scratch)
        return;
    cJSON_ArrayForEach(run, runs)
    {
        double value = number(run, "ttft");
        if (!isnan(value) && n < most)
            values[n++] = value;
    }
    latency_summarise(values, n, scratch, &summary);
    if (n == 0)
        return;
    point->ttft_low_ns = summary.low;
    point->ttft_high_ns = summary.high;
}

static void read_costs(struct profile_point *point, const cJSON *row)
{
    point->parameters = number(row, "model_n_params");
    point->e2e_ns = number(row, "p50_ns");
    point->e2e_low_ns = number(row, "p50_low_ns");
    point->e2e_high_ns = number(row, "p50_high_ns");
    point->tpot_ns = number(row, "tpot_ns");
    point->tokens_per_s = number(row, "tokens_per_s");
    point->weight_bytes = number(row, "weight_bytes");
    point->activation_bytes = number(row, "activation_bytes");
    point->state_bytes = number(row, "state_bytes");
    point->cache_bytes = number(row, "kv_bytes");
    point->peak_bytes = number(row, "peak_rss");
}

static void read_row(struct profile_point *point, const cJSON *row, struct arena *arena)
{
    *point = (struct profile_point){
        .model = copy(row, "model_type", arena),
        .model_hash = copy(row, "model_sha256", arena),
        .precision = copy(row, "precision", arena),
        .family = copy(row, "family", arena),
        .scenario = copy(row, "scenario", arena),
        .kernels = copy(row, "kernels", arena),
        .verdict = copy(row, "verdict", arena),
        .error = copy(row, "error", arena),
        .random_weights = json_bool_or(row, "random_weights", false),
        .synthetic = json_bool_or(row, "synthetic", false),
        .beyond_training = json_bool_or(row, "beyond_training", false),
        .threads = json_int_or(row, "n_threads", 0),
        .batch = json_int_or(row, "batch", 1),
        .depth = json_int_or(row, "n_depth", 0),
        .image_tokens = json_int_or(row, "image_tokens", 0),
        .prompt_tokens = json_int_or(row, "prompt_tokens", 0),
        .new_tokens = json_int_or(row, "new_tokens", 0),
    };
    read_costs(point, row);
    read_first_token(point, row, arena);
}

static enum status read_root(struct profile_file *file, const cJSON *root, struct error *err)
{
    const cJSON *rows, *row;
    int version;
    enum status status = json_get_int(root, "profile", file->path, &version, err);
    if (!status && version != PROFILE_VERSION)
        status = fail(err, STATUS_UNSUPPORTED, "%s: version %d of the format is not known",
                      file->path, version);
    if (!status)
        status = json_get_array(root, "rows", file->path, &rows, err);
    if (status)
        return status;
    file->version = copy(root, "mambench", &file->arena);
    file->measured = copy(root, "measured", &file->arena);
    file->cpu = copy(json_find(root, "machine"), "cpu", &file->arena);
    file->points =
        arena_alloc(&file->arena, (size_t)cJSON_GetArraySize(rows) + 1, sizeof *file->points);
    if (!file->points)
        return fail(err, STATUS_NO_MEMORY, "out of memory while reading %s", file->path);
    cJSON_ArrayForEach(row, rows)
    {
        struct profile_point *point = &file->points[file->n_points++];
        read_row(point, row, &file->arena);
        if (!arena_failed(&file->arena) && !point->error && !point->model)
            return fail(err, STATUS_BAD_FORMAT, "%s: rows[%zu]: \"model_type\" is missing",
                        file->path, file->n_points - 1);
    }
    return STATUS_OK;
}

enum status profile_file_open(struct profile_file *file, const char *path, struct error *err)
{
    cJSON *root = NULL;
    *file = (struct profile_file){0};
    arena_init(&file->arena);
    file->path = arena_string(&file->arena, path);
    enum status status = json_read(&root, path, err);
    if (!status && !arena_failed(&file->arena))
        status = read_root(file, root, err);
    cJSON_Delete(root);
    if (!status && arena_failed(&file->arena))
        status = fail(err, STATUS_NO_MEMORY, "out of memory while reading %s", path);
    if (status)
        profile_file_close(file);
    return status;
}

void profile_file_close(struct profile_file *file)
{
    arena_release(&file->arena);
    *file = (struct profile_file){0};
}

double profile_point_bytes(const struct profile_point *point)
{
    return point->weight_bytes + point->activation_bytes + point->state_bytes + point->cache_bytes;
}

long profile_point_position(const struct profile_point *point)
{
    return point->depth > 0 ? point->depth : (long)point->image_tokens + point->prompt_tokens;
}
