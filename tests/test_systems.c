/* The table of systems: one number in every format, what is bold, what is blank, what is apart. */
#include "tests/check.h"

#include "datasets/protocol.h"
#include "engine/base/file.h"
#include "engine/base/json.h"
#include "reports/report.h"
#include "reports/systems.h"
#include "tests/systems_data.h"

#include <csv.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

/* Three systems on two benchmarks. */
enum { RUNS = 6, MOST_LISTED = 40 };

struct bench {
    struct made_run made[RUNS];
    struct systems_run runs[RUNS];
    struct profile_point points[3];
    struct profile_file file;
    struct systems_profile profile;
    struct published published;
    const struct published_system *listed[MOST_LISTED];
    struct systems_input input;
};

static void bench_open(struct bench *bench)
{
    static const char *const models[] = {"one", "two", "three_%&"};
    static const char *const hashes[] = {"aaaa1111", "bbbb2222", "cccc3333"};
    static const double values[2][3] = {{0.90, 0.895, 0.70}, {0.60, 0.65, 0.80}};
    struct error err = {""};
    *bench = (struct bench){0};
    assert_ok(published_open(&bench->published, &err), err);
    for (size_t t = 0; t < 2; t++)
        for (size_t m = 0; m < 3; m++) {
            size_t i = t * 3 + m;
            make_run(&bench->made[i], models[m], hashes[m], t ? "gqa@triml" : "vsr@triml",
                     values[t][m]);
            bench->runs[i].record = &bench->made[i].record;
        }
    for (size_t m = 0; m < 3; m++)
        bench->points[m] = make_point(models[m], hashes[m], "bf16", 1.0 + (double)m);
    bench->file = (struct profile_file){
        .path = "runs/speed/profile.json", .cpu = "C", .points = bench->points, .n_points = 3};
    bench->profile.file = &bench->file;
    bench->input = (struct systems_input){
        .layout = table_layout_find("systems"),
        .runs = bench->runs,
        .n_runs = RUNS,
        .profiles = &bench->profile,
        .n_profiles = 1,
        .published = &bench->published,
        .listed = bench->listed,
    };
}

static void bench_close(struct bench *bench)
{
    published_close(&bench->published);
}

static void list(struct bench *bench, const char *name)
{
    const struct published_system *system = published_find(&bench->published, name);
    assert_non_null(system);
    bench->listed[bench->input.n_listed++] = system;
}

static void build(struct systems_table *table, const struct bench *bench)
{
    struct error err = {""};
    assert_ok(systems_build(table, &bench->input, &err), err);
}

static size_t row_of(const struct systems_table *table, const char *name)
{
    for (size_t r = 0; r < table->n_rows; r++)
        if (strcmp(table->rows[r].name, name) == 0)
            return r;
    fail_msg("there is no row %s", name);
    return 0;
}

static size_t column_of(const struct systems_table *table, const char *title)
{
    for (size_t c = 0; c < table->n_columns; c++)
        if (strcmp(table->columns[c].title, title) == 0)
            return c;
    fail_msg("there is no column %s", title);
    return 0;
}

static const struct systems_cell *cell_at(const struct systems_table *table, const char *row,
                                          const char *column)
{
    return systems_cell(table, row_of(table, row), column_of(table, column));
}

/* Whether a footnote of the cell has this part. */
static bool is_noted(const struct systems_table *table, const struct systems_marks *marks,
                     const char *part)
{
    for (size_t i = 0; i < marks->n; i++)
        if (strstr(table->notes[marks->notes[i]].text, part) ||
            strcmp(table->notes[marks->notes[i]].mark, part) == 0)
            return true;
    return false;
}

