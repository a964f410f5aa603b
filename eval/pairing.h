/* eval/pairing.h - the samples that two finished runs share, and whether they may be paired. */
#ifndef MAMBENCH_EVAL_PAIRING_H
#define MAMBENCH_EVAL_PAIRING_H

#include "engine/base/arena.h"
#include "engine/base/error.h"
#include "eval/options.h"
#include "eval/run_answers.h"
#include "metrics/paired.h"

#include <stdbool.h>
#include <stddef.h>

struct pairing_options {
    const char *data; /* folder of the benchmark; NULL: where each run found it */
    bool other_prompts, other_data, other_samples; /* may differ between the runs */
};

/* Rows for the option table of a command that pairs runs, and what they say. */
/* clang-format off */
#define PAIRING_OPTION_ROWS                                                                        \
    {"data", 'd', OPTION_DIRECTORY, "DIR",                                                         \
     "folder of the benchmark; by default where each run found it", NULL, NULL, false},            \
    {"allow-different-prompts", 0, OPTION_FLAG, NULL,                                              \
     "pair runs whose prompts differ, as those of models with other templates do", NULL, NULL,     \
     false},                                                                                       \
    {"allow-different-data", 0, OPTION_FLAG, NULL,                                                 \
     "pair runs on other versions of the annotation files", NULL, NULL, false},                    \
    {"allow-different-samples", 0, OPTION_FLAG, NULL,                                              \
     "pair runs that were not asked the same, on the samples that both have", NULL, NULL, false}
/* clang-format on */
struct pairing_options pairing_options_of(const struct options *options);

struct sample_pair {
    size_t first, second; /* indices in the two sets */
};

/* Everything belongs to the arena it was made in. */
struct pairing {
    struct sample_pair *pairs; /* [n] in the first set's order */
    size_t n;
    struct paired_image *images; /* [n_images]; those without a common sample have n = 0 */
    size_t n_images;
    const char
        *caution; /* what differs, and was allowed or does not matter enough; NULL: nothing */
};

/* Joins by sample id, question and picture.  Errors: MISMATCH (no sample in common; annotation
 * files, samples or prompts that differ and may not), NO_MEMORY. */
enum status pairing_make(struct pairing *pairing, const struct run_answers *first,
                         const struct run_answers *second, const struct pairing_options *options,
                         struct arena *arena, struct error *err);

#endif
