/* engine/tokenizer/tokenizer.h - text to token ids and back, as the reference libraries do it.
 *
 * To add a kind: write engine/tokenizer/<name>.c with a struct tokenizer_kind (kind.h), list it
 * in engine/tokenizer/tokenizer.c, and give tests/ strings with the library's ids. */
#ifndef MAMBENCH_ENGINE_TOKENIZER_TOKENIZER_H
#define MAMBENCH_ENGINE_TOKENIZER_TOKENIZER_H

#include "engine/base/error.h"
#include "engine/base/text.h"

#include <stdbool.h>
#include <stddef.h>

struct tokenizer; /* read-only once open: may be shared */

/* Token ids; grows, owned by the caller, freed with token_list_release(). */
struct token_list {
    int *ids;
    size_t n;
    size_t capacity;
};

void token_list_init(struct token_list *list);
void token_list_release(struct token_list *list);
/* False without memory. */
bool token_list_add(struct token_list *list, int id);

/* Opens a tokenizer file, recognised by its content: tokenizer.json of the byte-level BPE kind
 * (GPT-NeoX, GPT-2, CodeGen) or of LLaMA's, or LLaMA's tokenizer.model; for LLaMA's two a
 * tokenizer_config.json beside the file is read too (sentencepiece.h).  The caller closes *out.
 * Errors name the file and the entry: NOT_FOUND, IO, BAD_FORMAT, UNSUPPORTED (a pipeline this
 * reader does not implement), NO_MEMORY. */
enum status tokenizer_open(struct tokenizer **out, const char *path, struct error *err);
void tokenizer_close(struct tokenizer *tokenizer);

/* Number of ids, the added tokens included (largest id + 1). */
int tokenizer_size(const struct tokenizer *tokenizer);

/* Whether tokenizer_encode() puts a space in front of a text by itself, as LLaMA's does: "Yes" then
 * has the ids of " Yes" in the middle of a text. */
bool tokenizer_prefixes_space(const struct tokenizer *tokenizer);

/* Appends the ids of length bytes of UTF-8 text; special tokens written out in the text are
 * recognised (a literal "<|endoftext|>" becomes its id).  Nothing is added in front or behind.
 * Invalid UTF-8 is read as U+FFFD.  Errors: NO_MEMORY; ids is then as before. */
enum status tokenizer_encode(const struct tokenizer *tokenizer, const char *text, size_t length,
                             struct token_list *ids, struct error *err);

/* Appends the bytes of the ids to out, special tokens and ids without an entry left out, and one
 * leading space where encoding adds one.  The bytes may end inside a UTF-8 sequence. */
void tokenizer_decode(const struct tokenizer *tokenizer, const int *ids, size_t n,
                      struct text *out);

/* What the reference shows of decoded bytes: invalid UTF-8 replaced by U+FFFD, the "clean-up" of
 * transformers 4.34 applied if clean_up (" ." -> "." and so on, in its order), then Python's
 * strip().  Appends to out. */
void tokenizer_clean(const char *bytes, size_t length, bool clean_up, struct text *out);

/* The one id of the whole string, no space added by the caller; -1 if it takes more than one (or
 * none, or without memory). */
int tokenizer_single_id(const struct tokenizer *tokenizer, const char *text);

#endif
