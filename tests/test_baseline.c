#include "tests/metric_task.h"

#include "metrics/baseline.h"
#include "metrics/label_counts.h"
#include "metrics/metric.h"

#include <math.h>

#define POPE "tests/data/pope"
#define VSR "tests/data/vsr"
#define GQA "tests/data/gqa"
#define VQAV2 "tests/data/vqav2"
#define VIZWIZ "tests/data/vizwiz"
#define TEXTVQA "tests/data/textvqa"

static void floors_are_scored_like_a_model(void **state)
{
    (void)state;
    struct task task;
    struct error err = {{0}};
    struct score_floor floors[N_BASELINES];
    size_t n_floors;
    open_task(&task, "vsr@triml", VSR);
    assert_ok(score_floors(&task.set, &task.protocol, 1, &task.arena, floors, &n_floors, &err),
              err);
    static const char *const names[] = {"yes", "no", "majority", "random"};
    assert_int_equal(n_floors, 4); /* types are for open answers */
    for (size_t i = 0; i < n_floors; i++)
        assert_ptr_equal(floors[i].baseline, baseline_find(names[i]));
    assert_true(score_find(&floors[0].table, "accuracy")->value == 0.5);
    assert_true(score_find(&floors[1].table, "true-ratio")->value == 0);
    assert_true(score_find(&floors[2].table, "true-ratio")->value == 1); /* a tie: the first */
    close_task(&task);
    open_task(&task, "pope@llava", POPE);
    assert_ok(score_floors(&task.set, &task.protocol, 1, &task.arena, floors, &n_floors, &err),
              err);
    assert_true(score_find(&floors[0].table, "pooled/accuracy")->value == 11.0 / 20);
    assert_true(score_find(&floors[1].table, "pooled/accuracy")->value == 9.0 / 20);
    assert_true(score_find(&floors[2].table, "pooled/accuracy")->value == 11.0 / 20);
    close_task(&task);
}

static void baselines_answer_in_the_protocols_words(void **state)
{
    (void)state;
    struct task task;
    struct error err = {{0}};
    open_task(&task, "vsr@triml", VSR);
    assert_ok(baseline_predict(baseline_find("baseline:no"), &task.set, &task.protocol, 0,
                               &task.arena, &task.predictions, &err),
              err);
    assert_string_equal(task.predictions[0].text, "False");
    assert_true(task.predictions[0].probabilities[1] == 1);
    assert_string_equal(task.predictions[0].sample_id, "0");
    close_task(&task);
    open_task(&task, "pope@llava", POPE);
    assert_ok(baseline_predict(baseline_find("yes"), &task.set, &task.protocol, 0, &task.arena,
                               &task.predictions, &err),
              err);
    assert_string_equal(task.predictions[0].text, "Yes");
    assert_null(task.predictions[0].probabilities);
    assert_null(baseline_find("baseline:perhaps"));
    close_task(&task);
}

static void chance_depends_on_seed_and_id_but_not_on_order(void **state)
{
    (void)state;
    struct task task;
    struct error err = {{0}};
    const struct baseline *chance = baseline_find("baseline:random");
    struct prediction *first, *turned, *other;
    open_task(&task, "pope@triml", POPE);
    size_t n = task.set.n_samples, indices[20], n_same = 0, n_yes = 0;
    assert_int_equal(n, 20);
    assert_ok(baseline_predict(chance, &task.set, &task.protocol, 7, &task.arena, &first, &err),
              err);
    for (size_t i = 0; i < n; i++)
        indices[i] = n - 1 - i;
    dataset_select(&task.set, indices, n);
    assert_ok(baseline_predict(chance, &task.set, &task.protocol, 7, &task.arena, &turned, &err),
              err);
    assert_ok(baseline_predict(chance, &task.set, &task.protocol, 8, &task.arena, &other, &err),
              err);
    for (size_t i = 0; i < n; i++) {
        assert_true(first[i].probabilities[0] == turned[n - 1 - i].probabilities[0]);
        n_same += turned[i].probabilities[0] == other[i].probabilities[0];
        n_yes += strcmp(first[i].text, "Yes") == 0;
    }
    assert_int_equal(n_same, 0);
    assert_true(n_yes > 0 && n_yes < n);
    close_task(&task);
}

