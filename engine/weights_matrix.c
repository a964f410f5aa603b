/* engine/weights_matrix.c - matrices into the packed layout, from one tensor or several, and
 * embedding tables with the heads that are tied to them. */
#include "engine/base/float16.h"
#include "engine/base/pages.h"
#include "engine/weights_values.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Plain values as a matrix is packed from them. */
static enum dtype dtype_of(enum matmul_type type)
{
    return type == MATMUL_BF16 ? DTYPE_BF16 : DTYPE_F32;
}

static size_t value_bytes(enum matmul_type type)
{
    return type == MATMUL_BF16 ? sizeof(uint16_t) : sizeof(float);
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
    char full[WEIGHTS_MAX_NAME];
    int shape[2] = {n, matrix->n_in}, i = matrix->n_parts++;
    int first = i > 0 ? matrix->parts[i - 1].first + matrix->parts[i - 1].n : 0;
    assert(i < MAX_PARTS);
    matrix->parts[i].first = first;
    matrix->parts[i].n = n;
    enum status status =
        weights_open_values(weights, weights_member(full, name, "weight"), shape, 2,
                            dtype_of(weights->type), &matrix->parts[i].values, err);
    if (status || !has_bias)
        return status;
    status = weights_check_shape(weights, weights_member(full, name, "bias"), shape, 1, err);
    if (status || weights->counting)
        return status;
    if (!matrix->bias)
        matrix->bias = malloc((size_t)matrix->n_out * sizeof *matrix->bias);
    if (!matrix->bias)
        return weights_no_memory(name, err);
    return weights_read_values(weights, full, shape, 1, DTYPE_F32, matrix->bias + first, err);
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
        weights_read_range(&matrix->parts[i].values, (size_t)skipped * width, (size_t)taken * width,
                           out);
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
        return weights_no_memory("bias", err);
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
        weights_close_values(&matrix->parts[i].values);
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
    enum status status = weights_check_shape(weights, name, shape, 2, err);
    size_t n = (size_t)rows * (size_t)width, bytes = n * value_bytes(type);
    if (status)
        return status;
    weights->parameters += n;
    weights->packed_bytes += bytes;
    weights->table_bytes += bytes;
    if (weights->counting)
        return STATUS_OK;
    void *values = pages_alloc(bytes);
    if (!values)
        return weights_no_memory(name, err);
    if (type == MATMUL_BF16)
        out->bf16 = values;
    else
        out->f32 = values;
    return weights_read_values(weights, name, shape, 2, dtype_of(type), values, err);
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
