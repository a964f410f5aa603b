/* datasets/protocol.h - how a benchmark is asked and scored: the five things behind a number.
 *
 * A protocol is a small JSON file, datasets/protocols/<dataset>@<harness>.json, built into the
 * program.  To add one: write the file; the build finds it.
 *
 * A protocol names the variant of its benchmark that its harness reports; "gqa:val-all@official" is
 * gqa@official on another one. */
#ifndef MAMBENCH_DATASETS_PROTOCOL_H
#define MAMBENCH_DATASETS_PROTOCOL_H

#include "datasets/dataset.h"
#include "engine/base/arena.h"
#include "engine/base/error.h"
#include "engine/base/text.h"

#include <stdbool.h>
#include <stddef.h>

enum { PROTOCOL_MAX_CHOICES = 8 };

/* An annotation file as it was published. */
struct protocol_file {
    const char *name;    /* "coco_pope_random.json", or with its folder: "zeroshot/test.jsonl" */
    const char *version; /* in words: "POPE commit e3e3926 (8,910 questions)" */
    size_t n_samples;
    const char *sha256;
    bool is_reference; /* the version the harness's published numbers are on */
};

/* Everything belongs to the arena it was read into. */
struct protocol {
    const char *name; /* "pope@triml" */
    int version;
    const char *title;     /* one sentence: who scores like this */
    const char *reference; /* the reference scorer: repository/path@commit:lines */
    const struct dataset_kind *dataset;
    const char *variant; /* of the dataset */
    /* What the user turn says.  "{question}" stands for the sample's text, "{Question}" for the
     * same capitalised as Python does it, and each of the dataset's parts for itself. */
    const char *message;
    /* Candidate first tokens, in the order that breaks ties; none where the text is scored. */
    const char *choices[PROTOCOL_MAX_CHOICES];
    size_t n_choices;
    int max_new_tokens;
    const char *metric;     /* name in the metric table */
    const char *headline;   /* the score that the harness reports */
    const char *missing;    /* what a sample without an answer means here, in words */
    const char *duplicates; /* and a second answer to a question; NULL where that is not said */
    const struct protocol_file *files; /* known versions */
    size_t n_files;
    const char *hash; /* SHA-256 of the protocol file: travels with every score */
    const char *file; /* it was read from, as it was named; NULL where it is built in */
};

/* Names of the built-in protocols, NULL-terminated, sorted. */
extern const char *const protocol_names[];

/* Reads a built-in protocol by name, with ":VARIANT" in front of the '@' on that variant, or a file
 * if name ends in ".json".  Strings go to arena.  Errors: NOT_FOUND (the sentence lists what there
 * is), BAD_FORMAT. */
enum status protocol_open(struct protocol *protocol, const char *name, struct arena *arena,
                          struct error *err);

/* Appends the user turn for a sample: message with everything filled in. */
void protocol_message(const struct protocol *protocol, const struct sample *sample,
                      struct text *out);

/* Compares the files a dataset was read from with the known versions.  Returns NULL if they are
 * the reference version, else what is different, in words, in arena (NULL without memory: the
 * arena tells). */
const char *protocol_check_files(const struct protocol *protocol, const struct dataset *set,
                                 struct arena *arena);

#endif
