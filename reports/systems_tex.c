/* reports/systems_tex.c - the table of systems in LaTeX: needs the packages booktabs and, for names
 * with accents, an engine that reads UTF-8.
 *
 * Intervals stand below their values; footnotes below the table. */
#include "reports/report.h"
#include "reports/systems.h"

#include <stdio.h>
#include <string.h>

/* Bytes of the UTF-8 sequence at text, and its code point; 0 for what is none. */
static size_t code_point(const unsigned char *text, unsigned *point)
{
    static const unsigned char masks[] = {0x7F, 0x1F, 0x0F, 0x07};
    size_t n = text[0] < 0x80       ? 1
               : text[0] >> 5 == 6  ? 2
               : text[0] >> 4 == 14 ? 3
               : text[0] >> 3 == 30 ? 4
                                    : 0;
    if (n == 0)
        return 0;
    *point = text[0] & masks[n - 1];
    for (size_t i = 1; i < n; i++) {
        if (text[i] >> 6 != 2)
            return 0;
        *point = *point << 6 | (text[i] & 0x3F);
    }
    return n;
}

static const char *command_for(char c)
{
    static const struct {
        char c;
        const char *command;
    } commands[] = {
        {'\\', "\\textbackslash{}"},
        {'{', "\\{"},
        {'}', "\\}"},
        {'$', "\\$"},
        {'&', "\\&"},
        {'#', "\\#"},
        {'%', "\\%"},
        {'_', "\\_"},
        {'^', "\\textasciicircum{}"},
        {'~', "\\textasciitilde{}"},
        {'<', "\\textless{}"},
        {'>', "\\textgreater{}"},
        {'|', "\\textbar{}"},
        {'"', "''"},
        {'`', "\\textasciigrave{}"},
        {'\n', " "},
    };
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (commands[i].c == c)
            return commands[i].command;
    return NULL;
}

/* Text as LaTeX prints it letter by letter.  Beyond Latin letters, which every set-up has, a
 * character is named. */
static void add_escaped(const char *string, struct text *out)
{
    const unsigned char *at = (const unsigned char *)string;
    while (*at) {
        unsigned point = 0;
        size_t n = code_point(at, &point);
        const char *command = n == 1 ? command_for((char)*at) : NULL;
        bool is_same = at > (const unsigned char *)string && at[-1] == at[0];
        if (command)
            text_add(out, command);
        else if (n == 0 || (n == 1 && *at < 0x20))
            text_add_char(out, '?');
        else if (n > 1 && (point < 0xC0 || point > 0x17F))
            text_addf(out, "\\texttt{U+%04X}", point);
        else if (is_same && strchr("-'", *at)) /* two of them would become another character */
            text_addf(out, "{%c}", *at);
        else
            text_add_bytes(out, (const char *)at, n);
        at += n ? n : 1;
    }
}

static void add_marks(const struct systems_table *table, const struct systems_marks *marks,
                      struct text *out)
{
    if (marks->n == 0)
        return;
    text_add(out, "\\textsuperscript{");
    for (size_t i = 0; i < marks->n; i++)
        text_addf(out, "%s%s", i > 0 ? "," : "", table->notes[marks->notes[i]].mark);
    text_add_char(out, '}');
}

static void add_cell(const struct systems_table *table, const struct systems_cell *cell,
                     struct text *out)
{
    text_add(out, " & ");
    text_add(out, cell->bold ? "\\textbf{" : cell->apart && cell->value[0] ? "\\textit{(" : "");
    add_escaped(cell->value, out);
    text_add(out, cell->bold ? "}" : cell->apart && cell->value[0] ? ")}" : "");
    if (cell->marks.n > 0 && !cell->value[0])
        text_add(out, "--");
    add_marks(table, &cell->marks, out);
}

/* The line below a row: intervals, or what a floor is called. */
static void add_second_line(const struct systems_table *table, size_t r, struct text *out)
{
    bool any = false;
    for (size_t c = 0; c < table->n_columns; c++) {
        const struct systems_cell *cell = systems_cell(table, r, c);
        any = any || cell->low[0] || cell->label[0];
    }
    if (!any)
        return;
    for (size_t c = 0; c < table->n_columns; c++) {
        const struct systems_cell *cell = systems_cell(table, r, c);
        text_add(out, " & ");
        if (cell->low[0]) {
            text_addf(out, "{\\scriptsize [%s, %s]}", cell->low, cell->high);
        } else if (cell->label[0]) {
            text_add(out, "{\\scriptsize ");
            add_escaped(cell->label, out);
            text_add_char(out, '}');
        }
    }
    text_add(out, " \\\\[1pt]\n");
}

