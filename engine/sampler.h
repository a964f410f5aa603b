/* engine/sampler.h - from logits to the next token. */
#ifndef MAMBENCH_ENGINE_SAMPLER_H
#define MAMBENCH_ENGINE_SAMPLER_H

#include "engine/base/random.h"
#include "engine/engine.h"

/* A logit and its token: scratch of sampler_next(). */
struct candidate {
    float logit;
    int id;
};

/* The largest logit; the lowest id on ties.  logits: [n], n > 0. */
int sampler_greedy(const float *logits, int n);

/* The next token as sampling says, following mamba_ssm v1.2.2 utils/generation.py:83-117: the top_k
 * largest, divided by the temperature, of these the smallest set whose probability exceeds top_p,
 * then one draw.  scratch: [n].  Equal logits keep the order of their ids. */
int sampler_next(const struct sampling *sampling, struct random_stream *random, const float *logits,
                 int n, struct candidate *scratch);

#endif
