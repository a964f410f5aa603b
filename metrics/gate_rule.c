#include "metrics/gate_rule.h"

#include "metrics/holm.h"

#include <math.h>
#include <stdlib.h>

/* Numbers that were written down with all their digits and read again. */
static const double ROUNDING = 1e-9;

static enum gate_verdict verdict_of(const struct gate_test *test, double level)
{
    if (test->is_impossible)
        return GATE_INCONCLUSIVE;
    if (test->excess <= ROUNDING)
        return GATE_OK;
    if (isnan(test->p) || test->p_holm < level)
        return GATE_FAILED;
    return GATE_INCONCLUSIVE;
}

bool gate_decide(struct gate_test *tests, size_t n, double level)
{
    double *p = calloc(2 * n + 1, sizeof *p);
    size_t counted = 0;
    if (!p)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!tests[i].is_impossible && !isnan(tests[i].p))
            p[counted++] = tests[i].p;
    double *adjusted = p + counted;
    holm_adjust(p, adjusted, counted);
    counted = 0;
    for (size_t i = 0; i < n; i++) {
        bool counts = !tests[i].is_impossible && !isnan(tests[i].p);
        tests[i].p_holm = counts ? adjusted[counted++] : (double)NAN;
        tests[i].verdict = verdict_of(&tests[i], level);
    }
    free(p);
    return true;
}

double gate_normal_p(double distance, double error)
{
    if (error > 0)
        return erfc(fabs(distance) / error / sqrt(2));
    return distance > 0 || distance < 0 ? 0 : 1;
}
