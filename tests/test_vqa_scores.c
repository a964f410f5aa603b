#include "tests/dataset_files.h"
#include "tests/metric_task.h"

#include "datasets/dataset.h"
#include "datasets/protocol.h"
#include "metrics/evalai.h"
#include "metrics/import.h"
#include "metrics/metric.h"

#include <math.h>

#define VQAV2 "tests/data/vqav2"
#define VIZWIZ "tests/data/vizwiz"
#define TEXTVQA "tests/data/textvqa"

/* Opens the protocol on the data and answers its questions with texts, one each. */
static void open_answered(struct task *task, const char *protocol, const char *directory,
                          const char *const *texts)
{
    open_task(task, protocol, directory);
    for (size_t i = 0; i < task->set.n_samples; i++)
        task->predictions[i].text = texts[i];
}

static int is_right(const struct task *task, size_t i)
{
    return metric_find(task->protocol.metric)
        ->correct(&task->set.samples[i], &task->protocol, &task->predictions[i]);
}

/* To: ten times yes; 2, two, 3; t-shirt, a shirt, dog's bed; nine no and one yes. */
static const char *const vqav2_texts[] = {"Yes.", "Two", "the shirt", "No"};

static void the_same_answers_score_differently_under_each_protocol(void **state)
{
    (void)state;
    static const struct {
        const char *protocol;
        double yes_no, number, other; /* means of two, one and one questions */
    } cases[] = {
        /* Unanimous annotators: "Yes." is not "yes". */
        {"vqav2@official", 50, 100, 90},
        {"vqav2@llava-val", 100, 100, 90},
        /* The annotators' "two" stays "two", their "a shirt" keeps its article. */
        {"vqav2@official-2017", 100, 100, 0},
        {"vqav2@triml", 100, 100, 0},
        {"vqav2@lmms-eval", 1, 1, 0.9},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct task task;
        open_answered(&task, cases[i].protocol, VQAV2, vqav2_texts);
        score(&task);
        assert_score(&task, "answer-type/yes/no/accuracy", cases[i].yes_no);
        assert_score(&task, "answer-type/number/accuracy", cases[i].number);
        assert_score(&task, "answer-type/other/accuracy", cases[i].other);
        assert_score(&task, "question-type/what is the/accuracy", cases[i].other);
        double mean = (2 * cases[i].yes_no + cases[i].number + cases[i].other) / 4;
        assert_score(&task, "accuracy", mean);
        assert_int_equal(task.table.headline, 0);
        assert_int_equal(find(&task, "accuracy")->n, 4);
        assert_int_equal(find(&task, "answer-type/yes/no/accuracy")->n, 2);
        close_task(&task);
    }
}

static void an_interval_is_that_of_the_mean_before_rounding(void **state)
{
    (void)state;
    static const char *const texts[] = {"yes", "3", "dog's bed", "no"};
    struct task task;
    open_answered(&task, "vqav2@official", VQAV2, texts);
    score(&task);
    const struct score *accuracy = find(&task, "accuracy");
    assert_int_equal(accuracy->interval, INTERVAL_CLUSTER);
    assert_true(accuracy->low < accuracy->value && accuracy->value < accuracy->high);
    assert_true(accuracy->scale == 100);
    close_task(&task);
}

static void a_failed_sample_is_wrong_and_never_an_empty_answer(void **state)
{
    (void)state;
    struct task task;
    open_answered(&task, "vqav2@official", VQAV2, vqav2_texts);
    task.predictions[1] = (struct prediction){.failure = "no image"};
    score(&task);
    assert_int_equal(task.table.n_failed, 1);
    assert_score(&task, "answer-type/number/accuracy", 0);
    assert_contains(find(&task, "accuracy")->note, "1 failed samples count as wrong");
    assert_null(strstr(find(&task, "answer-type/other/accuracy")->note, "failed"));
    assert_int_equal(is_right(&task, 0), 0);
    assert_int_equal(is_right(&task, 1), -1);
    assert_int_equal(is_right(&task, 2), 1); /* three annotators said so */
    task.predictions[2].text = "Dog's bed";
    assert_int_equal(is_right(&task, 2), 0); /* two */
    close_task(&task);
}

static void without_public_answers_there_is_no_score(void **state)
{
    (void)state;
    static const struct {
        const char *protocol, *directory;
    } cases[] = {{"vqav2@llava", VQAV2}, {"vizwiz@llava", VIZWIZ}};
    for (size_t i = 0; i < 2; i++) {
        struct task task;
        open_answered(&task, cases[i].protocol, cases[i].directory, vqav2_texts);
        score(&task);
        assert_true(isnan(find(&task, "accuracy")->value));
        assert_contains(find(&task, "accuracy")->note, "are not public");
        close_task(&task);
    }
}

