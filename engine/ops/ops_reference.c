/* engine/ops/ops_reference.c - the operations as mathematics: sums in double, libm, no blocking.
 *
 * This file is the specification; the fast kernels are tested against it. */
#include "engine/base/float16.h"
#include "engine/ops/ops.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void rms_norm(float *y, const float *x, const float *weight, int rows, int width, float eps)
{
    for (int r = 0; r < rows; r++, x += width, y += width) {
        double sum = 0;
        for (int c = 0; c < width; c++)
            sum += (double)x[c] * x[c];
        double scale = 1 / sqrt(sum / width + (double)eps);
        for (int c = 0; c < width; c++)
            y[c] = (float)(x[c] * scale * weight[c]);
    }
}

static void layer_norm(float *y, const float *x, const float *weight, const float *bias, int rows,
                       int width, float eps)
{
    for (int r = 0; r < rows; r++, x += width, y += width) {
        double mean = 0, variance = 0;
        for (int c = 0; c < width; c++)
            mean += x[c];
        mean /= width;
        for (int c = 0; c < width; c++)
            variance += (x[c] - mean) * (x[c] - mean);
        double scale = 1 / sqrt(variance / width + (double)eps);
        for (int c = 0; c < width; c++)
            y[c] = (float)((x[c] - mean) * scale * weight[c] + bias[c]);
    }
}

static void gelu_erf(float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = (float)(0.5 * x[i] * (1 + erf(x[i] * M_SQRT1_2)));
}

static void add_scaled(float *y, const float *x, const float *scale, int rows, int width)
{
    for (int r = 0; r < rows; r++, x += width, y += width)
        for (int c = 0; c < width; c++)
            y[c] += scale ? scale[c] * x[c] : x[c];
}

static void copy_rows(float *y, size_t y_stride, const float *x, size_t x_stride, int rows,
                      int width)
{
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < width; c++)
            y[(size_t)r * y_stride + (size_t)c] = x[(size_t)r * x_stride + (size_t)c];
}

static void embed_f32(float *y, const float *table, const int *ids, int rows, int width)
{
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < width; c++)
            y[(size_t)r * (size_t)width + (size_t)c] =
                table[(size_t)ids[r] * (size_t)width + (size_t)c];
}

static void embed_bf16(float *y, const unsigned short *table, const int *ids, int rows, int width)
{
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < width; c++)
            y[(size_t)r * (size_t)width + (size_t)c] =
                float_from_bf16(table[(size_t)ids[r] * (size_t)width + (size_t)c]);
}

static void patches(float *y, const float *pixels, int size, int patch)
{
    int grid = size / patch;
    for (int gy = 0; gy < grid; gy++)
        for (int gx = 0; gx < grid; gx++)
            for (int c = 0; c < 3; c++)
                for (int py = 0; py < patch; py++)
                    for (int px = 0; px < patch; px++)
                        *y++ = pixels[((size_t)c * (size_t)size + (size_t)(gy * patch + py)) *
                                          (size_t)size +
                                      (size_t)(gx * patch + px)];
}

static double dot(const float *a, const float *b, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += (double)a[i] * b[i];
    return sum;
}

/* One query of one head: two passes, the largest score first, so that nothing need be stored. */
static void attend(float *out, const float *q, const float *k, const float *v,
                   const struct attention_shape *s)
{
    double largest = -INFINITY, sum = 0;
    for (int j = 0; j < s->n_keys; j++)
        largest = fmax(largest, dot(q, k + (size_t)j * s->stride, s->head_dim) * s->scale);
    for (int j = 0; j < s->n_keys; j++)
        sum += exp(dot(q, k + (size_t)j * s->stride, s->head_dim) * s->scale - largest);
    for (int d = 0; d < s->head_dim; d++) {
        double value = 0;
        for (int j = 0; j < s->n_keys; j++)
            value += exp(dot(q, k + (size_t)j * s->stride, s->head_dim) * s->scale - largest) *
                     v[(size_t)j * s->stride + (size_t)d];
        out[d] = (float)(value / sum);
    }
}

static void attention(float *out, const float *q, const float *k, const float *v,
                      const struct attention_shape *s)
{
    for (int i = 0; i < s->n_queries; i++)
        for (int h = 0; h < s->heads; h++) {
            size_t head = (size_t)h * (size_t)s->head_dim;
            attend(out + (size_t)i * (size_t)(s->heads * s->head_dim) + head,
                   q + (size_t)i * s->stride + head, k + head, v + head, s);
        }
}

