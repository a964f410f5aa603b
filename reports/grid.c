#include "reports/grid.h"

#include "reports/html_text.h"
#include "reports/report.h"
#include "reports/table.h"

#include <math.h>
#include <string.h>

struct grid_cell {
    size_t row, column;
    const char *text;     /* what stands in it */
    const char *headline; /* name of its score; NULL: there is no run */
    const char *floor;    /* "50.00 (yes)"; NULL: none known */
    size_t n_samples, n_in_dataset, n_failed;
};

void grid_init(struct grid *grid)
{
    *grid = (struct grid){0};
    arena_init(&grid->arena);
    text_init(&grid->notes);
}

void grid_release(struct grid *grid)
{
    text_release(&grid->notes);
    arena_release(&grid->arena);
    *grid = (struct grid){0};
}

/* Room for one more of n elements; NULL without memory. */
static void *grown(struct arena *arena, void *list, size_t n, size_t *capacity, size_t size)
{
    if (n < *capacity)
        return list;
    size_t more = *capacity ? *capacity * 2 : 8;
    void *larger = arena_alloc_small(arena, more, size);
    if (larger && n > 0)
        memcpy(larger, list, n * size);
    if (larger)
        *capacity = more;
    return larger;
}

/* The place of a name in a list that grows by it; 0 without memory. */
static size_t place_of(struct arena *arena, const char ***names, size_t *n, size_t *capacity,
                       const char *name)
{
    for (size_t i = 0; i < *n; i++)
        if (strcmp((*names)[i], name) == 0)
            return i;
    const char **larger = grown(arena, *names, *n, capacity, sizeof **names);
    if (!larger)
        return 0;
    *names = larger;
    larger[*n] = arena_string(arena, name);
    return (*n)++;
}

static struct grid_cell *add_cell(struct grid *grid, const char *row, const char *column)
{
    struct arena *arena = &grid->arena;
    size_t r = place_of(arena, &grid->rows, &grid->n_rows, &grid->row_capacity, row);
    size_t c = place_of(arena, &grid->columns, &grid->n_columns, &grid->column_capacity, column);
    struct grid_cell *larger =
        grown(arena, grid->cells, grid->n_cells, &grid->cell_capacity, sizeof *larger);
    if (!larger)
        return NULL;
    grid->cells = larger;
    larger[grid->n_cells] = (struct grid_cell){.row = r, .column = c, .text = ""};
    return &larger[grid->n_cells++];
}

/* "98.44 +- 0.91", in percent; the interval never leaves 0 to 100. */
static const char *headline_text(struct arena *arena, const struct run_record *record)
{
    const struct score *score = run_headline(record);
    const char *mark = record->n_failed > 0 ? " *" : "";
    if (isnan(score->value) || score->scale <= 0)
        return arena_printf(arena, "undefined%s", mark);
    double percent = 100 / score->scale;
    double low = fmax(score->low, 0), high = fmin(score->high, score->scale);
    double side = fmax(high - score->value, score->value - low);
    if (score->interval == INTERVAL_NONE || isnan(side))
        return arena_printf(arena, "%.2f%s", score->value * percent, mark);
    return arena_printf(arena, "%.2f +- %.2f%s", score->value * percent, side * percent, mark);
}

static const char *floor_text(struct arena *arena, const struct run_record *record)
{
    const struct run_floor *best = run_best_floor(record);
    double scale = run_headline(record)->scale;
    if (!best || scale <= 0)
        return NULL;
    const char *colon = strchr(best->name, ':');
    return arena_printf(arena, "%.2f (%s)", best->value / scale * 100,
                        colon ? colon + 1 : best->name);
}

void grid_put_run(struct grid *grid, const char *row, const char *column,
                  const struct run_record *record)
{
    struct arena *arena = &grid->arena;
    struct grid_cell *cell = add_cell(grid, row, column);
    if (!cell)
        return;
    cell->text = headline_text(arena, record);
    cell->headline = arena_string(arena, run_headline(record)->name);
    cell->floor = floor_text(arena, record);
    cell->n_samples = record->n_samples;
    cell->n_in_dataset = record->n_in_dataset;
    cell->n_failed = record->n_failed;
    if (record->n_failed > 0)
        text_addf(&grid->notes, "* %s, %s: %zu of %zu samples have no answer\n", row, column,
                  record->n_failed, record->n_samples);
    if (record->random_weights)
        text_addf(&grid->notes, "%s, %s: the weights are random; the score means nothing\n", row,
                  column);
}

void grid_put_rate(struct grid *grid, const char *row, const char *column, double tokens_per_s)
{
    struct grid_cell *cell = add_cell(grid, row, column);
    struct text text;
    if (!cell)
        return;
    text_init(&text);
    report_add_rate(&text, tokens_per_s);
    cell->text = arena_printf(&grid->arena, "%s tokens/s", text_string(&text));
    text_release(&text);
}

