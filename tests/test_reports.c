#include "tests/check.h"

#include "engine/base/file.h"
#include "engine/base/json.h"
#include "reports/json_writer.h"
#include "reports/report.h"
#include "reports/run_record.h"
#include "reports/table.h"

#include <math.h>
#include <unistd.h>

static char directory[] = "/tmp/mambench-report-XXXXXX";

static const char manifest[] =
    "{\"mambench\": \"v1\", \"command\": [\"mambench\", \"run\"],"
    "\"protocol\": {\"name\": \"pope@x\", \"version\": 2, \"hash\": \"abc\", \"title\": \"as X\"},"
    "\"data\": {\"title\": \"POPE\", \"variant\": \"coco\", \"note\": \"a | note\","
    " \"samples\": 100, \"files\": [{\"path\": \"f.json\", \"sha256\": \"aa\", \"samples\": 100}]},"
    "\"selection\": {\"samples\": 80, \"images\": 9}, \"prompts\": {\"first\": \"Q```?\"},"
    "\"model\": {\"name\": \"m\", \"random_weights\": true, \"parameters\": 10,"
    " \"packed_bytes\": 2500000},"
    "\"numerics\": {\"precision\": \"bf16\", \"kernels\": \"avx2\"}, \"threads\": 2, \"seed\": 3,"
    "\"machine\": {\"cpu\": \"C\", \"cores\": 2, \"memory_bytes\": 1073741824},"
    "\"starts\": [{\"seconds\": 1.5, \"peak_rss_bytes\": 5000000},"
    " {\"seconds\": 2, \"peak_rss_bytes\": 4000000}]}";

static const char scores[] =
    "{\"headline\": \"accuracy\", \"correct\": 60, \"failed\": 2, \"warned\": 1, \"scores\": ["
    "{\"name\": \"accuracy\", \"value\": 0.75, \"scale\": 1, \"n\": 80, \"low\": 0.7,"
    " \"high\": 0.8, \"interval\": \"cluster\"},"
    "{\"name\": \"f1\", \"value\": null, \"scale\": 1, \"n\": 80, \"note\": \"no yes\"},"
    "{\"name\": \"tp\", \"value\": 1182, \"scale\": 0, \"n\": 80},"
    "{\"name\": \"percent\", \"value\": 51.4697, \"scale\": 100, \"n\": 80}],"
    "\"floors\": [{\"name\": \"baseline:yes\", \"value\": 0.5},"
    " {\"name\": \"baseline:no\", \"value\": null}],"
    "\"failures\": [{\"id\": \"s/1\", \"reason\": \"cannot | open\"}]}";

static char *place(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return path;
}

static void put(const char *name, const char *text)
{
    struct error err = {""};
    assert_ok(file_write(place(name), text, strlen(text), &err), err);
}

/* Timings of n samples; the first of every four reads its picture. */
static void put_timings(size_t n, const char *tail)
{
    struct text text;
    text_init(&text);
    for (size_t i = 0; i < n; i++)
        text_addf(&text,
                  "{\"id\": \"%zu\", \"image_reused\": %s, \"image_tokens\": %d, "
                  "\"prompt_tokens\": 10, \"tokens\": 3, \"first_token_ns\": %zu, "
                  "\"ns\": {\"read\": %d, \"image\": %d, \"prompt\": 1000, \"decode\": 4000}}\n",
                  i, i % 4 ? "true" : "false", i % 4 ? 0 : 20, (i + 1) * 1000, i % 4 ? 0 : 500,
                  i % 4 ? 0 : 2000);
    text_add(&text, tail);
    put("timings.jsonl", text_string(&text));
    text_release(&text);
}

