/* eval/profile_sweep.c - the configurations of a sweep, and in which order they run. */
#include "engine/base/clock.h"
#include "engine/base/random.h"
#include "engine/ops/compute.h"
#include "eval/machine.h"
#include "eval/output.h"
#include "eval/profile.h"
#include "eval/profile_group.h"
#include "eval/signals.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void profile_row_failed(struct profile *profile, struct profile_cell *cell, enum status status,
                        const char *reason)
{
    const char *copy = arena_string(&profile->arena, reason);
    cell->row->error = copy ? copy : "out of memory";
    cell->status = status;
}

/* What can be told of a row before anything is opened. */
static void check_row(struct profile *profile, struct profile_cell *cell)
{
    struct profile_row *row = cell->row;
    struct error reason = {""};
    int cores = compute_available_threads();
    if (row->threads > cores)
        fail(&reason, STATUS_USAGE, "%d threads, but this process may use %d cores", row->threads,
             cores);
    else if (row->batch > LM_MAX_SPANS)
        fail(&reason, STATUS_USAGE, "a batch of %d: at most %d sequences run at once", row->batch,
             LM_MAX_SPANS);
    if (reason.text[0])
        profile_row_failed(profile, cell, STATUS_USAGE, reason.text);
}

/* Where a row lies in each dimension of the sweep. */
struct place {
    size_t model, precision, threads, batch, depth;
};

static void add_row(struct profile *profile, const struct place *place, bool stamps)
{
    const struct profile_plan *plan = profile->plan;
    size_t i = profile->record.n_rows++;
    struct profile_row *row = &profile->record.rows[i];
    int depth = plan->depths.values[place->depth];
    *row = (struct profile_row){
        .asked = plan->models[place->model],
        .model = place->model,
        .threads = plan->threads.values[place->threads],
        .batch = plan->batches.values[place->batch],
        .depth = depth,
        .prompt_tokens = plan->prompt_tokens,
        .new_tokens = plan->new_tokens,
        .precision = precision_name((enum precision)plan->precisions.values[place->precision]),
        .scenario = plan->scenario ? plan->scenario->name : NULL,
        .has_picture = depth == 0,
        .stamps = stamps,
        .random_weights = plan->random_weights,
        .others = (double)NAN,
        .energy_j = (double)NAN,
    };
    profile->cells[i] =
        (struct profile_cell){.row = row, .origin_ns = profile->origin_ns, .image = plan->image};
    check_row(profile, &profile->cells[i]);
}

/* Rows of one model and precision follow each other. */
static void add_group_rows(struct profile *profile, size_t model, size_t precision)
{
    const struct profile_plan *plan = profile->plan;
    struct place place = {.model = model, .precision = precision};
    struct profile_group *group = &profile->groups[profile->n_groups++];
    *group = (struct profile_group){.model = plan->models[model],
                                    .precision = (enum precision)plan->precisions.values[precision],
                                    .first = profile->record.n_rows};
    for (place.threads = 0; place.threads < plan->threads.n; place.threads++)
        for (place.batch = 0; place.batch < plan->batches.n; place.batch++)
            for (place.depth = 0; place.depth < plan->depths.n; place.depth++) {
                add_row(profile, &place, true);
                if (plan->overhead)
                    add_row(profile, &place, false);
            }
    group->n = profile->record.n_rows - group->first;
}

enum status profile_open(struct profile *profile, const struct profile_plan *plan,
                         struct error *err)
{
    *profile = (struct profile){.plan = plan, .origin_ns = clock_ns()};
    arena_init(&profile->arena);
    size_t groups = plan->n_models * plan->precisions.n;
    size_t each = plan->depths.n * plan->threads.n * plan->batches.n * (plan->overhead ? 2 : 1);
    if (groups > PROFILE_MAX_ROWS || each > PROFILE_MAX_ROWS || groups * each > PROFILE_MAX_ROWS)
        return fail(err, STATUS_UNSUPPORTED, "the sweep has %zu rows, at most %d are possible",
                    groups * each, PROFILE_MAX_ROWS);
    struct profile_record *record = &profile->record;
    record->rows = arena_alloc(&profile->arena, groups * each, sizeof *record->rows);
    profile->cells = arena_alloc(&profile->arena, groups * each, sizeof *profile->cells);
    profile->groups = arena_alloc(&profile->arena, groups, sizeof *profile->groups);
    if (arena_failed(&profile->arena))
        return fail(err, STATUS_NO_MEMORY, "out of memory for a sweep of %zu rows", groups * each);
    record->seed = plan->seed;
    record->compares = plan->compares;
    for (size_t model = 0; model < plan->n_models; model++)
        for (size_t p = 0; p < plan->precisions.n; p++)
            add_group_rows(profile, model, p);
    return profile_open_probes(profile, err);
}

