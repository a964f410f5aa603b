/* eval/profile_measure.c - the runs of one configuration. */
#include "engine/base/clock.h"
#include "eval/profile.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <time.h>

/* What the monotonic clock has missed: it stands still while the machine sleeps. */
static int64_t slept_ns(void)
{
    struct timespec all;
    if (clock_gettime(CLOCK_BOOTTIME, &all) != 0)
        return 0;
    return (int64_t)all.tv_sec * 1000000000 + all.tv_nsec - clock_ns();
}

enum { SLEEP_NS = 20 * 1000000 }; /* well over what lies between reading two clocks */

enum status profile_check_run(const struct profile_run *run, const int64_t *token_ns, size_t n,
                              struct error *err)
{
    int64_t sum = 0;
    for (int s = 0; s < PROFILE_STAGES; s++) {
        if (run->stage_ns[s] < 0)
            return fail(err, STATUS_UNSUPPORTED,
                        "the clock jumped: stage %d of a run took %" PRId64 " ns", s,
                        run->stage_ns[s]);
        sum += run->stage_ns[s];
    }
    if (run->e2e_ns <= 0 || sum > run->e2e_ns)
        return fail(err, STATUS_UNSUPPORTED,
                    "the clock jumped: the stages of a run sum up to %" PRId64
                    " ns, the run to %" PRId64 " ns",
                    sum, run->e2e_ns);
    for (size_t i = 1; i < n; i++)
        if (token_ns[i] < token_ns[i - 1])
            return fail(err, STATUS_UNSUPPORTED,
                        "the clock jumped: token %zu came %" PRId64 " ns before the one before", i,
                        token_ns[i - 1] - token_ns[i]);
    return STATUS_OK;
}

/* Adds up a sequence's stages.  What a batch shares was shared out equally, so the sum is its time;
 * decoding is what lies between the stamps, and choosing the first token the rest of the stage. */
static void add_stages(struct profile_run *run, const struct timings *see,
                       const struct timings *answer)
{
    int64_t *ns = run->stage_ns;
    ns[PROFILE_READ] += see->ns[STAGE_READ] - see->part_ns[PART_UNPACK];
    ns[PROFILE_UNPACK] += see->part_ns[PART_UNPACK];
    ns[PROFILE_RESIZE] += see->ns[STAGE_RESIZE];
    ns[PROFILE_TOWER] += see->part_ns[PART_FIRST_TOWER];
    ns[PROFILE_TOWER_2] += see->part_ns[PART_SECOND_TOWER];
    ns[PROFILE_CONNECTOR] += see->ns[STAGE_CONNECT];
    ns[PROFILE_IMAGE] += see->ns[STAGE_IMAGE];
    ns[PROFILE_TOKENIZE] += answer->ns[STAGE_TOKENIZE];
    ns[PROFILE_PROMPT] += answer->ns[STAGE_PROMPT];
    ns[PROFILE_FIRST] += answer->ns[STAGE_DECODE];
    ns[PROFILE_TEXT] += answer->ns[STAGE_TEXT];
}

/* The rounded shares of a batch can miss some nanoseconds. */
static int64_t at_least_zero(int64_t ns, int batch)
{
    return ns < 0 && ns > -4 * batch ? 0 : ns;
}

static enum status read_context(struct profile_cell *cell, struct timings *see, struct error *err)
{
    enum status status = STATUS_OK;
    struct profile_row *row = cell->row;
    for (int b = 0; !status && b < row->batch; b++) {
        session_use_threads(cell->sessions[b], row->threads);
        if (row->has_picture)
            status = session_see(cell->sessions[b], cell->image, row->stamps ? &see[b] : NULL, NULL,
                                 err);
        else
            session_rewind(cell->sessions[b], row->depth);
    }
    return status;
}

static enum status answer(struct profile_cell *cell, struct error *err)
{
    size_t batch = (size_t)cell->row->batch;
    cell->requests[0].token_ns = cell->row->stamps ? cell->token_ns : NULL;
    enum status status =
        sessions_answer(cell->sessions, cell->requests, batch, cell->generations, err);
    for (size_t b = 0; !status && b < batch; b++)
        if (cell->generations[b].failure.text[0])
            status = fail(err, STATUS_BAD_FORMAT, "%s", cell->generations[b].failure.text);
    return status;
}

