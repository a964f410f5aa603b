/* LLaMA's tokenizer from both forms of its file: ids and texts. */
#include "tests/small_sentencepiece.h"

#include "engine/base/clock.h"
#include "engine/selftest.h"

static const char legacy_off[] = "{\"legacy\": false}";

static void assert_ids_equal(const char *text, const struct token_list *ids, const int *expected,
                             size_t n)
{
    for (size_t i = 0; i < n || i < ids->n; i++)
        if (i >= n || i >= ids->n || ids->ids[i] != expected[i])
            fail_msg("'%s': id %zu is %d, %d is expected", text, i, i < ids->n ? ids->ids[i] : -1,
                     i < n ? expected[i] : -1);
}

static void assert_encodes(const struct tokenizer *tokenizer, const char *text, size_t length,
                           const int *expected, size_t n)
{
    struct token_list ids;
    struct error err = {0};
    token_list_init(&ids);
    assert_ok(tokenizer_encode(tokenizer, text, length, &ids, &err), err);
    assert_ids_equal(text, &ids, expected, n);
    token_list_release(&ids);
}

enum { MOST_IDS = 24 };

struct small_case {
    const char *text;
    size_t n;
    int ids[MOST_IDS];
};

/* sentencepiece 0.2.3 on the same model; with special tokens in the text, LlamaTokenizer of
 * transformers 4.36.2. */
static const struct small_case both_forms[] = {
    {"Yes", 1, {265}},
    {" Yes", 2, {269, 265}},
    {"  Yes", 2, {259, 265}},
    {"a", 1, {262}},
    {"abc", 1, {268}},
    {"b abc", 3, {269, 271, 268}},
    {"bcabc", 4, {269, 260, 261, 272}},
    {"abcbc", 2, {268, 260}},
    {"Yes \xC3\xA9\n", 4, {265, 269, 277, 13}},
    {"   ", 2, {259, 259}},
    {"    ", 3, {259, 259, 269}},
    {SPACE "Yes", 2, {269, 265}},
    {"Z" ZHE, 4, {269, 93, 211, 153}},
    {"\xEF\xBF\xBD"
     "a",
     5,
     {269, 242, 194, 192, 270}},
    {"\xFF"
     "a",
     5,
     {269, 242, 194, 192, 270}},
    {"<s>", 1, {1}},
    {"<0x41>", 7, {269, 63, 51, 276, 55, 52, 65}},
    {"a <s>", 3, {262, 269, 1}},
};

/* With the option legacy, and without it. */
static const struct small_case legacy_cases[][2] = {
    {{"a</s>Yes", 3, {262, 2, 265}}, {"a</s>Yes", 3, {262, 2, 264}}},
    {{"</s>Yes", 2, {2, 265}}, {"</s>Yes", 2, {2, 264}}},
    {{" <unk> a", 4, {259, 0, 269, 262}}, {" <unk> a", 3, {259, 0, 262}}},
    {{"Yes</s></s>a", 4, {265, 2, 2, 262}}, {"Yes</s></s>a", 4, {265, 2, 2, 270}}},
};

static void strings_get_the_ids_of_the_library(void **state)
{
    (void)state;
    for (int json = 0; json < 2; json++) {
        struct tokenizer *tokenizer = open_form(json, NULL);
        assert_int_equal(tokenizer_size(tokenizer), SMALL_SIZE);
        for (size_t i = 0; i < sizeof both_forms / sizeof both_forms[0]; i++)
            assert_encodes(tokenizer, both_forms[i].text, strlen(both_forms[i].text),
                           both_forms[i].ids, both_forms[i].n);
        assert_encodes(tokenizer, "\0a", 2, (const int[]){269, 3, 270}, 3);
        assert_encodes(tokenizer, "", 0, NULL, 0);
        tokenizer_close(tokenizer);
    }
}

