/* eval/ab_series.h - two commands started in turn, what each start measured, and what the pairs of
 * starts say of the two.
 *
 * A command that prints `mambench profile -o json` is measured by what that says: TTFT, TPOT and
 * E2E of every configuration that both print.  Any other is measured from outside: its time from
 * start to end and its largest resident size.
 *
 * Of the runs within one start the fastest counts (ab_start_value() says why), so a start is one
 * number, and the pair of starts is what is resampled and flipped. */
#ifndef MAMBENCH_EVAL_AB_SERIES_H
#define MAMBENCH_EVAL_AB_SERIES_H

#include "engine/base/arena.h"
#include "engine/base/error.h"
#include "eval/exit_code.h"
#include "reports/profile_times.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ab_metric { AB_TTFT, AB_TPOT, AB_E2E, AB_WALL, AB_RSS };
enum { AB_METRICS = 5 };
const char *ab_metric_name(enum ab_metric metric); /* "e2e", as on the command line */

/* So many times the pairs where the first ones do not decide. */
enum { AB_EXTENSION = 3 };

struct ab_plan {
    const char *commands[2];  /* A, which was before, and B, which is held against it */
    size_t n_pairs;           /* of starts, before any extension */
    double effect;            /* a slowdown that matters: 0.05 */
    double level;             /* of p, behind Holm's correction */
    bool metrics[AB_METRICS]; /* those that are wanted, where they are there */
    uint64_t seed;
};

/* One quantity of both commands. */
struct ab_measure {
    enum ab_metric metric;
    const struct profile_times *rows[2]; /* as each command's first start printed it; NULL: of the
                                            command as a whole */
    const char *name;                    /* of the configuration; "" for the whole */
    double *values[2];                   /* [capacity]: ns or bytes, a start each */
};

struct ab_series {
    const struct ab_plan *plan;
    struct ab_measure *measures;
    size_t n_measures;
    size_t n_pairs, capacity;
    bool is_profile;      /* what the commands print is a profile that is read */
    const char *left_out; /* rows that only one command prints, a sentence; NULL: none */
    struct arena arena;   /* owns all of it */
};

/* Starts each command once without counting it: caches fill, and what both can be compared in is
 * found.  The caller closes the series, after a failure too.  Codes: EXIT_DATA (a command that
 * fails, or prints half a profile; nothing in common; a wanted metric that is not there),
 * EXIT_USAGE (so few pairs that no p could get below the level), EXIT_INTERNAL, 130, 143. */
enum exit_code ab_series_open(struct ab_series *series, const struct ab_plan *plan,
                              struct error *err);
void ab_series_close(struct ab_series *series);

/* Measures pairs of starts until there are n_pairs, at most AB_EXTENSION times the plan's; those
 * that are there stay.  Within two successive pairs each command is first once; which, the seed
 * says. */
enum exit_code ab_series_extend(struct ab_series *series, size_t n_pairs, uint64_t seed,
                                struct error *err);
/* Forgets the pairs. */
void ab_series_restart(struct ab_series *series);

enum ab_verdict {
    AB_HOLDS,     /* a slowdown over the effect is not shown, and not likely either */
    AB_SLOWER,    /* over the effect, its interval clear of 0, p below the level */
    AB_UNDECIDED, /* the interval reaches over the effect: more pairs might show it */
};
const char *ab_verdict_name(enum ab_verdict verdict);

/* What the pairs say of one measure. */
struct ab_result {
    bool tested;
    size_t n_pairs;
    double medians[2];
    double percent;   /* median of B over that of A, less 1 */
    double low, high; /* 95 % bootstrap interval over the pairs */
    double p, p_holm; /* two-sided, pairs swapped at random; with Holm over those tested */
    enum ab_verdict verdict;
};

/* Fills results [n_measures] of the measures whose .tested is set.  Errors: NO_MEMORY. */
enum status ab_series_judge(const struct ab_series *series, uint64_t seed,
                            struct ab_result *results, struct error *err);

/* One number for the n >= 1 runs of a start, in any order. */
double ab_start_value(const double *ns, size_t n);

#endif
