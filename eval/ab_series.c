#include "eval/ab_series.h"

#include "engine/base/random.h"
#include "eval/child.h"
#include "eval/output.h"
#include "metrics/swap.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char *ab_metric_name(enum ab_metric metric)
{
    static const char *const names[AB_METRICS] = {
        [AB_TTFT] = "ttft", [AB_TPOT] = "tpot", [AB_E2E] = "e2e",
        [AB_WALL] = "wall", [AB_RSS] = "rss",
    };
    return names[metric];
}

/* A neighbour can only make a run longer, and short runs escape it now and then.  Of 31 pairs of
 * starts of one small model, 60 runs of 4 ms each, on two cores with a load of 5, the standard
 * deviation of log(E2E of one start / E2E of the other) was 0.028 by the fastest run, 0.043 by the
 * lower quartile and 0.058 by the median; by the fastest of the first 10 runs, 0.068. */
double ab_start_value(const double *ns, size_t n)
{
    double least = ns[0];
    for (size_t i = 1; i < n; i++)
        least = fmin(least, ns[i]);
    return least;
}

/* What one start of a command came to. */
struct start {
    struct child child;
    struct profile_times_list profile; /* if is_profile */
    bool is_profile;
    struct arena arena;
};

static void end_start(struct start *start)
{
    text_release(&start->child.output);
    arena_release(&start->arena);
}

static bool wants(const struct ab_plan *plan, enum ab_metric from, enum ab_metric to)
{
    for (int m = (int)from; m <= (int)to; m++)
        if (plan->metrics[m])
            return true;
    return false;
}

static enum exit_code run_start(struct start *start, const struct ab_plan *plan, size_t side,
                                struct error *err)
{
    char place[16];
    snprintf(place, sizeof place, "what %c prints", (char)('A' + side));
    *start = (struct start){0};
    arena_init(&start->arena);
    enum exit_code code = child_run(&start->child, plan->commands[side], err);
    if (code)
        return code;
    const struct text *output = &start->child.output;
    start->is_profile = wants(plan, AB_TTFT, AB_E2E) &&
                        profile_times_looks_like(text_string(output), output->length);
    if (start->is_profile)
        code = exit_of_status(profile_times_read(&start->profile, text_string(output),
                                                 output->length, place, &start->arena, err));
    if (!code && start->is_profile && start->profile.n == 0) {
        fail(err, STATUS_MISMATCH, "%s has no row that was measured", place);
        code = EXIT_DATA;
    }
    if (code)
        end_start(start);
    return code;
}

static const struct profile_times *find_row(const struct profile_times_list *list,
                                            const struct profile_times *row)
{
    for (size_t i = 0; i < list->n; i++)
        if (list->rows[i].nth == row->nth && profile_times_match(&list->rows[i], row))
            return &list->rows[i];
    return NULL;
}

_Static_assert((int)AB_TTFT == PROFILE_LATENCY_TTFT && (int)AB_TPOT == PROFILE_LATENCY_TPOT &&
                   (int)AB_E2E == PROFILE_LATENCY_E2E,
               "a profile's latencies are the first metrics");

/* The number that a start gives a measure; NAN where it does not. */
static double value_of(const struct start *start, const struct ab_measure *measure, size_t side)
{
    if (measure->metric == AB_WALL)
        return (double)start->child.wall_ns;
    if (measure->metric == AB_RSS)
        return start->child.peak_bytes;
    const struct profile_times *row = find_row(&start->profile, measure->rows[side]);
    const double *ns = row ? row->ns[measure->metric] : NULL;
    return ns ? ab_start_value(ns, row->n) : (double)NAN;
}

static void add_measure(struct ab_series *series, enum ab_metric metric, const char *name,
                        const struct profile_times *first, const struct profile_times *second)
{
    struct ab_measure *measure = &series->measures[series->n_measures++];
    *measure = (struct ab_measure){.metric = metric, .rows = {first, second}, .name = name};
    for (size_t side = 0; side < 2; side++)
        measure->values[side] =
            arena_alloc_small(&series->arena, series->capacity, sizeof *measure->values[side]);
}

