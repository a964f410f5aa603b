#include "metrics/swap.h"

#include "engine/base/random.h"
#include "metrics/latency.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

/* The pairs, and room for a way to swap them; each array [n]. */
struct swaps {
    const double *a, *b;
    double *first, *second, *scratch;
    size_t n;
};

/* How far from alike. */
struct distance {
    double ratio;     /* size of the logarithm */
    long long agreed; /* pairs with the second larger, less those with it smaller; its size */
};

static void place(struct swaps *swaps, size_t i, uint64_t swapped)
{
    swaps->first[i] = swapped ? swaps->b[i] : swaps->a[i];
    swaps->second[i] = swapped ? swaps->a[i] : swaps->b[i];
}

static struct distance distance_of(const struct swaps *swaps)
{
    double first = latency_median(swaps->first, swaps->n, swaps->scratch);
    double second = latency_median(swaps->second, swaps->n, swaps->scratch);
    long long agreed = 0;
    for (size_t i = 0; i < swaps->n; i++)
        agreed += (swaps->second[i] > swaps->first[i]) - (swaps->second[i] < swaps->first[i]);
    return (struct distance){fabs(log(second) - log(first)), agreed < 0 ? -agreed : agreed};
}

/* Logarithms of the same two medians are the same but for rounding. */
static bool is_as_far(const struct swaps *swaps, const struct distance *seen)
{
    const double rounding = 1e-12;
    struct distance distance = distance_of(swaps);
    return distance.ratio > seen->ratio + rounding ||
           (distance.ratio >= seen->ratio - rounding && distance.agreed >= seen->agreed);
}

/* Ways with a distance of at least this.  Swapping all changes no distance: half of them will do.
 */
static double share_of_all(struct swaps *swaps, const struct distance *seen)
{
    const uint64_t ways = UINT64_C(1) << (swaps->n - 1);
    uint64_t far = 0;
    for (uint64_t way = 0; way < ways; way++) {
        for (size_t i = 0; i < swaps->n; i++)
            place(swaps, i, way >> i & 1);
        far += is_as_far(swaps, seen);
    }
    return (double)far / (double)ways;
}

static double share_of_draws(struct swaps *swaps, const struct distance *seen, uint64_t seed)
{
    struct random_stream stream = {seed};
    size_t far = 0;
    for (size_t draw = 0; draw < SWAP_DRAWS; draw++) {
        uint64_t bits = 0;
        for (size_t i = 0; i < swaps->n; i++) {
            bits = i % 64 == 0 ? random_bits(&stream) : bits >> 1;
            place(swaps, i, bits & 1);
        }
        far += is_as_far(swaps, seen);
    }
    return (double)(1 + far) / (1 + SWAP_DRAWS);
}

enum status swap_p(const double *a, const double *b, size_t n, uint64_t seed, double *p,
                   struct error *err)
{
    *p = 1;
    if (n == 0)
        return STATUS_OK;
    double *room = calloc(3 * n, sizeof *room);
    if (!room)
        return fail(err, STATUS_NO_MEMORY, "out of memory for %zu pairs", n);
    struct swaps swaps = {a, b, room, room + n, room + 2 * n, n};
    for (size_t i = 0; i < n; i++)
        place(&swaps, i, 0);
    struct distance seen = distance_of(&swaps);
    *p = n <= SWAP_MOST_EXACT ? share_of_all(&swaps, &seen) : share_of_draws(&swaps, &seen, seed);
    free(room);
    return STATUS_OK;
}

double swap_least_p(size_t n)
{
    return n <= SWAP_MOST_EXACT ? ldexp(1, 1 - (int)n) : 1.0 / (1 + SWAP_DRAWS);
}