void profile_close(struct profile *profile)
{
    for (size_t g = 0; g < profile->n_groups; g++)
        profile_group_close(&profile->groups[g]);
    profile_close_probes(profile);
    arena_release(&profile->arena);
}

/* Cells that are measured in turn. */
struct turn {
    struct profile *profile;
    struct profile_cell **cells; /* [n], in the order of this round */
    size_t n;
    int block, n_blocks, first_round;
    struct random_stream random;
    int64_t probed_ns;
};

static void shuffle(struct turn *turn)
{
    for (size_t i = turn->n; i > 1; i--) {
        size_t j = (size_t)(random_uniform(&turn->random) * (double)i);
        struct profile_cell *cell = turn->cells[i - 1];
        turn->cells[i - 1] = turn->cells[j];
        turn->cells[j] = cell;
    }
}

/* Whether a cell has its share of runs and time up to this block. */
static bool is_done(const struct turn *turn, const struct profile_cell *cell)
{
    const struct profile_plan *plan = turn->profile->plan;
    double share = (turn->block + 1.0) / turn->n_blocks;
    return cell->row->error || ((double)cell->row->n_runs >= ceil(plan->min_runs * share) &&
                                cell->spent_ns >= plan->min_seconds * share * 1e9);
}

static void probe_now_and_then(struct turn *turn)
{
    const int64_t every_ns = INT64_C(5000000000);
    if (clock_ns() - turn->probed_ns < every_ns)
        return;
    profile_run_probes(turn->profile);
    turn->probed_ns = clock_ns();
}

static void warm_up_all(struct turn *turn)
{
    for (size_t i = 0; i < turn->n && !signals_caught(); i++) {
        struct profile_cell *cell = turn->cells[i];
        struct error reason = {""};
        enum status status = cell->row->error
                                 ? STATUS_OK
                                 : profile_warm_up(cell, turn->profile->plan, turn->block, &reason);
        if (status)
            profile_row_failed(turn->profile, cell, status, reason.text);
    }
}

/* A signal ends it. */
static void rest(double seconds)
{
    double whole = floor(seconds);
    struct timespec time = {(time_t)whole, (long)((seconds - whole) * 1e9)};
    if (seconds > 0)
        nanosleep(&time, NULL);
}

/* One run of every cell that is not done; false when all are. */
static bool run_round(struct turn *turn, int round)
{
    bool any = false;
    shuffle(turn);
    for (size_t i = 0; i < turn->n && !signals_caught(); i++) {
        struct profile_cell *cell = turn->cells[i];
        struct error reason = {""};
        if (is_done(turn, cell))
            continue;
        any = true;
        rest(turn->profile->plan->delay_seconds);
        enum status status = profile_keep_run(cell, turn->block, turn->first_round + round,
                                              &turn->profile->arena, &reason);
        if (status)
            profile_row_failed(turn->profile, cell, status, reason.text);
        probe_now_and_then(turn);
    }
    return any && !signals_caught();
}

static void run_probes(struct profile *profile, int times)
{
    for (int i = 0; i < times; i++)
        profile_run_probes(profile);
}

/* Measures the cells of open groups in one block. */
static void take_turn(struct turn *turn)
{
    /* Around a quick look one is enough. */
    int probes = turn->profile->plan->min_seconds < 1 ? 1 : 5;
    struct machine_state before, after;
    warm_up_all(turn);
    run_probes(turn->profile, probes);
    turn->probed_ns = clock_ns();
    machine_state_read(&before);
    for (int round = 0; run_round(turn, round); round++)
        ;
    machine_state_read(&after);
    run_probes(turn->profile, probes);
    double others = machine_others(&before, &after);
    for (size_t i = 0; i < turn->n; i++) {
        struct profile_row *row = turn->cells[i]->row;
        row->others = fmax(row->others, others); /* NAN gives way */
        row->n_blocks = turn->block + 1;
    }
}

