/* reports/systems_speed.c - speed and memory of a row: the profile of the same card, weights and
 * precision, or nothing. */
#include "reports/systems_build.h"

#include <math.h>
#include <string.h>

static bool same(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") == 0;
}

static bool is_measured(const struct profile_point *point)
{
    return !point->error && point->depth == 0;
}

/* The larger, the more a point says about a question as the papers ask it. */
static int rank(const struct systems_table *table, const struct profile_point *point)
{
    const char *scenario = table->layout->scenario ? table->layout->scenario : "cobra-table3";
    return 4 * same(point->scenario, scenario) + 2 * (point->batch == 1) +
           (point->scenario != NULL);
}

static bool is_of(const struct systems_row *row, const struct profile_point *point)
{
    return same(row->model_hash, point->model_hash) && same(row->precision, point->precision) &&
           row->random_weights == point->random_weights;
}

/* What keeps a profile that seems to be the row's from being it. */
static const char *mismatch(struct arena *arena, const struct systems_row *row,
                            const struct profile_file *file, const struct profile_point *point)
{
    if (!same(row->model_hash, point->model_hash))
        return arena_printf(arena,
                            "blank: %s is of another model card or other weights (%.8s, not %.8s)",
                            file->path, point->model_hash ? point->model_hash : "unknown",
                            row->model_hash ? row->model_hash : "unknown");
    if (!same(row->precision, point->precision))
        return arena_printf(arena, "blank: %s was measured in %s, the answers were given in %s",
                            file->path, point->precision ? point->precision : "unknown",
                            row->precision ? row->precision : "unknown");
    return arena_printf(arena, "blank: only one of %s and the answers is of random weights",
                        file->path);
}

static void join_row(struct systems_builder *builder, struct systems_row *row)
{
    struct systems_table *table = builder->table;
    for (size_t i = 0; i < builder->input->n_profiles; i++) {
        const struct systems_profile *profile = &builder->input->profiles[i];
        for (size_t p = 0; p < profile->file->n_points; p++) {
            const struct profile_point *point = &profile->file->points[p];
            bool seems =
                (profile->row && same(profile->row, row->label)) || same(point->model, row->model);
            if (is_measured(point) && is_of(row, point) &&
                (!row->point || rank(table, point) > rank(table, row->point))) {
                row->point = point;
                row->file = profile->file;
            } else if (!row->point && seems && is_measured(point)) {
                row->blank = mismatch(&table->arena, row, profile->file, point);
            } else if (!row->point && seems && point->error && !row->blank) {
                row->blank =
                    arena_printf(&table->arena, "blank: %s: %s", profile->file->path, point->error);
            }
        }
    }
}

void systems_join_profiles(struct systems_builder *builder)
{
    struct systems_table *table = builder->table;
    for (size_t r = 0; r < table->n_rows; r++)
        if (table->rows[r].kind == SYSTEMS_RUN && !table->rows[r].baseline)
            join_row(builder, &table->rows[r]);
}

/* Three digits that say something, all of them in front of the point kept. */
static const char *digits(struct arena *arena, double value)
{
    double size = fabs(value);
    const char *text = isnan(value) ? ""
                                    : arena_printf(arena, "%.*f",
                                                   size >= 100  ? 0
                                                   : size >= 10 ? 1
                                                   : size >= 1  ? 2
                                                                : 3,
                                                   value);
    return text ? text : "";
}

static void put(struct systems_table *table, struct systems_cell *cell, double value, double low,
                double high)
{
    bool known = !isnan(low) && !isnan(high);
    cell->number = value;
    cell->number_low = known ? low : (double)NAN;
    cell->number_high = known ? high : (double)NAN;
    cell->value = digits(&table->arena, value);
    cell->low = known ? digits(&table->arena, low) : "";
    cell->high = known ? digits(&table->arena, high) : "";
}

/* How a point was measured, in the words of the published tables. */
static struct measured_how how_of(struct systems_builder *builder, const struct systems_row *row,
                                  enum layout_source source)
{
    struct arena *arena = &builder->table->arena;
    const struct profile_point *point = row->point;
    struct measured_how how = {"", "", "", "", "", ""};
    if (point->scenario)
        published_protocol_facts(builder->input->published, point->scenario, arena, &how);
    how.protocol = how.split = how.metric = "";
    if (!how.prompt[0])
        how.prompt = arena_printf(arena, "prompt of %d tokens", point->prompt_tokens);
    if (source == LAYOUT_RATE)
        how.metric = arena_printf(arena, "%d tokens over the whole time", point->new_tokens);
    else if (source == LAYOUT_TOTAL_TIME)
        how.metric = arena_printf(arena, "seconds for %d tokens", point->new_tokens);
    else if (source == LAYOUT_MEMORY)
        how.metric = arena_printf(arena, "behind %ld tokens", profile_point_position(point));
    how.gpu = arena_printf(arena, "%s, %d thread%s%s", row->file->cpu ? row->file->cpu : "unknown",
                           point->threads, point->threads == 1 ? "" : "s",
                           point->batch > 1 ? ", in batches" : "");
    return how;
}

