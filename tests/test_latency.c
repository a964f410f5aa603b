/* Statistics of timings.  Expected values are those of scipy 1.17.1 and numpy 2.4.6 on the same
 * numbers: spearmanr, kruskal, wilcoxon(method='exact'), binom.cdf, median, std(ddof=1). */
#include "tests/check.h"

#include "metrics/latency.h"

#include <math.h>

enum { N = 12 };
static const double times[N] = {103.2, 99.8,  101.5, 100.1, 98.7,  250.0,
                                100.9, 102.3, 99.1,  101.0, 100.4, 103.2};

static void near(double got, double expected)
{
    if (!(fabs(got - expected) <= 1e-9 * fmax(1, fabs(expected))))
        fail_msg("%.17g is not %.17g", got, expected);
}

static void a_summary_is_numpys(void **state)
{
    (void)state;
    struct latency_summary summary;
    double scratch[2 * N];
    latency_summarise(times, N, scratch, &summary);
    near(summary.mean, 113.35);
    near(summary.sd, 43.05796304771257);
    near(summary.median, 100.95);
    near(summary.mad, 1.25);
    near(summary.min, 98.7);
    near(summary.max, 250);
    near(summary.low, 99.8); /* the third and the tenth of twelve */
    near(summary.high, 103.2);
    near(summary.drift, 0.0665500144921429);
    near(summary.drift_p, 0.8371878544641639);
    assert_int_equal(summary.n_outliers, 1);
    assert_true(isnan(summary.p90) && isnan(summary.p99) && isnan(summary.es_p90));
}

static void a_rise_is_drift(void **state)
{
    (void)state;
    static const double rise[N] = {1, 2, 3, 5, 4, 6, 8, 7, 9, 10, 12, 11};
    struct latency_summary summary;
    double scratch[2 * N], level[N];
    latency_summarise(rise, N, scratch, &summary);
    near(summary.drift, 0.9790209790209792);
    assert_true(fabs(summary.drift_p - 3.089801398548709e-08) < 1e-15);
    assert_true(latency_verdict(&summary, 0) & LATENCY_DRIFTS);
    for (int i = 0; i < N; i++)
        level[i] = 7;
    latency_summarise(level, N, scratch, &summary);
    assert_true(isnan(summary.drift_p));
    assert_int_equal(latency_verdict(&summary, 0), 0);
}

static void nothing_is_said_of_too_little(void **state)
{
    (void)state;
    struct latency_summary summary;
    double scratch[4];
    latency_summarise(times, 0, scratch, &summary);
    assert_true(isnan(summary.median) && isnan(summary.sd) && summary.n == 0);
    latency_summarise(times, 1, scratch, &summary);
    near(summary.median, 103.2);
    assert_true(isnan(summary.sd) && isnan(summary.low) && isnan(summary.drift));
    assert_true(latency_verdict(&summary, 0) & LATENCY_FEW);
}

static void early_stopping_is_mlperfs(void **state)
{
    (void)state;
    static const struct {
        double percentile;
        size_t runs[6];
    } rows[] = {{0.5, {11, 14, 17, 22, 35, 59}},
                {0.9, {64, 81, 97, 127, 197, 325}},
                {0.95, {130, 165, 198, 259, 398, 656}},
                {0.99, {662, 838, 1001, 1307, 2010, 3304}}};
    static const size_t t[6] = {1, 2, 3, 5, 10, 20};
    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++)
        for (int i = 0; i < 6; i++)
            assert_int_equal(latency_early_stop_runs(rows[r].percentile, t[i]), rows[r].runs[i]);
    double sorted[100];
    size_t discarded, allowed;
    for (int i = 0; i < 100; i++)
        sorted[i] = i + 1;
    for (size_t n = 64; n <= 100; n++) { /* the estimate allows what the table does */
        latency_early_stop(sorted, n, 0.9, &discarded);
        allowed = discarded + 1;
        assert_true(latency_early_stop_runs(0.9, allowed) <= n);
        assert_true(latency_early_stop_runs(0.9, allowed + 1) > n);
    }
    assert_true(isnan(latency_early_stop(sorted, 63, 0.9, &discarded)));
    near(latency_early_stop(sorted, 64, 0.9, &discarded), 64);
    assert_int_equal(discarded, 0);
    near(latency_early_stop(sorted, 100, 0.9, &discarded), 98); /* "would discard 2 highest" */
    assert_int_equal(discarded, 2);
}

static void percentiles_need_their_minimum(void **state)
{
    (void)state;
    static double values[662], scratch[2 * 662];
    struct latency_summary summary;
    for (int i = 0; i < 662; i++)
        values[i] = 1000 + (i * 37) % 662;
    latency_summarise(values, 63, scratch, &summary);
    assert_true(isnan(summary.p90));
    latency_summarise(values, 64, scratch, &summary);
    assert_true(summary.p90 > 0);
    assert_true(isnan(summary.p99));
    latency_summarise(values, 661, scratch, &summary);
    assert_true(isnan(summary.p99) && isnan(summary.es_p99));
    latency_summarise(values, 662, scratch, &summary);
    near(summary.p90, 1000 + 595); /* sorted[floor(662 * 0.9)] */
    near(summary.p99, 1000 + 655);
    near(summary.es_p99, 1000 + 661);
}

