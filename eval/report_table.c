#include "eval/report_table.h"

#include "eval/compare.h"
#include "metrics/metric.h"
#include "reports/grid.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

const char *const report_layouts[] = {
    "runs",           "systems", "cobra-table2", "cobra-table3", "ml-mamba-table2", "pope-splits",
    "vsr-categories", NULL};

enum { DRAWS = 9999 };

/* The last best run stays open: all others of its column are held against it. */
struct tester {
    const struct run_record *record; /* NULL: none */
    struct run_answers answers;
};

static void tester_close(struct tester *tester)
{
    if (tester->record)
        run_answers_close(&tester->answers);
    tester->record = NULL;
}

static enum status tester_open(struct tester *tester, const struct run_record *record,
                               struct error *err)
{
    if (tester->record == record)
        return STATUS_OK;
    tester_close(tester);
    enum status status = run_answers_open(&tester->answers, record->path, NULL, err);
    tester->record = status ? NULL : record;
    return status;
}

/* The test is of the mean of what answers earn: a headline that is another number (POPE's F1) is
 * not its to decide. */
static bool is_mean(const struct run_record *record, double credit)
{
    const struct score *headline = run_headline(record);
    return headline->scale > 0 && fabs(headline->value / headline->scale - credit) < 0.005;
}

static enum status compare(struct tester *tester, const struct run_record *best,
                           const struct run_record *other, struct arena *arena,
                           struct systems_test *result, struct error *err)
{
    const struct compare_options options = {.pairing = {.other_prompts = true}, .n_draws = DRAWS};
    struct run_answers answers;
    struct comparison comparison = {0};
    enum status status = tester_open(tester, best, err);
    if (!status)
        status = run_answers_open(&answers, other->path, NULL, err);
    if (status)
        return status;
    status = compare_pair(&comparison, &tester->answers, &answers, &options, arena, err);
    run_answers_close(&answers);
    if (status)
        return status;
    if (!is_mean(best, comparison.credits[0]) || !is_mean(other, comparison.credits[1]))
        return fail(err, STATUS_MISMATCH, "%s is not the mean of what answers earn",
                    run_headline(best)->name);
    result->done = true;
    result->p = comparison.permutation.p;
    return STATUS_OK;
}

static void test(void *context, const struct run_record *best, const struct run_record *other,
                 struct arena *arena, struct systems_test *result)
{
    struct error reason = {""};
    *result = (struct systems_test){.p = NAN};
    if (compare(context, best, other, arena, result, &reason))
        result->why = arena_string(arena, reason.text);
}

const struct table_layout *report_layout_of(const struct options *options,
                                            const struct report_input *input,
                                            const struct report_format *format)
{
    const char *name = option_text(options, "layout");
    bool is_one = input->runs.n == 1 && !option_given(options, "published");
    if (!name)
        name = is_one && strcmp(format->name, "tex") != 0 ? "runs" : "systems";
    return table_layout_find(name);
}

struct listing {
    const struct published_system **systems;
    size_t n;
};

static void list_system(struct listing *listing, const struct published_system *system)
{
    for (size_t i = 0; i < listing->n; i++)
        if (listing->systems[i] == system)
            return;
    listing->systems[listing->n++] = system;
}

static enum status list_names(struct listing *listing, const struct published *published,
                              const char *names, struct error *err)
{
    char name[64];
    for (const char *at = names; *at;) {
        size_t length = strcspn(at, ",");
        snprintf(name, sizeof name, "%.*s", (int)(length < 63 ? length : 63), at);
        at += length + (at[length] == ',');
        const struct published_system *system = published_find(published, name);
        if (!system) {
            struct text keys;
            text_init(&keys);
            published_add_keys(published, &keys);
            enum status status =
                fail(err, STATUS_USAGE, "--published %s: there is none called so; there are %s",
                     name, text_string(&keys));
            text_release(&keys);
            return status;
        }
        list_system(listing, system);
    }
    return STATUS_OK;
}

