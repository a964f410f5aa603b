#include "metrics/tri_order.h"

#include <assert.h>
#include <string.h>

enum { N = 624, M = 397 };

struct twister {
    uint32_t state[N];
    size_t next;
};

static void seed_plain(struct twister *twister, uint32_t seed)
{
    twister->state[0] = seed;
    for (uint32_t i = 1; i < N; i++) {
        uint32_t last = twister->state[i - 1];
        twister->state[i] = 1812433253u * (last ^ last >> 30) + i;
    }
    twister->next = N;
}

/* init_by_array() with an array of one word: what CPython does with a seed below 2^32. */
static void seed_by_array(struct twister *twister, uint32_t key)
{
    seed_plain(twister, 19650218u);
    uint32_t *state = twister->state;
    size_t i = 1;
    for (size_t k = 0; k < N; k++) {
        state[i] = (state[i] ^ (state[i - 1] ^ state[i - 1] >> 30) * 1664525u) + key;
        if (++i == N) {
            state[0] = state[N - 1];
            i = 1;
        }
    }
    for (size_t k = 0; k < N - 1; k++) {
        state[i] = (state[i] ^ (state[i - 1] ^ state[i - 1] >> 30) * 1566083941u) - (uint32_t)i;
        if (++i == N) {
            state[0] = state[N - 1];
            i = 1;
        }
    }
    state[0] = 0x80000000u;
}

static void refill(struct twister *twister)
{
    uint32_t *state = twister->state;
    for (size_t i = 0; i < N; i++) {
        uint32_t y = (state[i] & 0x80000000u) | (state[(i + 1) % N] & 0x7FFFFFFFu);
        state[i] = state[(i + M) % N] ^ y >> 1 ^ ((y & 1) ? 0x9908B0DFu : 0);
    }
    twister->next = 0;
}

static uint32_t next_word(struct twister *twister)
{
    if (twister->next == N)
        refill(twister);
    uint32_t y = twister->state[twister->next++];
    y ^= y >> 11;
    y ^= y << 7 & 0x9D2C5680u;
    y ^= y << 15 & 0xEFC60000u;
    return y ^ y >> 18;
}

/* 0 <= result < bound, bound > 0. */
static uint32_t below(struct twister *twister, uint32_t bound)
{
    int bits = 32 - __builtin_clz(bound);
    uint32_t value;
    do
        value = next_word(twister) >> (32 - bits);
    while (value >= bound);
    return value;
}

void tri_shuffle(size_t *indices, size_t n, uint32_t seed)
{
    assert(n <= UINT32_MAX);
    struct twister twister;
    seed_by_array(&twister, seed);
    for (size_t i = n; i-- > 1;) {
        size_t j = below(&twister, (uint32_t)i + 1);
        size_t kept = indices[i];
        indices[i] = indices[j];
        indices[j] = kept;
    }
}

bool tri_has_slim(const struct dataset_kind *kind)
{
    static const char *const names[] = {"gqa", "pope", "textvqa", "vizwiz", "vqav2"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(names[i], kind->name) == 0)
            return true;
    return false;
}

size_t tri_slim(const struct dataset *set, size_t n, size_t *indices)
{
    static const char *const splits[] = {"adversarial", "popular", "random"};
    bool by_split = strcmp(set->kind->name, "pope") == 0;
    size_t kept = 0, counts[3] = {0};
    for (size_t i = 0; i < set->n_samples; i++)
        indices[i] = i;
    tri_shuffle(indices, set->n_samples, TRI_SEED);
    for (size_t i = 0; i < set->n_samples; i++) {
        const char *group = by_split ? set->samples[indices[i]].group : NULL;
        size_t split = 0;
        while (group && split < 2 && strcmp(splits[split], group) != 0)
            split += 1;
        if (counts[split]++ < n)
            indices[kept++] = indices[i];
    }
    return kept;
}
