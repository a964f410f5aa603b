#include "tests/check.h"
#include "tests/dataset_files.h"

#include "datasets/dataset.h"
#include "datasets/jsonl.h"

#define DATA "tests/data/pope"

static const char *const names[] = {"coco_pope_adversarial.json", "coco_pope_popular.json",
                                    "coco_pope_random.json"};

static const char good[] = "{\"question_id\": 1, \"image\": \"a.jpg\", \"text\": \"Is there a "
                           "dog?\", \"label\": \"yes\"}\n"
                           "{\"question_id\": 2, \"image\": \"a.jpg\", \"text\": \"Is there a "
                           "cat?\", \"label\": \"no\"}\n";

static enum status open_pope(struct dataset *set, const char *directory, struct error *err)
{
    return dataset_open(set, dataset_kind_find("pope"), NULL, directory, err);
}

/* Writes three files with prefix in front of their names; the random one holds text. */
static void write_three(const struct folder *folder, const char *prefix, const char *text,
                        size_t size)
{
    char name[128];
    for (size_t i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "%s%s", prefix, names[i]);
        folder_write_bytes(folder, name, i == 2 ? text : good, i == 2 ? size : strlen(good));
    }
}

/* The sentence of the error that the random file with this content gives. */
static struct error refusal_of(const char *text, size_t size)
{
    struct folder folder = folder_create();
    write_three(&folder, "", text, size);
    struct error err = refusal_of_dataset("pope", NULL, folder.path);
    folder_remove(&folder);
    return err;
}

static void samples_come_split_by_split_in_tri_order(void **state)
{
    (void)state;
    struct dataset set;
    struct error err = {{0}};
    assert_ok(open_pope(&set, DATA, &err), err);
    assert_int_equal(set.n_samples, 20);
    assert_int_equal(set.n_files, 3);
    assert_int_equal(set.n_images, 3);
    assert_string_equal(set.variant, "coco");
    assert_string_equal(set.samples[0].id, "adversarial/1");
    assert_string_equal(set.samples[7].id, "popular/1");
    assert_string_equal(set.samples[14].id, "random/1");
    assert_string_equal(set.samples[19].id, "random/6");
    assert_string_equal(set.samples[0].group, "adversarial");
    assert_string_equal(set.samples[0].question, "Is there a kettle in the image?");
    assert_int_equal(set.samples[0].n_answers, 1);
    assert_string_equal(set.samples[0].answers[0], "yes");
    assert_string_equal(set.samples[0].image_name, "COCO_val2014_000000000101.jpg");
    assert_null(set.samples[0].category);
    assert_int_equal(set.files[0].n_samples, 7);
    assert_int_equal(strlen(set.files[2].sha256.hex), 64);
    dataset_close(&set);
}

static void counts_that_are_not_official_are_noted_not_refused(void **state)
{
    (void)state;
    struct dataset set;
    struct error err = {{0}};
    assert_ok(open_pope(&set, DATA, &err), err);
    assert_non_null(set.note);
    assert_contains(set.note, "coco_pope_adversarial.json: 7 questions, not an official count");
    assert_contains(set.note, "or 2,910 in POPE commit e3e3926");
    dataset_close(&set);
}

static void files_lie_in_the_folder_or_in_coco_or_in_output_coco(void **state)
{
    (void)state;
    static const char *const prefixes[] = {"", "coco/", "output/coco/"};
    for (size_t i = 0; i < 3; i++) {
        struct folder folder = folder_create();
        folder_add(&folder, "output/coco");
        folder_add(&folder, "coco");
        write_three(&folder, prefixes[i], good, strlen(good));
        struct dataset set;
        struct error err = {{0}};
        assert_ok(open_pope(&set, folder.path, &err), err);
        assert_int_equal(set.n_samples, 6);
        assert_contains(set.files[0].path, prefixes[i]);
        dataset_close(&set);
        folder_remove(&folder);
    }
}

