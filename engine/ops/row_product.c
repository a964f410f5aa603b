#include "engine/ops/row_product.h"

#include <stdbool.h>

#if defined(__x86_64__)
#include <immintrin.h>

/* In each function of this file, vectors v of a panel's row of 64 words; at most four. */
enum { VECTORS = PANEL_OUTPUTS / ROW_GROUP, FETCH_WORDS = 32 * PANEL_OUTPUTS };

#define TARGET(features) __attribute__((target(features)))

/* Groups of one panel, as many as stand in [group, end). */
static inline int panel_vectors(int group, int end)
{
    int left = VECTORS - group % VECTORS;
    return end - group < left ? end - group : left;
}

static inline const uint32_t *group_weights(const struct panels *panels, const uint32_t *weights,
                                            int group)
{
    return weights + (size_t)(group / VECTORS) * panel_words(panels) +
           (size_t)(group % VECTORS) * ROW_GROUP;
}

/* The lanes of a group's vector that are outputs. */
static inline __mmask16 output_lanes(const struct panels *panels, int group)
{
    int left = panels->n_out - group * ROW_GROUP;
    unsigned lanes = left >= ROW_GROUP ? 0xFFFFU : (1U << (left > 0 ? left : 0)) - 1U;
    return (__mmask16)lanes;
}

/* The products of words [k, end) with so many vectors of a panel, added up in ascending order. */
#define CHUNK_SUM(name, features, type, zero, step)                                                \
    TARGET(features)                                                                               \
    static inline __attribute__((always_inline)) void name(                                        \
        type acc[VECTORS], const uint32_t *x, const uint32_t *w, int words, int vectors)           \
    {                                                                                              \
        for (int v = 0; v < vectors; v++)                                                          \
            acc[v] = zero;                                                                         \
        for (int k = 0; k < words; k++, w += PANEL_OUTPUTS)                                        \
            for (int v = 0; v < vectors; v++) {                                                    \
                __builtin_prefetch(w + v * ROW_GROUP + FETCH_WORDS, 0, 0);                         \
                acc[v] = step(acc[v], x[k], w + v * ROW_GROUP);                                    \
            }                                                                                      \
    }

#define F32_FEATURES "avx512f,fma"
#define BF16_FEATURES "avx512f,avx512bf16"
#define INT8_FEATURES "avx512f,avx512vnni"

TARGET(F32_FEATURES)
static inline __attribute__((always_inline)) __m512 f32_step(__m512 acc, uint32_t x,
                                                             const uint32_t *w)
{
    return _mm512_fmadd_ps(_mm512_castsi512_ps(_mm512_set1_epi32((int)x)), _mm512_loadu_ps(w), acc);
}

TARGET(BF16_FEATURES)
static inline __attribute__((always_inline)) __m512 bf16_step(__m512 acc, uint32_t x,
                                                              const uint32_t *w)
{
    return _mm512_dpbf16_ps(acc, (__m512bh)_mm512_set1_epi32((int)x),
                            (__m512bh)_mm512_loadu_si512(w));
}

TARGET(INT8_FEATURES)
static inline __attribute__((always_inline)) __m512i int8_step(__m512i acc, uint32_t x,
                                                               const uint32_t *w)
{
    return _mm512_dpbusd_epi32(acc, _mm512_set1_epi32((int)x), _mm512_loadu_si512(w));
}

CHUNK_SUM(f32_chunk, F32_FEATURES, __m512, _mm512_setzero_ps(), f32_step)
CHUNK_SUM(bf16_chunk, BF16_FEATURES, __m512, _mm512_setzero_ps(), bf16_step)
CHUNK_SUM(int8_chunk, INT8_FEATURES, __m512i, _mm512_setzero_si512(), int8_step)

