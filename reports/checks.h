/* reports/checks.h - what a gate checked, for people and for CI.
 *
 * To add a form: write reports/checks_<name>.c with a function declared here.  Texts are borrowed.
 * Values are in the check's unit, NAN where there is none. */
#ifndef MAMBENCH_REPORTS_CHECKS_H
#define MAMBENCH_REPORTS_CHECKS_H

#include "engine/base/text.h"
#include "metrics/gate_rule.h"

#include <stdbool.h>
#include <stddef.h>

struct check {
    const char *task;   /* "pope@triml", or what was profiled */
    const char *metric; /* "credit", "f1", "ttft_ms" */
    const char *rule;   /* "floor", "ceiling", "allowed_drop", "most", "allowed_rise" */
    double limit;       /* of the rule: in unit; a drop in points, a rise in percent */
    const char *unit;   /* "%", "ms", "MiB" */
    double before, now;
    size_t n, n_images;   /* samples, or runs of a profile; images 0 where there are none */
    double detectable;    /* smallest true drop that these samples show in 80 of 100, points */
    const char *method;   /* how chance was weighed: "paired permutation by image" */
    const char *obstacle; /* why nothing can be decided; NULL */
    struct gate_test test;
    const char *sentence; /* one line that says all of it */
};

struct checks {
    const char *baseline, *subject; /* paths, as they were given */
    const char *file;               /* where annotations are shown: the baseline's file; NULL */
    const struct check *items;
    size_t n;
    double level;
    const char *const *notes; /* sentences */
    size_t n_notes;
    const char *error; /* why there is no verdict at all; NULL.  Then items are not decided */
};

const char *check_verdict_name(enum gate_verdict verdict); /* "ok", "FAILED", "inconclusive" */
size_t checks_count(const struct checks *checks, enum gate_verdict verdict);

/* "gate: FAILED: 2 of 8 checks: pope@triml credit, vsr@triml credit." without a newline. */
void checks_add_verdict(const struct checks *checks, struct text *out);

/* Fills a check's sentence into out; the verdict must be decided. */
void check_add_sentence(const struct check *check, double level, struct text *out);

/* "drop 0.5", "floor 80". */
void check_add_limit(const struct check *check, struct text *out);

/* A table, the notes and the verdict; markdown is for GitHub. */
void checks_add_table(const struct checks *checks, bool markdown, struct text *out);
void checks_add_json(const struct checks *checks, const char *version, struct text *out);

/* JUnit XML: a suite per task, a case per check; inconclusive is skipped, no verdict an error. */
void checks_add_junit(const struct checks *checks, struct text *out);

/* GitHub's workflow commands, a line each: errors, then warnings for what is inconclusive, then one
 * notice.  GitHub shows ten of a kind: further ones are counted in the tenth. */
void checks_add_annotations(const struct checks *checks, struct text *out);

#endif
