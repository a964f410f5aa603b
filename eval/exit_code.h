/* eval/exit_code.h - what the process tells the shell.
 *
 * Worst first: 2 > 3 > 5 > 4 > 1 > 6 > 0, so that a broken run never looks like a verdict. */
#ifndef MAMBENCH_EVAL_EXIT_CODE_H
#define MAMBENCH_EVAL_EXIT_CODE_H

#include "engine/base/error.h"

enum exit_code {
    EXIT_DONE = 0,
    EXIT_CHECK_FAILED = 1, /* a gate or a selftest said no */
    EXIT_USAGE = 2,
    EXIT_DATA = 3,       /* model or data missing or damaged */
    EXIT_INCOMPLETE = 4, /* done, but some samples have no answer */
    EXIT_INTERNAL = 5,   /* no memory, or output that cannot be written */
    EXIT_INCONCLUSIVE = 6,
    EXIT_SKIP = 125,        /* `git bisect run`: this commit tells nothing */
    EXIT_INTERRUPTED = 130, /* SIGINT; SIGTERM is 143 */
    EXIT_TERMINATED = 143,
};

/* The worse of two; an interruption beats everything, for nothing after it was done. */
enum exit_code exit_worst(enum exit_code a, enum exit_code b);

/* The code for a failure to read a model or data.  Failures to write are EXIT_INTERNAL, which only
 * the caller can know. */
enum exit_code exit_of_status(enum status status);

#endif
