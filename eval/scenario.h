/* eval/scenario.h - one picture, one prompt, so many tokens: the papers' own figures of speed.
 *
 * To add one: a row in scenarios[] (eval/scenario.c). */
#ifndef MAMBENCH_EVAL_SCENARIO_H
#define MAMBENCH_EVAL_SCENARIO_H

#include "engine/base/error.h"
#include "engine/engine.h"

#include <stdbool.h>

struct scenario {
    const char *name;      /* "cobra-table3" */
    const char *prompt;    /* the user turn */
    int new_tokens;        /* always that many: the end token does not end it */
    int min_runs;          /* at least */
    const char *reference; /* where it is published */
};

/* The table ends with a row without a name. */
extern const struct scenario scenarios[];
const struct scenario *scenario_find(const char *name); /* or NULL */

/* Has the profiler measure it and write directory/profile.json, or reads that where it holds this
 * very measurement already (not if again).  *tokens_per_s: new_tokens over the median total, the
 * picture's reading included; NAN on failure, and where a signal cut it short: then nothing is
 * written.  Errors: IO (cannot be written), those of
 * session_see() and session_answer(). */
enum status scenario_run(const struct scenario *scenario, const struct engine *engine,
                         const char *image, const char *directory, bool again, double *tokens_per_s,
                         struct error *err);

#endif
