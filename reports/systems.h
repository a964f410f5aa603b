/* reports/systems.h - systems by benchmarks: a table that is built once, in one place.
 *
 * Every number is made into its digits here, and every format prints these digits: what stands in
 * markdown, CSV, LaTeX, JSON and on a page is the same number because there is only one.  A cell
 * that was measured otherwise than its column is set apart, marked, and a footnote says what
 * differs. */
#ifndef MAMBENCH_REPORTS_SYSTEMS_H
#define MAMBENCH_REPORTS_SYSTEMS_H

#include "engine/base/arena.h"
#include "engine/base/error.h"
#include "engine/base/text.h"
#include "reports/layout.h"
#include "reports/profile_read.h"
#include "reports/published.h"
#include "reports/run_record.h"

#include <stdbool.h>
#include <stddef.h>

/* What goes in. */

struct systems_run {
    const struct run_record *record;
    const char *row; /* what a suite calls it; NULL: model and precision */
};

struct systems_profile {
    const struct profile_file *file;
    const char *row; /* as above */
};

/* A run that should be there. */
struct systems_missing {
    const char *row, *protocol, *reason;
};

/* How two runs of one column compare. */
struct systems_test {
    bool done;       /* else why says what was in the way */
    double p;        /* of no difference */
    const char *why; /* belongs to the arena that was given */
};
typedef void systems_tester(void *context, const struct run_record *best,
                            const struct run_record *other, struct arena *arena,
                            struct systems_test *result);

struct systems_input {
    const struct table_layout *layout;
    const struct systems_run *runs;
    const struct systems_profile *profiles;
    const struct systems_missing *missing;
    size_t n_runs, n_profiles, n_missing;
    const struct published *published;            /* the tables */
    const struct published_system *const *listed; /* those of them that were asked for */
    size_t n_listed;
    systems_tester *test; /* NULL: intervals decide */
    void *context;
};

/* What comes out. */

enum { SYSTEMS_MOST_NOTES = 12 };

struct systems_marks {
    size_t notes[SYSTEMS_MOST_NOTES]; /* places in the table's list of notes */
    size_t n;
};

struct systems_cell {
    const char *value;      /* digits; "": blank */
    const char *low, *high; /* those of the 95 % interval; "": none */
    const char *label;      /* behind the value, such as a floor's name; "": none */
    bool is_text;           /* the value is no number */
    bool bold;              /* the best, or not significantly worse */
    bool apart;             /* measured otherwise than the column */
    size_t n, n_failed;     /* samples of a score; 0 elsewhere */
    struct systems_marks marks;
    /* While it is built. */
    double number, number_low, number_high;
    const struct run_record *record; /* of a run's score */
};

enum systems_row_kind { SYSTEMS_RUN, SYSTEMS_PUBLISHED, SYSTEMS_FLOOR, SYSTEMS_SAMPLES };
extern const char *const systems_row_kinds[]; /* "run", "published", "floor", "samples" */

struct systems_row {
    enum systems_row_kind kind;
    const char *name;
    struct systems_marks marks;
    /* While it is built. */
    const char *label, *model, *model_hash, *precision;
    bool random_weights, baseline;
    const struct run_record *record;   /* its first run; NULL: a profile alone */
    const struct profile_point *point; /* its speed and memory; NULL: none */
    const struct profile_file *file;   /* that point's */
    const char *blank;                 /* why there is no point */
    const struct published_system *listed;
};

struct systems_column {
    const char *title, *subtitle; /* "POPE", "pope@triml"; subtitle "": none */
    struct systems_marks marks;
    /* While it is built. */
    const struct layout_column *layout;
    const char *protocol, *protocol_hash;
    struct measured_how how;
    bool smaller_is_better;
};

struct systems_note {
    const char *mark; /* "a", or "T1" for trap 1 */
    const char *text;
    int trap; /* its number; 0: none */
};

/* Everything belongs to the arena. */
struct systems_table {
    const struct table_layout *layout;
    struct systems_row *rows;
    struct systems_column *columns;
    struct systems_cell *cells; /* [n_rows, n_columns] */
    struct systems_note *notes; /* in the order in which a reader meets them, traps last */
    const char **remarks;       /* on the whole table */
    size_t n_rows, n_columns, n_notes, n_remarks;
    size_t row_capacity, column_capacity, note_capacity, remark_capacity;
    struct arena arena;
};

/* Builds the table; the input may be closed after the table was.  The caller releases it.
 * Errors: NO_MEMORY. */
enum status systems_build(struct systems_table *table, const struct systems_input *input,
                          struct error *err);
void systems_release(struct systems_table *table);

struct systems_cell *systems_cell(const struct systems_table *table, size_t row, size_t column);

/* The formats; each prints what stands in the table. */
void systems_add_markdown(const struct systems_table *table, struct text *out);
void systems_add_csv(const struct systems_table *table, struct text *out);
void systems_add_json(const struct systems_table *table, struct text *out);
void systems_add_html(const struct systems_table *table, struct text *out);
void systems_add_tex(const struct systems_table *table, struct text *out);

#endif
