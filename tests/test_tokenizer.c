#include "tests/small_tokenizers.h"

#include "engine/base/clock.h"
#include "engine/base/file.h"
#include "engine/base/json.h"
#include "engine/base/random.h"
#include "engine/base/utf8.h"
#include "engine/tokenizer/added_tokens.h"
#include "engine/tokenizer/nfc.h"
#include "engine/tokenizer/tokenizer.h"

#include <unistd.h>

static cJSON *read_json(const char *path)
{
    cJSON *root = NULL;
    struct error err = {0};
    assert_ok(json_read(&root, path, &err), err);
    return root;
}

static size_t unhex(const char *hex, char *bytes, size_t capacity)
{
    size_t n = strlen(hex) / 2;
    assert_true(n <= capacity);
    for (size_t i = 0; i < n; i++) {
        unsigned value;
        assert_int_equal(sscanf(hex + 2 * i, "%2x", &value), 1);
        bytes[i] = (char)value;
    }
    return n;
}

static void assert_ids(const struct tokenizer *tokenizer, const char *text, size_t length,
                       const cJSON *expected)
{
    assert_true(cJSON_IsArray(expected));
    struct token_list ids;
    token_list_init(&ids);
    struct error err = {0};
    assert_ok(tokenizer_encode(tokenizer, text, length, &ids, &err), err);
    size_t i = 0;
    const cJSON *id;
    cJSON_ArrayForEach(id, expected)
    {
        if (i >= ids.n || ids.ids[i] != id->valueint)
            fail_msg("'%.*s': id %zu is %d, %d is expected", (int)length, text, i,
                     i < ids.n ? ids.ids[i] : -1, id->valueint);
        i++;
    }
    if (i != ids.n)
        fail_msg("'%.*s': %zu ids, %zu are expected", (int)length, text, ids.n, i);
    token_list_release(&ids);
}

/* Decodes ids and replaces what is not UTF-8, as the library does. */
static void decode_repaired(const struct tokenizer *tokenizer, const cJSON *ids, struct text *bytes,
                            struct text *repaired)
{
    struct token_list list;
    token_list_init(&list);
    const cJSON *id;
    cJSON_ArrayForEach(id, ids) assert_true(token_list_add(&list, id->valueint));
    text_init(bytes);
    text_init(repaired);
    tokenizer_decode(tokenizer, list.ids, list.n, bytes);
    const char *cursor = text_string(bytes), *end = cursor + bytes->length;
    while (cursor < end)
        text_add_code_point(repaired, utf8_next(&cursor, end));
    token_list_release(&list);
}

static void strings_get_the_ids_of_the_library(void **state)
{
    (void)state;
    cJSON *cases = read_json(DATA "cases.json");
    size_t n = 0;
    for (size_t i = 0; i < 2; i++) {
        struct tokenizer *tokenizer = open_small(small_names[i]);
        const cJSON *item;
        cJSON_ArrayForEach(item, json_find(cases, "encode"))
        {
            const char *text = json_string_or(item, "text", NULL);
            assert_non_null(text);
            assert_ids(tokenizer, text, strlen(text), json_find(item, small_names[i]));
            n++;
        }
        tokenizer_close(tokenizer);
    }
    assert_true(n >= 2 * 300);
    cJSON_Delete(cases);
}

static void bytes_that_are_not_utf8_are_read_as_replacement_characters(void **state)
{
    (void)state;
    cJSON *cases = read_json(DATA "cases.json");
    size_t n = 0;
    for (size_t i = 0; i < 2; i++) {
        struct tokenizer *tokenizer = open_small(small_names[i]);
        const cJSON *item;
        cJSON_ArrayForEach(item, json_find(cases, "bytes"))
        {
            char bytes[64];
            size_t length = unhex(json_string_or(item, "hex", ""), bytes, sizeof bytes);
            assert_ids(tokenizer, bytes, length, json_find(item, small_names[i]));
            n++;
        }
        tokenizer_close(tokenizer);
    }
    assert_true(n >= 2 * 20);
    cJSON_Delete(cases);
}

