#include "engine/synthetic_tokens.h"

#include <ctype.h>

int synthetic_id(const char *bytes, size_t length, int vocabulary)
{
    unsigned hash = 2166136261u; /* FNV-1a */
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (unsigned char)bytes[i]) * 16777619u;
    return vocabulary > 1 ? 1 + (int)(hash % (unsigned)(vocabulary - 1)) : 0;
}

enum status synthetic_encode(const char *text, int vocabulary, struct token_list *ids,
                             struct error *err)
{
    while (*text) {
        size_t length = *text == ' ' && isalnum((unsigned char)text[1]) ? 1 : 0;
        while (isalnum((unsigned char)text[length]))
            length++;
        if (length == 0)
            length = 1;
        if (!token_list_add(ids, synthetic_id(text, length, vocabulary)))
            return fail(err, STATUS_NO_MEMORY, "out of memory for a prompt");
        text += length;
    }
    return STATUS_OK;
}

void synthetic_decode(const int *ids, size_t n, struct text *out)
{
    for (size_t i = 0; i < n; i++)
        text_addf(out, "<%d>", ids[i]);
}
