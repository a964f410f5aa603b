#include "tests/check.h"

#include "datasets/vizwiz.h"
#include "engine/base/json.h"
#include "metrics/intervals.h"
#include "metrics/metric.h"

#include <math.h>

/* Written by scripts/golden/make_interval_cases.py. */
static cJSON *cases;

static int read_cases(void **state)
{
    (void)state;
    struct error err = {{0}};
    return json_read(&cases, "tests/data/metrics/intervals.json", &err) != STATUS_OK;
}

static int free_cases(void **state)
{
    (void)state;
    cJSON_Delete(cases);
    return 0;
}

static void assert_close(double got, double expected, const char *what)
{
    if (!(fabs(got - expected) <= 1e-9 * fmax(fabs(expected), 1e-3)))
        fail_msg("%s: %.17g, expected %.17g", what, got, expected);
}

static double number(const cJSON *item, const char *key)
{
    return json_number_or(item, key, NAN);
}

static void wilson_solves_its_equation(void **state)
{
    (void)state;
    const cJSON *item;
    size_t n = 0;
    cJSON_ArrayForEach(item, json_find(cases, "wilson"))
    {
        struct interval interval = interval_wilson(number(item, "k"), (size_t)number(item, "n"));
        assert_close(interval.low, number(item, "low"), "low");
        assert_close(interval.high, number(item, "high"), "high");
        n += 1;
    }
    assert_true(n >= 10);
    assert_true(isnan(interval_wilson(0, 0).low));
}

static void student_and_beta_equal_numerical_integration(void **state)
{
    (void)state;
    const cJSON *item;
    size_t n = 0;
    cJSON_ArrayForEach(item, json_find(cases, "student"))
    {
        assert_close(student_quantile(number(item, "p"), number(item, "df")), number(item, "t"),
                     "t");
        n += 1;
    }
    cJSON_ArrayForEach(item, json_find(cases, "beta"))
    {
        double got = incomplete_beta(number(item, "a"), number(item, "b"), number(item, "x"));
        assert_close(got, number(item, "value"), "beta");
        n += 1;
    }
    assert_true(n >= 40);
    assert_true(incomplete_beta(2, 3, 0) == 0 && incomplete_beta(2, 3, 1) == 1);
}

static void clusters_of_one_give_the_ordinary_error_of_a_mean(void **state)
{
    (void)state;
    enum { N = 5 };
    static const double y[N] = {1, 2, 4, 7, 11};
    static const size_t cluster[N] = {4, 3, 2, 1, 0};
    double influence[N], sums[N + 1], mean = 5, squares = 0;
    for (size_t i = 0; i < N; i++) {
        influence[i] = (y[i] - mean) / N;
        squares += (y[i] - mean) * (y[i] - mean);
    }
    struct interval interval = interval_cluster(mean, influence, cluster, N, sums, N + 1);
    /* t(0.975, 4) = 2.7764451051977987, s = sqrt(squares / 4), error = s / sqrt(5). */
    double half = 2.7764451051977987 * sqrt(squares / 4) / sqrt(5);
    assert_close(interval.low, mean - half, "low");
    assert_close(interval.high, mean + half, "high");
}

static void repeated_questions_do_not_narrow_the_interval(void **state)
{
    (void)state;
    static const double once[4] = {-0.125, 0.125, 0.125, -0.125};
    static const size_t own[4] = {0, 1, 2, 3};
    double thrice[12], sums[4];
    size_t image[12];
    for (size_t i = 0; i < 12; i++) {
        thrice[i] = once[i % 4] / 3;
        image[i] = i % 4;
    }
    struct interval a = interval_cluster(0.5, once, own, 4, sums, 4);
    struct interval b = interval_cluster(0.5, thrice, image, 12, sums, 4);
    assert_close(a.low, b.low, "low");
    assert_close(a.high, b.high, "high");
}

static void one_cluster_has_no_interval(void **state)
{
    (void)state;
    static const double influence[2] = {0.1, -0.1};
    static const size_t cluster[2] = {1, 1};
    double sums[3];
    assert_true(isnan(interval_cluster(0.5, influence, cluster, 2, sums, 3).low));
}