/* Without RUN, a paper's layout is that paper's table. */
static enum status list_published(struct listing *listing, const struct options *options,
                                  const struct table_layout *layout,
                                  const struct published *published, bool has_input,
                                  struct error *err)
{
    const char *names = option_text(options, "published");
    if (!names && !has_input)
        names = "paper";
    if (!names)
        return STATUS_OK;
    if (strcmp(names, "all") == 0) {
        for (size_t i = 0; i < published->n_systems; i++)
            list_system(listing, &published->systems[i]);
        return STATUS_OK;
    }
    if (strcmp(names, "paper") != 0)
        return list_names(listing, published, names, err);
    if (!layout->published)
        return fail(err, STATUS_USAGE,
                    has_input ? "--published paper: the layout %s is no paper's table"
                              : "a run directory is expected, or --published for --layout %s",
                    layout->name);
    return list_names(listing, published, layout->published, err);
}

static enum status build(struct systems_table *table, const struct table_layout *layout,
                         const struct report_input *input, const struct published *published,
                         const struct listing *listing, struct error *err)
{
    struct tester tester = {0};
    const struct systems_input all = {
        .layout = layout,
        .runs = input->named,
        .n_runs = input->runs.n,
        .profiles = input->profiles,
        .n_profiles = input->n_profiles,
        .missing = input->missing,
        .n_missing = input->n_missing,
        .published = published,
        .listed = listing->systems,
        .n_listed = listing->n,
        .test = test,
        .context = &tester,
    };
    enum status status = systems_build(table, &all, err);
    tester_close(&tester);
    return status;
}

enum status report_table_make(struct systems_table *table, const struct options *options,
                              const struct table_layout *layout, const struct report_input *input,
                              struct error *err)
{
    struct published published;
    struct listing listing = {0};
    struct arena arena;
    bool has_input = input->runs.n + input->n_profiles > 0;
    enum status status = published_open(&published, err);
    if (status)
        return status;
    arena_init(&arena);
    listing.systems =
        arena_alloc_small(&arena, published.n_systems + 1, sizeof(const struct published_system *));
    status = listing.systems ? list_published(&listing, options, layout, &published, has_input, err)
                             : fail(err, STATUS_NO_MEMORY, "out of memory for a table");
    if (!status)
        status = build(table, layout, input, &published, &listing, err);
    arena_release(&arena);
    published_close(&published);
    return status;
}

/* The rate in a scenario's directory; NAN: none. */
static double rate_of(const struct report_input *input, const char *directory)
{
    size_t length = strlen(directory);
    for (size_t i = 0; i < input->n_profiles; i++)
        if (strncmp(input->files[i].path, directory, length) == 0 &&
            strcmp(input->files[i].path + length, "/profile.json") == 0 &&
            input->files[i].n_points > 0)
            return input->files[i].points[0].tokens_per_s;
    return (double)NAN;
}

static const struct run_record *record_of(const struct report_input *input, const char *directory)
{
    for (size_t i = 0; i < input->runs.n; i++)
        if (strcmp(input->runs.directories[i], directory) == 0)
            return &input->runs.records[i];
    return NULL;
}

static void put_cell(struct grid *grid, const struct report_input *input,
                     const struct suite_cell *cell)
{
    const struct run_record *record = record_of(input, cell->directory);
    double rate = rate_of(input, cell->directory);
    if (record)
        grid_put_run(grid, cell->row, cell->column, record);
    else if (!isnan(rate))
        grid_put_rate(grid, cell->row, cell->column, rate);
    else
        grid_put_missing(grid, cell->row, cell->column, cell->reason ? cell->reason : "");
}

void report_grid_add(const struct report_input *input, struct text *out)
{
    struct grid grid;
    grid_init(&grid);
    for (size_t s = 0; s < input->n_suites; s++)
        for (size_t c = 0; c < input->suites[s].n_cells; c++)
            put_cell(&grid, input, &input->suites[s].cells[c]);
    for (size_t i = 0; i < input->runs.n; i++) {
        const struct run_record *record = &input->runs.records[i];
        if (!report_input_cell(input, input->runs.directories[i]))
            grid_put_record(&grid, record);
    }
    grid_add_to(&grid, out);
    grid_release(&grid);
}
