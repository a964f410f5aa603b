/* Figures: the numbers that they draw, and what they say where there are none. */
#include "tests/check.h"

#include "reports/figures.h"
#include "tests/systems_data.h"

#include <math.h>

static const struct figure *find(const char *name)
{
    for (size_t i = 0; figures[i]; i++)
        if (strcmp(figures[i]->name, name) == 0)
            return figures[i];
    fail_msg("there is no figure %s", name);
    return NULL;
}

/* Three systems on one benchmark, with a profile each: the second costs more and is worse than the
 * first, the third costs most and is best. */
struct bench {
    struct made_run made[3];
    struct systems_run runs[3];
    struct profile_point points[6];
    struct profile_file file;
    struct systems_profile profile;
    struct published published;
    struct systems_table table;
    struct figure_input input;
};

static void bench_open(struct bench *bench)
{
    static const char *const models[] = {"one", "two's", "three"}, *const hashes[] = {"a", "b",
                                                                                      "c"};
    static const double values[] = {0.80, 0.75, 0.90};
    struct error err = {""};
    *bench = (struct bench){0};
    assert_ok(published_open(&bench->published, &err), err);
    for (size_t m = 0; m < 3; m++) {
        make_run(&bench->made[m], models[m], hashes[m], "vsr@triml", values[m]);
        bench->runs[m].record = &bench->made[m].record;
        bench->points[m] = make_point(models[m], hashes[m], "bf16", 1.0 + (double)m);
    }
    bench->made[2].record.state_bytes = 0;
    bench->made[2].record.cache_bytes_per_token = 1024;
    bench->file = (struct profile_file){
        .path = "runs/speed/profile.json", .cpu = "C", .points = bench->points, .n_points = 3};
    bench->profile.file = &bench->file;
    const struct systems_input input = {
        .layout = table_layout_find("systems"),
        .runs = bench->runs,
        .n_runs = 3,
        .profiles = &bench->profile,
        .n_profiles = 1,
        .published = &bench->published,
    };
    assert_ok(systems_build(&bench->table, &input, &err), err);
    bench->input = (struct figure_input){
        .table = &bench->table,
        .runs = bench->runs,
        .n_runs = 3,
        .profiles = &bench->profile,
        .n_profiles = 1,
    };
}

static void bench_close(struct bench *bench)
{
    systems_release(&bench->table);
    published_close(&bench->published);
}

static void the_front_is_what_nothing_beats_in_both(void **state)
{
    struct bench bench;
    struct figure_output out;
    (void)state;
    bench_open(&bench);
    figure_make(find("quality-latency"), &bench.input, &out);
    assert_null(out.missing);
    assert_string_equal(
        text_string(&out.data),
        "series,system,time_ms,time_ms_low,time_ms_high,quality_percent,low,high,front\n"
        "0,\"one\",1000,990,1010,80,78,82,1\n"
        "1,\"two's\",2000,1980,2020,75,73,77,0\n"
        "2,\"three\",3000,2970,3030,90,88,92,1\n"
        "3,\"one\",1000,990,1010,80,78,82,1\n"
        "3,\"three\",3000,2970,3030,90,88,92,1\n");
    assert_contains(text_string(&out.script), "title 'two''s'");
    assert_contains(text_string(&out.script), "size 8.5cm,7.5cm font 'Helvetica,8'");
    figure_release(&out);
    bench_close(&bench);
}

static void random_weights_have_no_quality(void **state)
{
    struct bench bench;
    struct figure_output out;
    (void)state;
    bench_open(&bench);
    for (size_t r = 0; r < bench.table.n_rows; r++)
        bench.table.rows[r].random_weights = true;
    figure_make(find("quality-memory"), &bench.input, &out);
    assert_non_null(out.missing);
    figure_release(&out);
    bench_close(&bench);
}

