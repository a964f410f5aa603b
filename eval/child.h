/* eval/child.h - a command of the user's, run to its end by /bin/sh: what it took and printed. */
#ifndef MAMBENCH_EVAL_CHILD_H
#define MAMBENCH_EVAL_CHILD_H

#include "engine/base/error.h"
#include "engine/base/text.h"
#include "eval/exit_code.h"

#include <stdint.h>

struct child {
    int64_t wall_ns;    /* from before the fork until the end was seen */
    double peak_bytes;  /* largest resident size of it and those it waited for */
    struct text output; /* what it wrote to standard output */
};

/* Runs a command in a process group of its own, with nothing to read, and waits.  A signal that
 * signals_watch() caught is passed on to the group and waited out.  What it writes to standard
 * error is kept from the terminal; its last line becomes part of the error.  On EXIT_DONE the
 * caller releases child->output.  EXIT_DATA: the command is missing, failed or was killed;
 * EXIT_INTERNAL: it could not be started or its output not be kept; 130, 143: interrupted. */
enum exit_code child_run(struct child *child, const char *command, struct error *err);

#endif
