/* JSON: what is refused and where, checked members, text written, large arrays walked. */
#include "tests/check.h"

#include "engine/base/json.h"

#include <float.h>
#include <math.h>

/* Parses text, which may hold NULs, from a block that ends with its last byte: reading behind it
 * shows under AddressSanitizer. */
static enum status parse(cJSON **root, const char *text, size_t length, struct error *err)
{
    char *exact = malloc(length + !length);
    assert_non_null(exact);
    memcpy(exact, text, length);
    enum status status = json_parse(root, exact, length, "p.json", err);
    free(exact);
    return status;
}

static void errors_tell_line_and_column(void **state)
{
    (void)state;
    static const struct {
        const char *text, *sentence;
    } cases[] = {
        {"", "p.json: empty, JSON expected"},
        {" \n\t\r ", "p.json: empty, JSON expected"},
        {"{\n \"a\": 1,\n \"b\": tru\n}", "p.json: line 3, column 7: not valid JSON"},
        {"[1, 2\n, ]", "p.json: line 2, column 3: not valid JSON"},
        {"[1 2]", "p.json: line 1, column 4: not valid JSON"},
        {"{\"a\" 1}", "p.json: line 1, column 6: not valid JSON"},
        {"nul", "p.json: line 1, column 1: not valid JSON"},
        {"NaN", "p.json: line 1, column 1: not valid JSON"},
        {"'a'", "p.json: line 1, column 1: not valid JSON"},
        {"{\"a\":", "p.json: line 1, column 6: the JSON text ends too early"},
        {"{\"a\": 1", "p.json: line 1, column 8: the JSON text ends too early"},
        {"[\n[1,\n2]", "p.json: line 3, column 3: the JSON text ends too early"},
        {"[", "p.json: line 1, column 2: the JSON text ends too early"},
        {"{\"a\\", "the JSON text ends too early"},
        {"\"abc", "the JSON text ends too early"},
        {"{\"a\": 1} x", "p.json: line 1, column 10: text behind the JSON value"},
        {"1\n2", "p.json: line 2, column 1: text behind the JSON value"},
        {"\xEF\xBB\xBF{}", "p.json: line 1, column 1: a byte order mark, not JSON"},
        {" \xEF\xBB\xBF{}", "p.json: line 1, column 2: a byte order mark, not JSON"},
        {"{}\xEF\xBB\xBF", "p.json: line 1, column 3: text behind the JSON value"},
        {"\"\\ud800\"", "p.json: line 1, column 2: half of a surrogate pair"},
        {"\"\\x\"", "not valid JSON"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cJSON *root = NULL;
        struct error err = {""};
        enum status status = parse(&root, cases[i].text, strlen(cases[i].text), &err);
        if (status != STATUS_BAD_FORMAT)
            fail_msg("'%s' gives status %d", cases[i].text, (int)status);
        assert_null(root);
        assert_contains(err.text, cases[i].sentence);
    }
}

static void sound_text_is_read(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "1",  "null",         "\"\"", " [ ] ", "{}\n",
        "-0", "{\"a\":[{}]}", "1e3",  "true",  "\"\\ud83d\\ude00\""};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        cJSON *root = NULL;
        struct error err = {"untouched"};
        assert_ok(parse(&root, texts[i], strlen(texts[i]), &err), err);
        assert_string_equal(err.text, "untouched");
        cJSON_Delete(root);
    }
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    static const char text[] = "{\"a\": [1, 2.5, \"x\\u00e9\\\"\", null], \"b\": {\"c\": true}}";
    for (size_t n = 0; n < sizeof text - 1; n++) {
        cJSON *root = NULL;
        struct error err = {""};
        assert_int_equal(parse(&root, text, n, &err), STATUS_BAD_FORMAT);
        assert_contains(err.text, "p.json");
    }
}

static void deep_nesting_is_refused(void **state)
{
    (void)state;
    enum { DEPTH = 200000 };
    char *text = malloc(DEPTH);
    cJSON *root = NULL;
    struct error err = {""};
    assert_non_null(text);
    memset(text, '[', DEPTH);
    assert_int_equal(json_parse(&root, text, DEPTH, "p.json", &err), STATUS_BAD_FORMAT);
    free(text);
}