static void vizwiz_tells_what_cannot_be_answered(void **state)
{
    (void)state;
    /* To: black*5 Black*2 unanswerable*3; unanswerable*8 unsuitable*2; yes*10. */
    static const char *const texts[] = {"Unanswerable.", "unanswerable", "YES"};
    struct task task;
    open_answered(&task, "vizwiz@triml", VIZWIZ, texts);
    score(&task);
    assert_score(&task, "accuracy", 96.67);
    assert_score(&task, "answerable/accuracy", 95);
    assert_score(&task, "unanswerable/accuracy", 100);
    assert_score(&task, "unanswerable/average-precision", 50);
    assert_score(&task, "unanswerable/f1", 66.67);
    assert_score(&task, "answer-type/yes/no/accuracy", 100);
    task.predictions[0] = (struct prediction){.failure = "no image"};
    score(&task);
    assert_score(&task, "answerable/accuracy", 50);
    assert_score(&task, "unanswerable/f1", 100);
    assert_contains(find(&task, "unanswerable/f1")->note, "1 failed samples are left out");
    assert_int_equal(find(&task, "unanswerable/f1")->n, 2);
    close_task(&task);
    open_answered(&task, "vizwiz@lmms-eval", VIZWIZ, texts);
    score(&task);
    assert_score(&task, "accuracy", 2.9 / 3);
    close_task(&task);
}

static void a_part_without_questions_is_not_a_number(void **state)
{
    (void)state;
    static const char *const texts[] = {"black", "x", "yes"};
    struct task task;
    open_answered(&task, "vizwiz@triml", VIZWIZ, texts);
    static const size_t answerable[] = {0, 2};
    dataset_select(&task.set, answerable, 2);
    task.predictions[1] = task.predictions[2];
    score(&task);
    assert_score(&task, "accuracy", 100);
    assert_true(isnan(find(&task, "unanswerable/accuracy")->value));
    assert_contains(find(&task, "unanswerable/accuracy")->note, "divides by zero");
    assert_true(isnan(find(&task, "unanswerable/f1")->value));
    close_task(&task);
}

