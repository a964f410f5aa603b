/* reports/systems_cells.c - scores of runs, the footnote of every protocol, floors and samples. */
#include "reports/systems_build.h"

#include <math.h>
#include <string.h>

static bool same(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") == 0;
}

/* In percent where a perfect score is known, else as it is. */
static const char *digits(struct arena *arena, double value, double scale)
{
    if (isnan(value))
        return "";
    const char *text = scale > 0 ? arena_printf(arena, "%.2f", value / scale * 100)
                                 : arena_printf(arena, "%.0f", value);
    return text ? text : "";
}

static void note_samples(struct systems_table *table, struct systems_cell *cell,
                         const struct run_record *record)
{
    struct arena *arena = &table->arena;
    if (record->n_failed > 0)
        systems_mark(table, &cell->marks,
                     arena_printf(arena, "%zu of %zu samples have no answer and count as wrong",
                                  record->n_failed, record->n_samples));
    if (record->random_weights)
        systems_mark(table, &cell->marks, "the weights are random: the score means nothing");
    if (record->max_new_tokens_changed)
        systems_mark(table, &cell->marks,
                     arena_printf(arena,
                                  "at most %d new tokens, which is not the protocol's number",
                                  record->max_new_tokens));
}

static void put_score(struct systems_table *table, struct systems_cell *cell,
                      const struct systems_column *column, const struct run_record *record)
{
    struct arena *arena = &table->arena;
    const struct score *score = systems_score(record, column->layout->score);
    cell->record = record;
    cell->n = record->n_samples;
    cell->n_failed = record->n_failed;
    note_samples(table, cell, record);
    if (!score || isnan(score->value)) {
        systems_mark(table, &cell->marks,
                     score ? arena_printf(arena, "%s is undefined%s%s", score->name,
                                          score->note ? ": " : "", score->note ? score->note : "")
                           : arena_printf(arena, "%s has no score %s", record->protocol,
                                          column->layout->score));
        return;
    }
    cell->n = score->n > 0 ? score->n : cell->n;
    cell->number = score->value;
    cell->value = digits(arena, score->value, score->scale);
    cell->number_low = cell->number_high = (double)NAN;
    if (score->interval == INTERVAL_NONE || isnan(score->low) || isnan(score->high))
        return;
    cell->number_low = fmax(score->low, 0);
    cell->number_high = score->scale > 0 ? fmin(score->high, score->scale) : score->high;
    cell->low = digits(arena, cell->number_low, score->scale);
    cell->high = digits(arena, cell->number_high, score->scale);
}

/* "a footnote per protocol": what stands behind the column's number. */
static void note_protocol(struct systems_builder *builder, struct systems_column *column,
                          const struct run_record *record)
{
    struct systems_table *table = builder->table;
    struct text text;
    text_init(&text);
    text_addf(&text, "%s: %s", column->protocol,
              record && record->protocol_title ? record->protocol_title : column->how.metric);
    if (!record)
        text_addf(&text, "%s%s", column->how.split[0] ? "; split: " : "", column->how.split);
    if (!record && column->how.prompt[0])
        text_addf(&text, "; %s", column->how.prompt);
    if (record) {
        text_addf(&text, ". The score is %s", run_headline(record)->name);
        text_addf(&text, "; version %d, file %.8s", record->protocol_version,
                  record->protocol_hash ? record->protocol_hash : "unknown");
        if (record->n_samples < record->n_in_dataset)
            text_addf(&text, "; %zu of the %zu samples", record->n_samples, record->n_in_dataset);
        if (record->data_note)
            text_addf(&text, ". Data: %s", record->data_note);
    } else if (builder->input->n_runs == 0) {
        text_add(&text, ". Values that were measured otherwise are set apart");
    }
    table->arena.failed = table->arena.failed || text.failed;
    systems_mark(table, &column->marks, text_string(&text));
    text_release(&text);
}

/* Against the first run of the column. */
static void compare_with(struct systems_table *table, struct systems_cell *cell,
                         const struct systems_column *column, const struct run_record *record,
                         const struct run_record *first)
{
    struct arena *arena = &table->arena;
    if (!same(column->protocol_hash, record->protocol_hash)) {
        cell->apart = true;
        systems_mark(table, &cell->marks,
                     arena_printf(arena, "another version of the protocol's file: %.8s, not %.8s",
                                  record->protocol_hash ? record->protocol_hash : "unknown",
                                  column->protocol_hash ? column->protocol_hash : "unknown"));
    }
    if (record->n_samples != first->n_samples) {
        cell->apart = true;
        systems_mark(
            table, &cell->marks,
            arena_printf(arena, "over %zu samples, not %zu", record->n_samples, first->n_samples));
    }
}

