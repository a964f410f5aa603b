#include "datasets/jsonl.h"

#include "engine/base/file.h"
#include "engine/base/utf8.h"

#include <stdio.h>
#include <string.h>

enum { PLACE_EXTRA = 32 }; /* ":", the line number, NUL */

void jsonl_replace_nul(char *data, size_t length)
{
    static const char nul[] = "\\u0000";
    enum { ESCAPE = sizeof nul - 1 };
    for (size_t i = 0; i + ESCAPE <= length; i++) {
        if (data[i] != '\\')
            continue;
        if (memcmp(data + i, nul, ESCAPE) == 0)
            memcpy(data + i, "\\ufffd", ESCAPE);
        i += 1; /* the character behind a backslash begins nothing */
    }
}

static size_t line_of(const char *data, size_t offset)
{
    size_t line = 1;
    for (size_t i = 0; i < offset; i++)
        line += data[i] == '\n';
    return line;
}

enum status jsonl_check_bytes(const char *path, const char *data, size_t size, struct error *err)
{
    if (size >= 3 && memcmp(data, "\xEF\xBB\xBF", 3) == 0)
        return fail(err, STATUS_BAD_FORMAT,
                    "%s:1: the file begins with a byte order mark, JSON does not", path);
    size_t bad = 0;
    if (size > 0 && !utf8_valid(data, size, &bad))
        return fail(err, STATUS_BAD_FORMAT, "%s:%zu: byte %zu of the file is not UTF-8", path,
                    line_of(data, bad), bad);
    const char *nul = size > 0 ? memchr(data, '\0', size) : NULL;
    if (nul)
        return fail(err, STATUS_BAD_FORMAT, "%s:%zu: byte %zu of the file is NUL, not text", path,
                    line_of(data, (size_t)(nul - data)), (size_t)(nul - data));
    return STATUS_OK;
}

enum status jsonl_open(struct jsonl *reader, const char *path, struct error *err)
{
    *reader = (struct jsonl){0};
    arena_init(&reader->arena);
    char *data = NULL;
    size_t size = 0;
    enum status status = file_read(path, &reader->arena, &data, &size, err);
    if (!status)
        status = jsonl_check_bytes(path, data, size, err);
    if (!status) {
        reader->path = arena_string(&reader->arena, path);
        reader->place = arena_alloc_small(&reader->arena, strlen(path) + PLACE_EXTRA, 1);
        reader->sha256 = sha256_bytes(data, size);
        if (arena_failed(&reader->arena) || !reader->sha256.hex[0])
            status = fail(err, STATUS_NO_MEMORY, "out of memory while reading %s", path);
    }
    if (status) {
        arena_release(&reader->arena);
        return status;
    }
    jsonl_replace_nul(data, size);
    lines_init(&reader->lines, data, size);
    return STATUS_OK;
}

void jsonl_close(struct jsonl *reader)
{
    cJSON_Delete(reader->object);
    arena_release(&reader->arena);
    *reader = (struct jsonl){0};
}

/* A blank line is fine where nothing but blank lines follow. */
static enum status check_rest_blank(struct jsonl *reader, struct error *err)
{
    size_t blank = reader->lines.number;
    const char *line;
    size_t length;
    while (lines_next(&reader->lines, &line, &length))
        if (!line_is_blank(line, length))
            return fail(err, STATUS_BAD_FORMAT, "%s:%zu: a blank line in the middle of the file",
                        reader->path, blank);
    return STATUS_OK;
}

/* The parser counts lines in what it was given, one line; the place tells which. */
static enum status parse_line(struct jsonl *reader, const char *line, size_t length,
                              struct error *err)
{
    static const char in_first_line[] = ": line 1, ";
    struct error inner = {{0}};
    enum status status = json_parse(&reader->object, line, length, reader->place, &inner);
    if (status) {
        size_t place_length = strlen(reader->place);
        if (strncmp(inner.text + place_length, in_first_line, sizeof in_first_line - 1) == 0)
            return fail(err, status, "%s: %s", reader->place,
                        inner.text + place_length + sizeof in_first_line - 1);
        return fail(err, status, "%s", inner.text);
    }
    if (!cJSON_IsObject(reader->object))
        return fail(err, STATUS_BAD_FORMAT,
                    "%s: not a JSON object (the file must have one object on each line)",
                    reader->place);
    return STATUS_OK;
}

enum status jsonl_next(struct jsonl *reader, const cJSON **object, struct error *err)
{
    cJSON_Delete(reader->object);
    reader->object = NULL;
    *object = NULL;
    const char *line;
    size_t length;
    if (!lines_next(&reader->lines, &line, &length))
        return STATUS_OK;
    if (line_is_blank(line, length))
        return check_rest_blank(reader, err);
    snprintf(reader->place, strlen(reader->path) + PLACE_EXTRA, "%s:%zu", reader->path,
             reader->lines.number);
    enum status status = parse_line(reader, line, length, err);
    if (!status)
        *object = reader->object;
    return status;
}
