/* reports/systems_build.h - what the parts of reports/systems*.c share while a table is built. */
#ifndef MAMBENCH_REPORTS_SYSTEMS_BUILD_H
#define MAMBENCH_REPORTS_SYSTEMS_BUILD_H

#include "reports/systems.h"

struct systems_builder {
    struct systems_table *table;
    const struct systems_input *input;
    size_t *row_of_run; /* [input->n_runs] */
};

/* Room for one more of n elements of a list that grows in the table's arena; NULL without memory.
 */
void *systems_grow(struct systems_table *table, void *list, size_t n, size_t *capacity,
                   size_t size);

/* A copy of a string; "" without memory, of which the arena tells. */
const char *systems_copy(struct systems_table *table, const char *string);

/* Adds a footnote, or finds the one that says the same, and marks with it. */
void systems_mark(struct systems_table *table, struct systems_marks *marks, const char *text);
void systems_mark_trap(struct systems_table *table, struct systems_marks *marks, int number,
                       const char *text);
void systems_remark(struct systems_table *table, const char *text);

/* systems_rows.c: rows of runs, profiles and published systems; columns of the layout. */
void systems_make_rows(struct systems_builder *builder);
void systems_make_columns(struct systems_builder *builder);
/* systems_cells.c */
void systems_fill_runs(struct systems_builder *builder);
void systems_fill_feet(struct systems_builder *builder);
/* systems_speed.c: which profile belongs to a row, and its cells. */
void systems_join_profiles(struct systems_builder *builder);
void systems_fill_speed(struct systems_builder *builder);
/* systems_published.c */
void systems_fill_published(struct systems_builder *builder);
/* systems_bold.c */
void systems_make_bold(struct systems_builder *builder);

/* What of one measurement differs from another's, as a footnote says it; NULL: nothing. */
const char *systems_difference(struct arena *arena, const struct measured_how *is,
                               const struct measured_how *column);

/* A run's score by name (NULL: the headline); NULL: it has none. */
const struct score *systems_score(const struct run_record *record, const char *name);

#endif
