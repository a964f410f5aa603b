/* engine/ops/vector.h - short float vectors and their exp, log1p and erf, for the cpu_*.c files
 * alone.
 *
 * GCC and clang vector types, so one source serves every instruction set; LANES follows the target.
 * Intrinsics stand where GCC 12 does not find the instruction, beside what they mean.
 * The functions are accurate to a few units in the last place; tests/test_ops.c holds them to it.
 */
#ifndef MAMBENCH_ENGINE_OPS_VECTOR_H
#define MAMBENCH_ENGINE_OPS_VECTOR_H

#include <stdint.h>
#include <string.h>
#if defined(__SSE__)
#include <immintrin.h>
#endif

/* Beside the types, orders of lanes: as they are; the lower and the upper halves of each four lanes
 * of two vectors, interleaved; the even and the odd fours of two vectors. */
#if defined(__AVX512F__)
enum { LANES = 16 };
typedef float vec __attribute__((vector_size(64)));
typedef int32_t veci __attribute__((vector_size(64)));
#define VEC_LANES 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
#define VEC_LOW 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29
#define VEC_HIGH 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31
#define VEC_EVEN 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27
#define VEC_ODD 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31
#elif defined(__AVX2__)
enum { LANES = 8 };
typedef float vec __attribute__((vector_size(32)));
typedef int32_t veci __attribute__((vector_size(32)));
#define VEC_LANES 0, 1, 2, 3, 4, 5, 6, 7
#define VEC_LOW 0, 8, 1, 9, 4, 12, 5, 13
#define VEC_HIGH 2, 10, 3, 11, 6, 14, 7, 15
#define VEC_EVEN 0, 1, 2, 3, 8, 9, 10, 11
#define VEC_ODD 4, 5, 6, 7, 12, 13, 14, 15
#else
enum { LANES = 4 };
typedef float vec __attribute__((vector_size(16)));
typedef int32_t veci __attribute__((vector_size(16)));
#define VEC_LANES 0, 1, 2, 3
#define VEC_LOW 0, 4, 1, 5
#define VEC_HIGH 2, 6, 3, 7
#define VEC_EVEN 0, 1, 2, 3 /* there is one quarter only: not used */
#define VEC_ODD 0, 1, 2, 3
#endif

#define INLINE static inline __attribute__((always_inline))

INLINE vec vec_set(float value)
{
    return value - (vec){0};
}

/* n lanes from memory, zeros behind them. */
INLINE vec vec_load(const float *from, int n)
{
    vec v = {0};
    if (n >= LANES)
        memcpy(&v, from, sizeof v);
    else
        memcpy(&v, from, (size_t)n * sizeof *from);
    return v;
}

/* LANES values from bf16. */
INLINE vec vec_load_bf16(const uint16_t *from)
{
#if defined(__AVX512F__)
    __m512i words = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)(const void *)from));
    return (vec)_mm512_slli_epi32(words, 16);
#elif defined(__AVX2__)
    __m256i words = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(const void *)from));
    return (vec)_mm256_slli_epi32(words, 16);
#elif defined(__SSE2__)
    __m128i halves = _mm_loadl_epi64((const __m128i *)(const void *)from);
    return (vec)_mm_unpacklo_epi16(_mm_setzero_si128(), halves);
#else
    veci words;
    for (int i = 0; i < LANES; i++)
        words[i] = (int32_t)((uint32_t)from[i] << 16);
    return (vec)words;
#endif
}

INLINE void vec_store(float *to, vec v, int n)
{
    if (n >= LANES)
        memcpy(to, &v, sizeof v);
    else
        memcpy(to, &v, (size_t)n * sizeof *to);
}

/* n floats from bf16. */
INLINE void vec_widen(float *to, const uint16_t *from, int n)
{
    int i = 0;
    for (; i + LANES <= n; i += LANES)
        vec_store(to + i, vec_load_bf16(from + i), LANES);
    for (; i < n; i++) {
        uint32_t bits = (uint32_t)from[i] << 16;
        memcpy(to + i, &bits, sizeof bits);
    }
}

/* a * b + c, rounded once where the level has such an instruction.  Where two pieces of code must
 * give the same bits: what a compiler fuses by itself depends on the code around. */
