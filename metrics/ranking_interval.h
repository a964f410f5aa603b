/* metrics/ranking_interval.h - intervals of areas under curves, images as clusters. */
#ifndef MAMBENCH_METRICS_RANKING_INTERVAL_H
#define MAMBENCH_METRICS_RANKING_INTERVAL_H

#include "engine/base/error.h"
#include "metrics/intervals.h"
#include "metrics/ranking.h"

#include <stddef.h>
#include <stdint.h>

enum ranking_value {
    RANKING_ROC_AUC,
    RANKING_AVERAGE_PRECISION,
    RANKING_F1,
    N_RANKING_VALUES,
};

/* The cluster bootstrap (metrics/bootstrap.h) of the functions of metrics/ranking.h; items are
 * sorted, items[i].image < n_images.  Images without an item are not drawn.  NAN where there is no
 * interval.  Errors: NO_MEMORY. */
enum status ranking_intervals(const struct ranked *items, size_t n, size_t n_images,
                              size_t n_resamples, uint64_t seed,
                              struct interval intervals[N_RANKING_VALUES], struct error *err);

#endif
