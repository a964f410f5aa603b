#include "engine/tokenizer/tokenizer.h"

#include "engine/base/utf8.h"

#include <string.h>

/* transformers@v4.34.0 src/transformers/tokenization_utils_base.py, clean_up_tokenization, in its
 * order. */
static const struct {
    const char *from, *to;
} replacements[] = {
    {" .", "."},     {" ?", "?"},   {" !", "!"},   {" ,", ","},     {" ' ", "'"},
    {" n't", "n't"}, {" 'm", "'m"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"},
};

/* Python's str.replace(); the new string is never the longer one, so it works in place. */
static void replace_all(struct text *text, const char *from, const char *to)
{
    size_t from_length = strlen(from), to_length = strlen(to);
    size_t kept = 0, position = 0;
    while (position < text->length) {
        if (text->length - position >= from_length &&
            memcmp(text->data + position, from, from_length) == 0) {
            memcpy(text->data + kept, to, to_length);
            kept += to_length;
            position += from_length;
        } else {
            text->data[kept++] = text->data[position++];
        }
    }
    text->length = kept;
}

/* What Python's str.strip() removes: str.isspace(). */
static bool is_python_space(uint32_t c)
{
    return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 ||
           c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 ||
           c == 0x202F || c == 0x205F || c == 0x3000;
}

static void add_stripped(struct text *out, const char *data, size_t length)
{
    const char *cursor = data, *end = data + length;
    const char *first = NULL, *last = NULL;
    while (cursor < end) {
        const char *start = cursor;
        if (is_python_space(utf8_next(&cursor, end)))
            continue;
        if (!first)
            first = start;
        last = cursor;
    }
    if (first)
        text_add_bytes(out, first, (size_t)(last - first));
}

void tokenizer_clean(const char *bytes, size_t length, bool clean_up, struct text *out)
{
    struct text text;
    text_init(&text);
    const char *end = length > 0 ? bytes + length : bytes;
    while (bytes < end)
        text_add_code_point(&text, utf8_next(&bytes, end));
    if (text.failed) {
        out->failed = true;
    } else if (text.length > 0) {
        for (size_t i = 0; clean_up && i < sizeof replacements / sizeof replacements[0]; i++)
            replace_all(&text, replacements[i].from, replacements[i].to);
        add_stripped(out, text.data, text.length);
    }
    text_release(&text);
}
