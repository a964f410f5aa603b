#include "tests/check.h"
#include "tests/dataset_files.h"
#include "tests/vqa_files.h"

#include "datasets/dataset.h"

#define DATA "tests/data/vqav2"
#define QUESTIONS "v2_OpenEnded_mscoco_val2014_questions.json"
#define ANNOTATIONS "v2_mscoco_val2014_annotations.json"

static enum status open_vqa(struct dataset *set, const char *variant, const char *directory,
                            struct error *err)
{
    return dataset_open(set, dataset_kind_find("vqav2"), variant, directory, err);
}

static void questions_and_annotations_are_joined_by_id(void **state)
{
    (void)state;
    struct dataset set;
    struct error err = {{0}};
    assert_ok(open_vqa(&set, NULL, DATA, &err), err);
    assert_string_equal(set.variant, "val");
    assert_int_equal(set.n_samples, 4);
    assert_int_equal(set.n_images, 2);
    assert_int_equal(set.n_files, 2);
    assert_int_equal(set.files[1].n_samples, 4);
    assert_int_equal(strlen(set.files[1].sha256.hex), 64);
    const struct sample *first = &set.samples[0], *second = &set.samples[1];
    assert_string_equal(first->id, "101000");
    assert_string_equal(first->question, "Is the kettle red?");
    assert_string_equal(first->image_name, "COCO_val2014_000000000101.jpg");
    assert_string_equal(first->image_path, DATA "/val2014/COCO_val2014_000000000101.jpg");
    assert_string_equal(first->group, "is the");
    assert_string_equal(first->category, "yes/no");
    assert_int_equal(first->n_answers, 10);
    assert_string_equal(first->answers[9], "yes");
    /* The annotations stand in another order than the questions. */
    assert_string_equal(second->category, "number");
    assert_string_equal(second->answers[5], "2");
    assert_string_equal(second->answers[6], "two");
    assert_string_equal(set.samples[2].image_name, "COCO_val2014_000000000203.jpg");
    assert_contains(set.note, "synthetic");
    assert_contains(set.note, QUESTIONS ": 4 questions, not the official count (214,354)");
    dataset_close(&set);
}

static void equal_strings_are_kept_once(void **state)
{
    (void)state;
    struct dataset set;
    struct error err = {{0}};
    assert_ok(open_vqa(&set, NULL, DATA, &err), err);
    assert_ptr_equal(set.samples[0].answers[0], set.samples[0].answers[9]);
    assert_ptr_equal(set.samples[0].answers[0], set.samples[3].answers[9]);
    assert_ptr_equal(set.samples[0].category, set.samples[3].category);
    assert_ptr_equal(set.samples[0].image_name, set.samples[1].image_name);
    dataset_close(&set);
}

static void the_answers_of_test_splits_are_not_public(void **state)
{
    (void)state;
    struct dataset set;
    struct error err = {{0}};
    assert_ok(open_vqa(&set, "test-dev", DATA, &err), err);
    assert_int_equal(set.n_samples, 1);
    assert_int_equal(set.samples[0].n_answers, 0);
    assert_string_equal(set.samples[0].image_name, "COCO_test2015_000000000008.jpg");
    assert_contains(set.note, "the official count (107,394)");
    dataset_close(&set);
    assert_ok(open_vqa(&set, "test", DATA, &err), err);
    assert_int_equal(set.n_samples, 3);
    dataset_close(&set);
    assert_int_equal(open_vqa(&set, "train", DATA, &err), STATUS_NOT_FOUND);
    assert_contains(err.text, "v2_OpenEnded_mscoco_train2014_questions.json");
}

#define QUESTION(id, image)                                                                        \
    "{\"image_id\": " image ", \"question\": \"Q?\", \"question_id\": " id "}"
#define ASK(list) "{\"info\": {}, \"questions\": [" list "], \"license\": []}"
#define ANSWER(n) "{\"answer\": \"x\", \"answer_id\": " #n "}"
#define NINE                                                                                       \
    ANSWER(1)                                                                                      \
    "," ANSWER(2) "," ANSWER(3) "," ANSWER(4) "," ANSWER(5) "," ANSWER(6) "," ANSWER(              \
        7) "," ANSWER(8) "," ANSWER(9)
#define TEN NINE "," ANSWER(10)
#define ANNOTATION(id, image, answers)                                                             \
    "{\"question_type\": \"t\", \"answers\": [" answers "], \"image_id\": " image                  \
    ", \"answer_type\": \"other\", \"question_id\": " id "}"
#define TELL(list) "{\"annotations\": [" list "]}"

static struct folder write_texts(const char *questions, const char *annotations)
{
    struct folder folder = folder_create();
    folder_add(&folder, "Questions");
    folder_add(&folder, "Annotations");
    folder_add(&folder, "Images/mscoco/val2014");
    folder_write(&folder, "Questions/" QUESTIONS, questions);
    folder_write(&folder, "Annotations/" ANNOTATIONS, annotations);
    return folder;
}

