/* metrics/vqa_contractions.h - what the VQA scorers make of a word without its apostrophe. */
#ifndef MAMBENCH_METRICS_VQA_CONTRACTIONS_H
#define MAMBENCH_METRICS_VQA_CONTRACTIONS_H

#include "metrics/python_text.h"

#include <stddef.h>

struct contraction {
    const char *from, *to;
};

/* Sorted by the bytes of from. */
struct contraction_table {
    const struct contraction *rows;
    size_t n;
};

/* GT-Vision-Lab/VQA's, the same in LLaVA, TRI, lmms-eval and VLMEvalKit. */
extern const struct contraction_table contractions_official;

/* VizWiz's, with U+0060 where the original has U+2019, as TRI's copy has it. */
extern const struct contraction_table contractions_vizwiz;

/* What word becomes, or NULL.  The word must hold no NUL. */
const char *contraction_of(const struct contraction_table *table, struct span word);

#endif