static void the_option_legacy_is_read_beside_the_file(void **state)
{
    (void)state;
    static const char *const configs[] = {
        NULL, "{\"legacy\": true}", "{\"legacy\": null}", "{}", legacy_off,
    };
    for (size_t c = 0; c < sizeof configs / sizeof configs[0]; c++) {
        for (int json = 0; json < 2; json++) {
            struct tokenizer *tokenizer = open_form(json, configs[c]);
            for (size_t i = 0; i < sizeof legacy_cases / sizeof legacy_cases[0]; i++) {
                const struct small_case *item = &legacy_cases[i][configs[c] == legacy_off];
                assert_encodes(tokenizer, item->text, strlen(item->text), item->ids, item->n);
            }
            tokenizer_close(tokenizer);
        }
    }
}

/* "x" ZHE is a piece, but ZHE is none: SentencePiece joins the letters all the same, the merges of
 * tokenizer.json cannot (tokenizers 0.15.2). */
static void a_letter_may_be_part_of_pieces_and_none_itself(void **state)
{
    (void)state;
    static const char text[] = "x" ZHE " x" ZHE "x " ZHE;
    struct tokenizer *model = open_form(false, NULL), *json = open_form(true, NULL);
    assert_encodes(model, text, strlen(text), (const int[]){269, 266, 269, 267, 269, 211, 153}, 7);
    assert_encodes(json, text, strlen(text),
                   (const int[]){269, 276, 211, 153, 269, 276, 211, 153, 276, 269, 211, 153}, 12);
    tokenizer_close(model);
    tokenizer_close(json);
}

static void a_space_is_put_in_front_by_this_kind_alone(void **state)
{
    (void)state;
    for (int json = 0; json < 2; json++) {
        struct tokenizer *tokenizer = open_form(json, NULL);
        assert_true(tokenizer_prefixes_space(tokenizer));
        assert_int_equal(tokenizer_single_id(tokenizer, "Yes"), 265);
        assert_int_equal(tokenizer_single_id(tokenizer, "<s>"), 1);
        assert_int_equal(tokenizer_single_id(tokenizer, "x"), -1);
        assert_int_equal(tokenizer_single_id(tokenizer, ""), -1);
        tokenizer_close(tokenizer);
    }
    struct tokenizer *neox = NULL;
    struct error err = {0};
    assert_ok(tokenizer_open(&neox, "tests/data/tokenizer/neox.json", &err), err);
    assert_false(tokenizer_prefixes_space(neox));
    tokenizer_close(neox);
}

static void assert_decodes(const struct tokenizer *tokenizer, const int *ids, size_t n,
                           const char *expected)
{
    struct text out;
    text_init(&out);
    text_add(&out, "<");
    tokenizer_decode(tokenizer, ids, n, &out);
    assert_string_equal(text_string(&out) + 1, expected);
    text_release(&out);
}

#define DECODES(expected, ...)                                                                     \
    assert_decodes(tokenizer, (const int[]){__VA_ARGS__},                                          \
                   sizeof((const int[]){__VA_ARGS__}) / sizeof(int), expected)

static void ids_decode_without_the_space_in_front(void **state)
{
    (void)state;
    for (int json = 0; json < 2; json++) {
        struct tokenizer *tokenizer = open_form(json, NULL);
        DECODES("Yes", 265);
        DECODES("Yes Yes", 265, 265);
        DECODES(" Yes", 269, 265);
        DECODES(" Yes", 259, 264);
        DECODES("Yes", 1, 265, 2);         /* special ones are left out first */
        DECODES("Yes", 1, -200, 265, 278); /* and so are ids without an entry */
        DECODES("a\n", 270, 13);
        DECODES("\xC3\xA9", 198, 172); /* bytes join */
        DECODES("a\xC3", 270, 198);    /* and may end anywhere */
        DECODES("", 0, 1, 2, -1, 2147483647);
        DECODES("", 269);
        tokenizer_close(tokenizer);
    }
}

/* Encodes n bytes of a repeated unit and decodes them again. */
static void check_long_text(const struct tokenizer *tokenizer, const char *unit, size_t n)
{
    size_t period = strlen(unit);
    n -= n % period;
    char *text = malloc(n);
    assert_non_null(text);
    for (size_t i = 0; i < n; i++)
        text[i] = unit[i % period];
    struct token_list ids;
    struct text out;
    struct error err = {0};
    token_list_init(&ids);
    text_init(&out);
    int64_t start = clock_ns();
    assert_ok(tokenizer_encode(tokenizer, text, n, &ids, &err), err);
    /* n log n takes about a second, quadratic work hours. */
    assert_true(clock_ns() - start < 60 * (int64_t)1000000000);
    tokenizer_decode(tokenizer, ids.ids, ids.n, &out);
    assert_int_equal(out.length, n);
    assert_memory_equal(out.data, text, n);
    text_release(&out);
    token_list_release(&ids);
    free(text);
}

