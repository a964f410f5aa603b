/* reports/systems_markdown.c - the table of systems for GitHub, aligned for a terminal, too. */
#include "reports/systems.h"
#include "reports/table.h"

#include <string.h>

static void add_marks(const struct systems_table *table, const struct systems_marks *marks,
                      struct text *out)
{
    if (marks->n == 0)
        return;
    text_add(out, "<sup>");
    for (size_t i = 0; i < marks->n; i++)
        text_addf(out, "%s%s", i > 0 ? "," : "", table->notes[marks->notes[i]].mark);
    text_add(out, "</sup>");
}

static void put_cell(struct table *out, const struct systems_table *table,
                     const struct systems_cell *cell)
{
    const char *around = cell->bold ? "**" : "";
    struct text text;
    text_init(&text);
    if (cell->apart && cell->value[0])
        text_addf(&text, "(%s)", cell->value);
    else if (cell->value[0])
        text_addf(&text, "%s%s%s", around, cell->value, around);
    if (cell->low[0])
        text_addf(&text, " [%s, %s]", cell->low, cell->high);
    if (cell->label[0])
        text_addf(&text, " %s", cell->label);
    if (cell->marks.n > 0 && !cell->value[0])
        text_add(&text, "-");
    add_marks(table, &cell->marks, &text);
    table_text(out, &text);
    text_release(&text);
}

static void put_head(struct table *out, const struct systems_table *table)
{
    table_cell(out, "system");
    for (size_t c = 0; c < table->n_columns; c++) {
        const struct systems_column *column = &table->columns[c];
        struct text text;
        text_init(&text);
        text_add(&text, column->title);
        if (column->subtitle[0])
            text_addf(&text, " %s", column->subtitle);
        add_marks(table, &column->marks, &text);
        table_text(out, &text);
        text_release(&text);
    }
}

static void put_row(struct table *out, const struct systems_table *table, size_t r)
{
    const struct systems_row *row = &table->rows[r];
    bool is_foot = row->kind == SYSTEMS_FLOOR || row->kind == SYSTEMS_SAMPLES;
    struct text name;
    text_init(&name);
    text_addf(&name, is_foot ? "*%s*" : "%s", row->name);
    add_marks(table, &row->marks, &name);
    table_text(out, &name);
    text_release(&name);
    for (size_t c = 0; c < table->n_columns; c++)
        put_cell(out, table, systems_cell(table, r, c));
}

void systems_add_markdown(const struct systems_table *table, struct text *out)
{
    struct arena arena;
    struct table lines;
    arena_init(&arena);
    char *alignment = arena_alloc_small(&arena, table->n_columns + 2, 1);
    if (!alignment) {
        out->failed = true;
        return;
    }
    memset(alignment, 'r', table->n_columns + 1);
    alignment[0] = 'l';
    table_init(&lines, &arena, alignment);
    put_head(&lines, table);
    for (size_t r = 0; r < table->n_rows; r++)
        put_row(&lines, table, r);
    text_addf(out, "# %s\n\n", table->layout->title);
    table_add_to(&lines, TABLE_MARKDOWN, out);
    text_add(out, table->n_remarks + table->n_notes > 0 ? "\n" : "");
    for (size_t i = 0; i < table->n_remarks; i++)
        text_addf(out, "- %s\n", table->remarks[i]);
    for (size_t i = 0; i < table->n_notes; i++)
        text_addf(out, "- <sup>%s</sup> %s%s\n", table->notes[i].mark,
                  table->notes[i].trap ? "trap: " : "", table->notes[i].text);
    out->failed = out->failed || lines.failed || arena_failed(&arena);
    arena_release(&arena);
}