/* The official scorer compares to the letter: "Yes" would be a floor of 0. */
static void floors_answer_in_the_references_letters(void **state)
{
    (void)state;
    struct task task;
    struct error err = {{0}};
    struct score_floor floors[N_BASELINES];
    size_t n_floors;
    size_t n_yes = 0, n_no = 0;
    open_task(&task, "gqa@official", GQA);
    for (size_t i = 0; i < task.set.n_samples; i++) {
        n_yes += strcmp(task.set.samples[i].answers[0], "yes") == 0;
        n_no += strcmp(task.set.samples[i].answers[0], "no") == 0;
    }
    assert_true(n_yes > 0 && n_no > 0 && n_yes + n_no < task.set.n_samples);
    assert_ok(score_floors(&task.set, &task.protocol, 1, &task.arena, floors, &n_floors, &err),
              err);
    double of_yes = score_find(&floors[0].table, "accuracy")->value;
    double of_no = score_find(&floors[1].table, "accuracy")->value;
    assert_true(of_yes == 100 * ((double)n_yes / (double)task.set.n_samples));
    assert_true(of_no == 100 * ((double)n_no / (double)task.set.n_samples));
    assert_true(score_find(&floors[2].table, "accuracy")->value == fmax(of_yes, of_no));
    close_task(&task);
}

/* Questions of one type that n annotators each answered alike. */
struct block {
    size_t n_questions;
    const char *type;
    const char *answers[10];
};

/* A synthetic set, without files. */
static void make_task(struct task *task, const char *protocol, const struct block *blocks, size_t n)
{
    struct error err = {{0}};
    arena_init(&task->arena);
    arena_init(&task->set.arena);
    assert_ok(protocol_open(&task->protocol, protocol, &task->arena, &err), err);
    size_t n_samples = 0, at = 0;
    for (size_t b = 0; b < n; b++)
        n_samples += blocks[b].n_questions;
    struct sample *samples = arena_alloc(&task->arena, n_samples, sizeof *samples);
    for (size_t b = 0; b < n; b++)
        for (size_t q = 0; q < blocks[b].n_questions; q++, at++) {
            samples[at] = (struct sample){.id = arena_printf(&task->arena, "%zu", at),
                                          .image_name = "one.jpg",
                                          .question = "?",
                                          .answers = blocks[b].answers,
                                          .group = blocks[b].type};
            while (samples[at].n_answers < 10 && blocks[b].answers[samples[at].n_answers])
                samples[at].n_answers += 1;
        }
    task->set = (struct dataset){
        .kind = task->protocol.dataset, .samples = samples, .n_samples = n_samples, .n_images = 1};
}

static const char *answer_of(struct task *task, const char *baseline, uint64_t seed, size_t i)
{
    struct error err = {{0}};
    assert_ok(baseline_predict(baseline_find(baseline), &task->set, &task->protocol, seed,
                               &task->arena, &task->predictions, &err),
              err);
    return task->predictions[i].text;
}

static void the_majority_counts_every_annotator(void **state)
{
    (void)state;
    /* "red" is the first answer of two questions of three; "blue" was written more often. */
    static const struct block blocks[] = {
        {2, NULL, {"red", "red", "blue", "blue", "blue", "red", "red", "blue", "blue", "green"}},
        {1, NULL, {"blue", "green", "green", "green", "gray", "gray", "tan", "tan", "red", "red"}}};
    struct task task;
    make_task(&task, "vqav2@triml", blocks, 2);
    assert_string_equal(answer_of(&task, "majority", 0, 2), "blue");
    assert_null(task.predictions[0].probabilities);
    assert_string_equal(answer_of(&task, "yes", 0, 0), "yes");
    assert_string_equal(answer_of(&task, "no", 0, 2), "no");
    close_task(&task);
}

