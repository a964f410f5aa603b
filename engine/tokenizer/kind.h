/* engine/tokenizer/kind.h - what a kind of tokenizer provides; one row of the table in tokenizer.c.
 *
 * To add a kind: write <name>.c that defines a struct tokenizer_kind, declare it here, list it in
 * tokenizer.c. */
#ifndef MAMBENCH_ENGINE_TOKENIZER_KIND_H
#define MAMBENCH_ENGINE_TOKENIZER_KIND_H

#include "engine/base/json.h"
#include "engine/tokenizer/tokenizer.h"

/* The largest vocabularies in use have some 260,000 entries; a damaged id must not take all memory.
 */
enum { TOKENIZER_MOST_IDS = 1 << 20 };

/* A file that is being opened; all borrowed for the time of the call. */
struct tokenizer_source {
    const char *path; /* for errors, and to find files beside it */
    const char *data; /* [length], at least one byte */
    size_t length;
    const cJSON *json; /* the tree if the file is a JSON object, else NULL */
};

/* state is the kind's own; it is read-only once open and may be shared between threads. */
struct tokenizer_kind {
    const char *name;
    bool prefixes_space; /* encode() puts a space in front of the text by itself */
    /* Whether a file is of this kind; the first row that says so opens it. */
    bool (*recognises)(const struct tokenizer_source *source);
    enum status (*open)(void **state, const struct tokenizer_source *source, struct error *err);
    void (*close)(void *state);
    int (*size)(const void *state);
    /* text is well-formed UTF-8 of at least one byte. */
    enum status (*encode)(const void *state, const char *text, size_t length,
                          struct token_list *ids, struct error *err);
    void (*decode)(const void *state, const int *ids, size_t n, struct text *out);
};

extern const struct tokenizer_kind tokenizer_llama_json;
extern const struct tokenizer_kind tokenizer_bpe;
extern const struct tokenizer_kind tokenizer_llama_model;

#endif
