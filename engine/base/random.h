/* engine/base/random.h - a small seeded generator (SplitMix64) whose stream never changes. */
#ifndef MAMBENCH_ENGINE_BASE_RANDOM_H
#define MAMBENCH_ENGINE_BASE_RANDOM_H

#include <stdint.h>

struct random_stream {
    uint64_t state;
};

/* Steele, Lea, Flood 2014: "Fast splittable pseudorandom number generators". */
static inline uint64_t random_bits(struct random_stream *stream)
{
    uint64_t z = stream->state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

/* As if n values had been drawn. */
static inline void random_skip(struct random_stream *stream, uint64_t n)
{
    stream->state += n * 0x9E3779B97F4A7C15u;
}

/* Uniform in [0, 1), 53 bits. */
static inline double random_uniform(struct random_stream *stream)
{
    return (double)(random_bits(stream) >> 11) * 0x1p-53;
}

#endif
