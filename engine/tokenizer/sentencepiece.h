/* engine/tokenizer/sentencepiece.h - LLaMA's tokenizer: the BPE of SentencePiece as Hugging Face
 * runs it, read from tokenizer.model or from a tokenizer.json.
 *
 * The pipeline: special tokens written out in the text are cut out; "▁" (U+2581) is put in front of
 * what lies between, and stands for each space; the code points are merged pair by pair, over the
 * whole stretch, no words are cut; a code point that is no piece becomes one token a byte.
 * (google/sentencepiece src/bpe_model.cc, Model::SampleEncode, and src/normalizer.cc;
 * transformers 4.36.2 models/llama/tokenization_llama.py; tokenizers 0.15.2 normalizers Prepend and
 * Replace, models/bpe/model.rs, decoders ByteFallback, Fuse, Strip.)
 *
 * transformers' option "legacy" says whether "▁" is put in front of each stretch (true) or only in
 * front of a text that does not begin with a special token (false).  It stands in a
 * tokenizer_config.json beside the tokenizer's file; without that file or entry it is true. */
#ifndef MAMBENCH_ENGINE_TOKENIZER_SENTENCEPIECE_H
#define MAMBENCH_ENGINE_TOKENIZER_SENTENCEPIECE_H

#include "engine/base/string_map.h"
#include "engine/tokenizer/added_tokens.h"
#include "engine/tokenizer/kind.h"
#include "engine/tokenizer/merges.h"

#define SENTENCEPIECE_SPACE "\xE2\x96\x81" /* U+2581 */

struct sentencepiece_symbol {
    const char *bytes; /* what it decodes to; NULL: no token has this id */
    size_t length;
    bool special; /* left out of decoded text */
};

struct sentencepiece {
    struct arena arena; /* owns all arrays and strings */
    /* By id; from n_tokens on: code points that are part of pieces and none themselves. */
    struct sentencepiece_symbol *symbols;
    int n_tokens, n_symbols;
    int byte_ids[256];
    struct string_map characters; /* one code point as UTF-8 -> symbol */
    struct merge_table merges;
    struct added_tokens raw;        /* cut out before "▁" is put in */
    struct added_tokens normalized; /* cut out behind it; the contents have "▁" too */
    bool legacy;
};

/* Read a file into an empty tokenizer (sentencepiece_file.c, llama_json.c).  After an error
 * sentencepiece_close() is still needed.  Errors: BAD_FORMAT, UNSUPPORTED, NO_MEMORY. */
enum status sentencepiece_read_model(struct sentencepiece *model,
                                     const struct tokenizer_source *source, struct error *err);
enum status sentencepiece_read_json(struct sentencepiece *model,
                                    const struct tokenizer_source *source, struct error *err);
void sentencepiece_close(struct sentencepiece *model);

/* ---- For the readers (sentencepiece_build.c) ------------------------------------------------ */

/* The byte that a piece such as "<0x0A>" stands for, -1 for another one. */
int sentencepiece_byte(const char *piece, size_t length);

/* Sets what a token decodes to; false without memory. */
bool sentencepiece_set_token(struct sentencepiece *model, int id, const char *piece, size_t length,
                             bool special);

/* If the piece is a single code point, it will be found as one.  False without memory. */
bool sentencepiece_add_character(struct sentencepiece *model, const char *piece, size_t length,
                                 int symbol);

/* Appends text to out as the model sees it; false without memory. */
bool sentencepiece_normalize(const char *text, size_t length, bool prefix, struct text *out);

/* Reads "legacy" from the tokenizer_config.json beside path.  Errors also: IO. */
enum status sentencepiece_read_config(struct sentencepiece *model, const char *path,
                                      struct error *err);

#endif
