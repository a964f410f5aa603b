/* Statistics against other programs' values: scripts/golden/make_statistics_cases.py. */
#include "tests/check.h"

#include "engine/base/json.h"
#include "metrics/bootstrap.h"
#include "metrics/calibration.h"
#include "metrics/dprime.h"
#include "metrics/holm.h"
#include "metrics/mcnemar.h"
#include "metrics/paired.h"
#include "metrics/power.h"
#include "metrics/swap.h"
#include "metrics/ranking_interval.h"
#include "metrics/roc_curve.h"

#include <math.h>
#include <omp.h>

enum { MOST = 400 };

static cJSON *cases;

static int read_cases(void **state)
{
    (void)state;
    struct error err = {{0}};
    return json_read(&cases, "tests/data/metrics/statistics.json", &err) != STATUS_OK;
}

static int free_cases(void **state)
{
    (void)state;
    cJSON_Delete(cases);
    return 0;
}

static double number(const cJSON *item, const char *key)
{
    return json_number_or(item, key, NAN);
}

static size_t count(const cJSON *item, const char *key)
{
    return (size_t)number(item, key);
}

/* A list of numbers; returns how many. */
static size_t numbers(const cJSON *list, double *values)
{
    size_t n = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, list)
    {
        assert_true(n < MOST && cJSON_IsNumber(item));
        values[n++] = item->valuedouble;
    }
    return n;
}

static void assert_within(double got, double expected, double bound, const char *what)
{
    if (!(fabs(got - expected) <= bound * fabs(expected)))
        fail_msg("%s: %.17g, expected %.17g", what, got, expected);
}

static void assert_interval(struct interval got, const cJSON *expected)
{
    double ends[MOST];
    assert_int_equal(numbers(expected, ends), 2);
    assert_within(got.low, ends[0], 1e-9, "low");
    assert_within(got.high, ends[1], 1e-9, "high");
}

static void mcnemar_is_the_binomial_test(void **state)
{
    (void)state;
    const cJSON *item;
    size_t n = 0;
    cJSON_ArrayForEach(item, json_find(cases, "mcnemar"))
    {
        double p = mcnemar_exact(count(item, "a"), count(item, "b"));
        assert_within(p, number(item, "exact"), 1e-12, "exact fractions");
        assert_true(fabs(p - number(item, "scipy")) <= 1e-12);
        n += 1;
    }
    assert_true(n >= 10);
}

static void holm_is_that_of_statsmodels(void **state)
{
    (void)state;
    const cJSON *item;
    size_t n_cases = 0;
    cJSON_ArrayForEach(item, json_find(cases, "holm"))
    {
        double p[MOST], expected[MOST], adjusted[MOST];
        size_t n = numbers(json_find(item, "p"), p);
        assert_int_equal(numbers(json_find(item, "adjusted"), expected), n);
        holm_adjust(p, adjusted, n);
        for (size_t i = 0; i < n; i++)
            assert_within(adjusted[i], expected[i], 1e-12, "adjusted");
        n_cases += 1;
    }
    assert_true(n_cases >= 5);
}

/* Images with differences d; one without a difference and one without questions are put between
 * them, which must change nothing. */
static size_t images_of(const cJSON *d, struct paired_image *images)
{
    double values[MOST];
    size_t n = numbers(d, values), filled = 0;
    for (size_t i = 0; i < n; i++) {
        if (i == n / 2) {
            images[filled++] = (struct paired_image){3, 0};
            images[filled++] = (struct paired_image){0, 0};
        }
        images[filled++] = (struct paired_image){5, values[i]};
    }
    return filled;
}

static void few_images_are_enumerated(void **state)
{
    (void)state;
    const cJSON *item;
    size_t n_cases = 0;
    struct error err = {{0}};
    cJSON_ArrayForEach(item, json_find(cases, "exact"))
    {
        struct paired_image images[MOST + 2];
        struct permutation result;
        size_t n = images_of(json_find(item, "d"), images);
        assert_ok(paired_permutation(images, n, 10, 1, &result, &err), err);
        assert_true(result.is_exact);
        assert_int_equal(result.n_differ, n - 2);
        assert_int_equal(result.n_signs, 1 << (n - 2));
        assert_within(result.p, number(item, "p"), 1e-12, "p");
        n_cases += 1;
    }
    assert_true(n_cases >= 10);
}

