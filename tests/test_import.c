#include "tests/imported.h"

#include "engine/base/json.h"
#include "metrics/metric.h"

#include <math.h>

/* Imports text as a llava file; with a dataset if directory is given. */
static enum status import_text(struct imported *imported, const char *text, const char *directory)
{
    return import_as(imported, "llava", "answers.jsonl", text, "pope", directory);
}

/* The same on one of the open-ended benchmarks of the tests. */
static enum status import_open(struct imported *imported, const char *dataset, const char *variant,
                               const char *text)
{
    char directory[64];
    snprintf(directory, sizeof directory, "tests/data/%s", dataset);
    return import_on(imported, "llava", "answers.jsonl", text, dataset, variant, directory);
}

static const char *text_of(const struct imported *imported, const char *id)
{
    return answer_to(imported, id)->text;
}

static void answers_are_joined_by_llavas_ids(void **state)
{
    (void)state;
    static const char text[] = "{\"question_id\": 20000003, \"text\": \"P3\"}\r\n"
                               "{\"question_id\": 1, \"text\": \"A1\"}\r\n"
                               "{\"question_id\": 10000006, \"text\": \"R6\"}\r\n"
                               "{\"question_id\": 10000007, \"text\": \"extra\"}\r\n"
                               "{\"question_id\": 1, \"text\": \"A1 again\"}";
    struct imported imported;
    assert_ok(import_text(&imported, text, "tests/data/pope"), imported.err);
    assert_string_equal(text_of(&imported, "adversarial/1"), "A1 again");
    assert_string_equal(text_of(&imported, "popular/3"), "P3");
    assert_string_equal(text_of(&imported, "random/6"), "R6");
    assert_null(text_of(&imported, "random/1"));
    assert_string_equal(imported.predictions[1].failure, "no prediction");
    assert_null(imported.predictions[0].failure);
    assert_string_equal(imported.predictions[0].sample_id, "adversarial/1");
    assert_int_equal(imported.notes.n_lines, 5);
    assert_int_equal(imported.notes.n_joined, 3);
    assert_int_equal(imported.notes.n_missing, 17);
    assert_int_equal(imported.notes.n_extra, 1);
    assert_int_equal(imported.notes.n_duplicate, 1);
    assert_false(imported.notes.has_labels);
    assert_contains(imported.notes.text, "17 samples without an answer count as failed");
    assert_contains(imported.notes.text, "1 answers to no sample");
    assert_contains(imported.notes.text, "1 answers were replaced");
    release(&imported);
}

static void category_and_number_in_the_split_go_before_the_id(void **state)
{
    (void)state;
    static const char text[] = "{\"question_id\": 1, \"category\": \"random\", "
                               "\"split_question_id\": 2, \"text\": \"R2\"}";
    struct imported imported;
    assert_ok(import_text(&imported, text, "tests/data/pope"), imported.err);
    assert_string_equal(text_of(&imported, "random/2"), "R2");
    assert_null(text_of(&imported, "adversarial/1"));
    release(&imported);
}

#define LINE(category, number, image, label, text)                                                 \
    "{\"question_id\": 1, \"category\": \"" category "\", \"split_question_id\": " number          \
    ", \"image\": \"" image "\", \"label\": \"" label "\", \"text\": \"" text "\"}\n"

static void a_set_is_built_from_the_labels_in_the_file(void **state)
{
    (void)state;
    struct imported imported;
    assert_ok(import_text(&imported,
                          LINE("random", "1", "a.jpg", "yes", "Yes")
                              LINE("adversarial", "2", "a.jpg", "no", "Yes")
                                  LINE("adversarial", "1", "b.jpg", "yes", "Yes")
                                      LINE("adversarial", "2", "a.jpg", "no", "No"),
                          NULL),
              imported.err);
    assert_true(imported.notes.has_labels);
    assert_int_equal(imported.set.n_samples, 3);
    assert_int_equal(imported.set.n_images, 2);
    assert_int_equal(imported.set.n_files, 1);
    assert_string_equal(imported.set.samples[0].id, "adversarial/2");
    assert_string_equal(imported.set.samples[2].id, "random/1");
    assert_string_equal(imported.set.samples[2].group, "random");
    assert_string_equal(imported.predictions[0].text, "No");
    assert_int_equal(imported.notes.n_duplicate, 1);
    assert_contains(imported.set.note, "labels from the predictions file itself");
    release(&imported);
}

