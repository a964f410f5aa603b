/* engine/card/detect.h - recognising the layouts in which systems are released.
 *
 * To add a layout: write layout_<name>.c with a struct card_layout and give it a row in detect.c.
 *
 * Sizes come from the tensors' shapes; what these do not tell, from the configs; what neither
 * tells, from what the released systems have in common. */
#ifndef MAMBENCH_ENGINE_CARD_DETECT_H
#define MAMBENCH_ENGINE_CARD_DETECT_H

#include "engine/card.h"
#include "engine/card/shards.h"

/* What detection works with. */
struct detection {
    struct card *card;
    const char *directory;
    const char *where;   /* "DIR/config.json" */
    const cJSON *config; /* its root; NULL where there is none */
    bool shapes_only;    /* numbers of configs that do not fit the tensors are left aside */
    struct arena *arena;
    struct error *err;
};

struct card_layout {
    const char *name;
    const char *needs; /* in words, for a directory that no layout fits */
    bool (*recognises)(const struct detection *d);
    /* Fills the card; name, directory and checks are the caller's.  Errors name the file. */
    enum status (*detect)(const struct detection *d);
};

/* Files. */

bool detect_has_file(const struct detection *d, const char *name);
/* The first of the places (NULL-terminated) where a file is; NULL if none. */
const char *detect_place(const struct detection *d, const char *const *places);
/* NOT_FOUND, or NO_MEMORY if that is why nothing was found. */
enum status detect_missing(const struct detection *d, const char *what, const char *where);
enum status detect_no_memory(const struct detection *d);

/* A JSON file of the directory; *root is NULL where there is none, else the caller deletes it.
 * *where is its path. */
enum status detect_read(const struct detection *d, const char *name, cJSON **root,
                        const char **where);

/* Members that may be missing or null: *out stays.  Errors: BAD_FORMAT for another type. */
enum status detect_int(const struct detection *d, const cJSON *object, const char *key,
                       const char *where, int *out);
enum status detect_number(const struct detection *d, const cJSON *object, const char *key,
                          const char *where, double *out);

/* Parts. */

/* A tower as timm names it, in one file with its open_clip_config.json or config.json beside it;
 * width to mlp_width, layers, heads; *image_size stays where no config tells it. */
enum status detect_timm(const struct detection *d, const char *file_name, struct card_tower *tower,
                        int *image_size);

/* A tower as transformers names it.  config: its vision configuration or NULL; processor: its
 * preprocessor_config.json or NULL; with their places. */
struct tower_source {
    const struct shards *shards;
    const char *prefix;
    const cJSON *config, *processor;
    const char *config_where, *processor_where;
};
enum status detect_vit(const struct detection *d, const struct tower_source *source,
                       struct card_tower *tower);
/* Whether the checkpoint holds such a tower; *prefix is what stands in front of its names. */
enum status detect_vit_prefix(const struct detection *d, const struct shards *shards,
                              const char **prefix);

/* Mamba or Mamba-2 at prefix: "backbone.layers...." */
enum status detect_mamba(const struct detection *d, const struct shards *shards,
                         const char *prefix);
/* ML-Mamba's connector at prefix, its tail named in the card. */
enum status detect_scan(const struct detection *d, const struct shards *shards, const char *prefix);

/* LLaMA or Phi at prefix: "model.layers....", with the numbers of its config (may be NULL). */
enum status detect_decoder(const struct detection *d, const struct shards *shards,
                           const char *prefix, const cJSON *config, const char *where);

/* A connector of linears at prefix; the card's kind is set already. */
enum status detect_connector(const struct detection *d, const struct shards *shards,
                             const char *prefix);

/* Sets the tokenizer's file, checks that its ids have rows, and, if end is not NULL, sets the end
 * token to the id of that string; what is missing is called so. */
enum status detect_tokenizer(const struct detection *d, const char *what, const char *const *places,
                             const char *end);

/* Hugging Face directories: what LLaVA's layout and TinyLLaVA Factory's have in common. */

/* A tower's configuration and the preprocessor's, each NULL where there is none. */
struct tower_config {
    cJSON *root, *processor; /* released with tower_config_release() */
    const cJSON *config;     /* root, a part of it, or a part of another tree */
    const char *where, *processor_where;
};
/* Reads config.json of the first of the folders (NULL-terminated) that has one, and
 * preprocessor_config.json of the model directory or one of the folders. */
enum status tower_config_read(struct tower_config *out, const struct detection *d,
                              const char *const *folders);
void tower_config_release(struct tower_config *config);

/* The tower at prefix, by what its config says; shards are its tensors. */
enum status detect_hf_tower(const struct detection *d, const struct shards *shards,
                            const char *prefix, const struct tower_config *config);
/* The language model of a checkpoint, wherever its names begin. */
enum status detect_hf_decoder(const struct detection *d, const struct shards *shards,
                              const cJSON *config, const char *where);
/* Tokenizer, clean-up, tokens at both ends, longest prompt; template. */
enum status detect_hf_text(const struct detection *d);
/* A member that must be one of two values or missing; UNSUPPORTED else. */
enum status detect_hf_expect(const struct detection *d, const cJSON *config, const char *key,
                             const char *value);

#endif
