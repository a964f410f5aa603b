/* tests/dataset_files.h - a temporary folder with annotation files. */
#ifndef MAMBENCH_TESTS_DATASET_FILES_H
#define MAMBENCH_TESTS_DATASET_FILES_H

#include "tests/check.h"

#include "datasets/dataset.h"
#include "engine/base/file.h"

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

/* The sentence with which a benchmark of damaged files is refused. */
static inline struct error refusal_of_dataset(const char *kind, const char *variant,
                                              const char *directory)
{
    struct dataset set;
    struct error err = {{0}};
    enum status status = dataset_open(&set, dataset_kind_find(kind), variant, directory, &err);
    if (status != STATUS_BAD_FORMAT)
        fail_msg("%s in %s: status %d, %s", kind, directory, (int)status, err.text);
    return err;
}

/* Lets every allocation of loading a benchmark fail in turn, up to the one that there is not. */
static inline void assert_loading_reports_no_memory(const char *kind, const char *variant,
                                                    const char *directory)
{
    for (long n = 1;; n++) {
        struct dataset set;
        struct error err = {{0}};
        fail_allocation(n);
        enum status status = dataset_open(&set, dataset_kind_find(kind), variant, directory, &err);
        int struck = allocation_has_failed();
        fail_allocation(0);
        assert_true(status == STATUS_OK || (struck && err.text[0]));
        if (status == STATUS_OK)
            dataset_close(&set);
        if (status == STATUS_OK && !struck)
            break;
    }
}

#endif
