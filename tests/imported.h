/* tests/imported.h - a predictions file, written for a test and imported. */
#ifndef MAMBENCH_TESTS_IMPORTED_H
#define MAMBENCH_TESTS_IMPORTED_H

#include "tests/dataset_files.h"

#include "metrics/import.h"

struct imported {
    struct arena arena;
    struct dataset set;
    struct prediction *predictions;
    struct import_notes notes;
    struct error err;
};

/* Imports a file of that name; with a dataset if directory is given. */
static inline enum status import_on(struct imported *imported, const char *format, const char *name,
                                    const char *text, const char *kind, const char *variant,
                                    const char *directory)
{
    *imported = (struct imported){0};
    arena_init(&imported->arena);
    struct folder folder = folder_create();
    char path[128];
    folder_write(&folder, name, text);
    snprintf(path, sizeof path, "%s/%s", folder.path, name);
    imported->set.kind = dataset_kind_find(kind);
    if (directory)
        assert_ok(
            dataset_open(&imported->set, imported->set.kind, variant, directory, &imported->err),
            imported->err);
    enum status status = predictions_import(
        import_format_find(format), path, &imported->set, directory != NULL, &imported->arena,
        &imported->predictions, &imported->notes, &imported->err);
    if (status && !directory)
        imported->set.kind = NULL;
    folder_remove(&folder);
    return status;
}

static inline enum status import_as(struct imported *imported, const char *format, const char *name,
                                    const char *text, const char *kind, const char *directory)
{
    return import_on(imported, format, name, text, kind, NULL, directory);
}

static inline void release(struct imported *imported)
{
    if (imported->set.kind)
        dataset_close(&imported->set);
    arena_release(&imported->arena);
}

static inline const struct prediction *answer_to(const struct imported *imported, const char *id)
{
    for (size_t i = 0; i < imported->set.n_samples; i++)
        if (strcmp(imported->set.samples[i].id, id) == 0)
            return &imported->predictions[i];
    fail_msg("no sample %s", id);
    return NULL;
}

#endif
