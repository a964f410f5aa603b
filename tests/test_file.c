/* Whole files: read, mapped, replaced so that a failure leaves the old one. */
#include "tests/check.h"

#include "engine/base/file.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* A folder of its own for every test. */
struct folder {
    char path[64];
    struct arena arena;
};

static int make_folder(void **state)
{
    struct folder *folder = calloc(1, sizeof *folder);
    if (!folder)
        return -1;
    strcpy(folder->path, "/tmp/mambench-file-XXXXXX");
    arena_init(&folder->arena);
    *state = folder;
    return mkdtemp(folder->path) ? chmod(folder->path, 0755) : -1;
}

static int remove_folder(void **state)
{
    struct folder *folder = *state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder->path);
    int failed = system(command);
    arena_release(&folder->arena);
    free(folder);
    return failed;
}

static const char *in_folder(struct folder *folder, const char *name)
{
    const char *path = path_join(&folder->arena, folder->path, name);
    assert_non_null(path);
    return path;
}

static void assert_holds(struct folder *folder, const char *path, const char *text)
{
    char *data = NULL;
    size_t size = 0;
    struct error err = {""};
    assert_ok(file_read(path, &folder->arena, &data, &size, &err), err);
    assert_int_equal(size, strlen(text));
    assert_string_equal(data, text);
}

static void a_file_is_written_read_and_mapped(void **state)
{
    struct folder *folder = *state;
    const char *path = in_folder(folder, "a");
    struct error err = {"untouched"};
    struct file_map map;
    assert_ok(file_write(path, "one\n", 4, &err), err);
    assert_holds(folder, path, "one\n");
    assert_ok(file_write(path, "two", 3, &err), err);
    assert_holds(folder, path, "two");
    assert_false(file_exists(in_folder(folder, "a.tmp")));
    assert_ok(file_map_open(&map, path, &err), err);
    assert_int_equal(map.size_bytes, 3);
    assert_memory_equal(map.data, "two", 3);
    file_map_drop(&map, 0, 3);
    file_map_drop(&map, 2, SIZE_MAX);
    file_map_drop(&map, 4, 1);
    assert_memory_equal(map.data, "two", 3);
    file_map_close(&map);
    assert_null(map.data);
    file_map_close(&map);
    assert_string_equal(err.text, "untouched");
}

/* A link still leads to its target, a device is still one. */
static void what_a_path_leads_to_is_written(void **state)
{
    struct folder *folder = *state;
    const char *target = in_folder(folder, "target"), *link = in_folder(folder, "link");
    struct error err = {""};
    struct stat info;
    assert_ok(file_write(target, "old", 3, &err), err);
    assert_int_equal(symlink("target", link), 0);
    assert_ok(file_write(link, "new", 3, &err), err);
    assert_int_equal(lstat(link, &info), 0);
    assert_true(S_ISLNK(info.st_mode));
    assert_holds(folder, target, "new");
    assert_ok(file_write("/dev/null", "x", 1, &err), err);
    assert_int_equal(stat("/dev/null", &info), 0);
    assert_true(S_ISCHR(info.st_mode));
    assert_int_equal(unlink(link) | unlink(target), 0);
}

static void an_empty_file_has_no_mapping(void **state)
{
    struct folder *folder = *state;
    const char *path = in_folder(folder, "empty");
    struct error err = {""};
    struct file_map map;
    assert_ok(file_write(path, NULL, 0, &err), err);
    assert_holds(folder, path, "");
    assert_ok(file_map_open(&map, path, &err), err);
    assert_null(map.data);
    assert_int_equal(map.size_bytes, 0);
    file_map_drop(&map, 0, 0);
    file_map_close(&map);
}

static void dropped_pages_read_the_same_again(void **state)
{
    struct folder *folder = *state;
    enum { N = 5 * 4096 + 77 };
    const char *path = in_folder(folder, "pages");
    static char data[N];
    struct error err = {""};
    struct file_map map;
    for (size_t i = 0; i < N; i++)
        data[i] = (char)(i * 31 + i / 257);
    assert_ok(file_write(path, data, N, &err), err);
    assert_ok(file_map_open(&map, path, &err), err);
    for (size_t start = 0; start < N; start += 1000) {
        file_map_drop(&map, start, N - start);
        assert_memory_equal(map.data, data, N);
    }
    file_map_close(&map);
}

static void assert_unreadable(struct folder *folder, const char *path, enum status expected,
                              const char *cause)
{
    char *data = NULL;
    struct error err = {""};
    struct file_map map;
    assert_int_equal(file_read(path, &folder->arena, &data, NULL, &err), expected);
    assert_contains(err.text, path);
    assert_contains(err.text, cause);
    assert_int_equal(file_map_open(&map, path, &err), expected);
    assert_contains(err.text, cause);
    assert_null(data);
}

