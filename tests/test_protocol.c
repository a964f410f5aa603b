#include "tests/check.h"
#include "tests/dataset_files.h"

#include "datasets/protocol.h"
#include "metrics/metric.h"

static struct protocol open_known(const char *name, struct arena *arena)
{
    struct protocol protocol;
    struct error err = {{0}};
    assert_ok(protocol_open(&protocol, name, arena, &err), err);
    return protocol;
}

static void the_built_in_protocols_are_listed_in_order_and_can_be_read(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena);
    size_t n = 0;
    for (; protocol_names[n]; n++) {
        struct protocol protocol = open_known(protocol_names[n], &arena);
        assert_string_equal(protocol.name, protocol_names[n]);
        assert_int_equal(strlen(protocol.hash), 64);
        assert_non_null(metric_find(protocol.metric));
        assert_true(protocol.version >= 1);
        assert_true(!metric_find(protocol.metric)->needs_choices || protocol.n_choices == 2);
        if (n > 0)
            assert_true(strcmp(protocol_names[n - 1], protocol_names[n]) < 0);
        for (size_t i = 0; i < protocol.n_files; i++)
            assert_int_equal(strlen(protocol.files[i].sha256), 64);
    }
    assert_true(n >= 4);
    arena_release(&arena);
}

static void a_variant_is_another_measurement(void **state)
{
    (void)state;
    struct arena arena;
    struct protocol protocol;
    struct error err = {{0}};
    arena_init(&arena);
    struct protocol plain = open_known("gqa@official", &arena);
    struct protocol other = open_known("gqa:val-all@official", &arena);
    struct protocol third = open_known("gqa:val-balanced@official", &arena);
    assert_string_equal(other.name, "gqa:val-all@official");
    assert_string_equal(other.variant, "val-all");
    assert_string_equal(plain.variant, "testdev-balanced");
    assert_string_equal(other.message, plain.message);
    assert_int_equal(strlen(other.hash), 64);
    assert_string_not_equal(other.hash, plain.hash);
    assert_string_not_equal(other.hash, third.hash);
    assert_int_equal(protocol_open(&protocol, "gqa:minival@official", &arena, &err),
                     STATUS_NOT_FOUND);
    assert_contains(err.text, "gqa has no variant 'minival'; there is: testdev-balanced, ");
    assert_int_equal(protocol_open(&protocol, "vsr:random@llava", &arena, &err), STATUS_NOT_FOUND);
    assert_contains(err.text, "there is no protocol 'vsr@llava'");
    assert_int_equal(protocol_open(&protocol, "vsr@tri:ml", &arena, &err), STATUS_NOT_FOUND);
    assert_contains(err.text, "there is no protocol 'vsr@tri:ml'");
    arena_release(&arena);
}

static void the_hash_is_that_of_the_file(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena);
    struct error err = {{0}};
    for (size_t i = 0; protocol_names[i]; i++) {
        char path[128];
        struct sha256_text hash;
        snprintf(path, sizeof path, "datasets/protocols/%s.json", protocol_names[i]);
        assert_ok(sha256_file(path, &hash, &err), err);
        assert_string_equal(open_known(protocol_names[i], &arena).hash, hash.hex);
        assert_string_equal(open_known(path, &arena).hash, hash.hex);
    }
    arena_release(&arena);
}

static void assert_message(const char *name, const char *question, const char *expected)
{
    struct arena arena;
    arena_init(&arena);
    struct protocol protocol = open_known(name, &arena);
    struct sample sample = {.question = question};
    struct text out;
    text_init(&out);
    protocol_message(&protocol, &sample, &out);
    assert_string_equal(text_string(&out), expected);
    text_release(&out);
    arena_release(&arena);
}