static void ids_decode_as_in_the_library(void **state)
{
    (void)state;
    cJSON *cases = read_json(DATA "cases.json");
    struct tokenizer *tokenizers[] = {open_small("neox"), open_small("gpt2")};
    size_t n = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, json_find(cases, "decode"))
    {
        bool is_neox = strcmp(json_string_or(item, "tokenizer", ""), "neox") == 0;
        struct text bytes, repaired;
        decode_repaired(tokenizers[is_neox ? 0 : 1], json_find(item, "ids"), &bytes, &repaired);
        char expected[1024];
        size_t length = unhex(json_string_or(item, "text_hex", ""), expected, sizeof expected);
        assert_int_equal(repaired.length, length);
        assert_memory_equal(text_string(&repaired), expected, length);
        text_release(&bytes);
        text_release(&repaired);
        n++;
    }
    assert_true(n >= 100);
    tokenizer_close(tokenizers[0]);
    tokenizer_close(tokenizers[1]);
    cJSON_Delete(cases);
}

static void ids_outside_the_table_and_special_ones_decode_to_nothing(void **state)
{
    (void)state;
    struct tokenizer *tokenizer = open_small("neox");
    assert_int_equal(tokenizer_size(tokenizer), 503);
    const int ids[] = {-1, -200, 503, 100000, 2147483647, 0, 1, (int)-2147483647 - 1};
    struct text out;
    text_init(&out);
    tokenizer_decode(tokenizer, ids, sizeof ids / sizeof ids[0], &out);
    assert_int_equal(out.length, 0);
    const int spaces[] = {480, 0, 502}; /* 24 spaces, <|endoftext|>, 2 spaces */
    tokenizer_decode(tokenizer, spaces, 3, &out);
    assert_string_equal(text_string(&out), "                          ");
    text_release(&out);
    tokenizer_close(tokenizer);
}

static void decoded_text_is_cleaned_as_in_the_reference(void **state)
{
    (void)state;
    cJSON *cases = read_json(DATA "cases.json");
    size_t n = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, json_find(cases, "clean"))
    {
        char bytes[64], expected[128];
        size_t length = unhex(json_string_or(item, "hex", ""), bytes, sizeof bytes);
        size_t expected_length =
            unhex(json_string_or(item, "text_hex", ""), expected, sizeof expected);
        struct text out;
        text_init(&out);
        text_add(&out, "<");
        tokenizer_clean(bytes, length, json_bool_or(item, "clean_up", false), &out);
        if (out.length != expected_length + 1 ||
            memcmp(out.data + 1, expected, expected_length) != 0)
            fail_msg("'%.*s' becomes '%s', '%.*s' is expected", (int)length, bytes, out.data + 1,
                     (int)expected_length, expected);
        text_release(&out);
        n++;
    }
    assert_true(n >= 90);
    cJSON_Delete(cases);
}

static void every_white_space_of_python_and_no_other_is_stripped(void **state)
{
    (void)state;
    size_t n = 0;
    for (unsigned c = 0; c < 0x110000; c++) {
        struct text in, out;
        text_init(&in);
        text_init(&out);
        text_add_code_point(&in, c);
        tokenizer_clean(in.data, in.length, true, &out);
        n += out.length == 0;
        text_release(&in);
        text_release(&out);
    }
    assert_int_equal(n, 29); /* sum(chr(c).isspace() for c in range(0x110000)) */
}

static void a_single_id_is_one_token_without_a_space(void **state)
{
    (void)state;
    struct tokenizer *tokenizer = open_small("neox");
    assert_int_equal(tokenizer_single_id(tokenizer, "<|endoftext|>"), 0);
    assert_int_equal(tokenizer_single_id(tokenizer, "  "), 502);
    assert_int_equal(tokenizer_single_id(tokenizer, ""), -1);
    assert_int_equal(tokenizer_single_id(tokenizer, "  \n"), -1);
    assert_int_equal(tokenizer_single_id(tokenizer, "Zq"), -1);
    tokenizer_close(tokenizer);
}

static void encoding_appends_to_the_list(void **state)
{
    (void)state;
    struct tokenizer *tokenizer = open_small("neox");
    struct token_list ids;
    token_list_init(&ids);
    assert_true(token_list_add(&ids, -200));
    assert_int_equal(tokenizer_encode(tokenizer, "", 0, &ids, NULL), STATUS_OK);
    assert_int_equal(tokenizer_encode(tokenizer, "<|padding|>", 11, &ids, NULL), STATUS_OK);
    assert_int_equal(ids.n, 2);
    assert_int_equal(ids.ids[0], -200);
    assert_int_equal(ids.ids[1], 1);
    token_list_release(&ids);
    tokenizer_close(tokenizer);
}

