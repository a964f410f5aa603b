/* eval/flip.h - one sample as two runs answered it, to be shown. */
#ifndef MAMBENCH_EVAL_FLIP_H
#define MAMBENCH_EVAL_FLIP_H

#include "engine/base/arena.h"
#include "eval/run_answers.h"
#include "reports/json_writer.h"

#include <stddef.h>

/* A sample whose two answers differ, in what they earn or in how they came about.  [0] is the first
 * run's, [1] the other's. */
struct flip {
    const char *id, *image_path, *question, *label;
    const char *answers[2]; /* as given, or the likeliest choice, or "(failed: ...)" */
    double credits[2];
};

/* Of sample a of the first run's set and b of the second's; strings go to the arena, which tells of
 * memory. */
struct flip flip_make(const struct run_answers *first, size_t a, const struct run_answers *second,
                      size_t b, struct arena *arena);

/* Appends flips [n] as an array. */
void flips_put_json(struct json_writer *writer, const char *key, const struct flip *flips,
                    size_t n);

#endif
