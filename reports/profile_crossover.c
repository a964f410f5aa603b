/* reports/profile_crossover.c - state space models against Transformers: where the lines cross. */
#include "metrics/latency.h"
#include "reports/profile.h"
#include "reports/table.h"

#include <math.h>
#include <string.h>

enum { MOST_MODELS = 32, MOST_DEPTHS = 32 };

enum quantity { TPOT, TTFT };

/* The rows that are compared: by model and depth; NULL where there is none. */
struct grid_rows {
    const struct profile_row *rows[MOST_MODELS][MOST_DEPTHS];
    int depths[MOST_DEPTHS];
    size_t n_models, n_depths;
    char alignment[MOST_DEPTHS + 2]; /* of a table with a column a depth */
};

static size_t depth_index(struct grid_rows *grid, int depth)
{
    size_t i = 0;
    while (i < grid->n_depths && grid->depths[i] != depth)
        i++;
    if (i == grid->n_depths && i < MOST_DEPTHS)
        grid->depths[grid->n_depths++] = depth;
    return i;
}

/* The first of every model and depth: other dimensions of the sweep are in the summary. */
static void gather(const struct profile_record *record, struct grid_rows *grid)
{
    *grid = (struct grid_rows){.n_models = 0};
    for (size_t i = 0; i < record->n_rows; i++) {
        const struct profile_row *row = &record->rows[i];
        size_t depth = depth_index(grid, row->depth);
        if (row->model >= MOST_MODELS || depth == MOST_DEPTHS || !row->stamps)
            continue;
        if (!grid->rows[row->model][depth])
            grid->rows[row->model][depth] = row;
        if (row->model >= grid->n_models)
            grid->n_models = row->model + 1;
    }
    memset(grid->alignment, 'r', grid->n_depths + 1);
    grid->alignment[0] = 'l';
}

/* A row of the model that was measured, or NULL. */
static const struct profile_row *any_row(const struct grid_rows *grid, size_t model)
{
    for (size_t d = 0; d < grid->n_depths; d++)
        if (grid->rows[model][d] && !grid->rows[model][d]->error)
            return grid->rows[model][d];
    return NULL;
}

static double value_of(const struct profile_row *row, enum quantity quantity)
{
    if (!row || row->error)
        return (double)NAN;
    return (quantity == TPOT ? row->tpot.median : row->ttft.median) * 1e-6;
}

static void add_grid(const struct grid_rows *grid, enum quantity quantity, enum table_style style,
                     struct text *out, struct arena *arena)
{
    struct table table;
    table_init(&table, arena, grid->alignment);
    table_cell(&table, "%s", quantity == TPOT ? "TPOT, ms" : "TTFT, ms");
    for (size_t d = 0; d < grid->n_depths; d++)
        table_cell(&table, grid->depths[d] ? "behind %d" : "picture", grid->depths[d]);
    for (size_t m = 0; m < grid->n_models; m++) {
        const struct profile_row *named = any_row(grid, m);
        if (!named)
            continue;
        table_cell(&table, "%s", named->name);
        for (size_t d = 0; d < grid->n_depths; d++) {
            const struct profile_row *row = grid->rows[m][d];
            double value = value_of(row, quantity);
            if (isnan(value))
                table_cell(&table, row && row->error ? "error" : " ");
            else
                table_cell(&table, "%.*f%s", value < 10 ? 3 : 1, value,
                           profile_beyond_training(row) ? "*" : "");
        }
    }
    table_add_to(&table, style, out);
}

static void add_memory(const struct grid_rows *grid, enum table_style style, struct text *out,
                       struct arena *arena)
{
    struct table table;
    table_init(&table, arena, grid->alignment);
    table_cell(&table, "state and cache, MiB");
    for (size_t d = 0; d < grid->n_depths; d++)
        table_cell(&table, grid->depths[d] ? "behind %d" : "picture", grid->depths[d]);
    for (size_t m = 0; m < grid->n_models; m++) {
        const struct profile_row *named = any_row(grid, m);
        if (!named)
            continue;
        table_cell(&table, "%s", named->name);
        for (size_t d = 0; d < grid->n_depths; d++) {
            const struct profile_row *row = grid->rows[m][d];
            if (!row || row->error)
                table_cell(&table, "%s", row ? "error" : " ");
            else
                table_cell(&table, "%.1f",
                           (row->conv_bytes + row->ssm_bytes + row->cache_bytes) / (1 << 20));
        }
    }
    table_add_to(&table, style, out);
}

/* What a's line does against b's over the depths that both were measured behind. */
struct crossing {
    size_t n;             /* such depths */
    int first, last;      /* positions there */
    int side;             /* of a at the last one: -1 less, 1 more, 0 within LATENCY_DIFFERENCE */
    bool always;          /* on that side from the first on */
    double before, after; /* else the depths between which it came there, for good */
    double at;            /* where straight lines cross; NAN if they do not between these two */
};

static int side_of(double a, double b)
{
    double percent = 100 * fabs(a - b) / fmin(a, b);
    return percent <= LATENCY_DIFFERENCE ? 0 : a < b ? -1 : 1;
}

