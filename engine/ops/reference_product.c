/* engine/ops/reference_product.c - a product in f32, and what stands around the library's: rows in
 * the weights' type, sums of int8, the bias. */
#include "engine/ops/reference.h"

#include "engine/base/float16.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

void reference_panel_product(float *y, const float *x, size_t x_stride, const struct panels *panels,
                             const float *weights, int rows)
{
    for (int r = 0; r < rows; r++, x += x_stride, y += panels->n_out)
        for (int c = 0; c < panels->n_out; c++) {
            const float *w =
                weights + (size_t)(c / PANEL_OUTPUTS) * panel_words(panels) + c % PANEL_OUTPUTS;
            double sum = 0;
            for (int k = 0; k < panels->n_in; k++)
                sum += (double)x[k] * (double)w[(size_t)k * PANEL_OUTPUTS];
            y[c] = (float)sum;
        }
}

void reference_add_row(float *x, const float *row, int rows, int width)
{
    for (int r = 0; r < rows; r++, x += width)
        for (int c = 0; c < width; c++)
            x[c] += row[c];
}

void reference_round_rows(unsigned short *y, const float *x, size_t x_stride, int rows, int width)
{
    for (int r = 0; r < rows; r++, x += x_stride, y += width)
        for (int c = 0; c < width; c++)
            y[c] = bf16_from_float(x[c]);
}

void reference_quantise_rows(unsigned char *y, float *scale, const float *x, size_t x_stride,
                             int rows, int width)
{
    for (int r = 0; r < rows; r++, x += x_stride, y += width) {
        float largest = 0;
        bool finite = true;
        for (int c = 0; c < width; c++) {
            largest = fmaxf(largest, fabsf(x[c]));
            finite = finite && isfinite(x[c]);
        }
        float steps = finite && largest >= 1e-36F ? 127 / largest : 0;
        scale[r] = !finite ? NAN : steps > 0 ? largest / 127 : 0;
        for (int c = 0; c < width; c++)
            y[c] = (unsigned char)(128 + (int)(finite ? rintf(x[c] * steps) : 0));
    }
}

void reference_scale_sums(float *y, const float *row_scale, const int *offset, const float *scale,
                          const float *bias, int rows, int n_out)
{
    for (int r = 0; r < rows; r++, y += n_out)
        for (int c = 0; c < n_out; c++) {
            int32_t sum;
            memcpy(&sum, &y[c], sizeof sum);
            y[c] = (float)(sum - offset[c]) * (row_scale[r] * scale[c]);
            if (bias)
                y[c] += bias[c];
        }
}
