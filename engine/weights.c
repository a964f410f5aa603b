#include "engine/weights_values.h"

#include "engine/base/file.h"
#include "engine/base/float16.h"
#include "engine/base/random.h"
#include "engine/base/text.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK_VALUES = 1 << 16 };

static enum status open_part(struct weight_files *files, const char *directory,
                             const struct card_weights *part, struct arena *arena,
                             struct error *err)
{
    for (size_t i = 0; i < part->n_files; i++) {
        size_t known = 0;
        while (known < files->n_files && strcmp(files->names[known], part->files[i]) != 0)
            known++;
        if (known < files->n_files)
            continue;
        if (known == WEIGHTS_MAX_FILES)
            return fail(err, STATUS_UNSUPPORTED, "%s: more than %d weight files", directory,
                        WEIGHTS_MAX_FILES);
        const char *path = path_join(arena, directory, part->files[i]);
        if (!path)
            return fail(err, STATUS_NO_MEMORY, "out of memory while opening %s", directory);
        enum status status = tensor_file_open(&files->files[known], path, err);
        if (status)
            return status;
        files->names[known] = part->files[i];
        files->n_files = known + 1;
    }
    return STATUS_OK;
}

enum status weight_files_open(struct weight_files *files, const struct card *card,
                              struct arena *arena, struct error *err)
{
    *files = (struct weight_files){.n_files = 0};
    enum status status = STATUS_OK;
    for (size_t i = 0; !status && i < card->n_towers; i++)
        status = open_part(files, card->directory, &card->towers[i].weights, arena, err);
    if (!status)
        status = open_part(files, card->directory, &card->connector.weights, arena, err);
    if (!status)
        status = open_part(files, card->directory, &card->lm.weights, arena, err);
    if (status)
        weight_files_close(files);
    return status;
}

void weight_files_close(struct weight_files *files)
{
    for (size_t i = 0; i < files->n_files; i++)
        tensor_file_close(files->files[i]);
    files->n_files = 0;
}

/* Finds a full name in the part's files. */
static const struct tensor_view *find(const struct weights *weights, const char *full_name,
                                      const struct tensor_file **file)
{
    for (size_t i = 0; i < weights->part->n_files; i++)
        for (size_t j = 0; j < weights->files->n_files; j++) {
            if (strcmp(weights->files->names[j], weights->part->files[i]) != 0)
                continue;
            const struct tensor_view *tensor =
                tensor_file_find(weights->files->files[j], full_name);
            if (tensor) {
                *file = weights->files->files[j];
                return tensor;
            }
        }
    return NULL;
}

static void full_name(const struct weights *weights, const char *name, char out[WEIGHTS_MAX_NAME])
{
    snprintf(out, WEIGHTS_MAX_NAME, "%s%s%s", weights->part->prefix ? weights->part->prefix : "",
             weights->scope, name);
}

void weights_enter(struct weights *weights, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(weights->scope, sizeof weights->scope, format, args);
    va_end(args);
}

bool weights_have(const struct weights *weights, const char *name)
{
    char wanted[WEIGHTS_MAX_NAME];
    const struct tensor_file *file;
    full_name(weights, name, wanted);
    return !weights->files || find(weights, wanted, &file) != NULL;
}

/* "[10240, 2560]" */
static void shape_text(char *out, size_t size, const int64_t *shape, int n_dims)
{
    size_t used = (size_t)snprintf(out, size, "[");
    for (int i = 0; i < n_dims && used < size; i++)
        used +=
            (size_t)snprintf(out + used, size - used, "%s%lld", i ? ", " : "", (long long)shape[i]);
    if (used < size)
        snprintf(out + used, size - used, "]");
}

/* Whether the tensor has the wanted shape when dimensions of size one are left out of both and,
 * for matrices, everything behind the first dimension is taken together. */
static bool shape_fits(const struct tensor_view *tensor, const int *shape, int n_dims)
{
    int64_t have[TENSOR_MAX_DIMS] = {0}, want[TENSOR_MAX_DIMS] = {0};
    int n_have = 0, n_want = 0;
    for (int i = 0; i < tensor->n_dims; i++)
        if (tensor->shape[i] != 1)
            have[n_have++] = tensor->shape[i];
    for (int i = 0; i < n_dims; i++)
        if (shape[i] != 1)
            want[n_want++] = shape[i];
    if (n_want == 2 && n_have > 2) {
        for (int i = 2; i < n_have; i++)
            have[1] *= have[i];
        n_have = 2;
    }
    return n_have == n_want && memcmp(have, want, sizeof have[0] * (size_t)n_want) == 0;
}

static size_t count_values(const int *shape, int n_dims)
{
    size_t n = 1;
    for (int i = 0; i < n_dims; i++)
        n *= (size_t)shape[i];
    return n;
}

