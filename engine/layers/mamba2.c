#include "engine/layers/mamba2.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>

int mamba2_heads(const struct mamba2_shape *shape)
{
    return shape->inner_width / shape->head_dim;
}

int mamba2_conv_channels(const struct mamba2_shape *shape)
{
    return shape->inner_width + 2 * shape->state_size;
}

int mamba2_columns(const struct mamba2_shape *shape)
{
    return shape->inner_width + mamba2_conv_channels(shape) + mamba2_heads(shape);
}

static size_t conv_state_floats(const struct mamba2_shape *shape)
{
    return (size_t)shape->conv_width * (size_t)mamba2_conv_channels(shape);
}

size_t mamba2_state_floats(const struct mamba2_shape *shape)
{
    return conv_state_floats(shape) + (size_t)shape->inner_width * (size_t)shape->state_size;
}

struct span mamba2_span(const struct mamba2_shape *shape, int first_row, int n_rows, float *state)
{
    return (struct span){first_row, n_rows, state, state + conv_state_floats(shape)};
}

enum status mamba2_check(int inner_width, int head_dim, const char *place, struct error *err)
{
    if (inner_width % head_dim == 0)
        return STATUS_OK;
    return fail(err, STATUS_MISMATCH, "%s: \"inner_width\" %d is not a multiple of \"head_dim\" %d",
                place, inner_width, head_dim);
}

/* The convolution's [channels, 1, width], turned so that channels are contiguous. */
static enum status open_conv(struct mamba2 *mixer, const struct mamba2_shape *shape,
                             struct weights *weights, const char *suffix, struct error *err)
{
    int channels = mamba2_conv_channels(shape);
    float *taps = NULL, *bias = NULL;
    char name[64];
    snprintf(name, sizeof name, "mixer.conv1d%s.weight", suffix);
    enum status status = weights_transposed(weights, name, channels, shape->conv_width, &taps, err);
    snprintf(name, sizeof name, "mixer.conv1d%s.bias", suffix);
    if (!status)
        status = weights_vector(weights, name, channels, &bias, err);
    mixer->conv_weight = taps;
    mixer->conv_bias = bias;
    return status;
}

/* "mixer.A_log_b", a value a head. */
static enum status open_heads(struct weights *weights, const char *base, const char *suffix,
                              int heads, float **out, struct error *err)
{
    char name[64];
    snprintf(name, sizeof name, "mixer.%s%s", base, suffix);
    return weights_vector(weights, name, heads, out, err);
}

enum status mamba2_open(struct mamba2 *mixer, const struct mamba2_shape *shape,
                        struct weights *weights, const char *suffix, struct error *err)
{
    int heads = mamba2_heads(shape);
    float *dt_bias = NULL, *A = NULL, *D = NULL;
    enum status status = open_conv(mixer, shape, weights, suffix, err);
    if (!status)
        status = open_heads(weights, "dt_bias", suffix, heads, &dt_bias, err);
    if (!status)
        status = open_heads(weights, "A_log", suffix, heads, &A, err);
    if (!status)
        status = open_heads(weights, "D", suffix, heads, &D, err);
    if (status)
        return status;
    for (int i = 0; i < heads; i++)
        A[i] = -expf(A[i]);
    mixer->dt_bias = dt_bias;
    mixer->A = A;
    mixer->D = D;
    return STATUS_OK;
}

enum status mamba2_need(const struct mamba2_shape *shape, const struct ops *ops, int rows,
                        size_t *need, struct error *err)
{
    struct ssd_inputs in = {
        .heads = mamba2_heads(shape), .head_dim = shape->head_dim, .state_size = shape->state_size};
    size_t scan = ops->ssd_scratch(&in, rows);
    if (scan > INT_MAX)
        return fail(err, STATUS_NO_MEMORY, "the scan of %d rows does not fit in memory", rows);
    *need += compute_need(rows, mamba2_conv_channels(shape)) + compute_need(1, (int)scan);
    return STATUS_OK;
}

void mamba2_run(const struct mamba2 *mixer, const struct mamba2_shape *shape,
                const float *gate_norm, struct compute *compute, const float *projected,
                const struct span *spans, size_t n_spans, float *y, int rows)
{
    const struct ops *ops = compute->ops;
    int inner = shape->inner_width, channels = mamba2_conv_channels(shape);
    size_t taken = compute->taken_floats, columns = (size_t)mamba2_columns(shape);
    float *xbc = compute_take(compute, rows, channels);
    ops->causal_conv_silu(xbc, projected + inner, columns, mixer->conv_weight, mixer->conv_bias,
                          channels, shape->conv_width, spans, n_spans);
    struct ssd_inputs in = {
        .x = xbc,
        .B = xbc + inner,
        .C = xbc + inner + shape->state_size,
        .dt = projected + inner + channels,
        .xbc_stride = (size_t)channels,
        .dt_stride = columns,
        .dt_bias = mixer->dt_bias,
        .A = mixer->A,
        .D = mixer->D,
        .heads = mamba2_heads(shape),
        .head_dim = shape->head_dim,
        .state_size = shape->state_size,
    };
    float *scratch = compute_take(compute, 1, (int)ops->ssd_scratch(&in, rows));
    ops->ssd_scan(y, &in, spans, n_spans, scratch);
    ops->gated_rms_norm(y, y, projected, columns, gate_norm, rows, inner, shape->eps);
    compute_release(compute, taken);
}
