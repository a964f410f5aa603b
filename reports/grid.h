/* reports/grid.h - systems by tasks: one headline a cell, for a terminal. */
#ifndef MAMBENCH_REPORTS_GRID_H
#define MAMBENCH_REPORTS_GRID_H

#include "engine/base/arena.h"
#include "engine/base/text.h"
#include "reports/run_record.h"

#include <stddef.h>

/* Rows and columns come into being when they are first named and keep that order. */
struct grid {
    const char **rows, **columns, **reasons; /* reasons: of cells without a run */
    size_t n_rows, n_columns, n_reasons, row_capacity, column_capacity, reason_capacity;
    struct grid_cell *cells; /* [n_cells], in the order they were put */
    size_t n_cells, cell_capacity;
    struct text notes;  /* below the table, a line each */
    struct arena arena; /* tells of memory */
};

void grid_init(struct grid *grid);
void grid_release(struct grid *grid);

/* The headline of a run, with the wider side of its interval. */
void grid_put_run(struct grid *grid, const char *row, const char *column,
                  const struct run_record *record);

/* The same under the names of its model, precision and protocol. */
void grid_put_record(struct grid *grid, const struct run_record *record);

/* What a scenario measured. */
void grid_put_rate(struct grid *grid, const char *row, const char *column, double tokens_per_s);

/* A cell that has no run, and why; an empty reason: it was not reached. */
void grid_put_missing(struct grid *grid, const char *row, const char *column, const char *reason);

/* The headlines of runs: a row a model, a column a protocol. */
void grid_put_records(struct grid *grid, const struct run_record *records, size_t n);

/* Appends the table, its floors and its notes; out has failed where memory was missing. */
void grid_add_to(struct grid *grid, struct text *out);
/* The same for a page. */
void grid_add_html(struct grid *grid, struct text *out);

#endif
