#include "engine/formats/pytorch_zip.h"

#include <string.h>

enum {
    LOCAL_BYTES = 30,
    DIRECTORY_BYTES = 46,
    END_BYTES = 22,
    END64_BYTES = 56,
    LOCATOR_BYTES = 20,
    MAX_COMMENT_BYTES = 65535,
    /* A storage for each of the tensors that are read and the archive's own few members. */
    MAX_MEMBERS = 65536 + 64,
    MAX_NAME_BYTES = 512,
    FLAG_ENCRYPTED = 1,
    METHOD_STORED = 0,
    EXTRA_ZIP64 = 1
};

struct reader {
    const unsigned char *data;
    size_t size;
    const char *path;
    struct arena *arena;
    struct zip_archive *zip;
    struct error *err;
    size_t directory, directory_bytes; /* where the central directory lies */
    uint64_t n_members;
};

static uint64_t load(const unsigned char *bytes, int count)
{
    uint64_t value = 0;
    for (int i = count - 1; i >= 0; i--)
        value = value << 8 | bytes[i];
    return value;
}

static int has_mark(const unsigned char *bytes, unsigned char third, unsigned char fourth)
{
    return bytes[0] == 'P' && bytes[1] == 'K' && bytes[2] == third && bytes[3] == fourth;
}

static enum status damaged(const struct reader *reader, size_t position, const char *what)
{
    return fail(reader->err, STATUS_BAD_FORMAT, "%s: byte %zu: %s", reader->path, position, what);
}

static enum status no_memory(const struct reader *reader)
{
    return fail(reader->err, STATUS_NO_MEMORY, "%s: out of memory while listing the archive",
                reader->path);
}

/* The end record lies at the end, with nothing but a comment behind it. */
static enum status find_end(const struct reader *reader, size_t *end)
{
    size_t furthest = END_BYTES + MAX_COMMENT_BYTES;
    for (size_t back = END_BYTES; back <= reader->size && back <= furthest; back++) {
        const unsigned char *record = reader->data + reader->size - back;
        if (has_mark(record, 5, 6) && load(record + 20, 2) == back - END_BYTES) {
            *end = reader->size - back;
            return STATUS_OK;
        }
    }
    return fail(reader->err, STATUS_BAD_FORMAT,
                "%s: no ZIP directory within %zu bytes of its end, byte %zu: the file is truncated",
                reader->path, furthest, reader->size);
}

/* Takes the directory's place from the ZIP64 end record that the locator at position names. */
static enum status read_end64(struct reader *reader, size_t locator)
{
    uint64_t position = load(reader->data + locator + 8, 8);
    if (locator < END64_BYTES || position > locator - END64_BYTES)
        return damaged(reader, locator, "the ZIP64 locator points outside the file");
    const unsigned char *record = reader->data + position;
    if (!has_mark(record, 6, 6))
        return damaged(reader, (size_t)position, "no ZIP64 end record where the locator says");
    if (load(record + 16, 4) != 0 || load(record + 20, 4) != 0)
        return damaged(reader, (size_t)position, "the archive is split over several files");
    uint64_t count = load(record + 32, 8), bytes = load(record + 40, 8);
    uint64_t start = load(record + 48, 8);
    if (start > position || bytes > position - start)
        return damaged(reader, (size_t)position, "the ZIP directory lies outside the file");
    reader->directory = (size_t)start;
    reader->directory_bytes = (size_t)bytes;
    reader->n_members = count;
    return STATUS_OK;
}

static enum status find_directory(struct reader *reader)
{
    size_t end = 0;
    enum status status = find_end(reader, &end);
    if (status)
        return status;
    if (end >= LOCATOR_BYTES && has_mark(reader->data + end - LOCATOR_BYTES, 6, 7))
        return read_end64(reader, end - LOCATOR_BYTES);
    const unsigned char *record = reader->data + end;
    if (load(record + 4, 2) != 0 || load(record + 6, 2) != 0)
        return damaged(reader, end, "the archive is split over several files");
    uint64_t bytes = load(record + 12, 4), start = load(record + 16, 4);
    if (start > end || bytes > end - start)
        return damaged(reader, end, "the ZIP directory lies outside the file");
    reader->directory = (size_t)start;
    reader->directory_bytes = (size_t)bytes;
    reader->n_members = load(record + 10, 2);
    return STATUS_OK;
}

