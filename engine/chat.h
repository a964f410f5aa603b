/* engine/chat.h - chat templates: what the language model reads around a user's turn.
 *
 * To add a template: a row in chat.c. */
#ifndef MAMBENCH_ENGINE_CHAT_H
#define MAMBENCH_ENGINE_CHAT_H

#include "engine/base/error.h"
#include "engine/base/text.h"

#include <stdbool.h>

/* What stands for the picture in a prompt. */
#define CHAT_IMAGE "<image>"

struct chat_template {
    const char *name;           /* as in model.json: "zephyr" */
    const char *before, *after; /* the user's message stands between them */
    /* The picture's place: in front of the message, as "<image>\n", or before the whole prompt. */
    bool image_in_prompt;
    /* The answer follows a word boundary: its first token is the one with a space in front. */
    bool answer_has_space;
};

/* By name, or NULL. */
const struct chat_template *chat_template_find(const char *name);

/* Appends the prompt of one turn.  "<image>" is removed from the message; where the picture comes
 * first, white space is stripped at both ends, as Cobra's prompt builders do (cobra/models/
 * backbones/llm/prompting/zephyr_prompter.py:28-50, mamba_prompter.py:12-38 @4b81082); else the
 * message stays as it is (LLaVA llava/conversation.py:242-252 @c121f04). */
void chat_prompt(const struct chat_template *chat, const char *message, struct text *out);

/* Cuts a prompt at its picture: *length bytes in front of it, *rest behind it.  Where the template
 * reads the picture first, nothing is in front and *rest is the whole prompt.  Errors: BAD_FORMAT
 * (a template with the picture inside needs exactly one "<image>"). */
enum status chat_split(const struct chat_template *chat, const char *prompt, size_t *length,
                       const char **rest, struct error *err);

#endif
