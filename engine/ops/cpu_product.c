/* engine/ops/cpu_product.c - a product in f32, and what stands around the library's: rows in the
 * weights' type, sums of int8, the bias. */
#include "engine/ops/cpu.h"

enum {
    CHUNK = 1024,    /* inputs whose products are summed apart */
    ROWS = 4,        /* that share loads of weights */
    TILE_VECTORS = 2 /* of outputs; the sums of a tile stay in registers */
};

/* Products of inputs [first, first + n) of some rows with some vectors of a panel, added to y where
 * they are not the first. */
INLINE void product_tile(float *y, const float *x, size_t x_stride, const struct panels *panels,
                         const float *w, int first, int n, int outputs, int rows)
{
    vec acc[ROWS][TILE_VECTORS] = {{{0}}};
    w += (size_t)first * PANEL_OUTPUTS;
    for (int k = first; k < first + n; k++, w += PANEL_OUTPUTS)
        for (int v = 0; v < TILE_VECTORS; v++) {
            vec weight = vec_load(w + v * LANES, LANES);
            for (int r = 0; r < rows; r++)
                acc[r][v] =
                    vec_fma(vec_set(x[(size_t)r * x_stride + (size_t)k]), weight, acc[r][v]);
        }
    for (int r = 0; r < rows; r++)
        for (int v = 0; v < TILE_VECTORS && v * LANES < outputs; v++) {
            float *to = y + (size_t)r * (size_t)panels->n_out + v * LANES;
            int lanes = min_int(LANES, outputs - v * LANES);
            vec_store(to, first ? vec_load(to, lanes) + acc[r][v] : acc[r][v], lanes);
        }
}

/* One panel: chunk after chunk, so that its weights stay in a cache while the rows pass. */
static void product_panel(float *y, const float *x, size_t x_stride, const struct panels *panels,
                          const float *w, int outputs, int rows)
{
    enum { STEP = TILE_VECTORS * LANES };
    size_t width = (size_t)panels->n_out;
    for (int first = 0; first < panels->n_in; first += CHUNK) {
        int n = min_int(CHUNK, panels->n_in - first), r = 0;
        for (; r + ROWS <= rows; r += ROWS)
            for (int c = 0; c < outputs; c += STEP)
                product_tile(y + (size_t)r * width + c, x + (size_t)r * x_stride, x_stride, panels,
                             w + c, first, n, outputs - c, ROWS);
        for (; r < rows; r++)
            for (int c = 0; c < outputs; c += STEP)
                product_tile(y + (size_t)r * width + c, x + (size_t)r * x_stride, x_stride, panels,
                             w + c, first, n, outputs - c, 1);
    }
}

void CPU(panel_product)(float *y, const float *x, size_t x_stride, const struct panels *panels,
                        const float *weights, int rows)
{
    int n_panels = panels_count(panels);
    SPREAD((long)rows * panels->n_in * panels->n_out > PARALLEL_PRODUCTS,
           CPU(panel_product)(y, x, x_stride, panels, weights, rows));
#pragma omp for nowait
    for (int p = 0; p < n_panels; p++) {
        int first = p * PANEL_OUTPUTS;
        product_panel(y + first, x, x_stride, panels, weights + (size_t)p * panel_words(panels),
                      min_int(PANEL_OUTPUTS, panels->n_out - first), rows);
    }
}

void CPU(add_row)(float *x, const float *row, int rows, int width)
{
    SPREAD((long)rows * width > PARALLEL_VALUES, CPU(add_row)(x, row, rows, width));
#pragma omp for nowait
    for (int r = 0; r < rows; r++) {
        float *to = x + (size_t)r * (size_t)width;
        for (int c = 0; c < width; c++)
            to[c] += row[c];
    }
}

/* bf16_from_float() on lanes. */
INLINE veci rounded_bits(vec x)
{
    typedef uint32_t lanes __attribute__((vector_size(LANES * sizeof(uint32_t))));
    lanes bits = (lanes)x, rounded = bits + 0x7FFF + (bits >> 16 & 1);
    veci is_nan = ((veci)bits & 0x7FFFFFFF) > 0x7F800000;
    veci kept = ((veci)rounded & ~is_nan) | ((veci)(bits | 0x400000) & is_nan);
    return (veci)((lanes)kept >> 16);
}

