/* engine/layers/mamba2.h - a Mamba-2 mixer between its two projections, in one direction.
 *
 * The language model and ML-Mamba's connector share it (Dao & Gu 2024, arXiv 2405.21060; order of
 * operations: mamba_ssm v2.0.4 modules/mamba2.py:196-199,272-390):
 *
 *     [z | x | B | C | dt] = rows of in_proj               [rows, 2 * inner + 2 * state + heads]
 *     x | B | C            = SiLU(causal depthwise convolution of x | B | C)
 *     y                    = scan(x, dt, B, C)             [rows, inner]
 *     y                    = RMSNorm(y * SiLU(z))
 *
 * One group: all heads share B and C. */
#ifndef MAMBENCH_ENGINE_LAYERS_MAMBA2_H
#define MAMBENCH_ENGINE_LAYERS_MAMBA2_H

#include "engine/ops/compute.h"
#include "engine/weights.h"

struct mamba2_shape {
    int inner_width, state_size, conv_width, head_dim;
    float eps; /* of the gated norm */
};

int mamba2_heads(const struct mamba2_shape *shape);
/* Columns that are convolved: x | B | C. */
int mamba2_conv_channels(const struct mamba2_shape *shape);
/* Columns that in_proj makes. */
int mamba2_columns(const struct mamba2_shape *shape);

/* A sequence's state: convolution inputs [conv_width, conv_channels], oldest first, then
 * S [heads, state_size, head_dim].  All zero: an empty sequence. */
size_t mamba2_state_floats(const struct mamba2_shape *shape);
struct span mamba2_span(const struct mamba2_shape *shape, int first_row, int n_rows, float *state);

/* Whether the heads divide the inner width; place names the card in errors.  Errors: MISMATCH. */
enum status mamba2_check(int inner_width, int head_dim, const char *place, struct error *err);

/* What a direction has for itself.  Everything belongs to the weights' arena. */
struct mamba2 {
    const float *conv_weight;     /* [conv_width, conv_channels], oldest tap first */
    const float *conv_bias;       /* [conv_channels] */
    const float *dt_bias, *A, *D; /* [heads]; A = -exp(A_log) */
};

/* Binds "mixer.conv1d<suffix>.weight" and ".bias", "mixer.dt_bias<suffix>", "mixer.A_log<suffix>"
 * and "mixer.D<suffix>" of the weights' scope.  Errors: those of weights_floats(). */
enum status mamba2_open(struct mamba2 *mixer, const struct mamba2_shape *shape,
                        struct weights *weights, const char *suffix, struct error *err);

/* Adds the scratch floats of mamba2_run() to need.  Errors: NO_MEMORY (more than can be
 * addressed). */
enum status mamba2_need(const struct mamba2_shape *shape, const struct ops *ops, int rows,
                        size_t *need, struct error *err);

/* y [rows, inner] of projected [rows, columns]; gate_norm: [inner].  The spans' states, made by
 * mamba2_span(), are carried on. */
void mamba2_run(const struct mamba2 *mixer, const struct mamba2_shape *shape,
                const float *gate_norm, struct compute *compute, const float *projected,
                const struct span *spans, size_t n_spans, float *y, int rows);

#endif
