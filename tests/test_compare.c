/* Two hand-made runs of eight questions, right in part too: what pairs, counts and lists. */
#include "tests/check.h"

#include "eval/compare.h"

#include <math.h>

enum { N = 8 };

/* What the answers earn: the metric reads it from the text. */
static double credit(const struct sample *sample, const struct protocol *protocol,
                     const struct prediction *prediction)
{
    (void)sample;
    (void)protocol;
    return prediction->failure ? 0 : strtod(prediction->text, NULL);
}

static int correct(const struct sample *sample, const struct protocol *protocol,
                   const struct prediction *prediction)
{
    return prediction->failure ? -1 : credit(sample, protocol, prediction) > 0.89;
}

static const struct metric metric = {.name = "test", .correct = correct, .credit = credit};
static const char *const label[] = {"a", "b", "a", "c", "d", "e"};

/* Three pictures; the questions 0 and 7 are the same one. */
static const struct sample samples[N] = {
    {.id = "0", .image_name = "x", .image_path = "/x", .question = "p", .answers = label},
    {.id = "1", .image_name = "x", .image_path = "/x", .question = "q", .answers = label},
    {.id = "2", .image_name = "y", .image_path = "/y", .question = "p", .answers = label},
    {.id = "3", .image_name = "y", .image_path = "/y", .question = "q", .answers = label},
    {.id = "4", .image_name = "y", .image_path = "/y", .question = "r", .answers = label},
    {.id = "5", .image_name = "z", .image_path = "/z", .question = "p", .answers = label},
    {.id = "6", .image_name = "z", .image_path = "/z", .question = "q", .answers = label},
    {.id = "7", .image_name = "x", .image_path = "/x", .question = "p", .answers = label},
};

struct side {
    struct run_answers answers;
    struct sample samples[N];
    struct prediction predictions[N];
    double credits[N];
    size_t image[N];
};

/* A run of the samples order[0..n) with their answers; "!" is a failure. */
static void make_side(struct side *side, const size_t *order, size_t n, const char *const *texts,
                      const char *manifest)
{
    *side = (struct side){.answers = {.directory = "run", .metric = &metric, .n_images = 3}};
    for (size_t i = 0; i < n; i++) {
        side->samples[i] = samples[order[i]];
        side->samples[i].n_answers = 6;
        side->predictions[i].text = texts[order[i]];
        if (texts[order[i]][0] == '!')
            side->predictions[i] = (struct prediction){.failure = "torn"};
        side->credits[i] = credit(NULL, NULL, &side->predictions[i]);
        side->image[i] = (size_t)(samples[order[i]].image_name[0] - 'x');
    }
    side->answers.task.set.samples = side->samples;
    side->answers.task.set.n_samples = n;
    side->answers.predictions = side->predictions;
    side->answers.credits = side->credits;
    side->answers.image = side->image;
    side->answers.manifest = cJSON_Parse(manifest);
    assert_non_null(side->answers.manifest);
}

#define MANIFEST(data, prompts)                                                                    \
    "{\"data\": {\"sha256\": [\"" data "\"]}, \"prompts\": {\"sha256\": \"" prompts "\"}}"

static const size_t forwards[N] = {0, 1, 2, 3, 4, 5, 6, 7};
static const size_t backwards[N] = {7, 6, 5, 4, 3, 2, 1, 0};
static const char *const first_texts[N] = {"1", "0", "1", "0.3", "0", "1", "0.9", "1"};
static const char *const second_texts[N] = {"0", "0", "0.6", "0.9", "!", "1", "1", "0"};
static const struct compare_options five = {.n_flips = 5, .n_draws = 999};

static void pairs_are_joined_by_sample(void **state)
{
    (void)state;
    struct side first, second;
    struct comparison got = {.side = 1};
    struct arena arena;
    struct error err = {{0}};
    arena_init(&arena);
    make_side(&first, forwards, N, first_texts, MANIFEST("d", "p"));
    make_side(&second, backwards, N, second_texts, MANIFEST("d", "p"));
    assert_ok(compare_pair(&got, &first.answers, &second.answers, &five, &arena, &err), err);
    assert_int_equal(got.n, N);
    assert_int_equal(got.n_images, 3);
    assert_true(fabs(got.credits[0] - 5.2 / 8) < 1e-15);
    assert_true(fabs(got.credits[1] - 3.5 / 8) < 1e-15);
    /* Sums of x, y, z: -2 of 3, -0.4 + 0.6 + 0 of 3, 0 + 0.1 of 2. */
    double mean = -1.7 / 8;
    double rests[3] = {-2 - 3 * mean, 0.2 - 3 * mean, 0.1 - 2 * mean};
    double squares = rests[0] * rests[0] + rests[1] * rests[1] + rests[2] * rests[2];
    assert_true(fabs(got.difference.mean - mean) < 1e-15);
    assert_true(fabs(got.difference.error - sqrt(1.5 * squares) / 8) < 1e-15);
    /* Of the eight sums of -2, 0.2 and 0.1 with any signs none is nearer to 0 than -1.7. */
    assert_true(got.permutation.is_exact && got.permutation.p == 1);
    assert_true(fabs(got.detectable - 2.801585218112969 * got.difference.error) < 1e-12);
    assert_int_equal(got.failed[0], 0);
    assert_int_equal(got.failed[1], 1);
    assert_null(got.caution);
    cJSON_Delete(first.answers.manifest);
    cJSON_Delete(second.answers.manifest);
    arena_release(&arena);
}

