#include "tests/check.h"

#include "metrics/choice.h"
#include "metrics/ranking.h"

#include <math.h>

static void assert_areas(const char *labels, const double *scores, double precision, double roc)
{
    struct ranked items[16];
    size_t n = strlen(labels);
    for (size_t i = 0; i < n; i++)
        items[i] = (struct ranked){scores[i], labels[i] == '+', i};
    assert_true(ranking_sort(items, n));
    assert_true(fabs(ranking_average_precision(items, n) - precision) < 1e-15);
    double got = ranking_roc_auc(items, n);
    assert_true(isnan(roc) ? isnan(got) : fabs(got - roc) < 1e-15);
}

/* Worked by hand from the definitions in ranking.h. */
static void areas_follow_their_definitions(void **state)
{
    (void)state;
    assert_areas("-+", (double[]){0, 1}, 1, 1);
    assert_areas("+-", (double[]){0, 1}, 0.5, 0);
    assert_areas("--++", (double[]){0.1, 0.4, 0.35, 0.8}, 0.5 + 0.5 * 2 / 3, 0.75);
    assert_areas("+++-", (double[]){3, 2, 1, 0}, 1, 1);
}

static void equal_scores_are_one_threshold(void **state)
{
    (void)state;
    assert_areas("+-", (double[]){0.5, 0.5}, 0.5, 0.5);
    assert_areas("-+", (double[]){0.5, 0.5}, 0.5, 0.5);
    assert_areas("+-+-", (double[]){1, 1, 0, 0}, 0.5, 0.5);
    /* Infinities and both zeros are scores like others. */
    assert_areas("+-", (double[]){0.0, -0.0}, 0.5, 0.5);
    assert_areas("+-", (double[]){INFINITY, -INFINITY}, 1, 1);
}

static void one_class_alone_has_no_roc_area(void **state)
{
    (void)state;
    assert_areas("++", (double[]){0.3, 0.4}, 1, NAN);
    assert_areas("--", (double[]){0.3, 0.4}, 0, NAN);
    assert_true(isnan(ranking_roc_auc(NULL, 0)));
    assert_true(isnan(ranking_average_precision(NULL, 0)));
}

static void a_nan_cannot_be_ranked(void **state)
{
    (void)state;
    struct ranked items[2] = {{1, true, 0}, {NAN, false, 1}};
    assert_false(ranking_sort(items, 2));
}

static void f1_decides_above_a_half(void **state)
{
    (void)state;
    const struct ranked items[4] = {
        {0.5, true, 0}, {0.51, true, 1}, {0.9, false, 2}, {0.1, false, 3}};
    assert_true(ranking_f1(items, 4) == 0.5);
    assert_true(ranking_f1(items + 3, 1) == 0);
}

static void the_choice_is_numpys_argmax(void **state)
{
    (void)state;
    assert_int_equal(choice_argmax((double[]){0.5, 0.5}, 2), 0);
    assert_int_equal(choice_argmax((double[]){0.4, 0.6}, 2), 1);
    assert_int_equal(choice_argmax((double[]){NAN, NAN}, 2), 0);
    assert_int_equal(choice_argmax((double[]){0.4, NAN}, 2), 1);
    assert_int_equal(choice_argmax((double[]){0.1, 0.7, 0.7}, 3), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(areas_follow_their_definitions),
        cmocka_unit_test(equal_scores_are_one_threshold),
        cmocka_unit_test(one_class_alone_has_no_roc_area),
        cmocka_unit_test(a_nan_cannot_be_ranked),
        cmocka_unit_test(f1_decides_above_a_half),
        cmocka_unit_test(the_choice_is_numpys_argmax),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
