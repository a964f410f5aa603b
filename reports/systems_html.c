/* reports/systems_html.c - the table of systems for a page: an element, no page of its own. */
#include "reports/html_text.h"
#include "reports/systems.h"

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

static void add_cell(const struct systems_table *table, const struct systems_cell *cell,
                     struct text *out)
{
    const char *open = cell->bold ? "<b>" : cell->apart && cell->value[0] ? "<i>(" : "";
    const char *close = cell->bold ? "</b>" : cell->apart && cell->value[0] ? ")</i>" : "";
    text_add(out, cell->is_text ? "<td>" : "<td class=\"r\">");
    text_add(out, open);
    html_add_text(out, cell->value);
    text_add(out, close);
    if (cell->low[0])
        text_addf(out, " [%s, %s]", cell->low, cell->high);
    if (cell->label[0]) {
        text_add_char(out, ' ');
        html_add_text(out, cell->label);
    }
    if (cell->marks.n > 0 && !cell->value[0])
        text_add(out, "-");
    add_marks(table, &cell->marks, out);
    text_add(out, "</td>");
}

static void add_head(const struct systems_table *table, struct text *out)
{
    text_add(out, "<table>\n<thead><tr><th scope=\"col\">system</th>");
    for (size_t c = 0; c < table->n_columns; c++) {
        const struct systems_column *column = &table->columns[c];
        text_add(out, "<th scope=\"col\" class=\"r\">");
        html_add_text(out, column->title);
        text_add(out, column->subtitle[0] ? " " : "");
        html_add_text(out, column->subtitle);
        add_marks(table, &column->marks, out);
        text_add(out, "</th>");
    }
    text_add(out, "</tr></thead>\n<tbody>\n");
}

static void add_notes(const struct systems_table *table, struct text *out)
{
    text_add(out, "<ul>\n");
    for (size_t i = 0; i < table->n_remarks; i++) {
        text_add(out, "<li>");
        html_add_text(out, table->remarks[i]);
        text_add(out, "</li>\n");
    }
    for (size_t i = 0; i < table->n_notes; i++) {
        text_addf(out, "<li><sup>%s</sup> ", table->notes[i].mark);
        html_add_text(out, table->notes[i].text);
        text_add(out, "</li>\n");
    }
    text_add(out, "</ul>\n");
}

void systems_add_html(const struct systems_table *table, struct text *out)
{
    text_add(out, "<div class=\"table\">\n");
    add_head(table, out);
    for (size_t r = 0; r < table->n_rows; r++) {
        text_add(out, "<tr><th scope=\"row\">");
        html_add_text(out, table->rows[r].name);
        add_marks(table, &table->rows[r].marks, out);
        text_add(out, "</th>");
        for (size_t c = 0; c < table->n_columns; c++)
            add_cell(table, systems_cell(table, r, c), out);
        text_add(out, "</tr>\n");
    }
    text_add(out, "</tbody>\n</table>\n</div>\n");
    if (table->n_notes + table->n_remarks > 0)
        add_notes(table, out);
}
