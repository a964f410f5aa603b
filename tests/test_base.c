/* Arenas, growing text, lines, UTF-8, maps, hashes, 16-bit floats, errors. */
#include "tests/check.h"

#include "engine/base/float16.h"
#include "engine/base/lines.h"
#include "engine/base/random.h"
#include "engine/base/sha256.h"
#include "engine/base/string_map.h"
#include "engine/base/text.h"
#include "engine/base/utf8.h"

#include <math.h>
#include <unistd.h>

/* Sizes that no machine has must come back as NULL under AddressSanitizer too. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

static void an_error_keeps_its_sentence_within_bounds(void **state)
{
    (void)state;
    struct error err = {"before"};
    char lengthy[2000];
    memset(lengthy, 'x', sizeof lengthy - 1);
    lengthy[sizeof lengthy - 1] = '\0';
    assert_int_equal(fail(&err, STATUS_IO, "%s", lengthy), STATUS_IO);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    assert_int_equal(fail_within(&err, STATUS_MISMATCH, "place"), STATUS_MISMATCH);
    assert_memory_equal(err.text, "place: xxx", 10);
    assert_int_equal(fail(NULL, STATUS_USAGE, "nobody listens"), STATUS_USAGE);
    assert_string_equal(status_text(STATUS_NO_MEMORY), "out of memory");
    assert_string_equal(status_text((enum status)99), "unknown status");
}

static void arena_memory_is_zeroed_and_aligned(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena);
    for (size_t size = 0; size < 3000; size += 7) {
        unsigned char *memory = arena_alloc(&arena, size, 3);
        assert_non_null(memory);
        assert_int_equal((uintptr_t)memory % 64, 0);
        for (size_t i = 0; i < 3 * size; i++)
            assert_int_equal(memory[i], 0);
        memset(memory, 0xFF, 3 * size);
        unsigned char *small = arena_alloc_small(&arena, size, 1);
        assert_non_null(small);
        assert_int_equal((uintptr_t)small % 16, 0);
        memset(small, 0xFF, size);
    }
    assert_true(arena.used_bytes <= arena.reserved_bytes);
    assert_false(arena_failed(&arena));
    arena_release(&arena);
    assert_int_equal(arena.reserved_bytes, 0);
    assert_null(arena.blocks);
}

static void an_arena_that_overflowed_stays_failed(void **state)
{
    (void)state;
    static const size_t counts[][2] = {
        {SIZE_MAX, 2},      {SIZE_MAX / 2 + 1, 2}, {SIZE_MAX, 1},
        {SIZE_MAX - 32, 1}, {3, SIZE_MAX / 3 + 1},
    };
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct arena arena;
        arena_init(&arena);
        assert_non_null(arena_alloc(&arena, 10, 10));
        assert_null(arena_alloc(&arena, counts[i][0], counts[i][1]));
        assert_true(arena_failed(&arena));
        assert_null(arena_alloc(&arena, 1, 1));
        assert_null(arena_string(&arena, "text"));
        arena_release(&arena);
        assert_false(arena_failed(&arena));
    }
}

static void arena_strings_are_copies(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena);
    assert_null(arena_string(&arena, NULL));
    assert_string_equal(arena_string(&arena, ""), "");
    assert_string_equal(arena_copy(&arena, "abcdef", 3), "abc");
    assert_string_equal(arena_copy(&arena, NULL, 0), "");
    assert_string_equal(arena_printf(&arena, "%d %s", 12, "x"), "12 x");
    assert_null(arena_copy(&arena, "x", SIZE_MAX));
    assert_true(arena_failed(&arena));
    arena_release(&arena);
}

static void every_failed_allocation_of_an_arena_is_told(void **state)
{
    (void)state;
    for (long n = 1;; n++) {
        struct arena arena;
        arena_init(&arena);
        fail_allocation(n);
        for (int i = 0; i < 5; i++)
            arena_alloc(&arena, 100000, 1);
        char *text = arena_printf(&arena, "%d", 5);
        bool struck = allocation_has_failed();
        fail_allocation(0);
        assert_int_equal(arena_failed(&arena), struck);
        assert_int_equal(text == NULL, struck);
        arena_release(&arena);
        if (!struck)
            break;
        assert_true(n < 100);
    }
}

static void text_grows_and_is_never_null(void **state)
{
    (void)state;
    struct text text;
    text_init(&text);
    assert_string_equal(text_string(&text), "");
    for (int i = 0; i < 1000; i++)
        text_addf(&text, "%03d", i);
    assert_int_equal(text.length, 3000);
    assert_memory_equal(text.data + 3 * 777, "777", 4 - 1);
    text_reset(&text);
    assert_string_equal(text_string(&text), "");
    text_add_bytes(&text, "a\0b", 3);
    text_add_char(&text, 'c');
    assert_int_equal(text.length, 4);
    assert_memory_equal(text.data, "a\0bc", 5);
    text_release(&text);
}

static void code_points_are_written_as_utf8(void **state)
{
    (void)state;
    static const struct {
        unsigned code_point;
        const char *bytes;
    } cases[] = {
        {0x41, "A"},
        {0x7F, "\x7F"},
        {0x80, "\xC2\x80"},
        {0x7FF, "\xDF\xBF"},
        {0x800, "\xE0\xA0\x80"},
        {0xFFFF, "\xEF\xBF\xBF"},
        {0x10000, "\xF0\x90\x80\x80"},
        {0x10FFFF, "\xF4\x8F\xBF\xBF"},
        {0x110000, "\xEF\xBF\xBD"},
        {0xD800, "\xEF\xBF\xBD"},
        {0xDFFF, "\xEF\xBF\xBD"},
        {0xFFFFFFFF, "\xEF\xBF\xBD"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct text text;
        text_init(&text);
        text_add_code_point(&text, cases[i].code_point);
        assert_string_equal(text_string(&text), cases[i].bytes);
        text_release(&text);
    }
}

static void text_without_memory_stays_failed(void **state)
{
    (void)state;
    struct text text;
    text_init(&text);
    text_add(&text, "kept");
    fail_allocation(1);
    text_addf(&text, "%200s", "lost");
    fail_allocation(0);
    assert_true(text.failed);
    text_add(&text, "!");
    assert_string_equal(text_string(&text), "kept");
    text_release(&text);
}

/* Lines joined by '|'. */
static void assert_lines(const char *data, size_t length, const char *expected)
{
    struct lines lines;
    struct text joined;
    const char *line;
    size_t size;
    size_t n = 0;
    text_init(&joined);
    lines_init(&lines, data, length);
    while (lines_next(&lines, &line, &size)) {
        text_add_bytes(&joined, line, size);
        text_add_char(&joined, '|');
        assert_int_equal(lines.number, ++n);
    }
    assert_string_equal(text_string(&joined), expected);
    assert_false(lines_next(&lines, &line, &size));
    text_release(&joined);
}

