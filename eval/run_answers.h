/* eval/run_answers.h - a finished run read back: its samples, its answers, what they earn. */
#ifndef MAMBENCH_EVAL_RUN_ANSWERS_H
#define MAMBENCH_EVAL_RUN_ANSWERS_H

#include "engine/base/error.h"
#include "eval/task.h"
#include "metrics/metric.h"

#include <cjson/cJSON.h>
#include <stddef.h>

/* Loads the samples that the run in directory was asked; data NULL: where it found them.  Says on
 * standard error if the protocol was changed since.  The caller closes the task.  Errors:
 * MISMATCH (other annotation files than the run's), those of task_load(). */
enum status run_task_open(struct task *task, const cJSON *manifest, const char *directory,
                          const char *data, struct error *err);

struct run_answers {
    const char *directory; /* borrowed */
    cJSON *manifest;
    struct task task;
    const struct metric *metric;
    struct prediction *predictions; /* [task.set.n_samples], in the set's order */
    double *credits;                /* [n_samples] 0..1; a failed one has 0 */
    size_t *image;                  /* [n_samples] number of the sample's image */
    size_t n_images;
    double credit; /* mean over the samples */
};

/* On success the caller closes *answers.  Errors: those of run_task_open() and scoring_read_log();
 * MISMATCH where nothing can be weighed: no sample, a sample without an answer or a failure
 * (unfinished), without a public label, or whose probabilities are not numbers. */
enum status run_answers_open(struct run_answers *answers, const char *directory, const char *data,
                             struct error *err);
void run_answers_close(struct run_answers *answers);

#endif
