/* eval/report_figures.h - the SVG files that a page shows. */
#ifndef MAMBENCH_EVAL_REPORT_FIGURES_H
#define MAMBENCH_EVAL_REPORT_FIGURES_H

#include "engine/base/arena.h"
#include "engine/base/error.h"
#include "reports/report.h"

#include <stdbool.h>
#include <stddef.h>

struct figure_list {
    struct report_figure *figures; /* [n] by the folders' order, then by name */
    size_t n, capacity;
};

/* Adds the SVG files of a folder; names and bytes go to arena.  Errors: NOT_FOUND (no such folder),
 * IO, NO_MEMORY. */
enum status figures_add_folder(struct figure_list *list, const char *folder, struct arena *arena,
                               struct error *err);

bool figures_folder_has_svg(const char *folder);

#endif
