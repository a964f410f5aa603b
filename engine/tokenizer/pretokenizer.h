/* engine/tokenizer/pretokenizer.h - cuts a text into the words that byte-pair encoding works on,
 * by a regular expression (PCRE2). */
#ifndef MAMBENCH_ENGINE_TOKENIZER_PRETOKENIZER_H
#define MAMBENCH_ENGINE_TOKENIZER_PRETOKENIZER_H

#include "engine/base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct pretokenizer;       /* read-only once open: may be shared */
struct pretokenizer_state; /* one for each thread at work */

/* The expression of GPT-2.  The caller closes *out.  Errors: NO_MEMORY, UNSUPPORTED (a PCRE2
 * without Unicode). */
enum status pretokenizer_open(struct pretokenizer **out, struct error *err);
void pretokenizer_close(struct pretokenizer *pretokenizer);

/* NULL without memory. */
struct pretokenizer_state *pretokenizer_state_open(const struct pretokenizer *pretokenizer);
void pretokenizer_state_close(struct pretokenizer_state *state);

/* The end of the word that begins at position, which is below length; the words cover the text
 * without gaps.  text is well-formed UTF-8.  False without memory. */
bool pretokenizer_word(const struct pretokenizer *pretokenizer, struct pretokenizer_state *state,
                       const char *text, size_t length, size_t position, size_t *end);

#endif
