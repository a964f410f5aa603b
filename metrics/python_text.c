#include "metrics/python_text.h"

#include "engine/base/utf8.h"
#include "metrics/unicode_tables.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CAPITAL_SIGMA = 0x3A3, SIGMA = 0x3C3, FINAL_SIGMA = 0x3C2, CAPITAL_I_DOT = 0x130 };

struct span span_of(const char *text)
{
    return (struct span){text, strlen(text)};
}

bool span_equals(struct span span, const char *text)
{
    return strlen(text) == span.length && memcmp(text, span.data, span.length) == 0;
}

static bool in_ranges(const struct unicode_range *ranges, size_t n, uint32_t c)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (c < ranges[middle].first)
            high = middle;
        else if (c > ranges[middle].last)
            low = middle + 1;
        else
            return true;
    }
    return false;
}

bool python_is_space(uint32_t c)
{
    return in_ranges(unicode_spaces, n_unicode_spaces, c);
}

bool python_is_digit(uint32_t c)
{
    return in_ranges(unicode_digits, n_unicode_digits, c);
}

static uint32_t lower_of(uint32_t c)
{
    if (c < 0x80)
        return c >= 'A' && c <= 'Z' ? c + 32 : c;
    size_t low = 0, high = n_unicode_lower;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct unicode_lower_run *run = &unicode_lower[middle];
        if (c < run->first)
            high = middle;
        else if (c > run->last)
            low = middle + 1;
        else
            return (c - run->first) % run->step == 0 ? (uint32_t)((int64_t)c + run->delta) : c;
    }
    return c;
}

/* The code point that ends at *end, which moves in front of it. */
static uint32_t previous(const char *start, const char **end)
{
    const char *at = *end, *old_end = *end;
    do
        at -= 1;
    while (at > start && ((unsigned char)*at & 0xC0) == 0x80);
    *end = at;
    return utf8_next(&at, old_end);
}

static bool is_ignorable(uint32_t c)
{
    return in_ranges(unicode_case_ignorable, n_unicode_case_ignorable, c);
}

static bool is_cased(uint32_t c)
{
    return in_ranges(unicode_cased, n_unicode_cased, c);
}

/* Unicode's Final_Sigma: a letter in front, none behind, both past what case ignores.
 * sigma is the start of the code point, behind its end. */
static bool is_final_sigma(struct span in, const char *sigma, const char *behind)
{
    bool cased_before = false;
    for (const char *end = sigma; end > in.data;) {
        uint32_t c = previous(in.data, &end);
        if (is_ignorable(c))
            continue;
        cased_before = is_cased(c);
        break;
    }
    if (!cased_before)
        return false;
    const char *end = in.data + in.length;
    while (behind < end) {
        uint32_t c = utf8_next(&behind, end);
        if (!is_ignorable(c))
            return !is_cased(c);
    }
    return true;
}

void python_lower(struct span in, struct text *out)
{
    const char *cursor = in.data, *end = in.data + in.length;
    while (cursor < end) {
        const char *start = cursor;
        uint32_t c = utf8_next(&cursor, end);
        if (c == CAPITAL_I_DOT) {
            text_add_code_point(out, 'i');
            text_add_code_point(out, 0x307);
        } else if (c == CAPITAL_SIGMA) {
            text_add_code_point(out, is_final_sigma(in, start, cursor) ? FINAL_SIGMA : SIGMA);
        } else {
            text_add_code_point(out, lower_of(c));
        }
    }
}

static struct span skip_spaces(struct span in)
{
    const char *cursor = in.data, *end = in.data + in.length;
    while (cursor < end) {
        const char *next = cursor;
        if (!python_is_space(utf8_next(&next, end)))
            break;
        cursor = next;
    }
    return (struct span){cursor, (size_t)(end - cursor)};
}

struct span python_strip(struct span in)
{
    in = skip_spaces(in);
    const char *end = in.data + in.length, *kept = end;
    while (end > in.data) {
        if (!python_is_space(previous(in.data, &end)))
            break;
        kept = end;
    }
    in.length = (size_t)(kept - in.data);
    return in;
}

bool python_next_word(struct span *rest, struct span *word)
{
    *rest = skip_spaces(*rest);
    if (rest->length == 0)
        return false;
    const char *cursor = rest->data, *end = rest->data + rest->length;
    while (cursor < end) {
        const char *next = cursor;
        if (python_is_space(utf8_next(&next, end)))
            break;
        cursor = next;
    }
    *word = (struct span){rest->data, (size_t)(cursor - rest->data)};
    *rest = (struct span){cursor, (size_t)(end - cursor)};
    return true;
}

/* The shortest digits that read back, laid out as repr() does: plain for 1e-4 <= |x| < 1e16. */
void python_add_float(struct text *out, double value)
{
    if (!isfinite(value)) {
        text_add(out, isnan(value) ? "nan" : value < 0 ? "-inf" : "inf");
        return;
    }
    char digits[40];
    int precision = 0;
    do
        snprintf(digits, sizeof digits, "%.*e", precision, value);
    while (strtod(digits, NULL) != value && ++precision < 17);
    int exponent = atoi(strchr(digits, 'e') + 1);
    if (exponent < -4 || exponent >= 16) {
        text_add(out, digits);
        return;
    }
    int decimals = precision - exponent;
    text_addf(out, "%.*f", decimals > 0 ? decimals : 1, value);
}
