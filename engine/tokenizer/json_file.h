/* engine/tokenizer/json_file.h - what every tokenizer.json with a BPE model has, whatever its
 * symbols stand for: a vocabulary, merges, added tokens.
 *
 * All errors name the file and the entry: BAD_FORMAT, UNSUPPORTED, NO_MEMORY. */
#ifndef MAMBENCH_ENGINE_TOKENIZER_JSON_FILE_H
#define MAMBENCH_ENGINE_TOKENIZER_JSON_FILE_H

#include "engine/base/json.h"
#include "engine/base/string_map.h"
#include "engine/tokenizer/merges.h"

/* A token that is cut out of the text before the model sees it. */
struct json_added {
    const char *content; /* borrowed from the tree; well-formed UTF-8, not empty */
    int id;
    bool special;    /* left out of decoded text */
    bool normalized; /* matched on normalised text */
};

/* While the file is read. */
struct json_file {
    const char *path;
    const cJSON *root;
    const cJSON *model, *vocab, *added; /* added may be NULL or null */
    struct arena arena;                 /* for the time of reading */
    struct string_map ids;              /* the vocabulary as written: content -> id */
    size_t n_vocab;
    int n_ids;                 /* largest id + 1, added tokens included */
    const char **contents;     /* [n_ids], borrowed from the tree; NULL: no token has this id */
    struct json_added *tokens; /* [n_tokens], the added ones */
    size_t n_tokens;
    struct error *err;
};

/* Takes no memory. */
void json_file_init(struct json_file *file, const cJSON *root, const char *path, struct error *err);
void json_file_release(struct json_file *file);

/* "out of memory while reading ..." */
enum status json_file_no_memory(const struct json_file *file);

/* A component of the pipeline that has to be of the one type that is implemented. */
enum status json_file_check_component(const struct json_file *file, const char *name,
                                      const char *type, bool may_be_null);

/* Finds model, vocab and added_tokens, and checks that each is what it should be. */
enum status json_file_find_parts(struct json_file *file);

/* The model is BPE and none of the named options (missing, null, false, 0 and "" are "off") is set.
 */
enum status json_file_check_model(const struct json_file *file, const char *const *options,
                                  size_t n_options);

/* Reads vocab: ids, n_vocab, n_ids, contents. */
enum status json_file_read_vocabulary(struct json_file *file);

/* Reads merges into a table whose memory comes from arena; the rank is the place in the list. */
enum status json_file_read_merges(struct json_file *file, struct merge_table *table,
                                  struct arena *arena);

/* Reads added_tokens: tokens, and contents and n_ids are completed. */
enum status json_file_read_added(struct json_file *file);

#endif
