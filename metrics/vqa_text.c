#include "metrics/vqa_text.h"

#include "engine/base/utf8.h"

#include <string.h>

/* vqaEval.py:66. */
static const char punctuation[] = ";/[]\"{}()=+\\_-><@`,?!";
enum { N_PUNCTUATION = sizeof punctuation - 1 };

/* The third argument of the reference's sub() is a count, and re.UNICODE is 32: vqaEval.py:137. */
enum { MAX_PERIODS = 32 };

/* (\d)(\,)(\d) anywhere. */
static bool has_digit_comma_digit(struct span in)
{
    const char *cursor = in.data, *end = in.data + in.length;
    uint32_t second_last = 0, last = 0;
    while (cursor < end) {
        uint32_t c = utf8_next(&cursor, end);
        if (last == ',' && python_is_digit(second_last) && python_is_digit(c))
            return true;
        second_last = last;
        last = c;
    }
    return false;
}

/* Fills deleted [N_PUNCTUATION]: whether a character goes, or leaves a space. */
static void choose_deleted(struct span in, bool *deleted)
{
    bool comma = has_digit_comma_digit(in);
    for (size_t i = 0; i < N_PUNCTUATION; i++)
        deleted[i] = comma;
    for (size_t i = 0; i < in.length; i++) {
        const char *found = in.data[i] ? strchr(punctuation, in.data[i]) : NULL;
        if (!found)
            continue;
        bool before = i > 0 && in.data[i - 1] == ' ';
        bool behind = i + 1 < in.length && in.data[i + 1] == ' ';
        if (before || behind)
            deleted[found - punctuation] = true;
    }
}

static void drop_periods(struct span in, enum vqa_period_rule rule, struct text *out)
{
    const char *cursor = in.data, *end = in.data + in.length;
    int dropped = 0;
    bool digit_before = false;
    while (cursor < end) {
        const char *start = cursor;
        uint32_t c = utf8_next(&cursor, end);
        const char *next = cursor;
        bool digit_behind = cursor < end && python_is_digit(utf8_next(&next, end));
        bool goes = c == '.' && !digit_behind && dropped < MAX_PERIODS &&
                    !(rule == VQA_PERIOD_VLMEVALKIT && digit_before);
        if (goes)
            dropped += 1;
        else
            text_add_bytes(out, start, (size_t)(cursor - start));
        digit_before = python_is_digit(c);
    }
}

void vqa_punctuation(struct span in, enum vqa_period_rule rule, struct text *out)
{
    bool deleted[N_PUNCTUATION];
    choose_deleted(in, deleted);
    struct text spaced;
    text_init(&spaced);
    for (size_t i = 0; i < in.length; i++) {
        const char *found = in.data[i] ? strchr(punctuation, in.data[i]) : NULL;
        if (!found)
            text_add_char(&spaced, in.data[i]);
        else if (!deleted[found - punctuation])
            text_add_char(&spaced, ' ');
    }
    out->failed |= spaced.failed;
    drop_periods((struct span){text_string(&spaced), spaced.length}, rule, out);
    text_release(&spaced);
}
