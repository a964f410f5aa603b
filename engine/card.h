/* engine/card.h - model.json: which parts a model has, in which files, with which sizes.
 *
 * The card holds every hyper-parameter, so that nothing else has to be guessed: neither those that
 * tensor shapes tell (checked when weights are bound) nor those they cannot.  A part's own kind
 * names the members it needs (struct card_key), so reading, checking and writing follow from its
 * table. */
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

/* A member of a part in model.json: where it lies in the part's struct, and its range. */
enum card_type {
    CARD_INT,  /* int, low to high */
    CARD_REAL, /* double, low to high */
    CARD_FLAG, /* bool; false where model.json does not name it */
    CARD_TEXT  /* const char * */
};
struct card_key {
    const char *name; /* NULL ends a table */
    size_t offset;
    enum card_type type;
    double low, high;
};

/* More than any release has: they bound what a damaged card can cost. */
enum {
    CARD_MAX_SIDE = 4096,
    CARD_MAX_PATCHES = 1 << 14,
    CARD_MAX_WIDTH = 1 << 20,
    CARD_MAX_LAYERS = 4096,
    CARD_MAX_IDS = 1 << 24,
    CARD_MAX_STATE = 256, /* the scans keep a state or window in fixed memory */
    CARD_MAX_CONV = 8
};
#define CARD_MIN_EPS 1e-12
#define CARD_MAX_EPS 0.1

/* The files that hold a part's tensors, and what stands in front of their names. */
struct card_weights {
    const char *files[CARD_MAX_FILES]; /* relative to the model directory */
    size_t n_files;
    const char *prefix; /* "visual.trunk.", "model.llm_backbone.llm.", "" */
    size_t published;   /* presets: parameters of the release; 0: counted from the files */
};

/* A vision tower, as engine/vision/encoder.h runs it. */
struct card_tower {
    const char *name;    /* "dino", "siglip", "clip" */
    const char *encoder; /* row of the encoder table: "vit" */
    const char *naming;  /* how its tensors are called: "timm", "transformers" */
    struct card_weights weights;
    struct preprocess preprocess;
    int patch_size;
    int native_grid; /* side of the position table in the file; resampled if it is not the grid */
    int width, heads, mlp_width;
    int layers;             /* blocks that are run */
    double eps;             /* of the layer norms */
    const char *activation; /* engine/ops/ops.h: "gelu_erf", "gelu_tanh", "gelu_quick" */
    bool layer_scale, cls_token;
    bool cls_position; /* the position table begins with a row for the cls token: CLIP */
    bool pre_norm;     /* a layer norm before the first block: CLIP */
    bool patch_bias;   /* the patch embedding has a bias: all but CLIP */
    int registers;
    int skip_patches; /* rows left out in front: 1 in TinyLLaVA Factory, which takes the first patch
                         for a cls token */
};

struct card_connector {
    const char *kind; /* row of the connector table: "gelu-mlp", "ldpnetv2", "mamba2-scan" */
    struct card_weights weights;
    int in_width, out_width;
    /* What follows is in model.json where the kind's table names it. */
    int hidden_width; /* between the first two linears */
    double eps;       /* of the layer norms */
    const char *tail; /* mamba2-scan: the connector behind the scan */
    int blocks, inner_width, state_size, conv_width, head_dim; /* mamba2-scan */
};

struct card_lm {
    const char *family; /* row of the language model table: "mamba", "mamba2", "llama", "phi" */
    struct card_weights weights;
    int width, layers;
    int vocabulary;      /* rows of embedding and head */
    double eps;          /* of the norms */
    int bos;             /* token in front of every prompt; -1: none */
    int eos;             /* token that ends an answer */
    int max_text_tokens; /* longer prompts are cut on the right */
    int max_positions;   /* trained positions; 0: no such limit */
    /* What follows is in model.json where the family's table names it. */
    int inner_width, state_size, conv_width, dt_rank; /* Mamba, Mamba-2 */
    int head_dim;                                     /* Mamba-2, Transformers */
    int heads, kv_heads, mlp_width, rope_dims;        /* Transformers */
    double rope_theta;
    bool head_bias; /* the head has one: Phi-2, unless its release dropped it */
};

struct card {
    const char *name;      /* "cobra+3b" */
    const char *family;    /* "cobra": the release's prompts; protocols may differ by it */
    const char *directory; /* "" for a preset: then there are no files */
    const char *tokenizer; /* file; NULL: none (random weights without one) */
    bool clean_up;         /* the tokenizer's clean_up_tokenization_spaces */
    const char *template;  /* row of the chat template table: "zephyr", "vicuna" */
    int image_size;
    size_t n_towers;
    struct card_tower towers[CARD_MAX_TOWERS];
    struct card_connector connector;
    struct card_lm lm;
};

/* Members of every tower, connector and language model; a kind's own table comes on top. */
extern const struct card_key card_tower_keys[], card_connector_keys[], card_lm_keys[];

/* Feature rows that the towers give for a picture, and the rows it takes in the language model
 * behind the connector; 0 where the card is not in order. */
int card_patches(const struct card *card);
int card_image_tokens(const struct card *card);

/* Reads and checks directory/model.json, or detects the layout of directory if there is none.
 * Strings belong to the arena.  Errors: NOT_FOUND, BAD_FORMAT, UNSUPPORTED; they name the file and
 * the member. */
enum status card_open(struct card *card, const char *directory, struct arena *arena,
                      struct error *err);

/* Recognises an official layout (engine/card/detect.h lists them) and fills the card from config
 * files, names and shapes of tensors.  Errors: NOT_FOUND (no layout fits: the sentence lists what
 * each would need; a shard or tower is missing), BAD_FORMAT, MISMATCH, UNSUPPORTED. */
enum status card_detect(struct card *card, const char *directory, struct arena *arena,
                        struct error *err);
/* The same where what configs say may be wrong: numbers that contradict the tensors are replaced by
 * ones that fit, and the card is not checked.  The caller knows better, and checks. */
enum status card_detect_shapes(struct card *card, const char *directory, struct arena *arena,
                               struct error *err);

/* A built-in card: the released systems at full size.  "cobra-3b" is understood for "cobra+3b". */
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

/* Parameters that opening the model binds, from the card alone: the language model's, and those of
 * towers and connector.  Errors: those of opening, NO_MEMORY. */
enum status card_count(const struct card *card, size_t *lm, size_t *vision, struct error *err);

/* For `model show`: a table of parts, files, tensors' shapes, parameters (published and used) and
 * bytes per precision, as text or JSON.  Used parameters are those that opening the model binds. */
enum status card_describe(const struct card *card, bool json, struct text *out, struct error *err);

#endif