/* The cells of groups [first, first + n), in their order. */
static size_t gather(struct profile *profile, size_t first, size_t n, struct profile_cell **cells)
{
    size_t found = 0;
    for (size_t g = first; g < first + n; g++)
        for (size_t i = 0; i < profile->groups[g].n; i++)
            cells[found++] = &profile->cells[profile->groups[g].first + i];
    return found;
}

static void measure_groups(struct profile *profile, size_t first, size_t n, struct turn *turn)
{
    for (size_t g = first; g < first + n; g++)
        profile_group_open(profile, &profile->groups[g]);
    turn->n = gather(profile, first, n, turn->cells);
    if (!signals_caught())
        take_turn(turn);
    for (size_t g = first; g < first + n; g++)
        profile_group_close(&profile->groups[g]);
}

/* Whether all weights fit beside each other with room to compute. */
static bool fit_together(struct profile *profile)
{
    double bytes = 0;
    for (size_t g = 0; g < profile->n_groups; g++)
        bytes += profile->groups[g].weight_bytes;
    return profile->n_groups == 1 || bytes < 0.6 * profile->plan->memory_bytes;
}

/* Whether a group has what it needs up to this block: few runs may fit into the first ones. */
static bool group_is_done(const struct turn *turn, const struct profile_group *group)
{
    for (size_t i = 0; i < group->n; i++)
        if (!is_done(turn, &turn->profile->cells[group->first + i]))
            return false;
    return true;
}

/* Models in turn, each opened, measured and closed, several times. */
static void measure_in_blocks(struct profile *profile, struct turn *turn)
{
    enum { ROUNDS = 1 << 20 }; /* of different groups are never next to each other */
    size_t *order = arena_alloc_small(&profile->arena, profile->n_groups, sizeof *order);
    turn->n_blocks = PROFILE_BLOCKS;
    for (size_t g = 0; order && g < profile->n_groups; g++)
        order[g] = g;
    for (turn->block = 0; order && turn->block < turn->n_blocks; turn->block++)
        for (size_t left = profile->n_groups; left > 0 && !signals_caught(); left--) {
            size_t pick = (size_t)(random_uniform(&turn->random) * (double)left);
            size_t g = order[pick];
            order[pick] = order[left - 1];
            order[left - 1] = g;
            turn->first_round = (int)g * ROUNDS;
            if (group_is_done(turn, &profile->groups[g]))
                continue;
            if (!profile->plan->quiet)
                message("%s, %s: block %d of %d", profile->groups[g].model,
                        precision_name(profile->groups[g].precision), turn->block + 1,
                        turn->n_blocks);
            measure_groups(profile, g, 1, turn);
        }
}

/* What the runs' times can say, once they are all there. */
static void finish_rows(struct profile *profile)
{
    double clock = profile_clock_cost_ns();
    for (size_t i = 0; i < profile->record.n_rows; i++) {
        struct profile_cell *cell = &profile->cells[i];
        struct profile_row *row = cell->row;
        if (!row->error && row->n_runs == 0)
            profile_row_failed(profile, cell, STATUS_OK, "interrupted before a run was measured");
        row->clock_ns = clock;
        row->energy_j = cell->spent_ns > 2e9 ? cell->energy_j / (double)row->n_runs : (double)NAN;
    }
    profile_set_limits(profile);
}

enum status profile_measure_all(struct profile *profile, struct error *err)
{
    struct turn turn = {.profile = profile, .n_blocks = 1, .random = {profile->plan->seed}};
    turn.cells = arena_alloc_small(&profile->arena, profile->record.n_rows + 1, sizeof *turn.cells);
    if (!turn.cells)
        return fail(err, STATUS_NO_MEMORY, "out of memory for a sweep");
    for (size_t g = 0; g < profile->n_groups; g++)
        profile_group_estimate(profile, &profile->groups[g]);
    profile->together = fit_together(profile);
    if (profile->together)
        measure_groups(profile, 0, profile->n_groups, &turn);
    else
        measure_in_blocks(profile, &turn);
    profile->interrupted = signals_caught() != 0;
    finish_rows(profile);
    return profile_finish(&profile->record, &profile->arena, err);
}
