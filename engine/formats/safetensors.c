/* engine/formats/safetensors.c - the safetensors format: 8 bytes header length, JSON, data.
 *
 * Follows huggingface/safetensors, README.md "Format" and safetensors/src/tensor.rs: the limit of
 * the header, the dtypes, and that tensors cover the data without holes or overlap.  Laxer in
 * one thing: 4.0 counts as the integer 4. */
#include "engine/base/json.h"
#include "engine/base/utf8.h"
#include "engine/formats/tensor_file.h"

#include <stdlib.h>
#include <string.h>

enum {
    LENGTH_BYTES = 8,
    MAX_HEADER_BYTES = 100000000, /* MAX_HEADER_SIZE of tensor.rs */
    /* A tree of cJSON takes up to 40 times its text: bounds what a hostile header can cost. */
    MAX_HEADER_VALUES = 1 << 20
};

/* 2^53: beyond, a double does not hold every integer. */
static const double MAX_EXACT = 9007199254740992.0;

struct dtype_row {
    const char *name;
    enum dtype dtype;
    size_t bits;
};

static const struct dtype_row dtypes[] = {
    {"F32", DTYPE_F32, 32},          {"BF16", DTYPE_BF16, 16},    {"F16", DTYPE_F16, 16},
    {"F64", DTYPE_OTHER, 64},        {"I64", DTYPE_OTHER, 64},    {"U64", DTYPE_OTHER, 64},
    {"C64", DTYPE_OTHER, 64},        {"I32", DTYPE_OTHER, 32},    {"U32", DTYPE_OTHER, 32},
    {"I16", DTYPE_OTHER, 16},        {"U16", DTYPE_OTHER, 16},    {"I8", DTYPE_OTHER, 8},
    {"U8", DTYPE_OTHER, 8},          {"BOOL", DTYPE_OTHER, 8},    {"F8_E4M3", DTYPE_OTHER, 8},
    {"F8_E5M2", DTYPE_OTHER, 8},     {"F8_E8M0", DTYPE_OTHER, 8}, {"F8_E4M3FNUZ", DTYPE_OTHER, 8},
    {"F8_E5M2FNUZ", DTYPE_OTHER, 8}, {"F6_E2M3", DTYPE_OTHER, 6}, {"F6_E3M2", DTYPE_OTHER, 6},
    {"F4", DTYPE_OTHER, 4},
};

/* A tensor while the header is read: its bytes [begin, end) behind the header. */
struct entry {
    struct tensor_view view;
    size_t begin, end;
};

struct reader {
    struct tensor_file *file;
    const char *json;
    size_t json_bytes;
    const unsigned char *data; /* behind the header */
    size_t data_bytes;
    struct entry *entries;
    size_t n_entries;
    struct error *err;
};

static int recognise(const unsigned char *data, size_t size)
{
    return size > LENGTH_BYTES && memchr("{ \t\r\n", data[LENGTH_BYTES], 5) != NULL;
}

static enum status find_header(struct reader *reader)
{
    const struct file_map *map = &reader->file->map;
    const char *path = reader->file->path;
    uint64_t length;
    memcpy(&length, map->data, sizeof length);
    if (length > MAX_HEADER_BYTES)
        return fail(reader->err, STATUS_BAD_FORMAT,
                    "%s: bytes 0-7 announce a header of %llu bytes, more than the format's %d",
                    path, (unsigned long long)length, MAX_HEADER_BYTES);
    if (length > map->size_bytes - LENGTH_BYTES)
        return fail(reader->err, STATUS_BAD_FORMAT,
                    "%s: bytes 0-7 announce a header of %llu bytes, but the file ends at byte %zu: "
                    "it is truncated",
                    path, (unsigned long long)length, map->size_bytes);
    reader->json = (const char *)map->data + LENGTH_BYTES;
    reader->json_bytes = (size_t)length;
    reader->data = map->data + LENGTH_BYTES + length;
    reader->data_bytes = map->size_bytes - LENGTH_BYTES - (size_t)length;
    return STATUS_OK;
}

/* What cJSON lets pass: bytes that are not UTF-8, NUL characters (which would cut a name short)
 * and any number of values. */
static enum status check_header_text(const struct reader *reader)
{
    size_t bad = 0;
    if (!utf8_valid(reader->json, reader->json_bytes, &bad))
        return fail(reader->err, STATUS_BAD_FORMAT, "%s: byte %zu of the header is not UTF-8",
                    reader->file->path, LENGTH_BYTES + bad);
    size_t n_values = 1;
    bool quoted = false;
    for (size_t i = 0; i < reader->json_bytes; i++) {
        char c = reader->json[i];
        size_t rest = reader->json_bytes - i;
        if (c == '\0' || (quoted && rest >= 6 && memcmp(reader->json + i, "\\u0000", 6) == 0))
            return fail(reader->err, STATUS_BAD_FORMAT,
                        "%s: byte %zu of the header is a NUL character", reader->file->path,
                        LENGTH_BYTES + i);
        if (quoted && c == '\\')
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && (c == ',' || c == '[' || c == '{'))
            n_values++;
    }
    if (n_values > MAX_HEADER_VALUES)
        return fail(reader->err, STATUS_BAD_FORMAT,
                    "%s: the header holds %zu values, at most %d are read", reader->file->path,
                    n_values, MAX_HEADER_VALUES);
    return STATUS_OK;
}

