#include "metrics/latency.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median_of_sorted(const double *sorted, size_t n)
{
    if (n == 0)
        return (double)NAN;
    return n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

double latency_median(const double *values, size_t n, double *scratch)
{
    if (n == 0)
        return (double)NAN;
    memcpy(scratch, values, n * sizeof *scratch);
    qsort(scratch, n, sizeof *scratch, by_value);
    return median_of_sorted(scratch, n);
}

/* P(X = i) of a binomial distribution. */
static double binomial(size_t i, size_t n, double p)
{
    return exp(lgamma((double)n + 1) - lgamma((double)i + 1) - lgamma((double)(n - i) + 1) +
               (double)i * log(p) + (double)(n - i) * log1p(-p));
}

/* P(X <= k). */
static double binomial_cdf(size_t k, size_t n, double p)
{
    double sum = 0;
    for (size_t i = 0; i <= k && i <= n; i++)
        sum += binomial(i, n, p);
    return sum;
}

size_t latency_early_stop_runs(double percentile, size_t t)
{
    /* h values at or below the bound and t above: the smallest h + t that is unlikely (1 %) to have
     * so few above it where the bound is below the percentile. */
    size_t low = t, high = t + 1;
    while (binomial_cdf(t, high, 1 - percentile) > 0.01)
        high *= 2;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (binomial_cdf(t, middle, 1 - percentile) > 0.01)
            low = middle;
        else
            high = middle;
    }
    return high;
}

/* The smallest k with P(X <= k) over a level, in one pass: n may be tens of thousands. */
static size_t first_above(size_t n, double p, double level)
{
    double log_term = (double)n * log1p(-p), sum = exp(log_term);
    size_t k = 0;
    while (sum <= level && k < n) {
        log_term += log((double)(n - k) / (double)(k + 1)) + log(p) - log1p(-p);
        sum += exp(log_term);
        k++;
    }
    return k;
}

double latency_early_stop(const double *sorted, size_t n, double percentile, size_t *discarded)
{
    /* t slower ones are allowed as long as latency_early_stop_runs(percentile, t) <= n. */
    size_t above = n > 0 ? first_above(n, 1 - percentile, 0.01) : 0, t = above > 0 ? above - 1 : 0;
    *discarded = t > 0 ? t - 1 : 0;
    return t > 0 ? sorted[n - t] : (double)NAN;
}

/* 95 % interval of the median: the widest order statistics that binomial chance leaves out. */
static void median_interval(const double *sorted, size_t n, double *low, double *high)
{
    *low = *high = (double)NAN;
    if (n < 6)
        return;
    size_t k = first_above(n, 0.5, 0.025);
    *low = sorted[k - 1];
    *high = sorted[n - k];
}

/* Midranks of values, doubled, so that they are whole: scratch [n] is left sorted. */
static void double_ranks(const double *values, size_t n, double *ranks, double *scratch)
{
    memcpy(scratch, values, n * sizeof *scratch);
    qsort(scratch, n, sizeof *scratch, by_value);
    for (size_t i = 0; i < n; i++) {
        size_t low = 0, high = n;
        while (low < high) { /* the first that is not below */
            size_t middle = (low + high) / 2;
            if (scratch[middle] < values[i])
                low = middle + 1;
            else
                high = middle;
        }
        size_t end = low;
        while (end < n && !(scratch[end] > values[i]))
            end++;
        ranks[i] = (double)(low + end + 1);
    }
}

/* The continued fraction of the regularised incomplete beta function (Lentz). */
static double beta_fraction(double a, double b, double x)
{
    const double tiny = 1e-300;
    double c = 1, d = 1 - (a + b) * x / (a + 1);
    d = 1 / (fabs(d) < tiny ? tiny : d);
    double h = d;
    for (int m = 1; m < 500; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        double before = h;
        for (int part = 0; part < 2; part++) {
            double term = part == 0 ? even : odd;
            d = 1 + term * d;
            d = 1 / (fabs(d) < tiny ? tiny : d);
            c = 1 + term / c;
            c = fabs(c) < tiny ? tiny : c;
            h *= c * d;
        }
        if (fabs(h - before) < 1e-15 * fabs(h))
            break;
    }
    return h;
}

static double incomplete_beta(double a, double b, double x)
{
    if (x <= 0 || x >= 1)
        return x <= 0 ? 0 : 1;
    double front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
    return x < (a + 1) / (a + b + 2) ? front * beta_fraction(a, b, x) / a
                                     : 1 - front * beta_fraction(b, a, 1 - x) / b;
}