INLINE void round_row(uint16_t *y, const float *x, int width)
{
    typedef uint16_t halves __attribute__((vector_size(LANES * sizeof(uint16_t))));
    for (int c = 0; c < width; c += LANES) {
        int n = min_int(LANES, width - c);
        halves h = __builtin_convertvector(rounded_bits(vec_load(x + c, n)), halves);
        if (n == LANES)
            memcpy(y + c, &h, sizeof h);
        else
            memcpy(y + c, &h, (size_t)n * sizeof *y);
    }
}

void CPU(round_rows)(unsigned short *y, const float *x, size_t x_stride, int rows, int width)
{
    SPREAD((long)rows * width > PARALLEL_VALUES, CPU(round_rows)(y, x, x_stride, rows, width));
#pragma omp for nowait
    for (int r = 0; r < rows; r++)
        round_row(y + (size_t)r * (size_t)width, x + (size_t)r * x_stride, width);
}

/* The largest |x|; *finite: no NaN and no infinity was met. */
INLINE float row_largest(const float *x, int width, bool *finite)
{
    vec largest = {0};
    veci strange = {0};
    for (int c = 0; c < width; c += LANES) {
        vec a = vec_abs(vec_load(x + c, min_int(LANES, width - c)));
        strange |= ((veci)a >= 0x7F800000);
        largest = vec_max(a, largest);
    }
    *finite = true;
    for (int i = 0; i < LANES; i++)
        *finite = *finite && !strange[i];
    return *finite ? vec_largest(largest)[0] : 0;
}

INLINE float quantise_row(unsigned char *y, const float *x, int width)
{
    typedef uint8_t bytes __attribute__((vector_size(LANES)));
    bool finite;
    float largest = row_largest(x, width, &finite);
    float steps = largest >= 1e-36F ? 127 / largest : 0;
    for (int c = 0; c < width; c += LANES) {
        int n = min_int(LANES, width - c);
        veci rounded = vec_round(vec_load(x + c, n) * vec_set(steps)) + 128;
        bytes b = __builtin_convertvector(rounded, bytes);
        if (!finite)
            b = (bytes){0} + 128;
        if (n == LANES)
            memcpy(y + c, &b, sizeof b);
        else
            memcpy(y + c, &b, (size_t)n);
    }
    return !finite ? NAN : steps > 0 ? largest / 127 : 0;
}

void CPU(quantise_rows)(unsigned char *y, float *scale, const float *x, size_t x_stride, int rows,
                        int width)
{
    SPREAD((long)rows * width > PARALLEL_VALUES,
           CPU(quantise_rows)(y, scale, x, x_stride, rows, width));
#pragma omp for nowait
    for (int r = 0; r < rows; r++)
        scale[r] = quantise_row(y + (size_t)r * (size_t)width, x + (size_t)r * x_stride, width);
}

INLINE veci load_int(const void *from, int n)
{
    vec v = vec_load(from, n);
    return (veci)v;
}

/* One row of sums, in place.  Not inlined where the bias is added, so that no product is fused with
 * it: its rounding must not depend on the level. */
static __attribute__((noinline)) void scale_row(float *y, vec by, const int *offset,
                                                const float *scale, int n_out)
{
    for (int c = 0; c < n_out; c += LANES) {
        int n = min_int(LANES, n_out - c);
        veci sum = load_int(y + c, n) - load_int(offset + c, n);
        vec value = __builtin_convertvector(sum, vec);
        vec_store(y + c, value * (by * vec_load(scale + c, n)), n);
    }
}

void CPU(scale_sums)(float *y, const float *row_scale, const int *offset, const float *scale,
                     const float *bias, int rows, int n_out)
{
    enum { PIECE = 1 << 12 }; /* outputs that stay in the first cache until the bias is added */
    SPREAD((long)rows * n_out > PARALLEL_VALUES,
           CPU(scale_sums)(y, row_scale, offset, scale, bias, rows, n_out));
#pragma omp for nowait
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < n_out; c += PIECE) {
            int n = min_int(PIECE, n_out - c);
            float *piece = y + (size_t)r * (size_t)n_out + c;
            scale_row(piece, vec_set(row_scale[r]), offset + c, scale + c, n);
            for (int i = 0; bias && i < n; i++)
                piece[i] += bias[c + i];
        }
}
