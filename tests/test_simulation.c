/* What intervals, tests and power promise, kept by synthetic data whose truth is known: clustered
 * like POPE (500 images of 18 questions, as many of them repeated as in its files), VSR's zero-shot
 * test set (1,222 over 715) and GQA's testdev (12,578 over 398).
 *
 * An image has its own difficulty, and its own leaning to one of two runs; the second run repeats
 * the first one's answer to most questions. */
#include "tests/check.h"

#include "engine/base/random.h"
#include "metrics/bootstrap.h"
#include "metrics/dprime.h"
#include "metrics/gate_rule.h"
#include "metrics/mcnemar.h"
#include "metrics/paired.h"
#include "metrics/power.h"

#include <math.h>

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

enum {
#ifdef SANITIZED
    N_SIMULATIONS = 400, /* bounds are wider by as much as chance is */
#else
    N_SIMULATIONS = 4000,
#endif
    MOST_IMAGES = 715,
    MOST_PAIRS = 12578,
    N_DRAWS = 999,
    N_RESAMPLES = 399,
};

/* One question about one image, asked `times` times. */
struct pair {
    uint16_t image;
    uint8_t times;
    bool is_yes; /* its label */
};

struct shape {
    struct pair pairs[MOST_PAIRS];
    size_t n_pairs, n_images;
    double n_samples, n_yes;
};

/* How two runs answer. */
struct truth {
    double right;   /* of the first run */
    double drop;    /* of the second */
    double repeats; /* share of questions to which the second repeats the first */
};

static struct shape shape; /* set up by one test at a time */

static void add_pair(size_t image, size_t times, bool is_yes)
{
    assert_true(shape.n_pairs < MOST_PAIRS && image < MOST_IMAGES);
    shape.pairs[shape.n_pairs++] = (struct pair){(uint16_t)image, (uint8_t)times, is_yes};
    shape.n_samples += (double)times;
    shape.n_yes += is_yes ? (double)times : 0;
    shape.n_images = image + 1;
}

/* Three objects that are there, each in all three files; nine that are not, of which some come
 * twice: of 500 images 5, 56, 248, 189 and 2 have 8, 9, 10, 11 and 12 distinct questions. */
static void make_pope(void)
{
    static const size_t images[] = {5, 56, 248, 189, 2};
    size_t image = 0;
    shape = (struct shape){.n_pairs = 0};
    for (size_t k = 0; k < 5; k++) {
        size_t distinct = 5 + k, twice = 9 - distinct; /* of those that are not there */
        for (size_t i = 0; i < images[k]; i++, image++) {
            for (size_t object = 0; object < 3; object++)
                add_pair(image, 3, true);
            for (size_t object = 0; object < distinct; object++)
                add_pair(image, object < twice ? 2 : 1, false);
        }
    }
    assert_true(shape.n_pairs == 5127 && shape.n_images == 500);
    assert_true(shape.n_samples == 9000 && shape.n_yes == 4500);
}

/* 430 images have one caption, 160 two ... 1 eight, as in zeroshot/test.jsonl. */
static void make_vsr(void)
{
    static const size_t images[] = {430, 160, 69, 33, 10, 9, 3, 1};
    size_t image = 0;
    shape = (struct shape){.n_pairs = 0};
    for (size_t size = 1; size <= 8; size++)
        for (size_t i = 0; i < images[size - 1]; i++, image++)
            for (size_t caption = 0; caption < size; caption++)
                add_pair(image, 1, shape.n_pairs % 2 == 0);
    assert_true(shape.n_pairs == 1222 && shape.n_images == 715);
}

/* 2 to 61 questions an image: how testdev's are spread is not in the repository. */
static void make_gqa(void)
{
    enum { IMAGES = 398, QUESTIONS = 12578 };
    shape = (struct shape){.n_pairs = 0};
    for (size_t image = 0; image < IMAGES; image++) {
        size_t rest = QUESTIONS - shape.n_pairs, later = IMAGES - 1 - image;
        size_t size = later == 0 ? rest : 2 + (image * 37 + 11) % 60;
        for (size_t question = 0; question < size; question++)
            add_pair(image, 1, shape.n_pairs % 2 == 0);
    }
    assert_true(shape.n_pairs == QUESTIONS && shape.n_images == IMAGES);
}

