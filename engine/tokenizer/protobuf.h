/* engine/tokenizer/protobuf.h - the wire format of protocol buffers, field by field
 * (https://protobuf.dev/programming-guides/encoding/).  Groups, which no file in use has, are
 * refused. */
#ifndef MAMBENCH_ENGINE_TOKENIZER_PROTOBUF_H
#define MAMBENCH_ENGINE_TOKENIZER_PROTOBUF_H

#include "engine/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum protobuf_wire {
    PROTOBUF_VARINT = 0,
    PROTOBUF_I64 = 1,
    PROTOBUF_LENGTH = 2,
    PROTOBUF_I32 = 5,
};

/* A message that is being read; borrows its bytes. */
struct protobuf {
    const char *path;          /* for errors */
    const unsigned char *file; /* errors tell how far behind this a field is */
    const unsigned char *cursor, *end;
};

struct protobuf_field {
    uint32_t number; /* 1 to 2^29 - 1 */
    enum protobuf_wire wire;
    size_t offset;              /* in the file */
    uint64_t value;             /* VARINT, I64 and I32 */
    const unsigned char *bytes; /* LENGTH: [length], in the message */
    size_t length;
};

void protobuf_init(struct protobuf *message, const void *data, size_t length, const char *path);

/* The message in a field of wire type LENGTH. */
struct protobuf protobuf_inside(const struct protobuf *message, const struct protobuf_field *field);

/* The next field; *found is false at the end.  Errors: BAD_FORMAT. */
enum status protobuf_next(struct protobuf *message, struct protobuf_field *field, bool *found,
                          struct error *err);

/* BAD_FORMAT unless the field is of the wire type; name is for the error. */
enum status protobuf_expect(const struct protobuf *message, const struct protobuf_field *field,
                            enum protobuf_wire wire, const char *name, struct error *err);

#endif
