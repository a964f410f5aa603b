/* reports/csv_field.h - one field of a CSV line, quoted by libcsv. */
#ifndef MAMBENCH_REPORTS_CSV_FIELD_H
#define MAMBENCH_REPORTS_CSV_FIELD_H

#include "engine/base/text.h"

#include <stdbool.h>

/* Appends the field; a comma goes in front unless it is the line's first. */
void csv_add_field(struct text *out, const char *value, bool first);

#endif
