/* eval/profile.h - the latency profiler: a sweep of configurations, measured in turn.
 *
 *     profile_plan (what is asked) -> profile_sweep (rows) -> profile_measure (runs of a row)
 *         -> profile_finish() (reports/profile_record.h: statistics) -> reports/profile.h (formats)
 *
 * Configurations of models that fit into memory together run in turn, in an order drawn anew each
 * round, so that they share the machine's mood; models that do not are opened, measured and closed
 * in blocks.  Pictures are read anew in every run. */
#ifndef MAMBENCH_EVAL_PROFILE_H
#define MAMBENCH_EVAL_PROFILE_H

#include "engine/base/arena.h"
#include "engine/base/error.h"
#include "engine/engine.h"
#include "engine/models/lm.h"
#include "engine/ops/compute.h"
#include "engine/ops/probe.h"
#include "eval/scenario.h"
#include "reports/profile_record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PROFILE_MAX_LIST = 32, PROFILE_MAX_ROWS = 512, PROFILE_BLOCKS = 3 };

/* Values of one dimension of a sweep. */
struct profile_list {
    int values[PROFILE_MAX_LIST];
    size_t n;
};

/* What is asked. */
struct profile_plan {
    const char *models[PROFILE_MAX_LIST];
    size_t n_models;
    struct profile_list depths, threads, batches, precisions; /* threads 0: every core */
    const struct scenario *scenario;                          /* or NULL */
    const char *prompt; /* the user turn, where prompt_tokens is 0 */
    int prompt_tokens;  /* random ids instead */
    int new_tokens;
    int min_runs;
    double min_seconds, warm_up_seconds, delay_seconds;
    double memory_bytes; /* to use at most */
    bool random_weights, overhead, compares;
    bool no_limits; /* nothing is probed: every limit is NAN */
    const char *kernels;
    uint64_t seed;
    const char *image; /* file that every run reads */
    bool quiet;
};

/* A configuration on its way: the row that is shown, and what runs it. */
struct profile_cell {
    struct profile_row *row;
    const struct engine *engine;
    struct session **sessions; /* [batch], borrowed from the group */
    struct request *requests;  /* [batch] */
    struct generation *generations;
    int64_t *token_ns; /* [new_tokens] of the run in progress */
    int *ids;          /* of the prompt; NULL where it is a text */
    char *prompt;
    size_t capacity; /* of row->runs */
    double spent_ns; /* in measured runs */
    double energy_j; /* of them; NAN where it is not known */
    int64_t origin_ns;
    const char *image;
    enum status status; /* of row->error */
};

/* What the probes reached with one number of threads, run by run. */
enum { PROFILE_MOST_RATES = 256 };
struct profile_rates {
    int threads;
    double read[PROFILE_MOST_RATES], product[MATMUL_TYPES][PROFILE_MOST_RATES];
    size_t n; /* beyond the most, the first ones stay */
};

/* Everything one profile holds. */
struct profile {
    const struct profile_plan *plan;
    const struct engine *engine; /* measured in place of the plan's only model; NULL: opens it */
    struct profile_record record;
    struct profile_cell *cells; /* [record.n_rows] */
    struct profile_group *groups;
    size_t n_groups;
    bool together; /* all groups are open at once */
    struct read_probe read_probe;
    struct product_probe *product_probes[MATMUL_TYPES];
    struct profile_rates *rates; /* [plan->threads.n] */
    int64_t origin_ns;
    bool interrupted; /* by a signal: what was measured until then is there */
    struct arena arena;
};

/* The plan's rows as a cartesian product; a row that cannot be measured has its error already.
 * The caller closes the profile, after a failure too.  Errors: NO_MEMORY, UNSUPPORTED (too many
 * rows). */
enum status profile_open(struct profile *profile, const struct profile_plan *plan,
                         struct error *err);
void profile_close(struct profile *profile);

/* Measures every row and finishes the record.  A row that fails gets its error and stops no other.
 * Errors: NO_MEMORY; what came is then as for profile_interrupted(). */
enum status profile_measure_all(struct profile *profile, struct error *err);

/* eval/profile_measure.c */

/* One run of a cell; nothing is kept if it fails.  Errors: those of session_see() and
 * sessions_answer(); UNSUPPORTED where the clock jumped. */
enum status profile_run_once(struct profile_cell *cell, struct profile_run *run, struct error *err);
/* Cold run (in the first block) and warm-up. */
enum status profile_warm_up(struct profile_cell *cell, const struct profile_plan *plan, int block,
                            struct error *err);
/* One measured run, kept in row->runs. */
enum status profile_keep_run(struct profile_cell *cell, int block, int round, struct arena *arena,
                             struct error *err);
/* Whether a run's times can be: none negative, tokens in order, their sum not over the whole.
 * Errors: UNSUPPORTED, saying where the clock jumped. */
enum status profile_check_run(const struct profile_run *run, const int64_t *token_ns, size_t n,
                              struct error *err);

/* eval/profile_memory.c */

/* Fills the row's bytes from its sessions as they are behind a run. */
void profile_count_memory(struct profile_cell *cell);
/* Bytes that the state and cache of a row's sequences take. */
double profile_state_bytes(const struct engine_info *info, const struct profile_row *row);

/* eval/profile_limits.c */

/* Opens the probes that the plan's precisions need.  Errors: NO_MEMORY. */
enum status profile_open_probes(struct profile *profile, struct error *err);
void profile_close_probes(struct profile *profile);
/* Runs each probe once: some before, between and behind the rows' runs. */
void profile_run_probes(struct profile *profile);
/* Medians of the probes into the record, counted work and limits into every row. */
void profile_set_limits(struct profile *profile);
void profile_count_work(struct profile_cell *cell);

/* eval/profile_energy.c */

/* What RAPL's packages have used so far, in joules; NAN where no counter can be read.  The counters
 * wrap: differences below 0 are not to be shown. */
double profile_energy_joules(void);

/* eval/profile_facts.c */

/* Fills version, command, time and the machine's facts as they are before the rows are measured;
 * and again the frequency and load behind them.  Errors: NO_MEMORY. */
enum status profile_facts_before(struct profile *profile, struct error *err);
enum status profile_facts_after(struct profile *profile, struct error *err);

/* eval/profile_picture.c */

/* Writes a seeded synthetic photograph, a JPEG of 640 x 480, to path.  Errors: IO, NO_MEMORY. */
enum status profile_write_picture(const char *path, uint64_t seed, struct error *err);

#endif
