/* eval/manifest.h - manifest.json: what a run is, so that it can be resumed, scored and doubted.
 *
 * What decides the answers (files, protocol, prompts, numerics, seed, selection) must be the same
 * for a resume; what does not (host, threads, time) may differ and is listed start by start. */
#ifndef MAMBENCH_EVAL_MANIFEST_H
#define MAMBENCH_EVAL_MANIFEST_H

#include "engine/base/error.h"
#include "engine/base/text.h"
#include "eval/answerer.h"
#include "eval/options.h"
#include "eval/shard.h"
#include "eval/task.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

/* Where answers come from that this program did not give. */
struct manifest_import {
    const char *file, *format;
    struct sha256_text sha256; /* of the file */
};

/* What manifest_new() writes down; everything is borrowed. */
struct manifest_facts {
    const struct options *options; /* of the command, for values and their origins */
    const struct task *task;
    const struct answerer *answerer;
    const struct manifest_import *imported; /* NULL: the answerer answers */
    const char *const *command_line;
    const char *first_prompt;
    struct sha256_text prompts_sha256, model_sha256;
    struct task_selection selection;
    struct shard shard;
};

/* Builds the manifest of a run that has not started.  The caller deletes it. */
enum status manifest_new(cJSON **manifest, const struct manifest_facts *facts, struct error *err);

/* Appends the names of everything in which two manifests are not the same run, with commas; that
 * they are different shards of it does not count if shards_may_differ. */
void manifest_add_differences(const cJSON *old, const cJSON *new, bool shards_may_differ,
                              struct text *out);

/* Whether a run with the new manifest may go on where the old one stopped.  If not, USAGE and the
 * sentence names everything that differs. */
enum status manifest_compare(const cJSON *old, const cJSON *new, const char *directory,
                             struct error *err);

/* What task_open() opens a run's protocol by: its file, or its name where it is built in.  It
 * belongs to the manifest; place names the manifest in errors (BAD_FORMAT). */
enum status manifest_protocol(const cJSON *manifest, const char *place, const char **out,
                              struct error *err);

/* One start of the program on this run. */
struct manifest_start {
    int threads;  /* 0: unknown */
    size_t batch; /* questions together at most; 0: what memory allows */
    bool reuse;   /* of pictures */
    size_t samples_before, samples_after;
    double seconds;
    const char *outcome; /* "running", "finished", "interrupted", "stopped by an error" */
};

/* Adds a start to the list, or replaces the last one; false without memory. */
bool manifest_add_start(cJSON *manifest, const struct manifest_start *start);
bool manifest_update_start(cJSON *manifest, const struct manifest_start *start);

/* Replaces path by the manifest. */
enum status manifest_write(const cJSON *manifest, const char *path, struct error *err);

#endif