/* Encodes n bytes of a repeated unit and decodes them again. */
static void check_long_text(const struct tokenizer *tokenizer, const char *unit, size_t n)
{
    char *text = malloc(n);
    assert_non_null(text);
    size_t period = strlen(unit);
    n -= n % period;
    for (size_t i = 0; i < n; i++)
        text[i] = unit[i % period];
    struct token_list ids;
    token_list_init(&ids);
    struct error err = {0};
    int64_t start = clock_ns();
    assert_ok(tokenizer_encode(tokenizer, text, n, &ids, &err), err);
    /* Linear work takes well below a second, quadratic work hours. */
    assert_true(clock_ns() - start < 60 * (int64_t)1000000000);
    struct text out;
    text_init(&out);
    tokenizer_decode(tokenizer, ids.ids, ids.n, &out);
    assert_int_equal(out.length, n);
    assert_memory_equal(out.data, text, n);
    text_release(&out);
    token_list_release(&ids);
    free(text);
}

static void long_words_take_no_quadratic_time(void **state)
{
    (void)state;
    struct tokenizer *tokenizer = open_small("neox");
    static const char *const units[] = {"a", "the", " ", "\n", "1", "!", "\xE4\xBD\xA0", "\n\t"};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        check_long_text(tokenizer, units[i], 1 << 20);
    tokenizer_close(tokenizer);
}

static void long_runs_of_marks_are_normalised_in_linear_time(void **state)
{
    (void)state;
    /* e, then 300,000 times acute above (class 230) and dot below (220). */
    enum { PAIRS = 300000 };
    struct text in, out;
    text_init(&in);
    text_init(&out);
    text_add(&in, "e");
    for (size_t i = 0; i < PAIRS; i++)
        text_add(&in, "\xCC\x81\xCC\xA3");
    int64_t start = clock_ns();
    assert_true(nfc_normalize(in.data, in.length, &out));
    assert_true(clock_ns() - start < 60 * (int64_t)1000000000);
    assert_int_equal(out.length, 3 + 2 * (PAIRS - 1) + 2 * PAIRS);
    assert_memory_equal(out.data, "\xE1\xBA\xB9\xCC\xA3", 5); /* U+1EB9, then the other dots */
    assert_memory_equal(out.data + out.length - 4, "\xCC\x81\xCC\x81", 4);
    text_release(&in);
    text_release(&out);
}

static void the_longest_of_the_leftmost_added_tokens_is_found(void **state)
{
    (void)state;
    struct added_token tokens[] = {{"ab", 2, 1}, {"abcd", 4, 2}, {"bcde", 4, 3}, {"\xFF", 1, 4}};
    struct added_tokens set;
    added_tokens_init(&set, tokens, 4);
    struct added_match match;
    assert_true(added_tokens_find(&set, "xabcde", 6, 0, &match));
    assert_int_equal(match.id, 2);
    assert_int_equal(match.start, 1);
    assert_int_equal(match.end, 5);
    assert_true(added_tokens_find(&set, "xabc\xFF", 5, 0, &match));
    assert_int_equal(match.id, 1);
    assert_true(added_tokens_find(&set, "xabc\xFF", 5, 3, &match));
    assert_int_equal(match.id, 4);
    assert_false(added_tokens_find(&set, "xabcd", 5, 4, &match));
    added_tokens_init(&set, NULL, 0);
    assert_false(added_tokens_find(&set, "a", 1, 0, &match));
}

/* ---- The real files ------------------------------------------------------------------------ */

static struct tokenizer *open_shared(const char *shared, const char *name)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", shared, name);
    struct tokenizer *tokenizer = NULL;
    struct error err = {0};
    assert_ok(tokenizer_open(&tokenizer, path, &err), err);
    return tokenizer;
}

#define ASK "\nAnswer the question using a single word or phrase.<|endoftext|>\n<|assistant|>\n"
#define SPACES_31 "                               "

