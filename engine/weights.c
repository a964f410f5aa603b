#include "engine/weights.h"

#include "engine/base/file.h"
#include "engine/base/float16.h"
#include "engine/base/pages.h"
#include "engine/base/random.h"
#include "engine/base/text.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_NAME = 256, CHUNK_VALUES = 1 << 16 };

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

static void full_name(const struct weights *weights, const char *name, char out[MAX_NAME])
{
    snprintf(out, MAX_NAME, "%s%s%s", weights->part->prefix ? weights->part->prefix : "",
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
    char wanted[MAX_NAME];
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
    char wanted[MAX_NAME];
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
static enum status check_shape(const struct weights *weights, const char *name, const int *shape,
                               int n_dims, struct error *err)
{
    const struct tensor_file *file;
    const struct tensor_view *tensor;
    return weights->files ? locate(weights, name, shape, n_dims, &file, &tensor, err) : STATUS_OK;
}

enum status weights_absent(const struct weights *weights, const char *name, struct error *err)
{
    char wanted[MAX_NAME];
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

/* Values of one tensor, from wherever they come, in pieces: from a file, or from the generator. */
struct values {
    enum dtype to; /* F32 or BF16 */
    const struct tensor_file *file;
    const struct tensor_view *tensor; /* NULL: random */
    uint64_t seed;
    float centre, spread;
};

/* Finds a tensor of this name and shape; what follows cannot fail. */
static enum status open_values(const struct weights *weights, const char *name, const int *shape,
                               int n_dims, enum dtype to, struct values *out, struct error *err)
{
    char wanted[MAX_NAME];
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

static void close_values(const struct values *values)
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
static void read_range(const struct values *values, size_t first, size_t n, void *out)
{
    if (values->tensor)
        tensor_read_range(values->tensor, values->to, first, n, out);
    else
        random_values(values, first, n, out);
}

/* A whole tensor of this name and shape, on all threads. */
static enum status read_values(struct weights *weights, const char *name, const int *shape,
                               int n_dims, enum dtype to, void *out, struct error *err)
{
    struct values values;
    size_t n = count_values(shape, n_dims), bytes = to == DTYPE_BF16 ? 2 : 4;
    long chunks = (long)((n + CHUNK_VALUES - 1) / CHUNK_VALUES);
    enum status status = open_values(weights, name, shape, n_dims, to, &values, err);
    if (status)
        return status;
#pragma omp parallel for if (chunks > 1)
    for (long chunk = 0; chunk < chunks; chunk++) {
        size_t first = (size_t)chunk * CHUNK_VALUES, left = n - first;
        read_range(&values, first, left < CHUNK_VALUES ? left : CHUNK_VALUES,
                   (char *)out + first * bytes);
    }
    close_values(&values);
    return STATUS_OK;
}

static enum status no_memory(const char *name, struct error *err)
{
    return fail(err, STATUS_NO_MEMORY, "out of memory for the tensor %s", name);
}

enum status weights_floats(struct weights *weights, const char *name, const int *shape, int n_dims,
                           float **out, struct error *err)
{
    size_t n = count_values(shape, n_dims);
    enum status status = check_shape(weights, name, shape, n_dims, err);
    if (status)
        return status;
    float *values = arena_alloc(weights->arena, n, sizeof *values);
    if (!values)
        return no_memory(name, err);
    if (weights->counting)
        memset(values, 0, n * sizeof *values);
    else
        status = read_values(weights, name, shape, n_dims, DTYPE_F32, values, err);
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
    enum status status = check_shape(weights, name, shape, 2, err);
    if (status)
        return status;
    float *turned = arena_alloc(weights->arena, n, sizeof *turned);
    float *values = calloc(n, sizeof *values);
    if (!turned || !values)
        status = no_memory(name, err);
    if (!status && !weights->counting)
        status = read_values(weights, name, shape, 2, DTYPE_F32, values, err);
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

/* Plain values as a matrix is packed from them. */
static enum dtype dtype_of(enum matmul_type type)
{
    return type == MATMUL_BF16 ? DTYPE_BF16 : DTYPE_F32;
}

static size_t value_bytes(enum matmul_type type)
{
    return type == MATMUL_BF16 ? sizeof(uint16_t) : sizeof(float);
}

/* "q_proj.weight"; of an empty name "weight" itself. */
static const char *member(char out[MAX_NAME], const char *name, const char *which)
{
    snprintf(out, MAX_NAME, "%s%s%s", name, name[0] ? "." : "", which);
    return out;
}

enum status weights_norm(struct weights *weights, const char *name, int width, struct norm *out,
                         struct error *err)
{
    char full[MAX_NAME];
    float *weight = NULL, *bias = NULL;
    enum status status = weights_vector(weights, member(full, name, "weight"), width, &weight, err);
    if (!status)
        status = weights_vector(weights, member(full, name, "bias"), width, &bias, err);
    *out = (struct norm){weight, bias};
    return status;
}

enum { MAX_PARTS = 4 };

/* A matrix on its way into the packed layout; weights_linear_*() name what it is made of and hand
 * it over.  Its rows are those of the parts, one after the other, or in another order. */
struct matrix {
    int n_out, n_in;
    size_t row_bytes; /* of plain values */
    struct {
        struct values values;
        int first, n; /* rows of the matrix */
    } parts[MAX_PARTS];
    int n_parts;
    const int *order; /* row r is row order[r] of the parts; NULL: as they are */
    float *bias;      /* [n_out], or NULL; owned */
};

static struct matrix matrix_begin(const struct weights *weights, int n_out, int n_in)
{
    return (struct matrix){
        .n_out = n_out, .n_in = n_in, .row_bytes = (size_t)n_in * value_bytes(weights->type)};
}

/* Appends the n rows of name. */
static enum status add_part(struct weights *weights, const char *name, struct matrix *matrix, int n,
                            bool has_bias, struct error *err)
{
    char full[MAX_NAME];
    int shape[2] = {n, matrix->n_in}, i = matrix->n_parts++;
    int first = i > 0 ? matrix->parts[i - 1].first + matrix->parts[i - 1].n : 0;
    assert(i < MAX_PARTS);
    matrix->parts[i].first = first;
    matrix->parts[i].n = n;
    enum status status = open_values(weights, member(full, name, "weight"), shape, 2,
                                     dtype_of(weights->type), &matrix->parts[i].values, err);
    if (status || !has_bias)
        return status;
    status = check_shape(weights, member(full, name, "bias"), shape, 1, err);
    if (status || weights->counting)
        return status;
    if (!matrix->bias)
        matrix->bias = malloc((size_t)matrix->n_out * sizeof *matrix->bias);
    if (!matrix->bias)
        return no_memory(name, err);
    return read_values(weights, full, shape, 1, DTYPE_F32, matrix->bias + first, err);
}

/* n rows that follow each other in one part. */
static void read_run(const struct matrix *matrix, int row, int n, char *out)
{
    size_t width = (size_t)matrix->n_in;
    for (int i = 0; n > 0 && i < matrix->n_parts; i++) {
        int skipped = row - matrix->parts[i].first, left = matrix->parts[i].n - skipped;
        if (left <= 0)
            continue;
        int taken = n < left ? n : left;
        read_range(&matrix->parts[i].values, (size_t)skipped * width, (size_t)taken * width, out);
        out += (size_t)taken * matrix->row_bytes;
        row += taken;
        n -= taken;
    }
}

/* A linear_source: n rows of the matrix. */
static void read_rows(const void *context, int first, int n, void *rows)
{
    const struct matrix *matrix = context;
    char *out = rows;
    if (!matrix->order)
        read_run(matrix, first, n, out);
    for (int r = 0; matrix->order && r < n; r++)
        read_run(matrix, matrix->order[first + r], 1, out + (size_t)r * matrix->row_bytes);
}

/* Puts bias order[r] in the place of bias r. */
static enum status reorder_bias(struct matrix *matrix, struct error *err)
{
    size_t n = (size_t)matrix->n_out;
    if (!matrix->order || !matrix->bias)
        return STATUS_OK;
    float *turned = malloc(n * sizeof *turned);
    if (!turned)
        return no_memory("bias", err);
    for (size_t r = 0; r < n; r++)
        turned[r] = matrix->bias[matrix->order[r]];
    free(matrix->bias);
    matrix->bias = turned;
    return STATUS_OK;
}

/* Packs the matrix into *out and releases it, also where status says that opening it failed. */
static enum status pack(struct weights *weights, struct matrix *matrix, enum status status,
                        bool has_bias, struct linear *out, struct error *err)
{
    size_t rows = (size_t)matrix->n_out, bias = has_bias ? rows : 0;
    struct linear_source source = {read_rows, matrix};
    *out = (struct linear){.n_in = matrix->n_in, .n_out = matrix->n_out, .type = weights->type};
    if (!status)
        status = reorder_bias(matrix, err);
    if (!status && !weights->counting)
        status = linear_pack_from(out, weights->type, &source, matrix->bias, matrix->n_in,
                                  matrix->n_out, err);
    for (int i = 0; !status && !weights->counting && i < matrix->n_parts; i++)
        close_values(&matrix->parts[i].values);
    if (!status) {
        weights->parameters += rows * (size_t)matrix->n_in + bias;
        weights->packed_bytes += out->packed_bytes + bias * sizeof(float);
    }
    free(matrix->bias);
    return status;
}

enum status weights_linear(struct weights *weights, const char *name, int n_out, int n_in,
                           bool has_bias, struct linear *out, struct error *err)
{
    struct matrix matrix = matrix_begin(weights, n_out, n_in);
    enum status status = add_part(weights, name, &matrix, n_out, has_bias, err);
    return pack(weights, &matrix, status, has_bias, out, err);
}

enum status weights_linear_joined(struct weights *weights, const char *const *names,
                                  const int *n_out, int n_names, int n_in, bool has_bias,
                                  struct linear *out, struct error *err)
{
    struct matrix matrix = matrix_begin(weights, 0, n_in);
    enum status status = STATUS_OK;
    for (int i = 0; i < n_names; i++)
        matrix.n_out += n_out[i];
    for (int i = 0; !status && i < n_names; i++)
        status = add_part(weights, names[i], &matrix, n_out[i], has_bias, err);
    return pack(weights, &matrix, status, has_bias, out, err);
}

enum status weights_linear_reordered(struct weights *weights, const char *name, const int *order,
                                     int n_out, int n_in, bool has_bias, struct linear *out,
                                     struct error *err)
{
    struct matrix matrix = matrix_begin(weights, n_out, n_in);
    matrix.order = order;
    enum status status = add_part(weights, name, &matrix, n_out, has_bias, err);
    return pack(weights, &matrix, status, has_bias, out, err);
}

/* How a table lies: it is read a row at a time, so that int8 would save nothing. */
static enum matmul_type table_type(const struct weights *weights)
{
    return weights->type == MATMUL_F32 ? MATMUL_F32 : MATMUL_BF16;
}

/* The table's values into memory that out owns from then on. */
static enum status read_table(struct weights *weights, const char *name, int rows, int width,
                              struct embedding *out, struct error *err)
{
    int shape[2] = {rows, width};
    enum matmul_type type = table_type(weights);
    *out = (struct embedding){.rows = rows, .width = width};
    enum status status = check_shape(weights, name, shape, 2, err);
    size_t n = count_values(shape, 2), bytes = n * value_bytes(type);
    if (status)
        return status;
    weights->parameters += n;
    weights->packed_bytes += bytes;
    weights->table_bytes += bytes;
    if (weights->counting)
        return STATUS_OK;
    void *values = pages_alloc(bytes);
    if (!values)
        return no_memory(name, err);
    if (type == MATMUL_BF16)
        out->bf16 = values;
    else
        out->f32 = values;
    return read_values(weights, name, shape, 2, dtype_of(type), values, err);
}

enum status weights_embedding(struct weights *weights, const char *name, int rows, int width,
                              struct embedding *out, struct error *err)
{
    enum status status = read_table(weights, name, rows, width, out, err);
    if (status)
        embedding_release(out);
    return status;
}

/* A linear_source: rows of the table in the type that the head is packed from. */
static void read_table_rows(const void *context, int first, int n, void *rows)
{
    const struct embedding *table = context;
    size_t width = (size_t)table->width, start = (size_t)first * width, count = (size_t)n * width;
    if (table->f32)
        memcpy(rows, table->f32 + start, count * sizeof *table->f32);
    else
        memcpy(rows, table->bf16 + start, count * sizeof *table->bf16);
}

/* The same of a head in int8, which is packed from floats. */
static void read_table_floats(const void *context, int first, int n, void *rows)
{
    const struct embedding *table = context;
    size_t width = (size_t)table->width, start = (size_t)first * width;
    for (size_t i = 0; i < (size_t)n * width; i++)
        ((float *)rows)[i] = float_from_bf16(table->bf16[start + i]);
}

enum status weights_tied_embedding(struct weights *weights, const char *name, const char *head_name,
                                   int rows, int width, struct embedding *out, struct linear *head,
                                   struct error *err)
{
    const char *wins = weights->files && weights_have(weights, head_name) ? head_name : name;
    enum status status = weights_embedding(weights, wins, rows, width, out, err);
    *head = (struct linear){.n_in = width, .n_out = rows, .type = weights->type};
    if (status || weights->counting)
        return status;
    struct linear_source source = {
        weights->type == MATMUL_INT8 ? read_table_floats : read_table_rows, out};
    status = linear_pack_from(head, weights->type, &source, NULL, width, rows, err);
    if (status)
        embedding_release(out);
    else
        weights->packed_bytes += head->packed_bytes;
    return status;
}

void embedding_release(struct embedding *embedding)
{
    free(embedding->f32);
    free(embedding->bf16);
    *embedding = (struct embedding){0};
}
