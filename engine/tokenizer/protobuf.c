#include "engine/tokenizer/protobuf.h"

#include <assert.h>

enum { MOST_VARINT_BYTES = 10 };

void protobuf_init(struct protobuf *message, const void *data, size_t length, const char *path)
{
    const unsigned char *bytes = data;
    *message = (struct protobuf){path, bytes, bytes, bytes + length};
}

struct protobuf protobuf_inside(const struct protobuf *message, const struct protobuf_field *field)
{
    assert(field->wire == PROTOBUF_LENGTH);
    return (struct protobuf){message->path, message->file, field->bytes,
                             field->bytes + field->length};
}

/* False at the end of the message, and for a number of more than 64 bits. */
static bool read_varint(struct protobuf *message, uint64_t *value)
{
    *value = 0;
    for (unsigned i = 0; i < MOST_VARINT_BYTES && message->cursor < message->end; i++) {
        unsigned char byte = *message->cursor++;
        *value |= (uint64_t)(byte & 0x7F) << (7 * i);
        if (i == MOST_VARINT_BYTES - 1 && byte > 1)
            return false;
        if (byte < 0x80)
            return true;
    }
    return false;
}

/* n little-endian bytes. */
static bool read_fixed(struct protobuf *message, size_t n, uint64_t *value)
{
    if ((size_t)(message->end - message->cursor) < n)
        return false;
    *value = 0;
    for (size_t i = 0; i < n; i++)
        *value |= (uint64_t)message->cursor[i] << (8 * i);
    message->cursor += n;
    return true;
}

static bool read_bytes(struct protobuf *message, struct protobuf_field *field)
{
    uint64_t length;
    if (!read_varint(message, &length) || length > (uint64_t)(message->end - message->cursor))
        return false;
    field->bytes = message->cursor;
    field->length = (size_t)length;
    message->cursor += field->length;
    return true;
}

static bool read_content(struct protobuf *message, struct protobuf_field *field)
{
    switch (field->wire) {
    case PROTOBUF_VARINT:
        return read_varint(message, &field->value);
    case PROTOBUF_I64:
        return read_fixed(message, 8, &field->value);
    case PROTOBUF_LENGTH:
        return read_bytes(message, field);
    case PROTOBUF_I32:
        return read_fixed(message, 4, &field->value);
    }
    return false;
}

enum status protobuf_next(struct protobuf *message, struct protobuf_field *field, bool *found,
                          struct error *err)
{
    uint64_t tag;
    *found = message->cursor < message->end;
    if (!*found)
        return STATUS_OK;
    *field = (struct protobuf_field){.offset = (size_t)(message->cursor - message->file)};
    if (!read_varint(message, &tag) || tag >> 3 == 0 || tag > UINT32_MAX)
        return fail(err, STATUS_BAD_FORMAT, "%s: byte %zu: not the tag of a protobuf field",
                    message->path, field->offset);
    unsigned wire = (unsigned)(tag & 7);
    field->number = (uint32_t)(tag >> 3);
    if (wire != PROTOBUF_VARINT && wire != PROTOBUF_I64 && wire != PROTOBUF_LENGTH &&
        wire != PROTOBUF_I32)
        return fail(err, STATUS_BAD_FORMAT, "%s: byte %zu: field %u has wire type %u",
                    message->path, field->offset, (unsigned)field->number, wire);
    field->wire = (enum protobuf_wire)wire;
    if (!read_content(message, field))
        return fail(err, STATUS_BAD_FORMAT,
                    "%s: byte %zu: field %u goes beyond the end of its message", message->path,
                    field->offset, (unsigned)field->number);
    return STATUS_OK;
}

enum status protobuf_expect(const struct protobuf *message, const struct protobuf_field *field,
                            enum protobuf_wire wire, const char *name, struct error *err)
{
    if (field->wire == wire)
        return STATUS_OK;
    return fail(err, STATUS_BAD_FORMAT, "%s: byte %zu: %s has wire type %d, not %d", message->path,
                field->offset, name, (int)field->wire, (int)wire);
}
