/* metrics/latency.h - what may be said of repeated timings, and what not.
 *
 * Nothing is ever dropped: outliers are counted, drift and noise are told, and a percentile is NAN
 * below the number of runs that MLPerf's early stopping asks for (LoadGen, 99 % confidence: 64 for
 * the 90th percentile, 662 for the 99th). */
#ifndef MAMBENCH_METRICS_LATENCY_H
#define MAMBENCH_METRICS_LATENCY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LATENCY_P90_RUNS = 64, LATENCY_P99_RUNS = 662 };

/* Of n values in the order they were measured.  NAN where n does not allow it: everything for 0,
 * sd for 1, p90 and p99 below their minimum. */
struct latency_summary {
    size_t n;
    double mean, sd, min, max, median; /* sd: n - 1 */
    double low, high;                  /* 95 % interval of the median from order statistics; NAN
                                          below 6 values */
    double mad;                        /* median of the distances from the median */
    double p90, p99;                   /* LoadGen's: sorted[n * p] */
    double es_p90, es_p99;             /* MLPerf's early-stopping estimate for a single stream */
    size_t es_p90_discarded, es_p99_discarded; /* slowest values that the estimate leaves out */
    size_t n_outliers; /* distance from the median over 10 * 1.4826 * mad, as in hyperfine */
    double drift;      /* Spearman's correlation of value and index; NAN below 4 values */
    double drift_p;    /* two-sided, by Student's t */
    double drift_size; /* median of the last third over that of the first, less 1 */
};

/* scratch: [2 * n]. */
void latency_summarise(const double *values, size_t n, double *scratch,
                       struct latency_summary *out);

/* The median; scratch: [n], left sorted. */
double latency_median(const double *values, size_t n, double *scratch);

/* The estimate of a percentile from n sorted values: with t the largest number of slower ones that
 * 99 % confidence allows, the (t - 1) slowest are discarded and the slowest of the rest is the
 * estimate.  NAN where n is too small. */
double latency_early_stop(const double *sorted, size_t n, double percentile, size_t *discarded);

/* The smallest number of runs that allows an estimate which discards (t - 1). */
size_t latency_early_stop_runs(double percentile, size_t t);

/* Whether groups (blocks of runs) come from one distribution: Kruskal and Wallis' H with the
 * correction for ties, and p by chi-squared.  groups: [n], 0 to n_groups - 1.  NAN with fewer than
 * two groups that have values.  scratch: [2 * n]. */
double latency_blocks_p(const double *values, const int *groups, size_t n, int n_groups,
                        double *scratch);

/* A against B, measured in turn: a[i] and b[i] ran next to each other. */
struct latency_comparison {
    size_t n;
    double percent; /* median of B over median of A, less 1, in percent */
    double low,
        high; /* 95 % interval of the pairs' median ratio, less 1, in percent; NAN below 6 */
    double p; /* two-sided: signs of the pairs' differences flipped at random, ranks summed; exact
                 up to LATENCY_EXACT_PAIRS, else by the normal distribution */
    bool differs; /* over LATENCY_DIFFERENCE percent and p below LATENCY_P */
};
enum { LATENCY_EXACT_PAIRS = 200 };
#define LATENCY_DIFFERENCE 2.0
#define LATENCY_P 0.01

/* scratch: [4 * n + n * (n + 1) + 1]; see latency_compare_scratch(). */
void latency_compare(const double *a, const double *b, size_t n, double *scratch,
                     struct latency_comparison *out);
size_t latency_compare_scratch(size_t n);

/* What is wrong with a measurement; 0: nothing. */
enum latency_verdict {
    LATENCY_FEW = 1,    /* fewer than 10 runs */
    LATENCY_NOISY = 2,  /* sd over 5 % of the mean, or others used over 5 % of the machine */
    LATENCY_DRIFTS = 4, /* p below 0.01 and over 2 % from the first third to the last */
    LATENCY_BLOCKS = 8, /* blocks differ: p below 0.01 and medians over 2 % apart */
};
enum { LATENCY_MIN_RUNS = 10 };

/* others: share of the machine's CPU time that other processes and the hypervisor took while it was
 * measured; NAN: unknown. */
unsigned latency_verdict(const struct latency_summary *summary, double others);

#endif
