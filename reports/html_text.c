#include "reports/html_text.h"

#include "engine/base/sha256.h"
#include "engine/base/utf8.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char *reference_of(uint32_t code_point)
{
    switch (code_point) {
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '&':
        return "&amp;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

/* What HTML calls a parse error: control characters but for white space. */
static int is_control(uint32_t code_point)
{
    return (code_point < 0x20 && code_point != '\t' && code_point != '\n') ||
           (code_point >= 0x7f && code_point < 0xa0);
}

static void add_range(struct text *out, const char *string, const char *end)
{
    while (string < end) {
        uint32_t code_point = utf8_next(&string, end);
        const char *reference = reference_of(code_point);
        if (reference)
            text_add(out, reference);
        else
            text_add_code_point(out, is_control(code_point) ? 0xfffd : code_point);
    }
}

void html_add_text(struct text *out, const char *string)
{
    add_range(out, string, string + strlen(string));
}

void html_add_list(struct text *out, const char *lines)
{
    if (!lines[0])
        return;
    text_add(out, "<ul class=\"notes\">\n");
    while (lines[0]) {
        size_t length = strcspn(lines, "\n");
        text_add(out, "<li>");
        add_range(out, lines, lines + length);
        text_add(out, "</li>\n");
        lines += length + (lines[length] == '\n');
    }
    text_add(out, "</ul>\n");
}

void html_add_json(struct text *out, const char *json)
{
    for (size_t plain = strcspn(json, "<>&");; plain = strcspn(json, "<>&")) {
        text_add_bytes(out, json, plain);
        json += plain;
        if (!*json)
            return;
        text_addf(out, "\\u%04x", (unsigned)(unsigned char)*json++);
    }
}

void html_add_base64(struct text *out, const void *bytes, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *at = bytes;
    for (size_t i = 0; i < size; i += 3) {
        size_t n = size - i < 3 ? size - i : 3;
        unsigned three = (unsigned)at[i] << 16;
        three |= n > 1 ? (unsigned)at[i + 1] << 8 : 0;
        three |= n > 2 ? at[i + 2] : 0;
        char four[4] = {digits[three >> 18], digits[three >> 12 & 63],
                        n > 1 ? digits[three >> 6 & 63] : '=', n > 2 ? digits[three & 63] : '='};
        text_add_bytes(out, four, sizeof four);
    }
}

void html_add_digest(struct text *out, const char *content, size_t length)
{
    struct sha256_text digest = sha256_bytes(content, length);
    unsigned char bytes[32];
    if (!digest.hex[0]) {
        out->failed = true;
        return;
    }
    for (size_t i = 0; i < sizeof bytes; i++) {
        char pair[3] = {digest.hex[2 * i], digest.hex[2 * i + 1], '\0'};
        bytes[i] = (unsigned char)strtoul(pair, NULL, 16);
    }
    text_add(out, "'sha256-");
    html_add_base64(out, bytes, sizeof bytes);
    text_add(out, "'");
}

void html_add_address(struct text *out, const char *path)
{
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/@+,=!()";
    for (; *path; path++)
        if (strchr(plain, *path))
            text_add_char(out, *path);
        else
            text_addf(out, "%%%02X", (unsigned)(unsigned char)*path);
}
