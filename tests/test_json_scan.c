/* How strict JSON is read: as Python's json reads it, and no further than a record is long. */
#include "tests/check.h"

#include "engine/base/json.h"
#include "engine/base/json_scan.h"

static enum status parse(const char *text, size_t length, struct error *err)
{
    cJSON *root = NULL;
    enum status status = json_parse(&root, text, length, "p.json", err);
    cJSON_Delete(root);
    return status;
}

struct refused {
    const char *text, *sentence;
};

static void assert_refused(const struct refused *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct error err = {""};
        if (parse(cases[i].text, strlen(cases[i].text), &err) != STATUS_BAD_FORMAT)
            fail_msg("%s is read", cases[i].text);
        assert_contains(err.text, cases[i].sentence);
    }
}

static void what_python_refuses_is_refused_with_its_place(void **state)
{
    (void)state;
    static const struct refused cases[] = {
        {"\"a\tb\"", "p.json: line 1, column 3: a raw control character in a string"},
        {"{\"a\":\n\"b\nc\"}", "p.json: line 2, column 3: a raw control character in a string"},
        {"{\"a\x1f\": 1}", "p.json: line 1, column 4: a raw control character in a string"},
        {"\"\\\x01\"", "not valid JSON"},
        {"[1,\x0b 2]", "p.json: line 1, column 4: a control character, which is no white space"},
        {"[\f]", "column 2: a control character"},
        {"01", "p.json: line 1, column 2: not a number as JSON writes it"},
        {"[-01]", "column 4: not a number"},
        {"[1.]", "column 4: not a number"},
        {"1.e5", "column 3: not a number"},
        {"[1e]", "column 4: not a number"},
        {"[1e+]", "column 5: not a number"},
        {"[-]", "column 3: not a number"},
        {"1.2.3", "column 4: not a number"},
        {"[.5]", "not valid JSON"},
        {"[+1]", "not valid JSON"},
    };
    assert_refused(cases, sizeof cases / sizeof cases[0]);
}

/* Python's json reads these; as UTF-8 and as a number they are nothing. */
static void half_characters_and_infinity_are_refused_too(void **state)
{
    (void)state;
    static const struct refused cases[] = {
        {"-Infinity", "column 2: not a number"},
        {"\"\\ud800\"", "column 2: half of a surrogate pair, which is no character"},
        {"\"\\udc00\"", "column 2: half of a surrogate pair"},
        {"\"\\ud800x\\udc00\"", "column 2: half of a surrogate pair"},
        {"\"\\ud800\\ud800\\udc00\"", "column 2: half of a surrogate pair"},
        {"\"\\ud800\\n\"", "column 2: half of a surrogate pair"},
    };
    assert_refused(cases, sizeof cases / sizeof cases[0]);
}

static void what_python_reads_is_read(void **state)
{
    (void)state;
    static const char *const texts[] = {"0",
                                        "-0",
                                        "10",
                                        "-1.5e-7",
                                        "1E+2",
                                        "0.0",
                                        "0e0",
                                        "[0,1]",
                                        "{\"a\":-0.1}",
                                        "\"\x7f\"",
                                        "\"\\u0041\"",
                                        "\"\\ud83d\\ude00\"",
                                        "\"\\uD83D\\uDE00x\"",
                                        "\"\\\\ud800\"",
                                        "\"\\\"\\\\\"",
                                        "\t\r\n [ 1 ,\t2 ]\r\n",
                                        "[true,false,null]"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct error err = {""};
        if (parse(texts[i], strlen(texts[i]), &err))
            fail_msg("%s: %s", texts[i], err.text);
    }
}

/* Every byte below the space, raw in a string: none is read, a NUL least of all. */
static void no_control_character_is_read(void **state)
{
    (void)state;
    for (char c = 0; c < 0x20; c++) {
        const char text[] = {'"', 'a', c, 'b', '"'};
        struct error err = {""};
        assert_int_equal(parse(text, sizeof text, &err), STATUS_BAD_FORMAT);
        assert_contains(err.text, "column 3: a raw control character");
    }
}

static void nesting_has_an_end(void **state)
{
    (void)state;
    enum { DEEP = 100000 };
    char *text = malloc(2 * DEEP);
    assert_non_null(text);
    memset(text, '[', DEEP);
    memset(text + DEEP, ']', DEEP);
    struct error err = {""};
    assert_int_equal(parse(text, 2 * DEEP, &err), STATUS_BAD_FORMAT);
    assert_contains(err.text, "p.json: line 1, column 1001: nested deeper than 1,000 levels");
    size_t first = DEEP - (JSON_MAX_NESTING - 1);
    assert_ok(parse(text + first, 2 * (JSON_MAX_NESTING - 1), &err), err);
    free(text);
}

/* Python's dict keeps the last; so the scorers that define the numbers saw that one. */
static void of_two_members_the_last_counts(void **state)
{
    (void)state;
    static const char text[] = "{\"a\": \"old\", \"b\": 1, \"a\": \"new\", \"A\": \"other\"}";
    cJSON *root = NULL;
    struct error err = {""};
    const char *value = NULL;
    assert_ok(json_parse(&root, text, sizeof text - 1, "p.json", &err), err);
    assert_ok(json_get_string(root, "a", "p.json", &value, &err), err);
    assert_string_equal(value, "new");
    assert_null(json_find(root, "c"));
    assert_null(json_find(json_find(root, "b"), "a"));
    cJSON_Delete(root);
}

static void a_value_moves_the_position_behind_it(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t most, end;
    } cases[] = {
        {"1, 2", 0, 1},     {"\"a]\"]", 0, 4},     {"[1, {\"a\": \"}\"}], 2", 0, 15},
        {"  true,", 0, 6},  {"\"a\\\"b\" ", 0, 6}, {"12345", 5, 5},
        {"12345, 6", 6, 5}, {"]", 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t position = 0;
        const char *wrong =
            json_scan(cases[i].text, strlen(cases[i].text), cases[i].most, &position);
        if (wrong || position != cases[i].end)
            fail_msg("%s: %s, position %zu", cases[i].text, wrong ? wrong : "sound", position);
    }
}

static void a_value_longer_than_allowed_is_told_where_it_begins(void **state)
{
    (void)state;
    static const char *const texts[] = {"[\"abcdefgh\", 1]", "[1234567890, 1]",
                                        "[[1, 2, 3, 4], 1]"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        size_t position = 1;
        assert_string_equal(json_scan(texts[i], strlen(texts[i]), 8, &position),
                            "a value that is longer than any record");
        assert_int_equal(position, 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_python_refuses_is_refused_with_its_place),
        cmocka_unit_test(half_characters_and_infinity_are_refused_too),
        cmocka_unit_test(what_python_reads_is_read),
        cmocka_unit_test(no_control_character_is_read),
        cmocka_unit_test(nesting_has_an_end),
        cmocka_unit_test(of_two_members_the_last_counts),
        cmocka_unit_test(a_value_moves_the_position_behind_it),
        cmocka_unit_test(a_value_longer_than_allowed_is_told_where_it_begins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
