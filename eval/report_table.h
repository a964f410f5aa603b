/* eval/report_table.h - `mambench report` as a table of systems. */
#ifndef MAMBENCH_EVAL_REPORT_TABLE_H
#define MAMBENCH_EVAL_REPORT_TABLE_H

#include "engine/base/error.h"
#include "engine/base/text.h"
#include "eval/exit_code.h"
#include "eval/options.h"
#include "eval/report_input.h"
#include "reports/report.h"

/* Rows for the command's option table. */
/* clang-format off */
#define REPORT_TABLE_OPTION_ROWS                                                                   \
    {"layout", 0, OPTION_CHOICE, "NAME",                                                           \
     "runs (each run's own report; the default for one run) or the columns of a table: systems "   \
     "(the default for several)",                                                                  \
     NULL, report_layouts, false},                                                                 \
    {"published", 0, OPTION_TEXT, "LIST",                                                          \
     "add rows of printed numbers, such as cobra,llava-1.5-7b; paper: those of the layout's own "  \
     "table; all: every one",                                                                      \
     NULL, NULL, false}
/* clang-format on */
extern const char *const report_layouts[];

/* The layout that the options ask for; NULL: each run's own report. */
const struct table_layout *report_layout_of(const struct options *options,
                                            const struct report_input *input,
                                            const struct report_format *format);

/* Builds the table, which the caller releases.  Errors: USAGE (a published system that is not
 * known), NO_MEMORY. */
enum status report_table_make(struct systems_table *table, const struct options *options,
                              const struct table_layout *layout, const struct report_input *input,
                              struct error *err);

/* The grid of --format grid with the names, the order and the scenarios of suites. */
void report_grid_add(const struct report_input *input, struct text *out);

#endif