static void a_file_is_read_or_named(void **state)
{
    (void)state;
    cJSON *root = NULL;
    struct error err = {""};
    assert_ok(json_read(&root, "tests/data/engine/cobra/config.json", &err), err);
    assert_non_null(json_find(root, "model"));
    assert_null(json_find(root, "Model"));
    cJSON_Delete(root);
    assert_int_equal(json_read(&root, "tests/data/engine/absent.json", &err), STATUS_NOT_FOUND);
    assert_contains(err.text, "tests/data/engine/absent.json");
}

static void members_are_checked_by_name_and_type(void **state)
{
    (void)state;
    static const char text[] =
        "{\"s\": \"x\", \"n\": 2.5, \"i\": -7, \"big\": 1e12, \"inf\": 1e400, "
        "\"a\": [1], \"b\": true, \"z\": null}";
    cJSON *root = NULL;
    struct error err = {""};
    const char *string = NULL;
    const cJSON *item = NULL;
    double number = 0;
    int integer = 0;
    assert_ok(parse(&root, text, sizeof text - 1, &err), err);
    assert_ok(json_get_string(root, "s", "p", &string, &err), err);
    assert_string_equal(string, "x");
    assert_ok(json_get_number(root, "n", "p", &number, &err), err);
    assert_true(number == 2.5);
    assert_ok(json_get_int(root, "i", "p", &integer, &err), err);
    assert_int_equal(integer, -7);
    assert_ok(json_get_array(root, "a", "p", &item, &err), err);
    assert_int_equal(cJSON_GetArraySize(item), 1);

#define ASSERT_REFUSED(call, sentence)                                                             \
    do {                                                                                           \
        assert_int_equal(call, STATUS_BAD_FORMAT);                                                 \
        assert_contains(err.text, sentence);                                                       \
    } while (0)
    ASSERT_REFUSED(json_get(root, "none", "p", &item, &err), "p: \"none\" is missing");
    ASSERT_REFUSED(json_get_string(root, "S", "p", &string, &err), "p: \"S\" is missing");
    ASSERT_REFUSED(json_get_string(root, "z", "p", &string, &err), "p: \"z\" is not a string");
    ASSERT_REFUSED(json_get_number(root, "s", "p", &number, &err), "p: \"s\" is not a number");
    ASSERT_REFUSED(json_get_int(root, "n", "p", &integer, &err), "\"n\" is 2.5, a whole number");
    ASSERT_REFUSED(json_get_int(root, "big", "p", &integer, &err), "\"big\" is 1e+12, a whole");
    ASSERT_REFUSED(json_get_int(root, "inf", "p", &integer, &err), "\"inf\" is inf, a whole");
    ASSERT_REFUSED(json_get_array(root, "s", "p", &item, &err), "p: \"s\" is not an array");
    ASSERT_REFUSED(json_get(NULL, "s", "p", &item, &err), "p: \"s\" is missing");
    assert_string_equal(string, "x");
    assert_int_equal(integer, -7);

    assert_string_equal(json_string_or(root, "n", "fallback"), "fallback");
    assert_string_equal(json_string_or(root, "s", "fallback"), "x");
    assert_true(json_number_or(root, "n", 9) == 2.5 && json_number_or(root, "z", 9) == 9);
    assert_int_equal(json_int_or(root, "i", 9), -7);
    assert_int_equal(json_int_or(root, "n", 9), 9);
    assert_int_equal(json_int_or(root, "inf", 9), 9);
    assert_true(json_bool_or(root, "b", false) && json_bool_or(root, "i", true));
    cJSON_Delete(root);
}

