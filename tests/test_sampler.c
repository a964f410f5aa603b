/* From logits to tokens: greedy, temperature, top-k, nucleus, draws. */
#include "tests/check.h"

#include "engine/sampler.h"

#include <math.h>

enum { N = 8, DRAWS = 20000 };

/* How often each token is drawn. */
static void draw(const struct sampling *sampling, const float logits[N], size_t counts[N])
{
    struct candidate scratch[N];
    struct random_stream random = {sampling->seed};
    memset(counts, 0, N * sizeof *counts);
    for (int i = 0; i < DRAWS; i++) {
        int id = sampler_next(sampling, &random, logits, N, scratch);
        assert_in_range(id, 0, N - 1);
        counts[id]++;
    }
}

/* Five standard deviations of a binomial count: a sound sampler fails once in millions, and the
 * seed is fixed. */
static void assert_frequency(size_t count, double p)
{
    double slack = 5 * sqrt(DRAWS * p * (1 - p)) + 1e-9;
    if (fabs((double)count - DRAWS * p) > slack)
        fail_msg("drawn %zu times, expected %.1f +- %.1f", count, DRAWS * p, slack);
}

static const float logits[N] = {0.5F, 2.0F, -1.0F, 2.0F, 0.0F, 1.0F, -3.0F, 1.5F};

static void greedy_takes_the_largest_and_the_lowest_id_on_ties(void **state)
{
    (void)state;
    static const float ties[] = {-1, 3, 3, 2}, one[] = {-INFINITY};
    assert_int_equal(sampler_greedy(ties, 4), 1);
    assert_int_equal(sampler_greedy(one, 1), 0);
    assert_int_equal(sampler_greedy(logits, N), 1);
    struct sampling greedy = {.sample = false, .temperature = 5};
    assert_int_equal(sampler_next(&greedy, NULL, logits, N, NULL), 1);
}

/* mamba_ssm: top_k == 1 is the largest logit, whatever else is set. */
static void top_one_is_greedy(void **state)
{
    (void)state;
    struct sampling sampling = {.sample = true, .temperature = 100, .top_k = 1, .seed = 3};
    size_t counts[N];
    draw(&sampling, logits, counts);
    assert_int_equal(counts[1], DRAWS);
}

static void draws_follow_the_softmax(void **state)
{
    (void)state;
    static const double temperatures[] = {1, 0.4, 3};
    for (size_t t = 0; t < sizeof temperatures / sizeof temperatures[0]; t++) {
        struct sampling sampling = {.sample = true, .temperature = temperatures[t], .seed = 11 + t};
        size_t counts[N];
        double total = 0;
        draw(&sampling, logits, counts);
        for (int i = 0; i < N; i++)
            total += exp((double)logits[i] / temperatures[t]);
        for (int i = 0; i < N; i++)
            assert_frequency(counts[i], exp((double)logits[i] / temperatures[t]) / total);
    }
}

static void top_k_keeps_the_k_largest(void **state)
{
    (void)state;
    struct sampling sampling = {.sample = true, .temperature = 1, .top_k = 3, .seed = 5};
    size_t counts[N];
    draw(&sampling, logits, counts);
    double total = 2 * exp(2) + exp(1.5);
    assert_frequency(counts[1], exp(2) / total);
    assert_frequency(counts[3], exp(2) / total);
    assert_frequency(counts[7], exp(1.5) / total);
    assert_int_equal(counts[1] + counts[3] + counts[7], DRAWS);
}

static void equal_logits_at_the_edge_keep_the_lowest_id(void **state)
{
    (void)state;
    static const float flat[N] = {0, 1, 0, 0, 0, 0, 0, 0};
    struct sampling sampling = {.sample = true, .temperature = 1, .top_k = 3, .seed = 5};
    size_t counts[N];
    draw(&sampling, flat, counts);
    assert_int_equal(counts[0] + counts[1] + counts[2], DRAWS);
    assert_true(counts[0] > 0 && counts[2] > 0);
}

