/* metrics/textvqa_prompt.h - which question a TextVQA prompt asks, as LLaVA's scorer reads it. */
#ifndef MAMBENCH_METRICS_TEXTVQA_PROMPT_H
#define MAMBENCH_METRICS_TEXTVQA_PROMPT_H

#include "engine/base/text.h"

enum textvqa_prompt {
    TEXTVQA_PROMPT_READ,
    TEXTVQA_PROMPT_SHAPE,       /* no prompt that LLaVA writes: its scorer asserts */
    TEXTVQA_PROMPT_NO_QUESTION, /* begins with OCR tokens and asks nothing: it stops, too */
};

/* Appends the question in lower case, the key under which answers are joined to annotations of the
 * same picture: haotian-liu/LLaVA@c121f04:llava/eval/eval_textvqa.py:17-32. */
enum textvqa_prompt textvqa_question_of(const char *prompt, struct text *out);

#endif
