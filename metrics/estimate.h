/* metrics/estimate.h - scores that are ratios of sums over samples, with their intervals.
 *
 * Used so: estimate_begin(); estimate_add() for each sample; then estimate_ratio() adds the score
 * to the table.  For a mean of ratios over groups, estimate_keep() after each group's ratio and
 * estimate_mean() at the end. */
#ifndef MAMBENCH_METRICS_ESTIMATE_H
#define MAMBENCH_METRICS_ESTIMATE_H

#include "datasets/dataset.h"
#include "engine/base/arena.h"
#include "engine/base/error.h"
#include "metrics/metric.h"
#include "metrics/ranking_interval.h"

#include <stdbool.h>
#include <stddef.h>

struct estimator {
    struct score_table *table;
    double scale;  /* of the scores that are added: 1 or 100 */
    size_t *image; /* [n_samples] number of each sample's image */
    size_t n_images;
    size_t *item; /* samples of the current ratio, and what they add to both sums */
    double *y, *x, *influence;
    size_t n_items;
    double sum_y, sum_x;
    size_t *kept_item; /* samples of the groups kept for a mean, and their influence */
    double *kept;
    size_t n_kept;
    double *sums; /* working memory [n_images] */
    size_t *members;
    struct arena arena;
};

/* Errors: NO_MEMORY; then there is nothing to release. */
enum status estimator_init(struct estimator *estimator, const struct dataset *set,
                           struct score_table *table, double scale, struct error *err);
void estimator_release(struct estimator *estimator);

void estimate_begin(struct estimator *estimator);

/* x == 0 means that the sample is not in the ratio. */
void estimate_add(struct estimator *estimator, size_t sample, double y, double x);

/* Adds the score; value is the ratio as the reference computes it (times 1, not scale), NAN where
 * it is undefined.  is_rate: y and x are 0 or 1, so that a Wilson interval applies where every
 * image has one sample.  n of the score is the number of samples in the ratio.
 * NULL without memory. */
struct score *estimate_ratio(struct estimator *estimator, const char *name, double value,
                             bool is_rate);

/* A mean of ratios over groups that share no sample: forget, then for each group its samples and
 * estimate_keep() with the ratio's value and its weight, then estimate_mean() with the mean. */
void estimate_forget_kept(struct estimator *estimator);
void estimate_keep(struct estimator *estimator, double value, double weight);
struct score *estimate_mean(struct estimator *estimator, const char *name, double value);

/* Gives scores of ranked items the interval of the cluster bootstrap: scores[k] is that of value k,
 * or NULL.  Its seed and number of resamples are fixed: the same answers have the same interval.
 * items are sorted, their images those of estimator->image. */
enum { ESTIMATE_RESAMPLES = 2000 };
void estimate_ranking(struct estimator *estimator, const struct ranked *items, size_t n,
                      struct score *const scores[N_RANKING_VALUES]);

#endif