static void many_images_are_drawn(void **state)
{
    (void)state;
    const cJSON *item;
    size_t n_cases = 0;
    struct error err = {{0}};
    int threads = omp_get_max_threads();
    cJSON_ArrayForEach(item, json_find(cases, "drawn"))
    {
        struct paired_image images[MOST + 2];
        size_t n = images_of(json_find(item, "d"), images), n_draws = count(item, "n_draws");
        for (int t = 1; t <= 3; t++) {
            struct permutation result, more;
            omp_set_num_threads(t);
            assert_ok(paired_permutation(images, n, n_draws, (uint64_t)number(item, "seed"),
                                         &result, &err),
                      err);
            assert_false(result.is_exact);
            assert_within(result.p, number(item, "p"), 1e-12, "p");
            assert_ok(paired_permutation(images, n, 200000, 1, &more, &err), err);
            assert_true(fabs(more.p - result.p) < 0.1); /* the same test, drawn better */
        }
        n_cases += 1;
    }
    omp_set_num_threads(threads);
    assert_int_equal(n_cases, 4);
}

static void the_drawn_test_approaches_the_exact_one(void **state)
{
    (void)state;
    struct error err = {{0}};
    struct paired_image images[21];
    struct permutation exact, drawn;
    for (size_t i = 0; i < 21; i++)
        images[i] = (struct paired_image){1, i % 3 == 0 ? -1 : 1};
    assert_ok(paired_permutation(images, 20, 0, 1, &exact, &err), err);
    assert_true(exact.is_exact);
    /* One image more, whose sign hardly matters, and it is drawn. */
    images[20] = (struct paired_image){1, 1e-9};
    assert_ok(paired_permutation(images, 21, 400000, 1, &drawn, &err), err);
    assert_false(drawn.is_exact);
    assert_true(fabs(drawn.p - exact.p) < 0.004);
}

static void what_cannot_be_compared_is_refused(void **state)
{
    (void)state;
    struct error err = {{0}};
    struct permutation result;
    struct paired_image images[2] = {{1, 1}, {1, NAN}};
    assert_int_equal(paired_permutation(images, 2, 10, 1, &result, &err), STATUS_MISMATCH);
    assert_ok(paired_permutation(images, 0, 10, 1, &result, &err), err);
    assert_true(result.p == 1);
    assert_true(isnan(paired_difference(images, 0).mean));
    images[1].difference = 1;
    struct paired_difference alike = paired_difference(images, 2);
    assert_true(alike.mean == 1 && alike.error == 0 && isnan(alike.interval.low));
    assert_true(isnan(paired_difference(images, 1).error));
}

static void differences_have_the_clustered_error_of_a_regression(void **state)
{
    (void)state;
    const cJSON *item;
    size_t n_cases = 0;
    cJSON_ArrayForEach(item, json_find(cases, "difference"))
    {
        double image[MOST], d[MOST];
        struct paired_image images[MOST] = {{0, 0}};
        size_t n = numbers(json_find(item, "image"), image);
        assert_int_equal(numbers(json_find(item, "d"), d), n);
        for (size_t i = 0; i < n; i++) {
            images[(size_t)image[i]].n += 1;
            images[(size_t)image[i]].difference += d[i];
        }
        struct paired_difference got = paired_difference(images, MOST);
        assert_int_equal(got.n_images, (size_t)image[n - 1] + 1);
        assert_within(got.mean, number(item, "mean"), 1e-9, "mean");
        assert_within(got.error, number(item, "error"), 1e-9, "error");
        assert_within(got.interval.low, number(item, "low"), 1e-9, "low");
        assert_within(got.interval.high, number(item, "high"), 1e-9, "high");
        n_cases += 1;
    }
    assert_int_equal(n_cases, 6);
}

