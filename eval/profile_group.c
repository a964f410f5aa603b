#include "eval/profile_group.h"

#include "engine/base/clock.h"
#include "engine/base/random.h"
#include "eval/output.h"

#include <math.h>
#include <string.h>

double profile_clock_cost_ns(void)
{
    enum { READS = 20000 };
    int64_t start = clock_ns(), last = start;
    for (int i = 0; i < READS; i++)
        last = clock_ns();
    return (double)(last - start) / READS;
}

static struct engine_options options_of(const struct profile *profile,
                                        const struct profile_group *group)
{
    const struct profile_plan *plan = profile->plan;
    struct engine_options options;
    engine_options_init(&options);
    options.precision = group->precision;
    options.random_weights = plan->random_weights;
    options.kernels = plan->kernels;
    options.seed = plan->seed;
    return options;
}

static void fail_all(struct profile *profile, const struct profile_group *group, enum status status,
                     const char *reason)
{
    for (size_t i = 0; i < group->n; i++) {
        struct profile_cell *cell = &profile->cells[group->first + i];
        if (!cell->row->error)
            profile_row_failed(profile, cell, status, reason);
    }
}

void profile_group_estimate(struct profile *profile, struct profile_group *group)
{
    struct engine_options options = options_of(profile, group);
    struct error reason = {""};
    if (profile->engine)
        return;
    enum status status = engine_estimate(group->model, &options, &group->weight_bytes, &reason);
    if (!status && group->weight_bytes > profile->plan->memory_bytes)
        status = fail(&reason, STATUS_NO_MEMORY,
                      "the weights take about %.1f MiB, %.1f MiB of memory may be used",
                      group->weight_bytes / (1 << 20), profile->plan->memory_bytes / (1 << 20));
    if (status)
        fail_all(profile, group, status, reason.text);
}

void profile_group_close(struct profile_group *group)
{
    for (int b = 0; b < LM_MAX_SPANS; b++) {
        session_close(group->seeing[b]);
        session_close(group->filled[b]);
        group->seeing[b] = group->filled[b] = NULL;
    }
    engine_close(group->owned);
    group->engine = group->owned = NULL;
}

/* What a row shows of the model; its strings outlive the engine. */
static enum status describe(struct profile *profile, const struct profile_group *group,
                            struct profile_row *row, struct error *err)
{
    struct arena *arena = &profile->arena;
    const struct engine_info *info = engine_info(group->engine);
    struct sha256_text hash;
    enum status status = engine_hash(group->engine, &hash, err);
    if (status)
        return status;
    row->name = arena_string(arena, info->name);
    row->family = arena_string(arena, info->family);
    row->sha256 = arena_string(arena, hash.hex);
    row->kernels = arena_string(arena, info->kernels);
    row->matmul = arena_string(arena, info->matmul);
    row->precision_note = arena_string(arena, info->precision_note);
    row->precision = precision_name(info->precision);
    row->parameters = info->parameters;
    row->n_towers = info->n_towers;
    for (size_t i = 0; i < info->n_towers; i++)
        row->towers[i] = arena_string(arena, info->towers[i]);
    row->image_tokens = row->has_picture ? info->image_tokens + info->tokens_before : 0;
    row->max_positions = info->max_positions;
    row->weight_bytes = (double)info->packed_bytes;
    row->state_bytes_each = (double)info->state_bytes;
    row->cache_bytes_per_token = (double)info->cache_bytes_per_token;
    return arena_failed(arena) ? fail(err, STATUS_NO_MEMORY, "out of memory for a row") : STATUS_OK;
}

/* The prompt: a text in the model's template, or random ids. */
static enum status make_prompt(struct profile *profile, struct profile_cell *cell,
                               struct error *err)
{
    const struct profile_plan *plan = profile->plan;
    struct random_stream random = {plan->seed};
    size_t n = (size_t)cell->row->prompt_tokens, words = engine_info(cell->engine)->vocabulary - 1;
    if (n > 0) {
        cell->ids = arena_alloc_small(&profile->arena, n, sizeof *cell->ids);
        for (size_t i = 0; cell->ids && i < n; i++)
            cell->ids[i] = 1 + (int)(random_uniform(&random) * (double)words);
    } else {
        struct text text;
        text_init(&text);
        engine_prompt(cell->engine, plan->prompt, &text);
        cell->prompt = text.failed ? NULL : arena_string(&profile->arena, text_string(&text));
        text_release(&text);
    }
    return cell->ids || cell->prompt ? STATUS_OK
                                     : fail(err, STATUS_NO_MEMORY, "out of memory for a prompt");
}

