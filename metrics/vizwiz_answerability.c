#include "metrics/vizwiz_answerability.h"

#include <string.h>

bool vizwiz_says_unanswerable(const struct vqa_rule *rule, const char *text, bool *no_memory)
{
    struct text prepared, plain;
    text_init(&prepared);
    text_init(&plain);
    if (rule->prepare)
        rule->prepare(span_of(text), &prepared);
    rule->prediction(rule->prepare ? span_of(text_string(&prepared)) : span_of(text), &plain);
    bool says = strcmp(text_string(&plain), "unanswerable") == 0;
    *no_memory |= prepared.failed || plain.failed;
    text_release(&prepared);
    text_release(&plain);
    return says;
}