enum status profile_run_once(struct profile_cell *cell, struct profile_run *run, struct error *err)
{
    struct profile_row *row = cell->row;
    struct timings see[LM_MAX_SPANS] = {0};
    size_t n = (size_t)row->new_tokens;
    *run = (struct profile_run){0};
    int64_t asleep = slept_ns(), start = clock_ns();
    enum status status = read_context(cell, see, err);
    if (!status)
        status = answer(cell, err);
    if (status)
        return status;
    run->e2e_ns = clock_ns() - start;
    run->start_ns = start - cell->origin_ns;
    if (slept_ns() - asleep > SLEEP_NS)
        return fail(err, STATUS_UNSUPPORTED, "the clock jumped: the machine slept during a run");
    row->prompt_rows = (int)cell->generations[0].n_prompt_ids;
    if (!row->stamps)
        return profile_check_run(run, NULL, 0, err);
    for (int b = 0; b < row->batch; b++)
        add_stages(run, &see[b], &cell->generations[b].timings);
    run->ttft_ns = cell->token_ns[0] - start;
    run->last_ns = cell->token_ns[n - 1] - start;
    run->stage_ns[PROFILE_DECODE] = run->last_ns - run->ttft_ns;
    run->stage_ns[PROFILE_FIRST] =
        at_least_zero(run->stage_ns[PROFILE_FIRST] - run->stage_ns[PROFILE_DECODE], row->batch);
    return profile_check_run(run, cell->token_ns, n, err);
}

/* Whether the last runs, up to five of them, lie within 2 percent. */
static bool is_stable(const double *last, int n)
{
    double low = INFINITY, high = 0;
    for (int i = 0; i < n && i < 5; i++) {
        low = fmin(low, last[i]);
        high = fmax(high, last[i]);
    }
    return high < 1.02 * low;
}

enum status profile_warm_up(struct profile_cell *cell, const struct profile_plan *plan, int block,
                            struct error *err)
{
    enum { LEAST = 3, LEAST_SLOW = 1 };
    struct profile_row *row = cell->row;
    struct profile_run run;
    double last[5] = {0};
    int64_t start;
    row->warm = false;
    if (block == 0) {
        enum status status = profile_run_once(cell, &row->cold, err);
        if (status)
            return status;
        profile_count_memory(cell);
        profile_count_work(cell);
    }
    start = clock_ns();
    for (int n = 0;;) {
        enum status status = profile_run_once(cell, &run, err);
        if (status)
            return status;
        last[n++ % 5] = (double)run.e2e_ns;
        row->n_warm_ups++;
        double seconds = (double)(clock_ns() - start) * 1e-9;
        row->warm = n >= LEAST && is_stable(last, n);
        if (row->warm && seconds >= fmin(2, plan->warm_up_seconds / 5))
            return STATUS_OK;
        if (n >= LEAST_SLOW && seconds >= plan->warm_up_seconds / (block == 0 ? 1 : 3))
            return STATUS_OK;
    }
}

static bool grow(struct profile_cell *cell, struct arena *arena)
{
    struct profile_row *row = cell->row;
    if (row->n_runs < cell->capacity)
        return true;
    size_t capacity = cell->capacity ? 2 * cell->capacity : 64;
    struct profile_run *runs = arena_alloc(arena, capacity, sizeof *runs);
    if (!runs)
        return false;
    if (row->n_runs > 0)
        memcpy(runs, row->runs, row->n_runs * sizeof *runs);
    row->runs = runs;
    cell->capacity = capacity;
    return true;
}

enum status profile_keep_run(struct profile_cell *cell, int block, int round, struct arena *arena,
                             struct error *err)
{
    struct profile_row *row = cell->row;
    size_t n_gaps = row->stamps ? (size_t)row->new_tokens - 1 : 0;
    int64_t *gaps = arena_alloc_small(arena, n_gaps + 1, sizeof *gaps);
    if (!gaps || !grow(cell, arena))
        return fail(err, STATUS_NO_MEMORY, "out of memory for the runs' times");
    struct profile_run *run = &row->runs[row->n_runs];
    double before = profile_energy_joules();
    enum status status = profile_run_once(cell, run, err);
    if (status)
        return status;
    double used = profile_energy_joules() - before;
    run->block = block;
    run->round = round;
    for (size_t i = 0; i < n_gaps; i++)
        gaps[i] = cell->token_ns[i + 1] - cell->token_ns[i];
    run->gaps_ns = n_gaps > 0 ? gaps : NULL;
    cell->energy_j += used >= 0 ? used : (double)NAN;
    cell->spent_ns += (double)run->e2e_ns;
    row->n_runs++;
    return STATUS_OK;
}
