/* engine/image/resample.c - Pillow 10.0.0 src/libImaging/Resample.c:181-458, 616-708: separable
 * convolution in fixed point, rows first and rounded to bytes, then columns.
 *
 * Sums are of integers that cannot overflow 32 bits: weights of an output add up to 2^22 in all
 * and to less than 1.3 times that in size, and bytes are below 2^8. */
#include "engine/image/resample.h"

#include "engine/image/decode.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

enum { PRECISION_BITS = 32 - 8 - 2, HALF = 1 << (PRECISION_BITS - 1), BLOCK = 96 };

/* Output columns are computed so many at a time that the rows between the passes fit in this. */
enum { BAND_BYTES = 16 << 20 };

/* One axis: output i is a weighted sum of the framed picture's pixels [start, start + n). */
struct span {
    int64_t start;
    int n;
    int32_t outside;        /* sum of the weights that fall on the frame */
    int first, last;        /* pixels of the picture itself, [first, last), may be empty */
    const int32_t *weights; /* of the pixels [first, last) */
};

struct axis {
    int64_t framed, resized; /* lengths */
    int64_t window;          /* the first output */
    int outputs;
    int pad, length;    /* the picture is [pad, pad + length) of framed */
    struct span *spans; /* [outputs] */
    double *exact;      /* [taps]: one output's weights */
    int32_t *weights;   /* [outputs, taps] */
    size_t taps;
};

/* Keys' cubic with a = -0.5. */
static double cubic(double x)
{
    const double a = -0.5;
    if (x < 0.0)
        x = -x;
    if (x < 1.0)
        return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
    if (x < 2.0)
        return (((x - 5) * x + 8) * x - 4) * a;
    return 0.0;
}

/* Where output i gets its pixels from, and their weights, not rounded yet. */
static void span_weigh(const struct axis *axis, int i, struct span *span)
{
    double scale = (double)axis->framed / (double)axis->resized;
    double filter_scale = scale < 1.0 ? 1.0 : scale;
    double support = 2.0 * filter_scale, inverse = 1.0 / filter_scale;
    double centre = ((double)(axis->window + i) + 0.5) * scale;
    int64_t start = (int64_t)(centre - support + 0.5);
    int64_t end = (int64_t)(centre + support + 0.5);
    span->start = start < 0 ? 0 : start;
    span->n = (int)((end > axis->framed ? axis->framed : end) - span->start);
    double sum = 0.0;
    for (int j = 0; j < span->n; j++) {
        axis->exact[j] = cubic(((double)(j + span->start) - centre + 0.5) * inverse);
        sum += axis->exact[j];
    }
    for (int j = 0; j < span->n; j++)
        if (sum != 0.0)
            axis->exact[j] /= sum;
}

static int32_t to_fixed(double weight)
{
    double scaled = weight * (1 << PRECISION_BITS);
    return (int32_t)(weight < 0 ? -0.5 + scaled : 0.5 + scaled);
}

static int clamp(int64_t value, int low, int high)
{
    return value < low ? low : value > high ? high : (int)value;
}

static void span_round(const struct axis *axis, struct span *span, int32_t *weights)
{
    int skipped = clamp(axis->pad - span->start, 0, span->n);
    int wanted = clamp(axis->pad + (int64_t)axis->length - span->start, skipped, span->n) - skipped;
    span->weights = weights;
    span->first = clamp(span->start + skipped - axis->pad, 0, axis->length);
    span->last = span->first + wanted;
    span->outside = 0;
    for (int j = 0; j < span->n; j++) {
        int32_t fixed = to_fixed(axis->exact[j]);
        if (j < skipped || j >= skipped + wanted)
            span->outside += fixed;
        else
            weights[j - skipped] = fixed;
    }
}

static void axis_release(struct axis *axis)
{
    free(axis->spans);
    free(axis->exact);
    free(axis->weights);
}

