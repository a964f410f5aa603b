#include "metrics/metric.h"

extern const struct metric metric_yes_no_likelihood, metric_yes_no_text, metric_yes_no_exact,
    metric_yes_no_words, metric_true_false_likelihood;

const struct metric *const metrics[] = {
    &metric_yes_no_likelihood, &metric_yes_no_text,           &metric_yes_no_exact,
    &metric_yes_no_words,      &metric_true_false_likelihood, NULL,
};