static enum status open_texts(struct dataset *set, const char *questions, const char *annotations,
                              struct error *err)
{
    struct folder folder = write_texts(questions, annotations);
    enum status status = open_vqa(set, NULL, folder.path, err);
    folder_remove(&folder);
    return status;
}

static void files_lie_where_the_official_tools_look(void **state)
{
    (void)state;
    struct dataset set;
    struct error err = {{0}};
    assert_ok(open_texts(&set, ASK(QUESTION("1", "2")), TELL(ANNOTATION("1", "2", TEN)), &err),
              err);
    assert_contains(set.samples[0].image_path,
                    "/Images/mscoco/val2014/COCO_val2014_000000000002.jpg");
    dataset_close(&set);
}

static void a_damaged_file_is_refused_with_file_record_and_reason(void **state)
{
    (void)state;
#define ONE ASK(QUESTION("1", "2"))
#define TWO ASK(QUESTION("1", "2") "," QUESTION("3", "4"))
    static const struct {
        const char *questions, *annotations, *cause;
    } cases[] = {
        {ASK(QUESTION("\"1\"", "2")), TELL(""),
         QUESTIONS ": questions[0]: \"question_id\" is not a number"},
        {ASK(QUESTION("1.5", "2")), TELL(""), "questions[0]: \"question_id\" is 1.5"},
        {ASK(QUESTION("-1", "2")), TELL(""), "questions[0]: an id is below 0"},
        {ASK(QUESTION("1", "null")), TELL(""), "questions[0]: \"image_id\" is not a number"},
        {ASK(QUESTION("1", "2") ",7"), TELL(""), "questions[1]: not a JSON object"},
        {ASK("{\"image_id\": 1, \"question\": null, \"question_id\": 1}"), TELL(""),
         "questions[0]: \"question\" is not a string"},
        {ASK("{\"image_id\": 1, \"question\": \"\\ud800\", \"question_id\": 1}"), TELL(""),
         QUESTIONS ": questions[0]: line 1"},
        {ASK("{\"image_id\": 1, \"question\": \"\xFF\", \"question_id\": 1}"), TELL(""),
         "of the file is not UTF-8"},
        {ASK(QUESTION("1", "2") "," QUESTION("1", "2")), TELL(""),
         "questions[1]: question_id 1 is that of questions[0], too"},
        {ASK(""), TELL(""), QUESTIONS ": \"questions\" is empty"},
        {"{\"questions\": 3}", TELL(""), QUESTIONS ": \"questions\" is not an array"},
        {"{\"question\": []}", TELL(""), QUESTIONS ": \"questions\" is missing"},
        {"[]", TELL(""), "a JSON object is expected"},
        {"", TELL(""), QUESTIONS},
        {"\xEF\xBB\xBF" ONE, TELL(""), "a JSON object is expected"},
        {"{\"questions\": [], \"questions\": []}", TELL(""), "\"questions\" is there twice"},
        {"{\"questions\": [] \"x\": 1}", TELL(""), "',' or '}' is expected"},
        {ONE "{}", TELL(""), "text behind the JSON object"},
        {"{\"questions\": [" QUESTION("1", "2"), TELL(""), "is expected"},
        {ONE, TELL(ANNOTATION("9", "2", TEN)),
         ANNOTATIONS ": annotations[0]: question_id 9 is not among the questions of"},
        {ONE, TELL(ANNOTATION("\"1\"", "2", TEN)), "\"question_id\" is not a number"},
        {ONE, TELL(ANNOTATION("1", "3", TEN)),
         "annotations[0]: question_id 1 is about image 3 here and about 2 in"},
        {TWO, TELL(ANNOTATION("1", "2", TEN)), "questions[1]: question_id 3 has no annotation in"},
        {ONE, TELL(ANNOTATION("1", "2", TEN) "," ANNOTATION("1", "2", TEN)),
         "annotations[1]: question_id 1 was annotated already"},
        {ONE, TELL(ANNOTATION("1", "2", NINE)), "annotations[0]: 9 answers, 10 are expected"},
        {ONE, TELL(ANNOTATION("1", "2", TEN "," ANSWER(11))), "11 answers, 10 are expected"},
        {ONE, TELL(ANNOTATION("1", "2", NINE ",null")),
         "annotations[0]: answer 10 of \"answers\" is not a string"},
        {ONE, TELL(ANNOTATION("1", "2", NINE ",{\"answer\": 3}")), "answer 10 of \"answers\""},
        {ONE, TELL("{\"question_id\": 1, \"image_id\": 2}"), "\"question_type\" is missing"},
        {ONE, TELL(ANNOTATION("1", "2", NINE ",{\"answer\": \"no\\u0000x\"}")),
         ANNOTATIONS ": annotations[0]: an escaped NUL in the text"},
        {TWO, TELL(ANNOTATION("1", "2", NINE ",{\"answer\": \"no\\\\u0000x\"}")),
         "question_id 3 has no annotation"}, /* a backslash and u0000: text */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct folder folder = write_texts(cases[i].questions, cases[i].annotations);
        assert_contains(refusal_of_dataset("vqav2", NULL, folder.path).text, cases[i].cause);
        folder_remove(&folder);
    }
}

