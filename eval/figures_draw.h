/* eval/figures_draw.h - `mambench report --figures DIR`: what the figures are made of, and
 * gnuplot that draws them. */
#ifndef MAMBENCH_EVAL_FIGURES_DRAW_H
#define MAMBENCH_EVAL_FIGURES_DRAW_H

#include "engine/base/error.h"
#include "eval/report_input.h"

/* Writes NAME.csv and NAME.gp of every figure that the input has numbers for, and NAME.svg and
 * NAME.pdf where gnuplot is installed; says what was not drawn, and why.  history: a file that
 * `mambench history` keeps, or NULL.  Errors: IO (a file, or gnuplot's complaint), NOT_FOUND and
 * BAD_FORMAT (the history), NO_MEMORY. */
enum status figures_draw(const char *directory, const struct report_input *input,
                         const char *history, struct error *err);

#endif