static void cells_hold_what_was_measured(void **state)
{
    struct bench bench;
    struct systems_table table;
    (void)state;
    bench_open(&bench);
    build(&table, &bench);
    const struct systems_cell *cell = cell_at(&table, "one", "VSR");
    assert_string_equal(cell->value, "90.00");
    assert_string_equal(cell->low, "88.00");
    assert_string_equal(cell->high, "92.00");
    assert_int_equal(cell->n, 200);
    assert_string_equal(cell_at(&table, "two", "Tokens/s")->value, "128");
    assert_string_equal(cell_at(&table, "one", "TTFT, ms")->value, "100");
    assert_string_equal(cell_at(&table, "one", "Parameters, M")->value, "4.80");
    assert_string_equal(cell_at(&table, "one", "Visual tokens")->value, "64");
    assert_string_equal(cell_at(&table, "one", "Memory, MB")->value, "11.2");
    assert_string_equal(cell_at(&table, "best floor", "VSR")->value, "50.00");
    assert_string_equal(cell_at(&table, "best floor", "VSR")->label, "yes");
    assert_string_equal(cell_at(&table, "samples", "GQA")->value, "200");
    assert_true(is_noted(&table, &table.columns[column_of(&table, "VSR")].marks,
                         "vsr@triml: as it is asked"));
    systems_release(&table);
    bench_close(&bench);
}

/* p of a difference to the best; -1: cannot be tested. */
static double p_of_second = 0.5, p_of_third = 0.001;

static void fake_test(void *context, const struct run_record *best, const struct run_record *other,
                      struct arena *arena, struct systems_test *result)
{
    (void)context;
    (void)best;
    double p = strcmp(other->model, "two") == 0 ? p_of_second : p_of_third;
    *result = (struct systems_test){p >= 0, p, NULL};
    if (p < 0)
        result->why = arena_string(arena, "no answers");
}

static void bold_is_what_no_test_tells_from_the_best(void **state)
{
    struct bench bench;
    struct systems_table table;
    (void)state;
    bench_open(&bench);
    bench.input.test = fake_test;
    p_of_second = 0.03, p_of_third = 0.001;
    build(&table, &bench);
    assert_true(cell_at(&table, "one", "VSR")->bold);
    assert_false(cell_at(&table, "two", "VSR")->bold); /* 0.03 after 0.001, Holm: 0.03 */
    assert_false(cell_at(&table, "three_%&", "VSR")->bold);
    systems_release(&table);
    p_of_third = 0.03; /* two of 0.03: Holm makes 0.06 of both */
    build(&table, &bench);
    assert_true(cell_at(&table, "two", "VSR")->bold);
    assert_true(cell_at(&table, "three_%&", "VSR")->bold);
    assert_false(is_noted(&table, &table.columns[column_of(&table, "VSR")].marks, "overlaps"));
    systems_release(&table);
    bench_close(&bench);
}

static void without_a_test_intervals_decide_and_say_so(void **state)
{
    struct bench bench;
    struct systems_table table;
    (void)state;
    bench_open(&bench);
    bench.input.test = fake_test;
    p_of_second = -1;
    build(&table, &bench);
    assert_true(cell_at(&table, "one", "VSR")->bold);
    assert_true(cell_at(&table, "two", "VSR")->bold);
    assert_false(cell_at(&table, "three_%&", "VSR")->bold);
    assert_true(is_noted(&table, &table.columns[column_of(&table, "VSR")].marks, "(no answers)"));
    /* Less time and fewer bytes are better; equal bytes are equally good. */
    assert_true(cell_at(&table, "one", "TTFT, ms")->bold);
    assert_false(cell_at(&table, "two", "TTFT, ms")->bold);
    assert_true(cell_at(&table, "one", "Tokens/s")->bold);
    assert_false(cell_at(&table, "three_%&", "Tokens/s")->bold);
    assert_true(cell_at(&table, "three_%&", "Memory, MB")->bold);
    assert_false(cell_at(&table, "one", "Parameters, M")->bold);
    systems_release(&table);
    bench_close(&bench);
}

