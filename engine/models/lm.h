/* engine/models/lm.h - what a language model family must provide.
 *
 * To add a family: write engine/models/<name>.c, list it in engine/models/registry.c, give its
 * hyper-parameters a place in engine/card.h, and tests/ the reference logits of one small
 * checkpoint. */
#ifndef MAMBENCH_ENGINE_MODELS_LM_H
#define MAMBENCH_ENGINE_MODELS_LM_H

#include "engine/card.h"
#include "engine/ops/compute.h"
#include "engine/weights.h"

#include <stddef.h>

struct lm_family;

/* A loaded language model, read-only.  Each family embeds this as the first member of its own
 * struct. */
struct lm {
    const struct lm_family *family;
    int width, vocabulary;
    struct embedding embedding; /* tied: the table and the head */
};

/* Rows of one sequence inside the activation matrix, and the state they continue. */
struct lm_span {
    int first_row, n_rows;
    void *state;
};

/* One state's tensors, for comparison with a reference: [rows, columns], row-major. */
struct lm_state_view {
    const char *name; /* "conv", "ssm" */
    int layer, rows, columns;
};

struct lm_family {
    const char *name; /* as in model.json: "mamba" */

    /* Binds every weight by name and checks its shape against the card, so that nothing after open
     * can meet a missing or misshapen tensor.  On success *out is closed with close(). */
    enum status (*open)(struct lm **out, const struct card_lm *card, struct weights *weights,
                        struct error *err);
    void (*close)(struct lm *lm);

    /* State of one sequence: its size, making it empty, copying it. */
    size_t (*state_bytes)(const struct lm *lm);
    void (*reset)(const struct lm *lm, void *state);
    void (*copy)(const struct lm *lm, void *to, const void *from);

    /* Makes the products and scratch memory for matrices of so many rows.  need is added to: the
     * scratch floats of forward(). */
    enum status (*prepare)(const struct lm *lm, struct compute *compute, int rows, size_t *need,
                           struct error *err);

    /* Advances every span's state by its rows of x [rows, width], embeddings that are overwritten
     * with what enters the head (the final norm applied).  max_spans: lm_max_spans. */
    void (*forward)(const struct lm *lm, struct compute *compute, const struct lm_span *spans,
                    size_t n_spans, float *x, int rows);

    /* For index = 0, 1, ... describes a tensor of the state and copies it to values
     * [rows * columns] if that is not NULL; 0 when there is no such index. */
    int (*view_state)(const struct lm *lm, const void *state, int index, struct lm_state_view *view,
                      float *values);
};

/* Sequences that forward() takes at once. */
enum { LM_MAX_SPANS = 64 };

extern const struct lm_family *const lm_families[]; /* NULL-terminated */
const struct lm_family *lm_family_find(const char *name);

/* y[r] = embedding of ids[r]; [n, width].  Ids must be below the vocabulary. */
void lm_embed(const struct lm *lm, const struct compute *compute, const int *ids, int n, float *y);

/* Logits of rows that forward() left: [rows, vocabulary] with room for padded rows. */
void lm_logits(const struct lm *lm, struct compute *compute, const float *x, int rows,
               float *logits);

#endif
