#include "metrics/gqa_answer.h"

#include "metrics/python_text.h"

#include <stdbool.h>

static bool is_punctuation(char c)
{
    return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') ||
           (c >= '{' && c <= '~');
}

static void add_without_punctuation(struct span in, struct text *out)
{
    for (size_t i = 0; i < in.length; i++)
        if (!is_punctuation(in.data[i]))
            text_add_char(out, in.data[i]);
}

void gqa_clean_official(const char *answer, struct text *out)
{
    text_add(out, answer);
}

void gqa_clean_triml(const char *answer, struct text *out)
{
    struct text plain;
    text_init(&plain);
    add_without_punctuation(span_of(answer), &plain);
    python_lower(span_of(text_string(&plain)), out);
    out->failed |= plain.failed;
    text_release(&plain);
}

void gqa_clean_llava(const char *answer, struct text *out)
{
    struct span rest = span_of(answer);
    while (rest.length > 0 && rest.data[rest.length - 1] == '.')
        rest.length -= 1;
    python_lower(rest, out);
}

/* Lower case first: which sigma ends a word is decided before the punctuation goes. */
static void add_lower_without_punctuation(struct span in, struct text *out)
{
    struct text lower;
    text_init(&lower);
    python_lower(in, &lower);
    add_without_punctuation(span_of(text_string(&lower)), out);
    out->failed |= lower.failed;
    text_release(&lower);
}

void gqa_clean_lmms(const char *answer, struct text *out)
{
    add_lower_without_punctuation(python_strip(span_of(answer)), out);
}

void gqa_clean_lmms_gold(const char *answer, struct text *out)
{
    add_lower_without_punctuation(span_of(answer), out);
}

void gqa_clean_vlmevalkit(const char *answer, struct text *out)
{
    python_lower(python_strip(span_of(answer)), out);
}