static void halves_that_differ_stay_blank(void **state)
{
    static const struct {
        const char *hash, *precision;
        bool random_weights;
        const char *sentence;
    } cases[] = {
        {"dddd4444", "bf16", false, "another model card or other weights (dddd4444, not aaaa1111)"},
        {"aaaa1111", "int8", false, "was measured in int8, the answers were given in bf16"},
        {"aaaa1111", "bf16", true, "of random weights"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bench bench;
        struct systems_table table;
        bench_open(&bench);
        bench.points[0].model_hash = cases[i].hash;
        bench.points[0].precision = cases[i].precision;
        bench.points[0].random_weights = cases[i].random_weights;
        build(&table, &bench);
        const struct systems_cell *cell = cell_at(&table, "one", "Tokens/s");
        assert_string_equal(cell->value, "");
        assert_true(is_noted(&table, &cell->marks, cases[i].sentence));
        assert_string_equal(cell_at(&table, "one", "VSR")->value, "90.00");
        assert_string_equal(cell_at(&table, "two", "Tokens/s")->value, "128");
        assert_int_equal(table.n_rows, 5); /* and no row for the stray profile */
        systems_release(&table);
        bench_close(&bench);
    }
}

static void what_is_missing_is_said(void **state)
{
    const struct systems_missing missing = {"one", "pope@triml", "blank: runs/p has no scores yet"};
    struct bench bench;
    struct systems_table table;
    (void)state;
    bench_open(&bench);
    bench.input.n_profiles = 0;
    bench.input.missing = &missing;
    bench.input.n_missing = 1;
    bench.made[0].record.n_failed = 3;
    bench.made[1].record.image_tokens = (double)NAN; /* as an older version wrote it */
    bench.made[2].scores[0].value = (double)NAN;
    build(&table, &bench);
    assert_true(is_noted(&table, &cell_at(&table, "one", "Tokens/s")->marks, "no profile"));
    assert_true(is_noted(&table, &cell_at(&table, "one", "POPE")->marks, "no scores yet"));
    assert_true(is_noted(&table, &cell_at(&table, "one", "VSR")->marks,
                         "3 of 200 samples have no answer and count as wrong"));
    assert_true(
        is_noted(&table, &cell_at(&table, "two", "Visual tokens")->marks, "did not record"));
    assert_true(is_noted(&table, &cell_at(&table, "three_%&", "VSR")->marks, "undefined"));
    systems_release(&table);
    bench_close(&bench);
}

static void other_samples_and_protocols_stand_apart(void **state)
{
    struct bench bench;
    struct systems_table table;
    (void)state;
    bench_open(&bench);
    bench.made[0].record.n_samples = 50; /* the best value, over fewer */
    bench.made[2].record.protocol_hash = "fedcba9876543210";
    build(&table, &bench);
    const struct systems_cell *fewer = cell_at(&table, "one", "VSR");
    assert_true(fewer->apart);
    assert_false(fewer->bold);
    assert_true(is_noted(&table, &fewer->marks, "over 50 samples, not 200"));
    assert_true(is_noted(&table, &cell_at(&table, "three_%&", "VSR")->marks,
                         "another version of the protocol's file"));
    systems_release(&table);
    bench.input.layout = table_layout_find("cobra-table2");
    bench.made[3].record.protocol = "gqa@llava";
    build(&table, &bench);
    assert_true(cell_at(&table, "one", "GQA")->apart);
    assert_true(is_noted(&table, &cell_at(&table, "one", "GQA")->marks,
                         "scored as: gqa@llava, not gqa@triml"));
    systems_release(&table);
    bench_close(&bench);
}

static void random_weights_are_never_bold(void **state)
{
    struct bench bench;
    struct systems_table table;
    (void)state;
    bench_open(&bench);
    for (size_t i = 0; i < RUNS; i++)
        bench.made[i].record.random_weights = i % 3 == 0;
    build(&table, &bench);
    assert_false(cell_at(&table, "one", "VSR")->bold);
    assert_true(is_noted(&table, &cell_at(&table, "one", "VSR")->marks, "random"));
    assert_true(cell_at(&table, "two", "VSR")->bold);
    systems_release(&table);
    bench_close(&bench);
}

/* Cobra against LLaVA-1.5 as both are printed: each trap where it applies, and nowhere else. */
static void the_traps_are_marked(void **state)
{
    static const struct {
        const char *row, *column, *trap;
        bool apart;
    } cases[] = {
        {"Cobra-3.5B", "VQAv2", "T1", false},    {"Cobra-3.5B", "VizWiz", "T1", false},
        {"Cobra-3.5B", "POPE", "T2", false},     {"Cobra-3.5B", "VSR", "T3", false},
        {"Cobra-3.5B", "TextVQA", "T4", false},  {"LLaVA-v1.5-7B", "VQAv2", "T1", true},
        {"LLaVA-v1.5-7B", "VizWiz", "T1", true}, {"LLaVA-v1.5-7B", "POPE", "T2", true},
        {"LLaVA-v1.5-7B", "VSR", "T3", false},   {"LLaVA-v1.5-7B", "TextVQA", "T4", true},
        {"Cobra-3.5B", "GQA", NULL, false},      {"LLaVA-v1.5-7B", "GQA", NULL, true},
    };
    struct bench bench;
    struct systems_table table;
    (void)state;
    bench_open(&bench);
    bench.input.n_runs = bench.input.n_profiles = 0;
    list(&bench, "cobra");
    list(&bench, "LLaVA-1.5-7b");
    build(&table, &bench);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct systems_cell *cell = cell_at(&table, cases[i].row, cases[i].column);
        size_t n_traps = 0;
        for (size_t k = 0; k < cell->marks.n; k++)
            n_traps += table.notes[cell->marks.notes[k]].trap > 0;
        assert_int_equal(n_traps, cases[i].trap != NULL);
        assert_true(!cases[i].trap || is_noted(&table, &cell->marks, cases[i].trap));
        assert_int_equal(cell->apart, cases[i].apart);
        assert_false(cell->bold);
    }
    assert_true(is_noted(&table, &table.rows[0].marks, "T6"));
    assert_true(is_noted(&table, &cell_at(&table, "LLaVA-v1.5-7B", "VQAv2")->marks,
                         "split: test-dev, not val"));
    assert_true(is_noted(&table, &cell_at(&table, "LLaVA-v1.5-7B", "POPE")->marks,
                         "mean F1 of generated text, not mean accuracy by likelihood"));
    systems_release(&table);
    /* In one harness, and beside the system of the same towers and data, none but VSR's is left. */
    bench.input.n_listed = 0;
    list(&bench, "cobra");
    list(&bench, "prism-dinosiglip-7b");
    build(&table, &bench);
    assert_false(is_noted(&table, &table.rows[0].marks, "T6"));
    assert_false(is_noted(&table, &cell_at(&table, "Cobra-3.5B", "VQAv2")->marks, "T1"));
    assert_false(is_noted(&table, &cell_at(&table, "Cobra-3.5B", "POPE")->marks, "T2"));
    assert_true(is_noted(&table, &cell_at(&table, "Cobra-3.5B", "VSR")->marks, "T3"));
    systems_release(&table);
    bench_close(&bench);
}