/* Models are named only where a profile has several. */
static const char *row_name(struct ab_series *series, const struct profile_times_list *list,
                            const struct profile_times *row)
{
    const char *name = profile_times_name(row, &series->arena);
    size_t alike = 0;
    for (size_t i = 0; i < list->n; i++)
        alike += profile_times_match(&list->rows[i], row);
    return name && alike > 1 ? arena_printf(&series->arena, "%s, %s", row->model, name) : name;
}

/* The measures of the rows that both profiles have. */
static void join(struct ab_series *series, const struct profile_times_list *first,
                 const struct profile_times_list *second)
{
    size_t joined = 0;
    for (size_t i = 0; i < first->n; i++) {
        const struct profile_times *a = &first->rows[i], *b = find_row(second, a);
        const char *name = b ? row_name(series, first, a) : NULL;
        joined += b != NULL;
        for (int m = AB_TTFT; b && m <= AB_E2E; m++)
            if (series->plan->metrics[m] && a->ns[m] && b->ns[m])
                add_measure(series, (enum ab_metric)m, name, a, b);
    }
    if (joined < first->n || joined < second->n)
        series->left_out = arena_printf(&series->arena,
                                        "of A's %zu rows and B's %zu, %zu are of one configuration",
                                        first->n, second->n, joined);
}

/* What both first starts can be compared in. */
static enum exit_code find_measures(struct ab_series *series, const struct start *starts,
                                    struct error *err)
{
    const struct ab_plan *plan = series->plan;
    if (starts[0].is_profile != starts[1].is_profile) {
        fail(err, STATUS_MISMATCH, "%c prints a profile and %c does not: they cannot be compared",
             starts[0].is_profile ? 'A' : 'B', starts[0].is_profile ? 'B' : 'A');
        return EXIT_DATA;
    }
    series->is_profile = starts[0].is_profile;
    size_t rows = series->is_profile ? starts[0].profile.n : 0;
    series->measures =
        arena_alloc_small(&series->arena, AB_METRICS * (rows + 1), sizeof *series->measures);
    if (!series->measures)
        return exit_of_status(fail(err, STATUS_NO_MEMORY, "out of memory for %zu rows", rows));
    if (series->is_profile)
        join(series, &starts[0].profile, &starts[1].profile);
    for (size_t i = 0; i < rows; i++) {
        const struct profile_times *row = &starts[0].profile.rows[i];
        if (!find_row(&starts[1].profile, row)) {
            fail(err, STATUS_MISMATCH, "B does not print what A does: %s",
                 row_name(series, &starts[0].profile, row));
            return EXIT_DATA;
        }
    }
    for (int m = AB_WALL; m <= AB_RSS && !series->is_profile; m++)
        if (plan->metrics[m])
            add_measure(series, (enum ab_metric)m, "", NULL, NULL);
    if (arena_failed(&series->arena))
        return exit_of_status(fail(err, STATUS_NO_MEMORY, "out of memory for %zu rows", rows));
    if (series->n_measures > 0)
        return EXIT_DONE;
    fail(err, STATUS_MISMATCH, "%s",
         !starts[0].is_profile ? "the commands print no profile (mambench profile -o json), and so "
                                 "have no TTFT, TPOT or E2E"
         : series->left_out    ? series->left_out
                               : "the profiles have none of the metrics that are asked for");
    return EXIT_DATA;
}

