/* eval/hallucination.h - what the parts of `mambench study hallucination` share. */
#ifndef MAMBENCH_EVAL_HALLUCINATION_H
#define MAMBENCH_EVAL_HALLUCINATION_H

#include "datasets/object_presence.h"
#include "engine/base/error.h"
#include "eval/study.h"
#include "metrics/yes_no_rule.h"

#include <stdbool.h>
#include <stddef.h>

/* A run's questions and answers, sample by sample. */
struct hallucination_run {
    bool *label_yes;
    enum yes_no *says;  /* by the protocol's own rule */
    bool *is_distinct;  /* the first of its (image, question) */
    size_t *object;     /* number of what is asked for; NO_OBJECT */
    double *company;    /* object_presence_company(); NAN where it is not known */
    size_t *companions; /* number in presence of the object that is likeliest to bring it */
    size_t n_distinct;
    size_t n_unlike;   /* repeated questions whose answer is not the first one's */
    size_t n_conflict; /* whose label is not the first one's */
    size_t n_unparsed; /* questions of another form */
};

enum { NO_OBJECT = -1 };

struct hallucination {
    struct study_look look;
    struct hallucination_run *runs; /* [look.n_runs] */
    const char **splits;            /* [n_splits] in the order of the file */
    size_t n_splits;
    struct string_map asked; /* objects to numbers */
    const char **objects;    /* [n_objects] that questions ask for */
    size_t n_objects, objects_capacity;
    struct object_presence presence;
    double *frequency;  /* [n_objects] pictures with it; NAN where the source does not know it */
    double **values;    /* working memory of study_values() */
    size_t n_bins;      /* of calibration */
    size_t n_top;       /* objects listed for people */
    size_t n_examples;  /* of each */
    const char *source; /* of frequency and company, a sentence */
};

/* A part of the questions. */
struct question_part {
    const char *name;
    const char *split;  /* NULL: all */
    bool distinct_only; /* every (image, question) once */
};
bool question_is_in(const struct hallucination *study, size_t run, size_t sample,
                    const struct question_part *part);

/* What a sample says of a share: 1, 0, or NAN where it is not in it. */
enum question_quantity {
    QUESTION_RIGHT,       /* of all; a failed one is wrong */
    QUESTION_YES,         /* of answers */
    QUESTION_HIT,         /* of answers to what is there */
    QUESTION_FALSE_ALARM, /* of answers to what is not there */
};
double question_value(const struct hallucination *study, size_t run, size_t sample,
                      enum question_quantity quantity);

/* Fills study->values with a quantity over a part. */
void question_values(struct hallucination *study, const struct question_part *part,
                     enum question_quantity quantity);

/* The model's probability of yes; NAN where there is none. */
double question_p_yes(const struct hallucination *study, size_t run, size_t sample);

/* The distinct questions. */
extern const struct question_part distinct_questions;

/* Each adds sheets.  Errors: NO_MEMORY. */
enum status hallucination_add_answers(struct hallucination *study, struct error *err);
enum status hallucination_add_probabilities(struct hallucination *study, struct error *err);
enum status hallucination_add_bands(struct hallucination *study, struct error *err);
enum status hallucination_add_objects(struct hallucination *study, struct error *err);

/* The parts that have rows: each split, all, and the distinct questions; *n of them, in the look's
 * arena.  NULL without memory. */
const struct question_part *hallucination_parts(struct hallucination *study, size_t *n);

#endif
