/* engine/tokenizer/bpe.h - byte-level byte-pair encoding, as tokenizer.json describes it.
 *
 * The pipeline is the one of huggingface/tokenizers: added tokens that are matched on the raw text;
 * NFC of what lies between, if the file asks for it; added tokens matched on the normalised text;
 * the words of GPT-2's expression; their bytes merged pair by pair, lowest rank first. */
#ifndef MAMBENCH_ENGINE_TOKENIZER_BPE_H
#define MAMBENCH_ENGINE_TOKENIZER_BPE_H

#include "engine/base/arena.h"
#include "engine/base/json.h"
#include "engine/tokenizer/added_tokens.h"
#include "engine/tokenizer/merges.h"
#include "engine/tokenizer/pretokenizer.h"

struct bpe_token {
    const char *bytes; /* what it decodes to; NULL: no token has this id */
    size_t length;
    bool special; /* left out of decoded text */
};

struct bpe {
    struct arena arena;       /* owns all arrays and strings */
    struct bpe_token *tokens; /* [n_tokens], by id */
    int n_tokens;
    int byte_ids[256]; /* -1 for bytes that UTF-8 never has */
    struct merge_table merges;
    bool normalize;                 /* NFC */
    struct added_tokens raw;        /* matched before normalisation */
    struct added_tokens normalized; /* matched behind it */
    struct pretokenizer *pretokenizer;
};

/* Reads a parsed tokenizer.json (bpe_file.c); path names it in errors.  Errors: BAD_FORMAT,
 * UNSUPPORTED, NO_MEMORY. */
enum status bpe_open(struct bpe **out, const cJSON *root, const char *path, struct error *err);
void bpe_close(struct bpe *bpe);

#endif