static enum status bad_tensor(const struct reader *reader, const char *name, const char *what)
{
    return fail(reader->err, STATUS_BAD_FORMAT, "%s: tensor %.300s: %s", reader->file->path, name,
                what);
}

/* A non-negative integer that a double holds exactly. */
static bool whole_number(const cJSON *item, int64_t *out)
{
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0) || item->valuedouble > MAX_EXACT)
        return false;
    *out = (int64_t)item->valuedouble;
    return (double)*out == item->valuedouble;
}

static enum status read_shape(const struct reader *reader, const cJSON *shape,
                              struct tensor_view *view, size_t *elements)
{
    const cJSON *item;
    if (!cJSON_IsArray(shape))
        return bad_tensor(reader, view->name, "\"shape\" is missing or not a list");
    cJSON_ArrayForEach(item, shape)
    {
        if (view->n_dims == TENSOR_MAX_DIMS)
            return bad_tensor(reader, view->name, "it has more than 8 dimensions");
        if (!whole_number(item, &view->shape[view->n_dims]))
            return bad_tensor(reader, view->name, "a dimension is not a whole number from 0 on");
        view->n_dims++;
    }
    if (!tensor_shape_fits(view->shape, view->n_dims, elements))
        return bad_tensor(reader, view->name, "the product of its shape overflows");
    int64_t stride = 1;
    for (int i = view->n_dims - 1; i >= 0; i--) {
        view->stride[i] = stride;
        stride *= view->shape[i] ? view->shape[i] : 1;
    }
    return STATUS_OK;
}

static enum status read_dtype(const struct reader *reader, const cJSON *dtype,
                              struct tensor_view *view, size_t *bits)
{
    if (!cJSON_IsString(dtype))
        return bad_tensor(reader, view->name, "\"dtype\" is missing or not a string");
    for (size_t i = 0; i < sizeof dtypes / sizeof dtypes[0]; i++)
        if (strcmp(dtypes[i].name, dtype->valuestring) == 0) {
            view->dtype = dtypes[i].dtype;
            view->dtype_name = dtypes[i].name;
            *bits = dtypes[i].bits;
            return STATUS_OK;
        }
    return fail(reader->err, STATUS_BAD_FORMAT, "%s: tensor %.300s: \"dtype\" %.40s is unknown",
                reader->file->path, view->name, dtype->valuestring);
}

static enum status read_offsets(const struct reader *reader, const cJSON *offsets,
                                struct entry *entry)
{
    int64_t begin, end;
    const cJSON *first = cJSON_IsArray(offsets) ? offsets->child : NULL;
    const cJSON *second = first ? first->next : NULL;
    if (!second || second->next)
        return bad_tensor(reader, entry->view.name, "\"data_offsets\" is not a list of two");
    if (!whole_number(first, &begin) || !whole_number(second, &end))
        return bad_tensor(reader, entry->view.name,
                          "\"data_offsets\" are not whole numbers from 0 on");
    if (begin > end)
        return bad_tensor(reader, entry->view.name, "\"data_offsets\" end before they begin");
    if ((uint64_t)end > reader->data_bytes)
        return fail(reader->err, STATUS_BAD_FORMAT,
                    "%s: tensor %.300s: its data ends at byte %llu behind the header, but only "
                    "%zu bytes are there: the file is truncated or damaged",
                    reader->file->path, entry->view.name, (unsigned long long)end,
                    reader->data_bytes);
    entry->begin = (size_t)begin;
    entry->end = (size_t)end;
    return STATUS_OK;
}

static enum status check_size(const struct reader *reader, const struct entry *entry,
                              size_t elements, size_t bits)
{
    /* Elements fit 16 times: bits need no further check up to 64 and division by 8 first. */
    size_t bytes = elements / 8 * bits + elements % 8 * bits / 8;
    if (elements % 8 * bits % 8 != 0)
        return bad_tensor(reader, entry->view.name, "its last byte is only partly used");
    if (bytes == entry->end - entry->begin)
        return STATUS_OK;
    return fail(reader->err, STATUS_BAD_FORMAT,
                "%s: tensor %.300s: %zu elements of %s take %zu bytes, but \"data_offsets\" [%zu, "
                "%zu] span %zu",
                reader->file->path, entry->view.name, elements, entry->view.dtype_name, bytes,
                entry->begin, entry->end, entry->end - entry->begin);
}

