/* Submissions, byte for byte. */
#include "tests/check.h"

#include "metrics/submission.h"

struct task {
    struct arena arena;
    struct protocol protocol;
    struct dataset set;
    struct prediction *predictions;
    struct text out;
};

/* A protocol on the first n samples of a folder. */
static void open_task(struct task *task, const char *protocol, const char *directory, size_t n)
{
    struct error err = {{0}};
    size_t indices[8];
    arena_init(&task->arena);
    text_init(&task->out);
    assert_ok(protocol_open(&task->protocol, protocol, &task->arena, &err), err);
    assert_ok(
        dataset_open(&task->set, task->protocol.dataset, task->protocol.variant, directory, &err),
        err);
    for (size_t i = 0; i < n; i++)
        indices[i] = i;
    dataset_select(&task->set, indices, n);
    task->predictions = arena_alloc(&task->arena, n, sizeof *task->predictions);
}

static void close_task(struct task *task)
{
    text_release(&task->out);
    dataset_close(&task->set);
    arena_release(&task->arena);
}

static void gqa_wants_a_list_of_cleaned_answers(void **state)
{
    (void)state;
    struct task task;
    struct error err = {{0}};
    open_task(&task, "gqa@llava", "tests/data/gqa", 3);
    task.predictions[0].text = "No.";
    task.predictions[1].text = "Caf\xC3\xA9 \"X\"\n";
    task.predictions[2].text = "";
    assert_ok(
        submission_add_gqa(&task.set, &task.protocol, task.predictions, NULL, &task.out, &err),
        err);
    assert_string_equal(
        text_string(&task.out),
        "[{\"questionId\": \"201307251\", \"prediction\": \"no\"}, {\"questionId\": "
        "\"201640614\", \"prediction\": \"caf\\u00e9 \\\"x\\\"\\n\"}, "
        "{\"questionId\": \"201640616\", \"prediction\": \"\"}]");
    task.predictions[1] = (struct prediction){.failure = "no image"};
    assert_int_equal(
        submission_add_gqa(&task.set, &task.protocol, task.predictions, NULL, &task.out, &err),
        STATUS_MISMATCH);
    assert_contains(err.text, "201640614 has no answer (no image)");
    task.protocol.metric = "yes-no-text";
    assert_int_equal(
        submission_add_gqa(&task.set, &task.protocol, task.predictions, NULL, &task.out, &err),
        STATUS_MISMATCH);
    close_task(&task);
}

static void pope_wants_a_line_a_question_of_one_split(void **state)
{
    (void)state;
    static const double yes[2] = {0.5, 0.5};
    struct task task;
    struct error err = {{0}};
    open_task(&task, "pope@triml", "tests/data/pope", 8);
    for (size_t i = 0; i < 8; i++)
        task.predictions[i].text = "No";
    task.predictions[7] = (struct prediction){.probabilities = yes}; /* popular/1 */
    assert_ok(submission_add_pope(&task.set, &task.protocol, task.predictions, "popular", &task.out,
                                  &err),
              err);
    assert_contains(text_string(&task.out), "{\"question\": \"Is there a ");
    assert_contains(text_string(&task.out), " in the image?\", \"answer\": \"yes\"}\n");
    assert_null(strstr(text_string(&task.out), "No"));
    assert_int_equal(
        submission_add_pope(&task.set, &task.protocol, task.predictions, "random", &task.out, &err),
        STATUS_MISMATCH);
    assert_contains(err.text, "no question in POPE's split 'random'");
    close_task(&task);
}

static void vsr_wants_ones_and_zeros(void **state)
{
    (void)state;
    static const double yes[2] = {0.5, 0.5}, no[2] = {0.4, 0.6};
    struct task task;
    struct error err = {{0}};
    open_task(&task, "vsr@triml", "tests/data/vsr", 3);
    task.predictions[0].probabilities = yes;
    task.predictions[1].probabilities = no;
    task.predictions[2].probabilities = yes;
    assert_ok(
        submission_add_vsr(&task.set, &task.protocol, task.predictions, NULL, &task.out, &err),
        err);
    assert_string_equal(text_string(&task.out), "1\n0\n1\n");
    task.predictions[2] = (struct prediction){.text = "True"};
    assert_int_equal(
        submission_add_vsr(&task.set, &task.protocol, task.predictions, NULL, &task.out, &err),
        STATUS_MISMATCH);
    close_task(&task);
}

/* As the scorer of the protocol reads the answer: VizWiz's keeps the apostrophes of a quotation. */
static void vizwiz_wants_to_know_what_can_be_answered(void **state)
{
    (void)state;
    struct task task;
    struct error err = {{0}};
    open_task(&task, "vizwiz@triml", "tests/data/vizwiz", 3);
    task.predictions[0].text = "Unanswerable.";
    task.predictions[1].text = "'unanswerable'";
    task.predictions[2].text = "";
    assert_ok(submission_add_answerability(&task.set, &task.protocol, task.predictions, NULL,
                                           &task.out, &err),
              err);
    assert_string_equal(text_string(&task.out),
                        "[{\"image\": \"VizWiz_val_00000000.jpg\", \"answerable\": 0.0}, "
                        "{\"image\": \"VizWiz_val_00000001.jpg\", \"answerable\": 1.0}, "
                        "{\"image\": \"VizWiz_val_00000002.jpg\", \"answerable\": 1.0}]");
    task.predictions[2] = (struct prediction){.failure = "no image"};
    assert_int_equal(submission_add_answerability(&task.set, &task.protocol, task.predictions, NULL,
                                                  &task.out, &err),
                     STATUS_MISMATCH);
    assert_contains(err.text, "2 has no answer (no image)");
    close_task(&task);
    open_task(&task, "vqav2@triml", "tests/data/vqav2", 1);
    task.predictions[0].text = "yes";
    assert_int_equal(submission_add_answerability(&task.set, &task.protocol, task.predictions, NULL,
                                                  &task.out, &err),
                     STATUS_USAGE);
    close_task(&task);
}

static void want_of_memory_is_reported(void **state)
{
    (void)state;
    struct task task;
    open_task(&task, "gqa@triml", "tests/data/gqa", 2);
    task.predictions[0].text = task.predictions[1].text = "No.";
    for (long n = 1;; n++) {
        struct error err = {{0}};
        struct text out;
        text_init(&out);
        fail_allocation(n);
        enum status status =
            submission_add_gqa(&task.set, &task.protocol, task.predictions, NULL, &out, &err);
        int struck = allocation_has_failed();
        fail_allocation(0);
        text_release(&out);
        assert_true(status == STATUS_OK ? !struck : status == STATUS_NO_MEMORY && struck);
        if (!struck)
            break;
    }
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
