#include "engine/formats/tensor_convert.h"

#include "engine/base/float16.h"

#include <string.h>

static inline uint32_t load32(const unsigned char *src)
{
    uint32_t bits;
    memcpy(&bits, src, sizeof bits);
    return bits;
}

static inline uint16_t load16(const unsigned char *src)
{
    uint16_t bits;
    memcpy(&bits, src, sizeof bits);
    return bits;
}

static inline float from_f32(const unsigned char *src)
{
    return float_from_bits(load32(src));
}

static inline float from_bf16(const unsigned char *src)
{
    return float_from_bf16(load16(src));
}

/* float_from_f16() without branches, so that loops become vectors: the exponent is moved by an
 * exact product, which also normalises subnormals; infinities and NaNs get theirs by hand. */
static inline float from_f16(const unsigned char *src)
{
    uint32_t half = load16(src);
    uint32_t magnitude = half & 0x7FFFu;
    uint32_t bits = bits_from_float(float_from_bits(magnitude << 13) * 0x1p112f);
    uint32_t special = magnitude >= 0x7C00u ? 0x7F800000u : 0;
    return float_from_bits(bits | special | (half & 0x8000u) << 16);
}

static inline float same(float value)
{
    return value;
}

/* gcc 12 makes vectors at -O2 only where it is told to; clang does it unasked, and warns where
 * sanitizers keep it from doing what it was told. */
#ifdef __clang__
#define VECTORS
#else
#define VECTORS _Pragma("omp simd")
#endif

#define DEFINE_CONVERSION(name, load, from_size, to_type, store)                                   \
    static void name##_contiguous(const unsigned char *src, void *dst, size_t n)                   \
    {                                                                                              \
        to_type *out = dst;                                                                        \
        VECTORS for (size_t i = 0; i < n; i++) out[i] = store(load(src + i * (from_size)));        \
    }                                                                                              \
    static void name##_strided(const unsigned char *src, size_t step, void *dst, size_t n)         \
    {                                                                                              \
        to_type *out = dst;                                                                        \
        for (size_t i = 0; i < n; i++)                                                             \
            out[i] = store(load(src + i * step));                                                  \
    }

DEFINE_CONVERSION(f32_f32, from_f32, 4, float, same)
DEFINE_CONVERSION(bf16_f32, from_bf16, 2, float, same)
DEFINE_CONVERSION(f16_f32, from_f16, 2, float, same)
DEFINE_CONVERSION(f32_bf16, from_f32, 4, uint16_t, bf16_from_float)
DEFINE_CONVERSION(bf16_bf16, load16, 2, uint16_t, (uint16_t))
DEFINE_CONVERSION(f16_bf16, from_f16, 2, uint16_t, bf16_from_float)

#define CONVERSION(from, to, from_size, to_size, name)                                             \
    {                                                                                              \
        DTYPE_##from, DTYPE_##to, from_size, to_size, name##_contiguous, name##_strided            \
    }

static const struct conversion conversions[] = {
    CONVERSION(F32, F32, 4, 4, f32_f32),     CONVERSION(BF16, F32, 2, 4, bf16_f32),
    CONVERSION(F16, F32, 2, 4, f16_f32),     CONVERSION(F32, BF16, 4, 2, f32_bf16),
    CONVERSION(BF16, BF16, 2, 2, bf16_bf16), CONVERSION(F16, BF16, 2, 2, f16_bf16),
};

const struct conversion *conversion_find(enum dtype from, enum dtype to)
{
    for (size_t i = 0; i < sizeof conversions / sizeof conversions[0]; i++)
        if (conversions[i].from == from && conversions[i].to == to)
            return &conversions[i];
    return NULL;
}
