/* The page: what it writes, and that no text of a run can be more than text. */
#include "tests/check.h"

#include "engine/base/json.h"
#include "reports/html_text.h"
#include "reports/page_data.h"
#include "reports/report.h"

#include <math.h>

#define MARKUP "</script><script>x</script><!--"

static struct score scores[] = {
    {.name = "accuracy " MARKUP, .value = 0.75, .scale = 1, .n = 4, .low = NAN, .high = NAN},
};

static struct run_record make_record(void)
{
    return (struct run_record){
        .path = "runs/" MARKUP,
        .command = "mambench run " MARKUP,
        .protocol = "pope@x",
        .protocol_hash = "abc",
        .model = "m" MARKUP,
        .precision = "bf16",
        .model_hash = "def",
        .first_prompt = MARKUP,
        .data_note = MARKUP,
        .cpu = "C",
        .n_files = 0,
        .n_samples = 4,
        .n_in_dataset = 4,
        .parameters = NAN,
        .weight_bytes = NAN,
        .state_bytes = NAN,
        .seed = NAN,
        .memory_bytes = NAN,
        .peak_bytes = NAN,
        .scores = scores,
        .n_scores = 1,
        .n_failed = 1,
        .speed = {.first_token_median_ns = NAN,
                  .questions_per_s = NAN,
                  .decode_tokens_per_s = NAN,
                  .prefill_tokens_per_s = NAN},
    };
}

static const char *const references[] = {MARKUP, "b\xe2\x80\xa8\"\\\n"};
static const double probabilities[] = {0.12345678, 0.87654322};
static struct gallery_sample samples[] = {
    {.id = "s/1", .question = MARKUP, .references = references, .n_references = 2, .image = 0},
    {.id = "s/2", .group = "g", .category = "c", .prompt = "p", .image = 1},
};
static struct gallery_answer first[] = {
    {.asked = 1, .text = MARKUP, .probabilities = probabilities, .right = 1, .credit = 1},
    {.asked = 1, .failure = "torn", .right = 0, .credit = 0},
};
static struct gallery_answer second[] = {
    {.asked = 1, .text = "", .right = -1, .credit = NAN},
    {.asked = 0},
};
static struct gallery_answer *answers[] = {first, second};
static const char *names[] = {"m" MARKUP, "n"};
static const char *const choices[] = {"Yes", "No"};
static struct gallery_task tasks[] = {
    {.protocol = "pope@x",
     .message = "{question}\n" MARKUP,
     .choices = choices,
     .n_choices = 2,
     .samples = samples,
     .n_samples = 2,
     .n_left_out = 7,
     .runs = names,
     .answers = answers,
     .n_runs = 2},
};
static struct gallery_image images[] = {
    {.path = "../a #1%\"<b>.jpg"},
    {.path = "x", .preview = "\xff\xd8\xff", .preview_bytes = 3},
    {.path = NULL},
};
static const struct gallery gallery = {tasks, 1, images, 3};
static const struct report_figure figure = {"<i>", "<svg onload='x'>", 16};
static const struct report_page extras = {&gallery, NULL, &figure, 1, "missing " MARKUP "\n"};

