/* eval/report_page.h - what `mambench report --format html` needs beyond the runs' records. */
#ifndef MAMBENCH_EVAL_REPORT_PAGE_H
#define MAMBENCH_EVAL_REPORT_PAGE_H

#include "engine/base/error.h"
#include "engine/base/text.h"
#include "eval/exit_code.h"
#include "eval/options.h"
#include "eval/run_list.h"
#include "reports/report.h"

/* Rows for the command's option table. */
/* clang-format off */
#define REPORT_PAGE_OPTION_ROWS                                                                    \
    {"samples", 0, OPTION_COUNT, "N", "html: of each protocol show the first N samples", "20000",  \
     NULL, false},                                                                                 \
    {"thumbnails", 0, OPTION_FLAG, NULL,                                                           \
     "html: put small pictures into the page instead of naming the files", NULL, NULL, false},     \
    {"figures", 0, OPTION_DIRECTORY, "DIR",                                                        \
     "draw figures into DIR: numbers as CSV, a gnuplot script, SVG and PDF; html: show the SVG "    \
     "files there, drawn if there are none",                                                       \
     NULL, NULL, false}
/* clang-format on */

/* EXIT_USAGE if an option was given that the format does not read. */
enum exit_code report_page_check(const struct options *options, const struct report_format *format,
                                 struct error *err);

/* Appends the page.  systems: the table on top, or NULL.  EXIT_DATA where it is there, but
 * annotation files or pictures were missing: err stays untouched, and page and standard error say
 * so. */
enum exit_code report_page_add(const struct options *options, const struct report_format *format,
                               const struct run_list *list, const struct systems_table *systems,
                               struct text *out, struct error *err);

#endif
