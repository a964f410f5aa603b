/* reports/figure_state.c - what a session keeps, against its length: a recurrent state stays, a
 * cache grows; where they cross is marked. */
#include "reports/figures.h"

#include <math.h>
#include <string.h>

enum { N_POSITIONS = 15, LEAST = 4 }; /* 16 to 262,144 positions, doubling */

struct keeper {
    const char *name;
    double state, per_token; /* bytes */
};

static size_t gather(const struct systems_table *table, struct keeper *keepers)
{
    size_t n = 0;
    for (size_t r = 0; r < table->n_rows; r++) {
        const struct run_record *record = table->rows[r].record;
        if (table->rows[r].kind != SYSTEMS_RUN || !record || isnan(record->state_bytes))
            continue;
        keepers[n++] = (struct keeper){table->rows[r].name, record->state_bytes,
                                       record->cache_bytes_per_token};
    }
    return n;
}

static double bytes_at(const struct keeper *keeper, double positions)
{
    return keeper->state + keeper->per_token * positions;
}

static void add_line(struct figure_output *out, size_t series, const struct keeper *keeper,
                     double positions, const char *kind)
{
    figure_count(out, series, true);
    figure_text(out, keeper->name, false);
    figure_number(out, positions, false);
    figure_number(out, bytes_at(keeper, positions) * 1e-6, false);
    figure_text(out, kind, false);
    figure_end_line(out);
}

/* Where a session with a cache begins to keep more than one with a state. */
static double crossing(const struct keeper *state, const struct keeper *cache)
{
    double at = (state->state - cache->state) / (cache->per_token - state->per_token);
    return state->per_token == 0 && cache->per_token > 0 && at > 0 ? at : (double)NAN;
}

/* Crossings are the series behind the systems'. */
static void add_crossings(struct figure_output *out, const struct keeper *keepers, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < n; k++) {
            double at = crossing(&keepers[i], &keepers[k]);
            if (isnan(at))
                continue;
            add_line(out, n, &keepers[i], at, "crossing");
            text_addf(&out->script,
                      "set label %zu '%.0f' at %.6g,%.6g center offset 0,-0.9 front "
                      "font ',6'\n",
                      i * n + k + 1, at, at, bytes_at(&keepers[i], at) * 1e-6);
        }
}

static void make(const struct figure_input *input, struct figure_output *out)
{
    struct keeper *keepers =
        arena_alloc_small(&out->arena, input->table->n_rows + 1, sizeof *keepers);
    size_t n = keepers ? gather(input->table, keepers) : 0;
    if (n == 0) {
        out->missing = "no run tells what its sessions keep";
        return;
    }
    figure_head(out, "series,system,positions,megabytes,kind");
    for (size_t i = 0; i < n; i++)
        for (int p = 0; p < N_POSITIONS; p++)
            add_line(out, i, &keepers[i], ldexp(1, LEAST + p), "computed");
    text_add(&out->script, "set logscale x 2\nset logscale y\nset format x '%.0f'\n"
                           "set xtics 16,16\nset xlabel 'positions read'\n"
                           "set ylabel 'state and cache, MB'\n");
    add_crossings(out, keepers, n);
    for (size_t i = 0; i < n; i++) {
        text_add(&out->script, i == 0 ? "plot " : ", \\\n     ");
        figure_series(out, i, "$3", "4 every ::1 with linespoints ");
        figure_line(&out->script, i, true);
        text_addf(&out->script, " pi %d title ", 3);
        figure_quote(&out->script, keepers[i].name);
    }
    text_add(&out->script, ", \\\n     ");
    figure_series(out, n, "$3",
                  "4 every ::1 with points pt 6 ps 1.3 lw 1.2 lc rgb '#000000' "
                  "title 'more in the cache from here on'\n");
}

const struct figure figure_state_bytes = {"state-bytes", "State against cache", 7.5, make};
