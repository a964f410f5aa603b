/* metrics/import.h - predictions that another program wrote.
 *
 * To add a format: write metrics/import_<name>.c, which fills an import_reader, and a row in
 * import_formats[] (metrics/import.c); joining answers to samples is common to all. */
#ifndef MAMBENCH_METRICS_IMPORT_H
#define MAMBENCH_METRICS_IMPORT_H

#include "datasets/dataset.h"
#include "engine/base/arena.h"
#include "engine/base/error.h"
#include "engine/base/sha256.h"
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

/* One answer of a file.  What the file does not say is NULL. */
struct import_answer {
    const char *id;              /* of the sample it answers */
    const char *text;            /* what the model said */
    const double *probabilities; /* [2], of the protocol's choices */
    const char *failure;         /* why there is no answer, where the file tells */
    /* Must agree with the sample, or make one where there is no dataset. */
    const char *label, *image, *question, *group;
    size_t record; /* its line, or its place in the file, from 1 */
};

/* What a format fills. */
struct import_reader {
    const char *path;
    const struct dataset_kind *kind;
    const struct dataset *set; /* NULL: none is loaded */
    struct sha256_text sha256;
    struct import_answer *answers;
    size_t n, capacity;
    struct arena *arena; /* the caller's: for texts and probabilities */
    struct arena scratch;
};

/* Appends an empty answer; NULL without memory. */
struct import_answer *import_add(struct import_reader *reader);

/* Errors that a format needs: NO_MEMORY with place, and a check of both arenas. */
enum status import_check_memory(const struct import_reader *reader, const char *place,
                                struct error *err);

struct import_format {
    const char *name;  /* "llava" */
    const char *title; /* one sentence: which program writes it, with what keys */
    /* Reads every answer of reader->path, and sets sha256; joining is common to all. */
    enum status (*fill)(struct import_reader *reader, struct error *err);
    /* Instead, for a file that has rules of its own for joining (all questions, each once): as
     * predictions_import().  NULL where fill is there. */
    enum status (*read)(const char *path, struct dataset *set, bool have_dataset,
                        struct arena *arena, struct prediction **out, struct import_notes *notes,
                        struct error *err);
};

/* The table, NULL-terminated. */
extern const struct import_format *const import_formats[];
const struct import_format *import_format_find(const char *name);

/* Reads path and gives one prediction per sample of *set, in its order; they belong to arena.
 * have_dataset: *set is loaded.  Otherwise *set is filled from the file, which must then hold
 * labels (set->kind says for which benchmark; NULL: POPE); on success the caller closes it, on
 * failure there is nothing to close.
 * Errors: NOT_FOUND, BAD_FORMAT (file and line), MISMATCH (answers to another version of the
 * questions or to none of them, or no label to build a set from). */
enum status predictions_import(const struct import_format *format, const char *path,
                               struct dataset *set, bool have_dataset, struct arena *arena,
                               struct prediction **out, struct import_notes *notes,
                               struct error *err);

#endif
