#include "engine/sampler.h"

#include <math.h>
#include <stdlib.h>

int sampler_greedy(const float *logits, int n)
{
    int best = 0;
    for (int i = 1; i < n; i++)
        if (logits[i] > logits[best])
            best = i;
    return best;
}

/* Largest logit first, lowest id on ties: a total order, so that qsort's choice is no matter. */
static int by_logit(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->logit != y->logit)
        return x->logit > y->logit ? -1 : 1;
    return x->id < y->id ? -1 : 1;
}

/* Unnormalised probability of a candidate. */
static double weight(const struct candidate *c, float largest, double temperature)
{
    return exp(((double)c->logit - (double)largest) / temperature);
}

/* How many of the first n candidates stay under top_p: those in front of which less than top_p of
 * the probability lies. */
static int nucleus(const struct candidate *c, int n, double top_p, double temperature)
{
    double total = 0, before = 0;
    for (int i = 0; i < n; i++)
        total += weight(&c[i], c[0].logit, temperature);
    for (int i = 0; i < n; i++) {
        if (i > 0 && before >= top_p * total)
            return i;
        before += weight(&c[i], c[0].logit, temperature);
    }
    return n;
}

int sampler_next(const struct sampling *sampling, struct random_stream *random, const float *logits,
                 int n, struct candidate *scratch)
{
    if (!sampling->sample || sampling->top_k == 1)
        return sampler_greedy(logits, n);
    double temperature = sampling->temperature > 0 ? sampling->temperature : 1;
    for (int i = 0; i < n; i++)
        /* NaN compares with nothing and would leave the order undefined. */
        scratch[i] = (struct candidate){isnan(logits[i]) ? -INFINITY : logits[i], i};
    qsort(scratch, (size_t)n, sizeof *scratch, by_logit);
    int kept = sampling->top_k > 0 && sampling->top_k < n ? sampling->top_k : n;
    if (sampling->top_p > 0 && sampling->top_p < 1)
        kept = nucleus(scratch, kept, sampling->top_p, temperature);
    double total = 0, seen = 0;
    for (int i = 0; i < kept; i++)
        total += weight(&scratch[i], scratch[0].logit, temperature);
    double draw = random_uniform(random) * total;
    for (int i = 0; i < kept; i++) {
        seen += weight(&scratch[i], scratch[0].logit, temperature);
        if (draw < seen)
            return scratch[i].id;
    }
    return scratch[kept - 1].id;
}
