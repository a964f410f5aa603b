/* engine/ops/reference_grid.c - patches, pooling, convolutions on a grid. */
#include "engine/ops/reference.h"

void reference_patches(float *y, const float *pixels, int size, int patch)
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

void reference_average_pool(float *y, const float *x, int side, int out, int width)
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

/* One output of the 3x3 convolution around (row, column), taps outside the grid left out. */
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

void reference_depthwise_conv(float *y, const float *x, const float *weight, const float *bias,
                              int side, int stride, bool identity, int width)
{
    for (int row = 0; row < side; row += stride)
        for (int column = 0; column < side; column += stride)
            for (int c = 0; c < width; c++) {
                double sum = conv3x3(x, weight, side, width, row, column, c);
                if (bias)
                    sum += bias[c];
                if (identity)
                    sum += x[(size_t)(row * side + column) * (size_t)width + (size_t)c];
                *y++ = (float)sum;
            }
}
