/* metrics/tri_order.h - the order in which TRI's harness evaluates: random.Random(21).shuffle() of
 * the ids in file order.
 *
 * Reference: TRI-ML/vlm-evaluation@d9f5896 scripts/datasets/prepare.py:29,51; CPython's
 * Lib/random.py shuffle() and _randbelow_with_getrandbits(); Matsumoto and Nishimura's
 * mt19937ar.c, init_by_array(). */
#ifndef MAMBENCH_METRICS_TRI_ORDER_H
#define MAMBENCH_METRICS_TRI_ORDER_H

#include "datasets/dataset.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TRI_SEED = 21 };

/* Shuffles indices [n] in place as random.Random(seed).shuffle() does; n < 2^32. */
void tri_shuffle(size_t *indices, size_t n, uint32_t seed);

/* Whether TRI's harness has subsets of the benchmark. */
bool tri_has_slim(const struct dataset_kind *kind);

/* Fills indices [set->n_samples] with TRI's subset "slim-N" of a set in its files' order: the first
 * n of the shuffled samples, of POPE the first n of each split (pope.py:101-113).  Returns how many
 * there are; n >= set->n_samples gives all, in TRI's order. */
size_t tri_slim(const struct dataset *set, size_t n, size_t *indices);

#endif