static void power_is_the_normal_one(void **state)
{
    (void)state;
    const cJSON *item;
    size_t n_cases = 0;
    cJSON_ArrayForEach(item, json_find(cases, "power"))
    {
        double difference = number(item, "difference"), error = number(item, "error");
        double n = number(item, "n"), images = power_images(difference, error, n);
        assert_within(power_of(difference, error), number(item, "power"), 1e-9, "power");
        assert_within(power_detectable(error), number(item, "detectable"), 1e-9, "detectable");
        assert_within(images, number(item, "images"), 1e-9, "images");
        assert_within(power_of(difference, error * sqrt(n / images)), 0.8, 1e-9, "80 %");
        n_cases += 1;
    }
    assert_int_equal(n_cases, 4);
    assert_true(power_of(0, 0) == 0 && power_of(1, 0) == 1);
}

static double ratio(const double *totals)
{
    return totals[0] / totals[1];
}

/* The same interval from 1, 2 and 3 threads. */
static void sums_are_resampled_by_cluster(void **state)
{
    (void)state;
    const cJSON *item;
    size_t n_cases = 0;
    struct error err = {{0}};
    int threads = omp_get_max_threads();
    cJSON_ArrayForEach(item, json_find(cases, "sums"))
    {
        double values[2 * MOST];
        size_t n = numbers(json_find(item, "y"), values);
        assert_int_equal(numbers(json_find(item, "x"), values + n), n);
        struct bootstrap_sums sums = {values, 2, n, ratio};
        struct bootstrap bootstrap = {n, count(item, "n_resamples"), (uint64_t)number(item, "seed"),
                                      1};
        struct interval first, again;
        omp_set_num_threads(1);
        assert_ok(bootstrap_intervals(&bootstrap, bootstrap_of_sums, &sums, &first, &err), err);
        assert_interval(first, json_find(item, "interval"));
        for (int t = 2; t <= 3; t++) {
            omp_set_num_threads(t);
            assert_ok(bootstrap_intervals(&bootstrap, bootstrap_of_sums, &sums, &again, &err), err);
            assert_memory_equal(&again, &first, sizeof first);
        }
        n_cases += 1;
    }
    omp_set_num_threads(threads);
    assert_int_equal(n_cases, 3);
}

static void medians_are_resampled_as_pairs(void **state)
{
    (void)state;
    const cJSON *item;
    size_t n_cases = 0;
    struct error err = {{0}};
    cJSON_ArrayForEach(item, json_find(cases, "medians"))
    {
        double a[MOST], b[MOST], got;
        struct interval interval;
        size_t n = numbers(json_find(item, "a"), a);
        assert_int_equal(numbers(json_find(item, "b"), b), n);
        assert_ok(bootstrap_median_ratio(a, b, n, count(item, "n_resamples"),
                                         (uint64_t)number(item, "seed"), &got, &interval, &err),
                  err);
        assert_within(got, number(item, "ratio"), 1e-12, "ratio");
        assert_interval(interval, json_find(item, "interval"));
        n_cases += 1;
    }
    assert_int_equal(n_cases, 3);
    double none;
    struct interval interval;
    assert_ok(bootstrap_median_ratio(NULL, NULL, 0, 10, 0, &none, &interval, &err), err);
    assert_true(isnan(none) && isnan(interval.low));
}

static void medians_measured_apart_are_resampled_by_themselves(void **state)
{
    (void)state;
    const cJSON *item;
    size_t n_cases = 0;
    struct error err = {{0}};
    double got;
    struct interval interval;
    cJSON_ArrayForEach(item, json_find(cases, "apart"))
    {
        double a[MOST], b[MOST];
        size_t n_a = numbers(json_find(item, "a"), a), n_b = numbers(json_find(item, "b"), b);
        assert_ok(bootstrap_median_ratio_apart(a, n_a, b, n_b, count(item, "n_resamples"),
                                               (uint64_t)number(item, "seed"), &got, &interval,
                                               &err),
                  err);
        assert_within(got, number(item, "ratio"), 1e-12, "ratio");
        assert_interval(interval, json_find(item, "interval"));
        n_cases += 1;
    }
    assert_int_equal(n_cases, 3);
    const double one = 2, two[] = {4, 6};
    assert_ok(bootstrap_median_ratio_apart(&one, 1, two, 2, 10, 0, &got, &interval, &err), err);
    assert_within(got, 2.5, 1e-12, "ratio");
    assert_true(isnan(interval.low) && isnan(interval.high));
}

