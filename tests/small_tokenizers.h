/* tests/small_tokenizers.h - the two small tokenizers of tests/data/tokenizer. */
#ifndef MAMBENCH_TESTS_SMALL_TOKENIZERS_H
#define MAMBENCH_TESTS_SMALL_TOKENIZERS_H

#include "tests/check.h"

#include "engine/tokenizer/tokenizer.h"

#define DATA "tests/data/tokenizer/"

static const char *const small_names[] = {"neox", "gpt2"};

static inline struct tokenizer *open_small(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, DATA "%s.json", name);
    struct tokenizer *tokenizer = NULL;
    struct error err = {0};
    assert_ok(tokenizer_open(&tokenizer, path, &err), err);
    return tokenizer;
}

#endif