/* specs/models_ssm.md, 11.1: as JSON, so that rows may have any length. */
static const struct {
    const char *text, *ids;
} golden[] = {
    {"<|user|>\nWhat is going on in this image?<|endoftext|>\n<|assistant|>\n",
     "[29,93,4537,49651,187,1276,310,1469,327,275,436,2460,32,0,187,29,93,515,5567,49651,187]"},
    {"<|user|>\nProvide a detailed description of this image<|endoftext|>\n<|assistant|>\n",
     "[29,93,4537,49651,187,11509,504,247,7000,5740,273,436,2460,0,187,29,93,515,5567,49651,187]"},
    {"<|user|>\nIs there a dog in the image?" ASK,
     "[29,93,4537,49651,187,2513,627,247,4370,275,253,2460,32,187,32869,253,1953,970,247,2014,3159,"
     "390,12616,15,0,187,29,93,515,5567,49651,187]"},
    {"<|user|>\nBased on the image, is this statement \"True\" or \"False\"? The cat is under the "
     "table.\nRespond with \"True\" or \"False\" directly.<|endoftext|>\n<|assistant|>\n",
     "[29,93,4537,49651,187,15545,327,253,2460,13,310,436,3908,346,5088,3,390,346,5653,16296,380,"
     "5798,310,762,253,2829,15,187,41359,342,346,5088,3,390,346,5653,3,3587,15,0,187,29,93,515,"
     "5567,"
     "49651,187]"},
    {"<|user|>\nHi<|endoftext|>\n<|assistant|>\nHello there.<|endoftext|>\n<|user|>\nBye"
     "<|endoftext|>\n<|assistant|>\n",
     "[29,93,4537,49651,187,12764,0,187,29,93,515,5567,49651,187,12092,627,15,0,187,29,93,4537,"
     "49651,187,43696,0,187,29,93,515,5567,49651,187]"},
    {"In: What is this?\nOut: ", "[688,27,1737,310,436,32,187,5677,27,209]"},
    {"In: What is this?\nOut: A cat<|endoftext|>\nIn: Sure?\nOut: ",
     "[688,27,1737,310,436,32,187,5677,27,329,5798,0,187,688,27,15594,32,187,5677,27,209]"},
    {"a  b", "[66,50276,67]"},
    {"a   b c", "[66,50275,67,260]"},
    {"tab\tx", "[8476,186,89]"},
    {"line\n\nnext", "[1282,187,187,8384]"},
    {"\n  indented", "[187,50276,527,8006]"},
    {"x" SPACES_31 "y", "[89,50254,50271,90]"},
    {"I'm don't WE'LL it's", "[42,1353,1053,626,13573,8,2293,352,434]"},
    {"123 4567 3.14", "[10683,5329,2251,495,15,1047]"},
    {"caf\xC3\xA9 cafe\xCC\x81 \xE4\xBD\xA0\xE5\xA5\xBD \xF0\x9F\x98\x80",
     "[68,2320,860,36241,209,24553,34439,49042,211]"},
    {"<|endoftext|><|padding|>", "[0,1]"},
};

static void the_golden_ids_of_gpt_neox_come_out(void **state)
{
    (void)state;
    const char *shared = shared_or_skip(__func__);
    if (!shared)
        skip();
    struct tokenizer *tokenizer =
        open_shared(shared, "data/tokenizers/gpt-neox-20b.tokenizer.json");
    assert_int_equal(tokenizer_size(tokenizer), 50277);
    for (size_t i = 0; i < sizeof golden / sizeof golden[0]; i++) {
        cJSON *ids = cJSON_Parse(golden[i].ids);
        assert_ids(tokenizer, golden[i].text, strlen(golden[i].text), ids);
        cJSON_Delete(ids);
    }
    /* models_ssm.md, 7.5 */
    assert_int_equal(tokenizer_single_id(tokenizer, "True"), 5088);
    assert_int_equal(tokenizer_single_id(tokenizer, "False"), 5653);
    assert_int_equal(tokenizer_single_id(tokenizer, "Yes"), 4374);
    assert_int_equal(tokenizer_single_id(tokenizer, "No"), 2302);
    for (int letter = 0; letter < 26; letter++) {
        char name[] = {(char)('A' + letter), 0};
        assert_int_equal(tokenizer_single_id(tokenizer, name), 34 + letter);
    }
    tokenizer_close(tokenizer);
}

/* The prompt, cut at "<image>" where the ids have -200 for it. */
static void check_prompt(const struct tokenizer *tokenizer, const cJSON *prompt)
{
    const char *text = json_string_or(prompt, "text", NULL);
    const cJSON *expected = json_find(prompt, "ids"), *id;
    assert_non_null(text);
    bool has_image = false;
    cJSON_ArrayForEach(id, expected) has_image |= id->valueint == -200;
    struct token_list ids;
    token_list_init(&ids);
    for (const char *image; has_image && (image = strstr(text, "<image>")) != NULL;) {
        struct error err = {0};
        assert_ok(tokenizer_encode(tokenizer, text, (size_t)(image - text), &ids, &err), err);
        assert_true(token_list_add(&ids, -200));
        text = image + strlen("<image>");
    }
    assert_int_equal(tokenizer_encode(tokenizer, text, strlen(text), &ids, NULL), STATUS_OK);
    assert_int_equal(ids.n, cJSON_GetArraySize(expected));
    size_t i = 0;
    cJSON_ArrayForEach(id, expected) assert_int_equal(ids.ids[i++], id->valueint);
    token_list_release(&ids);
}

