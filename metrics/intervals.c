#include "metrics/intervals.h"

#include <assert.h>
#include <float.h>
#include <math.h>

static const double Z_95 = 1.959963984540054;

struct interval interval_wilson(double k, size_t n)
{
    if (n == 0)
        return (struct interval){NAN, NAN};
    double size = (double)n, rate = k / size, z2 = Z_95 * Z_95;
    double centre = (rate + z2 / (2 * size)) / (1 + z2 / size);
    double half = Z_95 / (1 + z2 / size) * sqrt(rate * (1 - rate) / size + z2 / (4 * size * size));
    /* At the ends the formula gives 0 and 1 but for rounding. */
    return (struct interval){k <= 0 ? 0 : centre - half, k >= size ? 1 : centre + half};
}

static double log_gamma(double x)
{
    int sign;
    return lgamma_r(x, &sign);
}

/* Lentz's evaluation of the continued fraction. */
static double beta_fraction(double a, double b, double x)
{
    enum { MAX_STEPS = 10000 };
    const double tiny = 1e-300;
    double c = 1, d = 1 - (a + b) * x / (a + 1);
    d = 1 / (fabs(d) < tiny ? tiny : d);
    double h = d;
    for (int m = 1; m <= MAX_STEPS; m++) {
        double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        for (int half = 0; half < 2; half++) {
            double step = half == 0 ? even : odd;
            d = 1 + step * d;
            c = 1 + step / c;
            d = 1 / (fabs(d) < tiny ? tiny : d);
            c = fabs(c) < tiny ? tiny : c;
            h *= d * c;
        }
        if (fabs(d * c - 1) < 4 * DBL_EPSILON)
            break;
    }
    return h;
}

double incomplete_beta(double a, double b, double x)
{
    if (x <= 0)
        return 0;
    if (x >= 1)
        return 1;
    double front = exp(log_gamma(a + b) - log_gamma(a) - log_gamma(b) + a * log(x) + b * log1p(-x));
    if (x < (a + 1) / (a + b + 2))
        return front * beta_fraction(a, b, x) / a;
    return 1 - front * beta_fraction(b, a, 1 - x) / b;
}

/* P(T > t) for t >= 0. */
static double student_tail(double t, double df)
{
    return 0.5 * incomplete_beta(df / 2, 0.5, df / (df + t * t));
}

double student_quantile(double probability, double df)
{
    assert(probability > 0 && probability < 1 && df > 0);
    if (probability < 0.5)
        return -student_quantile(1 - probability, df);
    double tail = 1 - probability, low = 0, high = 1;
    while (student_tail(high, df) > tail && high < 1e15)
        high *= 2;
    for (int i = 0; i < 200 && high - low > 1e-14 * high; i++) {
        double middle = low + (high - low) / 2;
        if (student_tail(middle, df) > tail)
            low = middle;
        else
            high = middle;
    }
    return low + (high - low) / 2;
}

/* Sums the influences of each cluster; returns how many clusters have a sample. */
static size_t sum_clusters(const double *influence, const size_t *cluster, size_t n, double *sums,
                           size_t n_clusters)
{
    /* NAN marks a cluster without samples. */
    for (size_t c = 0; c < n_clusters; c++)
        sums[c] = NAN;
    size_t present = 0;
    for (size_t i = 0; i < n; i++) {
        assert(cluster[i] < n_clusters);
        double *sum = &sums[cluster[i]];
        if (isnan(*sum)) {
            *sum = 0;
            present += 1;
        }
        *sum += influence[i];
    }
    return present;
}

struct interval interval_cluster(double value, const double *influence, const size_t *cluster,
                                 size_t n, double *sums, size_t n_clusters)
{
    size_t present = sum_clusters(influence, cluster, n, sums, n_clusters);
    if (present < 2 || isnan(value))
        return (struct interval){NAN, NAN};
    double squares = 0;
    for (size_t c = 0; c < n_clusters; c++)
        if (!isnan(sums[c]))
            squares += sums[c] * sums[c];
    double groups = (double)present;
    double error = sqrt(groups / (groups - 1) * squares);
    double half = student_quantile(0.975, groups - 1) * error;
    return (struct interval){value - half, value + half};
}