static void spellings_that_the_scorer_joins_count_together(void **state)
{
    (void)state;
    static const struct block blocks[] = {
        {1, NULL, {"cat", "cat", "cat", "cat", "2", "two", "two", "Two.", "2.", "dog"}}};
    struct task task;
    make_task(&task, "vqav2@lmms-eval", blocks, 1);
    assert_string_equal(answer_of(&task, "majority", 0, 0), "two");
    close_task(&task);
    /* VizWiz compares to the letter. */
    make_task(&task, "vizwiz@triml", blocks, 1);
    assert_string_equal(answer_of(&task, "majority", 0, 0), "cat");
    close_task(&task);
}

static void a_tie_goes_to_the_first_in_byte_order(void **state)
{
    (void)state;
    static const struct block blocks[] = {
        {1, NULL, {"b", "b", "Z", "Z", "a b", "a b", "ab", "ab", "c", "d"}}};
    struct task task;
    make_task(&task, "vqav2@triml", blocks, 1);
    assert_string_equal(answer_of(&task, "majority", 0, 0), "Z");
    close_task(&task);
}

static void a_type_of_enough_questions_has_a_majority_of_its_own(void **state)
{
    (void)state;
    static const struct block blocks[] = {{LABEL_FEWEST_OF_TYPE, "is the", {"yes"}},
                                          {LABEL_FEWEST_OF_TYPE, "how many", {"2"}},
                                          {LABEL_FEWEST_OF_TYPE - 1, "what is", {"a dog"}},
                                          {1, NULL, {"yes"}}};
    struct task task;
    make_task(&task, "gqa@official", blocks, 4);
    static const char *const expected[] = {"yes", "2", "yes", "yes"};
    for (size_t b = 0, at = 0; b < 4; at += blocks[b++].n_questions)
        assert_string_equal(answer_of(&task, "majority-by-type", 0, at), expected[b]);
    close_task(&task);
    make_task(&task, "gqa@official", blocks + 2, 2);
    struct error err = {{0}};
    assert_int_equal(baseline_predict(baseline_find("majority-by-type"), &task.set, &task.protocol,
                                      0, &task.arena, &task.predictions, &err),
                     STATUS_UNSUPPORTED);
    assert_contains(err.text, "question type of 30 questions");
    close_task(&task);
}

/* 4,000 draws from 60, 30 and 10 percent: three standard deviations are 93, 87 and 57. */
static void chance_draws_the_labels_as_often_as_they_stand(void **state)
{
    (void)state;
    static const struct block blocks[] = {
        {4000, NULL, {"yes", "yes", "yes", "2", "2", "2", "yes", "yes", "yes", "a cat"}}};
    static const struct {
        const char *label;
        int n, margin;
    } expected[] = {{"yes", 2400, 93}, {"2", 1200, 87}, {"a cat", 400, 57}};
    struct task task;
    make_task(&task, "vqav2@triml", blocks, 1);
    answer_of(&task, "random", 3, 0);
    const struct prediction *first = task.predictions;
    int n_all = 0, n_other = 0;
    for (size_t e = 0; e < 3; e++) {
        int n = 0;
        for (size_t i = 0; i < task.set.n_samples; i++)
            n += strcmp(first[i].text, expected[e].label) == 0;
        assert_in_range(n, expected[e].n - expected[e].margin, expected[e].n + expected[e].margin);
        n_all += n;
    }
    assert_int_equal(n_all, task.set.n_samples);
    answer_of(&task, "random", 4, 0);
    for (size_t i = 0; i < task.set.n_samples; i++)
        n_other += strcmp(first[i].text, task.predictions[i].text) != 0;
    assert_true(n_other > 1000);
    close_task(&task);
}

