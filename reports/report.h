/* reports/report.h - finished runs for readers: markdown, CSV, JSON, LaTeX, a page.
 *
 * To add a format: write reports/<name>.c with its row and list it in reports/registry.c. */
#ifndef MAMBENCH_REPORTS_REPORT_H
#define MAMBENCH_REPORTS_REPORT_H

#include "engine/base/error.h"
#include "engine/base/text.h"
#include "reports/gallery.h"
#include "reports/run_record.h"
#include "reports/systems.h"
#include "reports/table.h"

#include <stddef.h>

/* A figure, as an SVG file. */
struct report_figure {
    const char *name; /* "pareto" */
    const void *svg;
    size_t svg_bytes;
};

/* What a page shows beyond the runs. */
struct report_page {
    const struct gallery *gallery;       /* NULL: none */
    const struct systems_table *systems; /* NULL: none; the runs' headlines serve */
    const struct report_figure *figures; /* [n_figures] */
    size_t n_figures;
    const char *notes; /* what is missing, a sentence a line */
};

struct report_format {
    const char *name;      /* "md" */
    const char *file_name; /* in the run directory; NULL: only on demand */
    /* Appends the report of n >= 1 runs. */
    void (*add)(const struct run_record *records, size_t n, struct text *out);
    /* The same with samples and figures; NULL where the format shows none. */
    void (*add_page)(const struct run_record *records, size_t n, const struct report_page *page,
                     struct text *out);
    /* Appends a table of systems; NULL: the format has none, and add() serves. */
    void (*add_table)(const struct systems_table *table, struct text *out);
};

/* The table and its names, NULL-terminated. */
extern const struct report_format *const report_formats[];
extern const char *const report_format_names[];
const struct report_format *report_format_find(const char *name);

/* Writes every format that has a file name into a run directory. */
enum status report_write_files(const char *directory, struct error *err);

/* What several formats share. */

/* Appends a score's value as its reference prints it; nothing where it is undefined. */
void report_add_value(struct text *out, const struct score *score);
/* value of a score's scale as percent, "51.5 %"; nothing for NAN. */
void report_add_percent(struct text *out, double value, double scale);
/* "49.2 - 57.1 %" or nothing. */
void report_add_interval(struct text *out, const struct score *score);
/* By how much the score of another run of this size must differ, in the score's scale, to be shown
 * in 80 of 100 comparisons: unpaired, from the wider side of the interval, and so on the safe side.
 * NAN without an interval. */
double report_detectable(const struct score *score);
/* Nanoseconds for people: "812 us", "3.41 ms", "2.07 s"; nothing for NAN. */
void report_add_time(struct text *out, double ns);
/* "812 kB", "41.2 MB", "5.54 GB"; nothing for NAN or 0. */
void report_add_size(struct text *out, double bytes);
/* What a session keeps: "209 kB, however long it is" or "3.07 kB a token, 338 kB behind the median
 * question (110 tokens)"; nothing where that is not known. */
void report_add_session(const struct run_record *record, struct text *out);
/* "12.3", "4,210" ...; nothing for NAN. */
void report_add_rate(struct text *out, double per_second);

/* Head and rows of the table of all scores. */
void report_begin_scores(struct table *table, struct arena *arena);
void report_add_score(struct table *table, const struct score *score);
/* The paragraph below that table. */
void report_add_scores_legend(struct text *out);

/* One line a run: score, interval, floors, speed; the head says what the columns are. */
void report_add_summary(const struct run_record *records, size_t n, enum table_style style,
                        struct text *out);

/* The same as a few lines a run, 80 columns wide, for a terminal. */
void report_add_brief(const struct run_record *record, struct text *out);

/* Appends a sentence for everything that keeps the runs from being compared; may be nothing. */
void report_add_cautions(const struct run_record *records, size_t n, const char *bullet,
                         struct text *out);

#endif