static void what_the_official_scorer_counts_otherwise_is_noted(void **state)
{
    (void)state;
    struct dataset set;
    struct error err = {{0}};
    assert_ok(open_texts(&set, ONE, TELL(ANNOTATION("1", "2", NINE "," ANSWER(9))), &err), err);
    assert_contains(set.note, "1 questions have answers without an answer_id of their own");
    dataset_close(&set);
    assert_ok(open_texts(&set, ONE,
                         TELL("{\"question_type\": \"t\", \"answers\": [" TEN
                              "], \"image_id\": 2, \"answer_type\": \"odd\", \"question_id\": 1}"),
                         &err),
              err);
    assert_contains(set.note, "1 questions have an answer_type other than");
    assert_null(strstr(set.note, "answer_id"));
    dataset_close(&set);
}

static void deep_nesting_and_one_enormous_line_end_in_a_sentence(void **state)
{
    (void)state;
    enum { SIZE = 8 << 20 };
    char *text = malloc(SIZE + 64);
    assert_non_null(text);
    struct dataset set;
    struct error err = {{0}};
    size_t length = (size_t)sprintf(text, "{\"questions\": [{\"question\": ");
    memset(text + length, '[', SIZE - length);
    text[SIZE] = '\0';
    assert_int_equal(open_texts(&set, text, TELL(""), &err), STATUS_BAD_FORMAT);
    assert_contains(err.text, "questions[0]: line 1");
    memset(text + length, 'q', SIZE - length);
    text[length] = '"';
    strcpy(text + SIZE, "\", \"image_id\": 2, \"question_id\": 1}]}");
    assert_ok(open_texts(&set, text, TELL(ANNOTATION("1", "2", TEN)), &err), err);
    assert_int_equal(strlen(set.samples[0].question), SIZE - length - 1);
    dataset_close(&set);
    free(text);
}

static void write_synthetic(const struct folder *folder, uint64_t n)
{
    static const struct {
        const char *name;
        void (*write)(FILE *, uint64_t);
    } files[] = {{QUESTIONS, vqa_write_questions}, {ANNOTATIONS, vqa_write_annotations}};
    for (size_t i = 0; i < 2; i++) {
        char path[256];
        snprintf(path, sizeof path, "%s/%s", folder->path, files[i].name);
        FILE *file = fopen(path, "w");
        assert_non_null(file);
        files[i].write(file, n);
        assert_int_equal(fclose(file), 0);
    }
}

static void thousands_of_questions_keep_their_order_and_their_answers(void **state)
{
    (void)state;
    enum { N = 3000 };
    struct folder folder = folder_create();
    struct dataset set;
    struct error err = {{0}};
    write_synthetic(&folder, N);
    assert_ok(open_vqa(&set, NULL, folder.path, &err), err);
    assert_int_equal(set.n_samples, N);
    assert_int_equal(set.n_images, N / VQA_PER_IMAGE);
    for (uint64_t i = 0; i < N; i++) {
        char id[16], usual[24];
        const char *type = vqa_answer(i, usual);
        snprintf(id, sizeof id, "%d", vqa_id_of(i));
        assert_string_equal(set.samples[i].id, id);
        assert_string_equal(set.samples[i].category, type);
        size_t n_usual = 0;
        for (size_t a = 0; a < 10; a++)
            n_usual += strcmp(set.samples[i].answers[a], usual) == 0;
        assert_true(n_usual > 0);
    }
    dataset_close(&set);
    folder_remove(&folder);
}

static void running_out_of_memory_anywhere_is_reported(void **state)
{
    (void)state;
    assert_loading_reports_no_memory("vqav2", NULL, DATA);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(questions_and_annotations_are_joined_by_id),
        cmocka_unit_test(equal_strings_are_kept_once),
        cmocka_unit_test(the_answers_of_test_splits_are_not_public),
        cmocka_unit_test(files_lie_where_the_official_tools_look),
        cmocka_unit_test(a_damaged_file_is_refused_with_file_record_and_reason),
        cmocka_unit_test(what_the_official_scorer_counts_otherwise_is_noted),
        cmocka_unit_test(deep_nesting_and_one_enormous_line_end_in_a_sentence),
        cmocka_unit_test(thousands_of_questions_keep_their_order_and_their_answers),
        cmocka_unit_test(running_out_of_memory_anywhere_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