/* Where a missing tensor was looked for: the part's first file. */
static const char *first_path(const struct weights *weights)
{
    for (size_t i = 0; weights->part->n_files > 0 && i < weights->files->n_files; i++)
        if (strcmp(weights->files->names[i], weights->part->files[0]) == 0)
            return weights->files->files[i]->path;
    return "model.json";
}

/* The tensor of a file that has the wanted name and shape. */
static enum status locate(const struct weights *weights, const char *name, const int *shape,
                          int n_dims, const struct tensor_file **file,
                          const struct tensor_view **out, struct error *err)
{
    char wanted[WEIGHTS_MAX_NAME];
    full_name(weights, name, wanted);
    const struct tensor_view *tensor = find(weights, wanted, file);
    if (!tensor)
        return fail(err, STATUS_NOT_FOUND, "%s: the tensor %s is missing", first_path(weights),
                    wanted);
    if (!shape_fits(tensor, shape, n_dims)) {
        char have[128], want[128];
        int64_t wanted_shape[TENSOR_MAX_DIMS];
        for (int i = 0; i < n_dims; i++)
            wanted_shape[i] = shape[i];
        shape_text(have, sizeof have, tensor->shape, tensor->n_dims);
        shape_text(want, sizeof want, wanted_shape, n_dims);
        return fail(err, STATUS_MISMATCH, "%s: %s is %s, the model description says %s",
                    (*file)->path, wanted, have, want);
    }
    *out = tensor;
    return STATUS_OK;
}

/* Whether a tensor of this name and shape is there: asked before memory is taken for it, so that
 * absurd sizes in a card cost nothing. */
enum status weights_check_shape(const struct weights *weights, const char *name, const int *shape,
                                int n_dims, struct error *err)
{
    const struct tensor_file *file;
    const struct tensor_view *tensor;
    return weights->files ? locate(weights, name, shape, n_dims, &file, &tensor, err) : STATUS_OK;
}

enum status weights_absent(const struct weights *weights, const char *name, struct error *err)
{
    char wanted[WEIGHTS_MAX_NAME];
    const struct tensor_file *file;
    full_name(weights, name, wanted);
    if (!weights->files || !find(weights, wanted, &file))
        return STATUS_OK;
    return fail(err, STATUS_MISMATCH,
                "%s: there is a tensor %s, which the model description leaves out", file->path,
                wanted);
}

/* FNV-1a of the name, mixed with the seed: every tensor has its own stream. */
static uint64_t name_seed(uint64_t seed, const char *name)
{
    uint64_t hash = 14695981039346656037u ^ seed;
    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 1099511628211u;
    return hash;
}

/* Where random values are centred and how far they spread, so that activations stay finite and
 * the recurrence neither dies nor explodes. */
static void random_range(const char *name, const int *shape, int n_dims, float *centre,
                         float *spread)
{
    *centre = 0.0F;
    *spread = 0.02F;
    bool norm = strstr(name, "norm") && text_ends_with(name, ".weight") && n_dims == 1;
    if (norm || text_ends_with(name, ".D") || text_ends_with(name, ".D_b")) {
        *centre = 1.0F;
    } else if (text_ends_with(name, "gamma")) {
        *centre = 0.1F;
    } else if (text_ends_with(name, "A_log") || text_ends_with(name, "A_log_b")) {
        *centre = 1.5F;
        *spread = 1.0F;
    } else if (text_ends_with(name, "dt_proj.bias") || text_ends_with(name, "dt_bias") ||
               text_ends_with(name, "dt_bias_b")) {
        *centre = -4.0F;
        *spread = 1.0F;
    } else if (n_dims >= 2) {
        *spread = sqrtf(3.0F / (float)(count_values(shape, n_dims) / (size_t)shape[0]));
    }
}

/* Finds a tensor of this name and shape; what follows cannot fail. */
enum status weights_open_values(const struct weights *weights, const char *name, const int *shape,
                                int n_dims, enum dtype to, struct values *out, struct error *err)
{
    char wanted[WEIGHTS_MAX_NAME];
    *out = (struct values){.to = to};
    if (weights->files) {
        enum status status = locate(weights, name, shape, n_dims, &out->file, &out->tensor, err);
        return status ? status : tensor_check_readable(out->file, out->tensor, err);
    }
    full_name(weights, name, wanted);
    out->seed = name_seed(weights->seed, wanted);
    random_range(name, shape, n_dims, &out->centre, &out->spread);
    return STATUS_OK;
}

void weights_close_values(const struct values *values)
{
    if (values->tensor)
        tensor_drop(values->file, values->tensor);
}