static void pairs_are_swapped(void **state)
{
    (void)state;
    const cJSON *item;
    size_t n_cases = 0;
    struct error err = {{0}};
    double p;
    cJSON_ArrayForEach(item, json_find(cases, "swap"))
    {
        double a[MOST], b[MOST];
        size_t n = numbers(json_find(item, "a"), a);
        assert_int_equal(numbers(json_find(item, "b"), b), n);
        assert_ok(swap_p(a, b, n, (uint64_t)number(item, "seed"), &p, &err), err);
        assert_within(p, number(item, "p"), 1e-12, "swap");
        assert_true(p >= swap_least_p(n));
        n_cases += 1;
    }
    assert_int_equal(n_cases, 8);
    assert_ok(swap_p(NULL, NULL, 0, 0, &p, &err), err);
    assert_within(p, 1, 0, "no pairs");
    const double slow[] = {11, 22, 33, 44, 55, 66}, fast[] = {1, 2, 3, 4, 5, 6};
    assert_ok(swap_p(fast, slow, 6, 0, &p, &err), err);
    assert_within(p, swap_least_p(6), 1e-12, "all one way");
    const double ten[] = {10, 10, 10, 10, 10, 10}, eleven[] = {11, 11, 11, 11, 11, 11};
    assert_ok(swap_p(ten, eleven, 6, 0, &p, &err), err);
    assert_within(p, swap_least_p(6), 1e-12, "all alike");
    assert_ok(swap_p(ten, ten, 6, 0, &p, &err), err);
    assert_within(p, 1, 1e-12, "no difference");
}

static void areas_are_resampled_by_image(void **state)
{
    (void)state;
    const cJSON *item;
    size_t n_cases = 0;
    struct error err = {{0}};
    cJSON_ArrayForEach(item, json_find(cases, "ranking"))
    {
        double image[MOST], label[MOST], score[MOST];
        struct ranked items[MOST];
        struct interval intervals[N_RANKING_VALUES];
        size_t n = numbers(json_find(item, "image"), image), v = 0;
        assert_int_equal(numbers(json_find(item, "label"), label), n);
        assert_int_equal(numbers(json_find(item, "score"), score), n);
        for (size_t i = 0; i < n; i++)
            items[i] = (struct ranked){score[i], label[i] > 0, 2 * (size_t)image[i] + 1};
        assert_ok(ranking_intervals(items, n, 2 * MOST, count(item, "n_resamples"),
                                    (uint64_t)number(item, "seed"), intervals, &err),
                  err);
        const cJSON *expected;
        cJSON_ArrayForEach(expected, json_find(item, "intervals"))
            assert_interval(intervals[v++], expected);
        assert_int_equal(v, N_RANKING_VALUES);
        n_cases += 1;
    }
    assert_int_equal(n_cases, 2);
}

/* One image alone has the positives: half of the resamples and more are without a class. */
static void areas_of_too_few_images_have_no_interval(void **state)
{
    (void)state;
    struct error err = {{0}};
    struct interval intervals[N_RANKING_VALUES];
    const struct ranked items[4] = {{3, true, 0}, {2, false, 1}, {1, false, 2}, {0, false, 1}};
    assert_ok(ranking_intervals(items, 4, 3, 500, 0, intervals, &err), err);
    assert_true(isnan(intervals[RANKING_ROC_AUC].low));
    assert_true(isnan(intervals[RANKING_AVERAGE_PRECISION].high));
    assert_ok(ranking_intervals(items, 1, 1, 500, 0, intervals, &err), err);
    assert_true(isnan(intervals[RANKING_F1].low));
}

