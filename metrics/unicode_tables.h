/* metrics/unicode_tables.h - character tables of CPython 3.11; what
 * scripts/golden/make_unicode_tables.py writes.  Ranges are sorted and do not overlap. */
#ifndef MAMBENCH_METRICS_UNICODE_TABLES_H
#define MAMBENCH_METRICS_UNICODE_TABLES_H

#include <stddef.h>
#include <stdint.h>

struct unicode_range {
    uint32_t first, last;
};

/* Code points first, first + step, ... last become themselves plus delta. */
struct unicode_lower_run {
    uint32_t first, last, step;
    int32_t delta;
};

extern const struct unicode_range unicode_spaces[], unicode_digits[], unicode_cased[],
    unicode_case_ignorable[];
extern const size_t n_unicode_spaces, n_unicode_digits, n_unicode_cased, n_unicode_case_ignorable;
extern const struct unicode_lower_run unicode_lower[];
extern const size_t n_unicode_lower;

#endif