static void strings_are_written_as_python_writes_them(void **state)
{
    (void)state;
    /* json.dumps of CPython 3.11; the last three are not UTF-8 and become U+FFFD. */
    static const struct {
        const char *value, *json;
    } cases[] = {
        {"", "\"\""},
        {"plain", "\"plain\""},
        {"\"\\/", "\"\\\"\\\\/\""},
        {"\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\""},
        {"\x01\x1F\x7F", "\"\\u0001\\u001f\\u007f\""},
        {"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80", "\"\\u00e9\\u20ac\\ud83d\\ude00\""},
        {"\xE2\x80\xA8\xE2\x80\xA9", "\"\\u2028\\u2029\""},
        {"\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBF", "\"\\ud7ff\\ue000\\uffff\""},
        {"\xF4\x8F\xBF\xBF", "\"\\udbff\\udfff\""},
        {"a\vb", "\"a\\u000bb\""},
        {"</script> it's", "\"</script> it's\""},
        {"\xC2\x80\xC2\x9F", "\"\\u0080\\u009f\""},
        {"\xFF", "\"\\ufffd\""},
        {"a\xE2\x82", "\"a\\ufffd\""},
        {"\xED\xA0\x80", "\"\\ufffd\\ufffd\\ufffd\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct text text;
        cJSON *root = NULL;
        struct error err = {""};
        text_init(&text);
        json_add_string(&text, cases[i].value);
        assert_string_equal(text_string(&text), cases[i].json);
        assert_ok(json_parse(&root, text.data, text.length, "written", &err), err);
        if (i < 12)
            assert_string_equal(root->valuestring, cases[i].value);
        cJSON_Delete(root);
        text_release(&text);
    }
}

static void assert_number(double value, const char *expected)
{
    struct text text;
    cJSON *root = NULL;
    struct error err = {""};
    text_init(&text);
    json_add_number(&text, value);
    if (expected)
        assert_string_equal(text_string(&text), expected);
    assert_ok(json_parse(&root, text.data, text.length, "written", &err), err);
    if (isfinite(value) && (!cJSON_IsNumber(root) || root->valuedouble != value))
        fail_msg("%.17g was written as %s", value, text_string(&text));
    cJSON_Delete(root);
    text_release(&text);
}

static void numbers_are_short_and_read_back(void **state)
{
    (void)state;
    assert_number(0, "0");
    assert_number(0.1, "0.1");
    assert_number(1e-6, "1e-06");
    assert_number(-2.5, "-2.5");
    assert_number(1.0 / 3, "0.3333333333333333");
    assert_number(2048, "2048");
    assert_number(NAN, "null");
    assert_number(INFINITY, "null");
    assert_number(-INFINITY, "null");
    assert_number(DBL_MAX, NULL);
    assert_number(DBL_MIN, NULL);
    assert_number(DBL_TRUE_MIN, NULL);
    assert_number(9007199254740993.0, NULL);
    uint64_t bits = 88172645463325252u; /* xorshift64 */
    for (int i = 0; i < 5000; i++) {
        double value;
        bits ^= bits << 13;
        bits ^= bits >> 7;
        bits ^= bits << 17;
        memcpy(&value, &bits, sizeof value);
        assert_number(value, NULL);
    }
}

typedef enum status begin(struct json_array *array, const char *data, size_t length,
                          const char *place, struct error *err);

/* Walks from where the walker was positioned, or was not; returns the number of elements, or the
 * status as a negative number. */
static long walk_from(struct json_array *array, enum status status, struct error *err)
{
    long n = 0;
    for (cJSON *element; !status; n++) {
        status = json_array_next(array, &element, err);
        if (status || !element)
            break;
        cJSON_Delete(element);
    }
    for (int again = 0; !status && again < 2; again++) {
        cJSON *element;
        assert_ok(json_array_next(array, &element, err), *err);
        assert_null(element);
    }
    return status ? -(long)status : n;
}

/* An array or an object. */
static long walk(begin *begins, const char *text, size_t length, struct error *err)
{
    struct json_array array;
    enum status status = begins(&array, text, length, "list.json", err);
    return walk_from(&array, status, err);
}

/* The array that is the member called key of an object. */
static long walk_member(const char *text, size_t length, const char *key, struct error *err)
{
    struct json_array array;
    enum status status = json_member_array_begin(&array, text, length, key, "list.json", err);
    return walk_from(&array, status, err);
}

static void arrays_are_walked_one_element_at_a_time(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        long n;
    } cases[] = {
        {"[]", 0},          {" [ ] \n", 0},         {"[1]", 1},
        {"[1,2,\n3]", 3},   {"[[], {}, \"]\"]", 3}, {"[{\"a\": [1]}]\n", 1},
        {"[null,null]", 2}, {"[ 1 , 2 ]", 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error err = {""};
        long n = walk(json_array_begin, cases[i].text, strlen(cases[i].text), &err);
        if (n != cases[i].n)
            fail_msg("'%s' has %ld elements: %s", cases[i].text, n, err.text);
    }
}

static void damaged_arrays_are_refused_where_they_break(void **state)
{
    (void)state;
    static const struct {
        const char *text, *sentence;
    } cases[] = {
        {"", "list.json: line 1, column 1: a JSON array is expected"},
        {"{}", "list.json: line 1, column 1: a JSON array is expected"},
        {"\n 1", "list.json: line 2, column 2: a JSON array is expected"},
        {"[", "list.json: line 1, column 2: the JSON text ends too early"},
        {"[1", "list.json: line 1, column 3: ',' or ']' is expected"},
        {"[1,", "list.json: line 1, column 4: the JSON text ends too early"},
        {"[1,]", "list.json: line 1, column 4: not valid JSON"},
        {"[,1]", "list.json: line 1, column 2: not valid JSON"},
        {"[1 2]", "list.json: line 1, column 4: ',' or ']' is expected"},
        {"[1}", "list.json: line 1, column 3: ',' or ']' is expected"},
        {"[1]x", "list.json: line 1, column 4: text behind the JSON array"},
        {"[]]", "list.json: line 1, column 3: text behind the JSON array"},
        {"[1,\n{\"a\":x}]", "list.json: line 2, column 6: not valid JSON"},
        {"[1,\xEF\xBB\xBF 2]", "list.json: line 1, column 4: a byte order mark, not JSON"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error err = {""};
        if (walk(json_array_begin, cases[i].text, strlen(cases[i].text), &err) !=
            -(long)STATUS_BAD_FORMAT)
            fail_msg("'%s' is accepted", cases[i].text);
        assert_contains(err.text, cases[i].sentence);
    }
}

/* A file cut exactly behind an element must not pass for a shorter one. */
static void check_truncations(begin *begins, const char *text)
{
    for (size_t n = 0; n < strlen(text); n++) {
        struct error err = {""};
        /* A block that ends with the last byte: reading behind it shows under AddressSanitizer. */
        char *exact = malloc(n + 1);
        assert_non_null(exact);
        memcpy(exact + 1, text, n);
        long result = walk(begins, exact + 1, n, &err);
        free(exact);
        if (result != -(long)STATUS_BAD_FORMAT)
            fail_msg("the first %zu bytes pass", n);
    }
}

static void every_truncation_of_an_array_or_object_is_refused(void **state)
{
    (void)state;
    check_truncations(json_array_begin, "[{\"question\": \"a, b]\"}, 17, \"x\", [1, 2], null]");
    check_truncations(json_object_begin,
                      "{\"1\": {\"question\": \"a, b}\"}, \"2\": 17, \"}\" : \"x\"}");
}

static void objects_are_walked_one_member_at_a_time(void **state)
{
    (void)state;
    static const char text[] =
        " {\"20\": {\"a\": 1}, \"1\" :\n[2], \"20\": \"x\",\"\\u00e9\":null} \n";
    static const char *const keys[] = {"20", "1", "20", "\xC3\xA9"};
    struct json_array object;
    struct error err = {""};
    cJSON *element;
    assert_ok(json_object_begin(&object, text, strlen(text), "o.json", &err), err);
    for (size_t i = 0; i < 4; i++) {
        assert_ok(json_array_next(&object, &element, &err), err);
        assert_string_equal(element->string, keys[i]);
        assert_int_equal(object.index, i + 1);
        cJSON_Delete(element);
    }
    assert_ok(json_array_next(&object, &element, &err), err);
    assert_null(element);
    assert_int_equal(walk(json_object_begin, "{}", 2, &err), 0);
}

static void damaged_objects_are_refused_where_they_break(void **state)
{
    (void)state;
    static const struct {
        const char *text, *sentence;
    } cases[] = {
        {"[]", "list.json: line 1, column 1: a JSON object is expected"},
        {"{1: 2}", "list.json: line 1, column 2: a key in quotes is expected"},
        {"{\"a\" 1}", "list.json: line 1, column 6: ':' is expected"},
        {"{\"a\": 1 \"b\": 2}", "list.json: line 1, column 9: ',' or '}' is expected"},
        {"{\"a\": 1,}", "list.json: line 1, column 9: a key in quotes is expected"},
        {"{\"a\": 1]", "list.json: line 1, column 8: ',' or '}' is expected"},
        {"{\"a\": \"\\ud800\"}", "list.json: line 1, column"}, /* half of a surrogate pair */
        {"{\"\\ud800\": 1}", "list.json: line 1, column"},
        {"{}{", "list.json: line 1, column 3: text behind the JSON object"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error err = {""};
        if (walk(json_object_begin, cases[i].text, strlen(cases[i].text), &err) !=
            -(long)STATUS_BAD_FORMAT)
            fail_msg("'%s' is accepted", cases[i].text);
        assert_contains(err.text, cases[i].sentence);
    }
}

static void want_of_memory_is_no_syntax_error(void **state)
{
    (void)state;
    static const char text[] = "[{\"key\": \"value\"}, [1, 2, {\"x\": null}]]";
    for (long n = 1;; n++) {
        cJSON *root = NULL;
        struct error err = {""};
        fail_allocation(n);
        enum status status = json_parse(&root, text, sizeof text - 1, "p.json", &err);
        bool struck = allocation_has_failed();
        fail_allocation(0);
        assert_int_equal(status, struck ? STATUS_NO_MEMORY : STATUS_OK);
        cJSON_Delete(root);
        fail_allocation(n);
        long walked = walk(json_array_begin, text, sizeof text - 1, &err);
        bool walk_struck = allocation_has_failed();
        fail_allocation(0);
        assert_int_equal(walked, walk_struck ? -(long)STATUS_NO_MEMORY : 2);
        if (!struck && !walk_struck)
            break;
        assert_true(n < 200);
    }
}

static void an_array_inside_an_object_is_walked_and_the_object_checked(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        long n;
        const char *sentence;
    } cases[] = {
        {"{\"a\": [1, 2]}", 2, ""},
        {" { \"x\" : {\"a\": [3]} , \"a\" : [ ] , \"y\" : \"a\" } \n", 0, ""},
        {"[]", -STATUS_BAD_FORMAT, "line 1, column 1: a JSON object is expected"},
        {"{}", -STATUS_BAD_FORMAT, "line 1, column 2: the name of a member is expected"},
        {"{\"x\": 1}", -STATUS_BAD_FORMAT, "list.json: \"a\" is missing"},
        {"{\"a\": {}}", -STATUS_BAD_FORMAT, "list.json: \"a\" is not an array"},
        {"{\"a\" [1]}", -STATUS_BAD_FORMAT, "line 1, column 6: ':' is expected"},
        {"{\"x\": 1; \"a\": []}", -STATUS_BAD_FORMAT, "line 1, column 8: ',' or '}' is expected"},
        {"{\"a\": [1], \"a\": [2]}", -STATUS_BAD_FORMAT, "list.json: \"a\" is there twice"},
        {"{\"a\": [1], 2}", -STATUS_BAD_FORMAT, "the name of a member is expected"},
        {"{\"a\": [1], \"b\": }", -STATUS_BAD_FORMAT, "line 1, column 17: not valid JSON"},
        {"{\"a\": [1]] ", -STATUS_BAD_FORMAT, "line 1, column 10: ',' or '}' is expected"},
        {"{\"a\": [1]}{", -STATUS_BAD_FORMAT, "line 1, column 11: text behind the JSON object"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error err = {""};
        long n = walk_member(cases[i].text, strlen(cases[i].text), "a", &err);
        if (n != cases[i].n)
            fail_msg("'%s' gives %ld: %s", cases[i].text, n, err.text);
        assert_contains(err.text, cases[i].sentence);
    }
    static const char whole[] = "{\"x\": [0], \"a\": [1, {\"b\": \"c\"}], \"y\": null}";
    for (size_t length = 0; length < sizeof whole - 1; length++) {
        struct error err = {""};
        assert_int_equal(walk_member(whole, length, "a", &err), -STATUS_BAD_FORMAT);
    }
    for (long n = 1;; n++) {
        struct error err = {""};
        fail_allocation(n);
        long walked = walk_member(whole, sizeof whole - 1, "a", &err);
        int struck = allocation_has_failed();
        fail_allocation(0);
        assert_int_equal(walked, struck ? -(long)STATUS_NO_MEMORY : 2);
        if (!struck)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_tell_line_and_column),
        cmocka_unit_test(sound_text_is_read),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(deep_nesting_is_refused),
        cmocka_unit_test(a_file_is_read_or_named),
        cmocka_unit_test(members_are_checked_by_name_and_type),
        cmocka_unit_test(strings_are_written_as_python_writes_them),
        cmocka_unit_test(numbers_are_short_and_read_back),
        cmocka_unit_test(arrays_are_walked_one_element_at_a_time),
        cmocka_unit_test(damaged_arrays_are_refused_where_they_break),
        cmocka_unit_test(objects_are_walked_one_member_at_a_time),
        cmocka_unit_test(damaged_objects_are_refused_where_they_break),
        cmocka_unit_test(every_truncation_of_an_array_or_object_is_refused),
        cmocka_unit_test(want_of_memory_is_no_syntax_error),
        cmocka_unit_test(an_array_inside_an_object_is_walked_and_the_object_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
