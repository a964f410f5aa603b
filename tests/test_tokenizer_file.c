/* Tokenizer files that are not as they should be, and want of memory. */
#include "tests/small_tokenizers.h"

#include "engine/base/clock.h"
#include "engine/base/file.h"
#include "engine/base/json.h"
#include "engine/base/random.h"

#include <unistd.h>

/* Opens bytes as a tokenizer file; the error then has to name that file. */
static enum status open_bytes(const char *data, size_t length, struct tokenizer **out,
                              struct error *err)
{
    char path[] = "/tmp/mambench-tokenizer-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, length), (ssize_t)length);
    close(fd);
    *out = NULL;
    *err = (struct error){0};
    enum status status = tokenizer_open(out, path, err);
    unlink(path);
    if (status) {
        assert_null(*out);
        assert_contains(err->text, path);
    } else {
        assert_string_equal(err->text, "");
    }
    return status;
}

static void read_small(struct arena *arena, const char *name, char **data, size_t *length)
{
    char path[128];
    snprintf(path, sizeof path, DATA "%s.json", name);
    arena_init(arena);
    struct error err = {0};
    assert_ok(file_read(path, arena, data, length, &err), err);
}

struct damage {
    const char *from, *to; /* the first of these replaced by that */
    enum status status;
    const char *sentence;
};

