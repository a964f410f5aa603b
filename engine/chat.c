#include "engine/chat.h"

#include "engine/tokenizer/tokenizer.h"

#include <string.h>

static const struct chat_template templates[] = {
    {"zephyr", "<|user|>\n", "<|endoftext|>\n<|assistant|>\n", false, false},
    {"in-out", "In: ", "\nOut: ", false, false},
    {"vicuna",
     "A chat between a curious user and an artificial intelligence assistant. The assistant gives "
     "helpful, detailed, and polite answers to the user's questions. USER: ",
     " ASSISTANT:", true, true},
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
    struct text bare;
    text_init(&bare);
    for (const char *found; (found = strstr(message, CHAT_IMAGE));
         message = found + strlen(CHAT_IMAGE))
        text_add_bytes(&bare, message, (size_t)(found - message));
    text_add(&bare, message);
    text_add(out, chat->before);
    if (chat->image_in_prompt)
        text_add(out, CHAT_IMAGE "\n");
    if (bare.failed)
        out->failed = true;
    else if (chat->image_in_prompt)
        text_add_bytes(out, text_string(&bare), bare.length);
    else
        tokenizer_clean(text_string(&bare), bare.length, false, out); /* strips */
    text_add(out, chat->after);
    text_release(&bare);
}

enum status chat_split(const struct chat_template *chat, const char *prompt, size_t *length,
                       const char **rest, struct error *err)
{
    *length = 0;
    *rest = prompt;
    const char *mark = strstr(prompt, CHAT_IMAGE);
    if (!chat->image_in_prompt && mark)
        return fail(err, STATUS_BAD_FORMAT,
                    "the prompt has an " CHAT_IMAGE ", but the model reads the picture in front of "
                    "the whole prompt");
    if (!chat->image_in_prompt)
        return STATUS_OK;
    if (!mark)
        return fail(err, STATUS_BAD_FORMAT,
                    "the prompt has no " CHAT_IMAGE " where the picture belongs");
    if (strstr(mark + 1, CHAT_IMAGE))
        return fail(err, STATUS_BAD_FORMAT, "the prompt has more than one " CHAT_IMAGE);
    *length = (size_t)(mark - prompt);
    *rest = mark + strlen(CHAT_IMAGE);
    return STATUS_OK;
}
