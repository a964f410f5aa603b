/* eval/spatial.h - what the parts of `mambench study spatial` share. */
#ifndef MAMBENCH_EVAL_SPATIAL_H
#define MAMBENCH_EVAL_SPATIAL_H

#include "datasets/vsr_caption.h"
#include "engine/base/error.h"
#include "eval/study.h"

#include <stdbool.h>
#include <stddef.h>

/* A run's captions and answers, caption by caption. */
struct spatial_run {
    bool *label_true;
    signed char *says; /* 1 True, 0 False, -1 nothing */
    size_t *group;     /* number of the group */
};

/* A relation, or those of a category that have too few captions to be shown alone. */
struct relation_group {
    const char *category;  /* "none" where the relation has none */
    const char *name;      /* "left of", "other (3 relations)" */
    const char *members;   /* the relations, with semicolons */
    size_t n_relations, n; /* captions of the first run */
};

struct spatial {
    struct study_look look;
    struct spatial_run *runs;      /* [look.n_runs] */
    struct relation_group *groups; /* [n_groups] by category, then by falling n */
    size_t n_groups;
    const char **categories; /* [n_categories] by falling n */
    size_t n_categories;
    double **values; /* working memory of study_values() */
};

/* What a caption says of a share: 1, 0, or NAN where it is not in it. */
enum caption_quantity {
    CAPTION_RIGHT, /* of all; a failed one is wrong */
    CAPTION_TRUE,  /* of answers */
};
double caption_value(const struct spatial_run *run, size_t sample, enum caption_quantity quantity);

/* What an answer of a run of VSR says: 1 True, 0 False, -1 nothing. */
signed char caption_says(const struct run_answers *answers, size_t sample);

/* eval/spatial_groups.c: fills groups, categories and the runs' group numbers.  Errors: NO_MEMORY.
 */
enum status spatial_find_groups(struct spatial *study, size_t least, struct error *err);
const char *caption_category(const struct sample *sample);

/* Each adds sheets and tests.  Errors: NO_MEMORY. */
enum status spatial_add_answers(struct spatial *study, struct error *err);

/* The same of made captions, which extras [n] are the answers to, one run for each of the study's;
 * data NULL: where they were found.  Errors: USAGE (another number), MISMATCH (another model or
 * benchmark, or none of the captions), those of run_answers_open(). */
enum status spatial_add_consistency(struct spatial *study, const char *const *extras, size_t n,
                                    struct error *err);

/* Writes the captions made from those of set as a VSR folder, which must not hold captions yet, and
 * tells what was made. */
enum exit_code spatial_write_questions(const struct dataset *set, const char *directory,
                                       struct error *err);

#endif
