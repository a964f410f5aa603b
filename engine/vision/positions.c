#include "engine/vision/encoder.h"

#include <math.h>
#include <stdlib.h>

/* Weights of one output position: taps [first, first + n). */
struct taps {
    int first, n;
    float weights[64];
};

static float cubic(float x)
{
    const float a = -0.5F;
    x = fabsf(x);
    if (x < 1.0F)
        return ((a + 2.0F) * x - (a + 3.0F)) * x * x + 1.0F;
    if (x < 2.0F)
        return (((x - 5.0F) * x + 8.0F) * x - 4.0F) * a;
    return 0.0F;
}

/* The window of output i when from values become to; false if it is wider than there is room. */
static int make_taps(struct taps *taps, int i, int from, int to)
{
    float scale = (float)from / (float)to;
    float support = scale >= 1.0F ? 2.0F * scale : 2.0F;
    float inverse = scale >= 1.0F ? 1.0F / scale : 1.0F;
    float centre = scale * ((float)i + 0.5F);
    int low = (int)(centre - support + 0.5F), high = (int)(centre + support + 0.5F);
    taps->first = low > 0 ? low : 0;
    taps->n = (high < from ? high : from) - taps->first;
    if (taps->n > (int)(sizeof taps->weights / sizeof taps->weights[0]))
        return 0;
    float total = 0;
    for (int j = 0; j < taps->n; j++) {
        taps->weights[j] = cubic(((float)(j + taps->first) - centre + 0.5F) * inverse);
        total += taps->weights[j];
    }
    for (int j = 0; j < taps->n; j++)
        taps->weights[j] /= total;
    return 1;
}

/* One axis: lines of from elements, element j of line l at x + l * x_line + j * step. */
static int resample_axis(const float *x, size_t x_line, float *y, size_t y_line, size_t step,
                         int lines, int from, int to, int width)
{
    for (int i = 0; i < to; i++) {
        struct taps taps;
        if (!make_taps(&taps, i, from, to))
            return 0;
        for (int line = 0; line < lines; line++) {
            const float *in = x + (size_t)line * x_line + (size_t)taps.first * step;
            float *out = y + (size_t)line * y_line + (size_t)i * step;
            for (int c = 0; c < width; c++) {
                float sum = 0;
                for (int j = 0; j < taps.n; j++)
                    sum += taps.weights[j] * in[(size_t)j * step + (size_t)c];
                out[c] = sum;
            }
        }
    }
    return 1;
}

enum status resample_positions(const float *x, int from, float *y, int to, int width,
                               struct error *err)
{
    size_t w = (size_t)width;
    float *narrow = malloc((size_t)from * (size_t)to * w * sizeof *narrow);
    if (!narrow)
        return fail(err, STATUS_NO_MEMORY, "out of memory while resampling a position table");
    int fits =
        resample_axis(x, (size_t)from * w, narrow, (size_t)to * w, w, from, from, to, width) &&
        resample_axis(narrow, w, y, w, (size_t)to * w, to, from, to, width);
    free(narrow);
    if (!fits)
        return fail(err, STATUS_UNSUPPORTED,
                    "a position table of side %d cannot be resampled to side %d", from, to);
    return STATUS_OK;
}
