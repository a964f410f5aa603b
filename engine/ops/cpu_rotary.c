/* engine/ops/cpu_rotary.c - rotary embedding and the cache of keys and values. */
#include "engine/ops/cpu.h"

void CPU(rotary_table)(float *table, const float *frequencies, int half,
                       const struct attention_span *spans, size_t n_spans)
{
    for (const struct attention_span *span = spans; span < spans + n_spans; span++)
        for (int i = 0; i < span->n_rows; i++) {
            float *cosines = table + (size_t)(span->first_row + i) * 2 * (size_t)half;
            float position = (float)(span->n_keys - span->n_rows + i);
            for (int c = 0; c < half; c++) {
                float angle = position * frequencies[c];
                cosines[c] = cosf(angle);
                cosines[half + c] = sinf(angle);
            }
        }
}

void CPU(rotate)(float *x, size_t stride, const float *table, int half, int rows, int heads,
                 int head_dim)
{
    SPREAD((long)rows * heads * half > PARALLEL_VALUES,
           CPU(rotate)(x, stride, table, half, rows, heads, head_dim));
#pragma omp for nowait
    for (int r = 0; r < rows; r++) {
        const float *cosines = table + (size_t)r * 2 * (size_t)half, *sines = cosines + half;
        for (int h = 0; h < heads; h++) {
            float *low = x + (size_t)r * stride + (size_t)h * (size_t)head_dim, *high = low + half;
            for (int c = 0; c < half; c += LANES) {
                int n = min_int(LANES, half - c);
                vec a = vec_load(low + c, n), b = vec_load(high + c, n);
                vec cosine = vec_load(cosines + c, n), sine = vec_load(sines + c, n);
                vec_store(low + c, a * cosine - b * sine, n);
                vec_store(high + c, b * cosine + a * sine, n);
            }
        }
    }
}

static void round_row(uint16_t *y, const float *x, int n)
{
    for (int i = 0; i < n; i++)
        y[i] = bf16_from_float(x[i]);
}

void CPU(cache_rows)(void *cache, enum cache_type type, size_t head_stride, const float *x,
                     size_t x_stride, int rows, int heads, int head_dim)
{
    size_t dim = (size_t)head_dim;
    SPREAD((long)rows * heads * head_dim > PARALLEL_VALUES,
           CPU(cache_rows)(cache, type, head_stride, x, x_stride, rows, heads, head_dim));
#pragma omp for nowait
    for (int h = 0; h < heads; h++)
        for (int r = 0; r < rows; r++) {
            const float *from = x + (size_t)r * x_stride + (size_t)h * dim;
            size_t to = (size_t)h * head_stride + (size_t)r * dim;
            if (type == CACHE_BF16)
                round_row((uint16_t *)cache + to, from, head_dim);
            else
                memcpy((float *)cache + to, from, dim * sizeof *from);
        }
}
