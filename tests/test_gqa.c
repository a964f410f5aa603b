/* GQA: the loader, its protocols and its scores. */
#include "tests/dataset_files.h"
#include "tests/metric_task.h"

#include "datasets/gqa_facts.h"
#include "datasets/protocol.h"
#include "engine/base/json.h"
#include "metrics/metric.h"

#include <math.h>

#define DATA "tests/data/gqa"

static enum status open_gqa(struct dataset *set, const char *variant, const char *directory,
                            struct error *err)
{
    return dataset_open(set, dataset_kind_find("gqa"), variant, directory, err);
}

static void questions_come_in_the_files_order_with_their_facts(void **state)
{
    (void)state;
    struct dataset set;
    struct error err = {{0}};
    assert_ok(open_gqa(&set, NULL, DATA, &err), err);
    assert_string_equal(set.variant, "testdev-balanced");
    assert_int_equal(set.n_samples, 21);
    assert_int_equal(set.n_files, 2);
    const struct sample *sample = &set.samples[1];
    assert_string_equal(sample->id, "201640614");
    assert_string_equal(sample->question, "Who is wearing the dress?");
    assert_string_equal(sample->answers[0], "woman");
    assert_string_equal(sample->image_name, "n1");
    assert_contains(sample->image_path, "/images/n1.jpg");
    const struct gqa_facts *facts = sample->facts;
    assert_true(facts->is_balanced);
    assert_string_equal(facts->structural, "query");
    assert_string_equal(facts->semantic, "rel");
    assert_string_equal(facts->detailed, "relS");
    assert_string_equal(facts->group, "person");
    assert_int_equal(facts->n_steps, 2);    /* "query: name" is none */
    assert_int_equal(facts->n_entailed, 2); /* without its own id */
    assert_string_equal(facts->entailed[0], "201640615");
    assert_int_equal(facts->choices->n_valid, 8);
    assert_string_equal(facts->choices->plausible[0], "woman");
    const struct gqa_facts *first = set.samples[0].facts;
    assert_null(first->group);
    assert_contains(set.note, "testdev_balanced: 21 questions, not the official count (12,578)");
    dataset_close(&set);
}

static void all_questions_include_the_unbalanced_ones(void **state)
{
    (void)state;
    struct dataset set;
    struct error err = {{0}};
    assert_ok(open_gqa(&set, "testdev-all", DATA, &err), err);
    assert_int_equal(set.n_samples, 24);
    assert_false(((const struct gqa_facts *)set.samples[2].facts)->is_balanced);
    assert_null(strstr(set.note, "entailed ids"));
    dataset_close(&set);
}

static void llavas_question_file_has_no_answers_and_loses_the_instruction(void **state)
{
    (void)state;
    struct dataset set;
    struct error err = {{0}};
    assert_ok(open_gqa(&set, NULL, DATA "/llava", &err), err);
    assert_int_equal(set.n_samples, 3);
    assert_string_equal(set.samples[0].question, "Is it overcast?");
    assert_string_equal(set.samples[0].image_name, "n1.jpg");
    assert_int_equal(set.samples[0].n_answers, 0);
    assert_null(set.samples[0].facts);
    assert_contains(set.note, "3 questions have no answer in the file");
    dataset_close(&set);
}

/* One whole record; its entailed ids to be filled in. */
#define RECORD(entailed)                                                                           \
    "{\"semantic\": [{\"operation\": \"verify\", \"argument\": \"x\"}], \"entailed\": [" entailed  \
    "], \"question\": \"Is?\", \"imageId\": \"n1\", \"isBalanced\": true, \"groups\": "            \
    "{\"global\": "                                                                                \
    "null}, \"answer\": \"no\", \"types\": {\"detailed\": \"d\", \"semantic\": \"attr\", "         \
    "\"structural\": \"verify\"}}"

static void an_entailed_id_that_does_not_exist_is_counted_and_named(void **state)
{
    (void)state;
    struct folder folder = folder_create();
    struct dataset set;
    struct error err = {{0}};
    folder_write(&folder, "val_all_questions.json",
                 "{\"1\": " RECORD("\"2\", \"77\", \"78\"") ", \"2\": " RECORD("\"2\"") "}");
    assert_ok(open_gqa(&set, "val-all", folder.path, &err), err);
    assert_contains(set.note, "2 entailed ids are not in the file, the first is 77 of question 1");
    dataset_close(&set);
    folder_remove(&folder);
}

