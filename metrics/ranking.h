/* metrics/ranking.h - areas under curves, as scikit-learn 1.2.1 computes them.
 *
 * Equal scores are one threshold; nothing is interpolated. */
#ifndef MAMBENCH_METRICS_RANKING_H
#define MAMBENCH_METRICS_RANKING_H

#include <stdbool.h>
#include <stddef.h>

struct ranked {
    double score;
    bool is_positive;
    size_t image; /* its number; read by metrics/ranking_interval.h alone */
};

/* Sorts items by falling score; the other functions need it.  False if a score is NaN, where
 * scikit-learn raises; then the order is unspecified. */
bool ranking_sort(struct ranked *items, size_t n);

/* Sum of (recall_t - recall_t-1) * precision_t over the thresholds (average_precision_score).
 * 0 without a positive; NAN without items. */
double ranking_average_precision(const struct ranked *items, size_t n);

/* (#{positive > negative} + #{positive = negative} / 2) / (positives * negatives)
 * (roc_auc_score).  NAN where one class is missing: scikit-learn raises there. */
double ranking_roc_auc(const struct ranked *items, size_t n);

/* 2TP / (2TP + FP + FN) with score > 0.5 as the decision (f1_score); 0 where that is 0/0.
 * Needs no order. */
double ranking_f1(const struct ranked *items, size_t n);

#endif
