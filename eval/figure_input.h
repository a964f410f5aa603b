/* eval/figure_input.h - what figures need beyond a table: answers to yes-no questions, and scores
 * over time. */
#ifndef MAMBENCH_EVAL_FIGURE_INPUT_H
#define MAMBENCH_EVAL_FIGURE_INPUT_H

#include "engine/base/arena.h"
#include "engine/base/error.h"
#include "eval/report_input.h"
#include "reports/figures.h"

#include <stddef.h>

/* The probabilities of the runs on POPE that have some; a run whose data is not in place is told
 * and left out.  Errors: NO_MEMORY. */
enum status figure_answers_read(const struct report_input *input, struct figure_answers **answers,
                                size_t *n, struct arena *arena, struct error *err);

/* The headlines in a file of JSON lines, as `mambench history` writes it.  Errors: NOT_FOUND, IO,
 * BAD_FORMAT (the line), NO_MEMORY. */
enum status figure_moments_read(const char *path, struct figure_moment **moments, size_t *n,
                                struct arena *arena, struct error *err);

#endif
