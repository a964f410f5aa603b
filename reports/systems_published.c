/* reports/systems_published.c - rows of printed numbers: held against their columns, set apart
 * where they were measured otherwise, with the traps that are known. */
#include "reports/systems_build.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static bool same(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") == 0;
}

static const struct published_number *find_number(const struct published_system *system,
                                                  const char *dataset, const char *score)
{
    for (size_t i = 0; i < system->n_numbers; i++)
        if (same(system->numbers[i].dataset, dataset) && same(system->numbers[i].score, score))
            return &system->numbers[i];
    return NULL;
}

/* Of several columns of a benchmark, the one of the number's own protocol, else the first. */
static bool is_its_column(const struct systems_table *table, size_t c,
                          const struct published_number *number)
{
    size_t first = SIZE_MAX, own = SIZE_MAX;
    for (size_t k = 0; k < table->n_columns; k++) {
        const struct systems_column *column = &table->columns[k];
        if (column->layout->source != LAYOUT_SCORE || column->layout != table->columns[c].layout)
            continue;
        first = first == SIZE_MAX ? k : first;
        if (own == SIZE_MAX && same(column->protocol, number->how.protocol))
            own = k;
    }
    return c == (own != SIZE_MAX ? own : first);
}

static const struct published_number *number_of(const struct systems_table *table, size_t c,
                                                const struct published_system *system)
{
    const struct layout_column *layout = table->columns[c].layout;
    if (layout->source == LAYOUT_RATE)
        return find_number(system, "speed", "tokens/s");
    if (layout->source == LAYOUT_TOTAL_TIME)
        return find_number(system, "speed", "total s");
    if (layout->source != LAYOUT_SCORE || !layout->dataset)
        return NULL;
    const struct published_number *number =
        find_number(system, layout->dataset, layout->score ? layout->score : "");
    return number && is_its_column(table, c, number) ? number : NULL;
}

/* Of a score what its column compares; a speed has no protocol, split or scorer of its own. */
static struct measured_how how_of(const struct systems_column *column,
                                  const struct published_number *number)
{
    struct measured_how how = number->how;
    if (column->layout->source != LAYOUT_SCORE)
        how.protocol = how.split = "";
    if (column->layout->score)
        how.split = how.metric = "";
    return how;
}

/* The runs of the column may have been asked something else than the paper's benchmark. */
static const char *other_data(struct systems_table *table, size_t c)
{
    for (size_t r = 0; r < table->n_rows; r++) {
        const struct run_record *record = systems_cell(table, r, c)->record;
        if (!record)
            continue;
        if (record->data_note)
            return "the runs of this column were asked other data (see the note at its head)";
        if (record->n_samples < record->n_in_dataset)
            return "the runs of this column were asked a part of the benchmark";
    }
    return NULL;
}

static bool has_own(const struct systems_table *table, size_t c)
{
    for (size_t r = 0; r < table->n_rows; r++)
        if (table->rows[r].kind == SYSTEMS_RUN && systems_cell(table, r, c)->value[0])
            return true;
    return false;
}

static void note_first(struct systems_table *table, struct systems_column *column,
                       const struct measured_how *how)
{
    if (column->layout->source == LAYOUT_SCORE)
        return;
    column->how = *how;
    systems_mark(table, &column->marks,
                 arena_printf(&table->arena, "%s: %s; %s; %s; %s", column->title, how->metric,
                              how->prompt, how->gpu, how->precision));
}