/* Gaps between tokens are many: what is said of them must not take longer than they did. */
static void many_values_are_summarised_at_once(void **state)
{
    (void)state;
    enum { MANY = 50000 };
    double *values = malloc(MANY * sizeof *values), *scratch = malloc(2 * MANY * sizeof *scratch);
    struct latency_summary summary;
    assert_true(values && scratch);
    for (int i = 0; i < MANY; i++)
        values[i] = 1 + (int)(i * 7919L % MANY);
    latency_summarise(values, MANY, scratch, &summary);
    near(summary.low, 24781); /* binom.ppf(0.025, 50000, 0.5) */
    near(summary.high, 25220);
    near(summary.p99, 49501);
    near(summary.es_p99, 49553);
    free(values);
    free(scratch);
}

static void blocks_are_kruskal_and_wallis(void **state)
{
    (void)state;
    static const int three[N] = {0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2};
    static const int four[16] = {0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3};
    static const double tied[16] = {1, 2, 2, 3, 3, 4, 5, 5, 6, 7, 7, 8, 2, 3, 9, 9};
    double scratch[32], moved[N];
    near(latency_blocks_p(times, three, N, 3, scratch), 0.939207073764238);
    for (int i = 0; i < N; i++)
        moved[i] = times[i] + (three[i] == 1 ? 5 : three[i] == 2 ? 20 : 0);
    near(latency_blocks_p(moved, three, N, 3, scratch), 0.018315638888734182);
    near(latency_blocks_p(tied, four, 16, 4, scratch), 0.041514235877894844);
    assert_true(isnan(latency_blocks_p(times, three, 4, 3, scratch)));
}

static void pairs_are_wilcoxons(void **state)
{
    (void)state;
    static const double a[N] = {98.4,  97.35, 99.5,  100.84, 102.27, 100.22,
                                98.89, 98.43, 101.5, 103.27, 100.55, 97.53};
    static const double b[N] = {99.44, 103.47, 102.89, 100.4,  105.17, 100.9,
                                100.6, 100.41, 103.12, 107.47, 103.44, 99.28};
    struct latency_comparison comparison;
    double scratch[4 * N + N * (N + 1) + 2];
    assert_true(latency_compare_scratch(N) <= sizeof scratch / sizeof scratch[0]);
    latency_compare(a, b, N, scratch, &comparison);
    near(comparison.p, 0.0009765625);
    near(comparison.percent, 2.03785299419188);
    near(comparison.low, 1.0569105691056846);
    near(comparison.high, 3.4070351758793915);
    assert_true(comparison.differs);
    latency_compare(a, a, N, scratch, &comparison);
    near(comparison.p, 1);
    near(comparison.percent, 0);
    assert_false(comparison.differs);
}

/* Ranks 2, 2, 4, 5, 6, 7, 2, 8 with two negative differences: 36 of the 256 signs are as far. */
static void tied_pairs_are_counted(void **state)
{
    (void)state;
    static const int steps[8] = {1, 1, 2, -3, 4, 5, -1, 6};
    double a[8], b[8], scratch[4 * 8 + 8 * 9 + 2];
    struct latency_comparison comparison;
    for (int i = 0; i < 8; i++) {
        a[i] = steps[i] > 0 ? 1 : 1 << -steps[i];
        b[i] = steps[i] > 0 ? 1 << steps[i] : 1;
    }
    latency_compare(a, b, 8, scratch, &comparison);
    near(comparison.p, 0.140625);
}

static void many_pairs_are_nearly_normal(void **state)
{
    (void)state;
    enum { MANY = LATENCY_EXACT_PAIRS + 1 };
    static double a[MANY], b[MANY], scratch[4 * MANY + MANY * (MANY + 1) + 2];
    struct latency_comparison exact, normal;
    for (int i = 0; i < MANY; i++) {
        a[i] = 100;
        b[i] = 100 + (i * 29 % 41) - 19.3;
    }
    latency_compare(a, b, MANY - 1, scratch, &exact);
    latency_compare(a, b, MANY, scratch, &normal);
    assert_true(fabs(exact.p - normal.p) < 0.02);
    assert_true(exact.p > 0.02 && exact.p < 1);
}

static void verdicts_say_what_is_wrong(void **state)
{
    (void)state;
    struct latency_summary summary = {.n = 10, .mean = 100, .sd = 4.9, .drift_p = 0.5};
    assert_int_equal(latency_verdict(&summary, (double)NAN), 0);
    assert_int_equal(latency_verdict(&summary, 0.06), LATENCY_NOISY);
    summary.sd = 5.1;
    assert_int_equal(latency_verdict(&summary, 0), LATENCY_NOISY);
    summary.n = 9;
    assert_int_equal(latency_verdict(&summary, 0), LATENCY_NOISY | LATENCY_FEW);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_summary_is_numpys),
        cmocka_unit_test(a_rise_is_drift),
        cmocka_unit_test(nothing_is_said_of_too_little),
        cmocka_unit_test(early_stopping_is_mlperfs),
        cmocka_unit_test(percentiles_need_their_minimum),
        cmocka_unit_test(many_values_are_summarised_at_once),
        cmocka_unit_test(blocks_are_kruskal_and_wallis),
        cmocka_unit_test(pairs_are_wilcoxons),
        cmocka_unit_test(tied_pairs_are_counted),
        cmocka_unit_test(many_pairs_are_nearly_normal),
        cmocka_unit_test(verdicts_say_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