static void pictures_are_looked_for_in_the_first_folder_that_exists(void **state)
{
    (void)state;
    struct folder folder = folder_create();
    folder_add(&folder, "pope/images");
    folder_add(&folder, "coco/val2014");
    write_three(&folder, "pope/", good, strlen(good));
    char directory[128];
    snprintf(directory, sizeof directory, "%s/pope", folder.path);
    static const char *const expected[] = {"/pope/val2014/a.jpg", "/pope/images/a.jpg",
                                           "/pope/../coco/val2014/a.jpg", "/pope/val2014/a.jpg"};
    for (size_t i = 0; i < 4; i++) {
        char path[160];
        snprintf(path, sizeof path, "%s/val2014", directory);
        if (i == 0)
            folder_add(&folder, "pope/val2014");
        else
            rmdir(path);
        snprintf(path, sizeof path, "%s/images", directory);
        if (i == 2)
            rmdir(path);
        snprintf(path, sizeof path, "%s/coco/val2014", folder.path);
        if (i == 3)
            rmdir(path);
        struct dataset set;
        struct error err = {{0}};
        assert_ok(open_pope(&set, directory, &err), err);
        assert_contains(set.samples[0].image_path, expected[i]);
        dataset_close(&set);
    }
    folder_remove(&folder);
}

static void line_ends_do_not_matter(void **state)
{
    (void)state;
    static const char line[] = "{\"question_id\": 1, \"image\": \"a.jpg\", \"text\": \"Is\", "
                               "\"label\": \"no\"}";
    static const char *const ends[] = {"", "\n", "\r\n", "\n\n", "\r\n\r\n \t\r\n", "\n  \n\n"};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        char text[256];
        snprintf(text, sizeof text, "%s%s", line, ends[i]);
        struct folder folder = folder_create();
        write_three(&folder, "", text, strlen(text));
        struct dataset set;
        struct error err = {{0}};
        assert_ok(open_pope(&set, folder.path, &err), err);
        assert_int_equal(set.n_samples, 5);
        assert_string_equal(set.samples[4].answers[0], "no");
        dataset_close(&set);
        folder_remove(&folder);
    }
}

static void a_damaged_file_is_refused_with_file_and_line(void **state)
{
    (void)state;
#define ONE "{\"question_id\": 1, \"image\": \"a.jpg\", \"text\": \"Is\", \"label\": \"no\"}\n"
    static const struct {
        const char *text, *place, *cause;
    } cases[] = {
        {"", "random.json:1:", "holds no question"},
        {"\n\n", "random.json:1:", "holds no question"},
        {"\xEF\xBB\xBF" ONE, "random.json:1:", "byte order mark"},
        {ONE "{\"question_id\": 2, \"image\": \"a\xFF.jpg\"", "random.json:2:", "not UTF-8"},
        {ONE "{\"question_id\": 2, \"image\": \"a.jp", "random.json:2:", "column"},
        {ONE "{\"question_id\": 2} x\n", "random.json:2:", "text behind the JSON value"},
        {ONE "[1, 2]\n", "random.json:2:", "not a JSON object"},
        {"[\n" ONE, "random.json: [1]: line 3", "',' or ']' is expected"},
        {"[" ONE ", " ONE "]", "random.json: [1]:", "question_id 1 was in [0] already"},
        {"[" ONE ", 3]", "random.json: [1]:", "not a JSON object"},
        {"{\"question_id\": 1, \"image\": \"../a.jpg\", \"text\": \"Is\", \"label\": \"no\"}",
         "random.json:1:", "does not lie in the folder"},
        {"{\"question_id\": 1, \"image\": \"b/../../a\", \"text\": \"Is\", \"label\": \"no\"}",
         "random.json:1:", "does not lie in the folder"},
        {"{\"question_id\": 1, \"image\": \"/a.jpg\", \"text\": \"Is\", \"label\": \"no\"}",
         "random.json:1:", "does not lie in the folder"},
        {ONE "\n" ONE, "random.json:2:", "blank line"},
        {ONE ONE, "random.json:2:", "question_id 1 was on line 1"},
        {"{\"image\": \"a.jpg\", \"text\": \"Is\", \"label\": \"no\"}",
         "random.json:1:", "\"question_id\" is missing"},
        {"{\"question_id\": \"1\", \"image\": \"a\", \"text\": \"Is\", \"label\": \"no\"}",
         "random.json:1:", "\"question_id\" is not a number"},
        {"{\"question_id\": 1.5, \"image\": \"a\", \"text\": \"Is\", \"label\": \"no\"}",
         "random.json:1:", "whole number"},
        {"{\"question_id\": 1, \"image\": 3, \"text\": \"Is\", \"label\": \"no\"}",
         "random.json:1:", "\"image\" is not a string"},
        {"{\"question_id\": 1, \"image\": \"\", \"text\": \"Is\", \"label\": \"no\"}",
         "random.json:1:", "\"image\" is empty"},
        {"{\"question_id\": 1, \"image\": \"a\", \"text\": null, \"label\": \"no\"}",
         "random.json:1:", "\"text\" is not a string"},
        {"{\"question_id\": 1, \"image\": \"a\", \"text\": \"Is\", \"label\": true}",
         "random.json:1:", "\"label\" is not a string"},
        {"{\"question_id\": 1, \"image\": \"a\", \"text\": \"Is\"}",
         "random.json:1:", "\"label\" is missing"},
    };
#undef ONE
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error err = refusal_of(cases[i].text, strlen(cases[i].text));
        assert_contains(err.text, cases[i].place);
        assert_contains(err.text, cases[i].cause);
    }
    static const char with_nul[] = "{\"question_id\": 1\0}";
    struct error err = refusal_of(with_nul, sizeof with_nul - 1);
    assert_contains(err.text, "random.json:1: byte 17 of the file is NUL");
}