static void check_greedy(const struct tokenizer *tokenizer, const cJSON *greedy)
{
    struct text bytes, repaired, shown;
    decode_repaired(tokenizer, json_find(greedy, "ids"), &bytes, &repaired);
    char expected[4096];
    size_t length = unhex(json_string_or(greedy, "bytes_hex", ""), expected, sizeof expected);
    assert_true(length > 0);
    assert_int_equal(bytes.length, length);
    assert_memory_equal(bytes.data, expected, length);
    text_init(&shown);
    tokenizer_clean(bytes.data, bytes.length, true, &shown);
    assert_string_equal(text_string(&shown), json_string_or(greedy, "text", "?"));
    text_release(&bytes);
    text_release(&repaired);
    text_release(&shown);
}

static void check_fixture(const char *shared, const char *name)
{
    char path[1024];
    snprintf(path, sizeof path, "fixtures/%s/tokenizer.json", name);
    struct tokenizer *tokenizer = open_shared(shared, path);
    snprintf(path, sizeof path, "%s/fixtures/%s/reference.json", shared, name);
    cJSON *root = read_json(path);
    const cJSON *item;
    size_t n = 0;
    cJSON_ArrayForEach(item, json_find(root, "tokenizer_cases"))
    {
        const char *text = json_string_or(item, "text", NULL);
        assert_non_null(text);
        assert_ids(tokenizer, text, strlen(text), json_find(item, "ids"));
        n++;
    }
    assert_true(n >= 10);
    check_prompt(tokenizer, json_find(root, "prompt"));
    check_greedy(tokenizer, json_find(root, "greedy"));
    const cJSON *choice = json_find(root, "choice");
    for (int i = 0; i < 2; i++) {
        const cJSON *string = cJSON_GetArrayItem(json_find(choice, "strings"), i);
        const cJSON *id = cJSON_GetArrayItem(json_find(choice, "ids"), i);
        assert_true(cJSON_IsString(string) && cJSON_IsNumber(id));
        assert_int_equal(tokenizer_single_id(tokenizer, string->valuestring), id->valueint);
    }
    cJSON_Delete(root);
    tokenizer_close(tokenizer);
}

static void the_fixtures_of_gpt_neox_come_out(void **state)
{
    (void)state;
    const char *shared = shared_or_skip(__func__);
    if (!shared)
        skip();
    static const char *const names[] = {"cobra", "cobra-siglip", "cobra-ldpnet", "ml-mamba"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        check_fixture(shared, names[i]);
}

static void the_fixtures_of_codegen_come_out(void **state)
{
    (void)state;
    const char *shared = shared_or_skip(__func__);
    if (!shared)
        skip();
    static const char *const names[] = {"llava-phi", "llava-phi-fused", "tinyllava-legacy",
                                        "tinyllava-factory", "tinyllava-factory-merged"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        check_fixture(shared, names[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_get_the_ids_of_the_library),
        cmocka_unit_test(bytes_that_are_not_utf8_are_read_as_replacement_characters),
        cmocka_unit_test(ids_decode_as_in_the_library),
        cmocka_unit_test(ids_outside_the_table_and_special_ones_decode_to_nothing),
        cmocka_unit_test(decoded_text_is_cleaned_as_in_the_reference),
        cmocka_unit_test(every_white_space_of_python_and_no_other_is_stripped),
        cmocka_unit_test(a_single_id_is_one_token_without_a_space),
        cmocka_unit_test(encoding_appends_to_the_list),
        cmocka_unit_test(long_words_take_no_quadratic_time),
        cmocka_unit_test(long_runs_of_marks_are_normalised_in_linear_time),
        cmocka_unit_test(the_longest_of_the_leftmost_added_tokens_is_found),
        cmocka_unit_test(the_golden_ids_of_gpt_neox_come_out),
        cmocka_unit_test(the_fixtures_of_gpt_neox_come_out),
        cmocka_unit_test(the_fixtures_of_codegen_come_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
