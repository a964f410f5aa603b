#include "reports/profile_record.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *key, *name;
} stages[PROFILE_STAGES] = {
    [PROFILE_READ] = {"read", "read file"},
    [PROFILE_UNPACK] = {"unpack", "unpack picture"},
    [PROFILE_RESIZE] = {"resize", "resize"},
    [PROFILE_TOWER] = {"tower", "first tower"},
    [PROFILE_TOWER_2] = {"tower_2", "second tower"},
    [PROFILE_CONNECTOR] = {"connector", "connector"},
    [PROFILE_IMAGE] = {"image", "image rows"},
    [PROFILE_TOKENIZE] = {"tokenize", "tokenize"},
    [PROFILE_PROMPT] = {"prompt", "prompt rows"},
    [PROFILE_FIRST] = {"first_token", "first token"},
    [PROFILE_DECODE] = {"decode", "decode"},
    [PROFILE_TEXT] = {"text", "text"},
};

const char *profile_stage_key(enum profile_stage stage)
{
    return stages[stage].key;
}

const char *profile_stage_name(const struct profile_row *row, enum profile_stage stage)
{
    size_t tower = stage == PROFILE_TOWER ? 0 : stage == PROFILE_TOWER_2 ? 1 : 2;
    return row && tower < row->n_towers && row->towers[tower] ? row->towers[tower]
                                                              : stages[stage].name;
}

bool profile_beyond_training(const struct profile_row *row)
{
    int positions = row->depth + row->image_tokens + row->prompt_rows + row->new_tokens;
    return row->max_positions > 0 && positions > row->max_positions;
}

const char *profile_verdict_text(unsigned verdict)
{
    static const char *const texts[] = {
        "ok",
        "few runs",
        "NOISY",
        "NOISY, few runs",
        "DRIFTS",
        "DRIFTS, few runs",
        "NOISY, DRIFTS",
        "NOISY, DRIFTS, few runs",
        "BLOCKS DIFFER",
        "BLOCKS DIFFER, few runs",
        "NOISY, BLOCKS DIFFER",
        "NOISY, BLOCKS DIFFER, few runs",
        "DRIFTS, BLOCKS DIFFER",
        "DRIFTS, BLOCKS DIFFER, few runs",
        "NOISY, DRIFTS, BLOCKS DIFFER",
        "NOISY, DRIFTS, BLOCKS DIFFER, few runs",
    };
    return texts[verdict & 15];
}

double profile_tokens_per_s(const struct profile_row *row)
{
    return row->batch * row->new_tokens / row->e2e.median * 1e9;
}

/* Memory for one row's statistics. */
struct workspace {
    double *values, *scratch; /* [n], [2 * n] */
    int *groups;              /* [n] */
};

static bool workspace_alloc(struct workspace *space, size_t n, struct arena *arena)
{
    space->values = arena_alloc(arena, n + 1, sizeof *space->values);
    space->scratch = arena_alloc(arena, 2 * n + 2, sizeof *space->scratch);
    space->groups = arena_alloc(arena, n + 1, sizeof *space->groups);
    return !arena_failed(arena);
}

static void summarise_stages(struct profile_row *row, struct workspace *space)
{
    for (int s = 0; s < PROFILE_STAGES; s++) {
        struct profile_stage_result *out = &row->stages[s];
        const struct profile_limit *limit = &row->limits[s];
        bool ran = false;
        for (size_t i = 0; i < row->n_runs; i++) {
            space->values[i] = (double)row->runs[i].stage_ns[s];
            ran = ran || row->runs[i].stage_ns[s] > 0;
        }
        double median = latency_median(space->values, row->n_runs, space->scratch);
        const double none = (double)NAN;
        *out = (struct profile_stage_result){none, none, none, none, none, false};
        if (!ran || !row->stamps)
            continue;
        out->median_ns = median;
        out->share = median / row->e2e.median;
        out->flop_per_s = limit->flop / median * 1e9;
        out->bytes_per_s = limit->bytes / median * 1e9;
        double by_flop = limit->flop / limit->flop_per_s,
               by_bytes = limit->bytes / limit->bytes_per_s;
        out->by_memory = by_bytes > by_flop;
        out->limit_share = fmax(by_flop, by_bytes) / median * 1e9;
    }
}

static double unattributed_share(const struct profile_row *row, struct workspace *space)
{
    if (!row->stamps)
        return (double)NAN;
    for (size_t i = 0; i < row->n_runs; i++) {
        int64_t sum = 0;
        for (int s = 0; s < PROFILE_STAGES; s++)
            sum += row->runs[i].stage_ns[s];
        space->values[i] = 1 - (double)sum / (double)row->runs[i].e2e_ns;
    }
    return latency_median(space->values, row->n_runs, space->scratch);
}

static void summarise_gaps(struct profile_row *row, struct workspace *space)
{
    size_t n_gaps = row->new_tokens > 1 ? (size_t)row->new_tokens - 1 : 0, n = 0;
    for (size_t i = 0; n_gaps > 0 && i < row->n_runs; i++)
        for (size_t g = 0; row->runs[i].gaps_ns && g < n_gaps; g++)
            space->values[n++] = (double)row->runs[i].gaps_ns[g];
    latency_summarise(space->values, n, space->scratch, &row->gaps);
    for (size_t i = n = 0; n_gaps > 0 && row->stamps && i < row->n_runs; i++)
        space->values[n++] = (double)(row->runs[i].last_ns - row->runs[i].ttft_ns) / (double)n_gaps;
    latency_summarise(space->values, n, space->scratch, &row->tpot);
}

