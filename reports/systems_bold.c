/* reports/systems_bold.c - the best of a column, and what is not significantly worse. */
#include "reports/systems_build.h"

#include "metrics/holm.h"

#include <math.h>
#include <string.h>

#define SYSTEMS_LEVEL 0.05

struct contest {
    struct systems_cell **cells; /* [n], own and of one measure */
    double *p, *adjusted;        /* [n] */
    struct systems_test *tests;  /* [n] */
    size_t n, best;
    bool smaller;
};

static bool takes_part(const struct systems_row *row, const struct systems_cell *cell)
{
    return row->kind == SYSTEMS_RUN && cell->value[0] && !cell->is_text && !cell->apart &&
           !isnan(cell->number) && !(row->random_weights && cell->record);
}

static bool gather(struct systems_table *table, size_t c, struct contest *contest)
{
    struct arena *arena = &table->arena;
    *contest = (struct contest){.smaller = table->columns[c].smaller_is_better &&
                                           table->columns[c].layout->source != LAYOUT_SCORE};
    contest->cells = arena_alloc_small(arena, table->n_rows + 1, sizeof(struct systems_cell *));
    contest->p = arena_alloc_small(arena, table->n_rows + 1, sizeof *contest->p);
    contest->adjusted = arena_alloc_small(arena, table->n_rows + 1, sizeof *contest->adjusted);
    contest->tests = arena_alloc_small(arena, table->n_rows + 1, sizeof *contest->tests);
    if (arena_failed(arena))
        return false;
    for (size_t r = 0; r < table->n_rows; r++) {
        struct systems_cell *cell = systems_cell(table, r, c);
        if (!takes_part(&table->rows[r], cell))
            continue;
        contest->cells[contest->n] = cell;
        double best = contest->cells[contest->best]->number;
        if (contest->smaller ? cell->number < best : cell->number > best)
            contest->best = contest->n;
        contest->n++;
    }
    return contest->n > 0;
}

/* Whether the two answered the same questions; then why a test could not be made, if it could not.
 */
static const char *test_all(const struct systems_builder *builder,
                            const struct systems_column *column, struct contest *contest)
{
    const struct run_record *best = contest->cells[contest->best]->record;
    if (!best)
        return "";
    if (column->layout->score || !builder->input->test)
        return "the answers are not compared";
    for (size_t i = 0; i < contest->n; i++) {
        struct systems_test *test = &contest->tests[i];
        if (i == contest->best)
            continue;
        builder->input->test(builder->input->context, best, contest->cells[i]->record,
                             &builder->table->arena, test);
        if (!test->done)
            return test->why;
    }
    return NULL;
}

/* Everything that is held against the best is read together. */
static void decide_by_tests(struct contest *contest)
{
    size_t n = 0;
    for (size_t i = 0; i < contest->n; i++)
        if (i != contest->best)
            contest->p[n++] = contest->tests[i].p;
    holm_adjust(contest->p, contest->adjusted, n);
    n = 0;
    for (size_t i = 0; i < contest->n; i++)
        contest->cells[i]->bold = i == contest->best || contest->adjusted[n++] >= SYSTEMS_LEVEL;
}

static bool reaches(const struct contest *contest, const struct systems_cell *cell)
{
    const struct systems_cell *best = contest->cells[contest->best];
    bool known = !isnan(cell->number_low) && !isnan(best->number_low);
    if (!known)
        return strcmp(cell->value, best->value) == 0;
    return contest->smaller ? cell->number_low <= best->number_high
                            : cell->number_high >= best->number_low;
}

static void decide_by_intervals(struct contest *contest)
{
    for (size_t i = 0; i < contest->n; i++)
        contest->cells[i]->bold = i == contest->best || reaches(contest, contest->cells[i]);
}

static void decide(struct systems_builder *builder, size_t c)
{
    struct systems_table *table = builder->table;
    struct systems_column *column = &table->columns[c];
    struct contest contest;
    /* One alone is the best of nothing. */
    if (column->layout->no_contest || !gather(table, c, &contest) || contest.n < 2)
        return;
    const char *why = test_all(builder, column, &contest);
    if (!why) {
        decide_by_tests(&contest);
        systems_remark(table,
                       "Bold: the best, and what is not significantly worse (paired sign-flip "
                       "permutation by image, Holm within the column, 5 %).");
        return;
    }
    decide_by_intervals(&contest);
    if (contest.cells[0]->record)
        systems_mark(table, &column->marks,
                     arena_printf(&table->arena,
                                  "bold here: the best, and every value whose 95 %% interval "
                                  "overlaps the best one's (%s)",
                                  why));
    else
        systems_remark(table, "Bold among speeds and bytes: the best, and every value whose 95 % "
                              "interval overlaps the best one's.");
}

void systems_make_bold(struct systems_builder *builder)
{
    for (size_t c = 0; c < builder->table->n_columns; c++)
        decide(builder, c);
}
