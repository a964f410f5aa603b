/* eval/score_imported.h - the part of `mambench score` that scores what another program answered.
 */
#ifndef MAMBENCH_EVAL_SCORE_IMPORTED_H
#define MAMBENCH_EVAL_SCORE_IMPORTED_H

#include "engine/base/error.h"
#include "eval/exit_code.h"
#include "eval/options.h"

#include <stdint.h>

/* Scores --predictions under one protocol, and prints all its scores, or under several, and prints
 * one table.  EXIT_INCOMPLETE if samples have no answer; EXIT_DATA if there is no score, where the
 * reference scorer would have stopped, too. */
enum exit_code score_imported(const struct options *options, uint64_t seed, struct error *err);

#endif