static void add_head(const struct systems_table *table, struct text *out)
{
    bool any = false;
    text_add(out, "System");
    for (size_t c = 0; c < table->n_columns; c++) {
        text_add(out, " & ");
        add_escaped(table->columns[c].title, out);
        add_marks(table, &table->columns[c].marks, out);
        any = any || table->columns[c].subtitle[0];
    }
    text_add(out, " \\\\\n");
    for (size_t c = 0; any && c < table->n_columns; c++) {
        text_add(out, " & {\\scriptsize ");
        add_escaped(table->columns[c].subtitle, out);
        text_add_char(out, '}');
    }
    text_add(out, any ? " \\\\\n\\midrule\n" : "\\midrule\n");
}

static void add_rows(const struct systems_table *table, struct text *out)
{
    for (size_t r = 0; r < table->n_rows; r++) {
        const struct systems_row *row = &table->rows[r];
        bool is_new = r > 0 && row->kind != table->rows[r - 1].kind;
        text_add(out, is_new && row->kind != SYSTEMS_SAMPLES ? "\\midrule\n" : "");
        add_escaped(row->name, out);
        add_marks(table, &row->marks, out);
        for (size_t c = 0; c < table->n_columns; c++)
            add_cell(table, systems_cell(table, r, c), out);
        text_add(out, " \\\\\n");
        add_second_line(table, r, out);
    }
}

/* One after the other, as papers have them. */
static void add_notes(const struct systems_table *table, struct text *out)
{
    text_add(out, "\\par\\smallskip\n\\begin{minipage}{\\textwidth}\\scriptsize\\raggedright\n");
    for (size_t i = 0; i < table->n_remarks; i++) {
        add_escaped(table->remarks[i], out);
        text_add(out, "\n");
    }
    for (size_t i = 0; i < table->n_notes; i++) {
        text_addf(out, "\\textsuperscript{%s}~", table->notes[i].mark);
        add_escaped(table->notes[i].text, out);
        text_add(out, text_ends_with(table->notes[i].text, ".") ? "\n" : ".\n");
    }
    text_add(out, "\\end{minipage}\n");
}

void systems_add_tex(const struct systems_table *table, struct text *out)
{
    text_add(out, "% \\usepackage{booktabs,textcomp}\n"
                  "\\begin{table*}\n\\centering\\small\n\\setlength{\\tabcolsep}{4pt}\n\\caption{");
    add_escaped(table->layout->title, out);
    text_addf(out, "}\n\\label{tab:%s}\n\\begin{tabular}{l", table->layout->name);
    for (size_t c = 0; c < table->n_columns; c++)
        text_add_char(out, table->columns[c].layout->source == LAYOUT_LANGUAGE_MODEL ? 'l' : 'r');
    text_add(out, "}\n\\toprule\n");
    add_head(table, out);
    add_rows(table, out);
    text_add(out, "\\bottomrule\n\\end{tabular}\n");
    if (table->n_notes + table->n_remarks > 0)
        add_notes(table, out);
    text_add(out, "\\end{table*}\n");
}

/* Of runs alone: intervals decide what is bold. */
static void add_runs(const struct run_record *records, size_t n, struct text *out)
{
    struct published published;
    struct systems_table table;
    struct arena arena;
    arena_init(&arena);
    struct systems_run *runs = arena_alloc_small(&arena, n, sizeof *runs);
    for (size_t i = 0; runs && i < n; i++)
        runs[i].record = &records[i];
    struct systems_input input = {
        .layout = table_layout_find("systems"), .runs = runs, .n_runs = n, .published = &published};
    if (!runs || published_open(&published, NULL)) {
        out->failed = true;
    } else {
        if (systems_build(&table, &input, NULL)) {
            out->failed = true;
        } else {
            systems_add_tex(&table, out);
            systems_release(&table);
        }
        published_close(&published);
    }
    arena_release(&arena);
}

const struct report_format report_tex = {"tex", NULL, add_runs, NULL, systems_add_tex};
