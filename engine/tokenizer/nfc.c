#include "engine/tokenizer/nfc.h"

#include "engine/base/utf8.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

/* No canonical decomposition is longer than 4 code points (UAX #15, table 7). */
enum { LONGEST_DECOMPOSITION = 4, SHORT_RUN = 16 };

static const utf8proc_option_t form_c = UTF8PROC_STABLE | UTF8PROC_COMPOSE;

/* The library that defines the pipeline normalises by Unicode 9 (tokenizers 0.23.3, every code
 * point executed).  Combining marks and a composition that came later are plain characters to it.
 */
static const struct {
    uint32_t first, last;
} later[] = {
    {0x07FD, 0x07FD},   {0x0898, 0x089F},   {0x08CA, 0x08D3},   {0x09FE, 0x09FE},
    {0x0C3C, 0x0C3C},   {0x0D3B, 0x0D3C},   {0x0EBA, 0x0EBA},   {0x1715, 0x1715},
    {0x1ABF, 0x1ACE},   {0x1DF6, 0x1DFA},   {0xA82C, 0xA82C},   {0x10D24, 0x10D27},
    {0x10EAB, 0x10EAC}, {0x10EFD, 0x10EFF}, {0x10F46, 0x10F50}, {0x10F82, 0x10F85},
    {0x11070, 0x11070}, {0x1133B, 0x1133B}, {0x1145E, 0x1145E}, {0x11839, 0x1183A},
    {0x11930, 0x11930}, {0x11938, 0x11938}, {0x1193D, 0x1193E}, {0x11943, 0x11943},
    {0x119E0, 0x119E0}, {0x11A34, 0x11A34}, {0x11A47, 0x11A47}, {0x11A99, 0x11A99},
    {0x11D42, 0x11D42}, {0x11D44, 0x11D45}, {0x11D97, 0x11D97}, {0x11F41, 0x11F42},
    {0x16FF0, 0x16FF1}, {0x1E08F, 0x1E08F}, {0x1E130, 0x1E136}, {0x1E2AE, 0x1E2AE},
    {0x1E2EC, 0x1E2EF}, {0x1E4EC, 0x1E4EF},
};

struct code_points {
    utf8proc_int32_t *data;
    size_t n, capacity;
};

bool nfc_is_plain(const char *text, size_t length)
{
    /* Everything below U+0300, the first combining mark, is its own normal form; U+0300 and above
     * begin with byte CC or a later one. */
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] >= 0xCC)
            return false;
    return true;
}

static bool make_room(struct code_points *points)
{
    if (points->capacity - points->n >= LONGEST_DECOMPOSITION)
        return true;
    if (points->capacity > SIZE_MAX / 4 / sizeof *points->data)
        return false;
    size_t capacity = points->capacity ? points->capacity * 2 : 256;
    utf8proc_int32_t *data = realloc(points->data, capacity * sizeof *data);
    if (!data)
        return false;
    points->data = data;
    points->capacity = capacity;
    return true;
}

static bool came_later(uint32_t code_point)
{
    size_t low = 0, high = sizeof later / sizeof later[0];
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (code_point > later[middle].last)
            low = middle + 1;
        else
            high = middle;
    }
    return low < sizeof later / sizeof later[0] && code_point >= later[low].first;
}

static bool decompose(uint32_t code_point, struct code_points *points)
{
    if (!make_room(points))
        return false;
    utf8proc_ssize_t n =
        utf8proc_decompose_char((utf8proc_int32_t)code_point, points->data + points->n,
                                LONGEST_DECOMPOSITION, form_c, NULL);
    if (n < 0 || n > LONGEST_DECOMPOSITION)
        return false;
    points->n += (size_t)n;
    return true;
}

static unsigned combining_class(utf8proc_int32_t code_point)
{
    return (unsigned)utf8proc_get_property(code_point)->combining_class & 0xFF;
}

static void sort_short_run(utf8proc_int32_t *run, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        utf8proc_int32_t moved = run[i];
        size_t j = i;
        for (; j > 0 && combining_class(run[j - 1]) > combining_class(moved); j--)
            run[j] = run[j - 1];
        run[j] = moved;
    }
}

/* A counting sort: a hostile text may be one run of a million marks. */
static bool sort_long_run(utf8proc_int32_t *run, size_t n)
{
    utf8proc_int32_t *sorted = malloc(n * sizeof *sorted);
    if (!sorted)
        return false;
    size_t start[257] = {0};
    for (size_t i = 0; i < n; i++)
        start[combining_class(run[i]) + 1] += 1;
    for (size_t i = 1; i < 257; i++)
        start[i] += start[i - 1];
    for (size_t i = 0; i < n; i++)
        sorted[start[combining_class(run[i])]++] = run[i];
    memcpy(run, sorted, n * sizeof *sorted);
    free(sorted);
    return true;
}

/* The canonical ordering algorithm: marks between two starters sorted by class, stably.
 * utf8proc has it only inside a function that takes quadratic time on long runs. */
static bool reorder(struct code_points *points)
{
    size_t i = 0;
    while (i < points->n) {
        size_t start = i;
        while (i < points->n && combining_class(points->data[i]) > 0)
            i++;
        if (i - start > SHORT_RUN) {
            if (!sort_long_run(points->data + start, i - start))
                return false;
        } else {
            sort_short_run(points->data + start, i - start);
        }
        i += i == start;
    }
    return true;
}

/* Composes what was decomposed so far and moves it to out. */
static bool compose(struct code_points *points, struct text *out)
{
    if (points->n == 0)
        return true;
    if (!reorder(points))
        return false;
    utf8proc_ssize_t n =
        utf8proc_normalize_utf32(points->data, (utf8proc_ssize_t)points->n, form_c);
    for (utf8proc_ssize_t i = 0; i < n; i++)
        text_add_code_point(out, (unsigned)points->data[i]);
    points->n = 0;
    return n >= 0;
}

bool nfc_normalize(const char *text, size_t length, struct text *out)
{
    struct code_points points = {0};
    const char *end = text + length;
    bool done = true;
    while (done && text < end) {
        uint32_t code_point = utf8_next(&text, end);
        if (!came_later(code_point)) {
            done = decompose(code_point, &points);
        } else {
            done = compose(&points, out);
            text_add_code_point(out, code_point);
        }
    }
    done = done && compose(&points, out) && !out->failed;
    free(points.data);
    return done;
}
