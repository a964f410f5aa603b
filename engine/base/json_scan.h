/* engine/base/json_scan.h - whether JSON text is as strict as Python's json reads it, in front of
 * cJSON, which is laxer: raw control characters, numbers such as 01 and 1., half surrogate pairs
 * and a depth without end stop here.  What brackets and commas belong together is left to cJSON. */
#ifndef MAMBENCH_ENGINE_BASE_JSON_SCAN_H
#define MAMBENCH_ENGINE_BASE_JSON_SCAN_H

#include <stddef.h>

enum { JSON_MAX_NESTING = 1000 }; /* cJSON's own */

/* Looks at the value that begins at *position and moves behind it; returns NULL, or what is wrong,
 * in words, with *position there.  Text that ends early, or no value, is nothing wrong here.
 * A value of more than most bytes is; 0: any size. */
const char *json_scan(const char *data, size_t length, size_t most, size_t *position);

#endif
