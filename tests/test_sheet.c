/* Sheets: people, csv and JSON get the same cells. */
#include "tests/check.h"

#include "reports/csv_field.h"
#include "reports/sheet.h"

#include <math.h>

static const struct sheet_column columns[] = {
    {"name", "name", SHEET_TEXT},
    {"n", "n", SHEET_COUNT},
    {"share", "share", SHEET_SHARE},
    {"share", "95 %", SHEET_SHARE_RANGE},
    {"d", "d'", SHEET_NUMBER},
    {"d", NULL, SHEET_NUMBER_RANGE},
    {"gain", "gain", SHEET_POINTS},
    {"gain", "of it", SHEET_POINTS_RANGE},
    {"p", "p", SHEET_P},
    {0},
};

static void fill(struct sheet *sheet, struct arena *arena)
{
    sheet_init(sheet, arena, "things", "Things", columns);
    sheet_text(sheet, "a, \"b\"");
    sheet_number(sheet, 3);
    sheet_number(sheet, 0.123456);
    sheet_range(sheet, 0.1, 0.2);
    sheet_number(sheet, -1e-17);
    sheet_range(sheet, -1, 1);
    sheet_number(sheet, -0.0125);
    sheet_range(sheet, -0.02, 0.005);
    sheet_number(sheet, 0.00004);
    sheet_text(sheet, NULL);
    for (size_t i = 0; i < 8; i++)
        if (i == 2 || i == 4 || i == 6)
            sheet_range(sheet, NAN, NAN);
        else
            sheet_number(sheet, NAN);
}

static void people_read_rounded_numbers(void **state)
{
    (void)state;
    struct arena arena;
    struct sheet sheet;
    struct text out;
    arena_init(&arena);
    text_init(&out);
    fill(&sheet, &arena);
    assert_int_equal(sheet_rows(&sheet), 2);
    sheet_add_table(&sheet, TABLE_MARKDOWN, &out);
    assert_contains(text_string(&out), "## Things");
    assert_contains(text_string(&out), "12.35 %");
    assert_contains(text_string(&out), "10.00 to 20.00");
    assert_contains(text_string(&out), "-2.00 to +0.50");
    assert_contains(text_string(&out), "-1.25");
    assert_contains(text_string(&out), "| 0.000 |"); /* and not -0.000 */
    assert_contains(text_string(&out), "4.0e-05");
    assert_null(strstr(text_string(&out), "nan"));
    text_reset(&out);
    sheet.most_shown = 1;
    sheet_add_table(&sheet, TABLE_PLAIN, &out);
    assert_contains(text_string(&out), "1 of 2 rows");
    text_reset(&out);
    sheet.most_shown = 0;
    sheet_add_table(&sheet, TABLE_PLAIN, &out);
    assert_int_equal(out.length, 0);
    text_release(&out);
    arena_release(&arena);
}

static void csv_has_every_digit_and_every_row(void **state)
{
    (void)state;
    struct arena arena;
    struct sheet sheet;
    struct text out;
    arena_init(&arena);
    text_init(&out);
    fill(&sheet, &arena);
    sheet.most_shown = 0;
    sheet_add_csv(&sheet, &out);
    assert_string_equal(
        text_string(&out),
        "\"name\",\"n\",\"share\",\"share_low\",\"share_high\",\"d\",\"d_low\",\"d_high\","
        "\"gain\",\"gain_low\",\"gain_high\",\"p\"\n"
        "\"a, \"\"b\"\"\",\"3\",\"0.123456\",\"0.1\",\"0.2\",\"-1e-17\",\"-1\",\"1\","
        "\"-0.0125\",\"-0.02\",\"0.005\",\"4e-05\"\n"
        "\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\"\n");
    text_release(&out);
    arena_release(&arena);
}

static void json_has_null_where_nothing_is(void **state)
{
    (void)state;
    struct arena arena;
    struct sheet sheet;
    struct text out;
    struct json_writer writer;
    arena_init(&arena);
    text_init(&out);
    fill(&sheet, &arena);
    json_begin(&writer, &out);
    json_open(&writer, NULL, '{');
    sheet_put_json(&sheet, &writer);
    json_close(&writer, '}');
    assert_contains(text_string(&out), "\"things\": [");
    assert_contains(text_string(&out), "\"share_high\": 0.2");
    assert_contains(text_string(&out), "\"name\": null");
    assert_contains(text_string(&out), "\"p\": null");
    text_release(&out);
    arena_release(&arena);
}

static void long_texts_are_cut_between_characters(void **state)
{
    (void)state;
    static const struct sheet_column one[] = {{"text", "text", SHEET_TEXT}, {0}};
    struct arena arena;
    struct sheet sheet;
    struct text out;
    char text[200];
    arena_init(&arena);
    text_init(&out);
    memset(text, 'x', 71);
    strcpy(text + 71, "\xc3\xa9\xc3\xa9 and more");
    sheet_init(&sheet, &arena, "texts", "Texts", one);
    sheet_text(&sheet, text);
    sheet_add_table(&sheet, TABLE_PLAIN, &out);
    assert_contains(text_string(&out), "x ...");
    assert_null(strstr(text_string(&out), "\xc3"));
    text_release(&out);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(people_read_rounded_numbers),
        cmocka_unit_test(csv_has_every_digit_and_every_row),
        cmocka_unit_test(json_has_null_where_nothing_is),
        cmocka_unit_test(long_texts_are_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
