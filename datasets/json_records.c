#include "datasets/json_records.h"

#include "datasets/jsonl.h"
#include "engine/base/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PLACE_EXTRA = 32 }; /* "[", the number, "]", NUL */

/* How much of the file may be resident behind the reader. */
static const size_t window_bytes = 4u << 20;

static void set_place(struct json_records *reader, size_t index)
{
    const char *member = reader->member ? reader->member : "record ";
    snprintf(reader->place, strlen(reader->path) + strlen(member) + PLACE_EXTRA,
             reader->member ? "%s: %s[%zu]" : "%s: %s%zu", reader->path, member, index);
}

enum status json_records_open(struct json_records *reader, const char *path, const char *member,
                              struct error *err)
{
    *reader = (struct json_records){.member = member};
    arena_init(&reader->arena);
    size_t room = strlen(path) + (member ? strlen(member) : 0) + PLACE_EXTRA;
    reader->path = arena_string(&reader->arena, path);
    reader->place = arena_alloc_small(&reader->arena, room, 1);
    enum status status = sha256_file(path, &reader->sha256, err);
    if (!status && arena_failed(&reader->arena))
        status = fail(err, STATUS_NO_MEMORY, "out of memory while reading %s", path);
    if (!status)
        status = file_map_open(&reader->map, path, err);
    if (status) {
        arena_release(&reader->arena);
        return status;
    }
    const char *data = (const char *)reader->map.data;
    size_t size = reader->map.size_bytes;
    status = member ? json_member_array_begin(&reader->array, data, size, member, reader->path, err)
                    : json_array_begin(&reader->array, data, size, reader->path, err);
    if (status)
        json_records_close(reader);
    return status;
}

void json_records_close(struct json_records *reader)
{
    cJSON_Delete(reader->record);
    file_map_close(&reader->map);
    arena_release(&reader->arena);
    *reader = (struct json_records){0};
}

/* The record once more from its bytes, in which every \u0000 is replaced. */
static enum status read_again(struct json_records *reader, const char *bytes, size_t length,
                              struct error *err)
{
    char *copy = malloc(length);
    if (!copy)
        return fail(err, STATUS_NO_MEMORY, "%s: out of memory", reader->place);
    memcpy(copy, bytes, length);
    jsonl_replace_nul(copy, length);
    cJSON_Delete(reader->record);
    reader->record = NULL;
    enum status status = json_parse(&reader->record, copy, length, reader->place, err);
    free(copy);
    return status;
}

/* The bytes [start, end) hold the record and what separates it from the one before. */
static enum status check_bytes(struct json_records *reader, size_t start, size_t end,
                               struct error *err)
{
    static const char nul[] = "\\u0000";
    const char *bytes = (const char *)reader->map.data + start;
    size_t length = end - start, bad = 0;
    if (!utf8_valid(bytes, length, &bad))
        return fail(err, STATUS_BAD_FORMAT, "%s: byte %zu of the file is not UTF-8", reader->place,
                    start + bad);
    if (memchr(bytes, '\0', length))
        return fail(err, STATUS_BAD_FORMAT, "%s: a NUL byte, not text", reader->place);
    if (!memmem(bytes, length, nul, sizeof nul - 1))
        return STATUS_OK;
    const char *brace = memchr(bytes, '{', length);
    return read_again(reader, brace, length - (size_t)(brace - bytes), err);
}

static void drop_read(struct json_records *reader)
{
    size_t length = reader->array.position - reader->dropped;
    if (length < window_bytes)
        return;
    file_map_drop(&reader->map, reader->dropped, length);
    reader->dropped = reader->array.position;
}

enum status json_records_next(struct json_records *reader, const cJSON **record, struct error *err)
{
    cJSON_Delete(reader->record);
    reader->record = NULL;
    *record = NULL;
    size_t start = reader->array.position;
    set_place(reader, reader->array.index);
    reader->array.place = reader->place;
    enum status status = json_array_next(&reader->array, &reader->record, err);
    if (status || !reader->record)
        return status;
    if (!cJSON_IsObject(reader->record))
        return fail(err, STATUS_BAD_FORMAT, "%s: not a JSON object", reader->place);
    status = check_bytes(reader, start, reader->array.position, err);
    if (status)
        return status;
    drop_read(reader);
    *record = reader->record;
    return STATUS_OK;
}
