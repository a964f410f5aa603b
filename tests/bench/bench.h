/* tests/bench/bench.h - what the benchmarks share: runs in turn, medians, intervals.
 *
 * Machines are shared: a stage and what it is compared with run in turn, and what is told is the
 * ratio of medians, or the median of the pairs' ratios with its interval. */
#ifndef MAMBENCH_TESTS_BENCH_BENCH_H
#define MAMBENCH_TESTS_BENCH_BENCH_H

#include "engine/base/clock.h"
#include "engine/base/error.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BENCH_MAX_PAIRS = 999 };

/* Prints the sentence; the exit code of a benchmark that could not run. */
static inline int bench_die(const char *program, const struct error *err)
{
    fprintf(stderr, "%s: %s\n", program, err->text);
    return 1;
}

static inline double bench_seconds_since(int64_t start)
{
    return (double)(clock_ns() - start) * 1e-9;
}

static inline int bench_by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorts. */
static inline double bench_median(double *values, int n)
{
    qsort(values, (size_t)n, sizeof *values, bench_by_value);
    return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

/* 95 % interval of the median from order statistics, whatever the distribution; sorts. */
static inline void bench_median_interval(double *values, int n, double *low, double *high)
{
    int k = (int)floor((n - 1.96 * sqrt(n)) / 2);
    k = k < 1 ? 1 : k;
    qsort(values, (size_t)n, sizeof *values, bench_by_value);
    *low = values[k - 1];
    *high = values[n - k];
}

/* Peak resident memory of this process, from /proc/self/status. */
static inline double bench_peak_bytes(void)
{
    char line[256];
    long kib = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "VmHWM: %ld kB", &kib) == 1)
            break;
    if (file)
        fclose(file);
    return (double)kib * 1024;
}

/* The number of pairs from the command line, 0 if it is none. */
static inline int bench_pairs(int argc, char **argv, int at, int otherwise)
{
    int pairs = argc > at ? atoi(argv[at]) : otherwise;
    return pairs >= 1 && pairs <= BENCH_MAX_PAIRS ? pairs : 0;
}

#endif
