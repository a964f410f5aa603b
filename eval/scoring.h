/* eval/scoring.h - predictions to scores.json and reports, without a model. */
#ifndef MAMBENCH_EVAL_SCORING_H
#define MAMBENCH_EVAL_SCORING_H

#include "engine/base/arena.h"
#include "engine/base/error.h"
#include "engine/base/text.h"
#include "eval/exit_code.h"
#include "eval/task.h"
#include "metrics/baseline.h"
#include "metrics/metric.h"

#include <stddef.h>
#include <stdint.h>

struct scored_failure {
    const char *id, *reason;
};

/* Everything belongs to the arena given to scoring_score(). */
struct scored {
    struct score_table table;
    struct score_floor floors[N_BASELINES];
    size_t n_floors; /* 0 where the answers are not public */
    size_t n_correct, n_warned;
    const struct scored_failure *failures; /* the first of table.n_failed */
    size_t n_failures;
};

/* Scores predictions, one per sample in the set's order, beside the floors on the same samples. */
enum status scoring_score(const struct task *task, const struct prediction *predictions,
                          uint64_t seed, struct arena *arena, struct scored *scored,
                          struct error *err);

/* The answers of a run, from its predictions.jsonl: one for every sample of the task, in its order;
 * a sample without a line has failed with the reason "no prediction".  *n_warned (may be NULL) is
 * how many answers came with a warning.  Errors: those of log_read(), BAD_FORMAT, MISMATCH (another
 * number of choices). */
enum status scoring_read_log(const char *path, const struct task *task, struct arena *arena,
                             struct prediction **predictions, size_t *n_warned, struct error *err);

/* Appends the text of scores.json. */
void scoring_add_json(struct text *out, const struct task *task, const struct scored *scored);

/* Appends the same as tables for people. */
void scoring_add_text(struct text *out, const struct task *task, const struct scored *scored);

/* Scores the run in directory (task holds its samples) and writes scores.json, report.md and
 * report.csv.  EXIT_INCOMPLETE if samples have no answer. */
enum exit_code scoring_write(const char *directory, const struct task *task, uint64_t seed,
                             struct error *err);

#endif
