/* metrics/vqa_rule.h - how much an answer agrees with what annotators said: every scorer's way.
 *
 * An answer that k of ten annotators gave scores the mean over the annotators of min(m / 3, 1), m
 * of the others having given it: 0, 0.3, 0.6, 0.9, 1 for k = 0, 1, 2, 3, 4 and more. Reference:
 * GT-Vision-Lab/VQA@a013f00:PythonEvaluationTools/vqaEvaluation/vqaEval.py:86-129.
 *
 * To add a scorer: a row in vqa_rules[] (metrics/vqa_rule.c). */
#ifndef MAMBENCH_METRICS_VQA_RULE_H
#define MAMBENCH_METRICS_VQA_RULE_H

#include "engine/base/text.h"
#include "metrics/vqa_text.h"

#include <stdbool.h>
#include <stddef.h>

typedef void vqa_normaliser(struct span in, struct text *out);

struct vqa_rule {
    const char *name;
    vqa_normaliser *prepare; /* what the harness did to the prediction before; NULL: nothing */
    vqa_normaliser *prediction, *answer;
    /* Where all answers are the same under this, the two below stand for the two above; NULL: it
     * does not matter. */
    vqa_normaliser *same_under;
    vqa_normaliser *unanimous_prediction, *unanimous_answer;
    bool needs_ten;     /* the scorer stops where the answers are not ten */
    bool mean_is_exact; /* statistics.mean(), not a sum of doubles divided */
};

enum {
    VQA_RULE_OFFICIAL,      /* since March 2021: nothing is normalised where all agree */
    VQA_RULE_OFFICIAL_2017, /* October 2017 to March 2021 */
    VQA_RULE_LLAVA,         /* official, on what LLaVA's converter submits */
    VQA_RULE_TRI,
    VQA_RULE_LMMS_EVAL,
    VQA_RULE_VLMEVALKIT,
    VQA_RULE_M4C,      /* TextVQA of TRI and LLaVA */
    VQA_RULE_M4C_LMMS, /* TextVQA and VizWiz of lmms-eval */
    VQA_RULE_VIZWIZ,   /* VizWiz's own */
    VQA_RULE_VIZWIZ_TRI,
    VQA_RULE_VIZWIZ_LLAVA, /* VizWiz's own, on what LLaVA's converter submits */
    N_VQA_RULES
};
extern const struct vqa_rule vqa_rules[N_VQA_RULES];

/* More than any scorer is used with. */
enum { VQA_MAX_ANSWERS = 64 };

/* Working memory of one thread; failed tells that memory ran out. */
struct vqa_scratch {
    struct text prepared, prediction, answer, first;
    bool failed;
};
void vqa_scratch_init(struct vqa_scratch *scratch);
void vqa_scratch_release(struct vqa_scratch *scratch);

/* The score of text, 0 to 1, to the last bit.  NAN where the scorer stops: no answers, not ten
 * where it needs ten; or more than VQA_MAX_ANSWERS.  Answers that are the same pointer are
 * normalised once. */
double vqa_agreement(const struct vqa_rule *rule, const char *const *answers, size_t n,
                     const char *text, struct vqa_scratch *scratch);

#endif
