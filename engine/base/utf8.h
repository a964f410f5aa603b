/* engine/base/utf8.h - one code point at a time. */
#ifndef MAMBENCH_ENGINE_BASE_UTF8_H
#define MAMBENCH_ENGINE_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Decodes the code point at *cursor, which is below end, and moves *cursor behind it.  A byte
 * sequence that is not UTF-8 gives U+FFFD, one for each maximal part of a well-formed sequence,
 * as Python's errors="replace" does. */
uint32_t utf8_next(const char **cursor, const char *end);

/* Whether all bytes are well-formed UTF-8; *bad_offset (may be NULL) is the first that is not. */
int utf8_valid(const char *data, size_t length, size_t *bad_offset);

#endif