static void make_set(const cJSON *items, struct arena *arena, struct dataset *set,
                     struct prediction **predictions)
{
    size_t n = (size_t)cJSON_GetArraySize(items), i = 0;
    set->kind = dataset_kind_find("pope");
    set->samples = arena_alloc(arena, n, sizeof *set->samples);
    *predictions = arena_alloc(arena, n, sizeof **predictions);
    const cJSON *item;
    cJSON_ArrayForEach(item, items)
    {
        const char **answers = arena_alloc(arena, 1, sizeof *answers);
        answers[0] = json_string_or(item, "label", "");
        set->samples[i] = (struct sample){.id = arena_printf(arena, "%zu", i),
                                          .image_name = json_string_or(item, "image", ""),
                                          .question = "",
                                          .answers = answers,
                                          .n_answers = 1,
                                          .group = json_string_or(item, "split", "")};
        (*predictions)[i].text = json_string_or(item, "text", "");
        i += 1;
    }
    set->n_samples = n;
    assert_false(arena_failed(arena));
}

static void scores_have_the_intervals_of_an_infinitesimal_jackknife(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena);
    struct dataset set = {0};
    struct prediction *predictions;
    const cJSON *yes_no = json_find(cases, "yes_no");
    make_set(json_find(yes_no, "samples"), &arena, &set, &predictions);
    struct protocol protocol;
    struct score_table table;
    struct error err = {{0}};
    assert_ok(protocol_open(&protocol, "pope@llava", &arena, &err), err);
    assert_ok(score_predictions(&set, &protocol, predictions, &arena, &table, &err), err);
    const cJSON *expected;
    size_t n = 0;
    cJSON_ArrayForEach(expected, json_find(yes_no, "scores"))
    {
        const struct score *score = score_find(&table, expected->string);
        assert_non_null(score);
        assert_int_equal(score->interval, INTERVAL_CLUSTER);
        assert_close(score->value, cJSON_GetArrayItem(expected, 0)->valuedouble, expected->string);
        assert_close(score->low, cJSON_GetArrayItem(expected, 1)->valuedouble, expected->string);
        assert_close(score->high, cJSON_GetArrayItem(expected, 2)->valuedouble, expected->string);
        n += 1;
    }
    assert_true(n >= 20);
    arena_release(&arena);
}

/* n samples of one group, on their own pictures or all on one; the first n_right are right. */
static struct score accuracy_of(size_t n, size_t n_right, bool own_pictures, struct arena *arena)
{
    struct dataset set = {.kind = dataset_kind_find("pope"), .n_samples = n};
    set.samples = arena_alloc(arena, n, sizeof *set.samples);
    struct prediction *predictions = arena_alloc(arena, n, sizeof *predictions);
    static const char *const yes[] = {"yes"};
    for (size_t i = 0; i < n; i++) {
        const char *id = arena_printf(arena, "%zu", i);
        set.samples[i] = (struct sample){.id = id,
                                         .image_name = own_pictures ? id : "one",
                                         .question = "",
                                         .answers = yes,
                                         .n_answers = 1,
                                         .group = "random"};
        predictions[i].text = i < n_right ? "Yes" : "No";
    }
    struct protocol protocol;
    struct score_table table;
    struct error err = {{0}};
    assert_ok(protocol_open(&protocol, "pope@llava", arena, &err), err);
    assert_ok(score_predictions(&set, &protocol, predictions, arena, &table, &err), err);
    return *score_find(&table, "random/accuracy");
}

static void wilson_is_used_only_where_every_picture_has_one_question(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena);
    struct score own = accuracy_of(13, 7, true, &arena);
    assert_int_equal(own.interval, INTERVAL_WILSON);
    assert_close(own.low, interval_wilson(7, 13).low, "low");
    struct score shared = accuracy_of(13, 7, false, &arena);
    assert_int_equal(shared.interval, INTERVAL_NONE);
    assert_true(isnan(shared.low));
    assert_string_equal(shared.note, "one image: no interval");
    struct score all = accuracy_of(13, 13, false, &arena);
    assert_int_equal(all.interval, INTERVAL_CLUSTER);
    assert_close(all.low, interval_wilson(1, 1).low, "low");
    assert_close(all.high, 1, "high");
    arena_release(&arena);
}

