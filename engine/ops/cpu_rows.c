/* engine/ops/cpu_rows.c - norms, sums and copies of rows, embedding. */
#include "engine/ops/cpu.h"

INLINE vec sum_of_squares(const float *x, int width, float mean)
{
    vec sum = {0};
    for (int c = 0; c < width; c += LANES) {
        int n = min_int(LANES, width - c);
        vec d = vec_load(x + c, n) - mean;
        if (n < LANES) { /* lanes behind the end hold -mean: take them out again */
            float lanes[LANES] = {0};
            memcpy(lanes, &d, (size_t)n * sizeof *lanes);
            memcpy(&d, lanes, sizeof d);
        }
        sum += d * d;
    }
    return sum;
}

static void rms_norm_row(float *y, const float *x, const float *weight, int width, float eps)
{
    float scale = 1.0F / sqrtf(vec_sum(sum_of_squares(x, width, 0)) / (float)width + eps);
    for (int c = 0; c < width; c += LANES) {
        int n = min_int(LANES, width - c);
        vec_store(y + c, vec_load(x + c, n) * scale * vec_load(weight + c, n), n);
    }
}

void CPU(rms_norm)(float *y, const float *x, const float *weight, int rows, int width, float eps)
{
    SPREAD((long)rows * width > PARALLEL_VALUES, CPU(rms_norm)(y, x, weight, rows, width, eps));
#pragma omp for nowait
    for (int r = 0; r < rows; r++)
        rms_norm_row(y + (size_t)r * (size_t)width, x + (size_t)r * (size_t)width, weight, width,
                     eps);
}

/* The gated row is written to y first: it may be x, and z is read once. */
void CPU(gated_rms_norm)(float *y, const float *x, const float *z, size_t z_stride,
                         const float *weight, int rows, int width, float eps)
{
    SPREAD((long)rows * width > PARALLEL_VALUES,
           CPU(gated_rms_norm)(y, x, z, z_stride, weight, rows, width, eps));
#pragma omp for nowait
    for (int r = 0; r < rows; r++) {
        const float *in = x + (size_t)r * (size_t)width, *gate = z + (size_t)r * z_stride;
        float *out = y + (size_t)r * (size_t)width;
        for (int c = 0; c < width; c += LANES) {
            int n = min_int(LANES, width - c);
            vec_store(out + c, vec_load(in + c, n) * vec_silu(vec_load(gate + c, n)), n);
        }
        rms_norm_row(out, out, weight, width, eps);
    }
}

void CPU(layer_norm)(float *y, const float *x, const float *weight, const float *bias, int rows,
                     int width, float eps)
{
    SPREAD((long)rows * width > PARALLEL_VALUES,
           CPU(layer_norm)(y, x, weight, bias, rows, width, eps));
#pragma omp for nowait
    for (int r = 0; r < rows; r++) {
        const float *in = x + (size_t)r * (size_t)width;
        float *out = y + (size_t)r * (size_t)width;
        vec sum = {0};
        for (int c = 0; c < width; c += LANES)
            sum += vec_load(in + c, min_int(LANES, width - c));
        float mean = vec_sum(sum) / (float)width;
        float variance = vec_sum(sum_of_squares(in, width, mean)) / (float)width;
        float scale = 1.0F / sqrtf(variance + eps);
        for (int c = 0; c < width; c += LANES) {
            int n = min_int(LANES, width - c);
            vec v = (vec_load(in + c, n) - mean) * scale;
            vec_store(out + c, v * vec_load(weight + c, n) + vec_load(bias + c, n), n);
        }
    }
}

void CPU(add_scaled)(float *y, const float *x, const float *scale, int rows, int width)
{
    SPREAD((long)rows * width > PARALLEL_VALUES, CPU(add_scaled)(y, x, scale, rows, width));
#pragma omp for nowait
    for (int r = 0; r < rows; r++) {
        const float *in = x + (size_t)r * (size_t)width;
        float *out = y + (size_t)r * (size_t)width;
        if (scale)
            for (int c = 0; c < width; c++)
                out[c] += scale[c] * in[c];
        else
            for (int c = 0; c < width; c++)
                out[c] += in[c];
    }
}

void CPU(average_reversed)(float *y, const float *x, int rows, int width)
{
    SPREAD((long)rows * width > PARALLEL_VALUES, CPU(average_reversed)(y, x, rows, width));
#pragma omp for nowait
    for (int r = 0; r < rows; r++) {
        const float *in = x + (size_t)(rows - 1 - r) * (size_t)width;
        float *out = y + (size_t)r * (size_t)width;
        for (int c = 0; c < width; c++)
            out[c] = 0.5F * (out[c] + in[c]);
    }
}

void CPU(copy_rows)(float *y, size_t y_stride, const float *x, size_t x_stride, int rows, int width)
{
    SPREAD((long)rows * width > PARALLEL_VALUES,
           CPU(copy_rows)(y, y_stride, x, x_stride, rows, width));
#pragma omp for nowait
    for (int r = 0; r < rows; r++)
        memcpy(y + (size_t)r * y_stride, x + (size_t)r * x_stride, (size_t)width * sizeof *y);
}

void CPU(reverse_rows)(float *y, const float *x, int rows, int width)
{
    SPREAD((long)rows * width > PARALLEL_VALUES, CPU(reverse_rows)(y, x, rows, width));
#pragma omp for nowait
    for (int r = 0; r < rows; r++)
        memcpy(y + (size_t)r * (size_t)width, x + (size_t)(rows - 1 - r) * (size_t)width,
               (size_t)width * sizeof *y);
}

void CPU(embed_f32)(float *y, const float *table, const int *ids, int rows, int width)
{
    for (int r = 0; r < rows; r++)
        memcpy(y + (size_t)r * (size_t)width, table + (size_t)ids[r] * (size_t)width,
               (size_t)width * sizeof *y);
}

void CPU(embed_bf16)(float *y, const unsigned short *table, const int *ids, int rows, int width)
{
    for (int r = 0; r < rows; r++) {
        const unsigned short *in = table + (size_t)ids[r] * (size_t)width;
        float *out = y + (size_t)r * (size_t)width;
        for (int c = 0; c < width; c++)
            out[c] = float_from_bf16(in[c]);
    }
}

/* Channels are split among threads: each sum is one thread's, in the order of the rows. */
void CPU(mean_rows)(float *y, const float *x, int rows, int width)
{
    SPREAD((long)rows * width > PARALLEL_VALUES, CPU(mean_rows)(y, x, rows, width));
#pragma omp for nowait
    for (int c = 0; c < width; c += LANES) {
        int n = min_int(LANES, width - c);
        vec sum = {0};
        for (int r = 0; r < rows; r++)
            sum += vec_load(x + (size_t)r * (size_t)width + (size_t)c, n);
        vec_store(y + c, sum / (float)rows, n);
    }
}

void CPU(scale_columns)(float *x, const float *scale, int rows, int width)
{
    SPREAD((long)rows * width > PARALLEL_VALUES, CPU(scale_columns)(x, scale, rows, width));
#pragma omp for nowait
    for (int r = 0; r < rows; r++) {
        float *row = x + (size_t)r * (size_t)width;
        for (int c = 0; c < width; c++)
            row[c] *= scale[c];
    }
}
