/* reports/sheet.h - a table of typed cells, printed for people and written as csv.
 *
 * Both come from the same cells, so that a number in the one is the number in the other; people get
 * it rounded, csv with all its digits. */
#ifndef MAMBENCH_REPORTS_SHEET_H
#define MAMBENCH_REPORTS_SHEET_H

#include "engine/base/arena.h"
#include "engine/base/text.h"
#include "reports/json_writer.h"
#include "reports/table.h"

#include <stddef.h>

enum sheet_kind {
    SHEET_TEXT,
    SHEET_COUNT,
    SHEET_NUMBER, /* three decimals */
    SHEET_SHARE,  /* 0..1; people read percent */
    SHEET_POINTS, /* a difference of shares; people read points with a sign */
    SHEET_P,      /* of a test */
    /* Two ends, in csv two columns: name_low and name_high. */
    SHEET_NUMBER_RANGE,
    SHEET_SHARE_RANGE,
    SHEET_POINTS_RANGE,
};

/* A row of a table of columns, which ends with one without a name. */
struct sheet_column {
    const char *name; /* in csv and JSON */
    const char *head; /* for people; NULL: not shown to them */
    enum sheet_kind kind;
};

struct sheet_cell;

struct sheet {
    const char *name;  /* of its csv file: "reliability" for reliability.csv */
    const char *title; /* for people */
    const char *note;  /* below the table, for people; NULL if none */
    const struct sheet_column *columns;
    size_t n_columns;
    size_t most_shown; /* rows for people; csv and JSON have all */
    struct sheet_cell *cells;
    size_t n_cells, capacity;
    struct arena *arena; /* owns cells and their texts; tells of failure */
};

/* Strings and columns are borrowed. */
void sheet_init(struct sheet *sheet, struct arena *arena, const char *name, const char *title,
                const struct sheet_column *columns);

/* The next cell, row by row.  text NULL and NAN are blank; the text is copied. */
void sheet_text(struct sheet *sheet, const char *text);
void sheet_number(struct sheet *sheet, double value);
void sheet_range(struct sheet *sheet, double low, double high);

size_t sheet_rows(const struct sheet *sheet);

/* Appends title, table and note; nothing where there is no row to show. */
void sheet_add_table(const struct sheet *sheet, enum table_style style, struct text *out);

/* Appends the csv: a head and every row. */
void sheet_add_csv(const struct sheet *sheet, struct text *out);

/* Puts an array of objects under the sheet's name. */
void sheet_put_json(const struct sheet *sheet, struct json_writer *writer);

#endif
