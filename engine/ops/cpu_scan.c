/* engine/ops/cpu_scan.c - causal convolution and Mamba's selective scan. */
#include "engine/ops/cpu.h"

/* One block of channels of one span; width is a constant where this is inlined for 4. */
INLINE void conv_channels(float *y, const float *x, size_t x_stride, size_t y_stride,
                          const float *weight, const float *bias, int width,
                          const struct span *span, size_t c, int n)
{
    vec taps[8], window[8]; /* window: the last inputs, oldest first */
    for (int w = 0; w < width; w++) {
        taps[w] = vec_load(weight + (size_t)w * y_stride + c, n);
        window[w] = vec_load(span->conv_state + (size_t)w * y_stride + c, n);
    }
    vec b = vec_load(bias + c, n);
    for (int t = 0; t < span->n_rows; t++) {
        size_t row = (size_t)(span->first_row + t);
        for (int w = 0; w + 1 < width; w++)
            window[w] = window[w + 1];
        window[width - 1] = vec_load(x + row * x_stride + c, n);
        vec sum = b;
        for (int w = 0; w < width; w++)
            sum += taps[w] * window[w];
        vec_store(y + row * y_stride + c, vec_silu(sum), n);
    }
    for (int w = 0; w < width; w++)
        vec_store(span->conv_state + (size_t)w * y_stride + c, window[w], n);
}

void CPU(causal_conv_silu)(float *y, const float *x, size_t x_stride, const float *weight,
                           const float *bias, int channels, int width, const struct span *spans,
                           size_t n_spans)
{
    assert(width <= 8);
    long blocks = (channels + LANES - 1) / LANES;
    long tasks = blocks * (long)n_spans;
    SPREAD(blocks * total_rows(spans, n_spans) > PARALLEL_CONV_ROWS,
           CPU(causal_conv_silu)(y, x, x_stride, weight, bias, channels, width, spans, n_spans));
#pragma omp for nowait
    for (long task = 0; task < tasks; task++) {
        const struct span *span = &spans[task / blocks];
        int c = (int)(task % blocks) * LANES;
        int n = min_int(LANES, channels - c);
        if (width == 4 && n == LANES)
            conv_channels(y, x, x_stride, (size_t)channels, weight, bias, 4, span, (size_t)c,
                          LANES);
        else
            conv_channels(y, x, x_stride, (size_t)channels, weight, bias, width, span, (size_t)c,
                          n);
    }
}

enum { MAX_STATE = 256 };

/* One block of channels of one span: the state stays in registers (N is 16 where it matters). */
INLINE void scan_channels(float *y, const struct scan_inputs *in, const struct span *span, size_t c,
                          int n, int N)
{
    vec h[MAX_STATE];
    size_t stride = (size_t)in->channels;
    for (int i = 0; i < N; i++)
        h[i] = vec_load(span->ssm_state + (size_t)i * stride + c, n);
    vec dt_bias = vec_load(in->dt_bias + c, n), D = vec_load(in->D + c, n);
    for (int t = 0; t < span->n_rows; t++) {
        size_t row = (size_t)(span->first_row + t);
        const float *B = in->B + row * in->bc_stride, *C = in->C + row * in->bc_stride;
        vec x = vec_load(in->x + row * stride + c, n);
        vec dt = vec_softplus(vec_load(in->dt + row * stride + c, n) + dt_bias);
        vec dtx = dt * x, sum = D * x;
        for (int i = 0; i < N; i++) {
            vec A = vec_load(in->A + (size_t)i * stride + c, n);
            h[i] = vec_exp(dt * A) * h[i] + B[i] * dtx;
            sum += h[i] * C[i];
        }
        vec z = vec_load(in->z + row * in->z_stride + c, n);
        vec_store(y + row * stride + c, sum * vec_silu(z), n);
    }
    for (int i = 0; i < N; i++)
        vec_store(span->ssm_state + (size_t)i * stride + c, h[i], n);
}

void CPU(selective_scan)(float *y, const struct scan_inputs *in, const struct span *spans,
                         size_t n_spans)
{
    assert(in->state_size <= MAX_STATE);
    long blocks = (in->channels + LANES - 1) / LANES;
    long tasks = blocks * (long)n_spans, states = blocks * in->state_size;
    SPREAD(states * total_rows(spans, n_spans) > PARALLEL_SCAN_STATES,
           CPU(selective_scan)(y, in, spans, n_spans));
#pragma omp for nowait
    for (long task = 0; task < tasks; task++) {
        const struct span *span = &spans[task / blocks];
        int c = (int)(task % blocks) * LANES;
        int n = min_int(LANES, in->channels - c);
        if (in->state_size == 16 && n == LANES)
            scan_channels(y, in, span, (size_t)c, LANES, 16);
        else
            scan_channels(y, in, span, (size_t)c, n, in->state_size);
    }
}