static void lines_need_two_depths(void **state)
{
    struct bench bench;
    struct figure_output out;
    (void)state;
    bench_open(&bench);
    figure_make(find("depth-tpot"), &bench.input, &out);
    assert_non_null(out.missing);
    figure_release(&out);
    for (size_t i = 0; i < 6; i++) {
        bench.points[i] = make_point(i < 3 ? "one" : "two", i < 3 ? "a" : "b", "bf16", 1);
        bench.points[i].scenario = NULL;
        bench.points[i].depth = 512 << (2 - i % 3); /* falling: they are sorted */
        bench.points[i].tpot_ns = (double)(i + 1) * 1e6;
    }
    bench.points[5].error = "out of memory";
    bench.file.n_points = 6;
    figure_make(find("depth-tpot"), &bench.input, &out);
    assert_null(out.missing);
    assert_contains(text_string(&out.data), "0,\"one\",\"bf16\",2,512,3,");
    assert_contains(text_string(&out.data), "0,\"one\",\"bf16\",2,2048,1,");
    assert_null(strstr(text_string(&out.data), "2,512,6,"));
    assert_true(strstr(text_string(&out.data), ",512,3,") <
                strstr(text_string(&out.data), ",1024,2,"));
    figure_release(&out);
    bench_close(&bench);
}

static void a_cache_crosses_a_state(void **state)
{
    struct bench bench;
    struct figure_output out;
    (void)state;
    bench_open(&bench);
    figure_make(find("state-bytes"), &bench.input, &out);
    /* 245,760 bytes are the cache of 240 positions. */
    assert_contains(text_string(&out.data), "3,\"one\",240,0.24576,\"crossing\"\n");
    assert_contains(text_string(&out.data), "3,\"two's\",240,0.24576,\"crossing\"\n");
    assert_contains(text_string(&out.data), "0,\"one\",16,0.24576,\"computed\"\n");
    assert_contains(text_string(&out.data), "2,\"three\",262144,268.435456,\"computed\"\n");
    figure_release(&out);
    for (size_t m = 0; m < 3; m++)
        bench.made[m].record.state_bytes = (double)NAN;
    figure_make(find("state-bytes"), &bench.input, &out);
    assert_non_null(out.missing);
    figure_release(&out);
    bench_close(&bench);
}

static void relations_have_intervals_and_counts(void **state)
{
    struct bench bench;
    struct figure_output out;
    (void)state;
    bench_open(&bench);
    figure_make(find("vsr-relations"), &bench.input, &out);
    assert_null(out.missing);
    assert_contains(text_string(&out.data), "0,\"one\",\"left of\",0,50,80,70,90\n");
    assert_contains(text_string(&out.script), "'left of (50)' 0");
    figure_release(&out);
    for (size_t m = 0; m < 3; m++)
        bench.made[m].scores[1].n = 9;
    figure_make(find("vsr-relations"), &bench.input, &out);
    assert_non_null(out.missing);
    figure_release(&out);
    bench_close(&bench);
}

static void the_curve_has_a_point_a_threshold(void **state)
{
    const struct ranked items[] = {{0.9, true, 0},  {0.8, false, 1}, {0.8, true, 2},
                                   {0.3, false, 3}, {0.1, false, 4}, {0.1, true, 5}};
    const struct figure_answers answers = {"one", items, 6, 1};
    struct figure_input input = {.answers = &answers, .n_answers = 1};
    struct figure_output out;
    (void)state;
    figure_make(find("pope-roc"), &input, &out);
    assert_null(out.missing);
    assert_string_equal(text_string(&out.data), "series,system,threshold,false_alarms,hits\n"
                                                "0,\"one\",,0,0\n"
                                                "0,\"one\",0.9,0,0.3333333333\n"
                                                "0,\"one\",0.8,0.3333333333,0.6666666667\n"
                                                "0,\"one\",0.3,0.6666666667,0.6666666667\n"
                                                "0,\"one\",0.1,1,1\n");
    assert_contains(text_string(&out.script), "'one, area 0.6667 (without failed samples)'");
    figure_release(&out);
    input.n_answers = 0;
    figure_make(find("pope-roc"), &input, &out);
    assert_non_null(out.missing);
    figure_release(&out);
}