static void open_chance_does_not_depend_on_the_order(void **state)
{
    (void)state;
    static const struct block blocks[] = {{50, NULL, {"cat", "dog", "owl"}},
                                          {50, NULL, {"owl", "bat", "yes"}}};
    struct task task;
    make_task(&task, "vqav2@triml", blocks, 2);
    answer_of(&task, "random", 1, 0);
    const struct prediction *first = task.predictions;
    size_t indices[100];
    for (size_t i = 0; i < 100; i++)
        indices[i] = 99 - i;
    dataset_select(&task.set, indices, 100);
    answer_of(&task, "random", 1, 0);
    for (size_t i = 0; i < 100; i++)
        assert_string_equal(first[i].text, task.predictions[99 - i].text);
    close_task(&task);
}

/* Each floor is the score of the baseline's own answers, on every benchmark of open answers. */
static void open_answers_have_floors(void **state)
{
    (void)state;
    static const struct {
        const char *protocol, *directory;
    } cases[] = {{"vqav2@official", VQAV2},
                 {"vizwiz@triml", VIZWIZ},
                 {"textvqa@llava", TEXTVQA},
                 {"gqa@llava", GQA}};
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        struct task task;
        struct error err = {{0}};
        struct score_floor floors[N_BASELINES];
        struct score_table table;
        size_t n_floors = 0;
        open_task(&task, cases[c].protocol, cases[c].directory);
        assert_ok(score_floors(&task.set, &task.protocol, 5, &task.arena, floors, &n_floors, &err),
                  err);
        assert_int_equal(n_floors, 4);
        for (size_t i = 0; i < n_floors; i++) {
            answer_of(&task, floors[i].baseline->name, 5, 0);
            assert_ok(score_predictions(&task.set, &task.protocol, task.predictions, &task.arena,
                                        &table, &err),
                      err);
            assert_true(table.scores[0].value == floors[i].table.scores[0].value);
        }
        close_task(&task);
    }
}

static void a_set_without_answers_has_no_floors(void **state)
{
    (void)state;
    struct task task;
    struct error err = {{0}};
    struct score_floor floors[N_BASELINES];
    size_t n_floors = 9;
    open_task(&task, "vqav2@llava", VQAV2);
    assert_int_equal(
        score_floors(&task.set, &task.protocol, 1, &task.arena, floors, &n_floors, &err),
        STATUS_UNSUPPORTED);
    assert_int_equal(n_floors, 0);
    assert_contains(err.text, task.set.samples[0].id);
    assert_contains(err.text, "not public");
    close_task(&task);
}

static enum status floors_in(struct task *task, struct arena *arena, struct error *err)
{
    struct score_floor floors[N_BASELINES];
    size_t n_floors;
    return score_floors(&task->set, &task->protocol, 1, arena, floors, &n_floors, err);
}

static void running_out_of_memory_anywhere_is_reported(void **state)
{
    (void)state;
    static const struct {
        const char *protocol, *directory;
    } cases[] = {{"pope@llava", POPE},       {"pope@triml", POPE},
                 {"pope@lmms-eval", POPE},   {"vsr@triml", VSR},
                 {"vqav2@official", VQAV2},  {"vizwiz@triml", VIZWIZ},
                 {"textvqa@llava", TEXTVQA}, {"gqa:testdev-all@official", GQA}};
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        struct task task;
        open_task(&task, cases[c].protocol, cases[c].directory);
        assert_reports_no_memory(&task, floors_in);
        close_task(&task);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(floors_are_scored_like_a_model),
        cmocka_unit_test(baselines_answer_in_the_protocols_words),
        cmocka_unit_test(chance_depends_on_seed_and_id_but_not_on_order),
        cmocka_unit_test(floors_answer_in_the_references_letters),
        cmocka_unit_test(the_majority_counts_every_annotator),
        cmocka_unit_test(spellings_that_the_scorer_joins_count_together),
        cmocka_unit_test(a_tie_goes_to_the_first_in_byte_order),
        cmocka_unit_test(a_type_of_enough_questions_has_a_majority_of_its_own),
        cmocka_unit_test(chance_draws_the_labels_as_often_as_they_stand),
        cmocka_unit_test(open_chance_does_not_depend_on_the_order),
        cmocka_unit_test(open_answers_have_floors),
        cmocka_unit_test(a_set_without_answers_has_no_floors),
        cmocka_unit_test(running_out_of_memory_anywhere_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