/* What a directory entry tells. */
struct entry {
    size_t position;
    const unsigned char *name;
    size_t name_bytes;
    unsigned flags, method;
    uint32_t crc32;
    uint64_t stored_bytes, size_bytes, local;
};

/* Replaces the fields that did not fit 32 bits; they follow each other in this order. */
static enum status read_extra64(const struct reader *reader, struct entry *entry,
                                const unsigned char *extra, size_t extra_bytes)
{
    uint64_t *fields[] = {&entry->size_bytes, &entry->stored_bytes, &entry->local};
    size_t used = 0, length = 0;
    while (extra_bytes >= 4) {
        length = (size_t)load(extra + 2, 2);
        if (length > extra_bytes - 4)
            break;
        if (load(extra, 2) == EXTRA_ZIP64)
            break;
        extra += 4 + length;
        extra_bytes -= 4 + length;
    }
    int found = extra_bytes >= 4 && load(extra, 2) == EXTRA_ZIP64 && length <= extra_bytes - 4;
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (*fields[i] != UINT32_MAX)
            continue;
        if (!found || length - used < 8)
            return damaged(reader, entry->position, "a directory entry lacks its ZIP64 sizes");
        *fields[i] = load(extra + 4 + used, 8);
        used += 8;
    }
    return STATUS_OK;
}

static enum status read_entry(const struct reader *reader, size_t *position, struct entry *entry)
{
    size_t end = reader->directory + reader->directory_bytes;
    const unsigned char *record = reader->data + *position;
    if (end - *position < DIRECTORY_BYTES || !has_mark(record, 1, 2))
        return damaged(reader, *position, "no ZIP directory entry where one should be");
    size_t name_bytes = (size_t)load(record + 28, 2), extra_bytes = (size_t)load(record + 30, 2);
    size_t total = DIRECTORY_BYTES + name_bytes + extra_bytes + (size_t)load(record + 32, 2);
    if (end - *position < total)
        return damaged(reader, *position, "a ZIP directory entry reaches beyond the directory");
    *entry = (struct entry){
        .position = *position,
        .name = record + DIRECTORY_BYTES,
        .name_bytes = name_bytes,
        .flags = (unsigned)load(record + 8, 2),
        .method = (unsigned)load(record + 10, 2),
        .crc32 = (uint32_t)load(record + 16, 4),
        .stored_bytes = load(record + 20, 4),
        .size_bytes = load(record + 24, 4),
        .local = load(record + 42, 4),
    };
    *position += total;
    return read_extra64(reader, entry, record + DIRECTORY_BYTES + name_bytes, extra_bytes);
}

static enum status take_name(const struct reader *reader, const struct entry *entry,
                             const char **name)
{
    if (entry->name_bytes == 0 || entry->name_bytes > MAX_NAME_BYTES)
        return damaged(reader, entry->position, "a member's name is empty or too long");
    for (size_t i = 0; i < entry->name_bytes; i++)
        if (entry->name[i] < 0x20 || entry->name[i] == 0x7F)
            return damaged(reader, entry->position, "a member's name has a control character");
    *name = arena_copy(reader->arena, (const char *)entry->name, entry->name_bytes);
    return *name ? STATUS_OK : no_memory(reader);
}

/* Where the member's bytes lie: behind the local header, whose own lengths count. */
static enum status find_data(const struct reader *reader, const struct entry *entry,
                             struct zip_member *member)
{
    if (reader->directory < LOCAL_BYTES || entry->local > reader->directory - LOCAL_BYTES)
        return fail(reader->err, STATUS_BAD_FORMAT,
                    "%s: member %s: its header lies outside the file, at byte %llu", reader->path,
                    member->name, (unsigned long long)entry->local);
    const unsigned char *record = reader->data + entry->local;
    size_t room = reader->directory - (size_t)entry->local - LOCAL_BYTES;
    size_t name_bytes = (size_t)load(record + 26, 2), extra_bytes = (size_t)load(record + 28, 2);
    if (!has_mark(record, 3, 4) || name_bytes != entry->name_bytes ||
        name_bytes + extra_bytes > room ||
        memcmp(record + LOCAL_BYTES, entry->name, name_bytes) != 0)
        return fail(reader->err, STATUS_BAD_FORMAT,
                    "%s: member %s: no header of that name at byte %llu", reader->path,
                    member->name, (unsigned long long)entry->local);
    if (entry->size_bytes > room - name_bytes - extra_bytes)
        return fail(reader->err, STATUS_BAD_FORMAT,
                    "%s: member %s: its %llu bytes reach beyond byte %zu, where the members end",
                    reader->path, member->name, (unsigned long long)entry->size_bytes,
                    reader->directory);
    member->data = record + LOCAL_BYTES + name_bytes + extra_bytes;
    member->size_bytes = (size_t)entry->size_bytes;
    member->crc32 = entry->crc32;
    return STATUS_OK;
}

