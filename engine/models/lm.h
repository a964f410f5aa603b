/* engine/models/lm.h - what a language model family must provide.
 *
 * To add a family: write engine/models/<name>.c, list it in engine/models/registry.c, name its
 * hyper-parameters in its own table (new ones get a place in engine/card.h's struct card_lm), and
 * give tests/ the reference logits of one small checkpoint. */
#ifndef MAMBENCH_ENGINE_MODELS_LM_H
#define MAMBENCH_ENGINE_MODELS_LM_H

#include "engine/card.h"
#include "engine/ops/compute.h"
#include "engine/weights.h"

#include <stdbool.h>
#include <stddef.h>

struct lm_family;

/* A loaded language model, read-only.  Each family embeds this as the first member of its own
 * struct and fills it in open(). */
struct lm {
    const struct lm_family *family;
    int width, vocabulary;
    struct embedding embedding;
    struct linear head; /* [vocabulary, width]; packed from the embedding where the two are tied */
    /* A sequence's state: so many floats however long it is (recurrent models), and so many slabs
     * [positions, slab_width] of keys or values (Transformers); a hybrid has both. */
    size_t fixed_floats;
    int n_slabs, slab_width;
    enum cache_type cache_type;
};

/* What a sequence leaves behind: one mutable timeline. */
struct lm_state {
    int n_positions; /* rows read so far */
    int capacity;    /* positions that the cache has room for */
    float *fixed;    /* [fixed_floats] */
    void *cache;     /* [n_slabs, capacity, slab_width] of the model's cache type */
};

/* An empty state.  The caller releases it.  Errors: NO_MEMORY. */
enum status lm_state_open(struct lm_state *state, const struct lm *lm, struct error *err);
void lm_state_release(struct lm_state *state);
void lm_state_reset(struct lm_state *state, const struct lm *lm);
/* Room for so many positions in all, so that nothing is allocated between two tokens.  What was
 * read stays.  Errors: NO_MEMORY; the state is then as before. */
enum status lm_state_reserve(struct lm_state *state, const struct lm *lm, int positions,
                             struct error *err);
/* Makes to the same as from, with room for at least what from has read.  Errors: NO_MEMORY. */
enum status lm_state_copy(struct lm_state *to, const struct lm_state *from, const struct lm *lm,
                          struct error *err);
/* As if so many positions had been read: random numbers in [-1, 1).  Errors: NO_MEMORY; the state
 * is then empty. */
enum status lm_state_fill(struct lm_state *state, const struct lm *lm, int positions, uint64_t seed,
                          struct error *err);
/* Bit for bit. */
bool lm_state_equal(const struct lm_state *a, const struct lm_state *b, const struct lm *lm);
/* Bytes that a state takes behind so many positions. */
size_t lm_state_bytes(const struct lm *lm, int positions);
/* The first position of a slab, and the distance between slabs in elements. */
void *lm_slab(const struct lm *lm, const struct lm_state *state, int slab);
size_t lm_slab_stride(const struct lm *lm, const struct lm_state *state);

/* Rows of one sequence inside the activation matrix, and the state they continue, which has room
 * for them. */
struct lm_span {
    int first_row, n_rows;
    struct lm_state *state;
};

/* One state's tensors, for comparison with a reference: [rows, columns], row-major. */
struct lm_state_view {
    const char *name; /* "conv", "ssm", "k", "v" */
    int layer, rows, columns;
};

struct lm_family {
    const char *name; /* as in model.json: "mamba" */
    /* Its hyper-parameters in struct card_lm, beyond those of every family. */
    const struct card_key *keys;
    /* What ranges cannot say, "the heads divide the width" for instance; NULL: nothing.  place
     * names the card in errors. */
    enum status (*check)(const struct card_lm *card, const char *place, struct error *err);

    /* Binds every weight by name and checks its shape against the card, so that nothing after open
     * can meet a missing or misshapen tensor.  On success *out is closed with close(). */
    enum status (*open)(struct lm **out, const struct card_lm *card, struct weights *weights,
                        struct error *err);
    void (*close)(struct lm *lm);

    /* Rows at multiples of which a sequence may be cut without changing a bit; NULL: anywhere. */
    int (*chunk)(const struct ops *ops);

    /* Makes the products and scratch memory for matrices of so many rows.  need is added to: the
     * scratch floats of forward(). */
    enum status (*prepare)(const struct lm *lm, struct compute *compute, int rows, size_t *need,
                           struct error *err);

    /* Advances every span's state by its rows of x [rows, width], embeddings that are overwritten
     * with what enters the head (the final norm applied).  At most LM_MAX_SPANS.  Called through
     * lm_forward(), which counts positions: state->n_positions is still that before the rows. */
    void (*forward)(const struct lm *lm, struct compute *compute, const struct lm_span *spans,
                    size_t n_spans, float *x, int rows);

    /* For index = 0, 1, ... describes a tensor of the state and copies it to values
     * [rows * columns] if that is not NULL; 0 when there is no such index. */
    int (*view_state)(const struct lm *lm, const struct lm_state *state, int index,
                      struct lm_state_view *view, float *values);
};

/* Sequences that forward() takes at once. */
enum { LM_MAX_SPANS = 64 };

extern const struct lm_family *const lm_families[]; /* NULL-terminated */
const struct lm_family *lm_family_find(const char *name);

/* The family's forward(), and the states' positions behind it. */
void lm_forward(const struct lm *lm, struct compute *compute, const struct lm_span *spans,
                size_t n_spans, float *x, int rows);

/* lm_family.chunk() or 1. */
int lm_chunk(const struct lm *lm, const struct ops *ops);

/* y[r] = embedding of ids[r]; [n, width].  Ids must be below the vocabulary. */
void lm_embed(const struct lm *lm, const struct compute *compute, const int *ids, int n, float *y);

/* Logits of rows that forward() left: [rows, vocabulary] with room for padded rows. */
void lm_logits(const struct lm *lm, struct compute *compute, const float *x, int rows,
               float *logits);

#endif
