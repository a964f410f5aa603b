/* Hand-made runs on six captions, read back for the page. */
#include "tests/check.h"

#include "tests/dataset_files.h"

#include "eval/run_gallery.h"

#include <math.h>

#define DATA "tests/data/cli/vsr"

/* The manifest of a run on the first n captions, n <= 3. */
static void add_manifest(struct text *out, const char *model, const char *data, int n)
{
    struct arena arena;
    struct protocol protocol;
    struct error err = {""};
    arena_init(&arena);
    assert_ok(protocol_open(&protocol, "vsr@triml", &arena, &err), err);
    text_addf(out,
              "{\"protocol\": {\"name\": \"vsr@triml\", \"hash\": \"%s\","
              " \"message\": \"{question}?\", \"choices\": [\"True\", \"False\"]},"
              " \"data\": {\"directory\": \"%s\"}, \"model\": {\"name\": \"%s\"},"
              " \"selection\": {\"samples\": %d, \"sample_ids\": [%s]}}",
              protocol.hash, data, model, n,
              n == 1   ? "\"0\""
              : n == 2 ? "\"0\", \"1\""
                       : "\"0\", \"1\", \"2\"");
    arena_release(&arena);
}

static const char scores[] = "{\"headline\": \"accuracy\", \"scores\": [{\"name\": \"accuracy\", "
                             "\"value\": 0.5, \"n\": 6}]}";

static void write_run(const struct folder *folder, const char *name, const char *model,
                      const char *data, int n, const char *log)
{
    char path[128];
    struct text text;
    text_init(&text);
    add_manifest(&text, model, data, n);
    folder_add(folder, name);
    snprintf(path, sizeof path, "%s/manifest.json", name);
    folder_write(folder, path, text_string(&text));
    snprintf(path, sizeof path, "%s/scores.json", name);
    folder_write(folder, path, scores);
    snprintf(path, sizeof path, "%s/predictions.jsonl", name);
    folder_write(folder, path, log);
    text_release(&text);
}

/* Sample 0 is labelled False, 1 True; sample 2 has no line in the first run. */
static const char first_log[] =
    "{\"id\": \"0\", \"image\": \"000000000001.png\", \"probabilities\": [0.9, 0.1]}\n"
    "{\"id\": \"1\", \"image\": \"000000000002.png\", \"probabilities\": [0.8, 0.2]}\n";
static const char second_log[] =
    "{\"id\": \"0\", \"image\": \"000000000001.png\", \"probabilities\": [0.2, 0.8]}\n"
    "{\"id\": \"1\", \"image\": \"000000000002.png\", \"error\": \"torn\"}\n";

struct opened {
    struct folder folder;
    struct run_list list;
    struct run_gallery made;
    struct text notes;
};

static const struct run_gallery_options here = {.most_samples = 100, .directory = "tests"};

static void open_runs(struct opened *opened, const struct run_gallery_options *options)
{
    struct error err = {""};
    const char *operand = opened->folder.path;
    text_init(&opened->notes);
    assert_ok(run_list_open(&opened->list, &operand, 1, true, &err), err);
    assert_ok(run_gallery_open(&opened->made, &opened->list, options, &opened->notes, &err), err);
}

static void close_runs(struct opened *opened)
{
    run_gallery_close(&opened->made);
    run_list_close(&opened->list);
    text_release(&opened->notes);
    folder_remove(&opened->folder);
}

static void runs_of_a_protocol_share_their_samples(void **state)
{
    (void)state;
    struct opened opened = {.folder = folder_create()};
    write_run(&opened.folder, "a", "m", DATA, 3, first_log);
    write_run(&opened.folder, "b", "n", DATA, 2, second_log);
    open_runs(&opened, &here);
    assert_int_equal(opened.made.gallery.n_tasks, 1);
    const struct gallery_task *task = &opened.made.gallery.tasks[0];
    assert_int_equal(task->n_samples, 3);
    assert_int_equal(task->n_runs, 2);
    assert_string_equal(task->runs[1], "n");
    const struct gallery_sample *sample = &task->samples[0];
    assert_string_equal(sample->id, "0");
    assert_string_equal(sample->question, "The cat is left of the cat.");
    assert_string_equal(sample->references[0], "False");
    assert_string_equal(sample->group, "left of");
    assert_null(sample->prompt); /* it is the message that the run was asked with */
    assert_string_equal(task->message, "{question}?");
    assert_string_equal(opened.made.gallery.images[sample->image].path,
                        "data/cli/vsr/images/000000000001.png");
    const struct gallery_answer *first = task->answers[0], *second = task->answers[1];
    assert_true(first[0].right == 0 && first[0].credit == 0 && first[0].probabilities[0] == 0.9);
    assert_true(second[0].right == 1 && second[0].credit == 1);
    assert_true(first[1].right == 1);
    assert_string_equal(second[1].failure, "torn");
    assert_string_equal(first[2].failure, "no prediction");
    assert_true(first[2].asked && !second[2].asked); /* the second run was not asked it */
    assert_false(opened.made.is_incomplete);
    close_runs(&opened);
}

