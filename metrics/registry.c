#include "metrics/metric.h"

extern const struct metric metric_yes_no_likelihood, metric_yes_no_text, metric_yes_no_exact,
    metric_yes_no_words, metric_true_false_likelihood, metric_gqa_official, metric_gqa_triml,
    metric_gqa_llava, metric_gqa_lmms_eval, metric_gqa_vlmevalkit;

/* clang-format off */
const struct metric *const metrics[] = {
    &metric_yes_no_likelihood,
    &metric_yes_no_text,
    &metric_yes_no_exact,
    &metric_yes_no_words,
    &metric_true_false_likelihood,
    &metric_gqa_official,
    &metric_gqa_triml,
    &metric_gqa_llava,
    &metric_gqa_lmms_eval,
    &metric_gqa_vlmevalkit,
    NULL,
};
/* clang-format on */
