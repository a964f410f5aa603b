#include "engine/base/utf8.h"

#include <string.h>

/* Decodes one sequence; returns its length in bytes.  *ok tells whether it was well formed. */
static size_t decode(const unsigned char *bytes, size_t length, uint32_t *code_point, int *ok)
{
    unsigned first = bytes[0];
    size_t needed;
    unsigned low = 0x80, high = 0xBF; /* what the second byte may be (Unicode 15, table 3-7) */
    *ok = 1;
    if (first < 0x80) {
        *code_point = first;
        return 1;
    }
    if (first >= 0xC2 && first <= 0xDF) {
        needed = 1;
        *code_point = first & 0x1F;
    } else if (first >= 0xE0 && first <= 0xEF) {
        needed = 2;
        *code_point = first & 0x0F;
        low = first == 0xE0 ? 0xA0 : 0x80;
        high = first == 0xED ? 0x9F : 0xBF;
    } else if (first >= 0xF0 && first <= 0xF4) {
        needed = 3;
        *code_point = first & 0x07;
        low = first == 0xF0 ? 0x90 : 0x80;
        high = first == 0xF4 ? 0x8F : 0xBF;
    } else {
        *ok = 0;
        return 1;
    }
    for (size_t i = 1; i <= needed; i++) {
        if (i >= length || bytes[i] < low || bytes[i] > high) {
            *ok = 0;
            return i;
        }
        *code_point = *code_point << 6 | (bytes[i] & 0x3Fu);
        low = 0x80;
        high = 0xBF;
    }
    return needed + 1;
}

uint32_t utf8_next(const char **cursor, const char *end)
{
    uint32_t code_point;
    int ok;
    *cursor += decode((const unsigned char *)*cursor, (size_t)(end - *cursor), &code_point, &ok);
    return ok ? code_point : 0xFFFD;
}

/* How many bytes from position on are ASCII, eight at a time. */
static size_t ascii_run(const char *data, size_t length, size_t position)
{
    size_t start = position;
    for (uint64_t eight; position + sizeof eight <= length; position += sizeof eight) {
        memcpy(&eight, data + position, sizeof eight);
        if (eight & 0x8080808080808080u)
            break;
    }
    return position - start;
}

int utf8_valid(const char *data, size_t length, size_t *bad_offset)
{
    size_t position = 0;
    while ((position += ascii_run(data, length, position)) < length) {
        uint32_t code_point;
        int ok;
        size_t n =
            decode((const unsigned char *)data + position, length - position, &code_point, &ok);
        if (!ok) {
            if (bad_offset)
                *bad_offset = position;
            return 0;
        }
        position += n;
    }
    return 1;
}
