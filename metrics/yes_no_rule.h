/* metrics/yes_no_rule.h - how each scorer reads yes or no out of a text. */
#ifndef MAMBENCH_METRICS_YES_NO_RULE_H
#define MAMBENCH_METRICS_YES_NO_RULE_H

#include "engine/base/text.h"

#include <stdbool.h>

enum yes_no {
    SAYS_NO,
    SAYS_YES,
    SAYS_NEITHER, /* a text from which the rule reads nothing */
    SAYS_NOTHING, /* no answer at all: the sample failed */
};

/* "no" iff the text in front of the first '.', without commas and split at single spaces, has a
 * word "No", "not" or "no": AoiDragon/POPE@08d957b:evaluate.py:9-21, the same in
 * haotian-liu/LLaVA@c121f04:llava/eval/eval_pope.py:8-20 and TinyLLaVA. */
enum yes_no yes_no_official(const char *text);

/* Appends what EvolvingLMMs-Lab/lmms-eval@75571cf:lmms_eval/tasks/pope/utils.py:17-30 compares with
 * the label: the text stripped and lower-cased. */
void yes_no_lmms_text(const char *text, struct text *out);

/* A word "yes" and no word "no", or the reverse, else neither:
 * open-compass/VLMEvalKit@e8e78f0:vlmeval/dataset/utils/yorn.py:254-261.
 * *no_memory is set if memory ran out. */
enum yes_no yes_no_vlmevalkit(const char *text, bool *no_memory);

/* Everything but exactly "no" is a yes, as in the official scorer. */
bool label_is_yes(const char *label);

#endif