INLINE vec vec_fma(vec a, vec b, vec c)
{
#if defined(__AVX512F__)
    return _mm512_fmadd_ps(a, b, c);
#elif defined(__FMA__)
    return _mm256_fmadd_ps(a, b, c);
#else
    return a * b + c;
#endif
}

/* a where the mask is set, else b. */
INLINE vec vec_select(veci mask, vec a, vec b)
{
    return (vec)(((veci)a & mask) | ((veci)b & ~mask));
}

/* The first n lanes of a (n may exceed LANES), b behind them. */
INLINE vec vec_first(vec a, int n, vec b)
{
    return vec_select((veci){VEC_LANES} < n, a, b);
}

INLINE vec vec_min(vec a, vec b)
{
#if defined(__AVX512F__)
    return _mm512_min_ps(a, b);
#elif defined(__AVX2__)
    return _mm256_min_ps(a, b);
#elif defined(__SSE__)
    return _mm_min_ps(a, b);
#else
    return vec_select(a < b, a, b);
#endif
}

/* a > b ? a : b, so b where one of the two is NaN: a NaN that stands second survives.  Of vec_min
 * the same is true. */
INLINE vec vec_max(vec a, vec b)
{
#if defined(__AVX512F__)
    return _mm512_max_ps(a, b);
#elif defined(__AVX2__)
    return _mm256_max_ps(a, b);
#elif defined(__SSE__)
    return _mm_max_ps(a, b);
#else
    return vec_select(a > b, a, b);
#endif
}

/* The nearest integers, even ones between two; |a| below 2^31. */
INLINE veci vec_round(vec a)
{
#if defined(__AVX512F__)
    return (veci)_mm512_cvtps_epi32(a);
#elif defined(__AVX2__)
    return (veci)_mm256_cvtps_epi32(a);
#elif defined(__SSE2__)
    return (veci)_mm_cvtps_epi32(a);
#else
    veci rounded;
    for (int i = 0; i < LANES; i++)
        rounded[i] = (int32_t)__builtin_rintf(a[i]);
    return rounded;
#endif
}

INLINE vec vec_abs(vec a)
{
    return (vec)((veci)a & 0x7FFFFFFF);
}

/* e^x, NaN of NaN; below -87.3 it is e^-87.3 = 1.2e-38, above 88.3 it is e^88.3 = 2.2e38.
 * Range reduction by ln 2 in two parts (Cody & Waite), then the Taylor polynomial of degree 6 with
 * its last coefficients adjusted (Cephes expf). */
INLINE vec vec_exp(vec x)
{
    x = vec_min(vec_set(88.3F), vec_max(vec_set(-87.3F), x));
    const vec magic = vec_set(12582912.0F); /* 1.5 * 2^23: adding it rounds to an integer */
    vec n = vec_fma(x, vec_set(1.44269504088896341F), magic) - magic;
    vec r = vec_fma(n, vec_set(-0.693359375F), x);
    r = vec_fma(n, vec_set(2.12194440e-4F), r);
    vec p = vec_set(1.9875691500e-4F);
    p = vec_fma(p, r, vec_set(1.3981999507e-3F));
    p = vec_fma(p, r, vec_set(8.3334519073e-3F));
    p = vec_fma(p, r, vec_set(4.1665795894e-2F));
    p = vec_fma(p, r, vec_set(1.6666665459e-1F));
    p = vec_fma(p, r, vec_set(5.0000001201e-1F));
    p = vec_fma(p, r * r, r) + 1.0F;
    veci power = (__builtin_convertvector(n, veci) + 127) << 23;
    return p * (vec)power;
}

/* log(1 + u) for u in [0, 1], the rounding of 1 + u put right (Cephes logf). */
INLINE vec vec_log1p01(vec u)
{
    vec w = u + 1.0F;
    vec lost = u - (w - 1.0F);
    veci big = w > 1.41421356F;
    vec x = vec_select(big, w * 0.5F, w) - 1.0F;
    vec p = vec_set(7.0376836292e-2F);
    p = p * x + -1.1514610310e-1F;
    p = p * x + 1.1676998740e-1F;
    p = p * x + -1.2420140846e-1F;
    p = p * x + 1.4249322787e-1F;
    p = p * x + -1.6668057665e-1F;
    p = p * x + 2.0000714765e-1F;
    p = p * x + -2.4999993993e-1F;
    p = p * x + 3.3333331174e-1F;
    vec square = x * x;
    vec log = x * square * p - 0.5F * square + x;
    log += vec_select(big, vec_set(0.69314718056F), vec_set(0.0F));
    return log + lost / w;
}

