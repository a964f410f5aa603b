/* The gate's rule, what its baseline holds, and what CI is told. */
#include "tests/check.h"

#include "engine/base/json.h"
#include "eval/gate_credits.h"
#include "eval/gate_file.h"
#include "metrics/gate_rule.h"
#include "reports/checks.h"

#include <math.h>
#include <string.h>

static void assert_close(double value, double expected, double slack)
{
    if (!(fabs(value - expected) <= slack))
        fail_msg("%.17g, expected %.17g", value, expected);
}

static void fails_on_effect_and_significance(void **state)
{
    (void)state;
    struct gate_test tests[] = {
        {.excess = -1, .p = 1e-6},                       /* better, or within what is allowed */
        {.excess = 1, .p = 0.001},                       /* both */
        {.excess = 1, .p = 0.03},                        /* not after Holm: 4 tests */
        {.excess = 1, .p = 0.5},                         /* effect alone */
        {.excess = 1, .p = NAN},                         /* nothing of chance in it */
        {.excess = 0, .p = NAN},                         /* exactly what is allowed */
        {.excess = 9, .p = 1e-9, .is_impossible = true}, /* cannot be decided */
        {.excess = -9, .p = NAN, .is_impossible = true}, /* nor can this */
    };
    static const enum gate_verdict expected[] = {
        GATE_OK,     GATE_FAILED, GATE_INCONCLUSIVE, GATE_INCONCLUSIVE,
        GATE_FAILED, GATE_OK,     GATE_INCONCLUSIVE, GATE_INCONCLUSIVE,
    };
    size_t n = sizeof tests / sizeof tests[0];
    assert_true(gate_decide(tests, n, 0.05));
    for (size_t i = 0; i < n; i++)
        assert_int_equal(tests[i].verdict, expected[i]);
    assert_close(tests[1].p_holm, 0.003, 1e-12);
    assert_close(tests[2].p_holm, 0.06, 1e-12);
    assert_true(isnan(tests[4].p_holm) && isnan(tests[6].p_holm));
    assert_true(gate_decide(tests, 0, 0.05));
}

static void normal_p_is_that_of_the_tables(void **state)
{
    (void)state;
    assert_close(gate_normal_p(1.959963984540054, 1), 0.05, 1e-12);
    assert_close(gate_normal_p(-2.5758293035489004, 1), 0.01, 1e-12);
    assert_close(gate_normal_p(0, 1), 1, 0);
    assert_close(gate_normal_p(1, 0), 0, 0);
    assert_close(gate_normal_p(0, 0), 1, 0);
}

static struct check failed_check(const char *task, const char *sentence)
{
    return (struct check){
        .task = task,
        .metric = "credit",
        .rule = "allowed_drop",
        .unit = "%",
        .limit = 0.5,
        .before = 98,
        .now = 90,
        .detectable = NAN,
        .test = {.excess = 7.5, .p = 0.001, .p_holm = 0.002, .verdict = GATE_FAILED},
        .sentence = sentence};
}

static void assert_says(const struct text *text, const char *part)
{
    assert_contains(text_string(text), part);
}

static void xml_is_escaped(void **state)
{
    (void)state;
    const struct check items[] = {
        failed_check("a<b>&\"'", "one\ntwo\x01\xff]]>"),
        {.task = "other",
         .metric = "f1",
         .rule = "floor",
         .unit = "%",
         .sentence = "fine",
         .test = {.verdict = GATE_OK}},
        {.task = "other",
         .metric = "em",
         .rule = "floor",
         .unit = "%",
         .sentence = "who knows",
         .test = {.verdict = GATE_INCONCLUSIVE}},
    };
    struct checks checks = {.items = items, .n = 3, .level = 0.05};
    struct text text;
    text_init(&text);
    checks_add_junit(&checks, &text);
    assert_says(&text, "<testsuites name=\"mambench gate\" tests=\"3\" failures=\"1\" errors=\"0\" "
                       "skipped=\"1\">");
    assert_says(&text,
                "<testsuite name=\"a&lt;b&gt;&amp;&quot;&apos;\" tests=\"1\" failures=\"1\"");
    assert_says(&text, "<testsuite name=\"other\" tests=\"2\" failures=\"0\" errors=\"0\" "
                       "skipped=\"1\">");
    assert_says(&text, "message=\"one&#10;two\xEF\xBF\xBD\xEF\xBF\xBD]]&gt;\"");
    assert_says(&text, "<skipped message=\"who knows\"/>");
    assert_says(&text, "<testcase classname=\"other\" name=\"f1, floor 0\">");
    text_reset(&text);
    checks.error = "no <such> file";
    checks_add_junit(&checks, &text);
    assert_says(&text, "tests=\"1\" failures=\"0\" errors=\"1\" skipped=\"0\"");
    assert_says(&text, "<error message=\"no &lt;such&gt; file\"/>");
    assert_null(strstr(text_string(&text), "<failure"));
    text_release(&text);
}

