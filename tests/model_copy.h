/* tests/model_copy.h - copies of the tiny models that a test may damage. */
#ifndef MAMBENCH_TESTS_MODEL_COPY_H
#define MAMBENCH_TESTS_MODEL_COPY_H

#include "tests/check.h"

#include "engine/base/file.h"

#include <unistd.h>

#define ENGINE_DATA "tests/data/engine/"

struct model_copy {
    char path[64];
    struct arena arena;
};

/* A temporary copy of tests/data/engine/<name>; model_copy_remove() takes it away. */
static inline void model_copy_make(struct model_copy *copy, const char *name)
{
    char command[256];
    arena_init(&copy->arena);
    strcpy(copy->path, "/tmp/mambench-model-XXXXXX");
    assert_non_null(mkdtemp(copy->path));
    snprintf(command, sizeof command, "cp -r '" ENGINE_DATA "%s/.' '%s'", name, copy->path);
    assert_int_equal(system(command), 0);
}

static inline void model_copy_remove(struct model_copy *copy)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", copy->path);
    assert_int_equal(system(command), 0);
    arena_release(&copy->arena);
}

static inline const char *model_copy_path(struct model_copy *copy, const char *file)
{
    const char *path = path_join(&copy->arena, copy->path, file);
    assert_non_null(path);
    return path;
}

static inline void model_copy_read(struct model_copy *copy, const char *file, char **data,
                                   size_t *size)
{
    struct error err = {""};
    assert_ok(file_read(model_copy_path(copy, file), &copy->arena, data, size, &err), err);
}

static inline void model_copy_write(struct model_copy *copy, const char *file, const char *data,
                                    size_t size)
{
    struct error err = {""};
    assert_ok(file_write(model_copy_path(copy, file), data, size, &err), err);
}

/* text with its first old replaced by new, in the arena. */
static inline char *replace_once(struct arena *arena, const char *text, const char *old,
                                 const char *new)
{
    const char *found = strstr(text, old);
    if (!found)
        fail_msg("'%s' is not in the text", old);
    char *replaced = arena_printf(arena, "%.*s%s%s", (int)(found - text), text, new,
                                  found ? found + strlen(old) : "");
    assert_non_null(replaced);
    return replaced;
}

/* Replaces the first old in a text file. */
static inline void model_copy_edit(struct model_copy *copy, const char *file, const char *old,
                                   const char *new)
{
    char *data;
    size_t size;
    model_copy_read(copy, file, &data, &size);
    char *edited = replace_once(&copy->arena, data, old, new);
    model_copy_write(copy, file, edited, strlen(edited));
}

/* Replaces the first old by new, both of the same length, in any file. */
static inline void model_copy_patch(struct model_copy *copy, const char *file, const char *old,
                                    const char *new)
{
    char *data;
    size_t size;
    assert_int_equal(strlen(old), strlen(new));
    model_copy_read(copy, file, &data, &size);
    char *found = memmem(data, size, old, strlen(old));
    if (!found)
        fail_msg("'%s' is not in %s", old, file);
    memcpy(found, new, strlen(new));
    model_copy_write(copy, file, data, size);
}

#endif
