/* eval/imported_run.h - answers that another program gave, kept as a run directory: what reads
 * finished runs then reads them, too. */
#ifndef MAMBENCH_EVAL_IMPORTED_RUN_H
#define MAMBENCH_EVAL_IMPORTED_RUN_H

#include "engine/base/error.h"
#include "eval/exit_code.h"
#include "eval/options.h"
#include "eval/task.h"
#include "metrics/metric.h"

#include <stdint.h>

/* Writes manifest, predictions and scores into directory, which must not hold a run.  predictions
 * [task->set.n_samples] are in the set's order; the task was loaded from a folder.  options are the
 * command's: --predictions, --format and --name go to the manifest.  Nothing is said of prompts,
 * weights, machine and times: they are not known.  EXIT_INCOMPLETE if samples have no answer. */
enum exit_code imported_run_write(const char *directory, const struct task *task,
                                  const struct prediction *predictions,
                                  const struct options *options, uint64_t seed, struct error *err);

#endif
