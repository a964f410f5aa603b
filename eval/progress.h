/* eval/progress.h - how far a run is: a line that is redrawn on a terminal, else one now and then.
 */
#ifndef MAMBENCH_EVAL_PROGRESS_H
#define MAMBENCH_EVAL_PROGRESS_H

#include "metrics/running.h"

#include <stddef.h>
#include <stdint.h>

enum progress_style {
    PROGRESS_AUTO,  /* LINE on a terminal, else PLAIN */
    PROGRESS_LINE,  /* one line, redrawn five times a second */
    PROGRESS_PLAIN, /* a line every half minute */
    PROGRESS_JSON,  /* a JSON object a line, once a second and at the end */
    PROGRESS_NONE,
};

extern const char *const progress_choices[]; /* names of the styles, NULL-terminated */
enum progress_style progress_style_named(const char *name);

/* Its owner counts; what is zero is not shown. */
struct progress {
    const char *what;    /* "pope@triml" */
    size_t total, start; /* samples; start: done before this process began */
    size_t done, failed;
    size_t pictures, reused; /* samples of this process that read their picture, that did not */
    struct running_mean right;
    enum progress_style style;
    int64_t began_ns, printed_ns;
};

/* The caller has filled what, total and start. */
void progress_begin(struct progress *progress, enum progress_style style);
/* Prints if it is time. */
void progress_show(struct progress *progress);
void progress_end(struct progress *progress);

#endif
