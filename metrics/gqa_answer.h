/* metrics/gqa_answer.h - what each scorer of GQA makes of an answer before it compares it.
 *
 * Each appends its result; strings are those of Python.  ASCII punctuation is string.punctuation,
 * 32 characters. */
#ifndef MAMBENCH_METRICS_GQA_ANSWER_H
#define MAMBENCH_METRICS_GQA_ANSWER_H

#include "engine/base/text.h"

typedef void gqa_clean(const char *answer, struct text *out);

/* Nothing: the official eval.py. */
void gqa_clean_official(const char *answer, struct text *out);

/* Without ASCII punctuation, then lower case; no strip:
 * TRI-ML/vlm-evaluation@d9f5896:vlm_eval/tasks/harnesses/gqa.py:281-282. */
void gqa_clean_triml(const char *answer, struct text *out);

/* Without the periods at the end, then lower case:
 * haotian-liu/LLaVA@c121f04:scripts/convert_gqa_for_eval.py:14. */
void gqa_clean_llava(const char *answer, struct text *out);

/* lmms-eval's exact_match, which ignores case and punctuation on both sides; its harness strips the
 * prediction first: EvolvingLMMs-Lab/lmms-eval@75571cf:lmms_eval/api/metrics.py:188-220. */
void gqa_clean_lmms(const char *answer, struct text *out);
void gqa_clean_lmms_gold(const char *answer, struct text *out);

/* Stripped, lower case, both sides:
 * open-compass/VLMEvalKit@e8e78f0:vlmeval/dataset/utils/vqa_eval.py:279-282. */
void gqa_clean_vlmevalkit(const char *answer, struct text *out);

#endif
