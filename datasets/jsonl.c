#include "datasets/jsonl.h"

#include "engine/base/file.h"
#include "engine/base/utf8.h"

#include <stdio.h>
#include <string.h>

enum { PLACE_EXTRA = 32 };       /* ":", the line number, NUL */
enum { WINDOW_BYTES = 4 << 20 }; /* how much of the file may be resident behind the reader */

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

/* What must hold of the file as a whole; the lines are checked one by one. */
static enum status check_start(const struct jsonl *reader, struct error *err)
{
    if (reader->map.size_bytes >= 3 && memcmp(reader->map.data, "\xEF\xBB\xBF", 3) == 0)
        return fail(err, STATUS_BAD_FORMAT,
                    "%s:1: the file begins with a byte order mark, JSON does not", reader->path);
    return STATUS_OK;
}

enum status jsonl_open(struct jsonl *reader, const char *path, struct error *err)
{
    *reader = (struct jsonl){0};
    arena_init(&reader->arena);
    text_init(&reader->copy);
    reader->path = arena_string(&reader->arena, path);
    reader->place = arena_alloc_small(&reader->arena, strlen(path) + PLACE_EXTRA, 1);
    enum status status = sha256_file(path, &reader->sha256, err);
    if (!status && (arena_failed(&reader->arena) || !reader->sha256.hex[0]))
        status = fail(err, STATUS_NO_MEMORY, "out of memory while reading %s", path);
    if (!status)
        status = file_map_open(&reader->map, path, err);
    if (!status)
        status = check_start(reader, err);
    if (status) {
        jsonl_close(reader);
        return status;
    }
    const char *data = (const char *)reader->map.data;
    lines_init(&reader->lines, data ? data : "", reader->map.size_bytes);
    return STATUS_OK;
}

void jsonl_close(struct jsonl *reader)
{
    cJSON_Delete(reader->object);
    if (reader->map.data)
        file_map_close(&reader->map);
    text_release(&reader->copy);
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

/* The next line; one that is longer than any record is not even looked at to its end. */
static enum status next_line(struct jsonl *reader, const char **line, size_t *length,
                             struct error *err)
{
    struct lines *lines = &reader->lines;
    const char *start = lines->data + lines->position;
    size_t rest = lines->length - lines->position;
    if (rest > JSON_RECORD_BYTES && !memchr(start, '\n', JSON_RECORD_BYTES))
        return fail(err, STATUS_BAD_FORMAT,
                    "%s:%zu: a line of more than %d MiB, longer than any record", reader->path,
                    lines->number + 1, JSON_RECORD_BYTES >> 20);
    if (lines->position - reader->dropped >= WINDOW_BYTES) {
        file_map_drop(&reader->map, reader->dropped, lines->position - reader->dropped);
        reader->dropped = lines->position;
    }
    *line = NULL;
    lines_next(lines, line, length);
    return STATUS_OK;
}

/* UTF-8 without a NUL; an escaped one is replaced in a copy. */
static enum status check_line(struct jsonl *reader, const char **line, size_t length,
                              struct error *err)
{
    size_t bad = 0, start = (size_t)(*line - reader->lines.data);
    if (!utf8_valid(*line, length, &bad))
        return fail(err, STATUS_BAD_FORMAT, "%s: byte %zu of the file is not UTF-8", reader->place,
                    start + bad);
    const char *nul = memchr(*line, '\0', length);
    if (nul)
        return fail(err, STATUS_BAD_FORMAT, "%s: byte %zu of the file is NUL, not text",
                    reader->place, start + (size_t)(nul - *line));
    if (!memmem(*line, length, "\\u0000", 6))
        return STATUS_OK;
    text_reset(&reader->copy);
    text_add_bytes(&reader->copy, *line, length);
    if (reader->copy.failed)
        return fail(err, STATUS_NO_MEMORY, "%s: out of memory", reader->place);
    jsonl_replace_nul(reader->copy.data, length);
    *line = reader->copy.data;
    return STATUS_OK;
}

enum status jsonl_next(struct jsonl *reader, const cJSON **object, struct error *err)
{
    cJSON_Delete(reader->object);
    reader->object = NULL;
    *object = NULL;
    const char *line;
    size_t length = 0;
    enum status status = next_line(reader, &line, &length, err);
    if (status || !line)
        return status;
    if (line_is_blank(line, length))
        return check_rest_blank(reader, err);
    snprintf(reader->place, strlen(reader->path) + PLACE_EXTRA, "%s:%zu", reader->path,
             reader->lines.number);
    if ((status = check_line(reader, &line, length, err)) ||
        (status = parse_line(reader, line, length, err)))
        return status;
    *object = reader->object;
    return STATUS_OK;
}
