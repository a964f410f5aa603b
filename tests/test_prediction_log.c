#include "tests/check.h"

#include "engine/base/file.h"
#include "eval/prediction_log.h"

#include <fcntl.h>
#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[] = "/tmp/mambench-log-XXXXXX";
static char path[64];

static int make_directory(void **state)
{
    (void)state;
    if (!mkdtemp(directory))
        return -1;
    snprintf(path, sizeof path, "%s/log.jsonl", directory);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(directory);
}

static void put(const char *data, size_t size)
{
    struct error err = {""};
    assert_ok(file_write(path, data, size, &err), err);
}

static struct answer an_answer(void)
{
    return (struct answer){.text = "No \"cat\"\n\xE6\x97\xA5",
                           .probabilities = {0.1, 0.9},
                           .logits = {(double)-1.1f, 1.0986123085021973},
                           .n_choices = 2,
                           .has_logits = true,
                           .is_measured = true,
                           .n_prompt_tokens = 37,
                           .n_tokens = 3,
                           .ended = true};
}

static void a_line_reads_back_as_it_was_written(void **state)
{
    struct arena arena;
    struct text line;
    struct log_entry entry;
    struct error err = {""};
    struct answer answer = an_answer();
    (void)state;
    arena_init(&arena);
    text_init(&line);
    answer.warning = "16-bit grey";
    answer.has_digests = true;
    answer.digests[DIGEST_PROMPT] = UINT64_C(0x00123456789abcde);
    answer.digests[DIGEST_LOGITS] = 1;
    log_line_add(&line, "random/1", "a b.jpg", &answer);
    assert_int_equal(line.data[line.length - 1], '\n');
    assert_ptr_equal(strchr(line.data, '\n'), line.data + line.length - 1);
    assert_ok(log_line_parse(&entry, line.data, line.length - 1, "x", &arena, &err), err);
    assert_string_equal(entry.id, "random/1");
    assert_string_equal(entry.image, "a b.jpg");
    assert_string_equal(entry.text, answer.text);
    assert_int_equal(entry.n_choices, 2);
    assert_true(entry.probabilities[0] == 0.1 && entry.probabilities[1] == 0.9);
    assert_null(entry.failure);
    assert_string_equal(entry.warning, "16-bit grey");
    assert_contains(line.data, ", \"digest\": \"00123456789abcde - - 0000000000000001\"");
    assert_true(entry.has_digests);
    assert_memory_equal(entry.digests, answer.digests, sizeof answer.digests);
    assert_int_equal(entry.n_prompt_tokens, 37);
    assert_true(entry.logits[0] == (double)-1.1f && entry.logits[1] == 1.0986123085021973);
    assert_contains(line.data, "1.0986123085021973");
    assert_null(strstr(line.data, "_ns"));
    text_release(&line);
    arena_release(&arena);
}

static void a_failure_is_a_line_of_its_own(void **state)
{
    struct arena arena;
    struct text line;
    struct log_entry entry;
    struct error err = {""};
    struct answer answer = {.failure = "cannot open x.jpg: No such file or directory"};
    (void)state;
    arena_init(&arena);
    text_init(&line);
    log_line_add(&line, "1", "x.jpg", &answer);
    assert_ok(log_line_parse(&entry, line.data, line.length - 1, "x", &arena, &err), err);
    assert_string_equal(entry.failure, answer.failure);
    assert_null(entry.text);
    assert_null(entry.probabilities);
    text_release(&line);
    arena_release(&arena);
}

static void a_probability_that_is_not_finite_stays_so(void **state)
{
    struct arena arena;
    struct text line;
    struct log_entry entry;
    struct error err = {""};
    struct answer answer = an_answer();
    (void)state;
    arena_init(&arena);
    text_init(&line);
    answer.probabilities[0] = (double)NAN;
    log_line_add(&line, "1", "x", &answer);
    assert_ok(log_line_parse(&entry, line.data, line.length - 1, "x", &arena, &err), err);
    assert_true(isnan(entry.probabilities[0]));
    text_release(&line);
    arena_release(&arena);
}