static void files_lie_where_the_archives_unpack_to(void **state)
{
    (void)state;
    static const char *const places[] = {"", "questions1.2/", "data/", "data/questions1.2/"};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        struct folder folder = folder_create();
        char name[160];
        struct dataset set;
        struct error err = {{0}};
        snprintf(name, sizeof name, "%strain_all_questions", places[i]);
        folder_add(&folder, name);
        for (int chunk = 0; chunk < 10; chunk++) {
            char text[640];
            snprintf(name, sizeof name, "%strain_all_questions/train_all_questions_%d.json",
                     places[i], chunk);
            snprintf(text, sizeof text, "{\"%d\": %s}", chunk, RECORD(""));
            folder_write(&folder, name, text);
        }
        assert_ok(open_gqa(&set, "train-all", folder.path, &err), err);
        assert_int_equal(set.n_samples, 10);
        assert_int_equal(set.n_files, 10);
        dataset_close(&set);
        snprintf(name, sizeof name, "rm %s/%strain_all_questions/train_all_questions_7.json",
                 folder.path, places[i]);
        assert_int_equal(system(name), 0);
        assert_int_equal(open_gqa(&set, "train-all", folder.path, &err), STATUS_NOT_FOUND);
        assert_contains(err.text, "train_all_questions_7.json");
        folder_remove(&folder);
    }
}

