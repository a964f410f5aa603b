/* engine/ops/ops.h - the layer-sized operations that models are written in.
 *
 * Model code never dereferences an activation: it names buffers and operations, so that a GPU can
 * be a second implementation of this table.  All activations are float, row-major.  Every
 * activation matrix has room for ops_padded_rows(rows) rows: products may write rows that nobody
 * reads.
 *
 * Results do not depend on the number of threads or on what else is in the batch: threads split
 * outputs, never sums, and every row is computed as if it were alone.
 *
 * To add an implementation: fill a struct ops in engine/ops/ops_<name>.c, list it in ops.c.
 * To add an operation: a member here, the readable version in ops_reference.c, the fast one in
 * ops_cpu.c, a row in tests/test_ops.c that compares the two. */
#ifndef MAMBENCH_ENGINE_OPS_OPS_H
#define MAMBENCH_ENGINE_OPS_OPS_H

#include "engine/base/error.h"

#include <stddef.h>

/* A run of rows of one sequence inside an activation matrix.  states is the sequence's own state
 * of the layer at hand; its layout is the operation's. */
struct span {
    int first_row, n_rows;
    float *conv_state; /* [conv_width, channels]: the last inputs, oldest first */
    float *ssm_state;  /* Mamba: [state_size, channels] */
};

/* Mamba's selective scan, everything between the two projections (paper: Gu & Dao 2023, algorithm
 * 2; exact recurrence: mamba_ssm v1.2.2 selective_scan_fwd_kernel.cuh:149-297). */
struct scan_inputs {
    const float *x;     /* [rows, channels]: after convolution and SiLU */
    const float *z;     /* gate: row r at z + r * z_stride */
    const float *dt;    /* [rows, channels]: after dt_proj, its bias not added */
    const float *B, *C; /* [state_size] of row r at B + r * bc_stride */
    size_t z_stride, bc_stride;
    const float *dt_bias; /* [channels] */
    const float *A;       /* [state_size, channels]: -exp(A_log), transposed */
    const float *D;       /* [channels] */
    int channels, state_size;
};

struct attention_shape {
    int n_queries, n_keys, heads, head_dim;
    size_t stride; /* floats between rows of q, k and v alike */
    float scale;
};

struct ops {
    const char *name; /* "reference", "x86_64", "avx2", "avx512" */

    /* y = x / sqrt(mean(x^2) + eps) * weight.  x, y: [rows, width]; weight: [width]. */
    void (*rms_norm)(float *y, const float *x, const float *weight, int rows, int width, float eps);

    /* y = (x - mean) / sqrt(variance + eps) * weight + bias. */
    void (*layer_norm)(float *y, const float *x, const float *weight, const float *bias, int rows,
                       int width, float eps);

    /* x = x/2 * (1 + erf(x / sqrt 2)), in place; n values. */
    void (*gelu_erf)(float *x, size_t n);

    /* y[r] += scale * x[r]; scale: [width] or NULL for 1. */
    void (*add_scaled)(float *y, const float *x, const float *scale, int rows, int width);

    /* Copies rows between matrices of different strides (in floats). */
    void (*copy_rows)(float *y, size_t y_stride, const float *x, size_t x_stride, int rows,
                      int width);

    /* y[r] = table[ids[r]], from floats or bf16; table: [vocabulary, width]. */
    void (*embed_f32)(float *y, const float *table, const int *ids, int rows, int width);
    void (*embed_bf16)(float *y, const unsigned short *table, const int *ids, int rows, int width);

    /* Pictures to rows of flattened patches, columns in the order channel, y, x.
     * pixels: [3, size, size]; y: [grid * grid, 3 * patch * patch], grid = size / patch; pixels
     * beyond grid * patch are not used. */
    void (*patches)(float *y, const float *pixels, int size, int patch);

    /* softmax(scale * q k^T) v for each head, without a matrix of scores.  q, k, v: row r of head h
     * at r * stride + h * head_dim; out: [n_queries, heads * head_dim]. */
    void (*attention)(float *out, const float *q, const float *k, const float *v,
                      const struct attention_shape *shape);

    /* Causal depthwise convolution along the rows of each span, then SiLU.  x: row r at
     * x + r * x_stride; y: [rows, channels]; weight: [width, channels], oldest tap first.
     * conv_state is read as the rows before the span and left as its last width inputs. */
    void (*causal_conv_silu)(float *y, const float *x, size_t x_stride, const float *weight,
                             const float *bias, int channels, int width, const struct span *spans,
                             size_t n_spans);

    /* y[r] = (scan + D x) * SiLU(z), [rows, channels]; ssm_state is carried on. */
    void (*selective_scan)(float *y, const struct scan_inputs *in, const struct span *spans,
                           size_t n_spans);

    /* Adaptive average pooling of a square grid of rows: x [side * side, width] to
     * y [out * out, width]; window i is [i*side/out, ceil((i+1)*side/out)) as torch's. */
    void (*average_pool)(float *y, const float *x, int side, int out, int width);

    /* y = depthwise 3x3 convolution of x (zero padding 1) + bias + x, on a grid of rows
     * [side * side, width]; weight: [9, width], row-major taps. */
    void (*position_conv)(float *y, const float *x, const float *weight, const float *bias,
                          int side, int width);
};

/* Rows that a matrix of so many rows must have room for. */
static inline int ops_padded_rows(int rows)
{
    return rows <= 16 ? rows : (rows + 15) / 16 * 16;
}

/* The implementation called name, or the best one that this CPU runs if name is NULL.
 * Errors: NOT_FOUND (the sentence lists the names), UNSUPPORTED (not on this CPU). */
enum status ops_find(const struct ops **out, const char *name, struct error *err);

/* All implementations, worst first, NULL-terminated; ops_runs_here() tells which the CPU can run.
 */
extern const struct ops *const ops_all[];
int ops_runs_here(const struct ops *ops);

#endif
