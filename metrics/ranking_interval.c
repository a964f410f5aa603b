#include "metrics/ranking_interval.h"

#include "metrics/bootstrap.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

/* What a resample reads of an item. */
struct weighed {
    uint32_t cluster;
    bool is_positive, decided; /* decided: the score is above 0.5 */
    bool ends;                 /* the last of its score */
};

struct curve {
    const struct weighed *items;
    size_t n;
};

/* All three in one pass: what lies above a threshold is known before what lies below. */
static void values_of(const uint32_t *weights, const void *context, double *values)
{
    const struct curve *curve = context;
    double positives = 0, negatives = 0, losses = 0, precisions = 0, tp = 0, wrong = 0;
    double new_positives = 0, new_negatives = 0; /* at the threshold */
    for (size_t i = 0; i < curve->n; i++) {
        const struct weighed *item = &curve->items[i];
        double weight = weights[item->cluster];
        new_positives += item->is_positive ? weight : 0;
        new_negatives += item->is_positive ? 0 : weight;
        tp += item->decided && item->is_positive ? weight : 0;
        wrong += item->decided != item->is_positive ? weight : 0;
        if (!item->ends)
            continue;
        losses += new_positives * (2 * negatives + new_negatives);
        positives += new_positives;
        negatives += new_negatives;
        if (new_positives > 0)
            precisions += new_positives * (positives / (positives + negatives));
        new_positives = new_negatives = 0;
    }
    bool both = positives > 0 && negatives > 0;
    values[RANKING_ROC_AUC] = both ? 1 - losses / (2 * positives * negatives) : (double)NAN;
    values[RANKING_AVERAGE_PRECISION] = positives > 0 ? precisions / positives : (double)NAN;
    values[RANKING_F1] = 2 * tp + wrong > 0 ? 2 * tp / (2 * tp + wrong) : (double)NAN;
}

/* Numbers the images that have an item from 0 on; returns how many there are. */
static size_t fill(struct weighed *weighed, uint32_t *number, const struct ranked *items, size_t n)
{
    uint32_t present = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t *own = &number[items[i].image];
        if (*own == 0)
            *own = ++present;
        weighed[i] = (struct weighed){
            .cluster = *own - 1,
            .is_positive = items[i].is_positive,
            .decided = items[i].score > 0.5,
            .ends = i + 1 == n || items[i + 1].score < items[i].score,
        };
    }
    return present;
}

enum status ranking_intervals(const struct ranked *items, size_t n, size_t n_images,
                              size_t n_resamples, uint64_t seed,
                              struct interval intervals[N_RANKING_VALUES], struct error *err)
{
    struct weighed *weighed = calloc(n + 1, sizeof *weighed);
    uint32_t *number = calloc(n_images + 1, sizeof *number);
    enum status status = STATUS_OK;
    if (weighed && number) {
        struct curve curve = {weighed, n};
        struct bootstrap bootstrap = {fill(weighed, number, items, n), n_resamples, seed,
                                      N_RANKING_VALUES};
        status = bootstrap_intervals(&bootstrap, values_of, &curve, intervals, err);
    } else {
        status = fail(err, STATUS_NO_MEMORY, "out of memory for the intervals of a ranking");
    }
    free(weighed);
    free(number);
    return status;
}