static void a_missing_file_or_folder_is_named(void **state)
{
    (void)state;
    struct folder folder = folder_create();
    struct dataset set;
    struct error err = {{0}};
    assert_int_equal(open_pope(&set, folder.path, &err), STATUS_NOT_FOUND);
    assert_contains(err.text, "coco_pope_adversarial.json");
    assert_int_equal(open_pope(&set, "/nowhere/at/all", &err), STATUS_NOT_FOUND);
    assert_contains(err.text, "/nowhere/at/all");
    assert_int_equal(dataset_open(&set, dataset_kind_find("pope"), "seem", DATA, &err),
                     STATUS_NOT_FOUND);
    assert_contains(err.text, "no variant 'seem'; there is: coco");
    assert_null(dataset_kind_find("vqav9"));
    folder_remove(&folder);
}

/* The other two sets are arrays, and one may be lines all the same. */
static void the_other_sets_are_read_as_arrays_or_lines(void **state)
{
    (void)state;
    static const char array[] =
        "[\n  {\"question_id\": 1, \"image\": \"a.jpg\", \"text\": \"Is\", \"label\": \"no\"},"
        "\n  {\"question_id\": 2, \"image\": \"b.jpg\", \"text\": \"Is\", \"label\": \"yes\"}\n]";
    static const char *const sets[] = {"aokvqa", "gqa"};
    static const char *const images[] = {"/val2014/a.jpg", "/images/a.jpg"};
    for (size_t s = 0; s < 2; s++) {
        static const char *const splits[] = {"adversarial", "popular", "random"};
        struct folder folder = folder_create();
        char name[128];
        struct dataset set;
        struct error err = {{0}};
        snprintf(name, sizeof name, "output/seem/%s", sets[s]);
        folder_add(&folder, name);
        for (size_t i = 0; i < 3; i++) {
            snprintf(name, sizeof name, "output/seem/%s/%s_pope_seem_%s.json", sets[s], sets[s],
                     splits[i]);
            folder_write(&folder, name, i == 1 ? good : array);
        }
        assert_ok(dataset_open(&set, dataset_kind_find("pope"), sets[s], folder.path, &err), err);
        assert_int_equal(set.n_samples, 6);
        assert_string_equal(set.samples[1].id, "adversarial/2");
        assert_string_equal(set.samples[1].answers[0], "yes");
        assert_string_equal(set.samples[4].group, "random");
        assert_contains(set.samples[0].image_path, images[s]);
        assert_contains(set.note, "_pope_seem_random.json: 2 questions, not an official count");
        dataset_close(&set);
        folder_remove(&folder);
    }
}

static void popev2_is_one_file_of_pairs_with_labels_in_capitals(void **state)
{
    (void)state;
    static const char pairs[] =
        "[{\"image_id\": 1, \"image_name\": \"/images/1.jpg\", \"target_object\": \"cup\", "
        "\"query\": \"Is there a cup in the image?\", \"label\": \"No\"}, {\"image_id\": 1, "
        "\"image_name\": \"/coco/train2017/1.jpg\", \"target_object\": \"cup\", "
        "\"query\": \"Is there a cup in the image?\", \"label\": \"Yes\"}]";
    struct folder folder = folder_create();
    struct dataset set;
    struct error err = {{0}};
    folder_add(&folder, "dataset");
    folder_write(&folder, "dataset/annotations.json", pairs);
    assert_ok(dataset_open(&set, dataset_kind_find("pope"), "v2", folder.path, &err), err);
    assert_int_equal(set.n_samples, 2);
    assert_string_equal(set.samples[0].id, "0");
    assert_string_equal(set.samples[0].answers[0], "no");
    assert_string_equal(set.samples[1].answers[0], "yes");
    assert_contains(set.samples[1].image_path, "/dataset/coco/train2017/1.jpg");
    assert_contains(set.note, "POPEv2: 2 questions, not the official count (1,000)");
    dataset_close(&set);
    folder_write(&folder, "dataset/annotations.json",
                 "[{\"image_name\": \"a\", \"query\": \"Is\", \"label\": \"no\"}]");
    assert_int_equal(dataset_open(&set, dataset_kind_find("pope"), "v2", folder.path, &err),
                     STATUS_BAD_FORMAT);
    assert_contains(err.text, "annotations.json: [0]: \"label\" is 'no', not Yes or No");
    folder_remove(&folder);
}