static void lines_end_in_lf_or_crlf_or_with_the_file(void **state)
{
    (void)state;
#define ASSERT_LINES(data, expected) assert_lines(data, sizeof data - 1, expected)
    ASSERT_LINES("", "");
    ASSERT_LINES("\n", "|");
    ASSERT_LINES("a\nb\n", "a|b|");
    ASSERT_LINES("a\nb", "a|b|");
    ASSERT_LINES("a\r\nb\r\n", "a|b|");
    ASSERT_LINES("a\r\nb", "a|b|");
    ASSERT_LINES("a\r", "a|");
    ASSERT_LINES("\r\n\n\r\n", "|||");
    ASSERT_LINES("a\rb\n", "a\rb|");
    ASSERT_LINES("a\r\r\n", "a\r|");
    assert_lines(NULL, 0, "");
}

static void blank_lines_are_told(void **state)
{
    (void)state;
    assert_true(line_is_blank("", 0));
    assert_true(line_is_blank(" \t\r\n", 4));
    assert_false(line_is_blank(" x ", 3));
    assert_false(line_is_blank("\0", 1));
}

/* What Python's bytes.decode("utf-8", errors="replace") gives, as UTF-8. */
#define R "\xEF\xBF\xBD"
static const struct {
    const char *bytes, *replaced;
} utf8_cases[] = {
    {"\xC3\xA9", "\xC3\xA9"},
    {"\xC3", R},
    {"\xC3x", R "x"},
    {"\xE2\x82", R},
    {"\xE2\x82x", R "x"},
    {"\xE2x", R "x"},
    {"\xF0\x9F\x98\x80", "\xF0\x9F\x98\x80"},
    {"\xF0\x9F\x98", R},
    {"\xF0\x9F", R},
    {"\xF0\x9Fx", R "x"},
    {"\x80", R},
    {"\xBF\xBF", R R},
    {"\xC0\xAF", R R},
    {"\xC1\xBF", R R},
    {"\xE0\x80\xAF", R R R},
    {"\xE0\xA0\x80", "\xE0\xA0\x80"},
    {"\xED\xA0\x80", R R R},
    {"\xED\x9F\xBF", "\xED\x9F\xBF"},
    {"\xED\xBF\xBF", R R R},
    {"\xEE\x80\x80", "\xEE\x80\x80"},
    {"\xF0\x80\x80\xAF", R R R R},
    {"\xF0\x8F\xBF\xBF", R R R R},
    {"\xF0\x90\x80\x80", "\xF0\x90\x80\x80"},
    {"\xF4\x8F\xBF\xBF", "\xF4\x8F\xBF\xBF"},
    {"\xF4\x90\x80\x80", R R R R},
    {"\xF5\x80\x80\x80", R R R R},
    {"\xFF\xFE", R R},
    {"\xE2\x82\xAC\xE2\x82", "\xE2\x82\xAC" R},
    {"a\xF1\x80\x80\xE1\x80\xC2\x62\x80\x63\x80\xBF\x64", "a" R R R "\x62" R "\x63" R R "\x64"},
    {"\xF8\x88\x80\x80\x80", R R R R R},
    {"\xEF\xBF\xBD", R},
    {"\xEF\xBB\xBFx", "\xEF\xBB\xBFx"},
    {"\xED\xF1\x9F\x41\x7F\xE1\x80", R R "\x41\x7F" R},
    {"\xF4\xC2\x90\xBF", R "\xC2\x90" R},
    {"\xE0\xC2\xE0\xF4\xEF\x41\xF1", R R R R R "\x41" R},
    {"\xC2\xBF\xED\x90\xF0\xEF", "\xC2\xBF" R R R},
    {"\xE0\xBF\xBF\xF5\xA0\xC2\xF5\xF1\xBF", "\xE0\xBF\xBF" R R R R R},
};