/* How far the medians of the blocks are apart, as a share of the smallest. */
static double blocks_apart(const struct profile_row *row, struct workspace *space)
{
    double low = INFINITY, high = 0;
    for (int b = 0; b < row->n_blocks; b++) {
        size_t n = 0;
        for (size_t i = 0; i < row->n_runs; i++)
            if (row->runs[i].block == b)
                space->values[n++] = (double)row->runs[i].e2e_ns;
        double median = latency_median(space->values, n, space->scratch);
        low = n > 0 ? fmin(low, median) : low;
        high = n > 0 ? fmax(high, median) : high;
    }
    return high / low - 1;
}

static void judge(struct profile_row *row, struct workspace *space)
{
    for (size_t i = 0; i < row->n_runs; i++) {
        space->values[i] = (double)row->runs[i].e2e_ns;
        space->groups[i] = row->runs[i].block;
    }
    row->blocks_p = row->n_runs > 1 ? latency_blocks_p(space->values, space->groups, row->n_runs,
                                                       row->n_blocks, space->scratch)
                                    : (double)NAN;
    row->verdict = latency_verdict(&row->e2e, row->others);
    if (row->blocks_p < 0.01 && blocks_apart(row, space) > 0.02)
        row->verdict |= LATENCY_BLOCKS;
}

static bool finish_row(struct profile_row *row, struct arena *arena)
{
    struct workspace space;
    size_t most = row->n_runs * (row->new_tokens > 1 ? (size_t)row->new_tokens : 1);
    if (!workspace_alloc(&space, most, arena))
        return false;
    for (size_t i = 0; i < row->n_runs; i++)
        space.values[i] = (double)row->runs[i].e2e_ns;
    latency_summarise(space.values, row->n_runs, space.scratch, &row->e2e);
    for (size_t i = 0; i < row->n_runs; i++)
        space.values[i] = (double)row->runs[i].ttft_ns;
    latency_summarise(space.values, row->stamps ? row->n_runs : 0, space.scratch, &row->ttft);
    summarise_gaps(row, &space);
    summarise_stages(row, &space);
    row->unattributed = unattributed_share(row, &space);
    judge(row, &space);
    return true;
}

/* What two rows differ in, if that is one thing and both were measured; else NULL. */
static const char *difference(const struct profile_row *a, const struct profile_row *b)
{
    const char *differ = NULL;
    int n = 0;
    if (a->error || b->error || a->depth != b->depth || a->batch != b->batch ||
        a->has_picture != b->has_picture)
        return NULL;
    if (a->model != b->model)
        differ = "model", n++;
    if (strcmp(a->precision, b->precision) != 0)
        differ = "precision", n++;
    if (a->threads != b->threads)
        differ = "threads", n++;
    if (a->stamps != b->stamps)
        differ = "timing", n++;
    return n == 1 ? differ : NULL;
}

/* Pairs the runs of two rows that were next to each other. */
static bool compare_rows(const struct profile_row *a, const struct profile_row *b,
                         struct latency_comparison *out, struct arena *arena)
{
    size_t most = a->n_runs < b->n_runs ? a->n_runs : b->n_runs, n = 0;
    double *first = arena_alloc(arena, most + 1, sizeof *first);
    double *second = arena_alloc(arena, most + 1, sizeof *second);
    double *scratch = arena_alloc(arena, latency_compare_scratch(most), sizeof *scratch);
    if (arena_failed(arena))
        return false;
    for (size_t i = 0, j = 0; i < a->n_runs && j < b->n_runs;) {
        const struct profile_run *x = &a->runs[i], *y = &b->runs[j];
        int order = x->block != y->block ? x->block - y->block : x->round - y->round;
        if (order == 0) {
            first[n] = (double)x->e2e_ns;
            second[n++] = (double)y->e2e_ns;
        }
        i += order <= 0;
        j += order >= 0;
    }
    latency_compare(first, second, n, scratch, out);
    return true;
}

static bool make_pairs(struct profile_record *record, struct arena *arena)
{
    size_t capacity = record->n_rows * record->n_rows / 2 + 1;
    record->pairs = arena_alloc(arena, capacity, sizeof *record->pairs);
    for (size_t a = 0; record->pairs && a < record->n_rows; a++)
        for (size_t b = a + 1; b < record->n_rows; b++) {
            const char *differ = difference(&record->rows[a], &record->rows[b]);
            struct profile_pair *pair = &record->pairs[record->n_pairs];
            if (!differ)
                continue;
            *pair = (struct profile_pair){.a = a, .b = b, .differ = differ};
            if (!compare_rows(&record->rows[a], &record->rows[b], &pair->e2e, arena))
                return false;
            record->n_pairs += pair->e2e.n > 0;
        }
    return record->pairs != NULL;
}

enum status profile_finish(struct profile_record *record, struct arena *arena, struct error *err)
{
    record->n_pairs = 0;
    for (size_t i = 0; i < record->n_rows; i++)
        if (!record->rows[i].error && !finish_row(&record->rows[i], arena))
            return fail(err, STATUS_NO_MEMORY, "out of memory for the profile's statistics");
    return make_pairs(record, arena)
               ? STATUS_OK
               : fail(err, STATUS_NO_MEMORY, "out of memory for the profile's statistics");
}