static void long_texts_take_no_quadratic_time(void **state)
{
    (void)state;
    static const char *const units[] = {"a", " ", "abc", "Yes ", ZHE, ("x" ZHE), "\n"};
    struct tokenizer *tokenizer = open_form(false, NULL);
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        check_long_text(tokenizer, units[i], 1 << 20);
    tokenizer_close(tokenizer);
}

/* ---- The real files ------------------------------------------------------------------------- */

static const char *const fixtures[] = {"llava-1.5", "mobilevlm-v1", "mobilevlm-v2"};
static const char *const forms[] = {"tokenizer.json", "tokenizer.model"};
enum { N_FIXTURES = sizeof fixtures / sizeof fixtures[0] };

static void show_failure(void *context, const struct check_result *result)
{
    if (!result->ok)
        print_error("%s: %s: %s\n", (const char *)context, result->name,
                    result->detail ? result->detail : "");
}

static void assert_cases(const char *cases, char *tokenizer, size_t at_least)
{
    struct check_report report = {.each = show_failure, .context = tokenizer};
    struct error err = {0};
    assert_ok(selftest_tokenizer(cases, tokenizer, &report, &err), err);
    assert_int_equal(report.n_failed, 0);
    assert_true(report.n_ok >= at_least);
}

static void the_shared_cases_come_out(void **state)
{
    (void)state;
    const char *shared = shared_or_skip(__func__);
    if (!shared)
        skip();
    char cases[512], tokenizer[512];
    snprintf(cases, sizeof cases, "%s/data/tokenizer_cases.json", shared);
    snprintf(tokenizer, sizeof tokenizer, "%s/data/tokenizers/llama.tokenizer.model", shared);
    assert_cases(cases, tokenizer, 26);
    for (size_t i = 0; i < 2 * N_FIXTURES; i++) {
        snprintf(cases, sizeof cases, "%s/fixtures/%s/reference.json", shared, fixtures[i / 2]);
        snprintf(tokenizer, sizeof tokenizer, "%s/fixtures/%s/%s", shared, fixtures[i / 2],
                 forms[i % 2]);
        assert_cases(cases, tokenizer, 14);
    }
}

static struct tokenizer *open_shared(const char *shared, const char *name)
{
    char path[512];
    struct tokenizer *tokenizer = NULL;
    struct error err = {0};
    snprintf(path, sizeof path, "%s/%s", shared, name);
    assert_ok(tokenizer_open(&tokenizer, path, &err), err);
    return tokenizer;
}

/* models_transformers.md, 2.3, 8.1 and 8.4 */
static void the_golden_ids_of_llama_come_out(void **state)
{
    (void)state;
    const char *shared = shared_or_skip(__func__);
    if (!shared)
        skip();
    struct tokenizer *tokenizer = open_shared(shared, "data/tokenizers/llama.tokenizer.model");
    static const int letters[] = {319, 350, 315, 360, 382};
    static const int spaces[] = {29871, 259, 1678, 268, 418, 539,  4706,  308,
                                 3986,  965, 9651, 632, 795, 1669, 18884, 462};
    char text[32] = "";
    assert_int_equal(tokenizer_size(tokenizer), 32000);
    assert_int_equal(tokenizer_single_id(tokenizer, "Yes"), 3869);
    assert_int_equal(tokenizer_single_id(tokenizer, "No"), 1939);
    for (int i = 0; i < 5; i++)
        assert_int_equal(tokenizer_single_id(tokenizer, (char[]){(char)('A' + i), 0}), letters[i]);
    for (int i = 1; i < 16; i++) {
        text[i - 1] = ' ';
        assert_int_equal(tokenizer_single_id(tokenizer, text), spaces[i]);
    }
    assert_encodes(tokenizer, "</s>USER", 8, (const int[]){2, 3148, 1001}, 3);
    tokenizer_close(tokenizer);
}

