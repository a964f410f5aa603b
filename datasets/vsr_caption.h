/* datasets/vsr_caption.h - a VSR caption taken apart, and captions whose truth follows from it.
 *
 * "The A is left of the B." makes
 *     converse   "The B is right of the A."      true where it is true, false where it is false
 *     opposite   "The A is right of the B."      not true where it is true
 *     not        "The A is not left of the B."   true where it is false, false where it is true
 * A relation is in the table only where the other relation says the same in both directions;
 * "on top of" has no converse, for what is beneath need not be touched.  Opposites exclude each
 * other, and both may be false: what is above is neither left nor right.
 *
 * To add a relation: a row of relations[] in datasets/vsr_caption.c. */
#ifndef MAMBENCH_DATASETS_VSR_CAPTION_H
#define MAMBENCH_DATASETS_VSR_CAPTION_H

#include "engine/base/arena.h"

#include <stdbool.h>

struct vsr_caption {
    const char *subject;     /* "car", without its article */
    const char *relation;    /* "left of" */
    const char *object;      /* "suitcase" */
    const char *articles[2]; /* "the", in lower case, of both */
};

/* Takes caption apart around its relation; strings go to arena.  False if it is not of the form
 * "The A is left of the B." (for verbs "The A contains the B."), with the relation in one place. */
bool vsr_caption_parse(const char *caption, const char *relation, struct arena *arena,
                       struct vsr_caption *out);

enum vsr_made { VSR_CONVERSE, VSR_OPPOSITE, VSR_NOT, VSR_N_MADE };

/* "converse", "opposite", "not". */
const char *vsr_made_name(enum vsr_made kind);

/* The made caption, and its relation ("right of"; "not left of"), in arena; NULL if the relation
 * has none of that kind (or without memory: the arena tells). */
const char *vsr_caption_make(const struct vsr_caption *caption, enum vsr_made kind,
                             struct arena *arena, const char **relation);

/* What the made caption is where the first is true or false: 1, 0, or -1 where it does not follow
 * (an opposite of what is false). */
int vsr_made_truth(enum vsr_made kind, bool truth);

#endif