static void bins_hold_equally_many_answers(void **state)
{
    struct ranked items[20];
    const struct figure_answers answers = {"one", items, 20, 0};
    struct figure_input input = {.answers = &answers, .n_answers = 1};
    struct figure_output out;
    (void)state;
    for (size_t i = 0; i < 20; i++) /* falling; two a bin, of which the likelier half is yes */
        items[i] = (struct ranked){0.975 - 0.05 * (double)i, i < 10, i};
    figure_make(find("pope-calibration"), &input, &out);
    assert_null(out.missing);
    assert_contains(text_string(&out.data), "0,\"one\",2,0.05,0\n");
    assert_contains(text_string(&out.data), "0,\"one\",2,0.95,1\n");
    assert_contains(text_string(&out.script), "'one, expected error 0.2500'");
    figure_release(&out);
}

static void history_is_a_line_a_series(void **state)
{
    const struct figure_moment moments[] = {
        {"a, t", "2026-01-01T00:00:00Z", "c1", 90, 88, 92},
        {"a, t", "2026-01-02T00:00:00Z", NULL, 91, (double)NAN, (double)NAN},
        {"b, t", "2026-01-01T00:00:00Z", "c1", 80, 78, 82},
    };
    struct figure_input input = {.moments = moments, .n_moments = 3};
    struct figure_output out;
    (void)state;
    figure_make(find("history"), &input, &out);
    assert_contains(text_string(&out.data),
                    "0,\"a, t\",\"2026-01-02T00:00:00Z\",\"\",91,91,91\n"
                    "1,\"b, t\",\"2026-01-01T00:00:00Z\",\"c1\",80,78,82\n");
    assert_contains(text_string(&out.script), "title 'b, t'");
    figure_release(&out);
}

static void styles_differ_without_colour(void **state)
{
    struct text a, b;
    (void)state;
    text_init(&a);
    text_init(&b);
    for (size_t i = 0; i < 6; i++)
        for (size_t k = 0; k < i; k++) {
            text_reset(&a);
            text_reset(&b);
            figure_line(&a, i, true);
            figure_line(&b, k, true);
            const char *a_shape = strstr(a.data, " pt "), *b_shape = strstr(b.data, " pt ");
            assert_string_not_equal(a_shape, b_shape);
            *strstr(a.data, " lc ") = '\0';
            *strstr(b.data, " lc ") = '\0';
            assert_string_not_equal(a.data, b.data); /* dashes */
        }
    text_release(&a);
    text_release(&b);
}

static void no_allocation_failure_passes_unseen(void **state)
{
    struct bench bench;
    (void)state;
    bench_open(&bench);
    for (size_t i = 0; figures[i]; i++)
        for (long n = 1;; n++) {
            struct figure_output out;
            fail_allocation(n);
            figure_make(figures[i], &bench.input, &out);
            bool failed = allocation_has_failed();
            fail_allocation(0);
            if (failed)
                assert_true(out.script.failed || out.data.failed || out.missing != NULL);
            figure_release(&out);
            if (!failed)
                break;
            assert_true(n < 100000);
        }
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_front_is_what_nothing_beats_in_both),
        cmocka_unit_test(random_weights_have_no_quality),
        cmocka_unit_test(lines_need_two_depths),
        cmocka_unit_test(a_cache_crosses_a_state),
        cmocka_unit_test(relations_have_intervals_and_counts),
        cmocka_unit_test(the_curve_has_a_point_a_threshold),
        cmocka_unit_test(bins_hold_equally_many_answers),
        cmocka_unit_test(history_is_a_line_a_series),
        cmocka_unit_test(styles_differ_without_colour),
        cmocka_unit_test(no_allocation_failure_passes_unseen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
