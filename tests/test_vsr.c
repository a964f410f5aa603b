#include "tests/check.h"
#include "tests/dataset_files.h"

#include "datasets/dataset.h"
#include "datasets/vsr_relations.h"

#define DATA "tests/data/vsr"

static enum status open_vsr(struct dataset *set, const char *variant, const char *directory,
                            struct error *err)
{
    return dataset_open(set, dataset_kind_find("vsr"), variant, directory, err);
}

static void a_caption_becomes_a_sample(void **state)
{
    (void)state;
    struct dataset set;
    struct error err = {{0}};
    assert_ok(open_vsr(&set, NULL, DATA, &err), err);
    assert_string_equal(set.variant, "zeroshot");
    assert_int_equal(set.n_samples, 6);
    assert_int_equal(set.n_images, 4);
    const struct sample *first = &set.samples[0], *second = &set.samples[1];
    assert_string_equal(first->id, "0");
    assert_string_equal(second->id, "1");
    assert_string_equal(first->question, "The kettle is behind the lamp.");
    assert_string_equal(first->answers[0], "True");
    assert_string_equal(second->answers[0], "False");
    assert_string_equal(first->group, "behind");
    assert_string_equal(first->category, "Projective");
    assert_string_equal(first->image_path, DATA "/images/000000000201.jpg");
    assert_contains(set.note, "6 captions, not the official count (1,222)");
    assert_contains(set.note, "1 captions have a relation without a meta-category");
    assert_null(set.samples[4].category);
    dataset_close(&set);
}

static void a_relation_listed_twice_has_its_last_category(void **state)
{
    (void)state;
    assert_string_equal(vsr_category("among"), "Unallocated");
    assert_string_equal(vsr_category("touching"), "Topological");
    assert_string_equal(vsr_category("at the edge of"), "Adjacency");
    assert_string_equal(vsr_category("down from"), "Directional");
    assert_string_equal(vsr_category("far away from"), "Proximity");
    assert_null(vsr_category("congruent"));
    assert_null(vsr_category(""));
    assert_int_equal(vsr_n_entries(), 71);
}

static void every_variant_has_its_own_file(void **state)
{
    (void)state;
    static const struct {
        const char *variant, *file;
    } cases[] = {
        {"zeroshot", "zeroshot/test.jsonl"},    {"zeroshot", "data/splits/zeroshot/test.jsonl"},
        {"random", "random/test.jsonl"},        {"random", "data/splits/random/test.jsonl"},
        {"zeroshot-dev", "zeroshot/dev.jsonl"}, {"random-dev", "random/dev.jsonl"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct folder folder = folder_create();
        folder_add(&folder, "zeroshot");
        folder_add(&folder, "random");
        folder_add(&folder, "data/splits/zeroshot");
        folder_add(&folder, "data/splits/random");
        folder_write(&folder, cases[i].file,
                     "{\"image\": \"a.jpg\", \"caption\": \"C.\", \"label\": 0, \"relation\": "
                     "\"on\"}");
        struct error err = {{0}};
        for (size_t v = 0; dataset_kind_find("vsr")->variants[v]; v++) {
            const char *variant = dataset_kind_find("vsr")->variants[v];
            struct dataset set;
            enum status status = open_vsr(&set, variant, folder.path, &err);
            if (strcmp(variant, cases[i].variant) == 0) {
                assert_ok(status, err);
                dataset_close(&set);
            } else {
                assert_int_equal(status, STATUS_NOT_FOUND);
            }
        }
        folder_remove(&folder);
    }
}

static void a_damaged_file_is_refused_with_file_and_line(void **state)
{
    (void)state;
#define ONE "{\"image\": \"a.jpg\", \"caption\": \"C.\", \"label\": 1, \"relation\": \"on\"}\n"
    static const struct {
        const char *text, *cause;
    } cases[] = {
        {"", "test.jsonl:1: the file holds no caption"},
        {ONE "{\"image\": \"a.jpg\", \"caption\": \"C.\", \"label\": 2, \"relation\": \"on\"}",
         "test.jsonl:2: \"label\" is 2, 0 or 1 is expected"},
        {ONE "{\"image\": \"a.jpg\", \"caption\": \"C.\", \"label\": true, \"relation\": \"on\"}",
         "test.jsonl:2: \"label\" is not a number"},
        {ONE "{\"image\": \"a.jpg\", \"caption\": \"C.\", \"label\": \"1\", \"relation\": \"on\"}",
         "test.jsonl:2: \"label\" is not a number"},
        {ONE "{\"image\": \"a.jpg\", \"label\": 1, \"relation\": \"on\"}",
         "test.jsonl:2: \"caption\" is missing"},
        {ONE "{\"image\": \"a.jpg\", \"caption\": \"C.\", \"label\": 1}",
         "test.jsonl:2: \"relation\" is missing"},
        {ONE "{\"caption\": \"C.\", \"label\": 1, \"relation\": \"on\"}",
         "test.jsonl:2: \"image\" is missing"},
        {ONE "{\"image\": \"../a.jpg\", \"caption\": \"C.\", \"label\": 1, \"relation\": \"on\"}",
         "test.jsonl:2: the picture '../a.jpg' does not lie in the folder"},
        {ONE "\n" ONE, "test.jsonl:2: a blank line in the middle"},
        {ONE "{\"image\": \"a", "test.jsonl:2:"},
    };
#undef ONE
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct folder folder = folder_create();
        folder_write(&folder, "test.jsonl", cases[i].text);
        assert_contains(refusal_of_dataset("vsr", NULL, folder.path).text, cases[i].cause);
        folder_remove(&folder);
    }
}

static void running_out_of_memory_anywhere_is_reported(void **state)
{
    (void)state;
    assert_loading_reports_no_memory("vsr", NULL, DATA);
}

static void the_real_files_have_the_official_counts(void **state)
{
    (void)state;
    const char *shared = shared_or_skip(__func__);
    if (!shared)
        skip();
    static const struct {
        const char *variant;
        size_t n, n_images, n_true;
    } expected[] = {{"zeroshot", 1222, 715, 629},
                    {"random", 2195, 1874, 1181},
                    {"zeroshot-dev", 340, 227, 167},
                    {"random-dev", 1097, 1017, 564}};
    char path[512];
    snprintf(path, sizeof path, "%s/data/vsr", shared);
    for (size_t i = 0; i < 4; i++) {
        struct dataset set;
        struct error err = {{0}};
        assert_ok(open_vsr(&set, expected[i].variant, path, &err), err);
        assert_int_equal(set.n_samples, expected[i].n);
        assert_int_equal(set.n_images, expected[i].n_images);
        size_t n_true = 0;
        for (size_t s = 0; s < set.n_samples; s++)
            n_true += strcmp(set.samples[s].answers[0], "True") == 0;
        assert_int_equal(n_true, expected[i].n_true);
        if (strcmp(expected[i].variant, "random-dev") == 0)
            assert_contains(set.note, "1 captions have a relation without a meta-category");
        else
            assert_null(set.note);
        dataset_close(&set);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_caption_becomes_a_sample),
        cmocka_unit_test(a_relation_listed_twice_has_its_last_category),
        cmocka_unit_test(every_variant_has_its_own_file),
        cmocka_unit_test(a_damaged_file_is_refused_with_file_and_line),
        cmocka_unit_test(running_out_of_memory_anywhere_is_reported),
        cmocka_unit_test(the_real_files_have_the_official_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
