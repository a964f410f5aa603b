/* eval/merge.h - the shards of a run, put together as if it had been one. */
#ifndef MAMBENCH_EVAL_MERGE_H
#define MAMBENCH_EVAL_MERGE_H

#include "engine/base/error.h"
#include "eval/task.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether directory holds shards. */
bool merge_has_shards(const char *directory);

/* Writes directory's predictions.jsonl, timings.jsonl and manifest.json from its shards, each file
 * at once; the predictions are the bytes of one run without shards.  Nothing is written where the
 * shards do not fit; a failure to write leaves the old or the new of each file. data: folder of the
 * benchmark; NULL: where the run found it.  On success the caller closes *task, the run's; *seed is
 * the run's, too.  Errors: MISMATCH (shards that are missing, unfinished or of different runs, a
 * sample that two of them answer: the sentence names them and what to type), NOT_FOUND, BAD_FORMAT,
 * IO. */
enum status merge_shards(const char *directory, const char *data, struct task *task, uint64_t *seed,
                         struct error *err);

#endif
