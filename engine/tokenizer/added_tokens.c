#include "engine/tokenizer/added_tokens.h"

#include <stdlib.h>
#include <string.h>

static unsigned first_byte(const struct added_token *token)
{
    return (unsigned char)token->content[0];
}

/* By first byte, the longest first. */
static int compare(const void *a, const void *b)
{
    const struct added_token *x = a, *y = b;
    if (first_byte(x) != first_byte(y))
        return first_byte(x) < first_byte(y) ? -1 : 1;
    return (x->length < y->length) - (x->length > y->length);
}

void added_tokens_init(struct added_tokens *set, struct added_token *tokens, size_t n)
{
    *set = (struct added_tokens){.tokens = tokens, .n = n};
    if (n > 0)
        qsort(tokens, n, sizeof *tokens, compare);
    size_t i = 0;
    for (unsigned byte = 0; byte < 256; byte++) {
        set->first[byte] = i;
        while (i < n && first_byte(&tokens[i]) == byte)
            i++;
    }
    set->first[256] = n;
}

bool added_tokens_find(const struct added_tokens *set, const char *text, size_t length,
                       size_t position, struct added_match *match)
{
    for (size_t start = position; set->n > 0 && start < length; start++) {
        unsigned byte = (unsigned char)text[start];
        for (size_t i = set->first[byte]; i < set->first[byte + 1]; i++) {
            const struct added_token *token = &set->tokens[i];
            if (token->length <= length - start &&
                memcmp(text + start, token->content, token->length) == 0) {
                *match = (struct added_match){start, start + token->length, token->id};
                return true;
            }
        }
    }
    return false;
}

bool added_tokens_encode(const struct added_tokens *set, const char *text, size_t length,
                         struct token_list *ids, added_tokens_between *between, void *context)
{
    size_t position = 0;
    struct added_match match;
    while (added_tokens_find(set, text, length, position, &match)) {
        if (match.start > position && !between(context, text + position, match.start - position))
            return false;
        if (!token_list_add(ids, match.id))
            return false;
        position = match.end;
    }
    return position == length || between(context, text + position, length - position);
}