static void printed_speeds_tell_their_processor(void **state)
{
    struct bench bench;
    struct systems_table table;
    (void)state;
    bench_open(&bench);
    list(&bench, "cobra");
    list(&bench, "ml-mamba");
    bench.input.layout = table_layout_find("cobra-table3");
    build(&table, &bench);
    const struct systems_cell *cell = cell_at(&table, "Cobra-3.5B", "Tokens/s");
    assert_string_equal(cell->value, "166.47");
    assert_true(cell->apart);
    assert_true(is_noted(&table, &cell->marks, "processor: A100 PCIe 80GB, not C, 2 threads"));
    assert_true(is_noted(&table, &cell->marks, "precision not stated"));
    assert_true(is_noted(&table, &cell_at(&table, "ML-Mamba", "Total, s")->marks,
                         "prompt: \"Provide a detailed description of the image.\", not"));
    assert_string_equal(cell_at(&table, "one", "Total, s")->value, "1.00");
    systems_release(&table);
    bench_close(&bench);
}

/* A CSV file read back by libcsv. */
struct cells {
    char *items[8192];
    size_t n, n_columns, n_rows, column;
};

static void on_cell(void *bytes, size_t length, void *context)
{
    struct cells *cells = context;
    char *copy = calloc(length + 1, 1);
    assert_non_null(copy);
    memcpy(copy, bytes, length);
    assert_true(cells->n < sizeof cells->items / sizeof cells->items[0]);
    cells->items[cells->n++] = copy;
    cells->column++;
}

