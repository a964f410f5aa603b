#include "datasets/records.h"

#include "engine/base/utf8.h"

#include <string.h>

/* How much of the file may be resident behind the reader. */
enum { WINDOW_BYTES = 4 << 20 };

static enum status no_memory(const char *path, struct error *err)
{
    return fail(err, STATUS_NO_MEMORY, "out of memory while reading %s", path);
}

/* The first character that is not white space; 0 where there is none near the beginning, or no
 * file. */
static char first_character(const char *path)
{
    struct file_map map;
    struct error ignored;
    char found = 0;
    if (file_map_open(&map, path, &ignored))
        return 0;
    for (size_t i = 0; i < map.size_bytes && i < WINDOW_BYTES; i++)
        if (!memchr(" \t\r\n", map.data[i], 4)) {
            found = (char)map.data[i];
            break;
        }
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

/* Positions the walker on the file's array (name: a member of its object; NULL: all of it) or, with
 * members, on its object. */
static enum status open_walk(struct records *records, const char *path, const char *name,
                             bool members, struct error *err)
{
    enum status status = sha256_file(path, &records->sha256, err);
    if (!status)
        status = file_map_open(&records->map, path, err);
    if (status)
        return status;
    const char *data = records->map.data ? (const char *)records->map.data : "";
    size_t size = records->map.size_bytes;
    records->path = arena_string(&records->arena, path);
    records->place = records->path;
    if (!records->path || !records->sha256.hex[0])
        return no_memory(path, err);
    if (members)
        return json_object_begin(&records->walk, data, size, records->path, err);
    if (name)
        return json_member_array_begin(&records->walk, data, size, name, records->path, err);
    return json_array_begin(&records->walk, data, size, records->path, err);
}

static void init(struct records *records)
{
    *records = (struct records){0};
    arena_init(&records->arena);
    text_init(&records->place_text);
}

enum status records_open(struct records *records, const char *path, enum records_layout layout,
                         struct error *err)
{
    init(records);
    if (layout == RECORDS_LINES_OR_ARRAY)
        layout = first_character(path) == '[' ? RECORDS_ELEMENTS : RECORDS_LINES;
    enum status status = layout == RECORDS_LINES
                             ? open_lines(records, path, err)
                             : open_walk(records, path, NULL, layout == RECORDS_MEMBERS, err);
    if (status)
        records_close(records);
    return status;
}

enum status records_open_array(struct records *records, const char *path, const char *name,
                               struct error *err)
{
    init(records);
    enum status status = open_walk(records, path, name, false, err);
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
    static const char nul[] = "\\u0000";
    const char *end = data + length, *at = data;
    while ((at = memchr(at, '\\', (size_t)(end - at))) && end - at >= 2) {
        if ((size_t)(end - at) >= sizeof nul - 1 && memcmp(at, nul, sizeof nul - 1) == 0)
            return true;
        at += 2; /* the character behind a backslash begins nothing */
    }
    return false;
}

/* The first characters of a key, as text whatever its bytes. */
static void add_key(struct text *text, const char *key)
{
    const char *end = key + strlen(key);
    text_addf(text, ": \"");
    for (int i = 0; i < 80 && key < end; i++)
        text_add_code_point(text, utf8_next(&key, end));
    text_add_char(text, '"');
}

/* The place of the record at walk.index, in an object with its key. */
static enum status set_place(struct records *records, const char *key, struct error *err)
{
    struct text *text = &records->place_text;
    text_reset(text);
    text_add(text, records->path);
    if (key)
        add_key(text, key);
    else
        text_addf(text, ": %s[%zu]", records->walk.member ? records->walk.member : "",
                  records->walk.index);
    if (text->failed)
        return no_memory(records->path, err);
    records->place = records->walk.place = text_string(text);
    return STATUS_OK;
}

/* The bytes from start on hold the record and what separates it from the one before. */
static enum status check_element(const struct records *records, size_t start, struct error *err)
{
    const char *text = records->walk.data + start;
    size_t length = records->walk.position - start, bad;
    if (!utf8_valid(text, length, &bad))
        return fail(err, STATUS_BAD_FORMAT, "%s: byte %zu of the file is not UTF-8", records->place,
                    start + bad);
    if (has_escaped_nul(text, length))
        return fail(err, STATUS_BAD_FORMAT, "%s: an escaped NUL in the text", records->place);
    if (!cJSON_IsObject(records->element))
        return fail(err, STATUS_BAD_FORMAT, "%s: not a JSON object", records->place);
    return STATUS_OK;
}

static enum status next_line(struct records *records, const cJSON **record, struct error *err)
{
    enum status status = jsonl_next(&records->lines, record, err);
    records->place = records->lines.place;
    records->number = records->lines.lines.number;
    return status;
}

enum status records_next(struct records *records, const cJSON **record, struct error *err)
{
    *record = NULL;
    if (records->is_lines)
        return next_line(records, record, err);
    cJSON_Delete(records->element);
    records->element = NULL;
    struct json_array *walk = &records->walk;
    size_t start = walk->position;
    enum status status = STATUS_OK;
    /* An array's element has its place before it is read, so that a syntax error names it. */
    if (walk->is_object)
        walk->place = records->path;
    else
        status = set_place(records, NULL, err);
    if (!status)
        status = json_array_next(walk, &records->element, err);
    if (status || !records->element)
        return status;
    records->number = walk->index;
    if (walk->is_object)
        status = set_place(records, records->element->string, err);
    if (!status)
        status = check_element(records, start, err);
    if (status)
        return status;
    if (walk->position - records->dropped >= WINDOW_BYTES) {
        file_map_drop(&records->map, records->dropped, walk->position - records->dropped);
        records->dropped = walk->position;
    }
    *record = records->element;
    return STATUS_OK;
}