static int make_directory(void **state)
{
    (void)state;
    return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state)
{
    static const char *const names[] = {"manifest.json", "scores.json", "timings.jsonl",
                                        "report.md", "report.csv"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        unlink(place(names[i]));
    return rmdir(directory);
}

static void put_all(void)
{
    put("manifest.json", manifest);
    put("scores.json", scores);
    put_timings(80, "");
}

static void a_run_is_read_back(void **state)
{
    struct run_record record;
    struct error err = {""};
    (void)state;
    put_all();
    assert_ok(run_record_open(&record, directory, &err), err);
    assert_string_equal(record.protocol, "pope@x");
    assert_string_equal(record.command, "mambench run");
    assert_int_equal(record.n_samples, 80);
    assert_int_equal(record.n_in_dataset, 100);
    assert_true(record.random_weights);
    assert_int_equal(record.n_starts, 2);
    assert_true(record.seconds == 3.5 && record.peak_bytes == 5000000);
    assert_int_equal(record.n_scores, 4);
    assert_string_equal(run_headline(&record)->name, "accuracy");
    assert_true(isnan(record.scores[1].value));
    assert_int_equal(record.n_failures, 1);
    assert_true(isnan(record.state_bytes));
    run_record_close(&record);
}

static void speed_is_medians_and_ratios(void **state)
{
    struct run_record record;
    struct error err = {""};
    (void)state;
    put_all();
    assert_ok(run_record_open(&record, directory, &err), err);
    const struct run_speed *speed = &record.speed;
    assert_int_equal(speed->n, 80);
    assert_int_equal(speed->n_fresh, 20);
    /* Fresh samples 0, 4, ... 76 take 1000, 5000, ... 77000 ns. */
    assert_true(speed->first_token_median_ns == 39000);
    assert_true(isnan(speed->first_token_p90_ns));
    assert_true(speed->reused_median_ns == 41000);
    assert_true(isnan(speed->reused_p90_ns)); /* 60 are not 64 */
    assert_int_equal(speed->n_decoded, 160);
    assert_true(fabs(speed->decode_tokens_per_s - 2 / 4000e-9) < 1e-3);
    assert_true(fabs(speed->prefill_tokens_per_s - 1200 / 120000e-9) < 1e-3);
    assert_int_equal(speed->n_stages, 4);
    assert_string_equal(speed->stages[0].name, "read");
    assert_int_equal(speed->stages[0].n, 20);
    assert_true(speed->stages[0].median_ns == 500);
    run_record_close(&record);
}

static void p90_needs_64_samples(void **state)
{
    struct arena arena;
    struct run_speed speed;
    struct error err = {""};
    (void)state;
    for (size_t fresh = 63; fresh <= 64; fresh++) {
        put_timings(fresh * 4, "");
        arena_init(&arena);
        assert_ok(run_speed_read(&speed, place("timings.jsonl"), &arena, &err), err);
        assert_int_equal(speed.n_fresh, fresh);
        if (fresh < 64)
            assert_true(isnan(speed.first_token_p90_ns));
        else /* the 58th of 64 */
            assert_true(speed.first_token_p90_ns == (57 * 4 + 1) * 1000);
        arena_release(&arena);
    }
}

static void a_torn_last_timing_costs_nothing_else(void **state)
{
    struct arena arena;
    struct run_speed speed;
    struct error err = {""};
    (void)state;
    put_timings(8, "{\"id\": \"8\", \"ns\": {\"re");
    arena_init(&arena);
    assert_ok(run_speed_read(&speed, place("timings.jsonl"), &arena, &err), err);
    assert_int_equal(speed.n, 8);
    put_timings(8, "{\"id\": \"8\"}\n{\"id\": \"9\", \"ns\": {}}\n");
    assert_int_equal(run_speed_read(&speed, place("timings.jsonl"), &arena, &err),
                     STATUS_BAD_FORMAT);
    assert_contains(err.text, "timings.jsonl: line 9");
    arena_release(&arena);
}

static void a_sample_that_was_done_twice_counts_once(void **state)
{
    struct arena arena;
    struct run_speed speed;
    struct error err = {""};
    (void)state;
    put("timings.jsonl", "{\"id\": \"a\", \"first_token_ns\": 5, \"ns\": {}}\n"
                         "{\"id\": \"a\", \"first_token_ns\": 7, \"ns\": {}}\n");
    arena_init(&arena);
    assert_ok(run_speed_read(&speed, place("timings.jsonl"), &arena, &err), err);
    assert_int_equal(speed.n, 1);
    assert_true(speed.first_token_median_ns == 7);
    arena_release(&arena);
}

static void what_was_not_measured_is_blank(void **state)
{
    struct run_record record;
    struct text text;
    struct error err = {""};
    (void)state;
    put_all();
    unlink(place("timings.jsonl"));
    assert_ok(run_record_open(&record, directory, &err), err);
    text_init(&text);
    report_format_find("md")->add(&record, 1, &text);
    assert_null(strstr(text_string(&text), "## Speed"));
    assert_null(strstr(text_string(&text), "nan"));
    text_reset(&text);
    report_format_find("csv")->add(&record, 1, &text);
    assert_null(strstr(text_string(&text), "nan"));
    assert_contains(text_string(&text), "\"f1\",\"0\",\"\",\"1\",\"80\",\"\",\"\"");
    text_reset(&text);
    report_format_find("json")->add(&record, 1, &text);
    cJSON *root = NULL;
    assert_ok(json_parse(&root, text_string(&text), text.length, "report", &err), err);
    cJSON_Delete(root);
    text_release(&text);
    run_record_close(&record);
}

static void the_report_says_what_matters(void **state)
{
    static const char *const parts[] = {
        "# m on pope@x (random weights)",
        "**accuracy 75.00 %**, 95 % interval 70.00 to 80.00 % (images as clusters)",
        "60 of 80 right; 2 failed (counted as wrong)",
        "baseline:yes 50.00 %, baseline:no undefined.",
        "80 of the 100 samples",
        "the weights are random",
        "no yes",
        "| detectable |",
        "| 0.7000 to 0.8000 |     0.1011 |", /* 2.8016 sqrt(2) 0.05 / 1.96 */
        "second, unrelated run of this size",
        "| tp       |   1182 |",
        "cannot \\| open",
        "n<64",
        "Samples with a warning about their picture: 1 ",
        "mambench run",
        "````\nQ```?\n````",
    };
    struct run_record record;
    struct text text;
    struct error err = {""};
    (void)state;
    put_all();
    assert_ok(run_record_open(&record, directory, &err), err);
    text_init(&text);
    report_format_find("md")->add(&record, 1, &text);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        assert_contains(text_string(&text), parts[i]);
    text_release(&text);
    run_record_close(&record);
}

static void different_protocols_are_not_compared_silently(void **state)
{
    struct run_record records[2];
    struct text text;
    struct error err = {""};
    (void)state;
    put_all();
    assert_ok(run_record_open(&records[0], directory, &err), err);
    assert_ok(run_record_open(&records[1], directory, &err), err);
    records[1].protocol = "pope@y";
    text_init(&text);
    report_format_find("md")->add(records, 2, &text);
    assert_contains(text_string(&text), "their scores cannot be compared");
    records[1].protocol = records[0].protocol;
    text_reset(&text);
    report_format_find("md")->add(records, 2, &text);
    assert_null(strstr(text_string(&text), "cannot be compared"));
    text_release(&text);
    run_record_close(&records[0]);
    run_record_close(&records[1]);
}

static void damaged_runs_are_refused_by_name(void **state)
{
    static const struct {
        const char *name, *text, *sentence;
    } cases[] = {
        {"manifest.json", "{", "manifest.json"},
        {"manifest.json", "", "manifest.json"},
        {"manifest.json", "{}", "\"protocol\" or \"model\" is missing"},
        {"scores.json", "[1", "scores.json"},
        {"scores.json", "{\"headline\": \"a\"}", "\"scores\" is missing"},
        {"scores.json", "{\"headline\": \"a\", \"scores\": []}", "the headline \"a\""},
        {"scores.json", "{\"headline\": \"a\", \"scores\": [1]}", "scores.json"},
        {"timings.jsonl", "x\n{}\n", "timings.jsonl: line 1"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct run_record record;
        struct error err = {""};
        put_all();
        put(cases[i].name, cases[i].text);
        assert_int_equal(run_record_open(&record, directory, &err), STATUS_BAD_FORMAT);
        assert_contains(err.text, cases[i].sentence);
    }
}

static void no_allocation_failure_leaks_or_passes_unseen(void **state)
{
    (void)state;
    put_all();
    for (long n = 1;; n++) {
        struct run_record record;
        struct text text;
        struct error err = {""};
        text_init(&text);
        fail_allocation(n);
        enum status status = run_record_open(&record, directory, &err);
        if (status == STATUS_OK) {
            for (size_t i = 0; report_formats[i]; i++)
                report_formats[i]->add(&record, 1, &text);
            if (allocation_has_failed())
                assert_true(text.failed);
            run_record_close(&record);
        } else {
            assert_true(err.text[0] != '\0');
        }
        bool failed = allocation_has_failed();
        fail_allocation(0);
        text_release(&text);
        if (!failed)
            break;
        assert_true(n < 100000);
    }
}

static void a_table_aligns_and_escapes(void **state)
{
    struct arena arena;
    struct table table;
    struct text text;
    (void)state;
    arena_init(&arena);
    text_init(&text);
    table_init(&table, &arena, "lr");
    table_cell(&table, "name");
    table_cell(&table, "n");
    table_cell(&table, "na\xC3\xAFve|x");
    table_cell(&table, "%d", 12345);
    table_add_to(&table, TABLE_MARKDOWN, &text);
    assert_string_equal(text_string(&text), "| name     |     n |\n"
                                            "| -------- | ----: |\n"
                                            "| na\xC3\xAFve\\|x | 12345 |\n");
    text_reset(&text);
    table_add_to(&table, TABLE_PLAIN, &text);
    assert_string_equal(text_string(&text), "name         n\n"
                                            "-------  -----\n"
                                            "na\xC3\xAFve|x  12345\n");
    text_release(&text);
    arena_release(&arena);
}

static void times_and_rates_keep_three_digits(void **state)
{
    static const struct {
        double ns;
        const char *text;
    } cases[] = {{12, "12.0 ns"},   {3456, "3.46 us"}, {812345, "812 us"},
                 {41e6, "41.0 ms"}, {2.5e9, "2.50 s"}, {250e9, "250 s"}};
    struct text text;
    (void)state;
    text_init(&text);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        text_reset(&text);
        report_add_time(&text, cases[i].ns);
        assert_string_equal(text_string(&text), cases[i].text);
    }
    text_reset(&text);
    report_add_time(&text, (double)NAN);
    report_add_rate(&text, (double)NAN);
    assert_int_equal(text.length, 0);
    text_release(&text);
}

static void the_writer_makes_json(void **state)
{
    struct text text;
    struct json_writer writer;
    (void)state;
    text_init(&text);
    json_begin(&writer, &text);
    json_open(&writer, NULL, '{');
    json_put_string(&writer, "a", "x\"y");
    json_put_string(&writer, "b", NULL);
    json_open(&writer, "c", '[');
    json_close(&writer, ']');
    json_open(&writer, "d", '[');
    json_put_number(&writer, NULL, 0.1);
    json_put_number(&writer, NULL, (double)NAN);
    json_put_bool(&writer, NULL, true);
    json_close(&writer, ']');
    json_close(&writer, '}');
    assert_string_equal(text_string(&text),
                        "{\n  \"a\": \"x\\\"y\",\n  \"b\": null,\n  \"c\": [],\n"
                        "  \"d\": [\n    0.1,\n    null,\n    true\n  ]\n}\n");
    text_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_is_read_back),
        cmocka_unit_test(speed_is_medians_and_ratios),
        cmocka_unit_test(p90_needs_64_samples),
        cmocka_unit_test(a_torn_last_timing_costs_nothing_else),
        cmocka_unit_test(a_sample_that_was_done_twice_counts_once),
        cmocka_unit_test(what_was_not_measured_is_blank),
        cmocka_unit_test(the_report_says_what_matters),
        cmocka_unit_test(different_protocols_are_not_compared_silently),
        cmocka_unit_test(damaged_runs_are_refused_by_name),
        cmocka_unit_test(no_allocation_failure_leaks_or_passes_unseen),
        cmocka_unit_test(a_table_aligns_and_escapes),
        cmocka_unit_test(times_and_rates_keep_three_digits),
        cmocka_unit_test(the_writer_makes_json),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
