#include "reports/table.h"

#include "reports/html_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void table_init(struct table *table, struct arena *arena, const char *alignment)
{
    *table = (struct table){.arena = arena, .alignment = alignment, .n_columns = strlen(alignment)};
}

void table_cell(struct table *table, const char *format, ...)
{
    char cell[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(cell, sizeof cell, format, args);
    va_end(args);
    if (table->n_cells == table->capacity) {
        size_t capacity = table->capacity ? table->capacity * 2 : 32;
        const char **cells = arena_alloc_small(table->arena, capacity, sizeof *cells);
        if (!cells)
            return;
        if (table->n_cells > 0)
            memcpy(cells, table->cells, table->n_cells * sizeof *cells);
        table->cells = cells;
        table->capacity = capacity;
    }
    const char *copy = arena_string(table->arena, cell);
    table->cells[table->n_cells++] = copy ? copy : "";
}

void table_short_cell(struct table *table, const char *text)
{
    size_t end = TABLE_SHORT_BYTES;
    if (strlen(text) <= end) {
        table_cell(table, "%s", text);
        return;
    }
    while (end > 0 && ((unsigned char)text[end] & 0xC0) == 0x80)
        end--; /* not within a character */
    table_cell(table, "%.*s ...", (int)end, text);
}

void table_text(struct table *table, const struct text *text)
{
    table->failed = table->failed || text->failed;
    table_cell(table, "%s", text_string(text));
}

static const char *cell_at(const struct table *table, size_t row, size_t column)
{
    size_t i = row * table->n_columns + column;
    return i < table->n_cells ? table->cells[i] : "";
}

/* Bytes that a cell needs escaped in markdown. */
static size_t count_pipes(const char *cell)
{
    size_t n = 0;
    for (; *cell; cell++)
        n += *cell == '|';
    return n;
}

/* Code points, as a terminal counts columns for the characters that occur here. */
static size_t cell_width(const char *cell, enum table_style style)
{
    size_t n = style == TABLE_MARKDOWN ? count_pipes(cell) : 0;
    for (; *cell; cell++)
        n += ((unsigned char)*cell & 0xC0) != 0x80;
    return n;
}

static size_t column_width(const struct table *table, size_t n_rows, size_t column,
                           enum table_style style)
{
    size_t widest = style == TABLE_MARKDOWN ? 3 : 0; /* the rule needs three dashes */
    for (size_t row = 0; row < n_rows; row++) {
        size_t width = cell_width(cell_at(table, row, column), style);
        if (width > widest)
            widest = width;
    }
    return widest;
}

static void add_cell(struct text *out, const char *cell, enum table_style style)
{
    for (; *cell; cell++) {
        if (*cell == '|' && style == TABLE_MARKDOWN)
            text_add_char(out, '\\');
        text_add_char(out, *cell == '\n' ? ' ' : *cell);
    }
}

static void add_row(const struct table *table, const size_t *widths, size_t row,
                    enum table_style style, struct text *out)
{
    for (size_t column = 0; column < table->n_columns; column++) {
        const char *cell = cell_at(table, row, column);
        int fill = (int)(widths[column] - cell_width(cell, style));
        bool right = table->alignment[column] == 'r';
        bool last = column + 1 == table->n_columns;
        text_add(out, style == TABLE_MARKDOWN ? "| " : column > 0 ? "  " : "");
        text_addf(out, "%*s", right ? fill : 0, "");
        add_cell(out, cell, style);
        if (style == TABLE_MARKDOWN || !last)
            text_addf(out, "%*s", right ? 0 : fill, "");
        text_add(out, style == TABLE_MARKDOWN ? " " : "");
    }
    text_add(out, style == TABLE_MARKDOWN ? "|\n" : "\n");
}

static void add_rule(const struct table *table, const size_t *widths, enum table_style style,
                     struct text *out)
{
    for (size_t column = 0; column < table->n_columns; column++) {
        size_t width = widths[column];
        bool right = table->alignment[column] == 'r';
        text_add(out, style == TABLE_MARKDOWN ? "| " : column > 0 ? "  " : "");
        for (size_t i = 0; i < width; i++)
            text_add_char(out, style == TABLE_MARKDOWN && right && i + 1 == width ? ':' : '-');
        text_add(out, style == TABLE_MARKDOWN ? " " : "");
    }
    text_add(out, style == TABLE_MARKDOWN ? "|\n" : "\n");
}

/* The first column names its row. */
static void add_html_row(const struct table *table, size_t row, struct text *out)
{
    text_add(out, row == 0 ? "<thead><tr>" : "<tr>");
    for (size_t column = 0; column < table->n_columns; column++) {
        const char *name = row == 0 || column == 0 ? "th" : "td";
        text_addf(out, "<%s%s%s>", name,
                  row == 0      ? " scope=\"col\""
                  : column == 0 ? " scope=\"row\""
                                : "",
                  table->alignment[column] == 'r' ? " class=\"r\"" : "");
        html_add_text(out, cell_at(table, row, column));
        text_addf(out, "</%s>", name);
    }
    text_add(out, row == 0 ? "</tr></thead>\n<tbody>\n" : "</tr>\n");
}

static void add_html(const struct table *table, size_t n_rows, struct text *out)
{
    text_add(out, "<table>\n");
    for (size_t row = 0; row < n_rows; row++)
        add_html_row(table, row, out);
    text_add(out, "</tbody>\n</table>\n");
    if (arena_failed(table->arena) || table->failed)
        out->failed = true;
}

void table_add_to(const struct table *table, enum table_style style, struct text *out)
{
    size_t n_rows = (table->n_cells + table->n_columns - 1) / table->n_columns;
    if (style == TABLE_HTML) {
        add_html(table, n_rows, out);
        return;
    }
    size_t *widths = arena_alloc_small(table->arena, table->n_columns, sizeof *widths);
    for (size_t column = 0; widths && column < table->n_columns; column++)
        widths[column] = column_width(table, n_rows, column, style);
    for (size_t row = 0; widths && row < n_rows; row++) {
        add_row(table, widths, row, style, out);
        if (row == 0)
            add_rule(table, widths, style, out);
    }
    if (arena_failed(table->arena) || table->failed)
        out->failed = true;
}
