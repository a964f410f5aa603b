/* reports/figures.h - figures of a paper: numbers as CSV, and a gnuplot script that draws them.
 *
 * A figure is one column wide (8.5 cm) in 8 points, and is told apart without colour: every line
 * has a dash and every point a shape of its own.  The script writes NAME.svg and NAME.pdf beside
 * itself; authors edit it and run it again.
 *
 * To add a figure: write reports/figure_<name>.c with its row and list it in reports/figures.c. */
#ifndef MAMBENCH_REPORTS_FIGURES_H
#define MAMBENCH_REPORTS_FIGURES_H

#include "engine/base/arena.h"
#include "engine/base/text.h"
#include "metrics/ranking.h"
#include "reports/systems.h"

#include <stdbool.h>
#include <stddef.h>

/* Answers of one run to yes-no questions, sorted by ranking_sort(). */
struct figure_answers {
    const char *name;
    const struct ranked *items; /* [n]: probability of yes, whether that is the label */
    size_t n, n_failed;         /* failed samples have no probability and are left out */
};

/* What a score was at a time. */
struct figure_moment {
    const char *series;      /* "mini-cobra, pope@triml" */
    const char *time;        /* "2026-11-28T19:57:00Z" */
    const char *version;     /* of what was measured; NULL: not known */
    double value, low, high; /* in percent; low and high NAN: no interval */
};

struct figure_input {
    const struct systems_table *table; /* of the layout "systems" */
    const struct systems_run *runs;
    const struct systems_profile *profiles;
    const struct figure_answers *answers;
    const struct figure_moment *moments; /* a series' together, by rising time */
    size_t n_runs, n_profiles, n_answers, n_moments;
};

struct figure_output {
    const char *name;
    struct text data, script; /* what NAME.csv and NAME.gp hold */
    const char *missing;      /* why there is nothing to draw; NULL: there is */
    struct arena arena;
};

struct figure {
    const char *name, *title;
    double height_cm;
    /* Fills data and script, whose head stands there already, or tells what is missing. */
    void (*make)(const struct figure_input *input, struct figure_output *out);
};

extern const struct figure *const figures[]; /* NULL-terminated */

/* Makes one; the caller releases out, whatever came of it.  Out of memory is a failed text. */
void figure_make(const struct figure *figure, const struct figure_input *input,
                 struct figure_output *out);
void figure_release(struct figure_output *out);

/* What figures share. */

/* "dt '-' pt 4 lc rgb ..." of the series number i: its dash and, where the line has points, their
 * shape. */
void figure_line(struct text *out, size_t i, bool has_points);
/* The same for points alone. */
void figure_point(struct text *out, size_t i);
/* A string as gnuplot reads it, quoted. */
void figure_quote(struct text *out, const char *string);
/* The head of the CSV: names with commas between them. */
void figure_head(struct figure_output *out, const char *columns);
/* Further fields; the first of a line has no comma. */
void figure_text(struct figure_output *out, const char *value, bool first);
void figure_number(struct figure_output *out, double value, bool first);
void figure_count(struct figure_output *out, size_t value, bool first);
void figure_end_line(struct figure_output *out);
/* "'NAME.csv' using ($1==I?$X:NaN):Y": what of a series is drawn; the number of the series is in
 * the file's first column. */
void figure_series(struct figure_output *out, size_t i, const char *x, const char *rest);

#endif
