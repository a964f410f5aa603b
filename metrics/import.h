/* metrics/import.h - predictions that another program wrote.
 *
 * To add a format: write metrics/import_<name>.c and a row in import_formats[] (metrics/import.c).
 */
#ifndef MAMBENCH_METRICS_IMPORT_H
#define MAMBENCH_METRICS_IMPORT_H

#include "datasets/dataset.h"
#include "engine/base/arena.h"
#include "engine/base/error.h"
#include "metrics/metric.h"

#include <stdbool.h>
#include <stddef.h>

/* What came of joining answers to samples. */
struct import_notes {
    size_t n_lines;     /* answers in the file */
    size_t n_joined;    /* samples that have one */
    size_t n_missing;   /* samples without: failed, reason "no prediction" */
    size_t n_extra;     /* answers to no sample of the set: left out */
    size_t n_duplicate; /* answers replaced by a later one: the last wins */
    bool has_labels;    /* the set was built from the labels in the file itself */
    /* What is unusual, in words, for the user; NULL if nothing.  In the arena. */
    const char *text;
};

struct import_format {
    const char *name;  /* "llava" */
    const char *title; /* one sentence: which program writes it, with what keys */
    enum status (*read)(const char *path, struct dataset *set, bool have_dataset,
                        struct arena *arena, struct prediction **out, struct import_notes *notes,
                        struct error *err);
};

/* The table, NULL-terminated. */
extern const struct import_format *const import_formats[];
const struct import_format *import_format_find(const char *name);

/* Reads path and gives one prediction per sample of *set, in its order; they belong to arena.
 * have_dataset: *set is loaded.  Otherwise *set is filled from the file, which must then hold
 * labels; on success the caller closes it, on failure there is nothing to close.
 * Errors: NOT_FOUND, BAD_FORMAT (file and line), MISMATCH (answers to another version of the
 * questions, or no label to build a set from). */
enum status predictions_import(const struct import_format *format, const char *path,
                               struct dataset *set, bool have_dataset, struct arena *arena,
                               struct prediction **out, struct import_notes *notes,
                               struct error *err);

#endif
