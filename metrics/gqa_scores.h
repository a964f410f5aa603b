/* metrics/gqa_scores.h - GQA's scores, from answers that a scorer has cleaned.
 *
 * All samples that count:
 *     accuracy, binary/accuracy, open/accuracy    open is structural type "query"
 *     structural/T/accuracy, semantic/T/accuracy  in the order of their names
 *     steps/N/accuracy, words/N/accuracy          in the order of the numbers
 * With the official scorer's further measures:
 *     validity, plausibility   the answer is among the question's choices
 *     consistency              right answers among the entailed questions of those answered right
 *     distribution             chi-square between answers and gold answers; lower is better
 *
 * Reference: GQA's eval.py v1.1, as TRI-ML/vlm-evaluation@d9f5896:vlm_eval/util/evaluation/gqa/
 * eval.py:226-449 has it. */
#ifndef MAMBENCH_METRICS_GQA_SCORES_H
#define MAMBENCH_METRICS_GQA_SCORES_H

#include "datasets/dataset.h"
#include "datasets/gqa_facts.h"
#include "engine/base/error.h"
#include "metrics/estimate.h"
#include "metrics/gqa_answer.h"
#include "metrics/metric.h"

#include <stdbool.h>
#include <stddef.h>

/* How a scorer counts. */
struct gqa_rule {
    gqa_clean *clean;      /* of predictions */
    gqa_clean *clean_gold; /* of reference answers */
    double scale;          /* 1 or 100 */
    bool is_official;      /* eval.py: balanced questions only, and the further measures */
};

/* What is scored, after cleaning. */
struct gqa_input {
    const struct dataset *set;
    const struct gqa_rule *rule;
    const char **said; /* [n_samples]; NULL: the sample failed */
    const char **gold; /* [n_samples] */
    bool *counts;      /* [n_samples] whether the sample is in the scores */
    struct score_table *table;
    struct estimator estimator;
};

/* NULL where the samples were not read from GQA's own files. */
const struct gqa_facts *gqa_facts_of(const struct gqa_input *input, size_t sample);

/* Whether the sample's answer is right; a failed one is not. */
bool gqa_is_right(const struct gqa_input *input, size_t sample);

/* Adds validity, plausibility, consistency and distribution.  Without memory the table's arena
 * tells. */
void gqa_add_measures(struct gqa_input *input);

/* All scores of the set under a rule; predictions as metric->score() gets them.
 * Errors: MISMATCH (a question has no answer in its file), NO_MEMORY. */
enum status gqa_scores(const struct dataset *set, const struct gqa_rule *rule,
                       const struct prediction *predictions, struct score_table *table,
                       struct error *err);

#endif
