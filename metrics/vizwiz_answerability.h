/* metrics/vizwiz_answerability.h - VizWiz's second question: can this be answered at all? */
#ifndef MAMBENCH_METRICS_VIZWIZ_ANSWERABILITY_H
#define MAMBENCH_METRICS_VIZWIZ_ANSWERABILITY_H

#include "metrics/vqa_rule.h"

#include <stdbool.h>

/* Whether the rule reads the answer as "unanswerable"; *no_memory tells that memory ran out.
 * TRI-ML/vlm-evaluation@d9f5896:vlm_eval/util/evaluation/vizwiz/eval.py:225-252. */
bool vizwiz_says_unanswerable(const struct vqa_rule *rule, const char *text, bool *no_memory);

#endif