static const char *measure_of(enum layout_source source)
{
    switch (source) {
    case LAYOUT_RATE:
        return "the whole time is from reading the picture to the last token, a median";
    case LAYOUT_TOTAL_TIME:
        return "from reading the picture to the last token, a median";
    case LAYOUT_FIRST_TOKEN:
        return "from reading the picture to the first token, a median";
    case LAYOUT_MEMORY:
        return "weights, activations, state and cache at the end of one question";
    default:
        return "";
    }
}

static void note_column(struct systems_table *table, struct systems_column *column)
{
    struct text text;
    text_init(&text);
    text_addf(&text, "%s: %s", column->title, measure_of(column->layout->source));
    const char *const parts[] = {column->how.metric, column->how.prompt, column->how.gpu};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (parts[i] && parts[i][0])
            text_addf(&text, "; %s", parts[i]);
    table->arena.failed = table->arena.failed || text.failed;
    systems_mark(table, &column->marks, text_string(&text));
    text_release(&text);
}

static void put_value(struct systems_table *table, struct systems_cell *cell,
                      const struct profile_point *point, enum layout_source source)
{
    double tokens = (double)point->batch * point->new_tokens * 1e9;
    if (source == LAYOUT_RATE)
        put(table, cell, point->tokens_per_s, tokens / point->e2e_high_ns,
            tokens / point->e2e_low_ns);
    else if (source == LAYOUT_TOTAL_TIME)
        put(table, cell, point->e2e_ns * 1e-9, point->e2e_low_ns * 1e-9, point->e2e_high_ns * 1e-9);
    else if (source == LAYOUT_FIRST_TOKEN)
        put(table, cell, point->ttft_ns * 1e-6, point->ttft_low_ns * 1e-6,
            point->ttft_high_ns * 1e-6);
    else
        put(table, cell, profile_point_bytes(point) * 1e-6, (double)NAN, (double)NAN);
}

static void fill_measured(struct systems_builder *builder, size_t c)
{
    struct systems_table *table = builder->table;
    struct systems_column *column = &table->columns[c];
    enum layout_source source = column->layout->source;
    bool is_first = true;
    for (size_t r = 0; r < table->n_rows; r++) {
        struct systems_row *row = &table->rows[r];
        struct systems_cell *cell = systems_cell(table, r, c);
        if (row->kind != SYSTEMS_RUN || row->baseline)
            continue;
        if (!row->point) {
            systems_mark(table, &cell->marks,
                         row->blank ? row->blank : "blank: no profile of this model is among RUN");
            continue;
        }
        struct measured_how how = how_of(builder, row, source);
        put_value(table, cell, row->point, source);
        if (is_first)
            column->how = how;
        is_first = false;
        const char *difference = systems_difference(&table->arena, &how, &column->how);
        cell->apart = difference != NULL;
        systems_mark(table, &cell->marks, difference);
        if (source != LAYOUT_MEMORY && row->point->verdict &&
            strcmp(row->point->verdict, "ok") != 0)
            systems_mark(
                table, &cell->marks,
                arena_printf(&table->arena, "the profiler's verdict: %s", row->point->verdict));
    }
    if (!is_first)
        note_column(table, column);
}

static void put_fact(struct systems_table *table, const struct systems_row *row,
                     struct systems_cell *cell, enum layout_source source)
{
    const struct run_record *record = row->record;
    const struct profile_point *point = row->point;
    double value = (double)NAN;
    if (source == LAYOUT_LANGUAGE_MODEL) {
        const char *family = record && record->family ? record->family
                             : point && point->family ? point->family
                                                      : "";
        cell->value = systems_copy(table, family);
        cell->is_text = true;
        return;
    }
    if (source == LAYOUT_PARAMETERS) {
        value = record ? record->parameters : point ? point->parameters : (double)NAN;
        put(table, cell, value * 1e-6, (double)NAN, (double)NAN);
        return;
    }
    value = record ? record->image_tokens : point ? point->image_tokens : (double)NAN;
    const char *text = isnan(value) ? "" : arena_printf(&table->arena, "%.0f", value);
    cell->value = text ? text : "";
}

static void fill_facts(struct systems_builder *builder, size_t c)
{
    struct systems_table *table = builder->table;
    for (size_t r = 0; r < table->n_rows; r++) {
        struct systems_row *row = &table->rows[r];
        struct systems_cell *cell = systems_cell(table, r, c);
        if (row->kind != SYSTEMS_RUN || row->baseline)
            continue;
        put_fact(table, row, cell, table->columns[c].layout->source);
        if (!cell->value[0] && row->record)
            systems_mark(table, &cell->marks,
                         "blank: the run was written by a version that did not record it");
    }
}

void systems_fill_speed(struct systems_builder *builder)
{
    struct systems_table *table = builder->table;
    for (size_t c = 0; c < table->n_columns; c++)
        switch (table->columns[c].layout->source) {
        case LAYOUT_SCORE:
            break;
        case LAYOUT_RATE:
        case LAYOUT_TOTAL_TIME:
        case LAYOUT_FIRST_TOKEN:
        case LAYOUT_MEMORY:
            fill_measured(builder, c);
            break;
        case LAYOUT_PARAMETERS:
        case LAYOUT_VISUAL_TOKENS:
        case LAYOUT_LANGUAGE_MODEL:
            fill_facts(builder, c);
            break;
        }
}