/* One simulated pair of runs. */
struct runs {
    struct paired_image images[MOST_IMAGES];
    double y[MOST_IMAGES];      /* right answers of the first run */
    double f1[2 * MOST_IMAGES]; /* 2 TP, and predicted + labelled yes, of the first run */
    struct detection_counts counts[MOST_IMAGES]; /* of the first run */
    size_t only_first, only_second;  /* samples that one alone has right, repeats counted */
    double image_first, image_other; /* chances in the image at hand */
};

static void next_image(struct runs *runs, const struct truth *truth, struct random_stream *random)
{
    double ease = 0.2 * (random_uniform(random) - 0.5);
    double leaning = 0.16 * (random_uniform(random) - 0.5);
    runs->image_first = truth->right + ease + leaning;
    runs->image_other = truth->right + ease - leaning - truth->drop / (1 - truth->repeats);
}

static void ask(struct runs *runs, const struct pair *pair, const struct truth *truth,
                struct random_stream *random)
{
    size_t image = pair->image;
    double times = pair->times;
    bool first = random_uniform(random) < runs->image_first;
    bool other = random_uniform(random) < runs->image_other;
    bool second = random_uniform(random) < truth->repeats ? first : other;
    runs->images[image].n += times;
    runs->images[image].difference += times * (second - first);
    runs->y[image] += times * first;
    runs->f1[image] += pair->is_yes && first ? 2 * times : 0;
    runs->f1[shape.n_images + image] += times * (pair->is_yes + (pair->is_yes == first));
    struct detection_counts *counts = &runs->counts[image];
    counts->signals += pair->is_yes ? times : 0;
    counts->hits += pair->is_yes && first ? times : 0;
    counts->noises += pair->is_yes ? 0 : times;
    counts->false_alarms += !pair->is_yes && !first ? times : 0;
    runs->only_first += first && !second ? pair->times : 0;
    runs->only_second += second && !first ? pair->times : 0;
}

static void simulate(struct runs *runs, const struct truth *truth, uint64_t seed)
{
    struct random_stream random = {seed * 0x632BE59BD9B4E019u};
    *runs = (struct runs){.only_first = 0};
    for (size_t i = 0; i < shape.n_pairs; i++) {
        if (i == 0 || shape.pairs[i].image != shape.pairs[i - 1].image)
            next_image(runs, truth, &random);
        ask(runs, &shape.pairs[i], truth, &random);
    }
}

static bool covers(struct interval interval, double value)
{
    return interval.low <= value && value <= interval.high;
}

static struct interval accuracy_interval(const struct runs *runs)
{
    double influence[MOST_IMAGES], sums[MOST_IMAGES], right = 0;
    size_t image[MOST_IMAGES];
    for (size_t i = 0; i < shape.n_images; i++)
        right += runs->y[i];
    double value = right / shape.n_samples;
    for (size_t i = 0; i < shape.n_images; i++) {
        image[i] = i;
        influence[i] = (runs->y[i] - value * runs->images[i].n) / shape.n_samples;
    }
    return interval_cluster(value, influence, image, shape.n_images, sums, shape.n_images);
}

static double ratio(const double *totals)
{
    return totals[0] / totals[1];
}

static struct interval f1_interval(const struct runs *runs, uint64_t seed)
{
    struct bootstrap_sums sums = {runs->f1, 2, shape.n_images, ratio};
    struct bootstrap bootstrap = {shape.n_images, N_RESAMPLES, seed, 1};
    struct interval interval = {NAN, NAN};
    bootstrap_intervals(&bootstrap, bootstrap_of_sums, &sums, &interval, NULL);
    return interval;
}

/* How many simulations did what. */
struct tally {
    size_t accuracy, f1, difference; /* intervals that hold the truth */
    size_t dprime, criterion;
    size_t decided, worse; /* p < 0.05; and the second run is the worse one */
    size_t mcnemar;        /* p < 0.05 where clusters and repeats are forgotten */
    double promised;       /* sum of the power for the true drop */
};

/* Yes to a yes and no to a no are equally likely: d' is 2 z(right), and c is 0. */
static void tally_detection(struct tally *tally, const struct runs *runs, double right,
                            uint64_t seed)
{
    struct interval dprime = {NAN, NAN}, criterion = {NAN, NAN};
    detection_intervals(runs->counts, shape.n_images, N_RESAMPLES, seed, &dprime, &criterion, NULL);
    tally->dprime += covers(dprime, 2 * normal_quantile(right));
    tally->criterion += covers(criterion, 0);
}

