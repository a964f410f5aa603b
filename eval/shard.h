/* eval/shard.h - one part of a run: which of how many, and what it is to ask.
 *
 * A shard is a stretch of the evaluation order, cut between pictures only, so that each is read
 * once, and balanced by expected cost.  Shards share nothing but the data and the run directory: a
 * shard's own lies in DIRECTORY/shards/I-of-N, and `mambench merge` puts them together.
 *
 * To add a launcher: a row in launchers[] (eval/shard.c). */
#ifndef MAMBENCH_EVAL_SHARD_H
#define MAMBENCH_EVAL_SHARD_H

#include "engine/base/arena.h"
#include "engine/base/error.h"
#include "eval/task.h"

#include <stddef.h>

enum { SHARD_MOST = 100000 };

/* index counts from 1; of 0: the run has no shards. */
struct shard {
    size_t index, of;
    const char *source; /* "Slurm array task"; NULL: the command line */
};

/* Reads "2/4", or "auto": what the launcher's environment says.  Errors: USAGE. */
enum status shard_parse(const char *text, struct shard *shard, struct error *err);

/* directory/shards/2-of-4, in arena; NULL without memory. */
char *shard_directory(struct arena *arena, const char *directory, const struct shard *shard);

/* Makes the task's range [begin, end) the shard's.  Cost is counted in rows of the language model:
 * SHARD_IMAGE_ROWS for a picture and its towers, a quarter of its characters and SHARD_ANSWER_ROWS
 * for a question.  Every position belongs to exactly one of the shards; where there are more shards
 * than pictures, some are empty. */
enum { SHARD_IMAGE_ROWS = 1000, SHARD_ANSWER_ROWS = 24 };
void shard_task(struct task *task, const struct shard *shard);

#endif