static void on_row(int terminator, void *context)
{
    struct cells *cells = context;
    (void)terminator;
    if (cells->n_rows++ == 0)
        cells->n_columns = cells->column;
    assert_int_equal(cells->column, cells->n_columns);
    cells->column = 0;
}

static void read_csv(struct cells *cells, const struct text *text)
{
    struct csv_parser parser;
    *cells = (struct cells){.n = 0};
    assert_int_equal(csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI), 0);
    assert_int_equal(csv_parse(&parser, text->data, text->length, on_cell, on_row, cells),
                     text->length);
    assert_int_equal(csv_fini(&parser, on_cell, on_row, cells), 0);
    csv_free(&parser);
}

static void free_cells(struct cells *cells)
{
    for (size_t i = 0; i < cells->n; i++)
        free(cells->items[i]);
}

static void add_to_text(const struct systems_table *table, const char *format, struct text *text)
{
    text_init(text);
    report_format_find(format)->add_table(table, text);
    assert_false(text->failed);
}

/* The digits of a JSON value, as written. */
static void check_json(const cJSON *cell, const char *key, const char *digits)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(cell, key);
    if (!digits[0])
        assert_true(!value || cJSON_IsNull(value));
    else
        assert_true(cJSON_IsNumber(value) && value->valuedouble == strtod(digits, NULL));
}

static void every_format_has_the_same_numbers(void **state)
{
    struct bench bench;
    struct systems_table table;
    struct text md, csv, tex, json;
    struct cells cells;
    cJSON *root = NULL;
    struct error err = {""};
    (void)state;
    bench_open(&bench);
    list(&bench, "cobra");
    list(&bench, "llava-1.5-7b");
    build(&table, &bench);
    add_to_text(&table, "md", &md);
    add_to_text(&table, "csv", &csv);
    add_to_text(&table, "tex", &tex);
    add_to_text(&table, "json", &json);
    read_csv(&cells, &csv);
    assert_ok(json_parse(&root, json.data, json.length, "table", &err), err);
    const cJSON *rows = json_find(root, "rows");
    for (size_t r = 0; r < table.n_rows; r++) {
        const cJSON *row = cJSON_GetArrayItem(rows, (int)r);
        assert_string_equal(cells.items[(r + 1) * cells.n_columns + 1], table.rows[r].name);
        assert_string_equal(json_string_or(row, "system", ""), table.rows[r].name);
        for (size_t c = 0; c < table.n_columns; c++) {
            const struct systems_cell *cell = systems_cell(&table, r, c);
            char **fields = &cells.items[(r + 1) * cells.n_columns + 3 + 7 * c];
            const cJSON *item = cJSON_GetArrayItem(json_find(row, "cells"), (int)c);
            assert_string_equal(fields[0], cell->value);
            assert_string_equal(fields[1], cell->low);
            assert_string_equal(fields[2], cell->high);
            check_json(item, "value", cell->value);
            check_json(item, "low", cell->low);
            check_json(item, "high", cell->high);
            assert_int_equal(strcmp(fields[5], "1") == 0, cell->bold);
            assert_int_equal(json_bool_or(item, "bold", false), cell->bold);
            assert_contains(text_string(&md), cell->value);
            assert_contains(text_string(&tex), cell->value);
        }
    }
    assert_contains(text_string(&md), "**90.00** [88.00, 92.00]");
    assert_contains(text_string(&tex), "\\textbf{90.00}");
    assert_contains(text_string(&tex), "{\\scriptsize [88.00, 92.00]}");
    assert_contains(text_string(&tex), "three\\_\\%\\&");
    assert_contains(text_string(&tex), "\\toprule");
    cJSON_Delete(root);
    free_cells(&cells);
    text_release(&md);
    text_release(&csv);
    text_release(&tex);
    text_release(&json);
    systems_release(&table);
    bench_close(&bench);
}