/* mamba_ssm v1.2.2 utils/generation.py:25-36: dropped is what has at least top_p in front of it. */
static void top_p_keeps_the_smallest_set_that_exceeds_p(void **state)
{
    (void)state;
    /* Probabilities 1/2, 1/4, 1/8, 1/8 of four tokens, exactly; the others have none. */
    const float ln2 = 0.69314718F;
    const float halves[N] = {-INFINITY, -2 * ln2, -3 * ln2,  -ln2,
                             -3 * ln2,  -1000,    -INFINITY, -1000};
    static const struct {
        double top_p;
        int kept[4];
    } cases[] = {
        {0.4, {3, -1, -1, -1}}, {0.6, {3, 1, -1, -1}}, {0.8, {3, 1, 2, -1}},
        {0.95, {3, 1, 2, 4}},   {0, {3, 1, 2, 4}},     {1, {3, 1, 2, 4}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sampling sampling = {
            .sample = true, .temperature = 1, .top_p = cases[i].top_p, .seed = i};
        size_t counts[N], seen = 0;
        draw(&sampling, halves, counts);
        for (int k = 0; k < 4 && cases[i].kept[k] >= 0; k++) {
            assert_true(counts[cases[i].kept[k]] > 0);
            seen += counts[cases[i].kept[k]];
        }
        assert_int_equal(seen, DRAWS);
    }
}

static void a_seed_repeats_its_draws(void **state)
{
    (void)state;
    struct sampling sampling = {.sample = true, .temperature = 2};
    struct candidate scratch[N];
    struct random_stream a = {42}, b = {42}, c = {43};
    int differ = 0;
    for (int i = 0; i < 200; i++) {
        int id = sampler_next(&sampling, &a, logits, N, scratch);
        assert_int_equal(sampler_next(&sampling, &b, logits, N, scratch), id);
        differ += sampler_next(&sampling, &c, logits, N, scratch) != id;
    }
    assert_true(differ > 50);
}

static void extreme_logits_do_not_overflow(void **state)
{
    (void)state;
    static const float extreme[N] = {3e38F, -3e38F, -INFINITY, 3e38F, 0, 0, 0, 0};
    struct sampling sampling = {.sample = true, .temperature = 1e-3, .top_p = 0.9, .seed = 1};
    size_t counts[N];
    draw(&sampling, extreme, counts);
    assert_int_equal(counts[0] + counts[3], DRAWS);
    assert_true(counts[0] > 0 && counts[3] > 0);
}

static void nan_is_never_drawn_where_there_is_a_number(void **state)
{
    (void)state;
    static const float some[N] = {NAN, 1, NAN, 1, NAN, NAN, 1, NAN};
    float none[N];
    size_t counts[N];
    struct sampling sampling = {.sample = true, .temperature = 1, .top_k = 4, .top_p = 0.9};
    draw(&sampling, some, counts);
    assert_int_equal(counts[1] + counts[3] + counts[6], DRAWS);
    for (int i = 0; i < N; i++)
        none[i] = NAN;
    draw(&sampling, none, counts); /* some id, no crash */
    assert_int_equal(sampler_greedy(none, N), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(greedy_takes_the_largest_and_the_lowest_id_on_ties),
        cmocka_unit_test(top_one_is_greedy),
        cmocka_unit_test(draws_follow_the_softmax),
        cmocka_unit_test(top_k_keeps_the_k_largest),
        cmocka_unit_test(equal_logits_at_the_edge_keep_the_lowest_id),
        cmocka_unit_test(top_p_keeps_the_smallest_set_that_exceeds_p),
        cmocka_unit_test(a_seed_repeats_its_draws),
        cmocka_unit_test(extreme_logits_do_not_overflow),
        cmocka_unit_test(nan_is_never_drawn_where_there_is_a_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
