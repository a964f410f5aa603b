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
 * To add an operation: a member here, the readable version in reference_<subject>.c, the fast one
 * in cpu_<subject>.c (declared in reference.h and cpu.h), a row in tests/test_ops.c that compares
 * the two. */
#ifndef MAMBENCH_ENGINE_OPS_OPS_H
#define MAMBENCH_ENGINE_OPS_OPS_H

#include "engine/base/error.h"
#include "engine/ops/panels.h"

#include <stdbool.h>
#include <stddef.h>

/* Elementwise functions; sigmoid is 1 / (1 + exp(-x)). */
enum activation {
    ACTIVATION_GELU_ERF,    /* x/2 (1 + erf(x / sqrt 2)): timm, every projector */
    ACTIVATION_GELU_TANH,   /* x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))): SigLIP, Phi */
    ACTIVATION_GELU_QUICK,  /* x sigmoid(1.702 x): CLIP */
    ACTIVATION_SILU,        /* x sigmoid(x) */
    ACTIVATION_RELU,        /* max(x, 0) */
    ACTIVATION_HARDSIGMOID, /* clamp(x + 3, 0, 6) / 6 */
    ACTIVATION_HARDSWISH,   /* x clamp(x + 3, 0, 6) / 6 */
    ACTIVATION_N
};

/* How keys and values lie in a cache. */
enum cache_type { CACHE_F32, CACHE_BF16 };

/* A run of rows of one sequence inside an activation matrix, and the sequence's own recurrent state
 * of the layer at hand; its layout is the operation's. */
struct span {
    int first_row, n_rows;
    float *conv_state; /* [conv_width, channels]: the last inputs, oldest first */
    float *ssm_state;  /* Mamba: [state_size, channels]; Mamba-2: [heads, state_size, head_dim] */
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

/* Mamba-2's scan, between the convolution and the gated norm (paper: Dao & Gu 2024, section 6; one
 * group: B and C are shared by all heads).  With dt' = softplus(dt + dt_bias), for each head:
 *     S[p][n] = exp(dt' A) S[p][n] + dt' x[p] B[n] ;  y[p] = sum_n S[p][n] C[n] + D x[p]
 * (mamba_ssm v2.0.4 modules/mamba2.py:272-390). */
struct ssd_inputs {
    const float *x;  /* [heads * head_dim] of row r at x + r * xbc_stride */
    const float *B;  /* [state_size], likewise */
    const float *C;  /* [state_size], likewise */
    const float *dt; /* [heads] of row r at dt + r * dt_stride, its bias not added */
    size_t xbc_stride, dt_stride;
    const float *dt_bias, *A, *D; /* [heads]; A = -exp(A_log) */
    int heads, head_dim, state_size;
};

/* Rows of one sequence that attend to that sequence's keys and values.  Row i of the span sees the
 * first n_keys - n_rows + 1 + i of them where attention is causal, else all.  Key j of head h is at
 * k + h * head_stride + j * key_stride (in elements of the shape's type); v likewise. */
struct attention_span {
    int first_row, n_rows, n_keys;
    const void *k, *v;
    size_t key_stride, head_stride;
};

struct attention_shape {
    int heads, kv_heads; /* head h reads keys and values of head h / (heads / kv_heads) */
    int head_dim;        /* at most OPS_MAX_HEAD */
    size_t q_stride;     /* floats between rows of q; head h begins at h * head_dim */
    float scale;
    bool causal;
    enum cache_type type; /* of k and v */
};

enum { OPS_MAX_HEAD = 256 };

struct ops {
    const char *name; /* "reference", "sse2", "avx2", "avx512" */

    /* y = x / sqrt(mean(x^2) + eps) * weight.  x, y: [rows, width]; weight: [width]. */
    void (*rms_norm)(float *y, const float *x, const float *weight, int rows, int width, float eps);

    /* y = RMSNorm of x * SiLU(z), the gate before the norm (mamba_ssm v2.0.4
     * ops/triton/layernorm_gated.py:79-105).  z: row r at z + r * z_stride; y may be x. */
    void (*gated_rms_norm)(float *y, const float *x, const float *z, size_t z_stride,
                           const float *weight, int rows, int width, float eps);

