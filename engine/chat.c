#include "engine/chat.h"

#include "engine/tokenizer/tokenizer.h"

#include <string.h>

static const struct chat_template templates[] = {
    {"zephyr", "<|user|>\n", "<|endoftext|>\n<|assistant|>\n"},
    {"in-out", "In: ", "\nOut: "},
};

const struct chat_template *chat_template_find(const char *name)
{
    for (size_t i = 0; i < sizeof templates / sizeof templates[0]; i++)
        if (strcmp(templates[i].name, name) == 0)
            return &templates[i];
    return NULL;
}

void chat_prompt(const struct chat_template *chat, const char *message, struct text *out)
{
    static const char image[] = "<image>";
    struct text bare;
    text_init(&bare);
    for (const char *found; (found = strstr(message, image)); message = found + strlen(image))
        text_add_bytes(&bare, message, (size_t)(found - message));
    text_add(&bare, message);
    text_add(out, chat->before);
    if (bare.failed)
        out->failed = true;
    else
        tokenizer_clean(text_string(&bare), bare.length, false, out); /* strips */
    text_add(out, chat->after);
    text_release(&bare);
}
