/* eval/scenario.h - one picture, one prompt, so many tokens: the papers' own figures of speed.
 *
 * To add one: a row in scenarios[] (eval/scenario.c). */
#ifndef MAMBENCH_EVAL_SCENARIO_H
#define MAMBENCH_EVAL_SCENARIO_H

#include "engine/base/arena.h"
#include "engine/base/error.h"
#include "engine/engine.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct scenario {
    const char *name;      /* "cobra-table3" */
    const char *prompt;    /* the user turn */
    int new_tokens;        /* always that many: the end token does not end it */
    const char *reference; /* where it is published */
};

/* The table ends with a row without a name. */
extern const struct scenario scenarios[];
const struct scenario *scenario_find(const char *name); /* or NULL */

enum { SCENARIO_WARM_UPS = 1, SCENARIO_MIN_RUNS = 10 };
#define SCENARIO_MIN_NS INT64_C(3000000000) /* of all measured runs together */

/* What was measured, everything in arena. */
struct scenario_result {
    struct timings *runs; /* [n]: the measured ones, in their order */
    size_t n;
    struct timings cold; /* the first run of the process, not among them */
    double total_median_ns, first_token_median_ns;
    double tokens_per_s; /* new_tokens / the median total, the picture's reading included */
};

/* Measures: one cold run, warm-ups, then at least SCENARIO_MIN_RUNS runs and SCENARIO_MIN_NS.
 * Errors: those of session_see() and session_answer(). */
enum status scenario_measure(const struct scenario *scenario, const struct engine *engine,
                             const char *image, struct arena *arena, struct scenario_result *result,
                             struct error *err);

/* Measures and writes directory/profile.json, or reads it where it holds this very measurement
 * already (not if again).  *tokens_per_s is NAN on failure, and where a signal cut it short: then
 * nothing is written.  Errors: IO (cannot be written)
 * and those above. */
enum status scenario_run(const struct scenario *scenario, const struct engine *engine,
                         const char *image, const char *directory, bool again, double *tokens_per_s,
                         struct error *err);

#endif
