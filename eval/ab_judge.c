/* eval/ab_judge.c - what pairs of starts say: effect and significance. */
#include "eval/ab_series.h"
#include "metrics/bootstrap.h"
#include "metrics/holm.h"
#include "metrics/latency.h"
#include "metrics/swap.h"

#include <math.h>
#include <stdlib.h>

enum { RESAMPLES = 4000 };

const char *ab_verdict_name(enum ab_verdict verdict)
{
    static const char *const names[] = {
        [AB_HOLDS] = "holds", [AB_SLOWER] = "SLOWER", [AB_UNDECIDED] = "undecided"};
    return names[verdict];
}

static enum status compare(const struct ab_measure *measure, size_t n, uint64_t seed,
                           double *scratch, struct ab_result *result, struct error *err)
{
    struct interval interval;
    double ratio;
    enum status status = bootstrap_median_ratio(measure->values[0], measure->values[1], n,
                                                RESAMPLES, seed, &ratio, &interval, err);
    if (!status)
        status = swap_p(measure->values[0], measure->values[1], n, seed, &result->p, err);
    if (status)
        return status;
    result->n_pairs = n;
    for (size_t side = 0; side < 2; side++)
        result->medians[side] = latency_median(measure->values[side], n, scratch);
    result->percent = 100 * (ratio - 1);
    result->low = 100 * (interval.low - 1);
    result->high = 100 * (interval.high - 1);
    return STATUS_OK;
}

static enum ab_verdict verdict_on(const struct ab_result *result, const struct ab_plan *plan)
{
    bool shown = result->low > 0 && result->p_holm < plan->level;
    if (shown && result->percent > 100 * plan->effect)
        return AB_SLOWER;
    /* What is shown and lies below the bound is no matter, even if it could be a little more. */
    return !shown && result->high > 100 * plan->effect ? AB_UNDECIDED : AB_HOLDS;
}

enum status ab_series_judge(const struct ab_series *series, uint64_t seed,
                            struct ab_result *results, struct error *err)
{
    size_t n = series->n_measures, m = 0;
    double *p = calloc(2 * n + 1, sizeof *p);
    double *scratch = calloc(series->n_pairs + 1, sizeof *scratch);
    enum status status =
        p && scratch ? STATUS_OK : fail(err, STATUS_NO_MEMORY, "out of memory for %zu tests", n);
    for (size_t i = 0; i < n && !status; i++)
        if (results[i].tested) {
            status =
                compare(&series->measures[i], series->n_pairs, seed, scratch, &results[i], err);
            p[m++] = results[i].p;
        }
    if (!status)
        holm_adjust(p, p + n, m);
    for (size_t i = m = 0; i < n && !status; i++)
        if (results[i].tested) {
            results[i].p_holm = p[n + m++];
            results[i].verdict = verdict_on(&results[i], series->plan);
        }
    free(p);
    free(scratch);
    return status;
}
