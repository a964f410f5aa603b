#include "tests/metric_task.h"

#include "metrics/baseline.h"
#include "metrics/metric.h"

#include <math.h>

#define POPE "tests/data/pope"
#define VSR "tests/data/vsr"

static void answer_all(struct task *task, const char *text, double p_first)
{
    double *pair = arena_alloc(&task->arena, 2, sizeof *pair);
    pair[0] = p_first;
    pair[1] = 1 - p_first;
    for (size_t i = 0; i < task->set.n_samples; i++)
        task->predictions[i] = (struct prediction){
            .sample_id = task->set.samples[i].id, .text = text, .probabilities = pair};
}

static void assert_not_a_number(const struct task *task, const char *name, const char *note)
{
    assert_true(isnan(find(task, name)->value));
    assert_true(isnan(find(task, name)->low));
    assert_contains(find(task, name)->note, note);
}

static void pope_as_llava_scores_it(void **state)
{
    (void)state;
    struct task task;
    open_task(&task, "pope@llava", POPE);
    answer_all(&task, "Yes", 1);
    task.predictions[1].text = "No";                      /* adversarial/2: no */
    task.predictions[2].text = "There is no ladder.";     /* adversarial/3: yes */
    task.predictions[8].text = "Maybe. No.";              /* popular/2: no, reads as yes */
    task.predictions[15].text = "No, there is no ladder"; /* random/2: no */
    score(&task);
    assert_score(&task, "adversarial/tp", 3);
    assert_score(&task, "adversarial/fp", 2);
    assert_score(&task, "adversarial/tn", 1);
    assert_score(&task, "adversarial/fn", 1);
    assert_score(&task, "adversarial/accuracy", 4.0 / 7);
    assert_score(&task, "adversarial/precision", 0.6);
    assert_score(&task, "adversarial/recall", 0.75);
    assert_score(&task, "adversarial/f1", 2 * 0.6 * 0.75 / 1.35);
    assert_score(&task, "adversarial/yes-ratio", 5.0 / 7);
    assert_score(&task, "adversarial/true-yes-ratio", 4.0 / 7);
    assert_score(&task, "popular/tn", 0);
    assert_score(&task, "popular/f1", 2 * (4.0 / 7) / (4.0 / 7 + 1));
    assert_score(&task, "random/tn", 1);
    assert_score(&task, "pooled/tp", 10);
    assert_score(&task, "pooled/accuracy", 12.0 / 20);
    double mean = (2 * 0.6 * 0.75 / 1.35 + 2 * (4.0 / 7) / (4.0 / 7 + 1) + 0.75) / 3;
    assert_score(&task, "mean/f1", mean);
    assert_string_equal(task.table.scores[task.table.headline].name, "mean/f1");
    assert_int_equal(find(&task, "adversarial/precision")->n, 5);
    assert_int_equal(find(&task, "adversarial/f1")->n, 7);
    assert_int_equal(task.table.n_samples, 20);
    assert_int_equal(task.table.n_failed, 0);
    assert_int_equal(task.table.n_images, 3);
    close_task(&task);
}

static void unclear_texts_are_counted_beside_the_scores(void **state)
{
    (void)state;
    struct task task;
    open_task(&task, "pope@llava", POPE);
    answer_all(&task, "Yes", 1);
    task.predictions[0].text = "";
    task.predictions[1].text = "maybe";
    task.predictions[2].text = "yes and no";
    score(&task);
    assert_score(&task, "adversarial/unparsed", 3);
    assert_score(&task, "pooled/unparsed", 3);
    /* An empty answer reads as yes under this rule. */
    assert_score(&task, "adversarial/tp", 3);
    close_task(&task);
}

static void a_failed_sample_is_wrong_and_never_an_answer(void **state)
{
    (void)state;
    struct task task;
    open_task(&task, "pope@llava", POPE);
    answer_all(&task, "Yes", 1);
    task.predictions[0] = (struct prediction){.failure = "no image"}; /* yes */
    task.predictions[1] = (struct prediction){.failure = "no image"}; /* no */
    score(&task);
    assert_int_equal(task.table.n_failed, 2);
    assert_score(&task, "adversarial/tp", 3);
    assert_score(&task, "adversarial/fp", 2);
    assert_score(&task, "adversarial/failed", 2);
    assert_score(&task, "adversarial/accuracy", 3.0 / 7);
    assert_score(&task, "adversarial/recall", 0.75);
    assert_score(&task, "adversarial/precision", 0.6);
    assert_score(&task, "adversarial/yes-ratio", 1);
    assert_int_equal(find(&task, "adversarial/accuracy")->n, 7);
    assert_contains(find(&task, "adversarial/accuracy")->note, "2 failed samples count as wrong");
    assert_null(score_find(&task.table, "random/failed"));
    const struct metric *metric = metric_find("yes-no-text");
    assert_int_equal(metric->correct(&task.set.samples[0], &task.protocol, &task.predictions[0]),
                     -1);
    assert_int_equal(metric->correct(&task.set.samples[2], &task.protocol, &task.predictions[2]),
                     1);
    assert_int_equal(metric->correct(&task.set.samples[3], &task.protocol, &task.predictions[3]),
                     0);
    close_task(&task);
}

