#include "tests/check.h"
#include "tests/dataset_files.h"

#include "datasets/dataset.h"
#include "datasets/vizwiz.h"

#define DATA "tests/data/vizwiz"

static enum status open_vizwiz(struct dataset *set, const char *variant, const char *directory,
                               struct error *err)
{
    return dataset_open(set, dataset_kind_find("vizwiz"), variant, directory, err);
}

static bool is_answerable(const struct sample *sample)
{
    return ((const struct vizwiz_facts *)sample->facts)->is_answerable;
}

static void a_record_becomes_a_sample_named_by_its_place(void **state)
{
    (void)state;
    struct dataset set;
    struct error err = {{0}};
    assert_ok(open_vizwiz(&set, NULL, DATA, &err), err);
    assert_int_equal(set.n_samples, 3);
    assert_int_equal(set.n_images, 3);
    const struct sample *second = &set.samples[1];
    assert_string_equal(second->id, "1");
    assert_string_equal(second->image_name, "VizWiz_val_00000001.jpg");
    assert_string_equal(second->image_path, DATA "/val/VizWiz_val_00000001.jpg");
    /* As it stands, with its capitals and the space behind. */
    assert_string_equal(second->question, "Can you read the LABEL? ");
    assert_string_equal(second->category, "unanswerable");
    assert_false(is_answerable(second));
    assert_true(is_answerable(&set.samples[0]));
    assert_string_equal(set.samples[0].answers[6], "Black");
    assert_contains(set.note, "val.json: 3 questions, not the official count (4,319)");
    dataset_close(&set);
}

static void the_test_split_has_no_answers(void **state)
{
    (void)state;
    struct dataset set;
    struct error err = {{0}};
    assert_ok(open_vizwiz(&set, "test", DATA, &err), err);
    assert_int_equal(set.n_samples, 3);
    assert_int_equal(set.samples[0].n_answers, 0);
    assert_null(set.samples[0].facts);
    assert_contains(set.note, "the official count (8,000)");
    dataset_close(&set);
}

static void pictures_lie_where_tri_or_the_challenge_puts_them(void **state)
{
    (void)state;
    static const char *const folders[] = {"test", "test_images", "images/test"};
    for (size_t i = 0; i < 3; i++) {
        struct folder folder = folder_create();
        folder_add(&folder, folders[i]);
        folder_add(&folder, "Annotations");
        folder_write(&folder, "Annotations/test.json",
                     "[{\"image\": \"a.jpg\", \"question\": \"\"}]");
        struct dataset set;
        struct error err = {{0}};
        assert_ok(open_vizwiz(&set, "test", folder.path, &err), err);
        char expected[64];
        snprintf(expected, sizeof expected, "/%s/a.jpg", folders[i]);
        assert_contains(set.samples[0].image_path, expected);
        dataset_close(&set);
        assert_int_equal(open_vizwiz(&set, "val", folder.path, &err), STATUS_NOT_FOUND);
        assert_contains(err.text, "val.json");
        folder_remove(&folder);
    }
}

#define TEN "\"x\",\"x\",\"x\",\"x\",\"x\",\"x\",\"x\",\"x\",\"x\",\"x\""
#define RECORD(image, question, answers, answerable)                                               \
    "{\"image\": " image ", \"question\": " question ", \"answers\": [" answers                    \
    "], \"answer_type\": \"other\", \"answerable\": " answerable "}"

static void a_damaged_file_is_refused_with_file_record_and_reason(void **state)
{
    (void)state;
#define SOUND RECORD("\"a.jpg\"", "\"q\"", TEN, "1")
    static const struct {
        const char *text, *cause;
    } cases[] = {
        {"[]", "val.json: the array is empty"},
        {"{}", "val.json: line 1, column 1: a JSON array is expected"},
        {"[" SOUND, "val.json: [1]: line 1"},
        {"[" SOUND "," RECORD("\"../a.jpg\"", "\"q\"", TEN, "1") "]",
         "val.json: [1]: the picture '../a.jpg' does not lie in the folder of the pictures"},
        {"[" RECORD("\"..\"", "\"q\"", TEN, "1") "]",
         "picture '..' does not lie in the folder of the pictures"},
        {"[" RECORD("\"\"", "\"q\"", TEN, "1") "]", "\"image\" is empty"},
        {"[" RECORD("null", "\"q\"", TEN, "1") "]", "[0]: \"image\" is not a string"},
        {"[" RECORD("\"a.jpg\"", "null", TEN, "1") "]", "[0]: \"question\" is not a string"},
        {"[" RECORD("\"a.jpg\"", "\"q\"", TEN ",\"x\"", "1") "]", "11 answers, 10 are expected"},
        {"[" RECORD("\"a.jpg\"", "\"q\"", TEN, "2") "]", "\"answerable\" is 2, 0 or 1"},
        {"[" RECORD("\"a.jpg\"", "\"q\"", TEN, "\"1\"") "]", "\"answerable\" is not a number"},
        {"[{\"image\": \"a.jpg\", \"question\": \"q\"}]", "\"answerable\" is missing"},
        {"[" RECORD("\"a.jpg\"", "\"\\udc00\"", TEN, "1") "]", "val.json: [0]: line 1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct folder folder = folder_create();
        folder_write(&folder, "val.json", cases[i].text);
        assert_contains(refusal_of_dataset("vizwiz", NULL, folder.path).text, cases[i].cause);
        folder_remove(&folder);
    }
}

static void running_out_of_memory_anywhere_is_reported(void **state)
{
    (void)state;
    assert_loading_reports_no_memory("vizwiz", NULL, DATA);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_becomes_a_sample_named_by_its_place),
        cmocka_unit_test(the_test_split_has_no_answers),
        cmocka_unit_test(pictures_lie_where_tri_or_the_challenge_puts_them),
        cmocka_unit_test(a_damaged_file_is_refused_with_file_record_and_reason),
        cmocka_unit_test(running_out_of_memory_anywhere_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