static void answers_to_other_questions_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *cause;
    } cases[] = {
        {"{\"question_id\": 2, \"text\": \"No\", \"prompt\": \"Is there a fridge?\\nAnswer\"}",
         "answers.jsonl:1: adversarial/2 has the prompt 'Is there a fridge?"},
        {"{\"question_id\": 2, \"text\": \"No\", \"image\": \"other.jpg\"}",
         "adversarial/2 has the image 'other.jpg' here"},
        {"{\"question_id\": 2, \"text\": \"No\", \"label\": \"yes\"}",
         "adversarial/2 has the label 'yes' here and 'no' in the dataset"},
        {"{\"question_id\": 777, \"text\": \"No\"}\n{\"question_id\": 778, \"text\": \"No\"}",
         "none of its 2 answers is to a question of POPE (object hallucination): the first is to "
         "'adversarial/777', the benchmark has 'adversarial/1'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct imported imported;
        assert_int_equal(import_text(&imported, cases[i].text, "tests/data/pope"), STATUS_MISMATCH);
        assert_contains(imported.err.text, cases[i].cause);
        release(&imported);
    }
}

static void a_bad_file_is_refused_with_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *cause;
        enum status status;
    } cases[] = {
        {"", "answers.jsonl:1: the file holds no answer", STATUS_BAD_FORMAT},
        {"{\"question_id\": 1}", "\"text\" is missing", STATUS_BAD_FORMAT},
        {"{\"text\": \"No\"}", "\"question_id\" is missing", STATUS_BAD_FORMAT},
        {"{\"question_id\": -4, \"text\": \"No\"}", "\"question_id\" is -4", STATUS_BAD_FORMAT},
        {"{\"question_id\": 30000000, \"text\": \"No\"}", "\"question_id\" is 30000000",
         STATUS_BAD_FORMAT},
        {"{\"question_id\": 1, \"text\": 3}", "\"text\" is not a string", STATUS_BAD_FORMAT},
        {"{\"question_id\": 1, \"category\": \"gqa\", \"split_question_id\": 2, \"text\": \"No\"}",
         "\"category\" is 'gqa'", STATUS_BAD_FORMAT},
        {"{\"question_id\": 1, \"text\": \"No\"}", "answers.jsonl:1: no \"label\"",
         STATUS_MISMATCH},
        {LINE("random", "1", "a", "no", "No") "{\"question_id\"",
         "answers.jsonl:2:", STATUS_BAD_FORMAT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct imported imported;
        assert_int_equal(import_text(&imported, cases[i].text, NULL), cases[i].status);
        assert_contains(imported.err.text, cases[i].cause);
        imported.set.kind = NULL; /* nothing to close */
        release(&imported);
    }
    assert_null(import_format_find("oracle"));
}

static void a_file_without_image_names_says_what_that_means(void **state)
{
    (void)state;
    struct imported imported;
    assert_ok(
        import_text(&imported, "{\"question_id\": 1, \"label\": \"no\", \"text\": \"No\"}", NULL),
        imported.err);
    assert_contains(imported.notes.text, "the file names no images");
    release(&imported);
}

