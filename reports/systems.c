#include "reports/systems_build.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

const char *const systems_row_kinds[] = {[SYSTEMS_RUN] = "run",
                                         [SYSTEMS_PUBLISHED] = "published",
                                         [SYSTEMS_FLOOR] = "floor",
                                         [SYSTEMS_SAMPLES] = "samples"};

void *systems_grow(struct systems_table *table, void *list, size_t n, size_t *capacity, size_t size)
{
    if (n < *capacity)
        return list;
    size_t more = *capacity ? 2 * *capacity : 16;
    void *larger = arena_alloc_small(&table->arena, more, size);
    if (larger && n > 0)
        memcpy(larger, list, n * size);
    if (larger)
        *capacity = more;
    return larger;
}

const char *systems_copy(struct systems_table *table, const char *string)
{
    const char *copy = arena_string(&table->arena, string);
    return copy ? copy : "";
}

static void mark(struct systems_table *table, struct systems_marks *marks, int trap,
                 const char *text)
{
    size_t i = 0;
    while (i < table->n_notes && strcmp(table->notes[i].text, text) != 0)
        i++;
    if (i == table->n_notes) {
        struct systems_note *larger = systems_grow(table, table->notes, table->n_notes,
                                                   &table->note_capacity, sizeof *larger);
        if (!larger)
            return;
        table->notes = larger;
        larger[table->n_notes++] = (struct systems_note){"", systems_copy(table, text), trap};
    }
    for (size_t k = 0; k < marks->n; k++)
        if (marks->notes[k] == i)
            return;
    if (marks->n < SYSTEMS_MOST_NOTES)
        marks->notes[marks->n++] = i;
}

void systems_mark(struct systems_table *table, struct systems_marks *marks, const char *text)
{
    if (text)
        mark(table, marks, 0, text);
}

void systems_mark_trap(struct systems_table *table, struct systems_marks *marks, int number,
                       const char *text)
{
    mark(table, marks, number, text);
}

void systems_remark(struct systems_table *table, const char *text)
{
    const char **larger = systems_grow(table, table->remarks, table->n_remarks,
                                       &table->remark_capacity, sizeof *larger);
    if (!larger || !text)
        return;
    for (size_t i = 0; i < table->n_remarks; i++)
        if (strcmp(table->remarks[i], text) == 0)
            return;
    table->remarks = larger;
    larger[table->n_remarks++] = arena_string(&table->arena, text);
}

struct systems_cell *systems_cell(const struct systems_table *table, size_t row, size_t column)
{
    return &table->cells[row * table->n_columns + column];
}

const struct score *systems_score(const struct run_record *record, const char *name)
{
    for (size_t i = 0; i < record->n_scores; i++)
        if (name && strcmp(record->scores[i].name, name) == 0)
            return &record->scores[i];
    return name ? NULL : run_headline(record);
}

static void add_difference(struct text *text, const char *what, const char *is, const char *column)
{
    if (!is || !column || !is[0] || strcmp(is, column) == 0) /* NULL: memory ran out */
        return;
    text_add(text, text->length > 0 ? "; " : "");
    if (strstr(is, "not stated"))
        text_add(text, is);
    else if (column[0])
        text_addf(text, "%s: %s, not %s", what, is, column);
    else
        text_addf(text, "%s: %s", what, is);
}

const char *systems_difference(struct arena *arena, const struct measured_how *is,
                               const struct measured_how *column)
{
    struct text text;
    text_init(&text);
    add_difference(&text, "split", is->split, column->split);
    add_difference(&text, "metric", is->metric, column->metric);
    add_difference(&text, "prompt", is->prompt, column->prompt);
    add_difference(&text, "processor", is->gpu, column->gpu);
    add_difference(&text, "precision", is->precision, column->precision);
    add_difference(&text, "scored as", is->protocol, column->protocol);
    arena->failed = arena->failed || text.failed;
    const char *result = text.length > 0 ? arena_string(arena, text_string(&text)) : NULL;
    text_release(&text);
    return result;
}

/* Notes get their letters in the order in which they are met; traps keep their numbers and stand
 * last. */
struct renaming {
    struct systems_table *table;
    size_t *place; /* [n_notes], SIZE_MAX: not met yet */
    size_t n_met;
};

static void meet(struct renaming *renaming, const struct systems_marks *marks)
{
    for (size_t i = 0; i < marks->n; i++) {
        size_t note = marks->notes[i];
        if (renaming->place[note] == SIZE_MAX && renaming->table->notes[note].trap == 0)
            renaming->place[note] = renaming->n_met++;
    }
}

static int by_place(const void *a, const void *b)
{
    size_t left = *(const size_t *)a, right = *(const size_t *)b;
    return (left > right) - (left < right);
}

