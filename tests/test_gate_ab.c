/* What pairs of starts say of two commands: effect and significance, on invented times. */
#include "tests/check.h"

#include "engine/base/random.h"
#include "eval/ab_series.h"

#include <math.h>

enum { MOST = 40, MEASURES = 3 };

static const struct ab_plan plan = {.n_pairs = 10, .effect = 0.05, .level = 0.05};

struct times {
    double values[MEASURES][2][MOST];
    struct ab_measure measures[MEASURES];
    struct ab_series series;
    struct ab_result results[MEASURES];
};

static void open_times(struct times *times, size_t n_measures, size_t n_pairs)
{
    *times = (struct times){.series = {.plan = &plan,
                                       .measures = times->measures,
                                       .n_measures = n_measures,
                                       .n_pairs = n_pairs}};
    for (size_t m = 0; m < n_measures; m++) {
        times->measures[m] =
            (struct ab_measure){.name = "", .values = {times->values[m][0], times->values[m][1]}};
        times->results[m].tested = true;
    }
}

/* 1 to 1 + noise, the same for nobody. */
static double noisy(struct random_stream *random, double noise)
{
    return 1 + noise * random_uniform(random);
}

static void fill(struct times *times, size_t m, double ratio, double noise, uint64_t seed)
{
    struct random_stream random = {seed};
    for (size_t i = 0; i < times->series.n_pairs; i++) {
        times->values[m][0][i] = 1e6 * noisy(&random, noise);
        times->values[m][1][i] = 1e6 * ratio * noisy(&random, noise);
    }
}

static void judge(struct times *times)
{
    struct error err = {""};
    assert_ok(ab_series_judge(&times->series, 3, times->results, &err), err);
}

static enum ab_verdict verdict_of(double ratio, double noise)
{
    struct times times;
    open_times(&times, 1, 10);
    fill(&times, 0, ratio, noise, 5);
    judge(&times);
    return times.results[0].verdict;
}

static void effect_and_significance_are_both_needed(void **state)
{
    (void)state;
    assert_int_equal(verdict_of(1.10, 0.01), AB_SLOWER);
    assert_int_equal(verdict_of(1.00, 0.01), AB_HOLDS);
    assert_int_equal(verdict_of(1.03, 0.01), AB_HOLDS); /* shown, and no matter */
    assert_int_equal(verdict_of(0.80, 0.01), AB_HOLDS); /* faster */
    assert_int_equal(verdict_of(1.00, 0.50), AB_UNDECIDED);
}

static void the_numbers_are_the_medians_and_signs(void **state)
{
    (void)state;
    struct times times;
    open_times(&times, 1, 10);
    for (size_t i = 0; i < 10; i++) {
        times.values[0][0][i] = 100 + (double)i;
        times.values[0][1][i] = 120 + (double)i;
    }
    judge(&times);
    const struct ab_result *result = &times.results[0];
    assert_int_equal(result->n_pairs, 10);
    assert_true(fabs(result->medians[0] - 104.5) < 1e-9);
    assert_true(fabs(result->percent - 100 * 20 / 104.5) < 1e-9);
    assert_true(fabs(result->p - 2.0 / 1024) < 1e-12); /* all ten signs alike, on both sides */
    assert_true(result->low > 0 && result->low < result->percent && result->high > result->percent);
    assert_true(fabs(result->p_holm - result->p) < 1e-15);
}

static void what_is_not_tested_costs_nothing(void **state)
{
    (void)state;
    struct times times;
    open_times(&times, MEASURES, 10);
    fill(&times, 0, 1.0, 0.01, 1);
    fill(&times, 1, 1.1, 0.01, 2);
    fill(&times, 2, 1.0, 0.01, 3);
    judge(&times);
    assert_true(fabs(times.results[1].p_holm - 3 * times.results[1].p) < 1e-12);
    assert_int_equal(times.results[1].verdict, AB_SLOWER);
    assert_int_equal(times.results[0].verdict, AB_HOLDS);
    times.results[0].tested = times.results[2].tested = false;
    judge(&times);
    assert_true(fabs(times.results[1].p_holm - times.results[1].p) < 1e-12);
}

static void same_seed_same_interval(void **state)
{
    (void)state;
    struct times times;
    open_times(&times, 1, 20);
    fill(&times, 0, 1.02, 0.2, 9);
    judge(&times);
    struct ab_result first = times.results[0];
    judge(&times);
    assert_memory_equal(&first.low, &times.results[0].low, sizeof first.low);
    assert_memory_equal(&first.high, &times.results[0].high, sizeof first.high);
}

/* A start's time where neighbours come and go: now and then much longer, otherwise a little.  Both
 * of a pair share half of the mood. */
static void disturb(struct times *times, double ratio, struct random_stream *random)
{
    for (size_t i = 0; i < times->series.n_pairs; i++) {
        double mood = noisy(random, 0.05);
        for (size_t side = 0; side < 2; side++) {
            double burst = random_uniform(random) < 0.1 ? noisy(random, 1) : 1;
            times->values[0][side][i] =
                (side ? ratio : 1) * 1e6 * mood * burst * noisy(random, 0.05);
        }
    }
}

/* How many of so many simulated rounds of n pairs show a slowdown by this ratio. */
static size_t shown(double ratio, size_t n, size_t n_rounds)
{
    struct random_stream random = {2026};
    size_t found = 0;
    for (size_t i = 0; i < n_rounds; i++) {
        struct times times;
        open_times(&times, 1, n);
        disturb(&times, ratio, &random);
        judge(&times);
        found += times.results[0].verdict == AB_SLOWER;
    }
    print_message("%zu of %zu rounds of %zu pairs show that the ratio is %.2f\n", found, n_rounds,
                  n, ratio);
    return found;
}

/* Even with every tenth start stretched, once ten pairs do not suffice thirty do. */
static void noise_gives_no_alarm_and_hides_little(void **state)
{
    (void)state;
    assert_true(shown(1.0, 10, 200) <= 2);
    assert_true(shown(1.1, 10, 200) >= 130);
    assert_true(shown(1.0, 30, 20) <= 1);
    assert_true(shown(1.1, 30, 20) >= 18);
}

static void the_fastest_run_of_a_start_counts(void **state)
{
    (void)state;
    const double ns[] = {5, 3, 9, 4};
    assert_true(fabs(ab_start_value(ns, 4) - 3) < 1e-12);
    assert_true(fabs(ab_start_value(ns, 1) - 5) < 1e-12);
}

static void every_failed_allocation_is_told(void **state)
{
    (void)state;
    struct times times;
    struct error err = {""};
    open_times(&times, 1, 10);
    fill(&times, 0, 1, 0.1, 1);
    for (long n = 1;; n++) {
        fail_allocation(n);
        enum status status = ab_series_judge(&times.series, 0, times.results, &err);
        int struck = allocation_has_failed();
        fail_allocation(0);
        if (!struck)
            break;
        assert_int_equal(status, STATUS_NO_MEMORY);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(effect_and_significance_are_both_needed),
        cmocka_unit_test(the_numbers_are_the_medians_and_signs),
        cmocka_unit_test(what_is_not_tested_costs_nothing),
        cmocka_unit_test(same_seed_same_interval),
        cmocka_unit_test(noise_gives_no_alarm_and_hides_little),
        cmocka_unit_test(the_fastest_run_of_a_start_counts),
        cmocka_unit_test(every_failed_allocation_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