static void messages_are_those_of_the_harnesses(void **state)
{
    (void)state;
    static const char *const with_instruction[] = {
        "pope@triml", "pope@llava",   "pope@lmms-eval", "gqa@triml",
        "gqa@llava",  "gqa@official", "gqa@lmms-eval",  "gqa@vlmevalkit"};
    assert_message("pope@official", "Is there a dog?", "Is there a dog?");
    assert_message("pope@vlmevalkit", "Is there a dog?", "Is there a dog?");
    for (size_t i = 0; i < sizeof with_instruction / sizeof with_instruction[0]; i++)
        assert_message(with_instruction[i], "Is there a dog in the imange?",
                       "Is there a dog in the imange?\nAnswer the question using a single word or "
                       "phrase.");
    assert_message("vsr@triml", "The car is behind the suitcase.",
                   "Based on the image, is this statement \"True\" or \"False\"? The car is "
                   "behind the suitcase.\nRespond with \"True\" or \"False\" directly.");
    /* What a question says is not filled in again. */
    assert_message("pope@llava", "{question}",
                   "{question}\nAnswer the question using a single word or phrase.");
}

static void choices_are_in_the_order_that_breaks_ties(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena);
    struct protocol pope = open_known("pope@triml", &arena), vsr = open_known("vsr@triml", &arena);
    assert_string_equal(pope.choices[0], "Yes");
    assert_string_equal(pope.choices[1], "No");
    assert_string_equal(vsr.choices[0], "True");
    assert_string_equal(vsr.choices[1], "False");
    assert_string_equal(pope.headline, "final/accuracy");
    assert_string_equal(open_known("pope@llava", &arena).headline, "mean/f1");
    assert_int_equal(open_known("pope@llava", &arena).max_new_tokens, 128);
    arena_release(&arena);
}

static void an_unknown_name_lists_what_there_is(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena);
    struct protocol protocol;
    struct error err = {{0}};
    assert_int_equal(protocol_open(&protocol, "pope@nobody", &arena, &err), STATUS_NOT_FOUND);
    assert_contains(err.text, "pope@llava, pope@lmms-eval, pope@official");
    assert_int_equal(protocol_open(&protocol, "/nowhere/x.json", &arena, &err), STATUS_NOT_FOUND);
    assert_contains(err.text, "/nowhere/x.json");
    arena_release(&arena);
}

static const char whole[] =
    "{\"name\": \"mine\", \"version\": 3, \"title\": \"t\", \"reference\": \"r\", \"dataset\": "
    "\"vsr\", \"variant\": \"random\", \"files\": [], \"message\": \"Q: {question} {question}\", "
    "\"choices\": [\"True\", \"False\"], \"max_new_tokens\": 0, \"metric\": \"m\", \"headline\": "
    "\"accuracy\", \"missing\": \"wrong\"}";

static void a_protocol_file_of_ones_own_is_read(void **state)
{
    (void)state;
    struct folder folder = folder_create();
    folder_write(&folder, "mine.json", whole);
    char path[128];
    snprintf(path, sizeof path, "%s/mine.json", folder.path);
    struct arena arena;
    arena_init(&arena);
    struct protocol protocol = open_known(path, &arena);
    assert_string_equal(protocol.name, "mine");
    assert_int_equal(protocol.version, 3);
    assert_string_equal(protocol.variant, "random");
    struct sample sample = {.question = "A"};
    struct text out;
    text_init(&out);
    protocol_message(&protocol, &sample, &out);
    assert_string_equal(text_string(&out), "Q: A A");
    text_release(&out);
    arena_release(&arena);
    folder_remove(&folder);
}

static void a_broken_protocol_file_is_refused_by_member(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *cause;
    } cases[] = {
        {"\"vsr\"", "\"nlvr\"", "there is no dataset 'nlvr'"},
        {"\"random\"", "\"sideways\"", "vsr has no variant 'sideways'"},
        {"{question} {question}", "nothing", "\"message\" has no {question}"},
        {"[\"True\", \"False\"]", "[\"True\"]", "one choice is none"},
        {"[\"True\", \"False\"]", "[\"True\", 2]", "\"choices\" must be strings"},
        {"[\"True\", \"False\"]", "[]", "nothing would be answered"},
        {"[\"True\", \"False\"]", "[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\"]",
         "more than 8"},
        {"\"max_new_tokens\": 0", "\"max_new_tokens\": -1", "\"max_new_tokens\" is -1"},
        {"\"version\": 3", "\"version\": \"3\"", "\"version\" is not a number"},
        {"\"metric\": \"m\"", "\"metric\": \"\"", "\"metric\" is empty"},
        {", \"missing\": \"wrong\"", "", "\"missing\" is missing"},
        {"\"files\": []", "\"files\": [{\"name\": \"x\"}]", "\"version\" is missing"},
        {"\"files\": []", "\"files\": [}", "not valid JSON"},
        {"\"title\": \"t\"", "\"title\": \"\xFF\"", "not UTF-8"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[1024];
        const char *at = strstr(whole, cases[i].from);
        assert_non_null(at);
        snprintf(text, sizeof text, "%.*s%s%s", (int)(at - whole), whole, cases[i].to,
                 at + strlen(cases[i].from));
        struct folder folder = folder_create();
        folder_write(&folder, "p.json", text);
        char path[128];
        snprintf(path, sizeof path, "%s/p.json", folder.path);
        struct arena arena;
        arena_init(&arena);
        struct protocol protocol;
        struct error err = {{0}};
        assert_int_equal(protocol_open(&protocol, path, &arena, &err), STATUS_BAD_FORMAT);
        assert_contains(err.text, cases[i].cause);
        assert_contains(err.text, "p.json");
        arena_release(&arena);
        folder_remove(&folder);
    }
}

