/* eval/gate_credits.h - what every answer of a run earned, kept in a baseline so that a later run
 * can be paired with it when the first is long gone.
 *
 *     "samples_sha256": ids, questions and pictures in the files' order
 *     "levels": [0, 0.3, 1], "credits": ["0021", ...]    a digit a sample, as an index into levels
 *
 * A digit that changes is one answer that changed, so that a diff of the file can be read. */
#ifndef MAMBENCH_EVAL_GATE_CREDITS_H
#define MAMBENCH_EVAL_GATE_CREDITS_H

#include "datasets/dataset.h"
#include "engine/base/arena.h"
#include "engine/base/error.h"
#include "engine/base/sha256.h"

#include <cjson/cJSON.h>
#include <stddef.h>

/* Of all samples of a set.  "" without memory. */
struct sha256_text gate_samples_hash(const struct dataset *set);

/* Adds both members to recorded.  Credits of too many different sizes are left out: such a file
 * has numbers only.  Errors: NO_MEMORY. */
enum status gate_credits_put(cJSON *recorded, const double *credits, size_t n, struct error *err);

/* Reads n credits into *credits, in arena; NULL where there are none.  Errors: BAD_FORMAT (another
 * number, damaged digits), NO_MEMORY. */
enum status gate_credits_read(const cJSON *recorded, size_t n, const char *place,
                              struct arena *arena, double **credits, struct error *err);

#endif