/* The run whose number is the column's measure: the first with the most samples. */
static const struct run_record *leading_run(const struct systems_builder *builder,
                                            const struct systems_column *column)
{
    const struct run_record *first = NULL;
    for (size_t i = 0; i < builder->input->n_runs; i++) {
        const struct run_record *record = builder->input->runs[i].record;
        if (same(record->protocol, column->protocol) &&
            (!first || record->n_samples > first->n_samples))
            first = record;
    }
    return first;
}

static bool is_on(const char *protocol, const char *dataset)
{
    size_t length = strcspn(protocol, ":@");
    return dataset && strlen(dataset) == length && strncmp(protocol, dataset, length) == 0;
}

/* A run of another protocol of the benchmark, where a fixed column has no other. */
static void put_other_protocol(struct systems_builder *builder, struct systems_column *column,
                               struct systems_cell *cell, const struct run_record *record)
{
    struct systems_table *table = builder->table;
    struct measured_how how = {record->protocol, "", "", "", "", ""};
    published_protocol_facts(builder->input->published, record->protocol, &table->arena, &how);
    put_score(table, cell, column, record);
    cell->apart = true;
    systems_mark(table, &cell->marks, systems_difference(&table->arena, &how, &column->how));
}

static void fill_column(struct systems_builder *builder, size_t c)
{
    struct systems_table *table = builder->table;
    struct systems_column *column = &table->columns[c];
    const struct run_record *first = leading_run(builder, column);
    column->protocol_hash = first ? first->protocol_hash : NULL;
    note_protocol(builder, column, first);
    for (size_t i = 0; i < builder->input->n_runs; i++) {
        const struct run_record *record = builder->input->runs[i].record;
        struct systems_cell *cell = systems_cell(table, builder->row_of_run[i], c);
        if (!same(record->protocol, column->protocol))
            continue;
        put_score(table, cell, column, record);
        compare_with(table, cell, column, record, first);
    }
    for (size_t i = 0; i < builder->input->n_runs && !table->layout->every_protocol; i++) {
        const struct run_record *record = builder->input->runs[i].record;
        struct systems_cell *cell = systems_cell(table, builder->row_of_run[i], c);
        if (!cell->record && is_on(record->protocol, column->layout->dataset))
            put_other_protocol(builder, column, cell, record);
    }
}

/* Cells that a run should fill say why they are blank. */
static void fill_missing(struct systems_builder *builder, const struct systems_missing *missing)
{
    struct systems_table *table = builder->table;
    for (size_t r = 0; r < table->n_rows; r++)
        for (size_t c = 0; c < table->n_columns && same(table->rows[r].label, missing->row); c++) {
            struct systems_cell *cell = systems_cell(table, r, c);
            if (!cell->record && same(table->columns[c].protocol, missing->protocol))
                systems_mark(table, &cell->marks, missing->reason);
        }
}

void systems_fill_runs(struct systems_builder *builder)
{
    for (size_t c = 0; c < builder->table->n_columns; c++)
        if (builder->table->columns[c].layout->source == LAYOUT_SCORE)
            fill_column(builder, c);
    for (size_t i = 0; i < builder->input->n_missing; i++)
        if (builder->input->missing[i].protocol)
            fill_missing(builder, &builder->input->missing[i]);
}

/* The best floor of the column's leading run; floors are the headline's. */
static void put_floor(struct systems_table *table, struct systems_cell *cell,
                      const struct systems_column *column, const struct run_record *record)
{
    const struct run_floor *best = record ? run_best_floor(record) : NULL;
    if (column->layout->score || !best || isnan(best->value))
        return;
    const char *colon = strchr(best->name, ':');
    cell->value = digits(&table->arena, best->value, run_headline(record)->scale);
    cell->label = systems_copy(table, colon ? colon + 1 : best->name);
}

static void put_samples(struct systems_table *table, struct systems_cell *cell,
                        const struct systems_column *column, const struct run_record *record)
{
    const struct score *score = record ? systems_score(record, column->layout->score) : NULL;
    if (!score)
        return;
    size_t n = score->n > 0 ? score->n : record->n_samples;
    const char *text = arena_printf(&table->arena, "%zu", n);
    cell->value = text ? text : "";
}

void systems_fill_feet(struct systems_builder *builder)
{
    struct systems_table *table = builder->table;
    for (size_t r = 0; r < table->n_rows; r++)
        for (size_t c = 0; c < table->n_columns; c++) {
            const struct systems_column *column = &table->columns[c];
            const struct run_record *record =
                column->layout->source == LAYOUT_SCORE ? leading_run(builder, column) : NULL;
            if (table->rows[r].kind == SYSTEMS_FLOOR)
                put_floor(table, systems_cell(table, r, c), column, record);
            else if (table->rows[r].kind == SYSTEMS_SAMPLES)
                put_samples(table, systems_cell(table, r, c), column, record);
        }
}