static void invalid_utf8_is_replaced_as_python_does(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof utf8_cases / sizeof utf8_cases[0]; i++) {
        const char *bytes = utf8_cases[i].bytes, *end = bytes + strlen(bytes), *at = bytes;
        struct text text;
        text_init(&text);
        while (at < end)
            text_add_code_point(&text, utf8_next(&at, end));
        assert_ptr_equal(at, end);
        assert_string_equal(text_string(&text), utf8_cases[i].replaced);
        bool valid = strcmp(bytes, utf8_cases[i].replaced) == 0;
        assert_int_equal(utf8_valid(bytes, strlen(bytes), NULL) != 0, valid);
        text_release(&text);
    }
}

static void every_code_point_survives_utf8(void **state)
{
    (void)state;
    for (unsigned c = 1; c <= 0x10FFFF; c++) {
        struct text text;
        text_init(&text);
        text_add_code_point(&text, c);
        const char *at = text.data, *end = text.data + text.length;
        unsigned expected = c >= 0xD800 && c <= 0xDFFF ? 0xFFFD : c;
        if (utf8_next(&at, end) != expected || at != end)
            fail_msg("U+%04X is lost", c);
        text_release(&text);
    }
}

static void the_first_invalid_byte_is_named(void **state)
{
    (void)state;
    size_t offset = 99;
    assert_int_equal(utf8_valid("ab\xC3\xA9"
                                "c\xE2\x82",
                                7, &offset),
                     0);
    assert_int_equal(offset, 5);
    assert_int_equal(utf8_valid("a\0b", 3, &offset), 1);
    assert_int_equal(utf8_valid(NULL, 0, &offset), 1);
}