static void commands_are_escaped(void **state)
{
    (void)state;
    const struct check item = failed_check("a:b,c%", "50 % gone,\r\nsee: there");
    struct checks checks = {.items = &item, .n = 1, .level = 0.05, .file = "ci/a,b.json"};
    struct text text;
    text_init(&text);
    checks_add_annotations(&checks, &text);
    assert_says(
        &text,
        "::error file=ci/a%2Cb.json,title=a%3Ab%2Cc%25%3A credit::50 %25 gone,%0D%0Asee: there\n");
    assert_says(&text, "::notice file=ci/a%2Cb.json,title=mambench gate::gate: FAILED: 1 of 1 "
                       "checks: a:b,c%25 credit");
    text_release(&text);
}

static void github_shows_ten_of_a_kind(void **state)
{
    (void)state;
    struct check items[14];
    struct checks checks = {.items = items, .n = 14, .level = 0.05};
    struct text text;
    size_t n = 0;
    for (size_t i = 0; i < 14; i++)
        items[i] = failed_check("task", "worse");
    text_init(&text);
    checks_add_annotations(&checks, &text);
    for (const char *at = text_string(&text); (at = strstr(at, "::error ")); at++)
        n++;
    assert_int_equal(n, 10);
    assert_says(&text, "5 more checks are FAILED");
    text_release(&text);
}

static void credits_come_back(void **state)
{
    (void)state;
    static const double credits[] = {0, 1, 0.3, 1.0 / 3, 0.9, 1, 0.6};
    double many[357];
    struct arena arena;
    struct error err = {""};
    double *back;
    cJSON *recorded = cJSON_CreateObject();
    arena_init(&arena);
    for (size_t i = 0; i < 357; i++)
        many[i] = credits[i % 7];
    assert_int_equal(gate_credits_put(recorded, many, 357, &err), STATUS_OK);
    assert_int_equal(cJSON_GetArraySize(json_find(recorded, "credits")), 4); /* lines */
    assert_int_equal(gate_credits_read(recorded, 357, "here", &arena, &back, &err), STATUS_OK);
    assert_memory_equal(back, many, sizeof many);
    assert_int_equal(gate_credits_read(recorded, 356, "here", &arena, &back, &err),
                     STATUS_BAD_FORMAT);
    assert_int_equal(gate_credits_read(recorded, 358, "here", &arena, &back, &err),
                     STATUS_BAD_FORMAT);
    cJSON *line = cJSON_GetArrayItem(json_find(recorded, "credits"), 1);
    line->valuestring[3] = 'z';
    assert_int_equal(gate_credits_read(recorded, 357, "here", &arena, &back, &err),
                     STATUS_BAD_FORMAT);
    assert_non_null(strstr(err.text, "damaged at sample 103"));
    cJSON_Delete(recorded);
    arena_release(&arena);
}

/* As many sizes as a file has digits for, and one more. */
static void too_many_levels_are_left_out(void **state)
{
    (void)state;
    double credits[63];
    struct arena arena;
    struct error err = {""};
    double *back;
    arena_init(&arena);
    for (size_t i = 0; i < 63; i++)
        credits[i] = (double)i / 62;
    for (size_t n = 62; n <= 63; n++) {
        cJSON *recorded = cJSON_CreateObject();
        credits[61] = n == 62 ? 1 : 61.0 / 62;
        assert_int_equal(gate_credits_put(recorded, credits, n, &err), STATUS_OK);
        assert_int_equal(gate_credits_read(recorded, n, "here", &arena, &back, &err), STATUS_OK);
        assert_true((back != NULL) == (n == 62));
        cJSON_Delete(recorded);
    }
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fails_on_effect_and_significance),
        cmocka_unit_test(normal_p_is_that_of_the_tables),
        cmocka_unit_test(xml_is_escaped),
        cmocka_unit_test(commands_are_escaped),
        cmocka_unit_test(github_shows_ten_of_a_kind),
        cmocka_unit_test(credits_come_back),
        cmocka_unit_test(too_many_levels_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
