/* metrics/intervals.h - 95 % intervals of rates and of ratios of sums.
 *
 * Questions about one picture are not independent: pictures are the clusters.  A Wilson interval is
 * used only where every picture has one question. */
#ifndef MAMBENCH_METRICS_INTERVALS_H
#define MAMBENCH_METRICS_INTERVALS_H

#include <stddef.h>

struct interval {
    double low, high; /* NAN if there is none */
};

/* Wilson 1927 for k successes in n trials, z = 1.959963984540054. */
struct interval interval_wilson(double k, size_t n);

/* Regularised incomplete beta function I_x(a, b), continued fraction (Numerical Recipes 6.4). */
double incomplete_beta(double a, double b, double x);

/* The t with P(T <= t) = probability for Student's distribution; df > 0. */
double student_quantile(double probability, double df);

/* value +- t(0.975, G - 1) * sqrt(G / (G - 1) * sum over clusters of (sum of influences)^2), where
 * influence[i] is what sample i moves the estimate: (y_i - R x_i) / sum(x) for a ratio R = sum(y) /
 * sum(x) (Cochran 1977, 6.4; Miller, arXiv 2411.00640, eq. 4, with the small-sample factor of
 * Cameron and Miller 2015).  cluster[i] < n_clusters.  sums [n_clusters] is working memory.
 * G counts the clusters that have a sample; below 2 there is no interval. */
struct interval interval_cluster(double value, const double *influence, const size_t *cluster,
                                 size_t n, double *sums, size_t n_clusters);

#endif
