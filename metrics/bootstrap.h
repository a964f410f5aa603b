/* metrics/bootstrap.h - 95 % intervals of what has no formula: the cluster bootstrap.
 *
 * A resample draws as many clusters (images, pairs of timings) as there are, with replacement; a
 * statistic sees how often each was drawn.  The interval lies between the 2.5th and the 97.5th
 * percentile of the statistic over the resamples (Efron and Tibshirani 1993, chapter 13).
 *
 * To add a statistic: a function of the weights, as those of metrics/ranking_interval.c. */
#ifndef MAMBENCH_METRICS_BOOTSTRAP_H
#define MAMBENCH_METRICS_BOOTSTRAP_H

#include "engine/base/error.h"
#include "metrics/intervals.h"

#include <stddef.h>
#include <stdint.h>

enum { BOOTSTRAP_MOST_VALUES = 4, BOOTSTRAP_MOST_SUMS = 8 };

/* Computes values[0..n) of a resample; NAN where one is undefined.  Called by several threads. */
typedef void bootstrap_statistic(const uint32_t *weights, const void *context, double *values);

struct bootstrap {
    size_t n_clusters, n_resamples;
    uint64_t seed;
    size_t n_values; /* that the statistic computes */
};

/* Fills intervals [n_values].  Resamples with an undefined value are left out of its interval;
 * where they are more than one in a hundred, and below two clusters, there is none (NAN).  The
 * result depends on the seed, not on the number of threads.  Errors: NO_MEMORY. */
enum status bootstrap_intervals(const struct bootstrap *bootstrap, bootstrap_statistic *statistic,
                                const void *context, struct interval *intervals, struct error *err);

/* A statistic of sums over the samples (a ratio, an F1): sums[c] are those of cluster c. */
struct bootstrap_sums {
    const double *sums; /* [n_sums, n_clusters] */
    size_t n_sums, n_clusters;
    double (*of)(const double *totals); /* [n_sums] of a resample */
};

/* The bootstrap_statistic of a struct bootstrap_sums: a resample costs clusters, not samples. */
void bootstrap_of_sums(const uint32_t *weights, const void *sums, double *value);

/* The interval of median(b) / median(a) over n pairs, resampled as pairs.  *ratio is the one of the
 * pairs themselves.  Errors: NO_MEMORY. */
enum status bootstrap_median_ratio(const double *a, const double *b, size_t n, size_t n_resamples,
                                   uint64_t seed, double *ratio, struct interval *interval,
                                   struct error *err);

/* The same of two samples that were not measured in pairs: each is resampled by itself. */
enum status bootstrap_median_ratio_apart(const double *a, size_t n_a, const double *b, size_t n_b,
                                         size_t n_resamples, uint64_t seed, double *ratio,
                                         struct interval *interval, struct error *err);

#endif
