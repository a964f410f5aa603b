/* engine/ops/matmul.h - matrix products y = x W^T + b from one packed copy of the weights.
 *
 * Products of many rows are oneDNN's (2.x; onednn.h is the only other file that knows it), those of
 * one row are row_product.h's where these give the library's bits.  Without AVX-512 all are our own
 * (ops->panel_product), in f32.  One packed layout serves every
 * number of rows, and each row's result is bit for bit the same whatever the number of rows and
 * threads: tests/test_matmul.c and `mambench selftest` check it.
 *
 *     F32    x and W in f32
 *     BF16   x rounded to bf16, W in bf16, sums in f32
 *     INT8   W = scale[output] * int8, x = scale[row] * int8, both by the largest magnitude;
 *            sums are exact integers; bias and result in f32 */
#ifndef MAMBENCH_ENGINE_OPS_MATMUL_H
#define MAMBENCH_ENGINE_OPS_MATMUL_H

#include "engine/base/error.h"
#include "engine/ops/ops.h"

#include <stdbool.h>
#include <stddef.h>

/* How weights lie in memory. */
enum matmul_type { MATMUL_F32, MATMUL_BF16, MATMUL_INT8, MATMUL_TYPES };

struct linear_layout; /* how the packed weights lie */

/* A packed weight matrix [n_out, n_in] with its bias.  Read-only once packed. */
struct linear {
    int n_in, n_out;
    enum matmul_type type;
    void *packed;        /* owned */
    size_t packed_bytes; /* with what int8 needs besides */
    float *bias;         /* [n_out], owned; NULL if none */
    float *scale;        /* INT8: [n_out], what a weight of 1 stands for; owned */
    int *offset;         /* INT8: [n_out], 128 * the sum of the output's weights; owned */
    struct linear_layout *layout;
};

/* Where the plain weights come from, in pieces, so that they are never held twice: read() gives the
 * n rows from row first on, [n, n_in], uint16_t for BF16 and floats for F32 and INT8.  It is called
 * on all threads, each row once. */
struct linear_source {
    void (*read)(const void *context, int first, int n, void *rows);
    const void *context;
};

/* Packs weights [n_out, n_in]; bias [n_out] or NULL is copied.  linear_release() undoes it.
 * Errors: NO_MEMORY, UNSUPPORTED. */
enum status linear_pack_from(struct linear *linear, enum matmul_type type,
                             const struct linear_source *source, const float *bias, int n_in,
                             int n_out, struct error *err);
/* The same from memory. */
enum status linear_pack(struct linear *linear, enum matmul_type type, const void *weights,
                        const float *bias, int n_in, int n_out, struct error *err);
void linear_release(struct linear *linear);

/* What products need while they run: primitives made so far and scratch memory.  One per session;
 * not shared between threads. */
struct matmul;
/* ops round and quantise the rows. */
enum status matmul_open(struct matmul **out, const struct ops *ops, struct error *err);
void matmul_close(struct matmul *matmul);

/* Makes everything that linear_run() with so many rows will need, so that it cannot fail. */
enum status linear_prepare(struct matmul *matmul, const struct linear *linear, int rows,
                           struct error *err);

/* y = x W^T + b.  x: row r at x + r * x_stride, n_in values; y: [rows, n_out] with room for
 * ops_padded_rows(rows) rows.  Must have been prepared for these rows. */
void linear_run(struct matmul *matmul, const struct linear *linear, const float *x, size_t x_stride,
                float *y, int rows);

/* Whether any product failed for want of memory inside the library; results are then void. */
bool matmul_failed(const struct matmul *matmul);

/* Whether products of one row of this shape are our own kernel's, which allocates nothing; the
 * linear must have been prepared for one row. */
bool linear_has_row_kernel(const struct matmul *matmul, const struct linear *linear);

/* Whether this CPU multiplies the type in hardware; bf16 would otherwise be slower than f32, and
 * int8 not exact. */
bool matmul_has(enum matmul_type type);

/* "f32", "bf16", "int8". */
const char *matmul_type_name(enum matmul_type type);

/* "oneDNN 2.6.3 brg:avx512_core_bf16": the library and what it chose for a large product of this
 * type.  Static storage per type. */
const char *matmul_describe(enum matmul_type type);

#endif