static void tally_up(struct tally *tally, const struct truth *truth, uint64_t seed)
{
    /* Right means yes to a yes and no to a no, so these are the expectations of 2 TP and of
     * predicted + labelled yes. */
    double yes = shape.n_yes / shape.n_samples, right = truth->right;
    double f1 = 2 * yes * right / (yes * right + (1 - yes) * (1 - right) + yes);
    struct runs runs;
    struct permutation permutation;
    simulate(&runs, truth, seed);
    struct paired_difference difference = paired_difference(runs.images, shape.n_images);
    tally->accuracy += covers(accuracy_interval(&runs), right);
    if (truth->drop == 0) /* asked for once a shape: it is the slow one */
        tally->f1 += covers(f1_interval(&runs, seed), f1);
    if (truth->drop == 0 && shape.n_samples == 9000)
        tally_detection(tally, &runs, right, seed);
    tally->difference += covers(difference.interval, -truth->drop);
    bool failed = paired_permutation(runs.images, shape.n_images, N_DRAWS, seed, &permutation,
                                     NULL) != STATUS_OK;
    tally->decided += failed || permutation.p < 0.05;
    tally->worse += !failed && permutation.p < 0.05 && difference.mean < 0;
    tally->mcnemar += mcnemar_exact(runs.only_first, runs.only_second) < 0.05;
    tally->promised += power_of(truth->drop, difference.error);
}

static struct tally simulate_all(const struct truth *truth)
{
    struct tally sum = {0};
#pragma omp parallel
    {
        struct tally own = {0};
#pragma omp for schedule(static)
        for (uint64_t seed = 1; seed <= N_SIMULATIONS; seed++)
            tally_up(&own, truth, seed);
#pragma omp critical
        {
            sum.accuracy += own.accuracy;
            sum.f1 += own.f1;
            sum.difference += own.difference;
            sum.dprime += own.dprime;
            sum.criterion += own.criterion;
            sum.decided += own.decided;
            sum.worse += own.worse;
            sum.mcnemar += own.mcnemar;
            sum.promised += own.promised;
        }
    }
    return sum;
}

/* What chance adds: standard errors of a share over the simulations. */
static double errors_of(double share, double n)
{
    return n * sqrt(share * (1 - share) / N_SIMULATIONS);
}

static void assert_covers(size_t n, const char *what)
{
    double share = (double)n / N_SIMULATIONS;
    double slack = N_SIMULATIONS < 4000 ? errors_of(0.05, 3) : 0;
    print_message("  %s: %.2f %% of 95 %% intervals hold the truth\n", what, 100 * share);
    if (share < 0.935 - slack || share > fmin(0.965 + slack, 0.9999))
        fail_msg("%s: %.2f %% of the intervals hold the truth", what, 100 * share);
}

static struct tally assert_runs_that_are_alike(const struct truth *truth)
{
    struct tally tally = simulate_all(truth);
    double alarms = (double)tally.decided / N_SIMULATIONS;
    assert_covers(tally.accuracy, "accuracy");
    assert_covers(tally.f1, "F1, bootstrap");
    assert_covers(tally.difference, "difference");
    print_message("  false alarms: %.2f %%; McNemar on all samples: %.2f %%\n", 100 * alarms,
                  100.0 * (double)tally.mcnemar / N_SIMULATIONS);
    if (alarms > 0.05 + errors_of(0.05, 2))
        fail_msg("%.2f %% of runs that are alike are told apart", 100 * alarms);
    /* A test that never speaks is none.  Sums of few whole numbers tie, so it may speak less. */
    assert_true(alarms > 0.025);
    return tally;
}

static void pope_keeps_its_promises(void **state)
{
    (void)state;
    const struct truth alike = {0.85, 0, 0.6};
    make_pope();
    struct tally tally = assert_runs_that_are_alike(&alike);
    assert_covers(tally.dprime, "d', bootstrap");
    assert_covers(tally.criterion, "c, bootstrap");
    /* Why the permutation decides: questions that come three times are taken for three. */
    assert_true((double)tally.mcnemar / N_SIMULATIONS > 0.12);
}

static void vsr_keeps_its_promises(void **state)
{
    (void)state;
    const struct truth alike = {0.6, 0, 0.6};
    make_vsr();
    assert_runs_that_are_alike(&alike);
}

