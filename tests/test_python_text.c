#include "tests/check.h"

#include "metrics/python_text.h"
#include "metrics/rounding.h"
#include "metrics/tri_order.h"
#include "metrics/vqa_text.h"

#include <math.h>

static void assert_lower(const char *in, const char *expected)
{
    struct text out;
    text_init(&out);
    python_lower(span_of(in), &out);
    assert_string_equal(text_string(&out), expected);
    text_release(&out);
}

/* Outputs of CPython 3.11. */
static void lower_is_pythons(void **state)
{
    (void)state;
    assert_lower("", "");
    assert_lower("Ab Z!9[`{", "ab z!9[`{");
    assert_lower("\u00C0\u00D6\u00D7\u00DE\u00DF\u0178", "\u00E0\u00F6\u00D7\u00FE\u00DF\u00FF");
    assert_lower("\u0130stanbul", "i\u0307stanbul");
    assert_lower("\u1E9E\u2126\u212A", "\u00DF\u03C9k");
    assert_lower("\U00010400\U0001E921", "\U00010428\U0001E943");
    assert_lower("\u0100\u0101\u0102", "\u0101\u0101\u0103");
}

static void a_final_sigma_is_told_from_an_inner_one(void **state)
{
    (void)state;
    assert_lower("\u03A3\u0391\u03A3", "\u03C3\u03B1\u03C2");
    assert_lower("\u03A3", "\u03C3");
    assert_lower("A\u03A3", "a\u03C2");
    assert_lower("A\u03A3B", "a\u03C3b");
    assert_lower("A\u03A3 B", "a\u03C2 b");
    assert_lower("A'\u03A3'", "a'\u03C2'");
    assert_lower("A\u03A3'B", "a\u03C3'b");
    assert_lower("1\u03A3", "1\u03C3");
    assert_lower("'\u03A3", "'\u03C3");
}

