#include "metrics/textvqa_prompt.h"

#include "metrics/python_text.h"

#include <stddef.h>
#include <string.h>

enum { MOST_LINES = 3 };

/* Fills lines with the first of the prompt; returns how many there are in all. */
static size_t split(const char *prompt, struct span lines[MOST_LINES])
{
    size_t n = 0;
    for (const char *rest = prompt;; n++) {
        size_t length = strcspn(rest, "\n");
        if (n < MOST_LINES)
            lines[n] = (struct span){rest, length};
        if (!rest[length])
            return n + 1;
        rest += length + 1;
    }
}

/* "OCR tokens: ... Question: ... Short answer:" */
static enum textvqa_prompt read_short_form(const char *prompt, struct text *out)
{
    static const char begin[] = "Question: ", end[] = " Short answer:";
    const char *start = strstr(prompt, begin);
    const char *stop = start ? strstr(start + sizeof begin - 1, end) : NULL;
    if (!stop)
        return TEXTVQA_PROMPT_NO_QUESTION;
    start += sizeof begin - 1;
    python_lower((struct span){start, (size_t)(stop - start)}, out);
    return TEXTVQA_PROMPT_READ;
}

enum textvqa_prompt textvqa_question_of(const char *prompt, struct text *out)
{
    if (text_starts_with(prompt, "OCR tokens: "))
        return read_short_form(prompt, out);
    struct span lines[MOST_LINES];
    size_t n = split(prompt, lines);
    bool with_tokens = n == 3 && strstr(prompt, "Reference OCR token: ");
    if (!with_tokens && n != 2)
        return TEXTVQA_PROMPT_SHAPE;
    bool tokens_first = with_tokens && text_starts_with(prompt, "Reference OCR token:");
    python_lower(lines[tokens_first ? 1 : 0], out);
    return TEXTVQA_PROMPT_READ;
}
