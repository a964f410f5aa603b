/* reports/systems_json.c - the table of systems for programs.  Numbers are written with the digits
 * that the other formats print. */
#include "reports/json_writer.h"
#include "reports/systems.h"

static void put_marks(struct json_writer *writer, const struct systems_table *table,
                      const struct systems_marks *marks)
{
    json_open(writer, "notes", '[');
    for (size_t i = 0; i < marks->n; i++)
        json_put_string(writer, NULL, table->notes[marks->notes[i]].mark);
    json_close(writer, ']');
}

static void put_digits(struct json_writer *writer, const char *key, const char *digits)
{
    if (digits[0])
        json_put_raw(writer, key, digits);
    else
        json_put_string(writer, key, NULL);
}

static void put_cell(struct json_writer *writer, const struct systems_table *table,
                     const struct systems_cell *cell)
{
    json_open(writer, NULL, '{');
    if (cell->is_text)
        json_put_string(writer, "value", cell->value[0] ? cell->value : NULL);
    else
        put_digits(writer, "value", cell->value);
    if (cell->low[0]) {
        put_digits(writer, "low", cell->low);
        put_digits(writer, "high", cell->high);
    }
    if (cell->label[0])
        json_put_string(writer, "label", cell->label);
    if (cell->n > 0) {
        json_put_count(writer, "n", cell->n);
        json_put_count(writer, "failed", cell->n_failed);
    }
    json_put_bool(writer, "bold", cell->bold);
    json_put_bool(writer, "apart", cell->apart);
    put_marks(writer, table, &cell->marks);
    json_close(writer, '}');
}

static void put_rows(struct json_writer *writer, const struct systems_table *table)
{
    json_open(writer, "rows", '[');
    for (size_t r = 0; r < table->n_rows; r++) {
        json_open(writer, NULL, '{');
        json_put_string(writer, "kind", systems_row_kinds[table->rows[r].kind]);
        json_put_string(writer, "system", table->rows[r].name);
        put_marks(writer, table, &table->rows[r].marks);
        json_open(writer, "cells", '[');
        for (size_t c = 0; c < table->n_columns; c++)
            put_cell(writer, table, systems_cell(table, r, c));
        json_close(writer, ']');
        json_close(writer, '}');
    }
    json_close(writer, ']');
}

void systems_add_json(const struct systems_table *table, struct text *out)
{
    struct json_writer writer;
    json_begin(&writer, out);
    json_open(&writer, NULL, '{');
    json_put_string(&writer, "layout", table->layout->name);
    json_put_string(&writer, "title", table->layout->title);
    json_open(&writer, "columns", '[');
    for (size_t c = 0; c < table->n_columns; c++) {
        json_open(&writer, NULL, '{');
        json_put_string(&writer, "title", table->columns[c].title);
        json_put_string(&writer, "protocol", table->columns[c].protocol);
        put_marks(&writer, table, &table->columns[c].marks);
        json_close(&writer, '}');
    }
    json_close(&writer, ']');
    put_rows(&writer, table);
    json_open(&writer, "notes", '{');
    for (size_t i = 0; i < table->n_notes; i++)
        json_put_string(&writer, table->notes[i].mark, table->notes[i].text);
    json_close(&writer, '}');
    json_put_strings(&writer, "remarks", table->remarks, table->n_remarks);
    json_close(&writer, '}');
}