static void running_out_of_memory_anywhere_is_reported(void **state)
{
    (void)state;
    struct folder folder = folder_create();
    folder_write(&folder, "answers.jsonl",
                 LINE("random", "1", "a", "no", "No") LINE("popular", "1", "a", "no", "No"));
    char path[128];
    snprintf(path, sizeof path, "%s/answers.jsonl", folder.path);
    for (long n = 1;; n++) {
        struct imported imported = {0};
        arena_init(&imported.arena);
        fail_allocation(n);
        enum status status = predictions_import(import_format_find("llava"), path, &imported.set,
                                                false, &imported.arena, &imported.predictions,
                                                &imported.notes, &imported.err);
        int struck = allocation_has_failed();
        fail_allocation(0);
        assert_true(status == STATUS_OK ? !struck : struck && imported.err.text[0]);
        if (status)
            imported.set.kind = NULL;
        release(&imported);
        if (!struck)
            break;
    }
    folder_remove(&folder);
}

static void assert_counts(const struct score_table *table, const cJSON *expected)
{
    static const struct {
        const char *theirs, *ours;
    } names[] = {{"TP", "tp"},
                 {"FP", "fp"},
                 {"TN", "tn"},
                 {"FN", "fn"},
                 {"accuracy", "accuracy"},
                 {"precision", "precision"},
                 {"recall", "recall"},
                 {"f1", "f1"},
                 {"yes_ratio", "yes-ratio"}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s/%s", expected->string, names[i].ours);
        assert_true(score_find(table, name)->value ==
                    json_number_or(expected, names[i].theirs, NAN));
    }
}

static void llavas_real_answers_give_the_reference_scorers_counts(void **state)
{
    (void)state;
    const char *shared = shared_or_skip(__func__);
    if (!shared)
        skip();
    char path[512], expected_path[512], directory[512];
    snprintf(path, sizeof path, "%s/data/pope/pope_llava15_13b.jsonl", shared);
    snprintf(expected_path, sizeof expected_path, "%s/data/pope/pope_llava15_13b_expected.json",
             shared);
    snprintf(directory, sizeof directory, "%s/data/pope/2910", shared);
    struct error err = {{0}};
    cJSON *expected = NULL;
    assert_ok(json_read(&expected, expected_path, &err), err);
    for (int have_dataset = 0; have_dataset < 2; have_dataset++) {
        struct imported imported = {0};
        struct protocol protocol;
        struct score_table table;
        arena_init(&imported.arena);
        assert_ok(protocol_open(&protocol, "pope@llava", &imported.arena, &err), err);
        if (have_dataset)
            assert_ok(dataset_open(&imported.set, protocol.dataset, NULL, directory, &err), err);
        assert_ok(predictions_import(import_format_find("llava"), path, &imported.set, have_dataset,
                                     &imported.arena, &imported.predictions, &imported.notes, &err),
                  err);
        assert_int_equal(imported.notes.n_joined, 8910);
        assert_null(imported.notes.text);
        assert_ok(score_predictions(&imported.set, &protocol, imported.predictions, &imported.arena,
                                    &table, &err),
                  err);
        static const char *const splits[] = {"random", "popular", "adversarial"};
        for (size_t i = 0; i < 3; i++)
            assert_counts(&table, json_find(expected, splits[i]));
        assert_int_equal(table.n_images, 500);
        release(&imported);
    }
    cJSON_Delete(expected);
}

static void answers_to_the_old_questions_do_not_join_the_new_ones(void **state)
{
    (void)state;
    const char *shared = shared_or_skip(__func__);
    if (!shared)
        skip();
    char path[512], directory[512];
    snprintf(path, sizeof path, "%s/data/pope/pope_llava15_13b.jsonl", shared);
    snprintf(directory, sizeof directory, "%s/data/pope", shared);
    struct imported imported = {0};
    arena_init(&imported.arena);
    assert_ok(
        dataset_open(&imported.set, dataset_kind_find("pope"), NULL, directory, &imported.err),
        imported.err);
    assert_int_equal(predictions_import(import_format_find("llava"), path, &imported.set, true,
                                        &imported.arena, &imported.predictions, &imported.notes,
                                        &imported.err),
                     STATUS_MISMATCH);
    assert_contains(imported.err.text, "another version of the questions");
    release(&imported);
}