static void two_runs_of_one_name_are_told_apart(void **state)
{
    (void)state;
    struct opened opened = {.folder = folder_create()};
    write_run(&opened.folder, "a", "m", DATA, 2, first_log);
    write_run(&opened.folder, "b", "m", DATA, 2, second_log);
    open_runs(&opened, &here);
    assert_contains(opened.made.gallery.tasks[0].runs[0], "m (");
    assert_contains(opened.made.gallery.tasks[0].runs[0], "/a)");
    close_runs(&opened);
}

static void the_number_of_samples_is_bounded_and_told(void **state)
{
    (void)state;
    struct opened opened = {.folder = folder_create()};
    struct run_gallery_options one = {.most_samples = 1, .directory = "."};
    write_run(&opened.folder, "a", "m", DATA, 3, first_log);
    write_run(&opened.folder, "b", "n", DATA, 2, second_log);
    open_runs(&opened, &one);
    assert_int_equal(opened.made.gallery.tasks[0].n_samples, 1);
    assert_int_equal(opened.made.gallery.tasks[0].n_left_out, 2);
    close_runs(&opened);
}

static void without_the_benchmark_answers_are_left(void **state)
{
    (void)state;
    struct opened opened = {.folder = folder_create()};
    write_run(&opened.folder, "a", "m", "/nowhere", 2, first_log);
    open_runs(&opened, &here);
    const struct gallery_task *task = &opened.made.gallery.tasks[0];
    assert_true(opened.made.is_incomplete);
    assert_contains(text_string(&opened.notes), "by their answers alone");
    assert_contains(text_string(&opened.notes), "/nowhere");
    assert_int_equal(task->n_samples, 2);
    assert_null(task->samples[0].question);
    assert_null(opened.made.gallery.images[0].path);
    assert_true(task->answers[0][0].right == -1 && isnan(task->answers[0][0].credit));
    assert_true(task->answers[0][0].probabilities[0] == 0.9);
    assert_string_equal(task->choices[1], "False");
    close_runs(&opened);
}

static void previews_are_inside(void **state)
{
    (void)state;
    struct opened opened = {.folder = folder_create()};
    struct run_gallery_options small = {.most_samples = 9, .has_previews = true, .directory = "."};
    write_run(&opened.folder, "a", "m", DATA, 2, first_log);
    open_runs(&opened, &small);
    for (size_t i = 0; i < 2; i++) {
        const struct gallery_image *image = &opened.made.gallery.images[i];
        assert_true(image->preview_bytes > 100);
        assert_memory_equal(image->preview, "\xff\xd8\xff", 3);
    }
    close_runs(&opened);
}

static void pictures_that_are_gone_are_counted(void **state)
{
    (void)state;
    struct opened opened = {.folder = folder_create()};
    char path[128];
    static const char line[] = "{\"image\": \"gone.png\", \"caption\": \"c\", \"label\": 1, "
                               "\"relation\": \"under\"}\n";
    folder_add(&opened.folder, "data/zeroshot");
    folder_write(&opened.folder, "data/zeroshot/test.jsonl", line);
    snprintf(path, sizeof path, "%s/data", opened.folder.path);
    write_run(&opened.folder, "run", "m", path, 1, first_log);
    open_runs(&opened, &here);
    assert_true(opened.made.is_incomplete);
    assert_contains(text_string(&opened.notes), "1 of 1 pictures cannot be shown");
    assert_contains(text_string(&opened.notes), "gone.png");
    assert_null(opened.made.gallery.images[0].path);
    close_runs(&opened);
}

static void no_allocation_failure_leaks_or_passes_unseen(void **state)
{
    (void)state;
    struct opened opened = {.folder = folder_create()};
    struct error err = {""};
    const char *operand = opened.folder.path;
    write_run(&opened.folder, "a", "m", DATA, 3, first_log);
    write_run(&opened.folder, "b", "n", DATA, 2, second_log);
    assert_ok(run_list_open(&opened.list, &operand, 1, true, &err), err);
    for (long n = 1;; n++) {
        text_init(&opened.notes);
        fail_allocation(n);
        enum status status =
            run_gallery_open(&opened.made, &opened.list, &here, &opened.notes, &err);
        int failed = allocation_has_failed();
        fail_allocation(0);
        if (failed)
            assert_true(status == STATUS_NO_MEMORY || opened.notes.failed);
        if (status == STATUS_OK)
            run_gallery_close(&opened.made);
        text_release(&opened.notes);
        if (!failed)
            break;
        assert_true(n < 100000);
    }
    run_list_close(&opened.list);
    folder_remove(&opened.folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_of_a_protocol_share_their_samples),
        cmocka_unit_test(two_runs_of_one_name_are_told_apart),
        cmocka_unit_test(the_number_of_samples_is_bounded_and_told),
        cmocka_unit_test(without_the_benchmark_answers_are_left),
        cmocka_unit_test(previews_are_inside),
        cmocka_unit_test(pictures_that_are_gone_are_counted),
        cmocka_unit_test(no_allocation_failure_leaks_or_passes_unseen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