static enum status make_requests(struct profile *profile, struct profile_cell *cell,
                                 struct error *err)
{
    struct arena *arena = &profile->arena;
    struct profile_row *row = cell->row;
    size_t batch = (size_t)row->batch;
    cell->requests = arena_alloc(arena, batch, sizeof *cell->requests);
    cell->generations = arena_alloc(arena, batch, sizeof *cell->generations);
    cell->sessions = arena_alloc(arena, batch, sizeof *cell->sessions);
    cell->token_ns = arena_alloc(arena, (size_t)row->new_tokens, sizeof *cell->token_ns);
    if (arena_failed(arena))
        return fail(err, STATUS_NO_MEMORY, "out of memory for a row");
    enum status status = make_prompt(profile, cell, err);
    for (size_t b = 0; !status && b < batch; b++)
        cell->requests[b] = (struct request){.prompt = cell->prompt,
                                             .ids = cell->ids,
                                             .n_ids = (size_t)row->prompt_tokens,
                                             .max_new_tokens = row->new_tokens,
                                             .ignore_end = true};
    /* Readings of the clock in a run: of each sequence twelve and one a tower, two before a batch's
     * tokens, one a token, and around the run six. */
    row->clock_reads = row->batch * (12 + (int)row->n_towers) + 2 + row->new_tokens + 6;
    return status;
}

/* Rows that fit into memory beside the weights, the largest of them together: sessions are shared
 * by the rows of a group. */
static bool fits(const struct profile *profile, const struct profile_group *group,
                 const struct profile_row *row, double taken[LM_MAX_SPANS])
{
    const struct engine_info *info = engine_info(group->engine);
    double each = profile_state_bytes(info, row) / row->batch, sum = (double)info->packed_bytes;
    for (size_t g = 0; profile->together && g < profile->n_groups; g++)
        sum += &profile->groups[g] == group ? 0 : profile->groups[g].weight_bytes;
    for (int b = 0; b < LM_MAX_SPANS; b++)
        sum += b < row->batch ? fmax(each, taken[b]) : taken[b];
    if (sum > profile->plan->memory_bytes)
        return false;
    for (int b = 0; b < row->batch; b++)
        taken[b] = fmax(each, taken[b]);
    return true;
}

static void refuse_large_rows(struct profile *profile, const struct profile_group *group)
{
    double seeing[LM_MAX_SPANS] = {0}, filled[LM_MAX_SPANS] = {0};
    for (size_t i = 0; i < group->n; i++) {
        struct profile_cell *cell = &profile->cells[group->first + i];
        struct profile_row *row = cell->row;
        struct error reason = {""};
        if (row->error || fits(profile, group, row, row->has_picture ? seeing : filled))
            continue;
        fail(
            &reason, STATUS_NO_MEMORY,
            "does not fit: %.1f GiB of weights and %.1f GiB of state and cache, %.1f GiB of memory "
            "may be used",
            row->weight_bytes / (1 << 30),
            profile_state_bytes(engine_info(group->engine), row) / (1 << 30),
            profile->plan->memory_bytes / (1 << 30));
        profile_row_failed(profile, cell, STATUS_NO_MEMORY, reason.text);
    }
}

/* Positions that a session must have room for: the most of the rows that use it. */
static int most_positions(const struct profile *profile, const struct profile_group *group, int b)
{
    int most = 0;
    for (size_t i = 0; i < group->n; i++) {
        const struct profile_row *row = profile->cells[group->first + i].row;
        int positions = row->depth + row->prompt_tokens + row->new_tokens;
        if (!row->error && !row->has_picture && row->batch > b && positions > most)
            most = positions;
    }
    return most;
}

static enum status open_sessions(const struct profile *profile, struct profile_group *group,
                                 struct error *err)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < group->n; i++) {
        const struct profile_cell *cell = &profile->cells[group->first + i];
        struct session **sessions = cell->row->has_picture ? group->seeing : group->filled;
        for (int b = 0; !status && !cell->row->error && b < cell->row->batch; b++) {
            if (!sessions[b])
                status = session_open(&sessions[b], group->engine, err);
            cell->sessions[b] = sessions[b];
        }
    }
    for (int b = 0; !status && b < LM_MAX_SPANS && group->filled[b]; b++)
        status = session_fill(group->filled[b], most_positions(profile, group, b),
                              profile->plan->seed + (uint64_t)b, err);
    return status;
}

/* Binds a row to the open model; what stays the same in every block is made once. */
static void bind(struct profile *profile, struct profile_group *group, struct profile_cell *cell)
{
    struct error reason = {""};
    bool first = cell->requests == NULL;
    cell->engine = group->engine;
    enum status status = first ? describe(profile, group, cell->row, &reason) : STATUS_OK;
    if (!status && first)
        status = make_requests(profile, cell, &reason);
    if (status)
        profile_row_failed(profile, cell, status, reason.text);
}

void profile_group_open(struct profile *profile, struct profile_group *group)
{
    struct engine_options options = options_of(profile, group);
    struct error reason = {""};
    bool wanted = false;
    for (size_t i = 0; i < group->n; i++)
        wanted = wanted || !profile->cells[group->first + i].row->error;
    if (!wanted)
        return;
    enum status status = STATUS_OK;
    if (!profile->engine)
        status = engine_open(&group->owned, group->model, &options, &reason);
    group->engine = profile->engine ? profile->engine : group->owned;
    for (size_t i = 0; !status && i < group->n; i++)
        if (!profile->cells[group->first + i].row->error)
            bind(profile, group, &profile->cells[group->first + i]);
    if (!status) {
        refuse_large_rows(profile, group);
        status = open_sessions(profile, group, &reason);
    }
    if (status)
        fail_all(profile, group, status, reason.text);
}
