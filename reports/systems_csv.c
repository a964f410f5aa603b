/* reports/systems_csv.c - the table of systems for spreadsheets; quoting by libcsv.
 *
 * A line a row of the table; every column of the table is seven here.  The footnotes follow as
 * lines of kind "column" (a mark at a column's head), "note", "trap" and "remark". */
#include "reports/csv_field.h"
#include "reports/systems.h"

static const char *const parts[] = {"", " low", " high", " n", " failed", " bold", " notes"};
enum { N_PARTS = sizeof parts / sizeof parts[0] };

static void add_count(struct text *out, size_t n, bool known)
{
    struct text digits;
    text_init(&digits);
    if (known)
        text_addf(&digits, "%zu", n);
    csv_add_field(out, text_string(&digits), false);
    out->failed = out->failed || digits.failed;
    text_release(&digits);
}

static void add_marks(const struct systems_table *table, const struct systems_cell *cell,
                      struct text *out)
{
    struct text marks;
    text_init(&marks);
    text_add(&marks, cell->apart ? "apart" : "");
    if (cell->label[0])
        text_addf(&marks, "%s%s", marks.length > 0 ? " " : "", cell->label);
    for (size_t i = 0; i < cell->marks.n; i++)
        text_addf(&marks, "%s%s", marks.length > 0 ? " " : "",
                  table->notes[cell->marks.notes[i]].mark);
    csv_add_field(out, text_string(&marks), false);
    out->failed = out->failed || marks.failed;
    text_release(&marks);
}

static void add_head(const struct systems_table *table, struct text *out)
{
    struct text name;
    text_init(&name);
    csv_add_field(out, "kind", true);
    csv_add_field(out, "system", false);
    csv_add_field(out, "notes", false);
    for (size_t c = 0; c < table->n_columns; c++)
        for (size_t p = 0; p < N_PARTS; p++) {
            const struct systems_column *column = &table->columns[c];
            text_reset(&name);
            text_addf(&name, "%s%s%s%s", column->title, column->subtitle[0] ? " " : "",
                      column->subtitle, parts[p]);
            csv_add_field(out, text_string(&name), false);
        }
    text_add_char(out, '\n');
    out->failed = out->failed || name.failed;
    text_release(&name);
}

static void add_row(const struct systems_table *table, size_t r, struct text *out)
{
    const struct systems_row *row = &table->rows[r];
    const struct systems_cell marks_only = {.label = "", .marks = row->marks};
    csv_add_field(out, systems_row_kinds[row->kind], true);
    csv_add_field(out, row->name, false);
    add_marks(table, &marks_only, out);
    for (size_t c = 0; c < table->n_columns; c++) {
        const struct systems_cell *cell = systems_cell(table, r, c);
        csv_add_field(out, cell->value, false);
        csv_add_field(out, cell->low, false);
        csv_add_field(out, cell->high, false);
        add_count(out, cell->n, cell->n > 0);
        add_count(out, cell->n_failed, cell->n > 0);
        csv_add_field(out, cell->bold ? "1" : "", false);
        add_marks(table, cell, out);
    }
    text_add_char(out, '\n');
}

/* As wide as the others, so that every reader takes it. */
static void add_line(const struct systems_table *table, const char *kind, const char *mark,
                     const char *sentence, struct text *out)
{
    csv_add_field(out, kind, true);
    csv_add_field(out, mark, false);
    csv_add_field(out, sentence, false);
    for (size_t i = 0; i < table->n_columns * N_PARTS; i++)
        csv_add_field(out, "", false);
    text_add_char(out, '\n');
}

void systems_add_csv(const struct systems_table *table, struct text *out)
{
    add_head(table, out);
    for (size_t r = 0; r < table->n_rows; r++)
        add_row(table, r, out);
    for (size_t i = 0; i < table->n_columns; i++)
        for (size_t k = 0; k < table->columns[i].marks.n; k++) {
            const struct systems_column *column = &table->columns[i];
            add_line(table, "column", column->title, table->notes[column->marks.notes[k]].mark,
                     out);
        }
    for (size_t i = 0; i < table->n_notes; i++)
        add_line(table, table->notes[i].trap ? "trap" : "note", table->notes[i].mark,
                 table->notes[i].text, out);
    for (size_t i = 0; i < table->n_remarks; i++)
        add_line(table, "remark", "", table->remarks[i], out);
}
