/* engine/selftest.h - shows that an engine computes what it should, on the user's own machine. */
#ifndef MAMBENCH_ENGINE_SELFTEST_H
#define MAMBENCH_ENGINE_SELFTEST_H

#include "engine/engine.h"

/* One thing that was checked. */
struct check_result {
    const char *name;   /* "connector.output", "variant grayscale: logits" */
    double deviation;   /* NAN where equality is checked */
    double bound;       /* deviation <= bound is ok; NAN where equality is checked */
    const char *detail; /* "max|delta|", or what differs; NULL if nothing is to say */
    bool ok;
};

struct check_report {
    void (*each)(void *context, const struct check_result *result);
    void *context;
    size_t n_ok, n_failed; /* counted by the check functions */
};

/* Counts a result and hands it on. */
void check_add(struct check_report *report, const struct check_result *result);

/* A reference fixture: a directory with reference.json, whose hyper-parameters are used.  Runs the
 * whole pipeline in the given precision and compares every field.  The status tells whether the
 * check could run at all; whether it passed is in the report. */
enum status selftest_fixture(const char *directory, const struct engine_options *options,
                             struct check_report *report, struct error *err);

/* A user's model: one-token steps and pieces equal the whole sequence, a batch of n equals n single
 * answers, a forked image state equals a fresh one, 1 thread equals n: all bit for bit.  A family
 * that scans in chunks (lm_family.chunk) equals itself so in pieces of a chunk, and within a bound
 * in steps.  The fast kernels agree with the reference implementation within their bounds. */
enum status selftest_model(const char *model, const struct engine_options *options,
                           struct check_report *report, struct error *err);

/* A file of tokenizer cases: strings with ids, as in the shared tokenizer_cases.json.  tokenizer is
 * the tokenizer.json or tokenizer.model they belong to. */
enum status selftest_tokenizer(const char *cases, const char *tokenizer,
                               struct check_report *report, struct error *err);

#endif