static void drift(const double *values, size_t n, double *scratch, struct latency_summary *out)
{
    double *ranks = scratch + n, sum = 0, values2 = 0, index2 = 0, mean = (double)(n + 1);
    out->drift = out->drift_p = out->drift_size = (double)NAN;
    if (n < 4)
        return;
    double_ranks(values, n, ranks, scratch);
    for (size_t i = 0; i < n; i++) {
        double x = 2.0 * (double)(i + 1) - mean, y = ranks[i] - mean;
        sum += x * y;
        index2 += x * x;
        values2 += y * y;
    }
    if (!(values2 > 0))
        return; /* all the same */
    double r = sum / sqrt(index2 * values2), freedom = (double)n - 2;
    r = r > 1 ? 1 : r < -1 ? -1 : r;
    out->drift = r;
    out->drift_p = incomplete_beta(freedom / 2, 0.5, 1 - r * r); /* 1 - r^2 = v / (v + t^2) */
    size_t third = n / 3 > 0 ? n / 3 : 1;
    double first = latency_median(values, third, scratch);
    out->drift_size = latency_median(values + n - third, third, scratch) / first - 1;
}

static double loadgen_percentile(const double *sorted, size_t n, double percentile, size_t least)
{
    if (n < least)
        return (double)NAN;
    return sorted[(size_t)((double)n * percentile)];
}

static void spread(const double *values, size_t n, struct latency_summary *out)
{
    double squares = 0, sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += values[i];
    out->mean = sum / (double)n;
    for (size_t i = 0; i < n; i++)
        squares += (values[i] - out->mean) * (values[i] - out->mean);
    out->sd = n > 1 ? sqrt(squares / (double)(n - 1)) : (double)NAN;
}

void latency_summarise(const double *values, size_t n, double *scratch, struct latency_summary *out)
{
    const double none = (double)NAN;
    *out = (struct latency_summary){0,    none, none, none, none, none, none, none, none, none,
                                    none, none, none, 0,    0,    0,    none, none, none};
    out->n = n;
    if (n == 0)
        return;
    spread(values, n, out);
    out->median = latency_median(values, n, scratch);
    out->min = scratch[0];
    out->max = scratch[n - 1];
    median_interval(scratch, n, &out->low, &out->high);
    out->p90 = loadgen_percentile(scratch, n, 0.9, LATENCY_P90_RUNS);
    out->p99 = loadgen_percentile(scratch, n, 0.99, LATENCY_P99_RUNS);
    out->es_p90 = latency_early_stop(scratch, n, 0.9, &out->es_p90_discarded);
    out->es_p99 = latency_early_stop(scratch, n, 0.99, &out->es_p99_discarded);
    for (size_t i = 0; i < n; i++)
        scratch[i] = fabs(values[i] - out->median);
    qsort(scratch, n, sizeof *scratch, by_value);
    out->mad = median_of_sorted(scratch, n);
    for (size_t i = 0; i < n; i++)
        out->n_outliers += scratch[i] > 10 * 1.4826 * out->mad && out->mad > 0;
    drift(values, n, scratch, out);
}

/* Q(a, x), the upper regularised incomplete gamma function, by its series or continued fraction. */
static double upper_gamma(double a, double x)
{
    double front = exp(-x + a * log(x) - lgamma(a));
    if (x <= 0)
        return 1;
    if (x < a + 1) {
        double sum = 1 / a, term = sum;
        for (int i = 1; i < 1000 && term > sum * 1e-16; i++)
            sum += term *= x / (a + i);
        return 1 - front * sum;
    }
    double b = x + 1 - a, c = 1e300, d = 1 / b, h = d;
    for (int i = 1; i < 1000; i++) {
        double term = -i * (i - a);
        b += 2;
        d = 1 / (term * d + b);
        c = b + term / c;
        h *= d * c;
        if (fabs(d * c - 1) < 1e-15)
            break;
    }
    return front * h;
}

