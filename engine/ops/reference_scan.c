/* engine/ops/reference_scan.c - causal convolution and the scans. */
#include "engine/ops/reference.h"

#include <math.h>
#include <string.h>

void reference_causal_conv_silu(float *y, const float *x, size_t x_stride, const float *weight,
                                const float *bias, int channels, int width,
                                const struct span *spans, size_t n_spans)
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
                y[row * n + c] = (float)reference_silu(sum);
            }
        }
}

/* softplus with PyTorch's threshold: the identity above 20. */
double reference_softplus(double v)
{
    return v <= 20 ? log1p(exp(v)) : v;
}

void reference_selective_scan(float *y, const struct scan_inputs *in, const struct span *spans,
                              size_t n_spans)
{
    size_t channels = (size_t)in->channels;
    for (size_t s = 0; s < n_spans; s++)
        for (int t = 0; t < spans[s].n_rows; t++) {
            size_t row = (size_t)(spans[s].first_row + t);
            const float *B = in->B + row * in->bc_stride, *C = in->C + row * in->bc_stride;
            for (size_t c = 0; c < channels; c++) {
                double x = in->x[row * channels + c];
                double dt = reference_softplus((double)in->dt[row * channels + c] + in->dt_bias[c]);
                double sum = in->D[c] * x;
                for (int n = 0; n < in->state_size; n++) {
                    float *h = &spans[s].ssm_state[(size_t)n * channels + c];
                    double decay = exp(dt * in->A[(size_t)n * channels + c]);
                    *h = (float)(decay * *h + B[n] * (dt * x));
                    sum += (double)*h * C[n];
                }
                y[row * channels + c] =
                    (float)(sum * reference_silu(in->z[row * in->z_stride + c]));
            }
        }
}
