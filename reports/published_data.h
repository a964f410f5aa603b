/* reports/published_data.h - the files of reports/published/, compiled in. */
#ifndef MAMBENCH_REPORTS_PUBLISHED_DATA_H
#define MAMBENCH_REPORTS_PUBLISHED_DATA_H

#include <stddef.h>

struct published_data {
    const char *name; /* "numbers.csv" */
    const unsigned char *bytes;
    size_t size;
};

extern const struct published_data published_data[]; /* ends with a NULL name */

#endif
