/* eval/compare.h - two or more finished runs on the same questions: do they differ?
 *
 * What is compared is the mean over samples of what an answer earns (metric_credit()): accuracy,
 * right for right and partly right for partly right.  The first run is the one that the others are
 * held against.  The permutation by image decides, after Holm's correction over everything that is
 * compared at once; all else is shown beside it, latencies (eval/compare_speed.h) too. */
#ifndef MAMBENCH_EVAL_COMPARE_H
#define MAMBENCH_EVAL_COMPARE_H

#include "engine/base/arena.h"
#include "engine/base/error.h"
#include "engine/base/text.h"
#include "eval/compare_speed.h"
#include "eval/flip.h"
#include "eval/pairing.h"
#include "eval/run_answers.h"
#include "eval/run_list.h"
#include "metrics/paired.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct compare_options {
    struct pairing_options pairing;
    size_t n_flips; /* listed of each direction */
    size_t n_draws; /* of the permutation */
    uint64_t seed;
    const char *profile; /* folder of a profile of all models; NULL: none */
};

enum verdict { VERDICT_INCONCLUSIVE, VERDICT_BETTER, VERDICT_WORSE };
const char *verdict_name(enum verdict verdict);

/* Below this, Holm's p decides. */
#define COMPARE_LEVEL 0.05

struct flips {
    size_t n;
    const struct flip *listed; /* the largest changes first, then in the files' order */
    size_t n_listed;
};

/* One run against the first, on one protocol. */
struct comparison {
    const struct run_record *runs[2];
    size_t side;                         /* number of the other run among the operands: 1, 2 ... */
    size_t n, n_images;                  /* samples that both have */
    double credits[2];                   /* means over them, 0..1 */
    size_t failed[2];                    /* of them; they count as wrong */
    struct paired_difference difference; /* second - first */
    struct permutation permutation;
    double p_holm;
    enum verdict verdict; /* on the second */
    double detectable;    /* smallest true difference that is found in 80 of 100; NAN: unknown */
    size_t n_pairs;       /* distinct (image, question) */
    size_t only[2];       /* of them right in one run alone */
    double p_mcnemar;
    struct flips fell, rose; /* samples that earn less, more in the second */
    const char *caution;     /* what else differs between the runs; NULL if nothing */
};

/* Everything belongs to the list. */
struct comparison_list {
    struct run_list *sides; /* an operand's runs each */
    size_t n_sides;
    struct comparison *items; /* by protocol in the first operand's order, then by operand */
    size_t n;
    size_t n_draws;
    const char **left_out; /* sentences: protocols that an operand lacks or has alone */
    size_t n_left_out;
    struct speed_list speed;
    struct arena arena;
};

/* Compares the runs of n >= 2 operands, each a run directory, a folder of runs of one model, or a
 * folder that has nothing but a profile.  Where no protocol is in common, latencies alone will do.
 * The caller closes the list.  Errors: USAGE (fewer than two; the same run twice; two runs of one
 * protocol in an operand), MISMATCH (no protocol in common; data, samples or prompts that differ
 * and may not; unfinished runs and others that cannot be weighed), those of run_list_open(). */
enum status comparison_list_open(struct comparison_list *list, const char *const *operands,
                                 size_t n, const struct compare_options *options,
                                 struct error *err);
void comparison_list_close(struct comparison_list *list);

/* One pair: what comparison_list_open() does for each; strings go to arena.  runs, side and Holm's
 * p are the caller's. */
enum status compare_pair(struct comparison *comparison, const struct run_answers *first,
                         const struct run_answers *second, const struct compare_options *options,
                         struct arena *arena, struct error *err);

/* Appends tables for people (markdown: for GitHub), and JSON for programs. */
void compare_add_tables(const struct comparison_list *list, bool markdown, struct text *out);
void compare_add_json(const struct comparison_list *list, struct text *out);

#endif
