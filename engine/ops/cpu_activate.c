/* engine/ops/cpu_activate.c - elementwise functions. */
#include "engine/ops/cpu.h"

INLINE vec gelu_erf(vec x)
{
    return 0.5F * x * (1.0F + vec_erf(x * 0.70710678118F));
}

/* (1 + tanh u) / 2 = sigmoid(2u): nothing cancels, neither near 0 nor far below it. */
INLINE vec gelu_tanh(vec x)
{
    return vec_gated(x, 1.59576912161F * (x + 0.044715F * (x * x * x)));
}

INLINE vec gelu_quick(vec x)
{
    return vec_gated(x, 1.702F * x);
}

INLINE vec relu(vec x)
{
    return vec_max(vec_set(0.0F), x);
}

INLINE vec hardsigmoid(vec x)
{
    return vec_min(vec_set(6.0F), vec_max(vec_set(0.0F), x + 3.0F)) / 6.0F;
}

INLINE vec hardswish(vec x)
{
    return x * hardsigmoid(x);
}

/* x[from..to) = f(x); what is left over is computed by the same instructions. */
#define APPLY(name)                                                                                \
    static void apply_##name(float *x, size_t from, size_t to)                                     \
    {                                                                                              \
        for (size_t i = from; i < to; i += LANES) {                                                \
            int n = to - i < LANES ? (int)(to - i) : LANES;                                        \
            vec_store(x + i, name(vec_load(x + i, n)), n);                                         \
        }                                                                                          \
    }

APPLY(gelu_erf)
APPLY(gelu_tanh)
APPLY(gelu_quick)
APPLY(vec_silu)
APPLY(relu)
APPLY(hardsigmoid)
APPLY(hardswish)

static void (*const functions[ACTIVATION_N])(float *x, size_t from, size_t to) = {
    [ACTIVATION_GELU_ERF] = apply_gelu_erf,
    [ACTIVATION_GELU_TANH] = apply_gelu_tanh,
    [ACTIVATION_GELU_QUICK] = apply_gelu_quick,
    [ACTIVATION_SILU] = apply_vec_silu,
    [ACTIVATION_RELU] = apply_relu,
    [ACTIVATION_HARDSIGMOID] = apply_hardsigmoid,
    [ACTIVATION_HARDSWISH] = apply_hardswish,
};

void CPU(activate)(float *x, size_t n, enum activation activation)
{
    enum { PIECE = 1 << 10 };
    long pieces = (long)((n + PIECE - 1) / PIECE);
    SPREAD(n > PARALLEL_VALUES, CPU(activate)(x, n, activation));
#pragma omp for nowait
    for (long p = 0; p < pieces; p++) {
        size_t from = (size_t)p * PIECE;
        functions[activation](x, from, n - from < PIECE ? n : from + PIECE);
    }
}

void CPU(silu_multiply)(float *y, const float *gate, const float *up, size_t stride, int rows,
                        int width)
{
    SPREAD((long)rows * width > PARALLEL_VALUES,
           CPU(silu_multiply)(y, gate, up, stride, rows, width));
#pragma omp for nowait
    for (int r = 0; r < rows; r++) {
        const float *g = gate + (size_t)r * stride, *u = up + (size_t)r * stride;
        float *out = y + (size_t)r * (size_t)width;
        for (int c = 0; c < width; c += LANES) {
            int n = min_int(LANES, width - c);
            vec_store(out + c, vec_silu(vec_load(g + c, n)) * vec_load(u + c, n), n);
        }
    }
}
