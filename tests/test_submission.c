/* Submissions, byte for byte. */
#include "tests/metric_task.h"

#include "metrics/submission.h"

/* A protocol on the first n samples of a folder. */
static void open_first(struct task *task, const char *protocol, const char *directory, size_t n)
{
    size_t indices[8];
    for (size_t i = 0; i < n; i++)
        indices[i] = i;
    open_task(task, protocol, directory);
    dataset_select(&task->set, indices, n);
}

static void assert_submits(struct task *task, submission_writer *write, const char *expected)
{
    struct text out;
    struct error err = {{0}};
    text_init(&out);
    assert_ok(write(&task->set, &task->protocol, task->predictions, NULL, &out, &err), err);
    assert_string_equal(text_string(&out), expected);
    text_release(&out);
}

static void assert_refuses(struct task *task, submission_writer *write, const char *split,
                           enum status expected, const char *cause)
{
    struct text out;
    struct error err = {{0}};
    text_init(&out);
    assert_int_equal(write(&task->set, &task->protocol, task->predictions, split, &out, &err),
                     expected);
    assert_contains(err.text, cause);
    text_release(&out);
}

static void gqa_wants_a_list_of_cleaned_answers(void **state)
{
    (void)state;
    struct task task;
    open_first(&task, "gqa@llava", "tests/data/gqa", 3);
    task.predictions[0].text = "No.";
    task.predictions[1].text = "Caf\xC3\xA9 \"X\"\n";
    task.predictions[2].text = "";
    assert_submits(&task, submission_add_gqa,
                   "[{\"questionId\": \"201307251\", \"prediction\": \"no\"}, {\"questionId\": "
                   "\"201640614\", \"prediction\": \"caf\\u00e9 \\\"x\\\"\\n\"}, "
                   "{\"questionId\": \"201640616\", \"prediction\": \"\"}]");
    task.predictions[1] = (struct prediction){.failure = "no image"};
    assert_refuses(&task, submission_add_gqa, NULL, STATUS_MISMATCH,
                   "201640614 has no answer (no image)");
    task.protocol.metric = "yes-no-text";
    assert_refuses(&task, submission_add_gqa, NULL, STATUS_MISMATCH, "is no protocol of GQA");
    close_task(&task);
}

static void pope_wants_a_line_a_question_of_one_split(void **state)
{
    (void)state;
    static const double yes[2] = {0.5, 0.5};
    struct task task;
    struct text out;
    struct error err = {{0}};
    open_first(&task, "pope@triml", "tests/data/pope", 8);
    for (size_t i = 0; i < 8; i++)
        task.predictions[i].text = "No";
    task.predictions[7] = (struct prediction){.probabilities = yes}; /* popular/1 */
    text_init(&out);
    assert_ok(
        submission_add_pope(&task.set, &task.protocol, task.predictions, "popular", &out, &err),
        err);
    assert_contains(text_string(&out), "{\"question\": \"Is there a ");
    assert_contains(text_string(&out), " in the image?\", \"answer\": \"yes\"}\n");
    assert_null(strstr(text_string(&out), "No"));
    text_release(&out);
    assert_refuses(&task, submission_add_pope, "random", STATUS_MISMATCH,
                   "no question in POPE's split 'random'");
    assert_refuses(&task, submission_add_pope, NULL, STATUS_USAGE, "a file for each split");
    close_task(&task);
}

static void vsr_wants_ones_and_zeros(void **state)
{
    (void)state;
    static const double yes[2] = {0.5, 0.5}, no[2] = {0.4, 0.6};
    struct task task;
    open_first(&task, "vsr@triml", "tests/data/vsr", 3);
    task.predictions[0].probabilities = yes;
    task.predictions[1].probabilities = no;
    task.predictions[2].probabilities = yes;
    assert_submits(&task, submission_add_vsr, "1\n0\n1\n");
    task.predictions[2] = (struct prediction){.text = "True"};
    assert_refuses(&task, submission_add_vsr, NULL, STATUS_MISMATCH, "has no probabilities");
    close_task(&task);
}

/* As the scorer of the protocol reads the answer: VizWiz's keeps the apostrophes of a quotation. */
static void vizwiz_wants_to_know_what_can_be_answered(void **state)
{
    (void)state;
    struct task task;
    open_first(&task, "vizwiz@triml", "tests/data/vizwiz", 3);
    task.predictions[0].text = "Unanswerable.";
    task.predictions[1].text = "'unanswerable'";
    task.predictions[2].text = "";
    assert_submits(&task, submission_add_answerability,
                   "[{\"image\": \"VizWiz_val_00000000.jpg\", \"answerable\": 0.0}, "
                   "{\"image\": \"VizWiz_val_00000001.jpg\", \"answerable\": 1.0}, "
                   "{\"image\": \"VizWiz_val_00000002.jpg\", \"answerable\": 1.0}]");
    task.predictions[2] = (struct prediction){.failure = "no image"};
    assert_refuses(&task, submission_add_answerability, NULL, STATUS_MISMATCH,
                   "2 has no answer (no image)");
    close_task(&task);
    open_first(&task, "vqav2@triml", "tests/data/vqav2", 1);
    task.predictions[0].text = "yes";
    assert_refuses(&task, submission_add_answerability, NULL, STATUS_USAGE,
                   "no protocol of VizWiz");
    close_task(&task);
}

static enum status gqa_in(struct task *task, struct arena *arena, struct error *err)
{
    (void)arena;
    struct text out;
    text_init(&out);
    enum status status =
        submission_add_gqa(&task->set, &task->protocol, task->predictions, NULL, &out, err);
    text_release(&out);
    return status;
}

static enum status answerability_in(struct task *task, struct arena *arena, struct error *err)
{
    (void)arena;
    struct text out;
    text_init(&out);
    enum status status = submission_add_answerability(&task->set, &task->protocol,
                                                      task->predictions, NULL, &out, err);
    text_release(&out);
    return status;
}

static void want_of_memory_is_reported(void **state)
{
    (void)state;
    struct task task;
    open_first(&task, "gqa@triml", "tests/data/gqa", 2);
    task.predictions[0].text = task.predictions[1].text = "No.";
    assert_reports_no_memory(&task, gqa_in);
    close_task(&task);
    open_first(&task, "vizwiz@llava-val", "tests/data/vizwiz", 2);
    task.predictions[0].text = task.predictions[1].text = "No.";
    assert_reports_no_memory(&task, answerability_in);
    close_task(&task);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gqa_wants_a_list_of_cleaned_answers),
        cmocka_unit_test(pope_wants_a_line_a_question_of_one_split),
        cmocka_unit_test(vsr_wants_ones_and_zeros),
        cmocka_unit_test(vizwiz_wants_to_know_what_can_be_answered),
        cmocka_unit_test(want_of_memory_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
