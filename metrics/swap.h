/* metrics/swap.h - whether two medians of paired times differ: a permutation test of their ratio.
 *
 * If A and B were alike, each pair could have come the other way round.  The statistic is the ratio
 * of medians itself, so that single starts that a neighbour stretched, which rule a sum of
 * differences or of ranks, count no more than others. */
#ifndef MAMBENCH_METRICS_SWAP_H
#define MAMBENCH_METRICS_SWAP_H

#include "engine/base/error.h"

#include <stddef.h>
#include <stdint.h>

/* Every way to swap is tried up to this many pairs; beyond, SWAP_DRAWS of them are drawn. */
enum { SWAP_MOST_EXACT = 14, SWAP_DRAWS = 9999 };

/* Two-sided p of median(b) / median(a) over n pairs of positive numbers.  Exact: the share of all
 * ways whose ratio is at least as far from 1.  Drawn: (1 + such draws) / (1 + draws).  1 for n = 0.
 * Depends on the seed alone.  Errors: NO_MEMORY. */
enum status swap_p(const double *a, const double *b, size_t n, uint64_t seed, double *p,
                   struct error *err);

/* The smallest p that n pairs can reach. */
double swap_least_p(size_t n);

#endif
