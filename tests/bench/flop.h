/* tests/bench/flop.h - counted operations of a card's parts: 2 x rows x weights of the products.
 * Attention, scans and norms count nothing; of a connector its MLP does. */
#ifndef MAMBENCH_TESTS_BENCH_FLOP_H
#define MAMBENCH_TESTS_BENCH_FLOP_H

#include "engine/card.h"

#include <string.h>

/* Weights of the products of one decoder layer; 0 for a family that is not known here. */
static inline double flop_layer_weights(const struct card_lm *lm)
{
    double inner = lm->inner_width, width = lm->width, queries = lm->heads * lm->head_dim;
    double attention = width * (2 * queries + 2.0 * lm->kv_heads * lm->head_dim);
    if (strcmp(lm->family, "mamba") == 0)
        return 3 * inner * width + inner * (lm->dt_rank + 2 * lm->state_size) + inner * lm->dt_rank;
    if (strcmp(lm->family, "mamba2") == 0)
        return width * (3 * inner + 2 * lm->state_size + inner / lm->head_dim);
    if (strcmp(lm->family, "llama") == 0)
        return attention + 3 * width * lm->mlp_width;
    if (strcmp(lm->family, "phi") == 0)
        return attention + 2 * width * lm->mlp_width;
    return 0;
}

/* All towers, one picture: patches, and blocks of rows with cls token and registers. */
static inline double flop_towers(const struct card *card)
{
    double flop = 0;
    for (size_t i = 0; i < card->n_towers; i++) {
        const struct card_tower *t = &card->towers[i];
        double grid = t->preprocess.size / t->patch_size, w = t->width;
        double rows = grid * grid + t->registers + (t->cls_token ? 1 : 0);
        flop += 2 * grid * grid * w * 3 * t->patch_size * t->patch_size;
        flop += 2 * rows * t->layers * (4 * w * w + 2 * w * t->mlp_width);
    }
    return flop;
}

/* The connector's MLP, one picture. */
static inline double flop_connector(const struct card *card)
{
    const struct card_connector *c = &card->connector;
    double in = c->in_width, hidden = c->hidden_width, out = c->out_width;
    double weights = hidden > 0 ? in * hidden + hidden * out + out * out : in * out + out * out;
    return 2.0 * card_patches(card) * weights;
}

#endif
