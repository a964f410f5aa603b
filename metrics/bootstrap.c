#include "metrics/bootstrap.h"

#include "engine/base/random.h"
#include "metrics/latency.h"

#include <assert.h>
#include <math.h>
#include <omp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Two draws a word.  Resample r reads the words that follow those of resample r - 1, whoever
 * computes it. */
static void draw(const struct bootstrap *bootstrap, size_t resample, uint32_t *weights)
{
    const uint64_t n = bootstrap->n_clusters, half = UINT32_MAX;
    struct random_stream stream = {bootstrap->seed};
    random_skip(&stream, resample * ((n + 1) / 2));
    memset(weights, 0, n * sizeof *weights);
    for (size_t i = 0; i + 1 < n; i += 2) {
        uint64_t bits = random_bits(&stream);
        weights[(bits & half) * n >> 32] += 1;
        weights[(bits >> 32) * n >> 32] += 1;
    }
    if (n % 2 == 1)
        weights[(random_bits(&stream) & half) * n >> 32] += 1;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Between the two nearest, as numpy.percentile does; sorted, n >= 1. */
static double quantile(const double *values, size_t n, double share)
{
    double at = share * (double)(n - 1);
    size_t below = (size_t)at, above = below + 1 < n ? below + 1 : below;
    return values[below] + (values[above] - values[below]) * (at - (double)below);
}

/* Moves the defined values to the front, sorts them and reads off the interval. */
static struct interval interval_of(double *values, size_t n)
{
    size_t defined = 0;
    for (size_t i = 0; i < n; i++)
        if (!isnan(values[i]))
            values[defined++] = values[i];
    if (defined == 0 || 100 * (n - defined) > n)
        return (struct interval){NAN, NAN};
    qsort(values, defined, sizeof *values, by_value);
    return (struct interval){quantile(values, defined, 0.025), quantile(values, defined, 0.975)};
}

/* weights [threads, n_clusters]; values [n_values, n_resamples] */
static void resample_all(const struct bootstrap *bootstrap, bootstrap_statistic *statistic,
                         const void *context, uint32_t *weights, double *values, int threads)
{
#pragma omp parallel for schedule(static) num_threads(threads)
    for (size_t r = 0; r < bootstrap->n_resamples; r++) {
        uint32_t *own = weights + (size_t)omp_get_thread_num() * bootstrap->n_clusters;
        double computed[BOOTSTRAP_MOST_VALUES];
        draw(bootstrap, r, own);
        statistic(own, context, computed);
        for (size_t v = 0; v < bootstrap->n_values; v++)
            values[v * bootstrap->n_resamples + r] = computed[v];
    }
}

enum status bootstrap_intervals(const struct bootstrap *bootstrap, bootstrap_statistic *statistic,
                                const void *context, struct interval *intervals, struct error *err)
{
    size_t n_values = bootstrap->n_values, n_resamples = bootstrap->n_resamples;
    assert(n_values <= BOOTSTRAP_MOST_VALUES && bootstrap->n_clusters <= UINT32_MAX);
    for (size_t v = 0; v < n_values; v++)
        intervals[v] = (struct interval){NAN, NAN};
    if (bootstrap->n_clusters < 2 || n_resamples == 0)
        return STATUS_OK;
    int threads = omp_in_parallel() ? 1 : omp_get_max_threads();
    uint32_t *weights = calloc((size_t)threads * bootstrap->n_clusters, sizeof *weights);
    double *values = calloc(n_values * n_resamples, sizeof *values);
    enum status status = STATUS_OK;
    if (weights && values) {
        resample_all(bootstrap, statistic, context, weights, values, threads);
        for (size_t v = 0; v < n_values; v++)
            intervals[v] = interval_of(values + v * n_resamples, n_resamples);
    } else {
        status = fail(err, STATUS_NO_MEMORY, "out of memory for %zu resamples of %zu clusters",
                      n_resamples, bootstrap->n_clusters);
    }
    free(weights);
    free(values);
    return status;
}

/* Four sums side by side, always in the same order. */
static double weighted_sum(const uint32_t *weights, const double *values, size_t n)
{
    double parts[4] = {0};
    size_t i = 0;
    for (; i + 4 <= n; i += 4)
        for (size_t k = 0; k < 4; k++)
            parts[k] += weights[i + k] * values[i + k];
    for (; i < n; i++)
        parts[0] += weights[i] * values[i];
    return (parts[0] + parts[1]) + (parts[2] + parts[3]);
}

void bootstrap_of_sums(const uint32_t *weights, const void *context, double *value)
{
    const struct bootstrap_sums *sums = context;
    double totals[BOOTSTRAP_MOST_SUMS];
    assert(sums->n_sums <= BOOTSTRAP_MOST_SUMS);
    for (size_t s = 0; s < sums->n_sums; s++)
        totals[s] = weighted_sum(weights, sums->sums + s * sums->n_clusters, sums->n_clusters);
    *value = sums->of(totals);
}

struct place {
    double value;
    size_t at;
};

struct medians {
    const struct place *a, *b; /* [n], sorted by value */
    size_t n;
};

static int by_place(const void *a, const void *b)
{
    const struct place *left = a, *right = b;
    return by_value(&left->value, &right->value);
}

/* The median of n values, of which weights[i] are values[i]. */
static double weighted_median(const struct place *places, const uint32_t *weights, size_t n)
{
    size_t passed = 0, i = 0, lower = (n - 1) / 2, upper = n / 2;
    while (passed + weights[places[i].at] <= lower)
        passed += weights[places[i++].at];
    double first = places[i].value;
    while (passed + weights[places[i].at] <= upper)
        passed += weights[places[i++].at];
    return (first + places[i].value) / 2;
}

static void median_ratio(const uint32_t *weights, const void *context, double *value)
{
    const struct medians *medians = context;
    *value = weighted_median(medians->b, weights, medians->n) /
             weighted_median(medians->a, weights, medians->n);
}

static struct place *sorted_places(const double *values, size_t n, struct place *places)
{
    for (size_t i = 0; i < n; i++)
        places[i] = (struct place){values[i], i};
    if (n > 1)
        qsort(places, n, sizeof *places, by_place);
    return places;
}

enum status bootstrap_median_ratio(const double *a, const double *b, size_t n, size_t n_resamples,
                                   uint64_t seed, double *ratio, struct interval *interval,
                                   struct error *err)
{
    struct bootstrap bootstrap = {n, n_resamples, seed, 1};
    struct place *places = calloc(2 * n + 1, sizeof *places);
    double *scratch = calloc(n + 1, sizeof *scratch);
    enum status status = STATUS_OK;
    *ratio = interval->low = interval->high = NAN;
    if (places && scratch && n > 0) {
        struct medians medians = {sorted_places(a, n, places), sorted_places(b, n, places + n), n};
        *ratio = latency_median(b, n, scratch) / latency_median(a, n, scratch);
        status = bootstrap_intervals(&bootstrap, median_ratio, &medians, interval, err);
    } else if (!places || !scratch) {
        status = fail(err, STATUS_NO_MEMORY, "out of memory for %zu pairs", n);
    }
    free(places);
    free(scratch);
    return status;
}

/* places [n_a + n_b], sorted each; weights [the larger]; values [n_resamples] */
static void resample_apart(const struct place *places, size_t n_a, size_t n_b, size_t n_resamples,
                           uint64_t seed, uint32_t *weights, double *values)
{
    /* Words behind all those of the first sample. */
    struct random_stream second = {seed};
    random_skip(&second, n_resamples * ((n_a + 1) / 2));
    const struct bootstrap a = {n_a, n_resamples, seed, 1}, b = {n_b, n_resamples, second.state, 1};
    for (size_t r = 0; r < n_resamples; r++) {
        draw(&a, r, weights);
        double first = weighted_median(places, weights, n_a);
        draw(&b, r, weights);
        values[r] = weighted_median(places + n_a, weights, n_b) / first;
    }
}

enum status bootstrap_median_ratio_apart(const double *a, size_t n_a, const double *b, size_t n_b,
                                         size_t n_resamples, uint64_t seed, double *ratio,
                                         struct interval *interval, struct error *err)
{
    size_t most = n_a > n_b ? n_a : n_b;
    struct place *places = calloc(n_a + n_b + 1, sizeof *places);
    uint32_t *weights = calloc(most + 1, sizeof *weights);
    double *values = calloc((n_resamples > most ? n_resamples : most) + 1, sizeof *values);
    bool has_memory = places && weights && values;
    *ratio = interval->low = interval->high = NAN;
    if (has_memory && n_a > 0 && n_b > 0) {
        *ratio = latency_median(b, n_b, values) / latency_median(a, n_a, values);
        sorted_places(a, n_a, places);
        sorted_places(b, n_b, places + n_a);
        if (n_a > 1 && n_b > 1 && n_resamples > 0) {
            resample_apart(places, n_a, n_b, n_resamples, seed, weights, values);
            *interval = interval_of(values, n_resamples);
        }
    }
    free(places);
    free(weights);
    free(values);
    return has_memory
               ? STATUS_OK
               : fail(err, STATUS_NO_MEMORY, "out of memory for %zu and %zu times", n_a, n_b);
}