static void zero_over_zero_is_not_a_number_with_a_reason(void **state)
{
    (void)state;
    struct task task;
    open_task(&task, "pope@llava", POPE);
    answer_all(&task, "No", 0);
    score(&task);
    assert_not_a_number(&task, "random/precision", "no answer says yes");
    assert_not_a_number(&task, "random/f1", "0/0");
    assert_not_a_number(&task, "mean/f1", "undefined in a group");
    assert_score(&task, "random/recall", 0);
    close_task(&task);
}

static void lmms_eval_wants_the_very_word(void **state)
{
    (void)state;
    struct task task;
    open_task(&task, "pope@lmms-eval", POPE);
    answer_all(&task, " YES\n", 1);
    task.predictions[0].text = "Yes."; /* yes: wrong, and in no other count */
    task.predictions[1].text = "No";
    score(&task);
    assert_score(&task, "pooled/tp", 10);
    assert_score(&task, "pooled/fn", 0);
    assert_score(&task, "pooled/accuracy", 11.0 / 20);
    assert_score(&task, "pooled/recall", 1);
    assert_score(&task, "pooled/precision", 10.0 / 18);
    assert_score(&task, "pooled/true-yes-ratio", 11.0 / 20);
    answer_all(&task, "nothing", 1);
    score(&task);
    assert_score(&task, "pooled/f1", 0);
    close_task(&task);
}

static void vlmevalkit_reports_hundredths_and_takes_unknown_for_not_yes(void **state)
{
    (void)state;
    struct task task;
    open_task(&task, "pope@lmms-eval", POPE);
    task.protocol.metric = "yes-no-words";
    answer_all(&task, "Yes!", 1);
    task.predictions[0].text = "hard to say"; /* yes */
    task.predictions[1].text = "hard to say"; /* no */
    score(&task);
    assert_score(&task, "pooled/recall", 100 * 10.0 / 11);
    assert_score(&task, "pooled/precision", 100 * 10.0 / 18);
    assert_score(&task, "pooled/accuracy", 50);
    assert_true(find(&task, "pooled/accuracy")->scale == 100);
    assert_true(find(&task, "pooled/accuracy")->high <= 100);
    assert_true(find(&task, "pooled/accuracy")->high > 50);
    close_task(&task);
}

static void pope_as_tri_scores_it(void **state)
{
    (void)state;
    struct task task;
    open_task(&task, "pope@triml", POPE);
    answer_all(&task, NULL, 0.5); /* ties go to the first choice, yes */
    static const double no[2] = {0.25, 0.75};
    task.predictions[1].probabilities = no;
    score(&task);
    assert_score(&task, "adversarial/accuracy", 5.0 / 7);
    assert_score(&task, "popular/accuracy", 4.0 / 7);
    assert_score(&task, "random/accuracy", 0.5);
    assert_score(&task, "final/accuracy", (5.0 / 7 + 4.0 / 7 + 0.5) / 3);
    assert_score(&task, "pooled/accuracy", 12.0 / 20);
    assert_score(&task, "popular/auc-roc", 0.5);
    assert_score(&task, "adversarial/auc-roc", 0.5 + 0.5 / 3);
    assert_score(&task, "final/auc-roc", 0.5 + 0.5 / 9);
    assert_score(&task, "adversarial/auc-pr", 4.0 / 6);
    assert_score(&task, "adversarial/f1", 0.8);
    assert_string_equal(task.table.scores[task.table.headline].name, "final/accuracy");
    close_task(&task);
}

static void failed_samples_are_left_out_of_areas(void **state)
{
    (void)state;
    struct task task;
    open_task(&task, "pope@triml", POPE);
    answer_all(&task, NULL, 0.75);
    task.predictions[0] = (struct prediction){.failure = "x"};
    score(&task);
    assert_int_equal(find(&task, "adversarial/auc-roc")->n, 6);
    assert_contains(find(&task, "adversarial/auc-roc")->note, "1 failed samples are left out");
    assert_score(&task, "adversarial/accuracy", 3.0 / 7);
    close_task(&task);
}

static void areas_without_a_meaning_say_why(void **state)
{
    (void)state;
    struct task task;
    open_task(&task, "pope@triml", POPE);
    answer_all(&task, NULL, 0.75);
    static const size_t only_yes[] = {0, 2, 4};
    dataset_select(&task.set, only_yes, 3);
    score(&task);
    assert_not_a_number(&task, "adversarial/auc-roc", "only one class");
    assert_contains(find(&task, "final/accuracy")->note, "over 1 of 3 splits");
    static const double nan_pair[2] = {NAN, NAN};
    task.predictions[0].probabilities = nan_pair;
    score(&task);
    assert_not_a_number(&task, "final/auc-pr", "a probability is NaN");
    /* NaN goes to the first choice. */
    assert_score(&task, "adversarial/accuracy", 1);
    close_task(&task);
}