static const struct damage damages[] = {
    {"\"id\":0,", "\"id\":7,", STATUS_BAD_FORMAT,
     "added_tokens[0]: \"<|endoftext|>\" has id 7, the vocabulary before it leads to 0"},
    {"\"id\":481,", "\"id\":-481,", STATUS_BAD_FORMAT, "added_tokens[3]: \"     "},
    {"\"id\":481,", "\"id\":4e99,", STATUS_BAD_FORMAT, "added_tokens[3]: \"id\" is 4e+99"},
    {"\"id\":481,", "\"id\":480,", STATUS_BAD_FORMAT, "has id 480"},
    {"\"id\":481,", "\"ID\":481,", STATUS_BAD_FORMAT, "added_tokens[3]: \"id\" is missing"},
    {"\"content\":\"<|padding|>\"", "\"content\":\"\"", STATUS_BAD_FORMAT,
     "added_tokens[1]: \"content\" is empty"},
    {"\"content\":\"<|padding|>\"", "\"content\":7", STATUS_BAD_FORMAT,
     "added_tokens[1]: \"content\" is not a string"},
    {"\"id\":1,\"content\":\"<|padding|>\"", "\"id\":0,\"content\":\"<|endoftext|>\"",
     STATUS_BAD_FORMAT, "added_tokens[1]: \"<|endoftext|>\" is there twice"},
    {"\"content\":\"<|padding|>\"", "\"content\":\"\xFF\"", STATUS_BAD_FORMAT, "not UTF-8"},
    {"\"lstrip\":false", "\"lstrip\":true", STATUS_UNSUPPORTED,
     "added_tokens[0]: \"<|endoftext|>\" has lstrip, which is not supported"},
    {"\"rstrip\":false", "\"rstrip\":true", STATUS_UNSUPPORTED, "has rstrip"},
    {"\"single_word\":false", "\"single_word\":true", STATUS_UNSUPPORTED, "has single_word"},
    {"\"normalized\":false", "\"normalized\":0", STATUS_BAD_FORMAT,
     "\"normalized\" is not true or false"},
    {"\"content\":\"                        \"", "\"content\":\"e\xCC\x81\"", STATUS_UNSUPPORTED,
     "is changed by NFC"},
    {"\"added_tokens\":[", "\"added_tokens\":7,\"x\":[", STATUS_BAD_FORMAT,
     "\"added_tokens\" is not an array"},
    {"\"added_tokens\":[", "\"added_tokens\":[7,", STATUS_BAD_FORMAT,
     "added_tokens[0] is not an object"},
    {"\"type\":\"NFC\"", "\"type\":\"NFKC\"", STATUS_UNSUPPORTED,
     "the normalizer is of type NFKC, only NFC or null is supported"},
    {"\"pre_tokenizer\":{\"type\":\"ByteLevel\"", "\"pre_tokenizer\":{\"type\":\"Whitespace\"",
     STATUS_UNSUPPORTED, "the pre_tokenizer is of type Whitespace, only ByteLevel is supported"},
    {"\"pre_tokenizer\":{", "\"pre_tokenizer\":null,\"x\":{", STATUS_UNSUPPORTED,
     "the pre_tokenizer is of type null"},
    {"\"add_prefix_space\":false", "\"add_prefix_space\":true", STATUS_UNSUPPORTED,
     "add_prefix_space"},
    {"\"use_regex\":true", "\"use_regex\":false", STATUS_UNSUPPORTED, "use_regex false"},
    {"\"post_processor\":{\"type\":\"ByteLevel\"",
     "\"post_processor\":{\"type\":\"BertProcessing\"", STATUS_UNSUPPORTED,
     "the post_processor is of type BertProcessing"},
    {"\"decoder\":{\"type\":\"ByteLevel\"", "\"decoder\":{\"type\":7", STATUS_UNSUPPORTED,
     "the decoder is of type unnamed"},
    {"\"model\":{\"type\":\"BPE\"", "\"model\":{\"type\":\"WordPiece\"", STATUS_UNSUPPORTED,
     "the model is of type WordPiece, only BPE is supported"},
    {"\"model\":", "\"Model\":", STATUS_BAD_FORMAT, "\"model\" is missing"},
    {"\"model\":{", "\"model\":7,\"x\":{", STATUS_BAD_FORMAT, "model is not an object"},
    {"\"byte_fallback\":false", "\"byte_fallback\":true", STATUS_UNSUPPORTED,
     "the normalizer is of type NFC, only Sequence is supported"}, /* as LLaMA's form has */
    {"\"unk_token\":null", "\"unk_token\":\"<unk>\"", STATUS_UNSUPPORTED,
     "the model has unk_token"},
    {"\"dropout\":null", "\"dropout\":0.5", STATUS_UNSUPPORTED, "the model has dropout"},
    {"\"ignore_merges\":false", "\"ignore_merges\":true", STATUS_UNSUPPORTED,
     "the model has ignore_merges"},
    {"\"end_of_word_suffix\":null", "\"end_of_word_suffix\":\"</w>\"", STATUS_UNSUPPORTED,
     "the model has end_of_word_suffix"},
    {"\"vocab\":{", "\"vocab\":7,\"x\":{", STATUS_BAD_FORMAT, "\"vocab\" is not an object"},
    {"\"A\":", "\"A\":-", STATUS_BAD_FORMAT, "the id of vocabulary entry \"A\" is not"},
    {"\"A\":", "\"A\":1000000", STATUS_BAD_FORMAT, "the id of vocabulary entry \"A\" is not"},
    {"\"A\":", "\"A\":1.5,\"x\":", STATUS_BAD_FORMAT, "the id of vocabulary entry \"A\" is not"},
    {"\"A\":", "\"A\":\"7\",\"x\":", STATUS_BAD_FORMAT, "the id of vocabulary entry \"A\" is not"},
    {"\"A\":", "\"AAAA\":", STATUS_BAD_FORMAT, "the vocabulary has no entry for byte 0x41, \"A\""},
    {"\"\xC4\xA0\":", "\"AAAA\":", STATUS_BAD_FORMAT, "no entry for byte 0x20"},
    {"\"A\":", "\"A\":35,\"x\":", STATUS_BAD_FORMAT, "has id 35, as another one has"},
    {"\"A\":", "\"B\":", STATUS_BAD_FORMAT, "vocabulary entry \"B\" is there twice"},
    {"\"merges\":[", "\"merges\":7,\"x\":[", STATUS_BAD_FORMAT, "\"merges\" is not an array"},
    {"\"merges\":[", "\"merges\":[7,", STATUS_BAD_FORMAT, "merge 0 is not a pair of tokens"},
    {"\"merges\":[", "\"merges\":[\"ab\",", STATUS_BAD_FORMAT, "merge 0 is not a pair of tokens"},
    {"\"merges\":[", "\"merges\":[\"a b c\",", STATUS_BAD_FORMAT, "merge 0 is not a pair"},
    {"\"merges\":[", "\"merges\":[[\"a\"],", STATUS_BAD_FORMAT, "merge 0 is not a pair"},
    {"\"merges\":[", "\"merges\":[[\"a\",\"b\",\"c\"],", STATUS_BAD_FORMAT,
     "merge 0 is not a pair"},
    {"\"merges\":[", "\"merges\":[\"AAA b\",", STATUS_BAD_FORMAT,
     "merge 0 names \"AAA\", which is not in the vocabulary"},
    {"\"merges\":[", "\"merges\":[\"b AAA\",", STATUS_BAD_FORMAT, "merge 0 names \"AAA\""},
    {"\"merges\":[", "\"merges\":[\"Z Q\",", STATUS_BAD_FORMAT, "merge 0 names \"ZQ\""},
    {"\"merges\":[", "\"merges\":[\"h e\",", STATUS_BAD_FORMAT, "merge 1 repeats an earlier one"},
    {"{", "[", STATUS_UNSUPPORTED, "it begins with byte 0x5B"},
    {"{", "\x0A\x0E\x0A", STATUS_BAD_FORMAT, "has wire type 4"}, /* a SentencePiece model? */
    {"{", "{{", STATUS_BAD_FORMAT, "line 1, column 3: not valid JSON"},
};

