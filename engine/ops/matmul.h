/* engine/ops/matmul.h - matrix products y = x W^T + b from one packed copy of the weights.
 *
 * The only file that knows oneDNN (2.x).  One packed layout serves every number of rows, and each
 * row's result is bit for bit the same whatever the number of rows and threads: tests/test_matmul.c
 * and `mambench selftest` check it.  Products accumulate in f32; with bf16 weights the rows of x
 * are rounded to bf16 first. */
#ifndef MAMBENCH_ENGINE_OPS_MATMUL_H
#define MAMBENCH_ENGINE_OPS_MATMUL_H

#include "engine/base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* How weights lie in memory. */
enum matmul_type { MATMUL_F32, MATMUL_BF16 };

struct linear_layout; /* oneDNN's description of the packed weights */

/* A packed weight matrix [n_out, n_in] with its bias.  Read-only once packed. */
struct linear {
    int n_in, n_out;
    enum matmul_type type;
    void *packed; /* owned */
    size_t packed_bytes;
    float *bias; /* [n_out], owned; NULL if none */
    struct linear_layout *layout;
};

/* Packs weights [n_out, n_in], floats for F32 and uint16_t for BF16; bias [n_out] or NULL; both are
 * copied.  linear_release() undoes it.  Errors: NO_MEMORY, UNSUPPORTED. */
enum status linear_pack(struct linear *linear, enum matmul_type type, const void *weights,
                        const float *bias, int n_in, int n_out, struct error *err);
void linear_release(struct linear *linear);

/* What products need while they run: primitives made so far and scratch memory.  One per session;
 * not shared between threads. */
struct matmul;
enum status matmul_open(struct matmul **out, struct error *err);
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

/* Whether this CPU multiplies bf16 in hardware; without it bf16 would be slower than f32. */
bool matmul_has_bf16(void);

/* "oneDNN 2.6.3 brg:avx512_core_bf16": the library and what it chose for a large product of this
 * type.  Static storage per type. */
const char *matmul_describe(enum matmul_type type);

#endif