/* Holm multiplies the smallest p by the number of tests. */
static enum exit_code check_power(const struct ab_series *series, struct error *err)
{
    const struct ab_plan *plan = series->plan;
    double tests = (double)series->n_measures;
    size_t least = 1;
    while (least <= SWAP_MOST_EXACT && tests * swap_least_p(least) >= plan->level)
        least++;
    if (tests * swap_least_p(least) >= plan->level) {
        fail(err, STATUS_USAGE, "a level of %g is below what %zu measurements can show together",
             plan->level, series->n_measures);
        return EXIT_USAGE;
    }
    if (plan->n_pairs >= least)
        return EXIT_DONE;
    fail(err, STATUS_USAGE,
         "%zu pairs cannot show anything at a level of %g: %zu measurements together need %zu",
         plan->n_pairs, plan->level, series->n_measures, least);
    return EXIT_USAGE;
}

/* Rows that measures point at live as long as the series. */
static enum exit_code keep_rows(struct ab_series *series, struct error *err)
{
    for (size_t m = 0; m < series->n_measures && series->is_profile; m++)
        for (size_t side = 0; side < 2; side++) {
            struct profile_times *row = arena_alloc_small(&series->arena, 1, sizeof *row);
            if (!row)
                return exit_of_status(fail(err, STATUS_NO_MEMORY, "out of memory for a row"));
            *row = *series->measures[m].rows[side];
            row->precision = arena_string(&series->arena, row->precision);
            row->scenario = arena_string(&series->arena, row->scenario);
            series->measures[m].rows[side] = row;
        }
    return arena_failed(&series->arena)
               ? exit_of_status(fail(err, STATUS_NO_MEMORY, "out of memory for rows"))
               : EXIT_DONE;
}

enum exit_code ab_series_open(struct ab_series *series, const struct ab_plan *plan,
                              struct error *err)
{
    struct start starts[2];
    size_t n = 0;
    enum exit_code code = EXIT_DONE;
    *series = (struct ab_series){.plan = plan, .capacity = AB_EXTENSION * plan->n_pairs};
    arena_init(&series->arena);
    while (n < 2 && !code)
        code = run_start(&starts[n], plan, n, err), n += !code;
    if (!code)
        code = find_measures(series, starts, err);
    if (!code)
        code = check_power(series, err);
    if (!code)
        code = keep_rows(series, err);
    for (size_t i = 0; i < n; i++)
        end_start(&starts[i]);
    return code;
}

void ab_series_close(struct ab_series *series)
{
    arena_release(&series->arena);
    *series = (struct ab_series){0};
}

void ab_series_restart(struct ab_series *series)
{
    series->n_pairs = 0;
}

static enum exit_code measure_start(struct ab_series *series, size_t side, struct error *err)
{
    struct start start;
    enum exit_code code = run_start(&start, series->plan, side, err);
    if (code)
        return code;
    for (size_t m = 0; m < series->n_measures && !code; m++) {
        struct ab_measure *measure = &series->measures[m];
        double value = value_of(&start, measure, side);
        measure->values[side][series->n_pairs] = value;
        if (!(value > 0)) {
            fail(err, STATUS_MISMATCH, "what %c prints lacks the %s that it printed first",
                 (char)('A' + side), ab_metric_name(measure->metric));
            code = EXIT_DATA;
        }
    }
    end_start(&start);
    return code;
}

static void show_progress(size_t pair, size_t n_pairs)
{
    char line[64];
    snprintf(line, sizeof line, "pair %zu of %zu", pair, n_pairs);
    if (output_has_terminal())
        output_status_line(line);
}

enum exit_code ab_series_extend(struct ab_series *series, size_t n_pairs, uint64_t seed,
                                struct error *err)
{
    enum exit_code code = EXIT_DONE;
    while (series->n_pairs < n_pairs && !code) {
        /* A word for two pairs: the second turns the order of the first around. */
        struct random_stream stream = {seed};
        random_skip(&stream, series->n_pairs / 2);
        size_t first = (size_t)(random_bits(&stream) >> 63) ^ (series->n_pairs % 2);
        show_progress(series->n_pairs + 1, n_pairs);
        for (size_t turn = 0; turn < 2 && !code; turn++)
            code = measure_start(series, first ^ turn, err);
        series->n_pairs += !code;
    }
    if (output_has_terminal())
        output_status_line("");
    return code;
}