static void each_damaged_entry_is_refused_by_name(void **state)
{
    (void)state;
    struct arena arena;
    char *data;
    size_t length;
    read_small(&arena, "neox", &data, &length);
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        const struct damage *damage = &damages[i];
        const char *place = strstr(data, damage->from);
        if (!place)
            fail_msg("'%s' is not in the file", damage->from);
        struct text text;
        text_init(&text);
        text_add_bytes(&text, data, (size_t)(place - data));
        text_add(&text, damage->to);
        text_add(&text, place + strlen(damage->from));
        struct tokenizer *tokenizer;
        struct error err;
        enum status status = open_bytes(text.data, text.length, &tokenizer, &err);
        if (status != damage->status)
            fail_msg("'%s' gives '%s': '%s'", damage->to, status_text(status), err.text);
        assert_contains(err.text, damage->sentence);
        text_release(&text);
    }
    arena_release(&arena);
}

static void a_truncated_file_is_refused(void **state)
{
    (void)state;
    struct arena arena;
    char *data;
    size_t length;
    read_small(&arena, "gpt2", &data, &length);
    while (length > 0 && data[length - 1] != '}')
        length--;
    for (size_t kept = 0; kept < length; kept += kept < 64 || length - kept < 64 ? 1 : 41) {
        struct tokenizer *tokenizer;
        struct error err;
        assert_int_equal(open_bytes(data, kept, &tokenizer, &err), STATUS_BAD_FORMAT);
    }
    arena_release(&arena);
}

static void a_missing_file_and_a_directory_are_refused(void **state)
{
    (void)state;
    struct tokenizer *tokenizer = NULL;
    struct error err = {0};
    assert_int_equal(tokenizer_open(&tokenizer, DATA "none.json", &err), STATUS_NOT_FOUND);
    assert_contains(err.text, DATA "none.json");
    assert_int_equal(tokenizer_open(&tokenizer, DATA, &err), STATUS_IO);
    assert_null(tokenizer);
}

static void flipped_bits_never_crash(void **state)
{
    (void)state;
    struct arena arena;
    char *data;
    size_t length;
    read_small(&arena, "neox", &data, &length);
    struct random_stream random = {5};
    static const char text[] = "Is there  a dog?\n\xC3\xA9 e\xCC\x81 \xE4\xBD\xA0 <|endoftext|>";
    for (int round = 0; round < 1500; round++) {
        size_t at = (size_t)(random_bits(&random) % length);
        char saved = data[at];
        data[at] = (char)(saved ^ (1 << (random_bits(&random) % 8)));
        struct tokenizer *tokenizer;
        struct error err;
        if (open_bytes(data, length, &tokenizer, &err) == STATUS_OK) {
            struct token_list ids;
            token_list_init(&ids);
            assert_ok(tokenizer_encode(tokenizer, text, sizeof text - 1, &ids, &err), err);
            for (size_t i = 0; i < ids.n; i++)
                assert_in_range(ids.ids[i], 0, tokenizer_size(tokenizer) - 1);
            token_list_release(&ids);
            tokenizer_close(tokenizer);
        }
        data[at] = saved;
    }
    arena_release(&arena);
}