#define PROMPT(question)                                                                           \
    question "\\nReference OCR token: A\\nAnswer the question using a single word or phrase."
#define TEXTVQA(picture, question, text)                                                           \
    "{\"question_id\": \"" picture "\", \"prompt\": \"" PROMPT(question) "\", \"text\": \"" text   \
                                                                         "\"}\n"

static void textvqa_answers_are_joined_by_picture_and_prompt(void **state)
{
    (void)state;
    static const char *const variants[] = {"val", "val-llava"};
    for (size_t i = 0; i < 2; i++) {
        struct imported imported;
        enum status status = import_open(
            &imported, "textvqa", variants[i],
            TEXTVQA("003a8ae2ef43b901", "What does the small white text spell?", "second")
                TEXTVQA("003a8ae2ef43b901", "What is the brand of this camera?", "first"));
        assert_ok(status, imported.err);
        assert_string_equal(text_of(&imported, "34602"), "first");
        assert_string_equal(text_of(&imported, "34603"), "second");
        assert_string_equal(imported.predictions[2].failure, "no prediction");
        release(&imported);
    }
}

static void textvqa_answers_that_llavas_scorer_stops_at_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum status status;
        const char *cause;
    } cases[] = {
        {TEXTVQA("0a1b", "What is the brand of this camera?", "x"), STATUS_MISMATCH,
         "answers.jsonl:1: no question of the set is that of the prompt"},
        {"{\"question_id\": \"0a1b\", \"prompt\": \"What?\", \"text\": \"x\"}", STATUS_BAD_FORMAT,
         "answers.jsonl:1: LLaVA's scorer reads no question out of the prompt 'What?'"},
        {"{\"question_id\": \"0a1b\", \"text\": \"x\"}", STATUS_BAD_FORMAT,
         "\"prompt\" is missing"},
        {"{\"question_id\": 34602, \"prompt\": \"a\\nb\", \"text\": \"x\"}", STATUS_BAD_FORMAT,
         "\"question_id\" is not a string"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct imported imported;
        assert_int_equal(import_open(&imported, "textvqa", "val", cases[i].text), cases[i].status);
        assert_contains(imported.err.text, cases[i].cause);
        release(&imported);
    }
}

static void a_prompt_may_capitalise_the_question(void **state)
{
    (void)state;
    static const char text[] = "{\"question_id\": 1, \"prompt\": \"Can you read the label? \\nx\", "
                               "\"text\": \"no\"}";
    struct imported imported;
    assert_ok(import_open(&imported, "vizwiz", "val", text), imported.err);
    assert_string_equal(text_of(&imported, "1"), "no");
    release(&imported);
    static const char other[] = "{\"question_id\": 0, \"prompt\": \"Can you read the label? \", "
                                "\"text\": \"no\"}";
    assert_int_equal(import_open(&imported, "vizwiz", "val", other), STATUS_MISMATCH);
    assert_contains(imported.err.text, "another version of the questions");
    release(&imported);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(textvqa_answers_are_joined_by_picture_and_prompt),
        cmocka_unit_test(textvqa_answers_that_llavas_scorer_stops_at_are_refused),
        cmocka_unit_test(a_prompt_may_capitalise_the_question),
        cmocka_unit_test(answers_are_joined_by_llavas_ids),
        cmocka_unit_test(category_and_number_in_the_split_go_before_the_id),
        cmocka_unit_test(a_set_is_built_from_the_labels_in_the_file),
        cmocka_unit_test(answers_to_other_questions_are_refused),
        cmocka_unit_test(a_bad_file_is_refused_with_its_line),
        cmocka_unit_test(a_file_without_image_names_says_what_that_means),
        cmocka_unit_test(running_out_of_memory_anywhere_is_reported),
        cmocka_unit_test(llavas_real_answers_give_the_reference_scorers_counts),
        cmocka_unit_test(answers_to_the_old_questions_do_not_join_the_new_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
