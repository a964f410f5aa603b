/* engine/tokenizer/added_tokens.h - tokens that are cut out of a text as they stand, before it is
 * split into words. */
#ifndef MAMBENCH_ENGINE_TOKENIZER_ADDED_TOKENS_H
#define MAMBENCH_ENGINE_TOKENIZER_ADDED_TOKENS_H

#include "engine/tokenizer/tokenizer.h"

#include <stdbool.h>
#include <stddef.h>

struct added_token {
    const char *content; /* borrowed; not empty */
    size_t length;
    int id;
};

struct added_tokens {
    struct added_token *tokens; /* borrowed */
    size_t n;
    size_t first[257]; /* tokens that begin with byte b: [first[b], first[b + 1]) */
};

struct added_match {
    size_t start, end;
    int id;
};

/* Takes n tokens in any order, and sorts them. */
void added_tokens_init(struct added_tokens *set, struct added_token *tokens, size_t n);

/* The leftmost match at or behind position, the longest where several begin there; false if there
 * is none.  (huggingface/tokenizers@3ba8ad00 tokenizers/src/tokenizer/added_vocabulary.rs:
 * MatchKind::LeftmostLongest.) */
bool added_tokens_find(const struct added_tokens *set, const char *text, size_t length,
                       size_t position, struct added_match *match);

/* What is done with a stretch of text without tokens; false without memory. */
typedef bool added_tokens_between(void *context, const char *text, size_t length);

/* Appends the ids of the tokens in text, and hands what lies between them, if anything, to between,
 * all in order.  False without memory. */
bool added_tokens_encode(const struct added_tokens *set, const char *text, size_t length,
                         struct token_list *ids, added_tokens_between *between, void *context);

#endif
