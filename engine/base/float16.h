/* engine/base/float16.h - the two 16-bit float formats that weights are stored in. */
#ifndef MAMBENCH_ENGINE_BASE_FLOAT16_H
#define MAMBENCH_ENGINE_BASE_FLOAT16_H

#include <stdint.h>
#include <string.h>

static inline float float_from_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint32_t bits_from_float(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline float float_from_bf16(uint16_t half)
{
    return float_from_bits((uint32_t)half << 16);
}

/* Round to nearest, ties to even; a NaN stays a NaN. */
static inline uint16_t bf16_from_float(float value)
{
    uint32_t bits = bits_from_float(value);
    if ((bits & 0x7FFFFFFFu) > 0x7F800000u)
        return (uint16_t)(bits >> 16 | 0x40u);
    return (uint16_t)((bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16);
}

/* From IEEE binary16, subnormals included. */
static inline float float_from_f16(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000u) << 16;
    uint32_t exponent = half >> 10 & 0x1Fu;
    uint32_t mantissa = half & 0x3FFu;
    if (exponent == 0x1F)
        return float_from_bits(sign | 0x7F800000u | mantissa << 13);
    if (exponent != 0)
        return float_from_bits(sign | (exponent + 112) << 23 | mantissa << 13);
    float magnitude = (float)mantissa * 0x1p-24f;
    return sign ? -magnitude : magnitude;
}

/* Round to nearest, ties to even, infinity from 65520 on; a NaN stays a NaN. */
static inline uint16_t f16_from_float(float value)
{
    uint32_t bits = bits_from_float(value), sign = bits >> 16 & 0x8000u;
    uint32_t magnitude = bits & 0x7FFFFFFFu;
    if (magnitude > 0x7F800000u)
        return (uint16_t)(sign | 0x7E00u);
    if (magnitude >= 0x477FF000u)
        return (uint16_t)(sign | 0x7C00u);
    /* Below 2^-14 the steps are 2^-24, as those of a float are from 0.5 on. */
    if (magnitude < 0x38800000u)
        return (uint16_t)(sign |
                          (bits_from_float(float_from_bits(magnitude) + 0.5f) - 0x3F000000u));
    magnitude += 0xFFFu + (magnitude >> 13 & 1u);
    return (uint16_t)(sign | (magnitude - 0x38000000u) >> 13);
}

#endif
