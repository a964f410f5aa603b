/* datasets/dataset.h - a benchmark, loaded from its official files as one array of samples.
 *
 * To add a dataset: write datasets/<name>.c, list it in datasets/registry.c, put the first lines of
 * its real files in tests/data/<name>/, and add a line to the README. */
#ifndef MAMBENCH_DATASETS_DATASET_H
#define MAMBENCH_DATASETS_DATASET_H

#include "engine/base/arena.h"
#include "engine/base/error.h"
#include "engine/base/sha256.h"

#include <stdbool.h>
#include <stddef.h>

/* One question about one image.  Every pointer belongs to the dataset. */
struct sample {
    const char *id; /* unique in the dataset: "adversarial/17" (POPE), "0" (VSR: line number) */
    const char
        *image_name; /* as the annotation names it; questions with the same name share a picture */
    const char *image_path; /* where it lies */
    const char *question;   /* as in the file */
    const char *const
        *answers; /* all references: one for POPE ("yes"/"no") and VSR ("True"/"False") */
    size_t n_answers;
    const char *group;    /* POPE: split; VSR: relation; VQAv2: question type; GQA: detailed type;
                             NULL if none */
    const char *category; /* VSR: meta-category of the relation; NULL if none */
    const void *facts;    /* what only this dataset's metric reads: its own struct; NULL if none */
};

/* One annotation file that was read. */
struct dataset_file {
    const char *path;
    struct sha256_text sha256;
    size_t n_samples;
};

struct dataset {
    const struct dataset_kind *kind;
    const char *variant; /* "coco", "zeroshot", ... */
    struct sample *samples;
    size_t n_samples;
    size_t n_images; /* distinct image names */
    struct dataset_file *files;
    size_t n_files;
    /* A known deviation, in words: "the 2,910-question version of coco_pope_random.json
     * (POPE commit e3e3926), as LLaVA and Cobra scored it"; NULL if none. */
    const char *note;
    struct arena arena; /* owns samples and every string they point to */
};

/* Something a question can be asked with beyond its own text. */
struct dataset_part {
    const char *name; /* "{question+ocr}" in a protocol's message */
    /* Whether the questions of a variant have it; then of() gives it for every sample. */
    bool (*is_in)(const char *variant);
    const char *(*of)(const struct sample *sample);
};

struct dataset_kind {
    const char *name;            /* as in protocols: "pope", "vsr" */
    const char *title;           /* "POPE (object hallucination)" */
    const char *const *variants; /* NULL-terminated; the first is the default */
    const char *expects;         /* one sentence: the files under the directory */
    /* Reads the variant's files under directory into set (arena, variant and kind are set).
     * Counts are checked: an unknown count is noted, not refused. */
    enum status (*load)(struct dataset *set, const char *directory, struct error *err);
    const struct dataset_part *parts; /* ends with a row without name; NULL: none */
};

/* The table, NULL-terminated. */
extern const struct dataset_kind *const dataset_kinds[];

/* By name, or NULL. */
const struct dataset_kind *dataset_kind_find(const char *name);

/* Loads a benchmark.  variant NULL means the first.  The first line of a file called NOTE in the
 * directory becomes part of the set's note: it travels with every score.  On success the caller
 * closes *set; on failure there is nothing to close.  Errors name file and line. */
enum status dataset_open(struct dataset *set, const struct dataset_kind *kind, const char *variant,
                         const char *directory, struct error *err);
void dataset_close(struct dataset *set);

/* The facts of a sample where the set is of that kind, else NULL: a protocol may score any set by
 * any metric, and a metric knows the facts of one kind. */
const void *dataset_facts(const struct dataset *set, size_t sample, const char *kind);

/* Keeps the samples whose indices are listed, in that order (--limit, --sample-id, shards). */
void dataset_select(struct dataset *set, const size_t *indices, size_t n);

#endif