static void what_cannot_be_read_is_named_with_the_cause(void **state)
{
    struct folder *folder = *state;
    struct error err = {""};
    const char *file = in_folder(folder, "file");
    assert_ok(file_write(file, "x", 1, &err), err);
    assert_unreadable(folder, in_folder(folder, "absent"), STATUS_NOT_FOUND, "No such file");
    assert_unreadable(folder, in_folder(folder, "file/inside"), STATUS_NOT_FOUND,
                      "Not a directory");
    assert_unreadable(folder, folder->path, STATUS_IO, "it is a directory");
    assert_unreadable(folder, "/dev/null", STATUS_IO, "not a regular file");
    assert_int_equal(chmod(file, 0), 0);
    /* Root reads everything: as somebody else, then. */
    uid_t user = geteuid();
    if (user == 0)
        assert_int_equal(seteuid(65534), 0);
    assert_unreadable(folder, file, STATUS_IO, "Permission denied");
    if (user == 0)
        assert_int_equal(seteuid(0), 0);
}

/* A full disk, by the limit on the size of files. */
static void a_write_that_does_not_fit_leaves_the_old_file(void **state)
{
    struct folder *folder = *state;
    const char *path = in_folder(folder, "kept");
    static char large[100000];
    struct rlimit before, small;
    struct error err = {""};
    assert_ok(file_write(path, "old", 3, &err), err);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 5000;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    enum status status = file_write(path, large, sizeof large, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, handler);
    assert_int_equal(status, STATUS_IO);
    assert_contains(err.text, path);
    assert_contains(err.text, strerror(EFBIG));
    assert_holds(folder, path, "old");
    assert_false(file_exists(in_folder(folder, "kept.tmp")));
}

static void a_target_that_cannot_be_replaced_leaves_nothing_behind(void **state)
{
    struct folder *folder = *state;
    const char *directory = in_folder(folder, "directory");
    struct error err = {""};
    assert_ok(directory_create(directory, &err), err);
    assert_int_equal(file_write(directory, "x", 1, &err), STATUS_IO);
    assert_contains(err.text, directory);
    assert_true(directory_exists(directory));
    assert_false(file_exists(in_folder(folder, "directory.tmp")));
    assert_int_equal(file_write(in_folder(folder, "absent/file"), "x", 1, &err), STATUS_IO);
    assert_contains(err.text, "absent/file");
    static char lengthy[5000];
    memset(lengthy, 'x', sizeof lengthy - 1);
    assert_int_equal(file_write(lengthy, "x", 1, &err), STATUS_IO);
    assert_contains(err.text, "cannot write xxx");
}

static void directories_are_created_with_their_parents(void **state)
{
    struct folder *folder = *state;
    struct error err = {""};
    const char *deep = in_folder(folder, "a/b//c/");
    assert_ok(directory_create(deep, &err), err);
    assert_true(directory_exists(deep));
    assert_ok(directory_create(deep, &err), err);
    assert_ok(directory_create("/", &err), err);
    const char *file = in_folder(folder, "file");
    assert_ok(file_write(file, "x", 1, &err), err);
    assert_true(file_exists(file) && !directory_exists(file) && !file_exists(folder->path));
    assert_int_equal(directory_create(file, &err), STATUS_IO);
    assert_contains(err.text, "a file is in the way");
    assert_int_equal(directory_create(in_folder(folder, "file/below"), &err), STATUS_IO);
    assert_contains(err.text, "file/below");
    assert_int_equal(directory_create("", &err), STATUS_IO);
}

static void paths_are_joined_and_taken_apart(void **state)
{
    struct arena *arena = &((struct folder *)*state)->arena;
    assert_string_equal(path_join(arena, "a", "b"), "a/b");
    assert_string_equal(path_join(arena, "a/", "b"), "a/b");
    assert_string_equal(path_join(arena, "/", "b"), "/b");
    assert_string_equal(path_join(arena, ".", "b"), "b");
    assert_string_equal(path_join(arena, "", "b"), "b");
    assert_string_equal(path_join(arena, "a", "/b"), "/b");
    assert_string_equal(path_directory(arena, "a/b/c"), "a/b");
    assert_string_equal(path_directory(arena, "c"), ".");
    assert_string_equal(path_directory(arena, "/c"), "/");
    assert_string_equal(path_name("a/b/c"), "c");
    assert_string_equal(path_name("c"), "c");
    assert_string_equal(path_name("a/"), "");
}

static void want_of_memory_is_told(void **state)
{
    struct folder *folder = *state;
    const char *path = in_folder(folder, "large");
    static char large[300000];
    char *data = NULL;
    struct error err = {""};
    struct arena arena;
    arena_init(&arena);
    assert_ok(file_write(path, large, sizeof large, &err), err);
    fail_allocation(1);
    enum status status = file_read(path, &arena, &data, NULL, &err);
    fail_allocation(0);
    assert_int_equal(status, STATUS_NO_MEMORY);
    assert_contains(err.text, path);
    assert_null(data);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_a_path_leads_to_is_written, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(a_file_is_written_read_and_mapped, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(an_empty_file_has_no_mapping, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(dropped_pages_read_the_same_again, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(what_cannot_be_read_is_named_with_the_cause, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(a_write_that_does_not_fit_leaves_the_old_file, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(a_target_that_cannot_be_replaced_leaves_nothing_behind,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(directories_are_created_with_their_parents, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(paths_are_joined_and_taken_apart, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(want_of_memory_is_told, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
