#include "metrics/yes_no_rule.h"

#include "metrics/python_text.h"
#include "metrics/vqa_text.h"

#include <string.h>

bool label_is_yes(const char *label)
{
    return strcmp(label, "no") != 0;
}

static bool is_negation(const char *word)
{
    return strcmp(word, "No") == 0 || strcmp(word, "not") == 0 || strcmp(word, "no") == 0;
}

enum yes_no yes_no_official(const char *text)
{
    enum { LONGEST = 3 };
    char word[LONGEST + 2]; /* one letter more than a negation has tells that it is none */
    size_t length = 0;
    for (const char *at = text;; at++) {
        bool at_end = *at == '\0' || *at == '.';
        if (at_end || *at == ' ') {
            word[length] = '\0';
            if (is_negation(word))
                return SAYS_NO;
            length = 0;
        } else if (*at != ',' && length < sizeof word - 1) {
            word[length++] = *at;
        }
        if (at_end)
            return SAYS_YES;
    }
}

void yes_no_lmms_text(const char *text, struct text *out)
{
    python_lower(python_strip(span_of(text)), out);
}

enum yes_no yes_no_vlmevalkit(const char *text, bool *no_memory)
{
    struct text lower, plain;
    text_init(&lower);
    text_init(&plain);
    python_lower(span_of(text), &lower);
    vqa_punctuation(span_of(text_string(&lower)), VQA_PERIOD_VLMEVALKIT, &plain);
    bool yes = false, no = false;
    struct span rest = span_of(text_string(&plain)), word;
    while (python_next_word(&rest, &word)) {
        yes |= span_equals(word, "yes");
        no |= span_equals(word, "no");
    }
    *no_memory |= lower.failed || plain.failed;
    text_release(&lower);
    text_release(&plain);
    if (yes == no)
        return SAYS_NEITHER;
    return yes ? SAYS_YES : SAYS_NO;
}