/* log(1 + e^v): PyTorch's softplus, which is the identity above 20 (where both agree in float). */
INLINE vec vec_softplus(vec v)
{
    return vec_max(v, vec_set(0.0F)) + vec_log1p01(vec_exp(-vec_abs(v)));
}

/* x / (1 + e^-u); far below 0, where e^-u is not a float, it is 0 (NaN of an infinite x). */
INLINE vec vec_gated(vec x, vec u)
{
    return vec_select(u < -88.0F, x * 0.0F, x / (1.0F + vec_exp(-u)));
}

INLINE vec vec_silu(vec x)
{
    return vec_gated(x, x);
}

/* erf by the rational approximation x P(x^2) / Q(x^2); beyond 3.925 the nearest float is 1. */
INLINE vec vec_erf(vec x)
{
    veci one = vec_abs(x) > 3.925F;
    vec sign = (vec)((veci)x & (int32_t)0x80000000);
    x = vec_min(vec_set(4.0F), vec_max(vec_set(-4.0F), x));
    vec s = x * x;
    vec p = vec_set(-2.72614225801306e-10F);
    p = p * s + 2.77068142495902e-08F;
    p = p * s + -2.10102402082508e-06F;
    p = p * s + -5.69250639462346e-05F;
    p = p * s + -7.34990630326855e-04F;
    p = p * s + -2.95459980854025e-03F;
    p = p * s + -1.60960333262415e-02F;
    vec q = vec_set(-1.45660718464996e-05F);
    q = q * s + -2.13374055278905e-04F;
    q = q * s + -1.68282697438203e-03F;
    q = q * s + -7.37332916720468e-03F;
    q = q * s + -1.42647390514189e-02F;
    vec saturated = (vec)((veci)vec_set(1.0F) | (veci)sign);
    return vec_select(one, saturated, x * p / q);
}

/* The lanes' sum, pairwise. */
INLINE float vec_sum(vec v)
{
    float lanes[LANES];
    memcpy(lanes, &v, sizeof v);
    for (int step = LANES / 2; step > 0; step /= 2)
        for (int i = 0; i < step; i++)
            lanes[i] += lanes[i + step];
    return lanes[0];
}

/* The lanes' maximum in every lane; no lane is NaN. */
INLINE vec vec_largest(vec v)
{
    for (int fours = LANES / 4; fours > 1; fours /= 2)
        v = vec_max(__builtin_shufflevector(v, v, VEC_EVEN),
                    __builtin_shufflevector(v, v, VEC_ODD));
    for (int i = 0; i < 2; i++)
        v = vec_max(__builtin_shufflevector(v, v, VEC_LOW),
                    __builtin_shufflevector(v, v, VEC_HIGH));
    return v;
}

/* Transposes LANES rows: first squares of four within each four lanes, by interleaving rows i and
 * i + 2 twice; then the squares, by taking apart even and odd ones. */
INLINE void vec_transpose(vec rows[LANES])
{
    vec next[LANES];
    for (int stage = 0; stage < 2; stage++) {
        for (int i = 0; i < LANES; i += 2) {
            int from = i / 4 * 4 + i % 4 / 2;
            next[i] = __builtin_shufflevector(rows[from], rows[from + 2], VEC_LOW);
            next[i + 1] = __builtin_shufflevector(rows[from], rows[from + 2], VEC_HIGH);
        }
        for (int i = 0; i < LANES; i++)
            rows[i] = next[i];
    }
    for (int fours = LANES / 4; fours > 1; fours /= 2) {
        for (int i = 0; i < LANES / 2; i++) {
            int from = i / 4 * 8 + i % 4;
            next[i] = __builtin_shufflevector(rows[from], rows[from + 4], VEC_EVEN);
            next[i + LANES / 2] = __builtin_shufflevector(rows[from], rows[from + 4], VEC_ODD);
        }
        for (int i = 0; i < LANES; i++)
            rows[i] = next[i];
    }
}

#endif