double latency_blocks_p(const double *values, const int *groups, size_t n, int n_groups,
                        double *scratch)
{
    double *ranks = scratch + n, sum = 0, ties = 0, count = (double)n;
    int used = 0;
    double_ranks(values, n, ranks, scratch);
    for (int g = 0; g < n_groups; g++) {
        double total = 0, size = 0;
        for (size_t i = 0; i < n; i++)
            if (groups[i] == g)
                total += ranks[i] / 2, size++;
        sum += size > 0 ? total * total / size : 0;
        used += size > 0;
    }
    for (size_t start = 0, end; start < n; start = end) {
        for (end = start; end < n && !(scratch[end] > scratch[start]);)
            end++;
        double same = (double)(end - start);
        ties += same * same * same - same;
    }
    double correction = 1 - ties / (count * count * count - count);
    if (used < 2 || !(correction > 0))
        return (double)NAN;
    double h = (12 / (count * (count + 1)) * sum - 3 * (count + 1)) / correction;
    return upper_gamma((used - 1) / 2.0, h / 2);
}

size_t latency_compare_scratch(size_t n)
{
    size_t exact = n <= LATENCY_EXACT_PAIRS ? n * (n + 1) + 1 : 0;
    return 4 * n + exact + 1;
}

/* Two-sided p of the doubled rank sum of the positive differences: how often signs at random give
 * one as far from the middle.  ways: [n * (n + 1) + 1], ranks sum up to n * (n + 1). */
static double exact_p(const double *ranks, size_t n, double positive, double *ways)
{
    size_t total = 0, sum;
    ways[0] = 1;
    for (size_t i = 0; i < n; i++) {
        size_t rank = (size_t)ranks[i];
        memset(ways + total + 1, 0, rank * sizeof *ways);
        for (sum = total + rank; sum >= rank; sum--)
            ways[sum] = (sum <= total ? ways[sum] : 0) / 2 + ways[sum - rank] / 2;
        for (sum = 0; sum < rank; sum++)
            ways[sum] /= 2;
        total += rank;
    }
    double distance = fabs(2 * positive - (double)total), p = 0;
    for (sum = 0; sum <= total; sum++)
        if (fabs(2 * (double)sum - (double)total) >= distance)
            p += ways[sum];
    return p < 1 ? p : 1;
}

static double normal_p(const double *ranks, size_t n, double positive)
{
    double total = 0, squares = 0;
    for (size_t i = 0; i < n; i++) {
        total += ranks[i];
        squares += ranks[i] * ranks[i];
    }
    return erfc(fabs(positive - total / 2) / sqrt(squares / 4) / sqrt(2));
}

/* Differences of logarithms, those that are 0 left out. */
static double signed_rank_p(const double *a, const double *b, size_t n, double *scratch)
{
    double *size = scratch, *sorted = size + n, *ranks = sorted + n, *sign = ranks + n;
    double positive = 0;
    size_t m = 0;
    for (size_t i = 0; i < n; i++) {
        double difference = log(b[i]) - log(a[i]);
        if (!(fabs(difference) > 0))
            continue;
        size[m] = fabs(difference);
        sign[m++] = difference > 0 ? 1 : 0;
    }
    if (m == 0)
        return 1;
    double_ranks(size, m, ranks, sorted);
    for (size_t i = 0; i < m; i++)
        positive += sign[i] * ranks[i];
    return m <= LATENCY_EXACT_PAIRS ? exact_p(ranks, m, positive, sign + n)
                                    : normal_p(ranks, m, positive);
}

void latency_compare(const double *a, const double *b, size_t n, double *scratch,
                     struct latency_comparison *out)
{
    *out = (struct latency_comparison){.n = n, .p = 1};
    out->percent = out->low = out->high = (double)NAN;
    if (n == 0)
        return;
    double first = latency_median(a, n, scratch);
    out->percent = 100 * (latency_median(b, n, scratch) / first - 1);
    for (size_t i = 0; i < n; i++)
        scratch[i] = 100 * (b[i] / a[i] - 1);
    qsort(scratch, n, sizeof *scratch, by_value);
    median_interval(scratch, n, &out->low, &out->high);
    out->p = signed_rank_p(a, b, n, scratch);
    out->differs = fabs(out->percent) > LATENCY_DIFFERENCE && out->p < LATENCY_P;
}

unsigned latency_verdict(const struct latency_summary *summary, double others)
{
    unsigned verdict = summary->n < LATENCY_MIN_RUNS ? LATENCY_FEW : 0;
    if (summary->sd > 0.05 * summary->mean || others > 0.05)
        verdict |= LATENCY_NOISY;
    if (summary->drift_p < 0.01 && fabs(summary->drift_size) > 0.02)
        verdict |= LATENCY_DRIFTS;
    return verdict;
}