static void rename_marks(const struct renaming *renaming, struct systems_marks *marks)
{
    for (size_t i = 0; i < marks->n; i++)
        marks->notes[i] = renaming->place[marks->notes[i]];
    qsort(marks->notes, marks->n, sizeof marks->notes[0], by_place);
}

/* "a" to "z", "aa" ... */
static const char *letters(struct arena *arena, size_t i)
{
    if (i < 26)
        return arena_printf(arena, "%c", (char)('a' + i));
    return arena_printf(arena, "%c%c", (char)('a' + i / 26 - 1), (char)('a' + i % 26));
}

static void sort_notes(struct systems_table *table, struct renaming *renaming)
{
    struct systems_note *sorted =
        arena_alloc_small(&table->arena, table->n_notes + 1, sizeof *sorted);
    for (int trap = 0; trap < PUBLISHED_MOST_TRAPS; trap++)
        for (size_t i = 0; i < table->n_notes; i++)
            if (table->notes[i].trap == trap && renaming->place[i] == SIZE_MAX)
                renaming->place[i] = renaming->n_met++;
    for (size_t i = 0; sorted && i < table->n_notes; i++) {
        struct systems_note *note = &table->notes[i];
        size_t place = renaming->place[i];
        note->mark = note->trap ? arena_printf(&table->arena, "T%d", note->trap)
                                : letters(&table->arena, place);
        sorted[place] = *note;
    }
    table->notes = sorted;
}

static void name_notes(struct systems_table *table)
{
    struct renaming renaming = {table, NULL, 0};
    renaming.place = arena_alloc_small(&table->arena, table->n_notes + 1, sizeof(size_t));
    if (!renaming.place || arena_failed(&table->arena))
        return;
    for (size_t i = 0; i < table->n_notes; i++)
        renaming.place[i] = SIZE_MAX;
    for (size_t c = 0; c < table->n_columns; c++)
        meet(&renaming, &table->columns[c].marks);
    for (size_t r = 0; r < table->n_rows; r++) {
        meet(&renaming, &table->rows[r].marks);
        for (size_t c = 0; c < table->n_columns; c++)
            meet(&renaming, &systems_cell(table, r, c)->marks);
    }
    sort_notes(table, &renaming);
    for (size_t c = 0; c < table->n_columns; c++)
        rename_marks(&renaming, &table->columns[c].marks);
    for (size_t r = 0; r < table->n_rows; r++) {
        rename_marks(&renaming, &table->rows[r].marks);
        for (size_t c = 0; c < table->n_columns; c++)
            rename_marks(&renaming, &systems_cell(table, r, c)->marks);
    }
}

static bool make_cells(struct systems_table *table)
{
    table->cells = arena_alloc_small(&table->arena, table->n_rows * table->n_columns + 1,
                                     sizeof *table->cells);
    for (size_t i = 0; table->cells && i < table->n_rows * table->n_columns; i++)
        table->cells[i] = (struct systems_cell){.value = "", .low = "", .high = "", .label = ""};
    return table->cells != NULL && !arena_failed(&table->arena);
}

/* A column that has nothing to say is left out where the columns are not a paper's. */
static void drop_blank_columns(struct systems_table *table)
{
    size_t kept = 0, n = table->n_columns;
    for (size_t c = 0; c < n; c++) {
        bool is_blank = table->columns[c].layout->source != LAYOUT_SCORE;
        for (size_t r = 0; r < table->n_rows; r++) {
            const struct systems_cell *cell = &table->cells[r * n + c];
            is_blank = is_blank && !cell->value[0] && cell->marks.n == 0;
        }
        if (is_blank)
            continue;
        table->columns[kept] = table->columns[c];
        for (size_t r = 0; r < table->n_rows; r++)
            table->cells[r * n + kept] = table->cells[r * n + c];
        kept++;
    }
    for (size_t r = 0; r < table->n_rows; r++)
        memmove(&table->cells[r * kept], &table->cells[r * n], kept * sizeof *table->cells);
    table->n_columns = kept;
}

enum status systems_build(struct systems_table *table, const struct systems_input *input,
                          struct error *err)
{
    struct systems_builder builder = {table, input, NULL};
    *table = (struct systems_table){.layout = input->layout};
    arena_init(&table->arena);
    systems_make_rows(&builder);
    systems_join_profiles(&builder);
    systems_make_columns(&builder);
    if (make_cells(table)) {
        systems_fill_runs(&builder);
        systems_fill_speed(&builder);
        systems_fill_published(&builder);
        systems_make_bold(&builder);
        systems_fill_feet(&builder);
        if (input->layout->every_protocol)
            drop_blank_columns(table);
        name_notes(table);
    }
    if (!arena_failed(&table->arena))
        return STATUS_OK;
    systems_release(table);
    return fail(err, STATUS_NO_MEMORY, "out of memory while the table is made");
}

void systems_release(struct systems_table *table)
{
    arena_release(&table->arena);
    *table = (struct systems_table){0};
}
