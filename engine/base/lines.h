/* engine/base/lines.h - the lines of a text file, as the files of this field really come: LF or
 * CRLF, with or without a final newline. */
#ifndef MAMBENCH_ENGINE_BASE_LINES_H
#define MAMBENCH_ENGINE_BASE_LINES_H

#include <stdbool.h>
#include <stddef.h>

struct lines {
    const char *data; /* borrowed */
    size_t length;
    size_t position;
    size_t number; /* of the line last delivered, from 1 */
};

void lines_init(struct lines *lines, const char *data, size_t length);

/* Delivers the next line without its LF or CRLF; false at the end.  It points into the data and
 * is not NUL-terminated. */
bool lines_next(struct lines *lines, const char **line, size_t *length);

/* Whether a line holds nothing but white space. */
bool line_is_blank(const char *line, size_t length);

#endif
