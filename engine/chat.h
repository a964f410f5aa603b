/* engine/chat.h - chat templates: what the language model reads around a user's turn.
 *
 * To add a template: a row in chat.c. */
#ifndef MAMBENCH_ENGINE_CHAT_H
#define MAMBENCH_ENGINE_CHAT_H

#include "engine/base/text.h"

struct chat_template {
    const char *name;           /* as in model.json: "zephyr" */
    const char *before, *after; /* the user's message stands between them */
};

/* By name, or NULL. */
const struct chat_template *chat_template_find(const char *name);

/* Appends the prompt of one turn: "<image>" is removed from the message and white space stripped
 * at both ends, as Cobra's prompt builders do (cobra/models/backbones/llm/prompting/
 * zephyr_prompter.py:28-50, mamba_prompter.py:12-38 @4b81082). */
void chat_prompt(const struct chat_template *chat, const char *message, struct text *out);

#endif