/* Fills in the rest; false without memory, and then too the axis wants its release. */
static bool axis_prepare(struct axis *axis)
{
    double scale = (double)axis->framed / (double)axis->resized;
    axis->taps = 2 * (size_t)(2.0 * (scale < 1.0 ? 1.0 : scale) + 1.0) + 1;
    axis->spans = calloc((size_t)axis->outputs, sizeof *axis->spans);
    axis->exact = calloc(axis->taps, sizeof *axis->exact);
    axis->weights = calloc((size_t)axis->outputs * axis->taps, sizeof *axis->weights);
    if (!axis->spans || !axis->exact || !axis->weights)
        return false;
    for (int i = 0; i < axis->outputs; i++) {
        span_weigh(axis, i, &axis->spans[i]);
        span_round(axis, &axis->spans[i], axis->weights + (size_t)i * axis->taps);
    }
    return true;
}

static unsigned char to_byte(int32_t sum)
{
    int32_t value = sum >> PRECISION_BITS;
    return (unsigned char)(value < 0 ? 0 : value > 255 ? 255 : value);
}

/* One row of the picture, [length, 3], to [outputs, 3]. */
static void convolve_row(const struct axis *axis, const unsigned char *row,
                         const unsigned char *fill, unsigned char *out)
{
    for (int i = 0; i < axis->outputs; i++, out += 3) {
        const struct span *span = &axis->spans[i];
        const unsigned char *pixel = row + (size_t)span->first * 3;
        int32_t red = HALF + span->outside * fill[0];
        int32_t green = HALF + span->outside * fill[1];
        int32_t blue = HALF + span->outside * fill[2];
        for (int j = 0; j < span->last - span->first; j++, pixel += 3) {
            red += span->weights[j] * pixel[0];
            green += span->weights[j] * pixel[1];
            blue += span->weights[j] * pixel[2];
        }
        out[0] = to_byte(red);
        out[1] = to_byte(green);
        out[2] = to_byte(blue);
    }
}

/* A row that lies in the frame. */
static void convolve_fill(const struct axis *axis, const unsigned char *fill, unsigned char *out)
{
    for (int i = 0; i < axis->outputs; i++, out += 3) {
        const struct span *span = &axis->spans[i];
        int32_t sum = span->outside;
        for (int j = 0; j < span->last - span->first; j++)
            sum += span->weights[j];
        for (int c = 0; c < 3; c++)
            out[c] = to_byte(HALF + sum * fill[c]);
    }
}

/* Output row i from rows of row_bytes, the first of which is the picture's row `first`. */
static void convolve_column(const struct span *span, const unsigned char *rows, int first,
                            size_t row_bytes, const unsigned char *fill_row, unsigned char *out)
{
    const unsigned char *top = rows + (size_t)(span->first - first) * row_bytes;
    for (size_t x = 0; x < row_bytes; x += BLOCK) {
        size_t n = row_bytes - x < BLOCK ? row_bytes - x : BLOCK;
        int32_t sums[BLOCK];
        for (size_t b = 0; b < n; b++)
            sums[b] = HALF + span->outside * fill_row[x + b];
        for (int j = 0; j < span->last - span->first; j++) {
            const unsigned char *row = top + (size_t)j * row_bytes + x;
            int32_t weight = span->weights[j];
            for (size_t b = 0; b < n; b++)
                sums[b] += weight * row[b];
        }
        for (size_t b = 0; b < n; b++)
            out[x + b] = to_byte(sums[b]);
    }
}

/* The picture's rows that any output row reads: [*first, *last). */
static void rows_wanted(const struct axis *vertical, int *first, int *last)
{
    *first = vertical->length;
    *last = 0;
    for (int i = 0; i < vertical->outputs; i++) {
        const struct span *span = &vertical->spans[i];
        if (span->first < span->last) {
            *first = span->first < *first ? span->first : *first;
            *last = span->last > *last ? span->last : *last;
        }
    }
    if (*first > *last)
        *first = *last;
}