static void hostile_names_stay_names(void **state)
{
    static const char hostile[] = "a\"b,c\n\\input{x} $^_~#% <b> -- '' \xC3\xA9 \xE2\x86\x92 \xFF|";
    struct bench bench;
    struct systems_table table;
    struct text csv, tex, json;
    struct cells cells;
    cJSON *root = NULL;
    struct error err = {""};
    (void)state;
    bench_open(&bench);
    bench.made[0].record.model = bench.made[3].record.model = hostile;
    build(&table, &bench);
    add_to_text(&table, "csv", &csv);
    add_to_text(&table, "tex", &tex);
    add_to_text(&table, "json", &json);
    read_csv(&cells, &csv);
    assert_string_equal(cells.items[cells.n_columns + 1], hostile);
    assert_ok(json_parse(&root, json.data, json.length, "table", &err), err);
    assert_null(strstr(text_string(&tex), "\\input"));
    assert_contains(text_string(&tex),
                    "a''b,c \\textbackslash{}input\\{x\\} \\$\\textasciicircum{}\\_"
                    "\\textasciitilde{}\\#\\% \\textless{}b\\textgreater{} -{-} '{'} \xC3\xA9 "
                    "\\texttt{U+2192} ?\\textbar{}");
    cJSON_Delete(root);
    free_cells(&cells);
    text_release(&csv);
    text_release(&tex);
    text_release(&json);
    systems_release(&table);
    bench_close(&bench);
}

static void a_suite_names_its_rows(void **state)
{
    struct bench bench;
    struct systems_table table;
    (void)state;
    bench_open(&bench);
    for (size_t i = 0; i < RUNS; i++)
        bench.runs[i].row = i % 3 == 0 ? "first" : "second";
    build(&table, &bench);
    assert_string_equal(table.rows[0].name, "first");
    assert_string_equal(table.rows[1].name, "second (bbbb2222)"); /* two models, one name */
    assert_string_equal(table.rows[2].name, "second (cccc3333)");
    systems_release(&table);
    bench_close(&bench);
}

static void no_allocation_failure_passes_unseen(void **state)
{
    static const char *const formats[] = {"md", "csv", "tex", "json"};
    struct bench bench;
    (void)state;
    bench_open(&bench);
    list(&bench, "cobra");
    list(&bench, "llava-1.5-7b");
    for (long n = 1;; n++) {
        struct systems_table table;
        struct text text;
        struct error err = {""};
        text_init(&text);
        fail_allocation(n);
        enum status status = systems_build(&table, &bench.input, &err);
        if (status == STATUS_OK) {
            for (size_t i = 0; i < 4; i++)
                report_format_find(formats[i])->add_table(&table, &text);
            if (allocation_has_failed())
                assert_true(text.failed);
            systems_release(&table);
        } else {
            assert_int_equal(status, STATUS_NO_MEMORY);
        }
        bool failed = allocation_has_failed();
        fail_allocation(0);
        text_release(&text);
        if (!failed)
            break;
        assert_true(n < 100000);
    }
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells_hold_what_was_measured),
        cmocka_unit_test(bold_is_what_no_test_tells_from_the_best),
        cmocka_unit_test(without_a_test_intervals_decide_and_say_so),
        cmocka_unit_test(halves_that_differ_stay_blank),
        cmocka_unit_test(what_is_missing_is_said),
        cmocka_unit_test(other_samples_and_protocols_stand_apart),
        cmocka_unit_test(random_weights_are_never_bold),
        cmocka_unit_test(the_traps_are_marked),
        cmocka_unit_test(printed_speeds_tell_their_processor),
        cmocka_unit_test(every_format_has_the_same_numbers),
        cmocka_unit_test(hostile_names_stay_names),
        cmocka_unit_test(a_suite_names_its_rows),
        cmocka_unit_test(no_allocation_failure_passes_unseen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
