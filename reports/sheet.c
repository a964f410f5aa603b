#include "reports/sheet.h"

#include "reports/csv_field.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct sheet_cell {
    const char *text;
    double low, high; /* a number is both */
};

static bool is_range(const struct sheet_column *column)
{
    return column->kind >= SHEET_NUMBER_RANGE;
}

void sheet_init(struct sheet *sheet, struct arena *arena, const char *name, const char *title,
                const struct sheet_column *columns)
{
    *sheet = (struct sheet){
        .name = name, .title = title, .columns = columns, .most_shown = SIZE_MAX, .arena = arena};
    while (columns[sheet->n_columns].name)
        sheet->n_columns += 1;
}

static void add_cell(struct sheet *sheet, struct sheet_cell cell)
{
    if (sheet->n_cells == sheet->capacity) {
        size_t capacity = sheet->capacity ? 2 * sheet->capacity : 64;
        struct sheet_cell *more = arena_alloc_small(sheet->arena, capacity, sizeof *more);
        if (!more)
            return;
        if (sheet->n_cells > 0)
            memcpy(more, sheet->cells, sheet->n_cells * sizeof *more);
        sheet->cells = more;
        sheet->capacity = capacity;
    }
    sheet->cells[sheet->n_cells++] = cell;
}

void sheet_text(struct sheet *sheet, const char *text)
{
    add_cell(sheet, (struct sheet_cell){arena_string(sheet->arena, text), NAN, NAN});
}

void sheet_number(struct sheet *sheet, double value)
{
    add_cell(sheet, (struct sheet_cell){NULL, value, value});
}

void sheet_range(struct sheet *sheet, double low, double high)
{
    add_cell(sheet, (struct sheet_cell){NULL, low, high});
}

size_t sheet_rows(const struct sheet *sheet)
{
    return sheet->n_cells / sheet->n_columns;
}

static const struct sheet_cell *cell_at(const struct sheet *sheet, size_t row, size_t column)
{
    return &sheet->cells[row * sheet->n_columns + column];
}

/* At most this many bytes of a text stand in a table. */
static void add_short_text(struct table *table, const char *text)
{
    enum { MOST = 72 };
    size_t end = MOST;
    if (strlen(text) <= MOST) {
        table_cell(table, "%s", text);
        return;
    }
    while (end > 0 && ((unsigned char)text[end] & 0xC0) == 0x80)
        end--; /* not within a character */
    table_cell(table, "%.*s ...", (int)end, text);
}

/* A value that is rounded to 0 has no sign. */
static double unsigned_zero(double value, double step)
{
    return fabs(value) < step / 2 ? 0 : value;
}

static void add_shown(struct table *table, const struct sheet_cell *cell, enum sheet_kind kind)
{
    if (kind == SHEET_TEXT) {
        add_short_text(table, cell->text ? cell->text : "");
        return;
    }
    if (isnan(cell->low) || isnan(cell->high)) {
        table_cell(table, "%s", "");
        return;
    }
    switch (kind) {
    case SHEET_COUNT:
        table_cell(table, "%.0f", cell->low);
        break;
    case SHEET_NUMBER:
        table_cell(table, "%.3f", unsigned_zero(cell->low, 1e-3));
        break;
    case SHEET_SHARE:
        table_cell(table, "%.2f %%", 100 * cell->low);
        break;
    case SHEET_POINTS:
        table_cell(table, "%+.2f", 100 * unsigned_zero(cell->low, 1e-4));
        break;
    case SHEET_P:
        table_cell(table, cell->low < 0.001 ? "%.1e" : "%.4f", cell->low);
        break;
    case SHEET_NUMBER_RANGE:
        table_cell(table, "%.3f to %.3f", cell->low, cell->high);
        break;
    case SHEET_SHARE_RANGE:
        table_cell(table, "%.2f to %.2f", 100 * cell->low, 100 * cell->high);
        break;
    case SHEET_POINTS_RANGE:
        table_cell(table, "%+.2f to %+.2f", 100 * cell->low, 100 * cell->high);
        break;
    case SHEET_TEXT:
        break;
    }
}