static double silu(double x)
{
    return x / (1 + exp(-x));
}

static void causal_conv_silu(float *y, const float *x, size_t x_stride, const float *weight,
                             const float *bias, int channels, int width, const struct span *spans,
                             size_t n_spans)
{
    size_t n = (size_t)channels;
    for (size_t s = 0; s < n_spans; s++)
        for (int t = 0; t < spans[s].n_rows; t++) {
            size_t row = (size_t)(spans[s].first_row + t);
            float *state = spans[s].conv_state;
            memmove(state, state + n, (size_t)(width - 1) * n * sizeof *state);
            memcpy(state + (size_t)(width - 1) * n, x + row * x_stride, n * sizeof *state);
            for (size_t c = 0; c < n; c++) {
                double sum = bias[c];
                for (int w = 0; w < width; w++)
                    sum += (double)weight[(size_t)w * n + c] * state[(size_t)w * n + c];
                y[row * n + c] = (float)silu(sum);
            }
        }
}

/* softplus with PyTorch's threshold: the identity above 20. */
static double softplus(double v)
{
    return v <= 20 ? log1p(exp(v)) : v;
}

static void selective_scan(float *y, const struct scan_inputs *in, const struct span *spans,
                           size_t n_spans)
{
    size_t channels = (size_t)in->channels;
    for (size_t s = 0; s < n_spans; s++)
        for (int t = 0; t < spans[s].n_rows; t++) {
            size_t row = (size_t)(spans[s].first_row + t);
            const float *B = in->B + row * in->bc_stride, *C = in->C + row * in->bc_stride;
            for (size_t c = 0; c < channels; c++) {
                double x = in->x[row * channels + c];
                double dt = softplus((double)in->dt[row * channels + c] + in->dt_bias[c]);
                double sum = in->D[c] * x;
                for (int n = 0; n < in->state_size; n++) {
                    float *h = &spans[s].ssm_state[(size_t)n * channels + c];
                    double decay = exp(dt * in->A[(size_t)n * channels + c]);
                    *h = (float)(decay * *h + B[n] * (dt * x));
                    sum += (double)*h * C[n];
                }
                y[row * channels + c] = (float)(sum * silu(in->z[row * in->z_stride + c]));
            }
        }
}

static void average_pool(float *y, const float *x, int side, int out, int width)
{
    for (int i = 0; i < out; i++)
        for (int j = 0; j < out; j++)
            for (int c = 0; c < width; c++) {
                int top = i * side / out, bottom = ((i + 1) * side + out - 1) / out;
                int left = j * side / out, right = ((j + 1) * side + out - 1) / out;
                double sum = 0;
                for (int a = top; a < bottom; a++)
                    for (int b = left; b < right; b++)
                        sum += x[(size_t)(a * side + b) * (size_t)width + (size_t)c];
                y[(size_t)(i * out + j) * (size_t)width + (size_t)c] =
                    (float)(sum / ((bottom - top) * (right - left)));
            }
}

/* One output of the 3x3 convolution, taps outside the grid left out. */
static double conv3x3(const float *x, const float *weight, int side, int width, int row, int column,
                      int c)
{
    double sum = 0;
    for (int ky = 0; ky < 3; ky++)
        for (int kx = 0; kx < 3; kx++) {
            int i = row + ky - 1, j = column + kx - 1;
            if (i >= 0 && i < side && j >= 0 && j < side)
                sum += (double)weight[(ky * 3 + kx) * width + c] *
                       x[(size_t)(i * side + j) * (size_t)width + (size_t)c];
        }
    return sum;
}

static void position_conv(float *y, const float *x, const float *weight, const float *bias,
                          int side, int width)
{
    for (int row = 0; row < side; row++)
        for (int column = 0; column < side; column++)
            for (int c = 0; c < width; c++) {
                size_t at = (size_t)(row * side + column) * (size_t)width + (size_t)c;
                y[at] = (float)(conv3x3(x, weight, side, width, row, column, c) + bias[c] + x[at]);
            }
}

const struct ops ops_reference = {
    .name = "reference",
    .rms_norm = rms_norm,
    .layer_norm = layer_norm,
    .gelu_erf = gelu_erf,
    .add_scaled = add_scaled,
    .copy_rows = copy_rows,
    .embed_f32 = embed_f32,
    .embed_bf16 = embed_bf16,
    .patches = patches,
    .attention = attention,
    .causal_conv_silu = causal_conv_silu,
    .selective_scan = selective_scan,
    .average_pool = average_pool,
    .position_conv = position_conv,
};