/* Random values [first, first + n).  Each CHUNK_VALUES have a stream of their own. */
static void random_values(const struct values *values, size_t first, size_t n, void *out)
{
    struct random_stream stream = {0};
    for (size_t i = 0; i < n; i++) {
        size_t at = (first + i) % CHUNK_VALUES;
        if (i == 0 || at == 0) {
            stream.state = values->seed + (first + i) / CHUNK_VALUES * 0xD1342543DE82EF95u;
            random_skip(&stream, at);
        }
        float unit = (float)(int64_t)(random_bits(&stream) >> 40) * 0x1p-23F - 1.0F;
        float value = values->centre + values->spread * unit;
        if (values->to == DTYPE_BF16)
            ((uint16_t *)out)[i] = bf16_from_float(value);
        else
            ((float *)out)[i] = value;
    }
}

/* Values [first, first + n) in row-major order; on any thread. */
void weights_read_range(const struct values *values, size_t first, size_t n, void *out)
{
    if (values->tensor)
        tensor_read_range(values->tensor, values->to, first, n, out);
    else
        random_values(values, first, n, out);
}

/* A whole tensor of this name and shape, on all threads. */
enum status weights_read_values(struct weights *weights, const char *name, const int *shape,
                                int n_dims, enum dtype to, void *out, struct error *err)
{
    struct values values;
    size_t n = count_values(shape, n_dims), bytes = to == DTYPE_BF16 ? 2 : 4;
    long chunks = (long)((n + CHUNK_VALUES - 1) / CHUNK_VALUES);
    enum status status = weights_open_values(weights, name, shape, n_dims, to, &values, err);
    if (status)
        return status;
#pragma omp parallel for if (chunks > 1)
    for (long chunk = 0; chunk < chunks; chunk++) {
        size_t first = (size_t)chunk * CHUNK_VALUES, left = n - first;
        weights_read_range(&values, first, left < CHUNK_VALUES ? left : CHUNK_VALUES,
                           (char *)out + first * bytes);
    }
    weights_close_values(&values);
    return STATUS_OK;
}

enum status weights_no_memory(const char *name, struct error *err)
{
    return fail(err, STATUS_NO_MEMORY, "out of memory for the tensor %s", name);
}

enum status weights_floats(struct weights *weights, const char *name, const int *shape, int n_dims,
                           float **out, struct error *err)
{
    size_t n = count_values(shape, n_dims);
    enum status status = weights_check_shape(weights, name, shape, n_dims, err);
    if (status)
        return status;
    float *values = arena_alloc(weights->arena, n, sizeof *values);
    if (!values)
        return weights_no_memory(name, err);
    if (weights->counting)
        memset(values, 0, n * sizeof *values);
    else
        status = weights_read_values(weights, name, shape, n_dims, DTYPE_F32, values, err);
    if (status)
        return status;
    weights->parameters += n;
    weights->packed_bytes += n * sizeof *values;
    *out = values;
    return STATUS_OK;
}

enum status weights_transposed(struct weights *weights, const char *name, int rows, int columns,
                               float **out, struct error *err)
{
    int shape[2] = {rows, columns};
    size_t n = count_values(shape, 2), r = (size_t)rows, c = (size_t)columns;
    enum status status = weights_check_shape(weights, name, shape, 2, err);
    if (status)
        return status;
    float *turned = arena_alloc(weights->arena, n, sizeof *turned);
    float *values = calloc(n, sizeof *values);
    if (!turned || !values)
        status = weights_no_memory(name, err);
    if (!status && !weights->counting)
        status = weights_read_values(weights, name, shape, 2, DTYPE_F32, values, err);
    for (size_t i = 0; !status && i < n; i++)
        turned[i % c * r + i / c] = values[i];
    free(values);
    if (status)
        return status;
    weights->parameters += n;
    weights->packed_bytes += n * sizeof *turned;
    *out = turned;
    return STATUS_OK;
}

enum status weights_vector(struct weights *weights, const char *name, int n, float **out,
                           struct error *err)
{
    return weights_floats(weights, name, &n, 1, out, err);
}

/* "q_proj.weight"; of an empty name "weight" itself. */
const char *weights_member(char out[WEIGHTS_MAX_NAME], const char *name, const char *which)
{
    snprintf(out, WEIGHTS_MAX_NAME, "%s%s%s", name, name[0] ? "." : "", which);
    return out;
}

enum status weights_norm(struct weights *weights, const char *name, int width, struct norm *out,
                         struct error *err)
{
    char full[WEIGHTS_MAX_NAME];
    float *weight = NULL, *bias = NULL;
    enum status status =
        weights_vector(weights, weights_member(full, name, "weight"), width, &weight, err);
    if (!status)
        status = weights_vector(weights, weights_member(full, name, "bias"), width, &bias, err);
    *out = (struct norm){weight, bias};
    return status;
}
