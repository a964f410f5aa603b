/* metrics/python_text.h - the str methods of Python 3 that the reference scorers call, on UTF-8.
 *
 * Reference: CPython 3.11 (Unicode 14.0); the rules are those of the tables in unicode_tables.c and
 * of Objects/unicodeobject.c's lower() with its final sigma. */
#ifndef MAMBENCH_METRICS_PYTHON_TEXT_H
#define MAMBENCH_METRICS_PYTHON_TEXT_H

#include "engine/base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A stretch of somebody else's string. */
struct span {
    const char *data;
    size_t length;
};

struct span span_of(const char *text);
bool span_equals(struct span span, const char *text);

/* str.isspace() and the \d of re, of one code point. */
bool python_is_space(uint32_t c);
bool python_is_digit(uint32_t c);

/* Appends str.lower(). */
void python_lower(struct span in, struct text *out);

/* str.strip(). */
struct span python_strip(struct span in);

/* str.split() without an argument: takes the next word off rest; false when there is none. */
bool python_next_word(struct span *rest, struct span *word);

/* repr() of a float: "1.0", "0.1", "1e-05", "nan". */
void python_add_float(struct text *out, double value);

#endif
