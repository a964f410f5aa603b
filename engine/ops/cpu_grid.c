/* engine/ops/cpu_grid.c - rows that lie on a square grid: patches, pooling, convolutions. */
#include "engine/ops/cpu.h"

void CPU(patches)(float *y, const float *pixels, int size, int patch)
{
    int grid = size / patch;
    size_t row_bytes = (size_t)patch * sizeof *y;
    SPREAD((long)size * size > PARALLEL_VALUES, CPU(patches)(y, pixels, size, patch));
#pragma omp for nowait
    for (int p = 0; p < grid * grid; p++) {
        float *out = y + (size_t)p * 3 * (size_t)patch * (size_t)patch;
        for (int c = 0; c < 3; c++)
            for (int py = 0; py < patch; py++, out += patch) {
                size_t line = (size_t)c * (size_t)size + (size_t)(p / grid * patch + py);
                memcpy(out, pixels + line * (size_t)size + (size_t)(p % grid * patch), row_bytes);
            }
    }
}

/* One output of the pool: the mean of rows [top, bottom) x [left, right). */
static void pool_window(float *y, const float *x, int side, int width, const int window[4])
{
    int count = (window[1] - window[0]) * (window[3] - window[2]);
    for (int c = 0; c < width; c += LANES) {
        int n = min_int(LANES, width - c);
        vec sum = {0};
        for (int a = window[0]; a < window[1]; a++)
            for (int b = window[2]; b < window[3]; b++)
                sum += vec_load(x + (size_t)(a * side + b) * (size_t)width + (size_t)c, n);
        vec_store(y + c, sum / (float)count, n);
    }
}

void CPU(average_pool)(float *y, const float *x, int side, int out, int width)
{
    SPREAD((long)side * side * width > PARALLEL_VALUES, CPU(average_pool)(y, x, side, out, width));
#pragma omp for nowait
    for (int p = 0; p < out * out; p++) {
        int i = p / out, j = p % out;
        int window[4] = {i * side / out, ((i + 1) * side + out - 1) / out, j * side / out,
                         ((j + 1) * side + out - 1) / out};
        pool_window(y + (size_t)p * (size_t)width, x, side, width, window);
    }
}

struct conv {
    const float *x, *weight, *bias;
    int side, stride, width;
    bool identity;
};

/* One output row: all channels, taps outside the grid left out. */
static void conv_position(float *y, const struct conv *conv, int row, int column)
{
    size_t width = (size_t)conv->width;
    for (int c = 0; c < conv->width; c += LANES) {
        int n = min_int(LANES, conv->width - c);
        const float *x = conv->x + c;
        vec sum = {0};
        for (int tap = 0; tap < 9; tap++) {
            int i = row + tap / 3 - 1, j = column + tap % 3 - 1;
            if (i < 0 || i >= conv->side || j < 0 || j >= conv->side)
                continue;
            sum += vec_load(conv->weight + (size_t)tap * width + (size_t)c, n) *
                   vec_load(x + (size_t)(i * conv->side + j) * width, n);
        }
        if (conv->bias)
            sum += vec_load(conv->bias + c, n);
        if (conv->identity)
            sum += vec_load(x + (size_t)(row * conv->side + column) * width, n);
        vec_store(y + c, sum, n);
    }
}

void CPU(depthwise_conv)(float *y, const float *x, const float *weight, const float *bias, int side,
                         int stride, bool identity, int width)
{
    assert(!identity || stride == 1);
    const struct conv conv = {x, weight, bias, side, stride, width, identity};
    int out = (side - 1) / stride + 1;
    SPREAD((long)out * out * width > PARALLEL_VALUES,
           CPU(depthwise_conv)(y, x, weight, bias, side, stride, identity, width));
#pragma omp for nowait
    for (int p = 0; p < out * out; p++)
        conv_position(y + (size_t)p * (size_t)width, &conv, p / out * stride, p % out * stride);
}