static void a_model_without_a_type_is_bpe_and_a_version_line_is_passed_over(void **state)
{
    (void)state;
    struct arena arena;
    char *data;
    size_t length;
    read_small(&arena, "neox", &data, &length);
    const char *type = strstr(data, "\"type\":\"BPE\","), *merges = strstr(data, "\"merges\":[");
    assert_true(type && merges && type < merges);
    struct text text;
    text_init(&text);
    text_add_bytes(&text, data, (size_t)(type - data));
    type += strlen("\"type\":\"BPE\",");
    text_add_bytes(&text, type, (size_t)(merges - type));
    text_add(&text, "\"merges\":[\"#version: 0.2\",");
    text_add(&text, merges + strlen("\"merges\":["));
    struct tokenizer *changed, *plain = open_small("neox");
    struct error err;
    assert_ok(open_bytes(text.data, text.length, &changed, &err), err);
    static const char sentence[] = "the questions and the answers";
    struct token_list a, b;
    token_list_init(&a);
    token_list_init(&b);
    assert_ok(tokenizer_encode(changed, sentence, strlen(sentence), &a, &err), err);
    assert_ok(tokenizer_encode(plain, sentence, strlen(sentence), &b, &err), err);
    assert_int_equal(a.n, b.n);
    assert_memory_equal(a.ids, b.ids, a.n * sizeof *a.ids);
    token_list_release(&a);
    token_list_release(&b);
    tokenizer_close(changed);
    tokenizer_close(plain);
    text_release(&text);
    arena_release(&arena);
}

static void opening_survives_the_failure_of_any_allocation(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        char path[128];
        snprintf(path, sizeof path, DATA "%s.json", small_names[i]);
        long n = 0, refused = 0;
        enum status status;
        do {
            struct tokenizer *tokenizer = NULL;
            struct error err = {0};
            fail_allocation(++n);
            status = tokenizer_open(&tokenizer, path, &err);
            int struck = allocation_has_failed();
            fail_allocation(0);
            if (status == STATUS_OK) {
                assert_false(struck);
                tokenizer_close(tokenizer);
            } else {
                assert_true(struck);
                assert_null(tokenizer);
                assert_true(err.text[0] != '\0');
                /* cJSON does not tell why it stopped. */
                assert_true(status == STATUS_NO_MEMORY || status == STATUS_BAD_FORMAT);
                refused += status == STATUS_NO_MEMORY;
            }
        } while (status != STATUS_OK);
        assert_true(n > 1000 && refused > 5);
    }
}

static void encoding_survives_the_failure_of_any_allocation(void **state)
{
    (void)state;
    struct tokenizer *tokenizer = open_small("neox");
    struct text text;
    text_init(&text);
    text_add(&text, "\xFFIs there  a dog?<|endoftext|>\xC3\xA9 e");
    for (size_t i = 0; i < 300; i++)
        text_add(&text, "\xCC\x81\xCC\xA3z1");
    for (size_t i = 0; i < 40; i++)
        text_add(&text, "\xCC\x81\xCC\xA3");
    long n = 0;
    enum status status;
    do {
        struct token_list ids;
        token_list_init(&ids);
        struct error err = {0};
        fail_allocation(++n);
        status = tokenizer_encode(tokenizer, text.data, text.length, &ids, &err);
        int struck = allocation_has_failed();
        fail_allocation(0);
        assert_int_equal(struck != 0, status != STATUS_OK);
        if (status) {
            assert_int_equal(status, STATUS_NO_MEMORY);
            assert_int_equal(ids.n, 0);
        }
        token_list_release(&ids);
    } while (status != STATUS_OK);
    assert_true(n > 12);
    fail_allocation(1);
    assert_int_equal(tokenizer_single_id(tokenizer, "A"), -1);
    struct text out;
    text_init(&out);
    tokenizer_clean("A", 1, true, &out);
    fail_allocation(0);
    assert_true(out.failed);
    text_release(&text);
    tokenizer_close(tokenizer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_damaged_entry_is_refused_by_name),
        cmocka_unit_test(a_truncated_file_is_refused),
        cmocka_unit_test(a_missing_file_and_a_directory_are_refused),
        cmocka_unit_test(flipped_bits_never_crash),
        cmocka_unit_test(a_model_without_a_type_is_bpe_and_a_version_line_is_passed_over),
        cmocka_unit_test(opening_survives_the_failure_of_any_allocation),
        cmocka_unit_test(encoding_survives_the_failure_of_any_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