/* The number of a reason, from 1; one that is known already is not listed again. */
static size_t reason_number(struct grid *grid, const char *reason)
{
    size_t before = grid->n_reasons;
    size_t i =
        place_of(&grid->arena, &grid->reasons, &grid->n_reasons, &grid->reason_capacity, reason);
    if (grid->n_reasons > before)
        text_addf(&grid->notes, "(%zu) %s\n", grid->n_reasons, reason);
    return i + 1;
}

void grid_put_missing(struct grid *grid, const char *row, const char *column, const char *reason)
{
    struct grid_cell *cell = add_cell(grid, row, column);
    if (!cell)
        return;
    cell->text = "not run";
    if (reason[0])
        cell->text = arena_printf(&grid->arena, "failed (%zu)", reason_number(grid, reason));
}

static const struct grid_cell *find_cell(const struct grid *grid, size_t row, size_t column)
{
    for (size_t i = 0; i < grid->n_cells; i++)
        if (grid->cells[i].row == row && grid->cells[i].column == column)
            return &grid->cells[i];
    return NULL;
}

/* The column's first cell with a run: floors and counts are its, unless another differs. */
static const struct grid_cell *column_facts(const struct grid *grid, size_t column, bool *differ)
{
    const struct grid_cell *first = NULL;
    *differ = false;
    for (size_t i = 0; i < grid->n_cells; i++) {
        const struct grid_cell *cell = &grid->cells[i];
        if (cell->column != column || !cell->headline)
            continue;
        if (!first)
            first = cell;
        else if (cell->n_samples != first->n_samples)
            *differ = true;
    }
    return first;
}

enum foot { FOOT_FLOOR, FOOT_SCORE, FOOT_SAMPLES };

static void add_foot(const struct grid *grid, struct table *table, const char *name, enum foot foot)
{
    table_cell(table, "%s", name);
    for (size_t c = 0; c < grid->n_columns; c++) {
        bool differ;
        const struct grid_cell *cell = column_facts(grid, c, &differ);
        if (!cell)
            table_cell(table, "%s", "");
        else if (foot == FOOT_SCORE)
            table_cell(table, "%s", cell->headline);
        else if (differ)
            table_cell(table, "differ");
        else if (foot == FOOT_FLOOR)
            table_cell(table, "%s", cell->floor ? cell->floor : "");
        else if (cell->n_samples < cell->n_in_dataset)
            table_cell(table, "%zu of %zu", cell->n_samples, cell->n_in_dataset);
        else
            table_cell(table, "%zu", cell->n_samples);
    }
}

static void add_table(struct grid *grid, enum table_style style, struct text *out)
{
    struct arena *arena = &grid->arena;
    struct table table;
    char *alignment = arena_alloc_small(arena, grid->n_columns + 2, 1);
    if (!alignment) {
        out->failed = true;
        return;
    }
    memset(alignment, 'r', grid->n_columns + 1);
    alignment[0] = 'l';
    table_init(&table, arena, alignment);
    table_cell(&table, "%% +- 95 %% interval");
    for (size_t c = 0; c < grid->n_columns; c++)
        table_cell(&table, "%s", grid->columns[c]);
    for (size_t r = 0; r < grid->n_rows; r++) {
        table_cell(&table, "%s", grid->rows[r]);
        for (size_t c = 0; c < grid->n_columns; c++) {
            const struct grid_cell *cell = find_cell(grid, r, c);
            table_cell(&table, "%s", cell ? cell->text : "");
        }
    }
    add_foot(grid, &table, "best floor", FOOT_FLOOR);
    add_foot(grid, &table, "score", FOOT_SCORE);
    add_foot(grid, &table, "samples", FOOT_SAMPLES);
    table_add_to(&table, style, out);
    out->failed = out->failed || grid->notes.failed || arena_failed(arena);
}

void grid_add_to(struct grid *grid, struct text *out)
{
    add_table(grid, TABLE_PLAIN, out);
    text_add(out, text_string(&grid->notes));
}

void grid_add_html(struct grid *grid, struct text *out)
{
    add_table(grid, TABLE_HTML, out);
    html_add_list(out, text_string(&grid->notes));
}

void grid_put_record(struct grid *grid, const struct run_record *record)
{
    const char *precision = record->precision;
    const char *row = arena_printf(&grid->arena, "%s%s%s", record->model, precision ? " " : "",
                                   precision ? precision : "");
    if (row)
        grid_put_run(grid, row, record->protocol, record);
}

void grid_put_records(struct grid *grid, const struct run_record *records, size_t n)
{
    for (size_t i = 0; i < n; i++)
        grid_put_record(grid, &records[i]);
}

static void add_grid(const struct run_record *records, size_t n, struct text *out)
{
    struct grid grid;
    grid_init(&grid);
    grid_put_records(&grid, records, n);
    grid_add_to(&grid, out);
    grid_release(&grid);
}

/* For a terminal only: no file of a run directory. */
const struct report_format report_grid = {"grid", NULL, add_grid, NULL, NULL};
