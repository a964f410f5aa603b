/* engine/tokenizer/kind.h - what a kind of tokenizer provides; one row of the table in tokenizer.c.
 *
 * To add a kind: write <name>.c that defines a struct tokenizer_kind, declare it here, list it in
 * tokenizer.c. */
#ifndef MAMBENCH_ENGINE_TOKENIZER_KIND_H
#define MAMBENCH_ENGINE_TOKENIZER_KIND_H

#include "engine/tokenizer/tokenizer.h"

/* state is the kind's own; it is read-only once open and may be shared between threads. */
struct tokenizer_kind {
    const char *name;
    /* Whether a file with these bytes is of this kind; the first row that says so opens it. */
    bool (*recognises)(const char *data, size_t length);
    /* data need not outlive the call.  path is for errors. */
    enum status (*open)(void **state, const char *data, size_t length, const char *path,
                        struct error *err);
    void (*close)(void *state);
    int (*size)(const void *state);
    /* text is well-formed UTF-8 of at least one byte. */
    enum status (*encode)(const void *state, const char *text, size_t length,
                          struct token_list *ids, struct error *err);
    void (*decode)(const void *state, const int *ids, size_t n, struct text *out);
};

extern const struct tokenizer_kind tokenizer_bpe;

#endif
