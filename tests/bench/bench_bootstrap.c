/* The cluster bootstrap at VQAv2's true size, synthetic: 10,000 resamples of 214,354 samples in
 * 40,504 images, beside a bare loop that draws as many images and adds up one number of each.
 *
 *     bench_bootstrap [RESAMPLES]
 *
 * Bare and real run in turn, five times, both with all threads; ends with 1 where the ratio of the
 * medians is above 5, or where one thread gives another interval than all. */
#include "engine/base/random.h"
#include "metrics/bootstrap.h"
#include "tests/bench/bench.h"

#include <omp.h>
#include <stdbool.h>

enum { N_SAMPLES = 214354, N_IMAGES = 40504, N_RUNS = 5 };
static const double most_ratio = 5;

static double sums[2 * N_IMAGES]; /* credits, samples */

static void fill(void)
{
    struct random_stream random = {1};
    for (size_t i = 0; i < N_SAMPLES; i++) {
        size_t image = i < N_IMAGES ? i : (size_t)(random_uniform(&random) * N_IMAGES);
        sums[image] += (double)(random_bits(&random) % 4) / 3;
        sums[N_IMAGES + image] += 1;
    }
}

static double ratio(const double *totals)
{
    return totals[0] / totals[1];
}

static double run_bare(size_t n_resamples)
{
    int64_t start = clock_ns();
    double all = 0;
#pragma omp parallel for schedule(static) reduction(+ : all)
    for (size_t r = 0; r < n_resamples; r++) {
        struct random_stream random = {r};
        double sum = 0;
        for (size_t i = 0; i < N_IMAGES; i++)
            sum += sums[(random_bits(&random) >> 32) * N_IMAGES >> 32];
        all += sum;
    }
    double seconds = bench_seconds_since(start);
    return all > 0 ? seconds : 0; /* so that the sums are made */
}

static double run_real(size_t n_resamples, struct interval *interval)
{
    struct bootstrap_sums statistic = {sums, 2, N_IMAGES, ratio};
    struct bootstrap bootstrap = {N_IMAGES, n_resamples, 1, 1};
    struct error err = {{0}};
    int64_t start = clock_ns();
    if (bootstrap_intervals(&bootstrap, bootstrap_of_sums, &statistic, interval, &err))
        exit(bench_die("bench_bootstrap", &err));
    return bench_seconds_since(start);
}

int main(int argc, char **argv)
{
    int given = argc > 1 ? atoi(argv[1]) : 10000, threads = omp_get_max_threads();
    double bare[N_RUNS], real[N_RUNS];
    struct interval interval, again;
    if (given < 40) {
        fprintf(stderr, "bench_bootstrap: at least 40 resamples\n");
        return 2;
    }
    size_t n_resamples = (size_t)given;
    fill();
    for (size_t i = 0; i < N_RUNS; i++) {
        bare[i] = run_bare(n_resamples);
        real[i] = run_real(n_resamples, &interval);
    }
    omp_set_num_threads(1);
    run_real(n_resamples, &again);
    double slower = bench_median(real, N_RUNS) / bench_median(bare, N_RUNS);
    bool same = memcmp(&interval, &again, sizeof interval) == 0;
    printf("%zu resamples of %d images (%d samples, synthetic), %d threads: %.2f s; bare loop "
           "%.2f s; ratio %.2f (at most %.0f)\n",
           n_resamples, N_IMAGES, N_SAMPLES, threads, bench_median(real, N_RUNS),
           bench_median(bare, N_RUNS), slower, most_ratio);
    printf("interval %.6f to %.6f; with one thread %s\n", interval.low, interval.high,
           same ? "the same" : "ANOTHER ONE");
    return slower > most_ratio || !same;
}