static void bad_lines_are_refused_with_their_place(void **state)
{
    static const struct {
        const char *line, *sentence;
    } cases[] = {
        {"", "empty"},
        {"[]", "a JSON object is expected"},
        {"{\"id\": \"1\", \"image\": \"x\"", "ends too early"},
        {"{\"id\": 1, \"image\": \"x\", \"text\": \"\"}", "\"id\" is not a string"},
        {"{\"id\": \"1\", \"text\": \"\"}", "\"image\" is missing"},
        {"{\"id\": \"1\", \"image\": \"x\"}", "neither"},
        {"{\"id\": \"1\", \"image\": \"x\", \"probabilities\": 1}", "not a list"},
        {"{\"id\": \"1\", \"image\": \"x\", \"probabilities\": [1,2,3,4,5,6,7,8,9]}", "at most 8"},
        {"{\"id\": \"1\", \"image\": \"x\", \"probabilities\": [\"a\"]}", "not a number"},
        {"{\"id\": \"1\", \"image\": \"x\", \"text\": \"\", \"digest\": 1}", "4 times 16 digits"},
        {"{\"id\": \"1\", \"image\": \"x\", \"text\": \"\", \"digest\": \"- - -\"}", "4 times"},
        {"{\"id\": \"1\", \"image\": \"x\", \"text\": \"\", \"digest\": \"- - - - -\"}", "4 times"},
        {"{\"id\": \"1\", \"image\": \"x\", \"text\": \"\", \"digest\": \"- - - "
         "00123456789ABCDE\"}",
         "4 times"},
        {"{\"id\": \"1\", \"image\": \"x\", \"text\": \"\", \"logits\": [1]}",
         "1 \"logits\" beside 0"},
        {"\xEF\xBB\xBF{\"id\": \"1\", \"image\": \"x\", \"text\": \"\"}", "byte order mark"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena arena;
        struct log_entry entry;
        struct error err = {""};
        arena_init(&arena);
        assert_int_equal(log_line_parse(&entry, cases[i].line, strlen(cases[i].line),
                                        "log.jsonl: line 7", &arena, &err),
                         STATUS_BAD_FORMAT);
        assert_contains(err.text, "log.jsonl: line 7");
        assert_contains(err.text, cases[i].sentence);
        arena_release(&arena);
    }
}

static const char three_lines[] = "{\"id\": \"1\", \"image\": \"x\", \"text\": \"a\"}\n"
                                  "{\"id\": \"2\", \"image\": \"x\", \"text\": \"b\"}\r\n"
                                  "{\"id\": \"3\", \"image\": \"y\", \"error\": \"c\"}\n";

static size_t read_count(const char *data, size_t size, bool *torn)
{
    struct arena arena;
    struct log_entry *entries = NULL;
    struct error err = {""};
    size_t n = 0;
    put(data, size);
    arena_init(&arena);
    assert_ok(log_read(path, &arena, &entries, &n, torn, &err), err);
    arena_release(&arena);
    return n;
}

static void a_log_cut_at_any_byte_keeps_its_whole_lines(void **state)
{
    (void)state;
    for (size_t size = 0; size < sizeof three_lines; size++) {
        size_t whole = 0, bytes = 0;
        bool torn;
        for (size_t i = 0; i < size; i++)
            if (three_lines[i] == '\n') {
                whole++;
                bytes = i + 1;
            }
        assert_int_equal(read_count(three_lines, size, &torn), whole);
        assert_int_equal(torn, bytes != size);

        struct log_file log;
        struct error err = {""};
        struct stat info;
        assert_ok(log_open(&log, path, true, &err), err);
        assert_int_equal(log.good_bytes, bytes);
        assert_ok(log_close(&log, &err), err);
        assert_int_equal(stat(path, &info), 0);
        assert_int_equal(info.st_size, bytes);
    }
}

static void zeroes_behind_the_last_line_are_torn(void **state)
{
    char data[sizeof three_lines + 9];
    bool torn;
    (void)state;
    memcpy(data, three_lines, sizeof three_lines - 1);
    memset(data + sizeof three_lines - 1, 0, 9);
    data[sizeof three_lines + 8] = '\n';
    assert_int_equal(read_count(data, sizeof data, &torn), 3);
    assert_true(torn);
}

static void a_bad_line_in_the_middle_is_an_error(void **state)
{
    struct arena arena;
    struct log_entry *entries;
    struct error err = {""};
    size_t n;
    char data[sizeof three_lines];
    (void)state;
    memcpy(data, three_lines, sizeof data);
    *strchr(data, '}') = '?';
    put(data, sizeof data - 1);
    arena_init(&arena);
    assert_int_equal(log_read(path, &arena, &entries, &n, NULL, &err), STATUS_BAD_FORMAT);
    assert_contains(err.text, "log.jsonl: line 1");
    arena_release(&arena);
}

static void appended_lines_stand_behind_the_kept_ones(void **state)
{
    struct log_file log;
    struct text line;
    struct error err = {""};
    bool torn;
    struct answer answer = an_answer();
    (void)state;
    put(three_lines, sizeof three_lines - 5);
    text_init(&line);
    log_line_add(&line, "4", "z", &answer);
    assert_ok(log_open(&log, path, true, &err), err);
    for (int i = 0; i < 3; i++)
        assert_ok(log_append(&log, &line, i == 0 ? 1 : 0, &err), err);
    assert_ok(log_close(&log, &err), err);
    text_release(&line);

    struct arena arena;
    struct log_entry *entries;
    size_t n;
    arena_init(&arena);
    assert_ok(log_read(path, &arena, &entries, &n, &torn, &err), err);
    assert_int_equal(n, 5);
    assert_false(torn);
    assert_string_equal(entries[2].id, "4");
    arena_release(&arena);

    assert_ok(log_open(&log, path, false, &err), err);
    assert_int_equal(log.good_bytes, 0);
    assert_ok(log_close(&log, &err), err);
    assert_int_equal(read_count("", 0, &torn), 0);
}

static void a_second_writer_is_kept_out(void **state)
{
    struct log_file one, two;
    struct error err = {""};
    (void)state;
    put("", 0);
    assert_ok(log_open(&one, path, true, &err), err);
    assert_int_equal(log_open(&two, path, true, &err), STATUS_USAGE);
    assert_contains(err.text, "another mambench");
    assert_ok(log_close(&one, &err), err);
    assert_ok(log_open(&two, path, true, &err), err);
    assert_ok(log_close(&two, &err), err);
}

static void a_log_that_cannot_be_written_is_told(void **state)
{
    struct log_file log = {.path = "/dev/full", .synced_ns = 0};
    struct text line;
    struct error err = {""};
    (void)state;
    text_init(&line);
    text_add(&line, "x\n");
    log.fd = open("/dev/full", O_WRONLY);
    if (log.fd < 0)
        skip();
    assert_int_equal(log_append(&log, &line, 0, &err), STATUS_IO);
    assert_contains(err.text, "cannot write /dev/full: No space left on device");
    assert_int_equal(log.good_bytes, 0);
    close(log.fd);
    text_release(&line);
    assert_int_equal(log_open(&log, "/nowhere/at/all", true, &err), STATUS_IO);
    assert_contains(err.text, "/nowhere/at/all");
}

static void no_allocation_failure_leaks_or_passes_unseen(void **state)
{
    (void)state;
    put(three_lines, sizeof three_lines - 1);
    for (long n = 1;; n++) {
        struct arena arena;
        struct log_entry *entries;
        struct error err = {""};
        size_t count;
        bool torn;
        arena_init(&arena);
        fail_allocation(n);
        enum status status = log_read(path, &arena, &entries, &count, &torn, &err);
        bool failed = allocation_has_failed();
        fail_allocation(0);
        if (status == STATUS_OK)
            assert_true(torn || count == 3);
        else
            assert_true(err.text[0] != '\0');
        arena_release(&arena);
        if (!failed)
            break;
        assert_true(n < 1000);
    }
}

static void a_timing_line_holds_the_time_to_the_first_token(void **state)
{
    struct text line;
    struct answer answer = an_answer();
    (void)state;
    for (int i = 0; i < STAGE_N; i++)
        answer.timings.ns[i] = 1;
    answer.timings.ns[STAGE_DECODE] = 1000;
    text_init(&line);
    timing_line_add(&line, "1", &answer);
    assert_contains(line.data, "\"first_token_ns\": 7,");
    assert_contains(line.data, "\"decode\": 1000");
    text_release(&line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_reads_back_as_it_was_written),
        cmocka_unit_test(a_failure_is_a_line_of_its_own),
        cmocka_unit_test(a_probability_that_is_not_finite_stays_so),
        cmocka_unit_test(bad_lines_are_refused_with_their_place),
        cmocka_unit_test(a_log_cut_at_any_byte_keeps_its_whole_lines),
        cmocka_unit_test(zeroes_behind_the_last_line_are_torn),
        cmocka_unit_test(a_bad_line_in_the_middle_is_an_error),
        cmocka_unit_test(appended_lines_stand_behind_the_kept_ones),
        cmocka_unit_test(a_second_writer_is_kept_out),
        cmocka_unit_test(a_log_that_cannot_be_written_is_told),
        cmocka_unit_test(no_allocation_failure_leaks_or_passes_unseen),
        cmocka_unit_test(a_timing_line_holds_the_time_to_the_first_token),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
