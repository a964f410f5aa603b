/* metrics/vqa_scores.h - accuracies of answers that annotators agree with more or less.
 *
 * Used so: vqa_scores_begin(); vqa_scores_add() and vqa_scores_add_breakdown() for every score;
 * vqa_scores_end().  To add a scorer: its rule in metrics/vqa_rule.c, a row in vqa_metrics[]
 * (metrics/vqa_scores.c), the metric and its row in metrics/registry.c.  A failed sample scores 0
 * and is named in the note. */
#ifndef MAMBENCH_METRICS_VQA_SCORES_H
#define MAMBENCH_METRICS_VQA_SCORES_H

#include "datasets/dataset.h"
#include "engine/base/error.h"
#include "metrics/estimate.h"
#include "metrics/metric.h"
#include "metrics/vqa_rule.h"

#include <stddef.h>

/* What a scorer makes of the sum of its questions' scores: the order of operations shows in the
 * last bit, and through it in a rounded tie. */
enum vqa_aggregate {
    VQA_MEAN,                /* sum / n */
    VQA_PERCENT,             /* 100 * (sum / n) */
    VQA_PERCENT_ROUNDED,     /* the same to two decimals */
    VQA_SUM_PERCENT_ROUNDED, /* 100 * sum / n to two decimals */
};

/* How a metric of this family scores. */
struct vqa_metric {
    const char *name; /* in the metric table */
    int rule;         /* of vqa_rules[] */
    enum vqa_aggregate aggregate;
};

/* By its name, or NULL; by the name in a protocol, which must be one of the family's. */
const struct vqa_metric *vqa_metric_find(const char *name);
const struct vqa_metric *vqa_metric_of(const struct protocol *protocol);

/* The agreement of a sample that failed. */
#define VQA_FAILED (-1.0)

struct vqa_scores {
    const struct dataset *set;
    struct score_table *table;
    enum vqa_aggregate aggregate;
    double *agreement; /* [n_samples] 0 to 1, VQA_FAILED, or NAN: nothing to compare with */
    struct estimator estimator;
};

/* The agreement of every answer.  Errors: NO_MEMORY; then there is nothing to end. */
enum status vqa_scores_begin(struct vqa_scores *scores, const struct dataset *set,
                             const struct protocol *protocol, const struct prediction *predictions,
                             struct score_table *table, struct error *err);
void vqa_scores_end(struct vqa_scores *scores);

/* Adds the score over the samples i with part[i] == which; part NULL: over all.  NAN, with the
 * reason in its note, where there is no sample or one without answers.  NULL without memory. */
struct score *vqa_scores_add(struct vqa_scores *scores, const char *name, const size_t *part,
                             size_t which);

/* Adds "prefix/PART/accuracy" for every part, the largest first; a sample without part is in none.
 */
void vqa_scores_add_breakdown(struct vqa_scores *scores, const char *prefix,
                              const char *(*part_of)(const struct sample *));

/* "question-type/..." by the samples' groups and "answer-type/..." by their categories. */
void vqa_scores_add_types(struct vqa_scores *scores);

/* A struct metric's credit(): the mean over annotators that the accuracy is a mean of. */
double vqa_credit(const struct sample *sample, const struct protocol *protocol,
                  const struct prediction *prediction);

/* A struct metric's correct(): 1 where at least three annotators gave the answer, which counts in
 * full (visualqa.org/evaluation), 0 where fewer, -1 where it failed. */
int vqa_is_correct(const struct sample *sample, const struct protocol *protocol,
                   const struct prediction *prediction);

/* Its read() and clean_label(): as where the annotators do not all agree. */
void vqa_read(const struct protocol *protocol, const char *text, struct text *out);
void vqa_clean_label(const struct protocol *protocol, const char *label, struct text *out);

/* One metric of the family; scoring is its score(). */
#define VQA_METRIC(id, metric_name, scoring, source)                                               \
    const struct metric metric_##id = {.name = metric_name,                                        \
                                       .reference = source,                                        \
                                       .score = scoring,                                           \
                                       .correct = vqa_is_correct,                                  \
                                       .credit = vqa_credit,                                       \
                                       .read = vqa_read,                                           \
                                       .clean_label = vqa_clean_label}

#endif
