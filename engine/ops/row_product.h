/* engine/ops/row_product.h - a product with one row, which reads every weight once: what a token
 * costs.
 *
 * The library's product makes half a dozen allocations a call and reaches less of the memory's
 * speed.  These kernels read the same packed weights and add in the library's own order, so that
 * their results are its bits: products of a chunk of inputs in ascending order, each fused, then
 * the chunks' sums in ascending order.  How long a chunk is depends on the shape; matmul.c finds
 * out and falls back on the library where no length gives its bits.  Sums of int8 are exact in any
 * order.
 *
 * Only where the CPU has AVX-512 (with BF16, with VNNI): elsewhere the library has another layout.
 */
#ifndef MAMBENCH_ENGINE_OPS_ROW_PRODUCT_H
#define MAMBENCH_ENGINE_OPS_ROW_PRODUCT_H

#include "engine/ops/panels.h"

/* Sixteen outputs: what threads share out. */
enum { ROW_GROUP = 16 };

/* y[c] = sum over the inputs of x * weights, for the outputs of groups [first, end); nothing behind
 * n_out is written.  y: floats, or int32_t of int8.  x: n_in values of the weights' type (uint8_t
 * against int8 weights), in whole words.  chunk: inputs summed apart. */
typedef void row_product(void *y, const void *x, const struct panels *panels,
                         const uint32_t *weights, int first, int end, int chunk);

/* The kernels that this CPU runs, else NULL. */
row_product *row_product_f32(void);
row_product *row_product_bf16(void);
row_product *row_product_int8(void);

#endif
