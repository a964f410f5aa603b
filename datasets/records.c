#include "datasets/records.h"

#include "engine/base/utf8.h"

#include <string.h>

enum { DROP_BYTES = 16 << 20 }; /* pages are given back in steps of this */

static enum status no_memory(const char *path, struct error *err)
{
    return fail(err, STATUS_NO_MEMORY, "out of memory while reading %s", path);
}

/* The first character that is not white space; 0 where there is none or no file. */
static char first_character(const char *path)
{
    struct file_map map;
    struct error ignored;
    char found = 0;
    if (file_map_open(&map, path, &ignored))
        return 0;
    for (size_t i = 0; i < map.size_bytes && !found; i++)
        if (!strchr(" \t\r\n", (char)map.data[i]))
            found = (char)map.data[i];
    file_map_close(&map);
    return found;
}

static enum status open_lines(struct records *records, const char *path, struct error *err)
{
    enum status status = jsonl_open(&records->lines, path, err);
    if (status)
        return status;
    records->is_lines = true;
    records->place = records->lines.path;
    records->sha256 = records->lines.sha256;
    return STATUS_OK;
}

static enum status open_walk(struct records *records, const char *path, bool members,
                             struct error *err)
{
    enum status status = sha256_file(path, &records->sha256, err);
    if (!status)
        status = file_map_open(&records->map, path, err);
    if (status)
        return status;
    const char *data = (const char *)records->map.data;
    records->path = arena_string(&records->arena, path);
    records->place = records->path;
    if (!records->path || !records->sha256.hex[0])
        status = no_memory(path, err);
    else if (members)
        status = json_object_begin(&records->walk, data ? data : "", records->map.size_bytes,
                                   records->path, err);
    else
        status = json_array_begin(&records->walk, data ? data : "", records->map.size_bytes,
                                  records->path, err);
    return status;
}

enum status records_open(struct records *records, const char *path, enum records_layout layout,
                         struct error *err)
{
    *records = (struct records){0};
    arena_init(&records->arena);
    text_init(&records->place_text);
    if (layout == RECORDS_LINES_OR_ARRAY)
        layout = first_character(path) == '[' ? RECORDS_ELEMENTS : RECORDS_LINES;
    enum status status = layout == RECORDS_LINES
                             ? open_lines(records, path, err)
                             : open_walk(records, path, layout == RECORDS_MEMBERS, err);
    if (status)
        records_close(records);
    return status;
}

void records_close(struct records *records)
{
    if (records->is_lines)
        jsonl_close(&records->lines);
    if (records->map.data)
        file_map_close(&records->map);
    cJSON_Delete(records->element);
    text_release(&records->place_text);
    arena_release(&records->arena);
    *records = (struct records){0};
}

/* Whether JSON text holds \u0000, at which cJSON would end the string. */
static bool has_escaped_nul(const char *data, size_t length)
{
    for (size_t i = 0; i + 6 <= length; i++) {
        if (data[i] != '\\')
            continue;
        if (memcmp(data + i, "\\u0000", 6) == 0)
            return true;
        i += 1; /* the character behind a backslash begins nothing */
    }
    return false;
}

static enum status check_element(struct records *records, size_t start, struct error *err)
{
    const char *text = records->walk.data + start;
    size_t length = records->walk.position - start, bad;
    text_reset(&records->place_text);
    if (records->walk.is_object)
        text_addf(&records->place_text, "%s: \"%.80s\"", records->path, records->element->string);
    else
        text_addf(&records->place_text, "%s: element %zu", records->path, records->number);
    if (records->place_text.failed)
        return no_memory(records->path, err);
    records->place = text_string(&records->place_text);
    if (!utf8_valid(text, length, &bad))
        return fail(err, STATUS_BAD_FORMAT, "%s: byte %zu of the file is not UTF-8", records->place,
                    start + bad);
    const char *nul = memchr(text, '\0', length);
    if (nul)
        return fail(err, STATUS_BAD_FORMAT, "%s: byte %zu of the file is NUL, not text",
                    records->place, start + (size_t)(nul - text));
    if (has_escaped_nul(text, length))
        return fail(err, STATUS_BAD_FORMAT, "%s: an escaped NUL in the text", records->place);
    if (!cJSON_IsObject(records->element))
        return fail(err, STATUS_BAD_FORMAT, "%s: not a JSON object", records->place);
    return STATUS_OK;
}

enum status records_next(struct records *records, const cJSON **record, struct error *err)
{
    *record = NULL;
    if (records->is_lines) {
        enum status status = jsonl_next(&records->lines, record, err);
        records->place = records->lines.place;
        records->number = records->lines.lines.number;
        return status;
    }
    cJSON_Delete(records->element);
    records->element = NULL;
    size_t start = records->walk.position;
    enum status status = json_array_next(&records->walk, &records->element, err);
    if (status || !records->element)
        return status;
    records->number += 1;
    if ((status = check_element(records, start, err)))
        return status;
    if (start - records->dropped >= DROP_BYTES) {
        file_map_drop(&records->map, records->dropped, start - records->dropped);
        records->dropped = start;
    }
    *record = records->element;
    return STATUS_OK;
}
