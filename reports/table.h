/* reports/table.h - columns that align in a terminal and are a valid GitHub table, or HTML's. */
#ifndef MAMBENCH_REPORTS_TABLE_H
#define MAMBENCH_REPORTS_TABLE_H

#include "engine/base/arena.h"
#include "engine/base/text.h"

#include <stdbool.h>
#include <stddef.h>

enum table_style {
    TABLE_MARKDOWN, /* | a | b | */
    TABLE_PLAIN,    /* two blanks between columns, a rule under the head */
    TABLE_HTML,     /* <table> with its head; cells are text, those aligned right of class "r" */
};

/* Cells are filled row by row; the first row is the head. */
struct table {
    struct arena *arena;
    const char *alignment; /* one letter a column: 'l' or 'r' */
    size_t n_columns;
    const char **cells;
    size_t n_cells, capacity;
    bool failed; /* a cell's text was without memory */
};

/* Memory comes from the arena, which tells of failure. */
void table_init(struct table *table, struct arena *arena, const char *alignment);

/* The next cell. */
void table_cell(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The next cell: text, cut to TABLE_SHORT_BYTES with " ..." behind; what programs read has all. */
enum { TABLE_SHORT_BYTES = 60 };
void table_short_cell(struct table *table, const char *text);

/* The next cell from a text; one that failed makes table_add_to() say so. */
void table_text(struct table *table, const struct text *text);

/* Appends the table; a last row that is not full is filled with blanks. */
void table_add_to(const struct table *table, enum table_style style, struct text *out);

#endif