static enum status add_member(const struct reader *reader, const struct entry *entry)
{
    struct zip_archive *zip = reader->zip;
    struct zip_member *member = &zip->members[zip->n_members];
    enum status status = take_name(reader, entry, &member->name);
    if (status)
        return status;
    if (entry->flags & FLAG_ENCRYPTED)
        return fail(reader->err, STATUS_UNSUPPORTED, "%s: member %s is encrypted", reader->path,
                    member->name);
    if (entry->method != METHOD_STORED)
        return fail(reader->err, STATUS_UNSUPPORTED,
                    "%s: member %s is compressed (ZIP method %u); only what torch.save writes, "
                    "uncompressed members, is read",
                    reader->path, member->name, entry->method);
    if (entry->stored_bytes != entry->size_bytes)
        return fail(reader->err, STATUS_BAD_FORMAT,
                    "%s: member %s is stored, but its two sizes differ: %llu and %llu bytes",
                    reader->path, member->name, (unsigned long long)entry->stored_bytes,
                    (unsigned long long)entry->size_bytes);
    status = find_data(reader, entry, member);
    if (status)
        return status;
    if (!string_map_add(&zip->by_name, member->name, entry->name_bytes, (int64_t)zip->n_members,
                        NULL))
        return arena_failed(reader->arena)
                   ? no_memory(reader)
                   : fail(reader->err, STATUS_BAD_FORMAT, "%s: two members are called %s",
                          reader->path, member->name);
    zip->n_members++;
    return STATUS_OK;
}

enum status zip_list(struct zip_archive *zip, const struct file_map *map, const char *path,
                     struct arena *arena, struct error *err)
{
    struct reader reader = {.data = map->data,
                            .size = map->size_bytes,
                            .path = path,
                            .arena = arena,
                            .zip = zip,
                            .err = err};
    enum status status = find_directory(&reader);
    if (status)
        return status;
    if (reader.n_members == 0)
        return damaged(&reader, reader.directory, "the ZIP directory is empty");
    if (reader.n_members > reader.directory_bytes / DIRECTORY_BYTES)
        return damaged(&reader, reader.directory, "the ZIP directory is too small for its entries");
    if (reader.n_members > MAX_MEMBERS)
        return fail(err, STATUS_UNSUPPORTED, "%s: it holds %llu members, at most %d are read", path,
                    (unsigned long long)reader.n_members, MAX_MEMBERS);
    *zip = (struct zip_archive){0};
    string_map_init(&zip->by_name, arena);
    zip->members = arena_alloc(arena, (size_t)reader.n_members, sizeof *zip->members);
    if (!zip->members)
        return no_memory(&reader);
    size_t position = reader.directory;
    while (!status && zip->n_members < reader.n_members) {
        struct entry entry;
        status = read_entry(&reader, &position, &entry);
        if (!status)
            status = add_member(&reader, &entry);
    }
    return status;
}

const struct zip_member *zip_find(const struct zip_archive *zip, const char *name)
{
    int64_t i = string_map_get(&zip->by_name, name, strlen(name), -1);
    return i < 0 ? NULL : &zip->members[i];
}

uint32_t zip_crc32(const unsigned char *data, size_t size)
{
    uint32_t table[256];
    for (uint32_t i = 0; i < 256; i++) {
        table[i] = i;
        for (int bit = 0; bit < 8; bit++)
            table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0xEDB88320u : 0);
    }
    uint32_t crc = 0xFFFFFFFFu;
    for (size_t i = 0; i < size; i++)
        crc = crc >> 8 ^ table[(crc ^ data[i]) & 0xFF];
    return crc ^ 0xFFFFFFFFu;
}