/* Some columns of the output, [column, column + columns), between the two passes. */
struct band {
    int column, columns;
    int first, last;     /* the picture's rows that are wanted: [first, last) */
    unsigned char *rows; /* [last - first + 1, columns, 3], the extra one a row of the frame */
};

static void convolve(const struct image *in, const struct axis *horizontal,
                     const struct axis *vertical, const unsigned char *fill,
                     const struct band *band, struct image *out)
{
    struct axis part = *horizontal;
    part.spans += band->column;
    part.outputs = band->columns;
    size_t row_bytes = (size_t)band->columns * 3;
    unsigned char *fill_row = band->rows + (size_t)(band->last - band->first) * row_bytes;
    convolve_fill(&part, fill, fill_row);
#pragma omp parallel for schedule(static)
    for (int y = band->first; y < band->last; y++)
        convolve_row(&part, image_row(in, y), fill,
                     band->rows + (size_t)(y - band->first) * row_bytes);
#pragma omp parallel for schedule(static)
    for (int i = 0; i < vertical->outputs; i++)
        convolve_column(&vertical->spans[i], band->rows, band->first, row_bytes, fill_row,
                        image_row(out, i) + (size_t)band->column * 3);
}

/* Columns of one band when it has so many rows. */
static int band_columns(int n_rows, int outputs)
{
    size_t fit = BAND_BYTES / ((size_t)n_rows * 3);
    return fit == 0 ? 1 : fit < (size_t)outputs ? (int)fit : outputs;
}

static enum status resample(const struct image *in, const unsigned char *fill,
                            struct axis *horizontal, struct axis *vertical, struct image *out)
{
    if (!axis_prepare(horizontal) || !axis_prepare(vertical))
        return STATUS_NO_MEMORY;
    struct band band = {0};
    rows_wanted(vertical, &band.first, &band.last);
    int outputs = horizontal->outputs, n_rows = band.last - band.first + 1;
    int columns = band_columns(n_rows, outputs);
    unsigned char *rows = malloc((size_t)n_rows * (size_t)columns * 3);
    unsigned char *pixels = malloc((size_t)vertical->outputs * (size_t)outputs * 3);
    if (!rows || !pixels) {
        free(rows);
        free(pixels);
        return STATUS_NO_MEMORY;
    }
    *out = (struct image){pixels, outputs, vertical->outputs};
    band.rows = rows;
    for (; band.column < outputs; band.column += columns) {
        band.columns = columns < outputs - band.column ? columns : outputs - band.column;
        convolve(in, horizontal, vertical, fill, &band, out);
    }
    free(rows);
    return STATUS_OK;
}

enum status image_resample(const struct image *in, const struct resample_frame *frame,
                           struct image *out, struct error *err)
{
    assert(in->width > 0 && in->height > 0 && frame->window_width > 0 && frame->window_height > 0);
    assert(frame->window_left + frame->window_width <= frame->width);
    assert(frame->window_top + frame->window_height <= frame->height);
    if (in->width > RESAMPLE_MAX_SIDE || in->height > RESAMPLE_MAX_SIDE)
        return fail(err, STATUS_UNSUPPORTED,
                    "a picture of %d x %d cannot be resized, a side has at most %d pixels",
                    in->width, in->height, RESAMPLE_MAX_SIDE);
    struct axis horizontal = {.framed = (int64_t)in->width + frame->left + frame->right,
                              .resized = frame->width,
                              .window = frame->window_left,
                              .outputs = frame->window_width,
                              .pad = frame->left,
                              .length = in->width};
    struct axis vertical = {.framed = (int64_t)in->height + frame->top + frame->bottom,
                            .resized = frame->height,
                            .window = frame->window_top,
                            .outputs = frame->window_height,
                            .pad = frame->top,
                            .length = in->height};
    enum status status = resample(in, frame->fill, &horizontal, &vertical, out);
    axis_release(&horizontal);
    axis_release(&vertical);
    if (status)
        return fail(err, status, "no memory to resize a picture of %d x %d to %d x %d", in->width,
                    in->height, frame->window_width, frame->window_height);
    return STATUS_OK;
}