static void a_map_keeps_the_first_value_unless_it_is_set(void **state)
{
    (void)state;
    struct arena arena;
    struct string_map map;
    int64_t existing = 0;
    arena_init(&arena);
    string_map_init(&map, &arena);
    assert_int_equal(string_map_get(&map, "a", 1, -7), -7);
    assert_true(string_map_add(&map, "a", 1, 1, &existing));
    assert_false(string_map_add(&map, "a", 1, 2, &existing));
    assert_int_equal(existing, 1);
    assert_int_equal(string_map_get(&map, "a", 1, -7), 1);
    string_map_set(&map, "a", 1, 3);
    assert_int_equal(string_map_get(&map, "a", 1, -7), 3);
    string_map_set(&map, "b", 1, 4);
    assert_int_equal(map.count, 2);
    assert_true(string_map_add(&map, "", 0, 5, NULL));
    assert_int_equal(string_map_get(&map, "", 0, -7), 5);
    assert_true(string_map_add(&map, "a\0b", 3, 6, NULL));
    assert_int_equal(string_map_get(&map, "a\0b", 3, -7), 6);
    assert_int_equal(string_map_get(&map, "a\0c", 3, -7), -7);
    arena_release(&arena);
}

static void a_map_holds_many_keys(void **state)
{
    (void)state;
    enum { N = 20000 };
    struct arena arena;
    struct string_map map;
    arena_init(&arena);
    string_map_init(&map, &arena);
    for (int i = 0; i < N; i++) {
        char *key = arena_printf(&arena, "%x", (unsigned)i * 2654435761u);
        assert_true(string_map_add(&map, key, strlen(key), i, NULL));
    }
    for (int i = 0; i < N; i++) {
        char key[16];
        int length = snprintf(key, sizeof key, "%x", (unsigned)i * 2654435761u);
        assert_int_equal(string_map_get(&map, key, (size_t)length, -1), i);
    }
    assert_int_equal(map.count, N);
    arena_release(&arena);
}

static void a_map_without_memory_adds_nothing(void **state)
{
    (void)state;
    struct arena arena;
    struct string_map map;
    arena_init(&arena);
    string_map_init(&map, &arena);
    fail_allocation(1);
    assert_false(string_map_add(&map, "a", 1, 1, NULL));
    string_map_set(&map, "a", 1, 1);
    fail_allocation(0);
    assert_true(arena_failed(&arena));
    assert_int_equal(map.count, 0);
    assert_int_equal(string_map_get(&map, "a", 1, -1), -1);
    arena_release(&arena);
}

