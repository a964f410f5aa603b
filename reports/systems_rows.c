/* reports/systems_rows.c - the rows and columns of a table of systems. */
#include "reports/systems_build.h"

#include <string.h>

static bool same(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") == 0;
}

static struct systems_row *add_row(struct systems_table *table, const struct systems_row *row)
{
    struct systems_row *larger =
        systems_grow(table, table->rows, table->n_rows, &table->row_capacity, sizeof *larger);
    if (!larger)
        return NULL;
    table->rows = larger;
    larger[table->n_rows] = *row;
    return &larger[table->n_rows++];
}

/* Whether an earlier run of this row has the protocol, too: then there are two rows. */
static bool has_protocol(const struct systems_builder *builder, size_t row, size_t before,
                         const char *protocol)
{
    for (size_t i = 0; i < before; i++)
        if (builder->row_of_run[i] == row &&
            same(builder->input->runs[i].record->protocol, protocol))
            return true;
    return false;
}

static bool is_of(const struct systems_row *row, const char *label, const char *hash,
                  const char *precision, bool random_weights)
{
    return same(row->label, label) && same(row->model_hash, hash) &&
           same(row->precision, precision) && row->random_weights == random_weights;
}

static void place_run(struct systems_builder *builder, size_t i)
{
    struct systems_table *table = builder->table;
    const struct systems_run *run = &builder->input->runs[i];
    const struct run_record *record = run->record;
    const char *label = run->row ? run->row : record->model;
    size_t row = 0, n_taken = 0;
    for (; row < table->n_rows; row++) {
        if (!is_of(&table->rows[row], label, record->model_hash, record->precision,
                   record->random_weights))
            continue;
        if (!has_protocol(builder, row, i, record->protocol))
            break;
        n_taken++;
    }
    builder->row_of_run[i] = row;
    if (row < table->n_rows)
        return;
    const char *copy = arena_string(&table->arena, label);
    add_row(table, &(struct systems_row){
                       .kind = SYSTEMS_RUN,
                       .label = copy,
                       .name = n_taken ? arena_printf(&table->arena, "%s (%s)", label, record->path)
                                       : copy,
                       .model = record->model,
                       .model_hash = record->model_hash,
                       .precision = record->precision,
                       .random_weights = record->random_weights,
                       .baseline = record->baseline,
                       .record = record,
                   });
}

/* Whether a row of runs is called so, by a suite or by the model. */
static bool is_known(const struct systems_table *table, const char *label, const char *model)
{
    for (size_t r = 0; r < table->n_rows; r++)
        if (table->rows[r].record &&
            ((label && same(table->rows[r].label, label)) || same(table->rows[r].model, model)))
            return true;
    return false;
}

/* A profile of a model that has no run, or whose weights and precision no run has where the table
 * is about speed, is a row of its own. */
static void place_point(struct systems_builder *builder, const struct systems_profile *profile,
                        const struct profile_point *point)
{
    struct systems_table *table = builder->table;
    const char *label = profile->row ? profile->row : point->model;
    bool of_scores = false;
    for (size_t c = 0; c < table->layout->n_columns; c++)
        of_scores = of_scores || table->layout->columns[c].source == LAYOUT_SCORE;
    if (point->error || point->depth > 0)
        return;
    for (size_t r = 0; r < table->n_rows; r++)
        if (same(table->rows[r].model_hash, point->model_hash) &&
            same(table->rows[r].precision, point->precision) &&
            table->rows[r].random_weights == point->random_weights)
            return;
    if (of_scores && is_known(table, profile->row, point->model))
        return;
    add_row(table, &(struct systems_row){
                       .kind = SYSTEMS_RUN,
                       .label = arena_string(&table->arena, label),
                       .name = arena_string(&table->arena, label),
                       .model = point->model,
                       .model_hash = point->model_hash,
                       .precision = point->precision,
                       .random_weights = point->random_weights,
                   });
}

/* What is missing may be all that there is of a system. */
static void place_missing(struct systems_builder *builder, const struct systems_missing *missing)
{
    struct systems_table *table = builder->table;
    for (size_t r = 0; r < table->n_rows; r++)
        if (same(table->rows[r].label, missing->row))
            return;
    const char *name = arena_string(&table->arena, missing->row);
    add_row(table, &(struct systems_row){.kind = SYSTEMS_RUN, .label = name, .name = name});
}

/* Rows that are called the same say what they differ in. */
static void tell_apart(struct systems_table *table)
{
    for (size_t r = 0; r < table->n_rows; r++) {
        struct systems_row *row = &table->rows[r];
        bool precision = false, hash = false;
        for (size_t o = 0; o < table->n_rows; o++) {
            const struct systems_row *other = &table->rows[o];
            if (o == r || !same(other->label, row->label))
                continue;
            precision = precision || !same(other->precision, row->precision);
            hash = hash || (same(other->precision, row->precision) &&
                            !same(other->model_hash, row->model_hash));
        }
        if (precision && row->precision)
            row->name = arena_printf(&table->arena, "%s %s", row->name, row->precision);
        if (hash && row->model_hash)
            row->name = arena_printf(&table->arena, "%s (%.8s)", row->name, row->model_hash);
    }
}