static void strip_takes_pythons_white_space_only(void **state)
{
    (void)state;
    static const struct {
        const char *in, *expected;
    } cases[] = {
        {"  a b\t\r\n", "a b"},
        {"\u00A0no\u3000", "no"},
        {"\u200Bno\uFEFF", "\u200Bno\uFEFF"},
        {"\x1C\x1Fno\xC2\x85", "no"},
        {"\u180Eno", "\u180Eno"},
        {" \t ", ""},
        {"\u2028\u2000n\u205F\u1680", "n"},
        {"", ""},
        {"\u00E9", "\u00E9"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_true(span_equals(python_strip(span_of(cases[i].in)), cases[i].expected));
}

static void split_yields_no_empty_word(void **state)
{
    (void)state;
    struct span rest = span_of(" a\u00A0\u00A0bc \n d\u200Be "), word;
    assert_true(python_next_word(&rest, &word) && span_equals(word, "a"));
    assert_true(python_next_word(&rest, &word) && span_equals(word, "bc"));
    assert_true(python_next_word(&rest, &word) && span_equals(word, "d\u200Be"));
    assert_false(python_next_word(&rest, &word));
}

static void digits_are_those_of_every_script(void **state)
{
    (void)state;
    assert_true(python_is_digit('0') && python_is_digit('9') && python_is_digit(0x0669));
    assert_true(python_is_digit(0xFF11) && python_is_digit(0x1D7CE));
    assert_false(python_is_digit(0x00B2) || python_is_digit(0x2460) || python_is_digit('/'));
}

static void floats_are_written_as_repr_does(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *expected;
    } cases[] = {
        {1, "1.0"},
        {0, "0.0"},
        {-0.0, "-0.0"},
        {0.1, "0.1"},
        {2.0 / 3, "0.6666666666666666"},
        {1e-4, "0.0001"},
        {1e-5, "1e-05"},
        {123456789, "123456789.0"},
        {1e16, "1e+16"},
        {1e15, "1000000000000000.0"},
        {0.9999985000012501, "0.9999985000012501"},
        {NAN, "nan"},
        {-INFINITY, "-inf"},
        {1.5e-7, "1.5e-07"},
        {12.5, "12.5"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct text out;
        text_init(&out);
        python_add_float(&out, cases[i].value);
        assert_string_equal(text_string(&out), cases[i].expected);
        text_release(&out);
    }
}

static void assert_punctuation(const char *in, enum vqa_period_rule rule, const char *expected)
{
    struct text out;
    text_init(&out);
    vqa_punctuation(span_of(in), rule, &out);
    assert_string_equal(text_string(&out), expected);
    text_release(&out);
}

/* datasets_metrics.md 9.1, column "Pn only", and the period rule of VLMEvalKit. */
static void punctuation_goes_as_in_the_vqa_scorer(void **state)
{
    (void)state;
    static const struct {
        const char *in, *expected;
    } cases[] = {
        {"twenty-one", "twenty one"},
        {"1,000-2", "10002"},
        {"1, 2", "1 2"},
        {"5. 5", "5 5"},
        {".5", ".5"},
        {"no.1", "no.1"},
        {"red , white", "red  white"},
        {"red,white", "red white"},
        {"(two)", " two "},
        {"yes</s>", "yes  s "},
        {"a?b", "a b"},
        {"hi !", "hi "},
        {"a - b-c", "a  bc"},
        {"it's 2:50 p.m.", "it's 2:50 pm"},
        {"\uFF11,\uFF12", "\uFF11\uFF12"},
        {"........................................", "........"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_punctuation(cases[i].in, VQA_PERIOD_OFFICIAL, cases[i].expected);
    assert_punctuation("1.", VQA_PERIOD_OFFICIAL, "1");
    assert_punctuation("1.", VQA_PERIOD_VLMEVALKIT, "1.");
    assert_punctuation("5. 5 U.S.", VQA_PERIOD_VLMEVALKIT, "5. 5 US");
}

static void rounding_follows_each_python(void **state)
{
    (void)state;
    static const struct {
        double x, python2, python3;
    } cases[] = {{0.125, 0.13, 0.12},  {0.375, 0.38, 0.38},    {62.125, 62.13, 62.12},
                 {2.675, 2.67, 2.67},  {-0.125, -0.13, -0.12}, {1e300, 1e300, 1e300},
                 {3.0625, 3.06, 3.06}, {100, 100, 100},        {0.25, 0.25, 0.25}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_true(round2_python2(cases[i].x) == cases[i].python2);
        assert_true(round2(cases[i].x) == cases[i].python3);
    }
}

/* random.Random(21).shuffle() of range(10), and with other seeds, of CPython 3.11. */
static void shuffling_is_pythons(void **state)
{
    (void)state;
    static const struct {
        uint32_t seed;
        size_t expected[10];
    } cases[] = {{21, {7, 0, 4, 1, 3, 9, 5, 8, 6, 2}},
                 {0, {7, 8, 1, 5, 3, 4, 2, 0, 9, 6}},
                 {5489, {4, 6, 8, 5, 9, 7, 2, 0, 1, 3}},
                 {4294967295u, {0, 7, 1, 5, 2, 6, 4, 8, 3, 9}}};
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        size_t order[10];
        for (size_t i = 0; i < 10; i++)
            order[i] = i;
        tri_shuffle(order, 10, cases[c].seed);
        assert_memory_equal(order, cases[c].expected, sizeof order);
    }
    tri_shuffle(NULL, 0, TRI_SEED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lower_is_pythons),
        cmocka_unit_test(a_final_sigma_is_told_from_an_inner_one),
        cmocka_unit_test(strip_takes_pythons_white_space_only),
        cmocka_unit_test(split_yields_no_empty_word),
        cmocka_unit_test(digits_are_those_of_every_script),
        cmocka_unit_test(floats_are_written_as_repr_does),
        cmocka_unit_test(punctuation_goes_as_in_the_vqa_scorer),
        cmocka_unit_test(rounding_follows_each_python),
        cmocka_unit_test(shuffling_is_pythons),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
