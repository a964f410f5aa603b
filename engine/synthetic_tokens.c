#include "engine/synthetic_tokens.h"

#include <ctype.h>

int synthetic_id(const char *bytes, size_t length, int vocabulary)
{
    unsigned hash = 2166136261u; /* FNV-1a */
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (unsigned char)bytes[i]) * 16777619u;
    return vocabulary > 1 ? 1 + (int)(hash % (unsigned)(vocabulary - 1)) : 0;
}

enum status synthetic_encode(const char *text, size_t length, int vocabulary,
                             struct token_list *ids, struct error *err)
{
    for (size_t start = 0, end; start < length; start = end) {
        end = start;
        if (text[end] == ' ' && end + 1 < length && isalnum((unsigned char)text[end + 1]))
            end++;
        while (end < length && isalnum((unsigned char)text[end]))
            end++;
        if (end == start)
            end++;
        if (!token_list_add(ids, synthetic_id(text + start, end - start, vocabulary)))
            return fail(err, STATUS_NO_MEMORY, "out of memory for a prompt");
    }
    return STATUS_OK;
}

void synthetic_decode(const int *ids, size_t n, struct text *out)
{
    for (size_t i = 0; i < n; i++)
        text_addf(out, "<%d>", ids[i]);
}
