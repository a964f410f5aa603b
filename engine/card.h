/* engine/card.h - model.json: which parts a model has, in which files, with which sizes.
 *
 * The card holds every hyper-parameter, so that nothing else has to be guessed: neither those that
 * tensor shapes tell (checked when weights are bound) nor those they cannot. */
#ifndef MAMBENCH_ENGINE_CARD_H
#define MAMBENCH_ENGINE_CARD_H

#include "engine/base/arena.h"
#include "engine/base/error.h"
#include "engine/base/text.h"
#include "engine/image/preprocess.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

enum { CARD_MAX_TOWERS = 2, CARD_MAX_FILES = 64 };

/* The files that hold a part's tensors, and what stands in front of their names. */
struct card_weights {
    const char *files[CARD_MAX_FILES]; /* relative to the model directory */
    size_t n_files;
    const char *prefix; /* "visual.trunk.", "model.llm_backbone.llm.", "" */
};

/* A vision tower, as engine/vision/encoder.h runs it. */
struct card_tower {
    const char *name;    /* "dino", "siglip" */
    const char *encoder; /* row of the encoder table: "vit" */
    struct card_weights weights;
    struct preprocess preprocess;
    int patch_size;
    int native_grid; /* side of the position table in the file; resampled if it is not the grid */
    int width, heads, mlp_width;
    int layers;             /* blocks that are run */
    double eps;             /* of the layer norms */
    const char *activation; /* "gelu_erf" */
    bool layer_scale, cls_token;
    int registers;
};

struct card_connector {
    const char *kind; /* row of the connector table: "linear", "gelu-mlp", "fused-gelu-mlp",
                         "fused-ldpnet" */
    struct card_weights weights;
    int in_width, hidden_width, out_width;
};

struct card_lm {
    const char *family; /* row of the language model table: "mamba" */
    struct card_weights weights;
    int width, layers, inner_width, state_size, conv_width, dt_rank;
    int vocabulary; /* rows of embedding and head */
    double eps;
    int eos;             /* token that ends an answer */
    int max_text_tokens; /* longer prompts are cut on the right */
};

struct card {
    const char *name;      /* "cobra+3b" */
    const char *family;    /* "cobra" */
    const char *directory; /* "" for a preset: then there are no files */
    const char *tokenizer; /* file; NULL: none (random weights without one) */
    bool clean_up;         /* the tokenizer's clean_up_tokenization_spaces */
    const char *template;  /* row of the chat template table: "zephyr", "in-out" */
    int image_size;
    size_t n_towers;
    struct card_tower towers[CARD_MAX_TOWERS];
    struct card_connector connector;
    struct card_lm lm;
};

/* Number of patches along one side: image_size / patch_size of the towers. */
int card_grid(const struct card *card);
/* Rows that one image takes in the language model, after the connector. */
int card_image_tokens(const struct card *card);

/* Reads and checks directory/model.json, or detects the layout of directory if there is none.
 * Strings belong to the arena.  Errors: NOT_FOUND, BAD_FORMAT, UNSUPPORTED; they name the file and
 * the member. */
enum status card_open(struct card *card, const char *directory, struct arena *arena,
                      struct error *err);

/* Detects an official layout (today: Cobra's config.json + checkpoints/latest-checkpoint.pt, with
 * the towers' and tokenizer's files in the same directory) and fills the card from names, tensor
 * shapes and the files beside them. */
enum status card_detect(struct card *card, const char *directory, struct arena *arena,
                        struct error *err);

/* A built-in card: the released systems at full size. */
enum status card_preset(struct card *card, const char *name, struct arena *arena,
                        struct error *err);
/* Names for card_preset(), NULL-terminated. */
extern const char *const card_preset_names[];

/* Appends the card as the text of model.json. */
void card_write(const struct card *card, struct text *out);

/* Reads a card from the text of a model.json; place names it in errors. */
enum status card_parse(struct card *card, const char *data, size_t length, const char *place,
                       struct arena *arena, struct error *err);

/* Whether numbers are in range, names known and parts agree, wherever the card comes from; place
 * names it in errors.  Errors: BAD_FORMAT, UNSUPPORTED, MISMATCH. */
enum status card_check(const struct card *card, const char *place, struct error *err);

/* For `model show`: a table of parts, files, tensors' shapes, parameters (in the files and used)
 * and bytes per precision, as text or JSON.  A preset has no files: counts come from the shapes. */
enum status card_describe(const struct card *card, bool json, struct text *out, struct error *err);

#endif
