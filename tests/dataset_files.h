/* tests/dataset_files.h - a temporary folder with annotation files. */
#ifndef MAMBENCH_TESTS_DATASET_FILES_H
#define MAMBENCH_TESTS_DATASET_FILES_H

#include "engine/base/file.h"
#include "tests/check.h"

#include <sys/stat.h>
#include <unistd.h>

struct folder {
    char path[64];
};

static inline struct folder folder_create(void)
{
    struct folder folder = {"/tmp/mambench-test-XXXXXX"};
    assert_non_null(mkdtemp(folder.path));
    return folder;
}

static inline void folder_remove(const struct folder *folder)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder->path);
    assert_int_equal(system(command), 0);
}

static inline void folder_add(const struct folder *folder, const char *name)
{
    char path[256];
    struct error err = {{0}};
    snprintf(path, sizeof path, "%s/%s", folder->path, name);
    assert_ok(directory_create(path, &err), err);
}

static inline void folder_write_bytes(const struct folder *folder, const char *name,
                                      const char *data, size_t size)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder->path, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static inline void folder_write(const struct folder *folder, const char *name, const char *text)
{
    folder_write_bytes(folder, name, text, strlen(text));
}

#endif
