/* metrics/roc_curve.h - the points of a receiver operating characteristic, for drawing. */
#ifndef MAMBENCH_METRICS_ROC_CURVE_H
#define MAMBENCH_METRICS_ROC_CURVE_H

#include "metrics/ranking.h"

#include <stddef.h>

struct roc_point {
    double threshold; /* scores of at least this count as yes; infinite at the first point */
    double false_alarm_rate, hit_rate;
};

/* Fills points [at most n + 1] from (0, 0) to (1, 1) and returns how many there are: one a
 * distinct score, without those on a straight line between their neighbours, as scikit-learn's
 * roc_curve() leaves them out.  items are sorted by ranking_sort().  0 where one class is missing.
 */
size_t roc_curve(const struct ranked *items, size_t n, struct roc_point *points);

#endif
