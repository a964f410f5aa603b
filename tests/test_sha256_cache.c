/* Digests that are remembered between runs: never a wrong one, and none is needed. */
#include "tests/check.h"

#include "engine/base/file.h"
#include "engine/base/sha256_cache.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A folder with a file in it; what is remembered goes to a folder beside. */
struct place {
    char root[64], path[96], memory[128];
};

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* Sets the file's time of change to so many seconds ago. */
static void age(const char *path, long seconds)
{
    struct timespec now, times[2];
    clock_gettime(CLOCK_REALTIME, &now);
    now.tv_sec -= seconds;
    times[0] = times[1] = now;
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void place_make(struct place *place)
{
    strcpy(place->root, "/tmp/mambench-cache-XXXXXX");
    assert_non_null(mkdtemp(place->root));
    snprintf(place->path, sizeof place->path, "%s/weights", place->root);
    snprintf(place->memory, sizeof place->memory, "%s/mambench/sha256", place->root);
    assert_int_equal(setenv("XDG_CACHE_HOME", place->root, 1), 0);
}

static void place_remove(struct place *place)
{
    char folder[96];
    snprintf(folder, sizeof folder, "%s/mambench", place->root);
    unlink(place->memory), unlink(place->path), rmdir(folder), rmdir(place->root);
}

static void assert_digest(const char *path, const char *contents)
{
    struct sha256_text digest = {""};
    struct error err = {""};
    assert_ok(sha256_file_cached(path, &digest, &err), err);
    assert_string_equal(digest.hex, sha256_bytes(contents, strlen(contents)).hex);
}

/* Puts another digest in the place of the remembered one. */
static void forge(const struct place *place)
{
    struct arena arena;
    char *text = NULL;
    struct error err = {""};
    arena_init(&arena);
    assert_ok(file_read(place->memory, &arena, &text, NULL, &err), err);
    memset(text, 'f', 64);
    write_file(place->memory, text);
    arena_release(&arena);
}

static void a_digest_is_remembered_while_the_file_stays(void **state)
{
    (void)state;
    struct place place;
    struct sha256_text digest;
    place_make(&place);
    write_file(place.path, "abc");
    age(place.path, 100);
    assert_digest(place.path, "abc");
    assert_true(file_exists(place.memory));
    forge(&place);
    assert_int_equal(sha256_file_cached(place.path, &digest, NULL), STATUS_OK);
    assert_int_equal(strspn(digest.hex, "f"), 64); /* it was looked up, not computed */
    age(place.path, 200);
    assert_digest(place.path, "abc"); /* another time of change */
    forge(&place);
    write_file(place.path, "abcd");
    age(place.path, 200);
    assert_digest(place.path, "abcd"); /* another size */
    place_remove(&place);
}

static void a_file_that_has_just_changed_is_not_remembered(void **state)
{
    (void)state;
    struct place place;
    place_make(&place);
    write_file(place.path, "abc");
    assert_digest(place.path, "abc");
    assert_false(file_exists(place.memory));
    write_file(place.path, "abd");
    assert_digest(place.path, "abd");
    place_remove(&place);
}

static void damage_to_the_memory_costs_nothing_but_time(void **state)
{
    (void)state;
    static const char *const damages[] = {"", "\n\n", "abc", "ffff 3 1 /x\n", "\xFF\xFE \n \n  \n"};
    struct place place;
    place_make(&place);
    write_file(place.path, "abc");
    age(place.path, 100);
    assert_digest(place.path, "abc");
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        write_file(place.memory, damages[i]);
        assert_digest(place.path, "abc");
        assert_digest(place.path, "abc");
    }
    place_remove(&place);
}

static void without_a_place_to_remember_files_are_hashed(void **state)
{
    (void)state;
    struct place place;
    struct error err = {""};
    struct sha256_text digest;
    place_make(&place);
    write_file(place.path, "abc");
    age(place.path, 100);
    setenv("XDG_CACHE_HOME", "/proc/nowhere", 1);
    assert_digest(place.path, "abc");
    setenv("XDG_CACHE_HOME", "relative", 1);
    char *home = strdup(getenv("HOME") ? getenv("HOME") : "");
    unsetenv("HOME");
    assert_digest(place.path, "abc");
    setenv("HOME", home, 1);
    free(home);
    setenv("XDG_CACHE_HOME", place.root, 1);
    assert_int_equal(sha256_file_cached("/no/such/file", &digest, &err), STATUS_NOT_FOUND);
    assert_contains(err.text, "/no/such/file");
    place_remove(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_digest_is_remembered_while_the_file_stays),
        cmocka_unit_test(a_file_that_has_just_changed_is_not_remembered),
        cmocka_unit_test(damage_to_the_memory_costs_nothing_but_time),
        cmocka_unit_test(without_a_place_to_remember_files_are_hashed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