static enum status read_entry(struct reader *reader, const cJSON *item)
{
    struct entry *entry = &reader->entries[reader->n_entries];
    entry->view.name = arena_string(&reader->file->arena, item->string);
    if (!entry->view.name)
        return fail(reader->err, STATUS_NO_MEMORY, "%s: out of memory while reading the header",
                    reader->file->path);
    if (!cJSON_IsObject(item))
        return bad_tensor(reader, entry->view.name, "its description is not a JSON object");
    const cJSON *dtype = NULL, *shape = NULL, *offsets = NULL, *member;
    cJSON_ArrayForEach(member, item)
    {
        const cJSON **slot = strcmp(member->string, "dtype") == 0          ? &dtype
                             : strcmp(member->string, "shape") == 0        ? &shape
                             : strcmp(member->string, "data_offsets") == 0 ? &offsets
                                                                           : NULL;
        if (slot && *slot)
            return bad_tensor(reader, entry->view.name, "its description has a key twice");
        if (slot)
            *slot = member;
    }
    size_t elements = 0, bits = 0;
    enum status status = read_dtype(reader, dtype, &entry->view, &bits);
    if (!status)
        status = read_shape(reader, shape, &entry->view, &elements);
    if (!status)
        status = read_offsets(reader, offsets, entry);
    if (!status)
        status = check_size(reader, entry, elements, bits);
    if (status)
        return status;
    entry->view.data = reader->data + entry->begin;
    reader->n_entries++;
    return STATUS_OK;
}

static int by_position(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;
    if (a->begin != b->begin)
        return a->begin < b->begin ? -1 : 1;
    if (a->end != b->end)
        return a->end < b->end ? -1 : 1;
    return strcmp(a->view.name, b->view.name);
}

/* Sorts by position and checks that the tensors cover the data exactly. */
static enum status check_cover(struct reader *reader)
{
    size_t covered = 0;
    if (reader->n_entries > 0)
        qsort(reader->entries, reader->n_entries, sizeof *reader->entries, by_position);
    for (size_t i = 0; i < reader->n_entries; i++) {
        const struct entry *entry = &reader->entries[i];
        if (entry->begin < covered)
            return fail(reader->err, STATUS_BAD_FORMAT,
                        "%s: tensors %.200s and %.200s overlap at byte %zu behind the header",
                        reader->file->path, reader->entries[i - 1].view.name, entry->view.name,
                        entry->begin);
        if (entry->begin > covered)
            return fail(reader->err, STATUS_BAD_FORMAT,
                        "%s: bytes %zu to %zu behind the header, in front of tensor %.200s, belong "
                        "to no tensor",
                        reader->file->path, covered, entry->begin, entry->view.name);
        covered = entry->end;
    }
    if (covered != reader->data_bytes)
        return fail(reader->err, STATUS_BAD_FORMAT,
                    "%s: bytes %zu to %zu behind the header, the last ones, belong to no tensor",
                    reader->file->path, covered, reader->data_bytes);
    return STATUS_OK;
}

static enum status read_entries(struct reader *reader, const cJSON *root)
{
    if (!cJSON_IsObject(root))
        return fail(reader->err, STATUS_BAD_FORMAT, "%s: the header is not a JSON object",
                    reader->file->path);
    size_t count = (size_t)cJSON_GetArraySize(root);
    if (count > TENSOR_FILE_MAX_TENSORS)
        return fail(reader->err, STATUS_UNSUPPORTED,
                    "%s: it holds %zu tensors, at most %d are read", reader->file->path, count,
                    TENSOR_FILE_MAX_TENSORS);
    reader->entries = calloc(count + 1, sizeof *reader->entries);
    if (!reader->entries)
        return fail(reader->err, STATUS_NO_MEMORY, "%s: out of memory while reading the header",
                    reader->file->path);
    const cJSON *item;
    cJSON_ArrayForEach(item, root)
    {
        enum status status = STATUS_OK;
        if (strcmp(item->string, "__metadata__") != 0)
            status = read_entry(reader, item);
        if (status)
            return status;
    }
    return check_cover(reader);
}

static enum status hand_over(const struct reader *reader)
{
    struct tensor_file *file = reader->file;
    file->tensors = arena_alloc(&file->arena, reader->n_entries, sizeof *file->tensors);
    if (!file->tensors)
        return fail(reader->err, STATUS_NO_MEMORY, "%s: out of memory while listing tensors",
                    file->path);
    for (size_t i = 0; i < reader->n_entries; i++)
        file->tensors[i] = reader->entries[i].view;
    file->n_tensors = reader->n_entries;
    return STATUS_OK;
}

static enum status parse(struct tensor_file *file, struct error *err)
{
    struct reader reader = {.file = file, .err = err};
    cJSON *root = NULL;
    enum status status = find_header(&reader);
    if (!status)
        status = check_header_text(&reader);
    if (!status)
        status = json_parse(&root, reader.json, reader.json_bytes, file->path, err);
    if (!status)
        status = read_entries(&reader, root);
    if (!status)
        status = hand_over(&reader);
    free(reader.entries);
    cJSON_Delete(root);
    return status;
}

extern const struct tensor_format tensor_format_safetensors;
const struct tensor_format tensor_format_safetensors = {"safetensors", recognise, parse};
