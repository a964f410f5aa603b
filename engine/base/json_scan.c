#include "engine/base/json_scan.h"

#include <stdbool.h>

/* The text, and what was found. */
struct scan {
    const char *data;
    size_t length, at;
    const char *wrong;
};

static bool is_digit(const struct scan *scan, size_t at)
{
    return at < scan->length && scan->data[at] >= '0' && scan->data[at] <= '9';
}

static void skip_digits(struct scan *scan)
{
    if (!is_digit(scan, scan->at))
        scan->wrong = "not a number as JSON writes it";
    while (is_digit(scan, scan->at))
        scan->at += 1;
}

static bool is_one_of(const struct scan *scan, char a, char b)
{
    return scan->at < scan->length && (scan->data[scan->at] == a || scan->data[scan->at] == b);
}

static void scan_number(struct scan *scan)
{
    scan->at += scan->data[scan->at] == '-';
    if (is_one_of(scan, '0', '0'))
        scan->at += 1;
    else
        skip_digits(scan);
    if (!scan->wrong && is_one_of(scan, '.', '.')) {
        scan->at += 1;
        skip_digits(scan);
    }
    if (!scan->wrong && is_one_of(scan, 'e', 'E')) {
        scan->at += 1;
        scan->at += is_one_of(scan, '+', '-');
        skip_digits(scan);
    }
    if (!scan->wrong && (is_digit(scan, scan->at) || is_one_of(scan, '.', '+')))
        scan->wrong = "not a number as JSON writes it";
}

/* The four hexadecimal digits at a place; -1 where they are none. */
static int hex4(const struct scan *scan, size_t at)
{
    int value = 0;
    for (size_t i = at; i < at + 4; i++) {
        char c = i < scan->length ? scan->data[i] : 'x';
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

/* At "\u": a code unit; surrogates must come as pairs. */
static void scan_unicode(struct scan *scan)
{
    const char *half = "half of a surrogate pair, which is no character";
    int unit = hex4(scan, scan->at + 2);
    scan->at += 2;
    if (unit < 0xD800 || unit > 0xDFFF)
        return; /* what are no digits, cJSON tells */
    scan->at += 4;
    bool has_second = unit < 0xDC00 && scan->at + 6 <= scan->length &&
                      scan->data[scan->at] == '\\' && scan->data[scan->at + 1] == 'u';
    int second = has_second ? hex4(scan, scan->at + 2) : -1;
    if (second < 0xDC00 || second > 0xDFFF) {
        scan->wrong = half;
        scan->at -= 6;
        return;
    }
    scan->at += 6;
}

static void scan_string(struct scan *scan)
{
    scan->at += 1;
    while (scan->at < scan->length && !scan->wrong) {
        unsigned char c = (unsigned char)scan->data[scan->at];
        if (c == '"') {
            scan->at += 1;
            return;
        }
        if (c == '\\' && scan->at + 1 < scan->length && scan->data[scan->at + 1] == 'u')
            scan_unicode(scan);
        else if (c == '\\')
            scan->at += 2;
        else if (c < 0x20)
            scan->wrong = "a raw control character in a string";
        else
            scan->at += 1;
    }
    if (scan->at > scan->length)
        scan->at = scan->length;
}

static void scan_literal(struct scan *scan)
{
    while (scan->at < scan->length && scan->data[scan->at] >= 'a' && scan->data[scan->at] <= 'z')
        scan->at += 1;
}

/* One token; depth is that behind it.  False where no value goes on. */
static bool scan_token(struct scan *scan, size_t *depth)
{
    unsigned char c = (unsigned char)scan->data[scan->at];
    if (c == '"')
        scan_string(scan);
    else if (c == '-' || (c >= '0' && c <= '9'))
        scan_number(scan);
    else if (c >= 'a' && c <= 'z')
        scan_literal(scan);
    else if (c < 0x20 && c != '\t' && c != '\n' && c != '\r')
        scan->wrong = "a control character, which is no white space";
    else if ((c == '}' || c == ']') && *depth == 0)
        return false;
    else {
        bool opens = c == '{' || c == '[', closes = c == '}' || c == ']';
        *depth += opens;
        *depth -= closes;
        if (*depth > JSON_MAX_NESTING)
            scan->wrong = "nested deeper than 1,000 levels";
        else
            scan->at += 1;
        return *depth > 0 || closes || c <= ' ';
    }
    return true;
}

const char *json_scan(const char *data, size_t length, size_t most, size_t *position)
{
    struct scan scan = {.data = data, .length = length, .at = *position};
    size_t depth = 0, end = length;
    if (most > 0 && length - *position > most)
        scan.length = end = *position + most;
    while (scan.at < end && !scan.wrong) {
        bool is_space = data[scan.at] == ' ' || data[scan.at] == '\t' || data[scan.at] == '\n' ||
                        data[scan.at] == '\r';
        if (!scan_token(&scan, &depth) || (depth == 0 && !is_space))
            break;
    }
    if (!scan.wrong && scan.at >= end && end < length) {
        scan.wrong = "a value that is longer than any record";
        scan.at = *position;
    }
    *position = scan.at;
    return scan.wrong;
}
