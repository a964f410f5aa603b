/* reports/layout.h - which columns a table of systems has.
 *
 * To add a layout: its columns and a row in reports/layout.c, its name in eval/report_table.c. */
#ifndef MAMBENCH_REPORTS_LAYOUT_H
#define MAMBENCH_REPORTS_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>

enum layout_source {
    LAYOUT_SCORE,          /* of a run, in percent */
    LAYOUT_RATE,           /* of a profile: new tokens over the whole time */
    LAYOUT_TOTAL_TIME,     /* and that time, s */
    LAYOUT_FIRST_TOKEN,    /* ms */
    LAYOUT_PARAMETERS,     /* millions */
    LAYOUT_VISUAL_TOKENS,  /* rows of a picture */
    LAYOUT_MEMORY,         /* MB: weights, activations, state, cache */
    LAYOUT_LANGUAGE_MODEL, /* its name or family */
};

struct layout_column {
    enum layout_source source;
    const char *title;
    const char *dataset, *protocol; /* of a score */
    const char *score;              /* NULL: the protocol's headline */
    bool of_runs;                   /* the protocol of the first run on the dataset goes before */
    bool no_contest;                /* neither more nor less of it is better */
};

struct table_layout {
    const char *name, *title;
    const struct layout_column *columns;
    size_t n_columns;
    bool every_protocol;   /* a column for every protocol of the runs, in place of the scores' */
    const char *scenario;  /* of speeds; a profile of another one is set apart */
    const char *published; /* keys of the rows that the paper's own table has; NULL: none */
};

extern const struct table_layout table_layouts[]; /* ends with a NULL name */
const struct table_layout *table_layout_find(const char *name);

#endif