/* Fills a column; whether values of different kinds stand in it. */
static bool fill_numbers(struct systems_table *table, size_t c)
{
    struct systems_column *column = &table->columns[c];
    const char *data = other_data(table, c);
    bool is_mixed = false, is_first = !has_own(table, c);
    for (size_t r = 0; r < table->n_rows; r++) {
        const struct published_system *system = table->rows[r].listed;
        const struct published_number *number = system ? number_of(table, c, system) : NULL;
        struct systems_cell *cell = systems_cell(table, r, c);
        if (!number)
            continue;
        struct measured_how how = how_of(column, number);
        if (is_first)
            note_first(table, column, &how);
        is_first = false;
        const char *difference = systems_difference(&table->arena, &how, &column->how);
        cell->value = systems_copy(table, number->value);
        cell->number = strtod(number->value, NULL);
        cell->apart = difference || data;
        is_mixed = is_mixed || difference;
        systems_mark(table, &cell->marks, difference);
        systems_mark(table, &cell->marks, data);
        systems_mark(table, &cell->marks, number->note[0] ? number->note : NULL);
        if (!text_starts_with(number->source, system->source))
            systems_mark(table, &cell->marks,
                         arena_printf(&table->arena, "printed in %s", number->source));
    }
    return is_mixed;
}

static bool applies(const struct systems_builder *builder, const struct published_trap *trap,
                    bool is_mixed)
{
    if (trap->if_mixed && !is_mixed)
        return false;
    for (size_t i = 0; trap->unless && i < builder->input->n_listed; i++)
        if (same(builder->input->listed[i]->key, trap->unless))
            return false;
    return true;
}

static void mark_traps(struct systems_builder *builder, struct systems_marks *marks, unsigned traps,
                       bool is_mixed)
{
    const struct published *published = builder->input->published;
    for (size_t t = 0; t < published->n_traps; t++) {
        const struct published_trap *trap = &published->traps[t];
        if ((traps >> trap->number & 1) && applies(builder, trap, is_mixed))
            systems_mark_trap(builder->table, marks, trap->number, trap->text);
    }
}

static void fill_score_or_speed(struct systems_builder *builder, size_t c)
{
    struct systems_table *table = builder->table;
    bool is_mixed = fill_numbers(table, c);
    for (size_t r = 0; r < table->n_rows; r++) {
        const struct published_system *system = table->rows[r].listed;
        const struct published_number *number = system ? number_of(table, c, system) : NULL;
        if (number)
            mark_traps(builder, &systems_cell(table, r, c)->marks, number->traps, is_mixed);
    }
}

static void fill_facts(struct systems_table *table, size_t c)
{
    enum layout_source source = table->columns[c].layout->source;
    for (size_t r = 0; r < table->n_rows; r++) {
        const struct published_system *system = table->rows[r].listed;
        struct systems_cell *cell = systems_cell(table, r, c);
        if (!system)
            continue;
        const char *value = source == LAYOUT_PARAMETERS       ? system->parameters_m
                            : source == LAYOUT_VISUAL_TOKENS  ? system->visual_tokens
                            : source == LAYOUT_LANGUAGE_MODEL ? system->language_model
                                                              : "";
        cell->value = systems_copy(table, value);
        cell->is_text = source == LAYOUT_LANGUAGE_MODEL;
        if (source == LAYOUT_PARAMETERS && system->parameters_note[0])
            systems_mark(table, &cell->marks, system->parameters_note);
    }
}

void systems_fill_published(struct systems_builder *builder)
{
    struct systems_table *table = builder->table;
    bool has_scores = false;
    for (size_t c = 0; c < table->n_columns && builder->input->n_listed > 0; c++) {
        enum layout_source source = table->columns[c].layout->source;
        has_scores = has_scores || source == LAYOUT_SCORE;
        if (source == LAYOUT_SCORE || source == LAYOUT_RATE || source == LAYOUT_TOTAL_TIME)
            fill_score_or_speed(builder, c);
        else
            fill_facts(table, c);
    }
    for (size_t r = 0; r < table->n_rows; r++) {
        struct systems_row *row = &table->rows[r];
        if (!row->listed)
            continue;
        systems_mark(table, &row->marks,
                     arena_printf(&table->arena, "as printed: %s", row->listed->source));
        if (has_scores)
            mark_traps(builder, &row->marks, row->listed->traps, true);
    }
    if (builder->input->n_listed > 0)
        systems_remark(table,
                       "Printed numbers come without intervals and without answers: none of "
                       "them is tested, and none is bold. Those in parentheses were measured "
                       "otherwise than their column.");
}
