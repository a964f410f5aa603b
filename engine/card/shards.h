/* engine/card/shards.h - the tensors of one checkpoint, in one file or several with an index. */
#ifndef MAMBENCH_ENGINE_CARD_SHARDS_H
#define MAMBENCH_ENGINE_CARD_SHARDS_H

#include "engine/base/arena.h"
#include "engine/card.h"
#include "engine/formats/tensor_file.h"

/* Open files, and what to call them together in errors: the file's path, or the index's. */
struct shards {
    const char *place;
    size_t n;
    const char *names[CARD_MAX_FILES]; /* relative to the model directory */
    struct tensor_file *files[CARD_MAX_FILES];
};

/* Opens one file. The caller closes *out; after an error there is nothing to close. */
enum status shards_open_file(struct shards *out, const char *directory, const char *name,
                             struct arena *arena, struct error *err);

/* Opens the checkpoint in folder ("" or "clip") of the model directory, as transformers looks for
 * it: model.safetensors, model.safetensors.index.json, pytorch_model.bin,
 * pytorch_model.bin.index.json.  An index and its shards must name the same tensors, and each file
 * of the shards' pattern must be one of them.  Errors: NOT_FOUND (no checkpoint: the sentence lists
 * the names; a shard is missing), BAD_FORMAT, MISMATCH, UNSUPPORTED. */
enum status shards_open(struct shards *out, const char *directory, const char *folder,
                        struct arena *arena, struct error *err);
void shards_close(struct shards *shards);

/* Whether folder has any of the files that shards_open() looks for. */
bool shards_exist(const char *directory, const char *folder, struct arena *arena);

/* The tensor called prefix + name, or NULL; *file (may be NULL) is the file that holds it. */
const struct tensor_view *shards_find(const struct shards *shards, const char *prefix,
                                      const char *name, const struct tensor_file **file);
bool shards_have(const struct shards *shards, const char *prefix, const char *name);

/* What stands in front of end in the one name that ends so; *prefix is NULL if there is none.
 * Errors: MISMATCH (several), NO_MEMORY. */
enum status shards_prefix(const struct shards *shards, const char *end, struct arena *arena,
                          const char **prefix, struct error *err);

/* Dimension i of a tensor.  Errors: NOT_FOUND, MISMATCH (fewer dimensions, or an absurd size). */
enum status shards_dimension(const struct shards *shards, const char *prefix, const char *name,
                             int i, int *size, struct error *err);

/* How many layers prefix + stem + "0.", "1.", ... there are.  Errors: MISMATCH (none, or one is
 * missing in the middle). */
enum status shards_layers(const struct shards *shards, const char *prefix, const char *stem, int *n,
                          struct error *err);

/* Sets files and prefix of a part: the files that hold a name with the prefix. */
void shards_assign(const struct shards *shards, const char *prefix, struct card_weights *out);

#endif
