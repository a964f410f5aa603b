/* engine/ops/reference_activate.c - elementwise functions. */
#include "engine/ops/reference.h"

#include <math.h>

static double gelu_erf(double x)
{
    return 0.5 * x * (1 + erf(x * M_SQRT1_2));
}

static double gelu_tanh(double x)
{
    return 0.5 * x * (1 + tanh(M_SQRT1_2 * M_2_SQRTPI * (x + 0.044715 * x * x * x)));
}

static double gelu_quick(double x)
{
    return x / (1 + exp(-1.702 * x));
}

double reference_silu(double x)
{
    return x / (1 + exp(-x));
}

/* The comparisons are written so that NaN passes. */
static double relu(double x)
{
    return x < 0 ? 0 : x;
}

static double hardsigmoid(double x)
{
    return (x < -3 ? 0 : x > 3 ? 6 : x + 3) / 6;
}

static double hardswish(double x)
{
    return x * hardsigmoid(x);
}

static double (*const functions[ACTIVATION_N])(double) = {
    [ACTIVATION_GELU_ERF] = gelu_erf,
    [ACTIVATION_GELU_TANH] = gelu_tanh,
    [ACTIVATION_GELU_QUICK] = gelu_quick,
    [ACTIVATION_SILU] = reference_silu,
    [ACTIVATION_RELU] = relu,
    [ACTIVATION_HARDSIGMOID] = hardsigmoid,
    [ACTIVATION_HARDSWISH] = hardswish,
};

void reference_activate(float *x, size_t n, enum activation activation)
{
    for (size_t i = 0; i < n; i++)
        x[i] = (float)functions[activation]((double)x[i]);
}

void reference_silu_multiply(float *y, const float *gate, const float *up, size_t stride, int rows,
                             int width)
{
    for (int r = 0; r < rows; r++, gate += stride, up += stride, y += width)
        for (int c = 0; c < width; c++)
            y[c] = (float)(reference_silu((double)gate[c]) * up[c]);
}
