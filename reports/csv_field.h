/* reports/csv_field.h - one field of a line of csv; quoting by libcsv. */
#ifndef MAMBENCH_REPORTS_CSV_FIELD_H
#define MAMBENCH_REPORTS_CSV_FIELD_H

#include "engine/base/text.h"

#include <stdbool.h>

/* Appends a field, quoted, with a comma in front unless it is the line's first. */
void csv_add_field(struct text *out, const char *value, bool first);

/* The same for a number, with the digits that read back to the same double; NAN is blank. */
void csv_add_number(struct text *out, double value, bool first);

#endif