static void a_string_is_escaped(void **state)
{
    (void)state;
    static const struct {
        const char *string, *text;
    } cases[] = {
        {"", ""},
        {"plain", "plain"},
        {"<a href=\"x\">'&amp;", "&lt;a href=&quot;x&quot;&gt;&#39;&amp;amp;"},
        {"\xc3\xa9\xe2\x80\xa8\xf0\x9f\x98\x80", "\xc3\xa9\xe2\x80\xa8\xf0\x9f\x98\x80"},
        {"a\tb\nc\rd\x01", "a\tb\nc\xef\xbf\xbd"
                           "d\xef\xbf\xbd"},
        {"\xff<", "\xef\xbf\xbd&lt;"},
        {"\xc3", "\xef\xbf\xbd"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct text text;
        text_init(&text);
        html_add_text(&text, cases[i].string);
        assert_string_equal(text_string(&text), cases[i].text);
        text_release(&text);
    }
}

static void base64_is_that_of_rfc_4648(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
        {"\xff\xef\xfe", "/+/+"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct text text;
        text_init(&text);
        html_add_base64(&text, cases[i][0], strlen(cases[i][0]));
        assert_string_equal(text_string(&text), cases[i][1]);
        text_release(&text);
    }
}

/* The example of the Content-Security-Policy specification. */
static void a_digest_is_the_browsers(void **state)
{
    (void)state;
    static const char script[] = "alert('Hello, world.');";
    struct text text;
    text_init(&text);
    html_add_digest(&text, script, strlen(script));
    assert_string_equal(text_string(&text),
                        "'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='");
    text_release(&text);
}

static void an_address_holds_any_name(void **state)
{
    (void)state;
    struct text text;
    text_init(&text);
    html_add_address(&text, "../a b/100%#1?\"<x>&\\:'\xc3\xa9.jpg");
    assert_string_equal(text_string(&text),
                        "../a%20b/100%25%231%3F%22%3Cx%3E%26%5C%3A%27%C3%A9.jpg");
    text_release(&text);
}

static void a_table_becomes_html(void **state)
{
    (void)state;
    struct arena arena;
    struct table table;
    struct text text;
    arena_init(&arena);
    text_init(&text);
    table_init(&table, &arena, "lr");
    table_cell(&table, "a");
    table_cell(&table, "b");
    table_cell(&table, "<c>");
    table_cell(&table, "1");
    table_cell(&table, "d"); /* the last cell is left out */
    table_add_to(&table, TABLE_HTML, &text);
    assert_string_equal(
        text_string(&text),
        "<table>\n<thead><tr><th scope=\"col\">a</th><th scope=\"col\" class=\"r\">b"
        "</th></tr></thead>\n<tbody>\n"
        "<tr><th scope=\"row\">&lt;c&gt;</th><td class=\"r\">1</td></tr>\n"
        "<tr><th scope=\"row\">d</th><td class=\"r\"></td></tr>\n"
        "</tbody>\n</table>\n");
    text_release(&text);
    arena_release(&arena);
}

static void samples_come_back_from_the_data(void **state)
{
    (void)state;
    struct text text;
    struct error err = {""};
    cJSON *root = NULL;
    text_init(&text);
    gallery_add_json(&gallery, &text);
    assert_null(strpbrk(text_string(&text), "<>&"));
    for (size_t i = 0; i < text.length; i++)
        assert_true((unsigned char)text.data[i] < 0x80);
    assert_ok(json_parse(&root, text_string(&text), text.length, "data", &err), err);
    const cJSON *task = cJSON_GetArrayItem(json_find(root, "tasks"), 0);
    const cJSON *sample = cJSON_GetArrayItem(json_find(task, "samples"), 0);
    const cJSON *answer = cJSON_GetArrayItem(json_find(sample, "answers"), 0);
    assert_string_equal(json_string_or(task, "message", ""), "{question}\n" MARKUP);
    assert_int_equal(json_int_or(task, "leftOut", 0), 7);
    assert_string_equal(json_string_or(sample, "question", ""), MARKUP);
    assert_string_equal(cJSON_GetArrayItem(json_find(sample, "references"), 1)->valuestring,
                        references[1]);
    assert_string_equal(json_string_or(answer, "text", ""), MARKUP);
    assert_true(cJSON_GetArrayItem(json_find(answer, "p"), 0)->valuedouble == 0.123457);
    assert_true(json_bool_or(answer, "right", false));
    answer = cJSON_GetArrayItem(json_find(sample, "answers"), 1);
    assert_null(json_find(answer, "right")); /* not known is not wrong */
    assert_null(json_find(answer, "credit"));
    assert_string_equal(json_string_or(answer, "text", "none"), "");
    sample = cJSON_GetArrayItem(json_find(task, "samples"), 1);
    assert_null(json_find(sample, "question"));
    assert_string_equal(
        json_string_or(cJSON_GetArrayItem(json_find(sample, "answers"), 0), "failure", ""), "torn");
    assert_true(cJSON_IsNull(cJSON_GetArrayItem(json_find(sample, "answers"), 1)));
    const cJSON *picture = json_find(root, "images");
    assert_string_equal(cJSON_GetArrayItem(picture, 0)->valuestring,
                        "../a%20%231%25%22%3Cb%3E.jpg");
    assert_string_equal(cJSON_GetArrayItem(picture, 1)->valuestring, "data:image/jpeg;base64,/9j/");
    assert_true(cJSON_IsNull(cJSON_GetArrayItem(picture, 2)));
    cJSON_Delete(root);
    text_release(&text);
}

static size_t count(const char *text, const char *part)
{
    size_t n = 0;
    for (; (text = strstr(text, part)) != NULL; text += strlen(part))
        n++;
    return n;
}

static void no_text_of_a_run_is_markup(void **state)
{
    (void)state;
    struct run_record records[2] = {make_record(), make_record()};
    struct text text;
    text_init(&text);
    report_format_find("html")->add_page(records, 2, &extras, &text);
    assert_false(text.failed);
    /* The page's own: data and script. */
    assert_int_equal(count(text.data, "<script"), 2);
    assert_int_equal(count(text.data, "</script"), 2);
    assert_int_equal(count(text.data, "<!--"), 0);
    assert_int_equal(count(text.data, "{{"), 0);
    assert_int_equal(count(text.data, "<svg"), 0);
    assert_contains(text.data, "missing &lt;/script&gt;");
    assert_contains(text.data, "alt=\"&lt;i&gt;\"");
    assert_contains(text.data, "1 of 4 samples have no answer");
    assert_contains(text.data, "has no timings");
    text_release(&text);
}

/* The policy lets in exactly what stands between the tags. */
static void the_policy_names_the_pages_own_script(void **state)
{
    (void)state;
    struct run_record record = make_record();
    struct text text, digest;
    text_init(&text);
    text_init(&digest);
    report_format_find("html")->add(&record, 1, &text);
    const char *begin = strstr(text_string(&text), "<script>"), *end;
    assert_non_null(begin);
    begin += strlen("<script>");
    end = strstr(begin, "</script>");
    html_add_digest(&digest, begin, (size_t)(end - begin));
    assert_contains(text.data, "default-src 'none'; script-src 'sha256-");
    assert_contains(text.data, text_string(&digest));
    text_reset(&digest);
    begin = strstr(text.data, "<style>") + strlen("<style>");
    end = strstr(begin, "</style>");
    html_add_digest(&digest, begin, (size_t)(end - begin));
    assert_contains(text.data, text_string(&digest));
    assert_int_equal(count(text.data, "http:") + count(text.data, "https:"), 0);
    text_release(&digest);
    text_release(&text);
}

static void the_sources_can_stand_in_a_page(void **state)
{
    (void)state;
    assert_null(strstr(page_js.bytes, "</script"));
    assert_null(strstr(page_js.bytes, "<!--"));
    assert_null(strstr(page_js.bytes, "innerHTML"));
    assert_null(strstr(page_css.bytes, "</style"));
    assert_null(strstr(page_css.bytes, "url("));
    assert_int_equal(strlen(page_js.bytes), page_js.size_bytes);
}

static void what_a_manifest_does_not_tell_is_told(void **state)
{
    (void)state;
    struct run_record record = make_record();
    struct text text;
    text_init(&text);
    record.path = "old";
    record.protocol_hash = record.cpu = NULL;
    report_format_find("html")->add(&record, 1, &text);
    assert_contains(text_string(&text),
                    "old does not tell the hash of its protocol, its annotation "
                    "files, the machine, the session&#39;s bytes: another");
    text_release(&text);
}

static void the_formats_names_are_the_rows(void **state)
{
    (void)state;
    size_t i = 0;
    for (; report_formats[i] && report_format_names[i]; i++)
        assert_string_equal(report_formats[i]->name, report_format_names[i]);
    assert_true(!report_formats[i] && !report_format_names[i]);
}

static void no_allocation_failure_passes_unseen(void **state)
{
    (void)state;
    struct run_record record = make_record();
    bool failed = true;
    for (long n = 1; failed; n++) {
        struct text text;
        text_init(&text);
        fail_allocation(n);
        report_format_find("html")->add_page(&record, 1, &extras, &text);
        failed = allocation_has_failed();
        fail_allocation(0);
        assert_int_equal(text.failed, failed);
        text_release(&text);
        assert_true(n < 100000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_string_is_escaped),
        cmocka_unit_test(base64_is_that_of_rfc_4648),
        cmocka_unit_test(a_digest_is_the_browsers),
        cmocka_unit_test(an_address_holds_any_name),
        cmocka_unit_test(a_table_becomes_html),
        cmocka_unit_test(samples_come_back_from_the_data),
        cmocka_unit_test(no_text_of_a_run_is_markup),
        cmocka_unit_test(the_policy_names_the_pages_own_script),
        cmocka_unit_test(the_sources_can_stand_in_a_page),
        cmocka_unit_test(what_a_manifest_does_not_tell_is_told),
        cmocka_unit_test(the_formats_names_are_the_rows),
        cmocka_unit_test(no_allocation_failure_passes_unseen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
