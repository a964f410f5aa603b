/* metrics/gate_rule.h - when a number that may not get worse has got worse.
 *
 * A gate asks several things at once: is an accuracy below its floor, has it dropped by more than
 * is allowed, has a latency risen.  Each is one test:
 *
 *     nothing beyond what is allowed                        -> ok
 *     beyond it, and Holm's p over all tests below level    -> failed
 *     beyond it, and chance could do that                   -> inconclusive
 *
 * So a gate fails on effect *and* significance.  Where every drop is allowed down to 0 and nothing
 * has changed, any of its tests fails in at most `level` of all gates, however many there are. */
#ifndef MAMBENCH_METRICS_GATE_RULE_H
#define MAMBENCH_METRICS_GATE_RULE_H

#include <stdbool.h>
#include <stddef.h>

enum gate_verdict { GATE_OK, GATE_FAILED, GATE_INCONCLUSIVE };

struct gate_test {
    double excess;      /* how far beyond what is allowed, in any unit; 0 or less: not at all */
    double p;           /* two-sided, that there is no difference; NAN: no chance in it (a number of
                           bytes, a score without an interval), so excess alone decides */
    bool is_impossible; /* nothing can be decided, and p is not counted */
    double p_holm;      /* out; NAN where p is */
    enum gate_verdict verdict; /* out */
};

/* Fills p_holm and verdict of all.  false: out of memory. */
bool gate_decide(struct gate_test *tests, size_t n, double level);

/* Two-sided p of a distance in standard errors, by the normal distribution: 1 at 0; 0 for an error
 * of 0 and a distance that is not. */
double gate_normal_p(double distance, double error);

#endif