    /* y = (x - mean) / sqrt(variance + eps) * weight + bias.  y may be x. */
    void (*layer_norm)(float *y, const float *x, const float *weight, const float *bias, int rows,
                       int width, float eps);

    /* x = f(x), in place; n values. */
    void (*activate)(float *x, size_t n, enum activation activation);

    /* y[r][c] = SiLU(gate[r][c]) * up[r][c], as SwiGLU has it; gate: row r at gate + r * stride, up
     * likewise; y: [rows, width]. */
    void (*silu_multiply)(float *y, const float *gate, const float *up, size_t stride, int rows,
                          int width);

    /* y[r] += scale * x[r]; scale: [width] or NULL for 1. */
    void (*add_scaled)(float *y, const float *x, const float *scale, int rows, int width);

    /* y[r] = (y[r] + x[rows - 1 - r]) / 2: a sequence met by its reverse. */
    void (*average_reversed)(float *y, const float *x, int rows, int width);

    /* Copies rows between matrices of different strides (in floats). */
    void (*copy_rows)(float *y, size_t y_stride, const float *x, size_t x_stride, int rows,
                      int width);

    /* y[r] = x[rows - 1 - r]; [rows, width]; y is not x. */
    void (*reverse_rows)(float *y, const float *x, int rows, int width);

    /* y[r] = table[ids[r]], from floats or bf16; table: [vocabulary, width]. */
    void (*embed_f32)(float *y, const float *table, const int *ids, int rows, int width);
    void (*embed_bf16)(float *y, const unsigned short *table, const int *ids, int rows, int width);

    /* Pictures to rows of flattened patches, columns in the order channel, y, x.
     * pixels: [3, size, size]; y: [grid * grid, 3 * patch * patch], grid = size / patch; pixels
     * beyond grid * patch are not used. */
    void (*patches)(float *y, const float *pixels, int size, int patch);

    /* softmax(scale * q k^T) v for each head, without a matrix of scores.  q: [rows, q_stride];
     * out: [rows, heads * head_dim], only the spans' rows are written.  A row's result does not
     * depend on how its sequence is cut into spans. */
    void (*attention)(float *out, const float *q, const struct attention_shape *shape,
                      const struct attention_span *spans, size_t n_spans);

    /* Rotary embedding: angles of each span's rows, position n_keys - n_rows + i, as position *
     * frequency[c], in f32 like the references.  table: [rows, 2 * half]: cosines, then sines;
     * frequencies: [half]. */
    void (*rotary_table)(float *table, const float *frequencies, int half,
                         const struct attention_span *spans, size_t n_spans);

    /* Rotates the first 2 * half values of each head in place: y[i] = x[i] cos - x[i + half] sin,
     * y[i + half] = x[i + half] cos + x[i] sin.  x: row r, head h at x + r * stride + h * head_dim.
     */
    void (*rotate)(float *x, size_t stride, const float *table, int half, int rows, int heads,
                   int head_dim);

    /* Appends rows to a cache: row r, head h of x (at x + r * x_stride + h * head_dim) becomes
     * position r of head h (at cache + h * head_stride + r * head_dim), rounded to the type. */
    void (*cache_rows)(void *cache, enum cache_type type, size_t head_stride, const float *x,
                       size_t x_stride, int rows, int heads, int head_dim);

    /* Causal depthwise convolution along the rows of each span, then SiLU.  x: row r at
     * x + r * x_stride; y: [rows, channels]; weight: [width, channels], oldest tap first.
     * conv_state is read as the rows before the span and left as its last width inputs. */
    void (*causal_conv_silu)(float *y, const float *x, size_t x_stride, const float *weight,
                             const float *bias, int channels, int width, const struct span *spans,
                             size_t n_spans);

    /* y[r] = (scan + D x) * SiLU(z), [rows, channels]; ssm_state is carried on. */
    void (*selective_scan)(float *y, const struct scan_inputs *in, const struct span *spans,
                           size_t n_spans);

