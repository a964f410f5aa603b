/* engine/ops/vector.h - short float vectors and their exp, log1p and erf, for ops_cpu.c alone.
 *
 * GCC and clang vector types, so one source serves every instruction set; LANES follows the target.
 * The functions are accurate to a few units in the last place; tests/test_ops.c holds them to it.
 */
#ifndef MAMBENCH_ENGINE_OPS_VECTOR_H
#define MAMBENCH_ENGINE_OPS_VECTOR_H

#include <stdint.h>
#include <string.h>

#if defined(__AVX512F__)
enum { LANES = 16 };
typedef float vec __attribute__((vector_size(64)));
typedef int32_t veci __attribute__((vector_size(64)));
#elif defined(__AVX2__)
enum { LANES = 8 };
typedef float vec __attribute__((vector_size(32)));
typedef int32_t veci __attribute__((vector_size(32)));
#else
enum { LANES = 4 };
typedef float vec __attribute__((vector_size(16)));
typedef int32_t veci __attribute__((vector_size(16)));
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

INLINE void vec_store(float *to, vec v, int n)
{
    if (n >= LANES)
        memcpy(to, &v, sizeof v);
    else
        memcpy(to, &v, (size_t)n * sizeof *to);
}

/* a where the mask is set, else b. */
INLINE vec vec_select(veci mask, vec a, vec b)
{
    return (vec)(((veci)a & mask) | ((veci)b & ~mask));
}

INLINE vec vec_min(vec a, vec b)
{
    return vec_select(a < b, a, b);
}

/* Like vec_min, b where one of the two is NaN: a NaN that stands second survives. */
INLINE vec vec_max(vec a, vec b)
{
    return vec_select(a > b, a, b);
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
    vec n = (x * 1.44269504088896341F + magic) - magic;
    vec r = x - n * 0.693359375F;
    r = r - n * -2.12194440e-4F;
    vec p = vec_set(1.9875691500e-4F);
    p = p * r + 1.3981999507e-3F;
    p = p * r + 8.3334519073e-3F;
    p = p * r + 4.1665795894e-2F;
    p = p * r + 1.6666665459e-1F;
    p = p * r + 5.0000001201e-1F;
    p = p * (r * r) + r + 1.0F;
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

INLINE vec vec_silu(vec x)
{
    return x / (1.0F + vec_exp(-x));
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

#endif
