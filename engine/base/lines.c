#include "engine/base/lines.h"

#include <string.h>

void lines_init(struct lines *lines, const char *data, size_t length)
{
    *lines = (struct lines){data, length, 0, 0};
}

bool lines_next(struct lines *lines, const char **line, size_t *length)
{
    if (lines->position >= lines->length)
        return false;
    const char *start = lines->data + lines->position;
    size_t rest = lines->length - lines->position;
    const char *newline = memchr(start, '\n', rest);
    size_t size = newline ? (size_t)(newline - start) : rest;
    lines->position += newline ? size + 1 : size;
    lines->number += 1;
    if (size > 0 && start[size - 1] == '\r')
        size -= 1;
    *line = start;
    *length = size;
    return true;
}

bool line_is_blank(const char *line, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r' && line[i] != '\n')
            return false;
    return true;
}