    /* y[r] = Mamba-2's scan, [rows, heads * head_dim]; ssm_state is carried on.  A span's result is
     * the same bit for bit if it is cut at multiples of ssd_chunk rows (1: anywhere); else it is
     * equal within rounding: at most 3e-6 of the largest |y| off the recurrence, 1.3e-6 measured.
     * Rows in front of a NaN are free of it.  scratch: ssd_scratch() floats. */
    void (*ssd_scan)(float *y, const struct ssd_inputs *in, const struct span *spans,
                     size_t n_spans, float *scratch);
    int ssd_chunk;
    /* Floats of scratch that scans of up to so many rows need. */
    size_t (*ssd_scratch)(const struct ssd_inputs *in, int rows);

    /* Adaptive average pooling of a square grid of rows: x [side * side, width] to
     * y [out * out, width]; window i is [i*side/out, ceil((i+1)*side/out)) as torch's. */
    void (*average_pool)(float *y, const float *x, int side, int out, int width);

    /* Depthwise 3x3 convolution on a grid of rows, zero padding 1: x [side * side, width] to
     * y [out * out, width], out = (side - 1) / stride + 1; weight: [9, width], row-major taps;
     * bias: [width] or NULL; with identity, x is added (stride 1). */
    void (*depthwise_conv)(float *y, const float *x, const float *weight, const float *bias,
                           int side, int stride, bool identity, int width);

    /* y[c] = mean of x[r][c] over the rows; x: [rows, width]. */
    void (*mean_rows)(float *y, const float *x, int rows, int width);

    /* x[r] *= scale; scale: [width]. */
    void (*scale_columns)(float *x, const float *scale, int rows, int width);

    /* y = x W^T in f32, [rows, n_out], W in panels (engine/ops/panels.h); x: row r at
     * x + r * x_stride.  An output is the sum of its inputs' products in ascending order, those of
     * each 1,024 apart, whatever the number of rows: for CPUs where the library's is not. */
    void (*panel_product)(float *y, const float *x, size_t x_stride, const struct panels *panels,
                          const float *weights, int rows);

    /* x[r] += row; row: [width]. */
    void (*add_row)(float *x, const float *row, int rows, int width);

    /* y[r] = x[r] rounded to bf16 (nearest, ties to even), densely; x: row r at x + r * x_stride.
     */
    void (*round_rows)(unsigned short *y, const float *x, size_t x_stride, int rows, int width);

    /* Rows to bytes around 128: y[r] = 128 + round(x[r] * 127 / m), ties to even, m the largest
     * |x| of the row, and scale[r] = m / 127.  A row whose m is below 1e-36 becomes 128 and 0; one
     * with a NaN or an infinity gets a NaN as its scale.  y: [rows, width], densely. */
    void (*quantise_rows)(unsigned char *y, float *scale, const float *x, size_t x_stride, int rows,
                          int width);

    /* What a product of such bytes with int8 weights means, in place: sums of n_out int32 a row
     * become (sum - offset[c]) * (row_scale[r] * scale[c]) + bias[c], offset[c] = 128 * the sum of
     * output c's weights; the product is rounded before the bias (NULL: 0) is added. */
    void (*scale_sums)(float *y, const float *row_scale, const int *offset, const float *scale,
                       const float *bias, int rows, int n_out);
};

/* Rows that a matrix of so many rows must have room for. */
static inline int ops_padded_rows(int rows)
{
    return rows <= 16 ? rows : (rows + 15) / 16 * 16;
}

/* "gelu_erf", "gelu_tanh", "gelu_quick", ... as in model.json; Transformers' names for the same
 * ("gelu_pytorch_tanh", "gelu_new", "quick_gelu") are understood.  Errors: UNSUPPORTED. */
const char *activation_name(enum activation activation);
enum status activation_parse(const char *name, enum activation *out, struct error *err);

/* The implementation called name, or the best one that this CPU runs if name is NULL.
 * Errors: NOT_FOUND (the sentence lists the names), UNSUPPORTED (not on this CPU). */
enum status ops_find(const struct ops **out, const char *name, struct error *err);

/* All implementations, worst first, NULL-terminated; ops_runs_here() tells which the CPU can run.
 */
extern const struct ops *const ops_all[];
int ops_runs_here(const struct ops *ops);

#endif