static void distinct_questions_are_counted_once(void **state)
{
    (void)state;
    struct side first, second;
    struct comparison got = {.side = 1};
    struct arena arena;
    struct error err = {{0}};
    arena_init(&arena);
    make_side(&first, forwards, N, first_texts, MANIFEST("d", "p"));
    make_side(&second, forwards, N, second_texts, MANIFEST("d", "p"));
    assert_ok(compare_pair(&got, &first.answers, &second.answers, &five, &arena, &err), err);
    assert_int_equal(got.n_pairs, N - 1);
    assert_int_equal(got.only[0], 2); /* x p (once) and y p */
    assert_int_equal(got.only[1], 1); /* y q */
    assert_true(got.p_mcnemar == 1);
    cJSON_Delete(first.answers.manifest);
    cJSON_Delete(second.answers.manifest);
    arena_release(&arena);
}

static void flips_are_listed_by_their_size(void **state)
{
    (void)state;
    struct side first, second;
    struct comparison got = {.side = 1};
    struct compare_options two = five;
    struct arena arena;
    struct error err = {{0}};
    arena_init(&arena);
    two.n_flips = 2;
    make_side(&first, forwards, N, first_texts, MANIFEST("d", "p"));
    make_side(&second, forwards, N, second_texts, MANIFEST("d", "p"));
    assert_ok(compare_pair(&got, &first.answers, &second.answers, &two, &arena, &err), err);
    assert_int_equal(got.fell.n, 3); /* 0, 2 and 7; a failure that earned nothing before is none */
    assert_int_equal(got.fell.n_listed, 2);
    assert_string_equal(got.fell.listed[0].id, "0");
    assert_string_equal(got.fell.listed[1].id, "7");
    assert_string_equal(got.fell.listed[0].image_path, "/x");
    assert_string_equal(got.fell.listed[0].label, "a, b, c, d");
    assert_string_equal(got.fell.listed[0].answers[0], "1");
    assert_string_equal(got.fell.listed[0].answers[1], "0");
    assert_int_equal(got.rose.n, 2);
    assert_string_equal(got.rose.listed[0].id, "3");
    assert_string_equal(got.rose.listed[1].id, "6");
    assert_true(got.rose.listed[0].credits[0] == 0.3 && got.rose.listed[0].credits[1] == 0.9);
    cJSON_Delete(first.answers.manifest);
    cJSON_Delete(second.answers.manifest);
    arena_release(&arena);
}

/* What comes of runs with n samples of the second and its manifest, and what err then says. */
static enum status pair(size_t n, const char *manifest, const struct compare_options *options,
                        struct comparison *got, struct arena *arena, struct error *err)
{
    struct side first, second;
    *got = (struct comparison){.side = 1};
    make_side(&first, forwards, N, first_texts, MANIFEST("d", "p"));
    make_side(&second, backwards, n, second_texts, manifest);
    enum status status = compare_pair(got, &first.answers, &second.answers, options, arena, err);
    cJSON_Delete(first.answers.manifest);
    cJSON_Delete(second.answers.manifest);
    return status;
}

static void what_differs_must_be_allowed(void **state)
{
    (void)state;
    static const struct {
        size_t n;
        const char *manifest, *says;
        struct compare_options allowed;
    } rows[] = {
        {N, MANIFEST("e", "p"), "--allow-different-data", {.pairing = {.other_data = true}}},
        {N, MANIFEST("d", "q"), "--allow-different-prompts", {.pairing = {.other_prompts = true}}},
        {N,
         "{}",
         "--allow-different-data",
         {.pairing = {.other_data = true, .other_prompts = true}}},
        {5, MANIFEST("d", "q"), "--allow-different-samples", {.pairing = {.other_samples = true}}},
    };
    struct arena arena;
    struct comparison got;
    arena_init(&arena);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct error err = {{0}};
        assert_int_equal(pair(rows[i].n, rows[i].manifest, &five, &got, &arena, &err),
                         STATUS_MISMATCH);
        assert_contains(err.text, rows[i].says);
        assert_ok(pair(rows[i].n, rows[i].manifest, &rows[i].allowed, &got, &arena, &err), err);
        assert_int_equal(got.n, rows[i].n);
        assert_non_null(got.caution);
    }
    struct error err = {{0}};
    assert_int_equal(pair(0, MANIFEST("d", "p"), &rows[3].allowed, &got, &arena, &err),
                     STATUS_MISMATCH);
    assert_contains(err.text, "no sample in common");
    arena_release(&arena);
}

static void no_memory_is_told(void **state)
{
    (void)state;
    for (long n = 1;; n++) {
        struct side first, second;
        struct comparison got = {.side = 1};
        struct arena arena;
        struct error err = {{0}};
        arena_init(&arena);
        make_side(&first, forwards, N, first_texts, MANIFEST("d", "p"));
        make_side(&second, backwards, N, second_texts, MANIFEST("d", "p"));
        fail_allocation(n);
        enum status status =
            compare_pair(&got, &first.answers, &second.answers, &five, &arena, &err);
        int struck = allocation_has_failed();
        fail_allocation(0);
        cJSON_Delete(first.answers.manifest);
        cJSON_Delete(second.answers.manifest);
        arena_release(&arena);
        assert_int_equal(status, struck ? STATUS_NO_MEMORY : STATUS_OK);
        if (!struck)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs_are_joined_by_sample),
        cmocka_unit_test(distinct_questions_are_counted_once),
        cmocka_unit_test(flips_are_listed_by_their_size),
        cmocka_unit_test(what_differs_must_be_allowed),
        cmocka_unit_test(no_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