static struct crossing find_crossing(const struct grid_rows *grid, size_t a, size_t b,
                                     enum quantity quantity)
{
    struct crossing crossing = {.n = 0, .at = (double)NAN};
    double last_difference = (double)NAN;
    for (size_t d = 0; d < grid->n_depths; d++) {
        const struct profile_row *x = grid->rows[a][d], *y = grid->rows[b][d];
        double own = value_of(x, quantity), other = value_of(y, quantity), difference = own - other;
        /* With a picture both read something else: that is no point on a line of depths. */
        if (isnan(difference) || x->has_picture)
            continue;
        int side = side_of(own, other);
        if (crossing.n == 0) {
            crossing.first = x->depth;
            crossing.always = true;
        } else if (side != crossing.side) {
            crossing.always = false;
            crossing.before = crossing.last;
            crossing.after = x->depth;
            crossing.at = last_difference * difference < 0
                              ? crossing.before + (crossing.after - crossing.before) *
                                                      last_difference /
                                                      (last_difference - difference)
                              : (double)NAN;
        }
        crossing.side = side;
        crossing.last = x->depth;
        crossing.n++;
        last_difference = difference;
    }
    return crossing;
}

static void add_time_crossing(const struct grid_rows *grid, size_t a, size_t b,
                              enum quantity quantity, struct text *out)
{
    static const char *const sides[] = {"less", "within 2 %", "more"};
    struct crossing crossing = find_crossing(grid, a, b, quantity);
    const char *side = sides[crossing.side + 1];
    text_addf(out, "%s: ", quantity == TPOT ? "time per token" : "time to the first token");
    if (crossing.n == 0)
        text_add(out, "not measured behind the same positions");
    else if (crossing.n == 1)
        text_addf(out, "%s behind %d positions, no other was measured", side, crossing.first);
    else if (crossing.always)
        text_addf(out, "%s throughout, from %d to %d positions", side, crossing.first,
                  crossing.last);
    else if (isnan(crossing.at))
        text_addf(out, "%s from between %.0f and %.0f positions on (both synthetic)", side,
                  crossing.before, crossing.after);
    else
        text_addf(out, "%s from about %.0f positions on (between %.0f and %.0f, both synthetic)",
                  side, crossing.at, crossing.before, crossing.after);
}

static void add_sentence(const struct grid_rows *grid, size_t a, size_t b, struct text *out)
{
    const struct profile_row *ssm = any_row(grid, a), *other = any_row(grid, b);
    text_addf(out, "%s against %s: ", ssm->name, other->name);
    add_time_crossing(grid, a, b, TPOT, out);
    text_add(out, "; ");
    add_time_crossing(grid, a, b, TTFT, out);
    text_addf(out,
              "; bytes: less than keys and values from %.0f positions on (%.1f MiB of state; "
              "%.0f bytes a position)",
              floor(ssm->state_bytes_each / other->cache_bytes_per_token) + 1,
              ssm->state_bytes_each / (1 << 20), other->cache_bytes_per_token);
    if (grid->rows[b][0] && grid->rows[b][0]->image_tokens > 0)
        text_addf(out, ", a picture takes %d", grid->rows[b][0]->image_tokens);
    text_add(out, ".\n");
}

/* Times that scatter let lines cross anywhere. */
static void add_doubt(const struct profile_record *record, struct text *out)
{
    size_t noisy = 0, measured = 0;
    for (size_t i = 0; i < record->n_rows; i++) {
        measured += !record->rows[i].error;
        noisy += !record->rows[i].error && record->rows[i].verdict != 0;
    }
    if (noisy > 0)
        text_addf(out,
                  "The verdict on %zu of %zu rows is not ok: where times cross is no surer than "
                  "they are.\n",
                  noisy, measured);
}

void profile_add_crossover(const struct profile_record *record, bool markdown, struct text *out)
{
    struct grid_rows grid;
    struct arena arena;
    enum table_style style = markdown ? TABLE_MARKDOWN : TABLE_PLAIN;
    arena_init(&arena);
    gather(record, &grid);
    add_grid(&grid, TPOT, style, out, &arena);
    text_add(out, "\n");
    add_grid(&grid, TTFT, style, out, &arena);
    text_add(out, "\n");
    add_memory(&grid, style, out, &arena);
    text_add(out, "picture: read anew with the prompt behind it; behind N: the prompt alone, N "
                  "positions synthetic. * beyond the trained positions.\n\n");
    for (size_t a = 0; a < grid.n_models; a++)
        for (size_t b = 0; b < grid.n_models; b++) {
            const struct profile_row *x = any_row(&grid, a), *y = any_row(&grid, b);
            if (x && y && x->cache_bytes_per_token < 1 && y->cache_bytes_per_token >= 1)
                add_sentence(&grid, a, b, out);
        }
    add_doubt(record, out);
    out->failed = out->failed || arena_failed(&arena);
    arena_release(&arena);
}
