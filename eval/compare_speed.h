/* eval/compare_speed.h - latencies of finished runs side by side, from their profiles.
 *
 * A run's latencies are those in profile.json in its directory or in the folder of its model: rows
 * of the same configuration are held against each other, by the ratio of their medians.  Nothing is
 * decided here: `mambench gate --ab` measures anew and decides. */
#ifndef MAMBENCH_EVAL_COMPARE_SPEED_H
#define MAMBENCH_EVAL_COMPARE_SPEED_H

#include "engine/base/arena.h"
#include "engine/base/error.h"
#include "engine/base/text.h"
#include "eval/run_list.h"
#include "metrics/intervals.h"
#include "reports/json_writer.h"
#include "reports/profile_times.h"
#include "reports/table.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One latency of one configuration.  [0] is the first run's, [1] the other's. */
struct speed_pair {
    size_t side; /* number of the other run among the operands: 1, 2 ... */
    const struct profile_times *rows[2];
    const char *configuration;
    enum profile_latency latency;
    size_t n[2];       /* runs measured */
    double medians[2]; /* ns */
    size_t n_pairs;    /* runs that were next to each other in one profile; 0: measured apart */
    double ratio;      /* of the medians, second over first; of the paired runs, where there are */
    struct interval interval; /* 95 %, bootstrap; NAN below two runs */
};

/* Everything belongs to the list. */
struct speed_list {
    struct speed_pair *pairs;
    size_t n;
    const char **cautions; /* sentences: other machines, a profile of another model */
    size_t n_cautions, most_cautions;
    struct arena arena;
};

/* Reads the profiles below n operands whose runs are sides [n] and compares the first operand's
 * with each other's.  shared: folder of a profile that holds the models of all; NULL: none.
 * Operands without a profile have no pairs.  The caller closes the list, after a failure too.
 * Errors: NOT_FOUND (nothing in shared), BAD_FORMAT (a profile that cannot be read), NO_MEMORY. */
enum status speed_list_open(struct speed_list *list, const char *const *operands,
                            const struct run_list *sides, size_t n, const char *shared,
                            uint64_t seed, struct error *err);
void speed_list_close(struct speed_list *list);

/* Whether a folder, or one within, holds a profile. */
bool speed_has_profile(const char *folder);

/* Appends the table with what it means, and a member "latencies" of the open object.  Both append
 * nothing to be read where there are no pairs and no cautions. */
void speed_add_table(const struct speed_list *list, enum table_style style, struct text *out);
void speed_put_json(const struct speed_list *list, struct json_writer *writer);

#endif
