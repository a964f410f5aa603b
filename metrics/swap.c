#include "metrics/swap.h"

#include "engine/base/random.h"
#include "metrics/latency.h"

#include <math.h>
#include <stdlib.h>

/* The pairs, and room for a way to swap them; each array [n]. */
struct swaps {
    const double *a, *b;
    double *first, *second, *scratch;
    size_t n;
};

static double distance(const struct swaps *swaps)
{
    return fabs(log(latency_median(swaps->second, swaps->n, swaps->scratch)) -
                log(latency_median(swaps->first, swaps->n, swaps->scratch)));
}

static void place(struct swaps *swaps, size_t i, uint64_t swapped)
{
    swaps->first[i] = swapped ? swaps->b[i] : swaps->a[i];
    swaps->second[i] = swapped ? swaps->a[i] : swaps->b[i];
}

/* Ways with a distance of at least this.  Swapping all changes no distance: half of them will do.
 */
static double share_of_all(struct swaps *swaps, double least)
{
    const uint64_t ways = UINT64_C(1) << (swaps->n - 1);
    uint64_t far = 0;
    for (uint64_t way = 0; way < ways; way++) {
        for (size_t i = 0; i < swaps->n; i++)
            place(swaps, i, way >> i & 1);
        far += distance(swaps) >= least;
    }
    return (double)far / (double)ways;
}

static double share_of_draws(struct swaps *swaps, double least, uint64_t seed)
{
    struct random_stream stream = {seed};
    size_t far = 0;
    for (size_t draw = 0; draw < SWAP_DRAWS; draw++) {
        uint64_t bits = 0;
        for (size_t i = 0; i < swaps->n; i++) {
            bits = i % 64 == 0 ? random_bits(&stream) : bits >> 1;
            place(swaps, i, bits & 1);
        }
        far += distance(swaps) >= least;
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
    double least = distance(&swaps) - 1e-12; /* logarithms of the same two medians are the same */
    *p = n <= SWAP_MOST_EXACT ? share_of_all(&swaps, least) : share_of_draws(&swaps, least, seed);
    free(room);
    return STATUS_OK;
}

double swap_least_p(size_t n)
{
    return n <= SWAP_MOST_EXACT ? ldexp(1, 1 - (int)n) : 1.0 / (1 + SWAP_DRAWS);
}