static void a_label_that_is_neither_yes_nor_no_is_noted(void **state)
{
    (void)state;
    static const char text[] =
        "{\"question_id\": 1, \"image\": \"a\", \"text\": \"Is\", \"label\": \"No\"}";
    struct folder folder = folder_create();
    write_three(&folder, "", text, strlen(text));
    struct dataset set;
    struct error err = {{0}};
    assert_ok(open_pope(&set, folder.path, &err), err);
    assert_contains(set.note, "1 labels are neither");
    dataset_close(&set);
    folder_remove(&folder);
}

static void selecting_keeps_the_listed_samples_in_that_order(void **state)
{
    (void)state;
    struct dataset set;
    struct error err = {{0}};
    assert_ok(open_pope(&set, DATA, &err), err);
    static const size_t indices[] = {15, 0, 1};
    dataset_select(&set, indices, 3);
    assert_int_equal(set.n_samples, 3);
    assert_string_equal(set.samples[0].id, "random/2");
    assert_string_equal(set.samples[1].id, "adversarial/1");
    assert_int_equal(set.n_images, 1);
    dataset_select(&set, NULL, 0);
    assert_int_equal(set.n_samples, 0);
    assert_int_equal(set.n_images, 0);
    dataset_close(&set);
}

static void an_escaped_nul_does_not_end_a_string(void **state)
{
    (void)state;
    char text[] = "{\"a\": \"no\\u0000x\", \"b\": \"\\\\u0000\"}";
    jsonl_replace_nul(text, strlen(text));
    assert_string_equal(text, "{\"a\": \"no\\ufffdx\", \"b\": \"\\\\u0000\"}");
}

static void running_out_of_memory_anywhere_is_reported(void **state)
{
    (void)state;
    assert_loading_reports_no_memory("pope", NULL, DATA);
}

static void the_real_files_are_read_and_their_version_is_named(void **state)
{
    (void)state;
    const char *shared = shared_or_skip(__func__);
    if (!shared)
        skip();
    char path[512];
    struct dataset set;
    struct error err = {{0}};
    snprintf(path, sizeof path, "%s/data/pope/2910", shared);
    assert_ok(open_pope(&set, path, &err), err);
    assert_int_equal(set.n_samples, 8910);
    assert_int_equal(set.n_images, 500);
    assert_contains(set.note, "8,910-question version that LLaVA and Cobra scored on");
    dataset_close(&set);
    snprintf(path, sizeof path, "%s/data/pope", shared);
    assert_ok(open_pope(&set, path, &err), err);
    assert_int_equal(set.n_samples, 9000);
    assert_int_equal(set.n_images, 500);
    assert_null(set.note);
    assert_string_equal(set.samples[8999].id, "random/3000");
    dataset_close(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_come_split_by_split_in_tri_order),
        cmocka_unit_test(counts_that_are_not_official_are_noted_not_refused),
        cmocka_unit_test(files_lie_in_the_folder_or_in_coco_or_in_output_coco),
        cmocka_unit_test(pictures_are_looked_for_in_the_first_folder_that_exists),
        cmocka_unit_test(line_ends_do_not_matter),
        cmocka_unit_test(a_damaged_file_is_refused_with_file_and_line),
        cmocka_unit_test(a_missing_file_or_folder_is_named),
        cmocka_unit_test(the_other_sets_are_read_as_arrays_or_lines),
        cmocka_unit_test(popev2_is_one_file_of_pairs_with_labels_in_capitals),
        cmocka_unit_test(a_label_that_is_neither_yes_nor_no_is_noted),
        cmocka_unit_test(selecting_keeps_the_listed_samples_in_that_order),
        cmocka_unit_test(an_escaped_nul_does_not_end_a_string),
        cmocka_unit_test(running_out_of_memory_anywhere_is_reported),
        cmocka_unit_test(the_real_files_are_read_and_their_version_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
