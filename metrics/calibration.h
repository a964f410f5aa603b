/* metrics/calibration.h - whether a probability of yes is how often it is yes.
 *
 * Bins of equal mass: the edges are the quantiles of the probabilities (linear interpolation), a
 * bin holds what lies above its lower and up to its upper edge, and a bin that holds nothing is
 * left out - as in scikit-learn's calibration_curve(strategy="quantile").  Equal probabilities are
 * in one bin, so that bins can be fewer and of unequal mass where answers repeat. */
#ifndef MAMBENCH_METRICS_CALIBRATION_H
#define MAMBENCH_METRICS_CALIBRATION_H

#include "metrics/ranking.h"

#include <stddef.h>

enum { CALIBRATION_MOST_BINS = 100 };

struct calibration_bin {
    size_t n, n_positive;
    double low, high;            /* least and largest probability in it */
    double mean, share_positive; /* of the probabilities; of the labels */
};

struct calibration {
    size_t n, n_bins;
    struct calibration_bin bins[CALIBRATION_MOST_BINS]; /* by rising probability */
    double error;   /* ECE: mean over items of |share_positive - mean| of their bin; NAN of none */
    double largest; /* of these differences over the bins */
};

/* items are sorted by ranking_sort(), their scores the probabilities; n_bins from 1 to
 * CALIBRATION_MOST_BINS. */
void calibration_of(const struct ranked *items, size_t n, size_t n_bins,
                    struct calibration *calibration);

#endif