static void running_out_of_memory_anywhere_is_reported(void **state)
{
    (void)state;
    for (long n = 1;; n++) {
        struct arena arena;
        arena_init(&arena);
        struct protocol protocol;
        struct error err = {{0}};
        fail_allocation(n);
        enum status status = protocol_open(&protocol, "pope@triml", &arena, &err);
        int struck = allocation_has_failed();
        fail_allocation(0);
        arena_release(&arena);
        assert_true(status == STATUS_OK || (struck && err.text[0]));
        if (status == STATUS_OK && !struck)
            return;
    }
}

static const char *check_files(const char *name, const char *variant, const char *folder,
                               struct arena *arena)
{
    struct protocol protocol = open_known(name, arena);
    struct dataset set;
    struct error err = {{0}};
    assert_ok(dataset_open(&set, protocol.dataset, variant, folder, &err), err);
    const char *note = protocol_check_files(&protocol, &set, arena);
    dataset_close(&set);
    assert_false(arena_failed(arena));
    return note;
}

static void files_of_no_known_version_are_told(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena);
    const char *note = check_files("pope@llava", NULL, "tests/data/pope", &arena);
    assert_non_null(note);
    assert_contains(note, "coco_pope_random.json (6 samples) is no published version of the file");
    arena_release(&arena);
}

static void the_version_that_was_published_on_is_told_from_the_other(void **state)
{
    (void)state;
    const char *shared = shared_or_skip(__func__);
    if (!shared)
        skip();
    char old[512], head[512], vsr[512];
    snprintf(old, sizeof old, "%s/data/pope/2910", shared);
    snprintf(head, sizeof head, "%s/data/pope", shared);
    snprintf(vsr, sizeof vsr, "%s/data/vsr", shared);
    struct arena arena;
    arena_init(&arena);
    assert_null(check_files("pope@llava", NULL, old, &arena));
    assert_null(check_files("pope@triml", NULL, old, &arena));
    assert_null(check_files("pope@lmms-eval", NULL, head, &arena));
    assert_null(check_files("vsr@triml", "zeroshot", vsr, &arena));
    assert_contains(check_files("pope@llava", NULL, head, &arena), "9,000-question version");
    assert_contains(check_files("pope@lmms-eval", NULL, old, &arena), "commit e3e3926");
    assert_contains(check_files("vsr@triml", "random", vsr, &arena), "random test");
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_built_in_protocols_are_listed_in_order_and_can_be_read),
        cmocka_unit_test(the_hash_is_that_of_the_file),
        cmocka_unit_test(a_variant_is_another_measurement),
        cmocka_unit_test(messages_are_those_of_the_harnesses),
        cmocka_unit_test(choices_are_in_the_order_that_breaks_ties),
        cmocka_unit_test(an_unknown_name_lists_what_there_is),
        cmocka_unit_test(a_protocol_file_of_ones_own_is_read),
        cmocka_unit_test(a_broken_protocol_file_is_refused_by_member),
        cmocka_unit_test(running_out_of_memory_anywhere_is_reported),
        cmocka_unit_test(files_of_no_known_version_are_told),
        cmocka_unit_test(the_version_that_was_published_on_is_told_from_the_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