/* Unlike assert_encodes(), with BOS in front and each side of "<image>" for itself. */
static void check_prompt(const struct tokenizer *tokenizer, const cJSON *prompt)
{
    const char *text = json_string_or(prompt, "text", NULL);
    const char *image = text ? strstr(text, "<image>") : NULL;
    const cJSON *expected = json_find(prompt, "ids"), *id;
    struct token_list ids;
    struct error err = {0};
    size_t i = 0;
    assert_non_null(image);
    token_list_init(&ids);
    assert_true(token_list_add(&ids, 1));
    assert_ok(tokenizer_encode(tokenizer, text, (size_t)(image - text), &ids, &err), err);
    assert_true(token_list_add(&ids, -200));
    text = image + strlen("<image>");
    assert_ok(tokenizer_encode(tokenizer, text, strlen(text), &ids, &err), err);
    assert_int_equal(ids.n, cJSON_GetArraySize(expected));
    cJSON_ArrayForEach(id, expected) assert_int_equal(ids.ids[i++], id->valueint);
    token_list_release(&ids);
}

static void check_greedy(const struct tokenizer *tokenizer, const cJSON *greedy)
{
    const char *hex = json_string_or(greedy, "bytes_hex", "");
    const cJSON *id;
    struct token_list ids;
    struct text bytes, shown;
    token_list_init(&ids);
    text_init(&bytes);
    text_init(&shown);
    cJSON_ArrayForEach(id, json_find(greedy, "ids"))
        assert_true(token_list_add(&ids, id->valueint));
    assert_true(ids.n > 0);
    tokenizer_decode(tokenizer, ids.ids, ids.n, &bytes);
    assert_int_equal(2 * bytes.length, strlen(hex));
    for (size_t i = 0; i < bytes.length; i++) {
        char digits[3];
        snprintf(digits, sizeof digits, "%02x", (unsigned)(unsigned char)bytes.data[i]);
        assert_memory_equal(digits, hex + 2 * i, 2);
    }
    tokenizer_clean(text_string(&bytes), bytes.length, false, &shown);
    assert_string_equal(text_string(&shown), json_string_or(greedy, "text", "?"));
    token_list_release(&ids);
    text_release(&bytes);
    text_release(&shown);
}

static void the_fixtures_of_llama_come_out(void **state)
{
    (void)state;
    const char *shared = shared_or_skip(__func__);
    if (!shared)
        skip();
    for (size_t i = 0; i < 2 * N_FIXTURES; i++) {
        char path[512];
        cJSON *root = NULL;
        struct error err = {0};
        snprintf(path, sizeof path, "fixtures/%s/%s", fixtures[i / 2], forms[i % 2]);
        struct tokenizer *tokenizer = open_shared(shared, path);
        snprintf(path, sizeof path, "%s/fixtures/%s/reference.json", shared, fixtures[i / 2]);
        assert_ok(json_read(&root, path, &err), err);
        check_prompt(tokenizer, json_find(root, "prompt"));
        check_greedy(tokenizer, json_find(root, "greedy"));
        const cJSON *choice = json_find(root, "choice"), *string;
        int n = 0;
        cJSON_ArrayForEach(string, json_find(choice, "strings"))
        {
            const cJSON *id = cJSON_GetArrayItem(json_find(choice, "ids"), n++);
            assert_true(cJSON_IsString(string) && cJSON_IsNumber(id));
            assert_int_equal(tokenizer_single_id(tokenizer, string->valuestring), id->valueint);
        }
        assert_int_equal(n, 2);
        cJSON_Delete(root);
        tokenizer_close(tokenizer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_get_the_ids_of_the_library),
        cmocka_unit_test(the_option_legacy_is_read_beside_the_file),
        cmocka_unit_test(a_letter_may_be_part_of_pieces_and_none_itself),
        cmocka_unit_test(a_space_is_put_in_front_by_this_kind_alone),
        cmocka_unit_test(ids_decode_without_the_space_in_front),
        cmocka_unit_test(long_texts_take_no_quadratic_time),
        cmocka_unit_test(the_shared_cases_come_out),
        cmocka_unit_test(the_golden_ids_of_llama_come_out),
        cmocka_unit_test(the_fixtures_of_llama_come_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
