/* datasets/gqa_facts.h - what GQA's metric reads of a question beyond its text and answer.
 *
 * sample->facts of GQA's samples.  Of a question without an answer (the test splits) only
 * is_balanced is known; the rest is NULL or 0. */
#ifndef MAMBENCH_DATASETS_GQA_FACTS_H
#define MAMBENCH_DATASETS_GQA_FACTS_H

#include "engine/base/arena.h"
#include "engine/base/error.h"
#include "engine/base/json.h"

#include <stdbool.h>
#include <stddef.h>

/* The answers that make sense for a question, from {tier}_choices.json. */
struct gqa_choices {
    const char *const *valid, *const *plausible;
    size_t n_valid, n_plausible;
};

/* Everything belongs to the dataset's arena. */
struct gqa_facts {
    bool is_balanced;       /* only these are scored */
    const char *structural; /* verify, query, choose, logical, compare */
    const char *semantic;   /* global, obj, attr, rel, cat */
    const char *detailed;   /* "weatherVerify" */
    const char *group;      /* "groups.global": the answers' distribution is compared within it */
    size_t n_steps;         /* reasoning steps, counted as gqa_count_steps() does; 0 is possible */
    const char *const *entailed; /* ids of the questions that a right answer decides, without
                                    the question's own */
    size_t n_entailed;
    const struct gqa_choices *choices; /* NULL: no choices were read */
};

/* Reads one record of a question file; id is the record's key, place names it in errors.  A record
 * with an answer must have everything that eval.py reads.
 * Errors: BAD_FORMAT, NO_MEMORY. */
enum status gqa_facts_read(const cJSON *record, const char *id, const char *place,
                           struct arena *arena, struct gqa_facts **out, struct error *err);

/* Steps of the functional program whose "operation: argument" contains none of "exist",
 * "query: name" and "choose name": eval.py v1.1, getStepsNum. */
enum status gqa_count_steps(const cJSON *semantic, const char *place, size_t *out,
                            struct error *err);

/* Reads one value of a choices file.  Errors: BAD_FORMAT, NO_MEMORY. */
enum status gqa_choices_read(const cJSON *record, const char *place, struct arena *arena,
                             const struct gqa_choices **out, struct error *err);

#endif