static void quantiles_are_the_normal_ones(void **state)
{
    (void)state;
    const cJSON *item;
    size_t n_cases = 0;
    cJSON_ArrayForEach(item, json_find(cases, "quantile"))
    {
        assert_within(normal_quantile(number(item, "p")), number(item, "z"), 1e-9, "z");
        n_cases += 1;
    }
    assert_int_equal(n_cases, 15);
    assert_true(isinf(normal_quantile(0)) && isinf(normal_quantile(1)));
    assert_true(isnan(normal_quantile(-0.1)) && isnan(normal_quantile(NAN)));
}

static void sensitivity_and_criterion_are_those_of_corrected_rates(void **state)
{
    (void)state;
    const cJSON *item;
    size_t n_cases = 0;
    struct error err = {{0}};
    cJSON_ArrayForEach(item, json_find(cases, "dprime"))
    {
        double hits[MOST], signals[MOST], alarms[MOST], noises[MOST];
        struct detection_counts counts[MOST], total = {0, 0, 0, 0};
        struct interval dprime, criterion;
        size_t n = numbers(json_find(item, "hits"), hits);
        assert_int_equal(numbers(json_find(item, "signals"), signals), n);
        assert_int_equal(numbers(json_find(item, "alarms"), alarms), n);
        assert_int_equal(numbers(json_find(item, "noises"), noises), n);
        for (size_t i = 0; i < n; i++) {
            counts[i] = (struct detection_counts){hits[i], signals[i], alarms[i], noises[i]};
            total.hits += hits[i];
            total.signals += signals[i];
            total.false_alarms += alarms[i];
            total.noises += noises[i];
        }
        struct detection got = detection_of(&total);
        assert_within(got.dprime, number(item, "dprime"), 1e-9, "d'");
        assert_within(got.criterion, number(item, "criterion"), 1e-9, "c");
        assert_ok(detection_intervals(counts, n, count(item, "n_resamples"),
                                      (uint64_t)number(item, "seed"), &dprime, &criterion, &err),
                  err);
        assert_interval(dprime, cJSON_GetArrayItem(json_find(item, "intervals"), 0));
        assert_interval(criterion, cJSON_GetArrayItem(json_find(item, "intervals"), 1));
        n_cases += 1;
    }
    assert_int_equal(n_cases, 3);
}

static void rates_of_0_and_1_have_a_sensitivity(void **state)
{
    (void)state;
    struct detection perfect = detection_of(&(struct detection_counts){10, 10, 0, 10});
    struct detection yes = detection_of(&(struct detection_counts){10, 10, 10, 10});
    struct detection none = detection_of(&(struct detection_counts){3, 5, 0, 0});
    assert_true(isfinite(perfect.dprime) && perfect.dprime > 3 && fabs(perfect.criterion) < 1e-12);
    assert_true(yes.dprime == 0 && yes.criterion < -1.5); /* prefers yes, tells nothing */
    assert_true(isnan(none.dprime) && isnan(none.false_alarm_rate));
    assert_within(none.hit_rate, 0.6, 1e-15, "hit rate");
}

/* The judgements of a case, sorted; the arrays are the caller's. */
static size_t judgements(const cJSON *item, struct ranked *items)
{
    double label[MOST], p[MOST];
    size_t n = numbers(json_find(item, "label"), label);
    assert_int_equal(numbers(json_find(item, "p"), p), n);
    for (size_t i = 0; i < n; i++)
        items[i] = (struct ranked){p[i], label[i] > 0, i};
    assert_true(ranking_sort(items, n));
    return n;
}

