/* metrics/vqa_text.h - the answer normalisers of the VQA scorers, quirks included.
 *
 * Reference: GT-Vision-Lab/VQA@a013f00 PythonEvaluationTools/vqaEvaluation/vqaEval.py:62-155;
 * haotian-liu/LLaVA@c121f04 llava/eval/m4c_evaluator.py:7-218.
 *
 * To add one: write it from the steps in vqa_text.c; a scorer that uses it is a row of vqa_rules[]
 * (metrics/vqa_rule.c).  Each appends to out, whose failed tells that memory ran out. */
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

/* Line feeds and tabs become spaces, white space around goes: vqaEval.py:88-94. */
void vqa_trim(struct span in, struct text *out);

/* The official scorer's: trimmed, without punctuation, in lower case, number words as digits,
 * without articles, with the apostrophes of contractions: vqaEval.py:86-155. */
void vqa_normalise(struct span in, struct text *out);

/* LLaVA's EvalAIAnswerProcessor, the same in TRI's harness, TinyLLaVA, MobileVLM and lmms-eval:
 * commas, question marks and joined 's go first, in lower case. */
void vqa_normalise_m4c(struct span in, struct text *out);

/* VLMEvalKit's: with its own rule of periods. */
void vqa_normalise_vlmevalkit(struct span in, struct text *out);

/* VizWiz's, with its table of contractions: as TRI copied it (U+0060 for apostrophes), and as
 * VizWiz published it (U+2019). */
void vqa_normalise_vizwiz_tri(struct span in, struct text *out);
void vqa_normalise_vizwiz(struct span in, struct text *out);

/* The punctuation step alone, official periods. */
void vqa_normalise_punctuation(struct span in, struct text *out);

/* The text as it is. */
void vqa_as_it_is(struct span in, struct text *out);

#endif
