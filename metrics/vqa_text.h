/* metrics/vqa_text.h - the answer normalisers of the VQA scorers, quirks included.
 *
 * Reference: GT-Vision-Lab/VQA@a013f00 PythonEvaluationTools/vqaEvaluation/vqaEval.py:62-155;
 * haotian-liu/LLaVA@c121f04 llava/eval/m4c_evaluator.py:7-218. */
#ifndef MAMBENCH_METRICS_VQA_TEXT_H
#define MAMBENCH_METRICS_VQA_TEXT_H

#include "engine/base/text.h"
#include "metrics/python_text.h"

#include <stdbool.h>

/* Which periods go. */
enum vqa_period_rule {
    /* (?!<=\d)(\.)(?!\d): not in front of a digit; the look-behind is mistyped and always holds. */
    VQA_PERIOD_OFFICIAL,
    /* (?<!\d)\.(?!\d): neither behind nor in front of one.
     * open-compass/VLMEvalKit@e8e78f0:vlmeval/smp/misc.py:26. */
    VQA_PERIOD_VLMEVALKIT,
};

/* Appends in without the 21 punctuation characters (deleted, or a space where they join two words)
 * and without up to 32 periods: vqaEval.py:130-140. */
void vqa_punctuation(struct span in, enum vqa_period_rule rule, struct text *out);

#endif