static void fill_table(const struct sheet *sheet, struct table *table, size_t n_shown)
{
    for (size_t c = 0; c < sheet->n_columns; c++)
        if (sheet->columns[c].head)
            table_cell(table, "%s", sheet->columns[c].head);
    for (size_t row = 0; row < n_shown; row++)
        for (size_t c = 0; c < sheet->n_columns; c++)
            if (sheet->columns[c].head)
                add_shown(table, cell_at(sheet, row, c), sheet->columns[c].kind);
}

void sheet_add_table(const struct sheet *sheet, enum table_style style, struct text *out)
{
    struct arena arena;
    struct table table;
    char alignment[64];
    size_t n_rows = sheet_rows(sheet), n = 0;
    size_t n_shown = n_rows < sheet->most_shown ? n_rows : sheet->most_shown;
    if (n_shown == 0)
        return;
    for (size_t c = 0; c < sheet->n_columns && n + 1 < sizeof alignment; c++)
        if (sheet->columns[c].head)
            alignment[n++] = sheet->columns[c].kind == SHEET_TEXT ? 'l' : 'r';
    alignment[n] = '\0';
    arena_init(&arena);
    table_init(&table, &arena, alignment);
    fill_table(sheet, &table, n_shown);
    text_addf(out, style == TABLE_MARKDOWN ? "## %s\n\n" : "%s\n\n", sheet->title);
    table_add_to(&table, style, out);
    if (n_shown < n_rows)
        text_addf(out, "\n%zu of %zu rows; --out writes all of them to %s.csv.\n", n_shown, n_rows,
                  sheet->name);
    if (sheet->note)
        text_addf(out, "\n%s\n", sheet->note);
    text_add_char(out, '\n');
    arena_release(&arena);
}

static void add_csv_head(const struct sheet *sheet, struct text *out)
{
    for (size_t c = 0; c < sheet->n_columns; c++) {
        const struct sheet_column *column = &sheet->columns[c];
        char name[80];
        snprintf(name, sizeof name, is_range(column) ? "%s_low" : "%s", column->name);
        csv_add_field(out, name, c == 0);
        if (!is_range(column))
            continue;
        snprintf(name, sizeof name, "%s_high", column->name);
        csv_add_field(out, name, false);
    }
    text_add_char(out, '\n');
}

void sheet_add_csv(const struct sheet *sheet, struct text *out)
{
    add_csv_head(sheet, out);
    for (size_t row = 0; row < sheet_rows(sheet); row++) {
        for (size_t c = 0; c < sheet->n_columns; c++) {
            const struct sheet_cell *cell = cell_at(sheet, row, c);
            if (sheet->columns[c].kind == SHEET_TEXT)
                csv_add_field(out, cell->text ? cell->text : "", c == 0);
            else
                csv_add_number(out, cell->low, c == 0);
            if (is_range(&sheet->columns[c]))
                csv_add_number(out, cell->high, false);
        }
        text_add_char(out, '\n');
    }
}

static void put_cell(struct json_writer *writer, const struct sheet_column *column,
                     const struct sheet_cell *cell)
{
    char name[80];
    if (column->kind == SHEET_TEXT) {
        json_put_string(writer, column->name, cell->text);
        return;
    }
    snprintf(name, sizeof name, is_range(column) ? "%s_low" : "%s", column->name);
    json_put_number(writer, name, cell->low);
    if (!is_range(column))
        return;
    snprintf(name, sizeof name, "%s_high", column->name);
    json_put_number(writer, name, cell->high);
}

void sheet_put_json(const struct sheet *sheet, struct json_writer *writer)
{
    json_open(writer, sheet->name, '[');
    for (size_t row = 0; row < sheet_rows(sheet); row++) {
        json_open(writer, NULL, '{');
        for (size_t c = 0; c < sheet->n_columns; c++)
            put_cell(writer, &sheet->columns[c], cell_at(sheet, row, c));
        json_close(writer, '}');
    }
    json_close(writer, ']');
}
