/* eval/runner.h - the evaluation loop: prompt, answer, log, next; goes on where the log ends. */
#ifndef MAMBENCH_EVAL_RUNNER_H
#define MAMBENCH_EVAL_RUNNER_H

#include "engine/base/error.h"
#include "eval/answerer.h"
#include "eval/exit_code.h"
#include "eval/options.h"
#include "eval/progress.h"
#include "eval/shard.h"
#include "eval/task.h"

#include <stdbool.h>
#include <stddef.h>

struct run_settings {
    const char *directory; /* of the run */
    const struct options *options;
    struct task_selection selection;
    struct shard shard; /* of = 0: all */
    size_t sync_every;  /* lines between two fsyncs; 0: only at the end */
    bool force;         /* start afresh */
    bool quiet;
    enum progress_style progress;
};

struct run_outcome {
    size_t n_before; /* lines that were there already */
    size_t n_done;   /* lines that are there now */
    size_t n_failed; /* of them without an answer */
    int signal;      /* that interrupted it; 0: none */
};

/* Asks every sample of the task that has no line yet and writes the lines.  EXIT_DONE or
 * EXIT_INCOMPLETE (some samples failed) when all lines are there; interrupted is 130 or 143. */
enum exit_code runner_run(const struct run_settings *settings, struct task *task,
                          struct answerer *answerer, struct run_outcome *outcome,
                          struct error *err);

#endif
