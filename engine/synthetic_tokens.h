/* engine/synthetic_tokens.h - stand-in ids where random weights come without a tokenizer.
 *
 * Speed and memory depend on how many tokens there are, not on which: every word, with the space in
 * front of it, and every other character is one token.  What is decoded is no language. */
#ifndef MAMBENCH_ENGINE_SYNTHETIC_TOKENS_H
#define MAMBENCH_ENGINE_SYNTHETIC_TOKENS_H

#include "engine/base/error.h"
#include "engine/base/text.h"
#include "engine/tokenizer/tokenizer.h"

/* An id in [1, vocabulary) that depends on the bytes alone. */
int synthetic_id(const char *bytes, size_t length, int vocabulary);

enum status synthetic_encode(const char *text, size_t length, int vocabulary,
                             struct token_list *ids, struct error *err);

/* Appends "<17>" for each id. */
void synthetic_decode(const int *ids, size_t n, struct text *out);

#endif