/* Areas under curves: resampled by image where scores are asked for, not where floors are. */
static void areas_have_the_interval_of_the_bootstrap(void **state)
{
    (void)state;
    static const char *const names[] = {"final/auc-roc", "final/auc-pr", "popular/auc-roc"};
    struct arena arena;
    struct dataset set = {0};
    struct prediction *predictions;
    struct protocol protocol;
    struct score_table table, again, plain;
    struct error err = {{0}};
    arena_init(&arena);
    make_set(json_find(json_find(cases, "yes_no"), "samples"), &arena, &set, &predictions);
    for (size_t i = 0; i < set.n_samples; i++) {
        double *p = arena_alloc(&arena, 2, sizeof *p);
        p[0] = (double)(i * 7 % 11) / 22 + (strcmp(predictions[i].text, "Yes") == 0 ? 0.4 : 0.1);
        p[1] = 1 - p[0];
        predictions[i].probabilities = p;
    }
    assert_ok(protocol_open(&protocol, "pope@triml", &arena, &err), err);
    assert_ok(score_predictions(&set, &protocol, predictions, &arena, &table, &err), err);
    assert_ok(score_predictions(&set, &protocol, predictions, &arena, &again, &err), err);
    assert_ok(score_plainly(&set, &protocol, predictions, &arena, &plain, &err), err);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct score *area = score_find(&table, names[i]);
        assert_int_equal(area->interval, INTERVAL_BOOTSTRAP);
        assert_true(0 <= area->low && area->low < area->value);
        assert_true(area->value < area->high && area->high <= 1);
        assert_true(area->low == score_find(&again, names[i])->low);
        assert_true(score_find(&plain, names[i])->value == area->value);
        assert_int_equal(score_find(&plain, names[i])->interval, INTERVAL_NONE);
    }
    arena_release(&arena);
}

/* Of thirty questions every third cannot be answered; the model says so to most of them. */
static void what_cannot_be_answered_is_found_within_an_interval(void **state)
{
    (void)state;
    enum { N = 30 };
    static const char *const names[] = {"unanswerable/average-precision", "unanswerable/f1"};
    static const char *const answers[] = {"cat", "cat", "cat", "cat", "cat",
                                          "cat", "cat", "cat", "cat", "cat"};
    static const struct vizwiz_facts can = {true}, cannot = {false};
    struct arena arena;
    struct sample samples[N];
    struct prediction predictions[N] = {{0}};
    struct dataset set = {.kind = dataset_kind_find("vizwiz"), .samples = samples, .n_samples = N};
    struct protocol protocol;
    struct score_table table;
    struct error err = {{0}};
    arena_init(&arena);
    for (size_t i = 0; i < N; i++) {
        const char *id = arena_printf(&arena, "%zu", i);
        samples[i] = (struct sample){.id = id,
                                     .image_name = id,
                                     .question = "what is this?",
                                     .answers = answers,
                                     .n_answers = 10,
                                     .facts = i % 3 == 0 ? &cannot : &can};
        predictions[i].text = i % 3 == 0 ? (i % 4 == 0 ? "cat" : "unanswerable")
                                         : (i % 7 == 0 ? "unanswerable" : "cat");
    }
    assert_ok(protocol_open(&protocol, "vizwiz@triml", &arena, &err), err);
    assert_ok(score_predictions(&set, &protocol, predictions, &arena, &table, &err), err);
    for (size_t i = 0; i < 2; i++) {
        const struct score *score = score_find(&table, names[i]);
        assert_int_equal(score->interval, INTERVAL_BOOTSTRAP);
        assert_true(0 <= score->low && score->low < score->value);
        assert_true(score->value < score->high && score->high <= 100);
    }
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wilson_solves_its_equation),
        cmocka_unit_test(student_and_beta_equal_numerical_integration),
        cmocka_unit_test(clusters_of_one_give_the_ordinary_error_of_a_mean),
        cmocka_unit_test(repeated_questions_do_not_narrow_the_interval),
        cmocka_unit_test(one_cluster_has_no_interval),
        cmocka_unit_test(scores_have_the_intervals_of_an_infinitesimal_jackknife),
        cmocka_unit_test(areas_have_the_interval_of_the_bootstrap),
        cmocka_unit_test(what_cannot_be_answered_is_found_within_an_interval),
        cmocka_unit_test(wilson_is_used_only_where_every_picture_has_one_question),
    };
    return cmocka_run_group_tests(tests, read_cases, free_cases);
}