static void textvqa_is_counted_in_ones_or_hundredths(void **state)
{
    (void)state;
    static const char *const texts[] = {"Dakota", "copenhagen.", "No"};
    static const struct {
        const char *protocol;
        double accuracy;
    } cases[] = {{"textvqa@triml", 1},        {"textvqa@triml-pure", 1},
                 {"textvqa@cobra", 1},        {"textvqa@llava", 100},
                 {"textvqa@lmms-eval", 1},    {"textvqa@vlmevalkit", 100},
                 {"textvqa@lmms-eval-ocr", 1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct task task;
        open_answered(&task, cases[i].protocol, TEXTVQA, texts);
        score(&task);
        assert_score(&task, "accuracy", cases[i].accuracy);
        assert_true(find(&task, "accuracy")->scale == cases[i].accuracy);
        close_task(&task);
    }
}

static enum status import(struct task *task, const char *text, struct import_notes *notes,
                          struct error *err)
{
    struct folder folder = folder_create();
    folder_write(&folder, "results.json", text);
    char path[128];
    snprintf(path, sizeof path, "%s/results.json", folder.path);
    enum status status = predictions_import(import_format_find("evalai"), path, &task->set, true,
                                            &task->arena, &task->predictions, notes, err);
    folder_remove(&folder);
    return status;
}

#define ENTRY(id, answer) "{\"question_id\": " id ", \"answer\": " answer "}"
#define REST ENTRY("101001", "\"2\"") "," ENTRY("203000", "\"x\"") "," ENTRY("203002", "\"no\"")

static void a_result_file_must_answer_the_questions_of_the_set(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum status status;
        const char *cause;
    } cases[] = {
        {"[" ENTRY("101000", "\"yes\"") "," REST "]", STATUS_OK, ""},
        {"[" REST "]", STATUS_MISMATCH,
         "results.json: 1 questions have no answer, the first is question_id 101000"},
        {"[" ENTRY("7", "\"yes\"") "," REST "]", STATUS_MISMATCH,
         "results[0]: question_id 7 is no question of the set"},
        {"[" REST "," ENTRY("\"101000\"", "\"yes\"") "]", STATUS_MISMATCH,
         "results[3]: \"question_id\" is not a whole number"},
        {"[" ENTRY("101000.5", "\"yes\"") "]", STATUS_MISMATCH, "is not a whole number"},
        {"[" ENTRY("101000", "null") "]", STATUS_BAD_FORMAT,
         "results[0] is not an object with \"question_id\" and a text \"answer\""},
        {"[{\"question_id\": 101000}]", STATUS_BAD_FORMAT, "results[0]"},
        {"[7]", STATUS_BAD_FORMAT, "[0]: not a JSON object"},
        {ENTRY("101000", "\"yes\""), STATUS_BAD_FORMAT, "a JSON array is expected"},
        {"[" ENTRY("101000", "\"\\ud800\"") "]", STATUS_BAD_FORMAT, "[0]: line 1"},
        {"[" ENTRY("101000", "\"no\\u0000x\"") "]", STATUS_BAD_FORMAT, "[0]: an escaped NUL"},
        {"[" ENTRY("101000", "\"\xFF\"") "]", STATUS_BAD_FORMAT, "is not UTF-8"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct task task;
        struct import_notes notes;
        struct error err = {{0}};
        open_answered(&task, "vqav2@official", VQAV2, vqav2_texts);
        enum status status = import(&task, cases[i].text, &notes, &err);
        if (status != cases[i].status)
            fail_msg("case %zu: status %d, %s", i, (int)status, err.text);
        assert_contains(err.text, cases[i].cause);
        close_task(&task);
    }
}

static void of_two_results_for_a_question_the_last_counts(void **state)
{
    (void)state;
    struct task task;
    struct import_notes notes;
    struct error err = {{0}};
    open_answered(&task, "vqav2@official", VQAV2, vqav2_texts);
    assert_ok(import(&task,
                     "[" ENTRY("101000", "\"no\"") "," REST "," ENTRY("101000", "\"yes\"") "]",
                     &notes, &err),
              err);
    assert_int_equal(notes.n_duplicate, 1);
    assert_int_equal(notes.n_lines, 5);
    assert_string_equal(task.predictions[0].text, "yes");
    score(&task);
    assert_score(&task, "answer-type/yes/no/accuracy", 100);
    close_task(&task);
}

static void assert_submission(struct task *task, bool empty_for_missing, const char *expected)
{
    struct text out;
    struct error err = {{0}};
    text_init(&out);
    assert_ok(evalai_write(evalai_format_find(task->set.kind->name), &task->set, task->predictions,
                           empty_for_missing, &out, &err),
              err);
    assert_string_equal(text_string(&out), expected);
    text_release(&out);
}

static void a_submission_has_the_bytes_that_the_server_expects(void **state)
{
    (void)state;
    static const char *const texts[] = {"Caf\xC3\xA9 \"x\\y\"", "\xF0\x9F\x98\x80\x7F", "It's", ""};
    struct task task;
    open_answered(&task, "vqav2@official", VQAV2, texts);
    task.predictions[3] = (struct prediction){.failure = "no image"};
    assert_submission(&task, false,
                      "[{\"question_id\": 101000, \"answer\": \"caf\\u00e9 x y\"}, "
                      "{\"question_id\": 101001, \"answer\": \"\\ud83d\\ude00\\u007f\"}, "
                      "{\"question_id\": 203000, \"answer\": \"it 's\"}, "
                      "{\"question_id\": 203002, \"answer\": \"\"}]");
    close_task(&task);
    open_answered(&task, "textvqa@lmms-eval", TEXTVQA, texts);
    assert_submission(&task, false,
                      "[{\"question_id\": 34602, \"answer\": \"caf\\u00e9 x y\"}, "
                      "{\"question_id\": 34603, \"answer\": \"\\ud83d\\ude00\\u007f\"}, "
                      "{\"question_id\": 34604, \"answer\": \"it 's\"}]");
    close_task(&task);
}

static void a_missing_answer_stops_a_vizwiz_submission_unless_told_otherwise(void **state)
{
    (void)state;
    static const char *const texts[] = {"A cat", "x", "y"};
    struct task task;
    struct text out;
    struct error err = {{0}};
    open_answered(&task, "vizwiz@llava", VIZWIZ, texts);
    task.predictions[1] = (struct prediction){.failure = "no image"};
    text_init(&out);
    assert_int_equal(
        evalai_write(evalai_format_find("vizwiz"), &task.set, task.predictions, false, &out, &err),
        STATUS_MISMATCH);
    assert_contains(err.text, "image VizWiz_test_00000001.jpg has no answer (no image)");
    text_release(&out);
    assert_submission(&task, true,
                      "[{\"image\": \"VizWiz_test_00000000.jpg\", \"answer\": \"cat\"}, "
                      "{\"image\": \"VizWiz_test_00000001.jpg\", \"answer\": \"\"}, "
                      "{\"image\": \"VizWiz_test_00000002.jpg\", \"answer\": \"y\"}]");
    close_task(&task);
}

static void running_out_of_memory_anywhere_is_reported(void **state)
{
    (void)state;
    static const char *const texts[] = {"A dog's", "unanswerable", "Two,"};
    struct task task;
    open_answered(&task, "vizwiz@llava-val", VIZWIZ, texts);
    assert_reports_no_memory(&task, score_in);
    close_task(&task);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_answers_score_differently_under_each_protocol),
        cmocka_unit_test(an_interval_is_that_of_the_mean_before_rounding),
        cmocka_unit_test(a_failed_sample_is_wrong_and_never_an_empty_answer),
        cmocka_unit_test(without_public_answers_there_is_no_score),
        cmocka_unit_test(vizwiz_tells_what_cannot_be_answered),
        cmocka_unit_test(a_part_without_questions_is_not_a_number),
        cmocka_unit_test(textvqa_is_counted_in_ones_or_hundredths),
        cmocka_unit_test(a_result_file_must_answer_the_questions_of_the_set),
        cmocka_unit_test(of_two_results_for_a_question_the_last_counts),
        cmocka_unit_test(a_submission_has_the_bytes_that_the_server_expects),
        cmocka_unit_test(a_missing_answer_stops_a_vizwiz_submission_unless_told_otherwise),
        cmocka_unit_test(running_out_of_memory_anywhere_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