static void a_damaged_file_is_refused_with_file_and_record(void **state)
{
    (void)state;
    static const struct {
        const char *text, *place, *cause;
    } cases[] = {
        {"", "questions.json", "a JSON object is expected"},
        {"[]", "questions.json", "a JSON object is expected"},
        {"{}", "GQA", "holds no question"},
        {"{\"1\": 3}", "questions.json: \"1\"", "not a JSON object"},
        {"{\"1\": {\"isBalanced\": true}}", "\"1\"", "\"question\" is missing"},
        {"{\"x1\": {}}", "\"x1\"", "not made of digits"},
        {"{\"\": {}}", "\"\"", "not made of digits"},
        {"{\"1\": {\"question\": null, \"imageId\": \"n1\", \"isBalanced\": true}}", "\"1\"",
         "\"question\" is not a string"},
        {"{\"1\": {\"question\": \"Is?\", \"imageId\": 1, \"isBalanced\": true}}", "\"1\"",
         "\"imageId\" is not a string"},
        {"{\"1\": {\"question\": \"Is?\", \"imageId\": \"../etc/n1\", \"isBalanced\": true}}",
         "\"1\"", "does not lie in the folder"},
        {"{\"1\": {\"question\": \"Is?\", \"imageId\": \"/n1\", \"isBalanced\": true}}", "\"1\"",
         "does not lie in the folder"},
        {"{\"1\": {\"question\": \"Is?\", \"imageId\": \"n1\"}}", "\"1\"",
         "\"isBalanced\" is missing"},
        {"{\"1\": {\"question\": \"Is?\", \"imageId\": \"n1\", \"isBalanced\": 1}}", "\"1\"",
         "\"isBalanced\" is not true or false"},
        {"{\"1\": {\"question\": \"Is?\", \"imageId\": \"n1\", \"isBalanced\": true, \"answer\": "
         "null}}",
         "\"1\"", "\"answer\" is not a string"},
        {"{\"1\": {\"question\": \"Is?\", \"imageId\": \"n1\", \"isBalanced\": true, \"answer\": "
         "\"no\"}}",
         "\"1\"", "\"types\" is missing"},
        {"{\"1\": " RECORD("3") "}", "\"1\"", "\"entailed\" holds something not a string"},
        {"{\"1\": " RECORD("") ", \"1\": " RECORD("") "}", "question 1", "there twice"},
        {"{\"1\": " RECORD("\"\\ud800\"") "}", "questions.json: line 1", "surrogate"},
        {"{\"1\": " RECORD("\"\xFF\"") "}", "\"1\"", "not UTF-8"},
        {"{\"1\": " RECORD("\"\\u0000\"") "}", "\"1\"", "escaped NUL"},
        {"{\"1\": " RECORD("") "} x", "questions.json: line 1", "text behind the JSON object"},
        {"{\"1\": " RECORD(""), "questions.json: line 1", "expected"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct folder folder = folder_create();
        struct dataset set;
        struct error err = {{0}};
        folder_write(&folder, "testdev_balanced_questions.json", cases[i].text);
        enum status status = open_gqa(&set, NULL, folder.path, &err);
        if (status != STATUS_BAD_FORMAT)
            fail_msg("status %d for %s", (int)status, cases[i].text);
        assert_contains(err.text, cases[i].place);
        assert_contains(err.text, cases[i].cause);
        folder_remove(&folder);
    }
}

/* cJSON would end the string there and go on. */
static void a_nul_byte_is_refused_with_its_place(void **state)
{
    (void)state;
    static const char text[] = "{\"1\": " RECORD("\"a\0b\"") "}";
    struct folder folder = folder_create();
    struct dataset set;
    struct error err = {{0}};
    folder_write_bytes(&folder, "testdev_balanced_questions.json", text, sizeof text - 1);
    assert_int_equal(open_gqa(&set, NULL, folder.path, &err), STATUS_BAD_FORMAT);
    assert_contains(err.text, "questions.json: line 1, column 79: a raw control character");
    folder_remove(&folder);
}

static void deep_nesting_is_refused(void **state)
{
    (void)state;
    enum { DEPTH = 100000 };
    struct folder folder = folder_create();
    struct dataset set;
    struct error err = {{0}};
    char *text = malloc(DEPTH + 32);
    assert_non_null(text);
    int length = sprintf(text, "{\"1\": ");
    memset(text + length, '[', DEPTH);
    text[length + DEPTH] = '\0';
    folder_write(&folder, "testdev_balanced_questions.json", text);
    free(text);
    assert_int_equal(open_gqa(&set, NULL, folder.path, &err), STATUS_BAD_FORMAT);
    assert_contains(err.text, "testdev_balanced_questions.json: line 1");
    folder_remove(&folder);
}

static void damaged_choices_are_refused_with_their_question(void **state)
{
    (void)state;
    struct folder folder = folder_create();
    struct dataset set;
    struct error err = {{0}};
    folder_write(&folder, "testdev_balanced_questions.json", "{\"1\": " RECORD("") "}");
    folder_write(&folder, "testdev_choices.json",
                 "{\"9\": {}, \"1\": {\"valid\": [\"a\"], \"plausible\": [null]}}");
    assert_int_equal(open_gqa(&set, NULL, folder.path, &err), STATUS_BAD_FORMAT);
    assert_contains(err.text, "testdev_choices.json: \"1\": \"plausible\" holds something");
    folder_remove(&folder);
}

/* Opens the protocol and answers every question right. */
static void open_right(struct task *task, const char *protocol)
{
    open_task(task, protocol, DATA);
    for (size_t i = 0; i < task->set.n_samples; i++)
        task->predictions[i].text = task->set.samples[i].answers[0];
}

static void right_answers_are_perfect_where_they_can_be(void **state)
{
    (void)state;
    static const char *const names[] = {"accuracy", "binary/accuracy", "open/accuracy",
                                        "consistency", "structural/query/accuracy"};
    struct task task;
    open_right(&task, "gqa:testdev-all@official");
    score(&task);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_score(&task, names[i], 100);
    assert_score(&task, "distribution", 0);
    assert_int_equal(find(&task, "accuracy")->n, 21); /* the balanced ones */
    assert_int_equal(find(&task, "steps/5/accuracy")->n, 1);
    assert_string_equal(task.table.scores[task.table.headline].name, "accuracy");
    close_task(&task);
    /* t-shirt loses its hyphen and is never right. */
    open_right(&task, "gqa@triml");
    score(&task);
    assert_score(&task, "accuracy", 100 * (20.0 / 21));
    close_task(&task);
}

static void protocols_differ_in_what_they_clean(void **state)
{
    (void)state;
    static const struct {
        const char *protocol, *text;
        int correct; /* the reference is "no" */
    } cases[] = {
        {"gqa@official", "No", 0},         {"gqa@official", "no", 1},
        {"gqa@triml", "N.o!", 1},          {"gqa@triml", " no", 0},
        {"gqa@llava", "No...", 1},         {"gqa@llava", "no. ", 0},
        {"gqa@lmms-eval", " \"No\"\n", 1}, {"gqa@lmms-eval", "no way", 0},
        {"gqa@vlmevalkit", " NO\t", 1},    {"gqa@vlmevalkit", "no.", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct task task;
        open_right(&task, cases[i].protocol);
        task.predictions[0].text = cases[i].text;
        const struct metric *metric = metric_find(task.protocol.metric);
        int got = metric->correct(&task.set.samples[0], &task.protocol, &task.predictions[0]);
        if (got != cases[i].correct)
            fail_msg("'%s' under %s: %d", cases[i].text, cases[i].protocol, got);
        close_task(&task);
    }
}

static void a_failed_sample_is_wrong_and_never_an_answer(void **state)
{
    (void)state;
    struct task task;
    open_right(&task, "gqa:testdev-all@official");
    task.predictions[0] = (struct prediction){.failure = "no image"};
    task.predictions[2] = (struct prediction){.failure = "no image"}; /* entailed by [1] */
    score(&task);
    assert_int_equal(task.table.n_failed, 2);
    assert_score(&task, "accuracy", 100 * (20.0 / 21));
    assert_contains(find(&task, "accuracy")->note, "1 failed samples count as wrong");
    assert_score(&task, "validity", 100 * (20.0 / 21));
    assert_true(find(&task, "consistency")->value < 100);
    const struct metric *metric = metric_find("gqa-official");
    assert_int_equal(metric->correct(&task.set.samples[0], &task.protocol, &task.predictions[0]),
                     -1);
    close_task(&task);
}

static void what_the_reference_cannot_compute_has_a_reason_and_no_value(void **state)
{
    (void)state;
    struct task task;
    open_right(&task, "gqa@official");
    score(&task);
    assert_true(isnan(find(&task, "consistency")->value));
    assert_contains(find(&task, "consistency")->note,
                    "question 201640614 entails 201640615, which is not in the set");
    /* No question in a group, none with choices. */
    static const size_t only[] = {0};
    dataset_select(&task.set, only, 1);
    struct gqa_facts facts = *(const struct gqa_facts *)task.set.samples[0].facts;
    facts.choices = NULL;
    task.set.samples[0].facts = &facts;
    score(&task);
    assert_true(isnan(find(&task, "distribution")->value));
    assert_contains(find(&task, "distribution")->note, "no question is in a group");
    assert_true(isnan(find(&task, "validity")->value));
    assert_contains(find(&task, "validity")->note, "needs the choices file");
    assert_score(&task, "open/accuracy", 0);
    assert_contains(find(&task, "open/accuracy")->note, "no such question");
    assert_score(&task, "consistency", 0);
    close_task(&task);
}

/* eval.py reads choices[id] before it sees that a question is about what is common. */
static void each_question_needs_choices(void **state)
{
    (void)state;
    struct task task;
    open_right(&task, "gqa@official");
    size_t i = 0;
    while (!strstr(((const struct gqa_facts *)task.set.samples[i].facts)->detailed, "Common"))
        i += 1;
    struct gqa_facts facts = *(const struct gqa_facts *)task.set.samples[i].facts;
    facts.choices = NULL;
    task.set.samples[i].facts = &facts;
    score(&task);
    assert_true(isnan(find(&task, "validity")->value));
    assert_contains(find(&task, "validity")->note, task.set.samples[i].id);
    assert_contains(find(&task, "plausibility")->note, "has no entry in the choices file");
    close_task(&task);
}

static void questions_without_answers_are_not_scored(void **state)
{
    (void)state;
    struct task task;
    struct error err = {{0}};
    open_right(&task, "gqa@llava");
    dataset_close(&task.set);
    assert_ok(open_gqa(&task.set, NULL, DATA "/llava", &err), err);
    assert_int_equal(score_in(&task, &task.arena, &err), STATUS_MISMATCH);
    assert_contains(err.text, "question 201307251 has no answer");
    close_task(&task);
}

/* On two questions: each try does everything again. */
static void running_out_of_memory_anywhere_is_reported(void **state)
{
    (void)state;
    static const size_t first_two[] = {0, 1};
    struct folder folder = folder_create();
    folder_write(&folder, "testdev_all_questions.json",
                 "{\"1\": " RECORD("\"2\", \"77\"") ", \"2\": " RECORD("") "}");
    folder_write(&folder, "testdev_choices.json",
                 "{\"1\": {\"valid\": [\"no\"], \"plausible\": []}}");
    assert_loading_reports_no_memory("gqa", "testdev-all", folder.path);
    folder_remove(&folder);
    struct task task;
    open_right(&task, "gqa:testdev-all@official");
    dataset_select(&task.set, first_two, 2);
    assert_reports_no_memory(&task, score_in);
    close_task(&task);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(questions_come_in_the_files_order_with_their_facts),
        cmocka_unit_test(all_questions_include_the_unbalanced_ones),
        cmocka_unit_test(llavas_question_file_has_no_answers_and_loses_the_instruction),
        cmocka_unit_test(an_entailed_id_that_does_not_exist_is_counted_and_named),
        cmocka_unit_test(files_lie_where_the_archives_unpack_to),
        cmocka_unit_test(a_damaged_file_is_refused_with_file_and_record),
        cmocka_unit_test(deep_nesting_is_refused),
        cmocka_unit_test(a_nul_byte_is_refused_with_its_place),
        cmocka_unit_test(each_question_needs_choices),
        cmocka_unit_test(damaged_choices_are_refused_with_their_question),
        cmocka_unit_test(right_answers_are_perfect_where_they_can_be),
        cmocka_unit_test(protocols_differ_in_what_they_clean),
        cmocka_unit_test(a_failed_sample_is_wrong_and_never_an_answer),
        cmocka_unit_test(what_the_reference_cannot_compute_has_a_reason_and_no_value),
        cmocka_unit_test(questions_without_answers_are_not_scored),
        cmocka_unit_test(running_out_of_memory_anywhere_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