static void vsr_with_its_breakdowns(void **state)
{
    (void)state;
    struct task task;
    open_task(&task, "vsr@triml", VSR);
    answer_all(&task, NULL, 0.9);
    static const double no[2] = {0.25, 0.75};
    task.predictions[5].probabilities = no;
    task.predictions[3] = (struct prediction){.failure = "no image"};
    score(&task);
    assert_score(&task, "accuracy", 4.0 / 6);
    assert_int_equal(find(&task, "accuracy")->n, 6);
    assert_contains(find(&task, "accuracy")->note, "1 failed samples count as wrong");
    assert_score(&task, "auc-roc", 0.75);
    assert_int_equal(find(&task, "auc-roc")->n, 5);
    assert_score(&task, "true-ratio", 0.8);
    assert_score(&task, "label-true-ratio", 0.5);
    assert_score(&task, "relation/behind/accuracy", 1);
    assert_score(&task, "relation/among/accuracy", 0);
    assert_score(&task, "category/Projective/accuracy", 2.0 / 3);
    assert_score(&task, "category/Unallocated/accuracy", 0);
    assert_null(score_find(&task.table, "category/congruent/accuracy"));
    assert_score(&task, "relation/congruent/accuracy", 1);
    /* Relations by falling count, ties as in the file; categories by falling accuracy. */
    size_t behind = (size_t)(find(&task, "relation/behind/accuracy") - task.table.scores);
    assert_string_equal(task.table.scores[behind + 1].name, "relation/on top of/accuracy");
    assert_string_equal(task.table.scores[behind + 2].name, "relation/touching/accuracy");
    size_t best = (size_t)(find(&task, "category/Topological/accuracy") - task.table.scores);
    assert_string_equal(task.table.scores[best + 1].name, "category/Projective/accuracy");
    assert_string_equal(task.table.scores[task.table.headline].name, "accuracy");
    close_task(&task);
}

static void answers_that_lack_what_the_metric_reads_are_refused(void **state)
{
    (void)state;
    struct task task;
    struct error err = {{0}};
    open_task(&task, "pope@triml", POPE);
    answer_all(&task, "Yes", 1);
    task.predictions[4].probabilities = NULL;
    assert_int_equal(score_predictions(&task.set, &task.protocol, task.predictions, &task.arena,
                                       &task.table, &err),
                     STATUS_MISMATCH);
    assert_contains(err.text, "the answer to adversarial/5 has no probabilities");
    task.protocol.metric = "bleu";
    assert_int_equal(score_predictions(&task.set, &task.protocol, task.predictions, &task.arena,
                                       &task.table, &err),
                     STATUS_NOT_FOUND);
    assert_contains(err.text, "there is no metric 'bleu'; there is: yes-no-likelihood");
    task.protocol.metric = "yes-no-text";
    task.protocol.headline = "bleu-4";
    assert_int_equal(score_predictions(&task.set, &task.protocol, task.predictions, &task.arena,
                                       &task.table, &err),
                     STATUS_MISMATCH);
    assert_contains(err.text, "gives no score 'bleu-4'");
    close_task(&task);
}

static void always_true_on_the_real_vsr_is_right_629_times(void **state)
{
    (void)state;
    const char *shared = shared_or_skip(__func__);
    if (!shared)
        skip();
    char path[512];
    snprintf(path, sizeof path, "%s/data/vsr", shared);
    struct task task;
    struct error err = {{0}};
    open_task(&task, "vsr@triml", path);
    assert_ok(baseline_predict(baseline_find("baseline:yes"), &task.set, &task.protocol, 0,
                               &task.arena, &task.predictions, &err),
              err);
    score(&task);
    assert_score(&task, "accuracy", 629.0 / 1222);
    static const struct {
        const char *name;
        size_t n;
    } counts[] = {{"category/Topological/accuracy", 492},
                  {"category/Projective/accuracy", 451},
                  {"category/Adjacency/accuracy", 116},
                  {"category/Orientation/accuracy", 49},
                  {"category/Directional/accuracy", 42},
                  {"category/Unallocated/accuracy", 40},
                  {"category/Proximity/accuracy", 32},
                  {"relation/under/accuracy", 107},
                  {"relation/off/accuracy", 1}};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        assert_int_equal(find(&task, counts[i].name)->n, counts[i].n);
    close_task(&task);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pope_as_llava_scores_it),
        cmocka_unit_test(unclear_texts_are_counted_beside_the_scores),
        cmocka_unit_test(a_failed_sample_is_wrong_and_never_an_answer),
        cmocka_unit_test(zero_over_zero_is_not_a_number_with_a_reason),
        cmocka_unit_test(lmms_eval_wants_the_very_word),
        cmocka_unit_test(vlmevalkit_reports_hundredths_and_takes_unknown_for_not_yes),
        cmocka_unit_test(pope_as_tri_scores_it),
        cmocka_unit_test(failed_samples_are_left_out_of_areas),
        cmocka_unit_test(areas_without_a_meaning_say_why),
        cmocka_unit_test(vsr_with_its_breakdowns),
        cmocka_unit_test(answers_that_lack_what_the_metric_reads_are_refused),
        cmocka_unit_test(always_true_on_the_real_vsr_is_right_629_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