/* So many groups of one panel: the chunks' sums, added up in ascending order. */
#define FLOAT_PANEL(name, features, chunk_sum)                                                     \
    TARGET(features)                                                                               \
    static inline __attribute__((always_inline)) void name(                                        \
        float *y, const uint32_t *x, const struct panels *panels, const uint32_t *w, int group,    \
        int chunk_words, int vectors)                                                              \
    {                                                                                              \
        int words = panels_words(panels), n = words < chunk_words ? words : chunk_words;           \
        __m512 total[VECTORS], acc[VECTORS];                                                       \
        chunk_sum(total, x, w, n, vectors);                                                        \
        for (int k = n; k < words; k += n) {                                                       \
            n = words - k < chunk_words ? words - k : chunk_words;                                 \
            chunk_sum(acc, x + k, w + (size_t)k * PANEL_OUTPUTS, n, vectors);                      \
            for (int v = 0; v < vectors; v++)                                                      \
                total[v] = _mm512_add_ps(total[v], acc[v]);                                        \
        }                                                                                          \
        for (int v = 0; v < vectors; v++)                                                          \
            _mm512_mask_storeu_ps(y + (group + v) * ROW_GROUP, output_lanes(panels, group + v),    \
                                  total[v]);                                                       \
    }

FLOAT_PANEL(f32_panel, F32_FEATURES, f32_chunk)
FLOAT_PANEL(bf16_panel, BF16_FEATURES, bf16_chunk)

TARGET(INT8_FEATURES)
static inline __attribute__((always_inline)) void int8_panel(int32_t *y, const uint32_t *x,
                                                             const struct panels *panels,
                                                             const uint32_t *w, int group,
                                                             int chunk_words, int vectors)
{
    __m512i total[VECTORS];
    (void)chunk_words; /* exact sums have no order */
    int8_chunk(total, x, w, panels_words(panels), vectors);
    for (int v = 0; v < vectors; v++)
        _mm512_mask_storeu_epi32(y + (group + v) * ROW_GROUP, output_lanes(panels, group + v),
                                 total[v]);
}

/* Panel after panel, each with a number of vectors that the compiler knows. */
#define ROW_PRODUCT(name, features, type, panel)                                                   \
    TARGET(features)                                                                               \
    static void name(void *y, const void *x, const struct panels *panels, const uint32_t *weights, \
                     int first, int end, int chunk)                                                \
    {                                                                                              \
        type *out = y;                                                                             \
        int chunk_words = chunk / panels->word_values;                                             \
        for (int group = first, vectors; group < end; group += vectors) {                          \
            const uint32_t *w = group_weights(panels, weights, group);                             \
            vectors = panel_vectors(group, end);                                                   \
            if (vectors == 4)                                                                      \
                panel(out, x, panels, w, group, chunk_words, 4);                                   \
            else if (vectors == 3)                                                                 \
                panel(out, x, panels, w, group, chunk_words, 3);                                   \
            else if (vectors == 2)                                                                 \
                panel(out, x, panels, w, group, chunk_words, 2);                                   \
            else                                                                                   \
                panel(out, x, panels, w, group, chunk_words, 1);                                   \
        }                                                                                          \
    }

ROW_PRODUCT(row_f32, F32_FEATURES, float, f32_panel)
ROW_PRODUCT(row_bf16, BF16_FEATURES, float, bf16_panel)
ROW_PRODUCT(row_int8, INT8_FEATURES, int32_t, int8_panel)

row_product *row_product_f32(void)
{
    return __builtin_cpu_supports("avx512f") ? row_f32 : NULL;
}

row_product *row_product_bf16(void)
{
    return __builtin_cpu_supports("avx512bf16") ? row_bf16 : NULL;
}

row_product *row_product_int8(void)
{
    return __builtin_cpu_supports("avx512vnni") ? row_int8 : NULL;
}

#else

row_product *row_product_f32(void)
{
    return NULL;
}

row_product *row_product_bf16(void)
{
    return NULL;
}

row_product *row_product_int8(void)
{
    return NULL;
}

#endif