void systems_make_rows(struct systems_builder *builder)
{
    struct systems_table *table = builder->table;
    const struct systems_input *input = builder->input;
    builder->row_of_run = arena_alloc_small(&table->arena, input->n_runs + 1, sizeof(size_t));
    for (size_t i = 0; builder->row_of_run && i < input->n_runs; i++)
        place_run(builder, i);
    for (size_t i = 0; i < input->n_profiles; i++)
        for (size_t p = 0; p < input->profiles[i].file->n_points; p++)
            place_point(builder, &input->profiles[i], &input->profiles[i].file->points[p]);
    for (size_t i = 0; i < input->n_missing; i++)
        place_missing(builder, &input->missing[i]);
    tell_apart(table);
    for (size_t i = 0; i < input->n_listed; i++) {
        const struct published_system *listed = input->listed[i];
        add_row(table, &(struct systems_row){.kind = SYSTEMS_PUBLISHED,
                                             .label = "",
                                             .name = arena_string(&table->arena, listed->name),
                                             .listed = listed});
    }
    if (input->n_runs > 0) {
        add_row(table,
                &(struct systems_row){.kind = SYSTEMS_FLOOR, .label = "", .name = "best floor"});
        add_row(table,
                &(struct systems_row){.kind = SYSTEMS_SAMPLES, .label = "", .name = "samples"});
    }
}

static void add_column(struct systems_table *table, const struct systems_column *column)
{
    struct systems_column *larger = systems_grow(table, table->columns, table->n_columns,
                                                 &table->column_capacity, sizeof *larger);
    if (!larger)
        return;
    table->columns = larger;
    larger[table->n_columns++] = *column;
}

/* "pope" of "pope:aokvqa@llava". */
static bool is_on(const char *protocol, const char *dataset)
{
    size_t length = strcspn(protocol, ":@");
    return strlen(dataset) == length && strncmp(protocol, dataset, length) == 0;
}

static void add_score_column(struct systems_builder *builder, const struct layout_column *layout,
                             const char *protocol)
{
    if (!protocol) /* without memory */
        return;
    struct systems_column column = {
        .title = layout->title,
        .subtitle = protocol,
        .layout = layout,
        .protocol = protocol,
        .how = {protocol, "", "", "", "", ""},
    };
    published_protocol_facts(builder->input->published, protocol, &builder->table->arena,
                             &column.how);
    if (layout->score) /* a part of the benchmark, under its own name */
        column.how.split = column.how.metric = "";
    add_column(builder->table, &column);
}

/* The protocol of the first run on a dataset, else fallback. */
static const char *first_protocol(const struct systems_input *input, const char *dataset,
                                  const char *fallback)
{
    for (size_t i = 0; i < input->n_runs; i++)
        if (is_on(input->runs[i].record->protocol, dataset))
            return input->runs[i].record->protocol;
    return fallback;
}

static bool has_column(const struct systems_table *table, const char *protocol)
{
    for (size_t c = 0; c < table->n_columns; c++)
        if (table->columns[c].protocol && same(table->columns[c].protocol, protocol))
            return true;
    return false;
}

/* A column for every protocol that a run or a missing run has, benchmark by benchmark in the order
 * of the layout; a benchmark that only published systems have keeps the layout's. */
static void add_own_protocols(struct systems_builder *builder, const struct layout_column *layout)
{
    const struct systems_input *input = builder->input;
    struct systems_table *table = builder->table;
    size_t before = table->n_columns;
    for (size_t i = 0; i < input->n_runs; i++) {
        const char *protocol = input->runs[i].record->protocol;
        if (is_on(protocol, layout->dataset) && !has_column(table, protocol))
            add_score_column(builder, layout, arena_string(&table->arena, protocol));
    }
    for (size_t i = 0; i < input->n_missing; i++) {
        const char *protocol = input->missing[i].protocol;
        if (protocol && is_on(protocol, layout->dataset) && !has_column(table, protocol))
            add_score_column(builder, layout, arena_string(&table->arena, protocol));
    }
    bool is_listed = false;
    for (size_t i = 0; i < input->n_listed; i++)
        for (size_t k = 0; k < input->listed[i]->n_numbers; k++)
            is_listed = is_listed || same(input->listed[i]->numbers[k].dataset, layout->dataset);
    if (table->n_columns == before && is_listed)
        add_score_column(builder, layout, layout->protocol);
}

/* A column for runs on benchmarks that the layout does not name. */
static void add_others(struct systems_builder *builder)
{
    static const struct layout_column other = {LAYOUT_SCORE, "", NULL, NULL, NULL, false, false};
    const struct systems_input *input = builder->input;
    struct systems_table *table = builder->table;
    for (size_t i = 0; i < input->n_runs; i++) {
        const char *protocol = input->runs[i].record->protocol;
        if (has_column(table, protocol))
            continue;
        add_score_column(builder, &other, arena_string(&table->arena, protocol));
        if (table->n_columns > 0)
            table->columns[table->n_columns - 1].title =
                systems_copy(table, arena_copy(&table->arena, protocol, strcspn(protocol, ":@")));
    }
}

void systems_make_columns(struct systems_builder *builder)
{
    struct systems_table *table = builder->table;
    const struct table_layout *layout = table->layout;
    bool others = layout->every_protocol;
    for (size_t c = 0; c < layout->n_columns; c++) {
        const struct layout_column *column = &layout->columns[c];
        if (column->source == LAYOUT_SCORE && layout->every_protocol) {
            add_own_protocols(builder, column);
            continue;
        }
        if (column->source == LAYOUT_SCORE) {
            add_score_column(builder, column,
                             column->of_runs
                                 ? first_protocol(builder->input, column->dataset, column->protocol)
                                 : column->protocol);
            continue;
        }
        if (others)
            add_others(builder);
        others = false;
        add_column(table, &(struct systems_column){
                              .title = column->title,
                              .subtitle = "",
                              .layout = column,
                              .how = {"", "", "", "", "", ""},
                              .smaller_is_better = column->source != LAYOUT_RATE,
                          });
    }
    if (others)
        add_others(builder);
}
