/* engine/layers/self_attention.h - causal self-attention with rotary embedding over a cache of keys
 * and values: what the Transformer decoders share.
 *
 *     [q | k | v] = x Wqkv^T (+ b)
 *     q, k        = rotated by their positions
 *     cache       = [cache ; k, v]
 *     out         = softmax(q k^T / sqrt(head_dim), causal) v Wout^T (+ b)
 *
 * Su et al. 2021 (arXiv 2104.09864) for the rotation, Ainslie et al. 2023 (arXiv 2305.13245) for
 * grouped keys and values. */
#ifndef MAMBENCH_ENGINE_LAYERS_SELF_ATTENTION_H
#define MAMBENCH_ENGINE_LAYERS_SELF_ATTENTION_H

#include "engine/models/lm.h"

/* More than any release has: every size that follows fits in an int. */
enum { SELF_ATTENTION_MAX_HEADS = 4096 };

/* Hyper-parameters in struct card_lm that every such decoder has, for its table of keys. */
#define SELF_ATTENTION_KEYS                                                                        \
    {"heads", offsetof(struct card_lm, heads), CARD_INT, 1, SELF_ATTENTION_MAX_HEADS},             \
        {"kv_heads", offsetof(struct card_lm, kv_heads), CARD_INT, 1, SELF_ATTENTION_MAX_HEADS},   \
        {"head_dim", offsetof(struct card_lm, head_dim), CARD_INT, 1, OPS_MAX_HEAD},               \
        {"mlp_width", offsetof(struct card_lm, mlp_width), CARD_INT, 1, CARD_MAX_WIDTH},           \
        {"rope_dims", offsetof(struct card_lm, rope_dims), CARD_INT, 2, OPS_MAX_HEAD},             \
    {                                                                                              \
        "rope_theta", offsetof(struct card_lm, rope_theta), CARD_REAL, 1, 1e12                     \
    }

/* Whether the heads of a card fit together; place names the card in errors.  Errors: MISMATCH. */
enum status self_attention_check(const struct card_lm *card, const char *place, struct error *err);

/* One layer's weights. */
struct self_attention {
    struct linear qkv; /* [(heads + 2 kv_heads) * head_dim, width]: rows of q, k, v */
    struct linear out; /* [width, heads * head_dim] */
};

void self_attention_release(struct self_attention *layer);

/* The cache's slabs in lm: one for each layer, keys or values, and kv head. */
void self_attention_size_cache(struct lm *lm, const struct card_lm *card, enum matmul_type type);

/* 1 / theta^(2i / rope_dims), [rope_dims / 2], formed in f32 as the references do; in the arena.
 * Errors: NO_MEMORY. */
enum status self_attention_frequencies(const struct card_lm *card, struct arena *arena,
                                       const float **out, struct error *err);

/* Products for so many rows; need is added to: the scratch of self_attention_begin() and _run(). */
enum status self_attention_prepare(const struct self_attention *layer, const struct card_lm *card,
                                   struct compute *compute, int rows, size_t *need,
                                   struct error *err);

/* What the layers of one forward() share. */
struct attention_pass {
    const struct lm *lm;
    const struct card_lm *card;
    struct compute *compute;
    const struct lm_span *spans;
    size_t n_spans;
    int rows;
    float *angles; /* [rows, rope_dims]: cosines and sines of every row's position */
    float *qkv;    /* [rows, (heads + 2 kv_heads) * head_dim] */
    float *mixed;  /* [rows, heads * head_dim] */
};

/* Takes scratch memory, which the caller releases, and computes the rows' angles. */
void self_attention_begin(struct attention_pass *pass, const float *frequencies);

/* out [rows, width] = attention of x [rows, width]; the spans' caches get the layer's keys and
 * values of these rows. */
void self_attention_run(const struct self_attention *layer, struct attention_pass *pass, int index,
                        const float *x, float *out);

/* lm_family.view_state of such a decoder: "k" (rotated) and "v" of each layer, [kv_heads *
 * positions, head_dim]. */
int self_attention_view(const struct lm *lm, const struct card_lm *card,
                        const struct lm_state *state, int index, struct lm_state_view *view,
                        float *values);

#endif