static void gqa_keeps_its_promises(void **state)
{
    (void)state;
    const struct truth alike = {0.6, 0, 0.6};
    make_gqa();
    assert_runs_that_are_alike(&alike);
}

static void a_drop_of_two_points_is_found_as_often_as_promised(void **state)
{
    (void)state;
    const struct truth worse = {0.85, 0.02, 0.3};
    make_pope();
    struct tally tally = simulate_all(&worse);
    double found = (double)tally.worse / N_SIMULATIONS, promised = tally.promised / N_SIMULATIONS;
    double slack = N_SIMULATIONS < 4000 ? errors_of(0.8, 3) : 0;
    print_message("  found in %.1f %%, promised %.1f %%\n", 100 * found, 100 * promised);
    assert_true(promised > 0.5 && promised < 0.95);
    if (fabs(found - promised) > 0.03 + slack)
        fail_msg("found in %.1f %%, promised %.1f %%", 100 * found, 100 * promised);
    assert_covers(tally.difference, "difference");
}

/* What a gate of three tasks decides, each with one drop that is allowed down to 0 and none in
 * truth; the three are independent, and Holm corrects for them. */
enum { GATE_TASKS = 3 };
static struct gate_test gate_tests[N_SIMULATIONS][GATE_TASKS];

static void simulate_gate_task(size_t task, const struct truth *truth)
{
#pragma omp parallel for schedule(static)
    for (uint64_t seed = 1; seed <= N_SIMULATIONS; seed++) {
        struct runs runs;
        struct permutation permutation = {.p = 0};
        simulate(&runs, truth, seed + N_SIMULATIONS * (task + 1));
        struct paired_difference difference = paired_difference(runs.images, shape.n_images);
        paired_permutation(runs.images, shape.n_images, N_DRAWS, seed, &permutation, NULL);
        gate_tests[seed - 1][task] =
            (struct gate_test){.excess = -100 * difference.mean, .p = permutation.p};
    }
}

/* Gates of which a test of the first n tasks fails. */
static double share_that_fails(size_t n)
{
    size_t n_failed = 0;
    for (size_t i = 0; i < N_SIMULATIONS; i++) {
        bool fails = false;
        assert_true(gate_decide(gate_tests[i], n, 0.05));
        for (size_t t = 0; t < n; t++)
            fails = fails || gate_tests[i][t].verdict == GATE_FAILED;
        n_failed += fails;
    }
    return (double)n_failed / N_SIMULATIONS;
}

static void a_gate_rarely_fails_what_is_alike(void **state)
{
    (void)state;
    static void (*const makes[GATE_TASKS])(void) = {make_pope, make_vsr, make_gqa};
    static const struct truth alike[GATE_TASKS] = {{0.85, 0, 0.6}, {0.6, 0, 0.6}, {0.6, 0, 0.6}};
    for (size_t task = 0; task < GATE_TASKS; task++) {
        makes[task]();
        simulate_gate_task(task, &alike[task]);
    }
    for (size_t n = 1; n <= GATE_TASKS; n += 2) {
        double share = share_that_fails(n);
        print_message("  %zu task%s: %.2f %% of gates fail\n", n, n > 1 ? "s" : "", 100 * share);
        if (share > 0.05 + errors_of(0.05, 2))
            fail_msg("%.2f %% of gates of runs that are alike fail", 100 * share);
        /* A drop is one of two directions, and Holm takes no more than it must. */
        assert_true(share > 0.01 - errors_of(0.01, 2));
    }
}

static void a_gate_finds_a_drop_of_two_points(void **state)
{
    (void)state;
    const struct truth worse = {0.85, 0.02, 0.6};
    make_pope();
    simulate_gate_task(0, &worse);
    double share = share_that_fails(1);
    print_message("  %.2f %% of gates fail\n", 100 * share);
    assert_true(share > 0.7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pope_keeps_its_promises),
        cmocka_unit_test(vsr_keeps_its_promises),
        cmocka_unit_test(gqa_keeps_its_promises),
        cmocka_unit_test(a_drop_of_two_points_is_found_as_often_as_promised),
        cmocka_unit_test(a_gate_rarely_fails_what_is_alike),
        cmocka_unit_test(a_gate_finds_a_drop_of_two_points),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
