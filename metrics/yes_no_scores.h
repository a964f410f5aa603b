/* metrics/yes_no_scores.h - every score of a yes/no benchmark from what the answers say.
 *
 * Per group ("random/f1"), as mean over the groups ("mean/f1") and over all samples ("pooled/f1"):
 *     tp fp tn fn       counts; positive is yes
 *     accuracy          (tp + tn) / samples; a failed sample counts as wrong
 *     precision         tp / (tp + fp)
 *     recall            tp / samples labelled yes
 *     f1                2 P R / (P + R)
 *     yes-ratio         answers that say yes / answers
 *     true-yes-ratio    labels that are yes / samples
 *     auc-roc, auc-pr   where there are probabilities; failed samples are left out
 * AoiDragon/POPE@08d957b:evaluate.py:43-60 computes the first six of one file. */
#ifndef MAMBENCH_METRICS_YES_NO_SCORES_H
#define MAMBENCH_METRICS_YES_NO_SCORES_H

#include "datasets/dataset.h"
#include "engine/base/error.h"
#include "metrics/metric.h"
#include "metrics/yes_no_rule.h"

#include <stdbool.h>

struct yes_no_options {
    double scale;
    /* What 0/0 is: NAN where the reference stops, else 0. */
    bool zero_for_undefined;
    /* Whether a sample labelled yes whose answer says neither, or that failed, is a missed yes in
     * recall and F1; else it is in no count. */
    bool silence_is_missed;
    /* TRI's names: the mean accuracy and the pooled areas are called "final/...". */
    bool has_final;
};

/* says[i] and p_yes[i] (NULL: no probabilities) are of set->samples[i], whose answers[0] is the
 * label; is_unparsed[i] (NULL: not told) is a text that is neither a clear yes nor a clear no.
 * Errors: NO_MEMORY. */
enum status yes_no_scores(const struct dataset *set, const enum yes_no *says, const double *p_yes,
                          const bool *is_unparsed, const struct yes_no_options *options,
                          struct score_table *table, struct error *err);

#endif
