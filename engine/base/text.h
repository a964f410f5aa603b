/* engine/base/text.h - a string that grows, with a sticky failure like the arena's. */
#ifndef MAMBENCH_ENGINE_BASE_TEXT_H
#define MAMBENCH_ENGINE_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct text {
    char *data; /* NUL-terminated once something was added; NULL before */
    size_t length;
    size_t capacity;
    bool failed; /* memory ran out: nothing is added any more */
};

void text_init(struct text *text);
void text_release(struct text *text);

/* Empties the text and keeps its memory. */
void text_reset(struct text *text);

void text_add(struct text *text, const char *string);
void text_add_bytes(struct text *text, const char *bytes, size_t length);
void text_add_char(struct text *text, char c);

/* Adds a code point as UTF-8; surrogates and values above U+10FFFF become U+FFFD. */
void text_add_code_point(struct text *text, unsigned code_point);
void text_addf(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Of plain strings. */
bool text_starts_with(const char *string, const char *start);
bool text_ends_with(const char *string, const char *end);

/* The text as a C string: never NULL. */
const char *text_string(const struct text *text);

#endif