static void calibration_is_that_of_scikit_learn(void **state)
{
    (void)state;
    const cJSON *item;
    size_t n_cases = 0;
    cJSON_ArrayForEach(item, json_find(cases, "calibration"))
    {
        struct ranked items[MOST];
        struct calibration got;
        double sizes[MOST], share[MOST], mean[MOST];
        size_t n = judgements(item, items), n_bins = numbers(json_find(item, "sizes"), sizes);
        assert_int_equal(numbers(json_find(item, "share"), share), n_bins);
        assert_int_equal(numbers(json_find(item, "mean"), mean), n_bins);
        calibration_of(items, n, count(item, "n_bins"), &got);
        assert_int_equal(got.n_bins, n_bins);
        for (size_t b = 0; b < n_bins; b++) {
            assert_int_equal(got.bins[b].n, (size_t)sizes[b]);
            assert_within(got.bins[b].share_positive, share[b], 1e-9, "share");
            assert_within(got.bins[b].mean, mean[b], 1e-9, "mean");
            assert_true(got.bins[b].low <= got.bins[b].mean + 1e-12 &&
                        got.bins[b].mean <= got.bins[b].high + 1e-12);
        }
        assert_within(got.error, number(item, "error"), 1e-9, "ECE");
        assert_within(got.largest, number(item, "largest"), 1e-9, "largest");
        n_cases += 1;
    }
    assert_int_equal(n_cases, 8);
    struct calibration none;
    calibration_of(NULL, 0, 10, &none);
    assert_true(none.n_bins == 0 && isnan(none.error));
}

static void a_curve_is_that_of_scikit_learn(void **state)
{
    (void)state;
    const cJSON *item;
    size_t n_cases = 0;
    cJSON_ArrayForEach(item, json_find(cases, "roc"))
    {
        struct ranked items[MOST];
        struct roc_point points[MOST + 1];
        double alarm[MOST], hit[MOST], threshold[MOST];
        size_t n = judgements(item, items), n_points = numbers(json_find(item, "alarm"), alarm);
        assert_int_equal(numbers(json_find(item, "hit"), hit), n_points);
        assert_int_equal(numbers(json_find(item, "threshold"), threshold) + 1, n_points);
        assert_int_equal(roc_curve(items, n, points), n_points);
        assert_true(isinf(points[0].threshold));
        for (size_t i = 0; i < n_points; i++) {
            assert_within(points[i].false_alarm_rate, alarm[i], 1e-9, "false alarm rate");
            assert_within(points[i].hit_rate, hit[i], 1e-9, "hit rate");
            if (i > 0)
                assert_true(fabs(points[i].threshold - threshold[i - 1]) < 1e-12);
        }
        n_cases += 1;
    }
    assert_int_equal(n_cases, 5);
    const struct ranked one_class[2] = {{0.9, true, 0}, {0.1, true, 1}};
    struct roc_point points[3];
    assert_int_equal(roc_curve(one_class, 2, points), 0);
    assert_int_equal(roc_curve(NULL, 0, points), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mcnemar_is_the_binomial_test),
        cmocka_unit_test(holm_is_that_of_statsmodels),
        cmocka_unit_test(few_images_are_enumerated),
        cmocka_unit_test(many_images_are_drawn),
        cmocka_unit_test(the_drawn_test_approaches_the_exact_one),
        cmocka_unit_test(what_cannot_be_compared_is_refused),
        cmocka_unit_test(differences_have_the_clustered_error_of_a_regression),
        cmocka_unit_test(power_is_the_normal_one),
        cmocka_unit_test(sums_are_resampled_by_cluster),
        cmocka_unit_test(medians_are_resampled_as_pairs),
        cmocka_unit_test(pairs_are_swapped),
        cmocka_unit_test(medians_measured_apart_are_resampled_by_themselves),
        cmocka_unit_test(areas_are_resampled_by_image),
        cmocka_unit_test(areas_of_too_few_images_have_no_interval),
        cmocka_unit_test(quantiles_are_the_normal_ones),
        cmocka_unit_test(sensitivity_and_criterion_are_those_of_corrected_rates),
        cmocka_unit_test(rates_of_0_and_1_have_a_sensitivity),
        cmocka_unit_test(calibration_is_that_of_scikit_learn),
        cmocka_unit_test(a_curve_is_that_of_scikit_learn),
    };
    return cmocka_run_group_tests(tests, read_cases, free_cases);
}
