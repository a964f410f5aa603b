/* eval/profile_group.h - one model in one precision, and the sessions that its rows run in. */
#ifndef MAMBENCH_EVAL_PROFILE_GROUP_H
#define MAMBENCH_EVAL_PROFILE_GROUP_H

#include "eval/profile.h"

struct profile_group {
    const char *model;
    enum precision precision;
    size_t first, n;                      /* its rows */
    double weight_bytes;                  /* estimated; 0: not known */
    const struct engine *engine;          /* NULL: closed */
    struct engine *owned;                 /* the same where it was opened here */
    struct session *seeing[LM_MAX_SPANS]; /* read pictures */
    struct session *filled[LM_MAX_SPANS]; /* stand behind synthetic positions */
};

/* Reads the card.  A group that has none gets an error in every row. */
void profile_group_estimate(struct profile *profile, struct profile_group *group);

/* Opens model and sessions and binds the rows to them; a row that does not fit into memory gets its
 * error, and so do all where the model does not open. */
void profile_group_open(struct profile *profile, struct profile_group *group);
void profile_group_close(struct profile_group *group);

void profile_row_failed(struct profile *profile, struct profile_cell *cell, enum status status,
                        const char *reason);

/* What reading the clock costs, measured now. */
double profile_clock_cost_ns(void);

#endif