static void sha256_equals_the_published_vectors(void **state)
{
    (void)state;
    /* FIPS 180-4 examples (csrc.nist.gov, SHA256.pdf, and the million letters a). */
    assert_string_equal(sha256_bytes("", 0).hex,
                        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_string_equal(sha256_bytes("abc", 3).hex,
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    static const char two_blocks[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    assert_string_equal(sha256_bytes(two_blocks, strlen(two_blocks)).hex,
                        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    char *million = malloc(1000000);
    assert_non_null(million);
    memset(million, 'a', 1000000);
    assert_string_equal(sha256_bytes(million, 1000000).hex,
                        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    free(million);
}

static void sha256_of_a_file_is_that_of_its_bytes(void **state)
{
    (void)state;
    char path[] = "/tmp/mambench-test-XXXXXX";
    struct sha256_text digest;
    struct error err = {""};
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_ok(sha256_file(path, &digest, &err), err);
    assert_string_equal(digest.hex, sha256_bytes("", 0).hex);
    assert_int_equal(write(fd, "abc", 3), 3);
    assert_ok(sha256_file(path, &digest, &err), err);
    assert_string_equal(digest.hex, sha256_bytes("abc", 3).hex);
    close(fd);
    unlink(path);
    assert_int_equal(sha256_file(path, &digest, &err), STATUS_NOT_FOUND);
    assert_contains(err.text, path);
}

static void every_f16_has_its_value(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 65536; bits++) {
        int exponent = (int)(bits >> 10 & 31), mantissa = (int)(bits & 1023);
        double sign = bits & 0x8000 ? -1 : 1;
        float got = float_from_f16((uint16_t)bits);
        if (exponent == 31 && mantissa) {
            assert_true(isnan(got));
            continue;
        }
        double want = exponent == 31  ? sign * (double)INFINITY
                      : exponent == 0 ? sign * ldexp(mantissa, -24)
                                      : sign * ldexp(1024 + mantissa, exponent - 25);
        if ((double)got != want || (signbit(got) != 0) != (bits >= 0x8000))
            fail_msg("f16 0x%04X reads as %g, not %g", bits, (double)got, want);
    }
}

static void every_bf16_reads_and_writes_as_itself(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 65536; bits++) {
        float value = float_from_bf16((uint16_t)bits);
        uint16_t back = bf16_from_float(value);
        if (isnan(value))
            assert_true(isnan(float_from_bf16(back)));
        else
            assert_int_equal(back, bits);
    }
}

/* Between every two neighbours: below the middle down, above it up, the middle to the even one. */
static void rounding_to_bf16_is_to_nearest_even(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 0x7F80; bits++) {
        uint32_t middle = bits << 16 | 0x8000;
        for (unsigned sign = 0; sign <= 0x8000; sign += 0x8000) {
            uint32_t s = (uint32_t)sign << 16;
            unsigned even = bits + (bits & 1);
            assert_int_equal(bf16_from_float(float_from_bits(s | (middle - 1))), sign | bits);
            assert_int_equal(bf16_from_float(float_from_bits(s | middle)), sign | even);
            assert_int_equal(bf16_from_float(float_from_bits(s | (middle + 1))), sign | (bits + 1));
        }
    }
    /* A NaN whose payload lies in the low bits only must not become an infinity. */
    assert_true(isnan(float_from_bf16(bf16_from_float(float_from_bits(0x7F800001)))));
    assert_true(isnan(float_from_bf16(bf16_from_float(float_from_bits(0xFFFFFFFF)))));
}

static void the_random_stream_is_splitmix64(void **state)
{
    (void)state;
    /* First values of the published generator for two seeds. */
    struct random_stream zero = {0}, other = {1234567};
    assert_true(random_bits(&zero) == 0xe220a8397b1dcdafu);
    assert_true(random_bits(&zero) == 0x6e789e6aa1b965f4u);
    assert_true(random_bits(&zero) == 0x06c45d188009454fu);
    assert_true(random_bits(&other) == 0x599ed017fb08fc85u);
    assert_true(random_bits(&other) == 0x2c73f08458540fa5u);
    double total = 0;
    for (int i = 0; i < 100000; i++) {
        double value = random_uniform(&other);
        assert_true(value >= 0 && value < 1);
        total += value;
    }
    /* Three standard errors of the mean of 100000 values. */
    assert_true(fabs(total / 100000 - 0.5) < 3 * sqrt(1.0 / 12 / 100000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_keeps_its_sentence_within_bounds),
        cmocka_unit_test(arena_memory_is_zeroed_and_aligned),
        cmocka_unit_test(an_arena_that_overflowed_stays_failed),
        cmocka_unit_test(arena_strings_are_copies),
        cmocka_unit_test(every_failed_allocation_of_an_arena_is_told),
        cmocka_unit_test(text_grows_and_is_never_null),
        cmocka_unit_test(code_points_are_written_as_utf8),
        cmocka_unit_test(text_without_memory_stays_failed),
        cmocka_unit_test(lines_end_in_lf_or_crlf_or_with_the_file),
        cmocka_unit_test(blank_lines_are_told),
        cmocka_unit_test(invalid_utf8_is_replaced_as_python_does),
        cmocka_unit_test(every_code_point_survives_utf8),
        cmocka_unit_test(the_first_invalid_byte_is_named),
        cmocka_unit_test(a_map_keeps_the_first_value_unless_it_is_set),
        cmocka_unit_test(a_map_holds_many_keys),
        cmocka_unit_test(a_map_without_memory_adds_nothing),
        cmocka_unit_test(sha256_equals_the_published_vectors),
        cmocka_unit_test(sha256_of_a_file_is_that_of_its_bytes),
        cmocka_unit_test(every_f16_has_its_value),
        cmocka_unit_test(every_bf16_reads_and_writes_as_itself),
        cmocka_unit_test(rounding_to_bf16_is_to_nearest_even),
        cmocka_unit_test(the_random_stream_is_splitmix64),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
