/* reports/figure_quality.c - quality against time and against memory, with the systems that no
 * other one beats in both. */
#include "reports/figures.h"

#include <math.h>
#include <stdlib.h>

/* One system. */
struct place {
    const char *name;
    double cost, low, high; /* with its 95 % interval; bytes are known exactly */
    double quality, error;  /* error: half the 95 % interval of the mean; NAN: unknown */
    bool front;
};

enum cost { COST_TIME, COST_MEMORY };

/* Columns of scores that every system with a profile has, as one measures the other. */
static bool is_common(const struct systems_table *table, size_t c)
{
    size_t n = 0;
    if (table->columns[c].layout->source != LAYOUT_SCORE)
        return false;
    for (size_t r = 0; r < table->n_rows; r++) {
        const struct systems_cell *cell = systems_cell(table, r, c);
        if (table->rows[r].kind != SYSTEMS_RUN || !table->rows[r].point || !table->rows[r].record)
            continue;
        if (!cell->value[0] || cell->apart)
            return false;
        n++;
    }
    return n > 0;
}

/* The mean over benchmarks; their errors are independent, for their questions are others. */
static struct place place_of(const struct systems_table *table, size_t r, enum cost cost)
{
    const struct profile_point *point = table->rows[r].point;
    struct place place = {.name = table->rows[r].name};
    double squares = 0;
    size_t n = 0;
    for (size_t c = 0; c < table->n_columns; c++) {
        const struct systems_cell *cell = systems_cell(table, r, c);
        if (!is_common(table, c))
            continue;
        double half =
            cell->low[0] ? (strtod(cell->high, NULL) - strtod(cell->low, NULL)) / 2 : (double)NAN;
        place.quality += strtod(cell->value, NULL);
        squares += half * half;
        n++;
    }
    place.quality /= (double)n;
    place.error = sqrt(squares) / (double)n;
    place.cost = place.low = place.high = profile_point_bytes(point) * 1e-6;
    if (cost == COST_TIME) {
        bool known = !isnan(point->e2e_low_ns);
        place.cost = point->e2e_ns * 1e-6;
        place.low = known ? point->e2e_low_ns * 1e-6 : place.cost;
        place.high = known ? point->e2e_high_ns * 1e-6 : place.cost;
    }
    return place;
}

static size_t gather(const struct systems_table *table, enum cost cost, struct place *places)
{
    size_t n = 0;
    for (size_t r = 0; r < table->n_rows; r++) {
        const struct systems_row *row = &table->rows[r];
        if (row->kind != SYSTEMS_RUN || !row->point || !row->record || row->random_weights)
            continue;
        places[n] = place_of(table, r, cost);
        n += !isnan(places[n].quality) && !isnan(places[n].cost);
    }
    return n;
}

static int by_cost(const void *a, const void *b)
{
    const struct place *left = a, *right = b;
    if (left->cost < right->cost || left->cost > right->cost)
        return left->cost < right->cost ? -1 : 1;
    return (left->quality < right->quality) - (left->quality > right->quality);
}

/* In order of cost, the front is what is better than all that costs less. */
static void mark_front(struct place *places, size_t n)
{
    double best = -INFINITY;
    for (size_t i = 0; i < n; i++) {
        places[i].front = places[i].quality > best;
        best = fmax(best, places[i].quality);
    }
}

static void add_line(struct figure_output *out, size_t series, const struct place *place)
{
    figure_count(out, series, true);
    figure_text(out, place->name, false);
    figure_number(out, place->cost, false);
    figure_number(out, place->low, false);
    figure_number(out, place->high, false);
    figure_number(out, place->quality, false);
    figure_number(out, place->quality - place->error, false);
    figure_number(out, place->quality + place->error, false);
    figure_count(out, place->front, false);
    figure_end_line(out);
}

/* The front once more behind all, as a series of its own. */
static void add_data(struct figure_output *out, const struct place *places, size_t n)
{
    for (size_t i = 0; i < n; i++)
        add_line(out, i, &places[i]);
    for (size_t i = 0; i < n; i++)
        if (places[i].front)
            add_line(out, n, &places[i]);
}

static void add_plot(struct figure_output *out, const struct place *places, size_t n)
{
    struct text *script = &out->script;
    text_add(
        script,
        "set xtics font ',6'\nset offsets graph 0.08, graph 0.08, graph 0.05, graph 0.05\nplot ");
    figure_series(out, n, "$3",
                  "6 every ::1 with steps dt '_ ' lw 1 lc rgb '#888888' "
                  "title 'best at its cost (Pareto front)'");
    for (size_t i = 0; i < n; i++) {
        text_add(script, ", \\\n     ");
        figure_series(out, i, "$3", "6:4:5:7:8 every ::1 with xyerrorbars ");
        figure_point(script, i);
        text_add(script, " title ");
        figure_quote(script, places[i].name);
    }
    text_add_char(script, '\n');
}

static void make(const struct figure_input *input, struct figure_output *out, enum cost cost,
                 const char *axis, const char *column)
{
    const struct systems_table *table = input->table;
    struct place *places = arena_alloc_small(&out->arena, table->n_rows + 1, sizeof *places);
    size_t n = places ? gather(table, cost, places) : 0, n_columns = 0;
    for (size_t c = 0; c < table->n_columns; c++)
        n_columns += is_common(table, c);
    if (n == 0) {
        out->missing = "no run whose model, weights and precision have a profile";
        return;
    }
    qsort(places, n, sizeof *places, by_cost);
    mark_front(places, n);
    text_addf(&out->data, "series,system,%s,%s_low,%s_high,quality_percent,low,high,front\n",
              column, column, column);
    add_data(out, places, n);
    text_addf(&out->script, "set xlabel '%s'\nset ylabel '%s, %%'\n", axis,
              n_columns == 1 ? "score" : "mean score");
    add_plot(out, places, n);
}

static void make_latency(const struct figure_input *input, struct figure_output *out)
{
    make(input, out, COST_TIME, "time of a question, ms", "time_ms");
}

static void make_memory(const struct figure_input *input, struct figure_output *out)
{
    make(input, out, COST_MEMORY, "weights, activations, state, cache, MB", "memory_mb");
}

const struct figure figure_quality_latency = {"quality-latency", "Quality against time", 7.5,
                                              make_latency};
const struct figure figure_quality_memory = {"quality-memory", "Quality against memory", 7.5,
                                             make_memory};
