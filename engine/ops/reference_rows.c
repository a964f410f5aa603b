/* engine/ops/reference_rows.c - norms, sums and copies of rows, embedding. */
#include "engine/ops/reference.h"

#include "engine/base/float16.h"

#include <math.h>

/* y = x * gate / sqrt(mean((x * gate)^2) + eps) * weight for one row; gate: SiLU(z), or 1. */
static void normalize(float *y, const float *x, const float *z, const float *weight, int width,
                      float eps)
{
    double sum = 0;
    for (int c = 0; c < width; c++) {
        double gated = x[c] * (z ? reference_silu((double)z[c]) : 1);
        sum += gated * gated;
    }
    double scale = 1 / sqrt(sum / width + (double)eps);
    for (int c = 0; c < width; c++)
        y[c] = (float)(x[c] * (z ? reference_silu((double)z[c]) : 1) * scale * weight[c]);
}

void reference_rms_norm(float *y, const float *x, const float *weight, int rows, int width,
                        float eps)
{
    for (int r = 0; r < rows; r++, x += width, y += width)
        normalize(y, x, NULL, weight, width, eps);
}

void reference_gated_rms_norm(float *y, const float *x, const float *z, size_t z_stride,
                              const float *weight, int rows, int width, float eps)
{
    for (int r = 0; r < rows; r++, x += width, y += width, z += z_stride)
        normalize(y, x, z, weight, width, eps);
}

void reference_layer_norm(float *y, const float *x, const float *weight, const float *bias,
                          int rows, int width, float eps)
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

void reference_add_scaled(float *y, const float *x, const float *scale, int rows, int width)
{
    for (int r = 0; r < rows; r++, x += width, y += width)
        for (int c = 0; c < width; c++)
            y[c] += scale ? scale[c] * x[c] : x[c];
}

void reference_average_reversed(float *y, const float *x, int rows, int width)
{
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < width; c++) {
            float *to = &y[(size_t)r * (size_t)width + (size_t)c];
            *to = (*to + x[(size_t)(rows - 1 - r) * (size_t)width + (size_t)c]) / 2;
        }
}

void reference_copy_rows(float *y, size_t y_stride, const float *x, size_t x_stride, int rows,
                         int width)
{
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < width; c++)
            y[(size_t)r * y_stride + (size_t)c] = x[(size_t)r * x_stride + (size_t)c];
}

void reference_reverse_rows(float *y, const float *x, int rows, int width)
{
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < width; c++)
            y[(size_t)r * (size_t)width + (size_t)c] =
                x[(size_t)(rows - 1 - r) * (size_t)width + (size_t)c];
}

void reference_embed_f32(float *y, const float *table, const int *ids, int rows, int width)
{
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < width; c++)
            y[(size_t)r * (size_t)width + (size_t)c] =
                table[(size_t)ids[r] * (size_t)width + (size_t)c];
}

void reference_embed_bf16(float *y, const unsigned short *table, const int *ids, int rows,
                          int width)
{
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < width; c++)
            y[(size_t)r * (size_t)width + (size_t)c] =
                float_from_bf16(table[(size_t)ids[r] * (size_t)width + (size_t)c]);
}

void reference_mean_rows(float *y, const float *x, int rows, int width)
{
    for (int c = 0; c < width; c++) {
        double sum = 0;
        for (int r = 0; r < rows; r++)
            sum += x[(size_t)r * (size_t)width + (size_t)c];
        y[c] = (float)(sum / rows);
    }
}

void reference_scale_columns(float *x, const float *scale, int rows, int width)
{
    for (int r = 0; r < rows; r++, x += width)
        for (int c = 0; c < width; c++)
            x[c] *= scale[c];
}
