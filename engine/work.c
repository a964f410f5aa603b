#include "engine/work.h"

#include "engine/session.h"

#include <string.h>

double work_layer_weights(const struct card_lm *lm)
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

static double tower_patches(const struct card_tower *tower)
{
    double side = tower->preprocess.size / tower->patch_size;
    return side * side;
}

static double tower_rows(const struct card_tower *tower)
{
    return tower_patches(tower) + tower->registers + (tower->cls_token ? 1 : 0);
}

double work_tower(const struct card_tower *tower)
{
    double width = tower->width, patch = tower->patch_size;
    return 2 * tower_patches(tower) * width * 3 * patch * patch +
           2 * tower_rows(tower) * tower->layers *
               (4 * width * width + 2 * width * tower->mlp_width);
}

double work_towers(const struct card *card)
{
    double flop = 0;
    for (size_t i = 0; i < card->n_towers; i++)
        flop += work_tower(&card->towers[i]);
    return flop;
}

double work_connector(const struct card *card)
{
    const struct card_connector *c = &card->connector;
    double in = c->in_width, hidden = c->hidden_width, out = c->out_width;
    double weights = hidden > 0 ? in * hidden + hidden * out + out * out : in * out + out * out;
    return 2.0 * card_patches(card) * weights;
}

/* Products between a connector's features and its rows, by kind; 0 for one not known here. */
static double connector_flop(const struct card *card, const struct card_connector *c)
{
    double in = c->in_width, hidden = c->hidden_width, out = c->out_width, inner = c->inner_width;
    double patches = card_patches(card), tokens = card_image_tokens(card), weights = 0;
    if (strcmp(c->kind, "linear") == 0)
        weights = in * out;
    else if (strcmp(c->kind, "gelu-mlp") == 0 || strcmp(c->kind, "ldpnetv2") == 0 ||
             strcmp(c->kind, "fused-ldpnet") == 0)
        weights = in * (hidden > 0 ? hidden : out) + (hidden > 0 ? hidden : out) * out;
    else if (strcmp(c->kind, "fused-gelu-mlp") == 0)
        weights = in * hidden + hidden * out + out * out;
    else if (strcmp(c->kind, "ldpnet") == 0)
        return 2 * (patches * (in * out + 2 * out * out) + tokens * out * out);
    else if (strcmp(c->kind, "mamba2-scan") == 0) {
        struct card_connector tail = *c;
        tail.kind = c->tail;
        tail.in_width = c->out_width;
        double mixer =
            out * (3 * inner + 2 * c->state_size + inner / c->head_dim) +
            2 * (3 * inner * c->state_size + (inner + 2 * c->state_size) * c->conv_width);
        return 2 * patches * (in * out + c->blocks * (mixer + 3 * out * out)) +
               connector_flop(card, &tail);
    }
    return 2 * patches * weights;
}

struct work engine_tower_work(const struct engine *engine, size_t index, int pictures)
{
    const struct card_tower *tower = &engine->card.towers[index];
    double rows = tower_rows(tower);
    double attention = 4 * rows * rows * tower->width * tower->layers;
    return (struct work){pictures * (work_tower(tower) + attention),
                         pictures * (double)engine->info.tower_bytes[index]};
}

struct work engine_connector_work(const struct engine *engine, int pictures)
{
    return (struct work){pictures * connector_flop(&engine->card, &engine->card.connector),
                         pictures * (double)engine->info.connector_bytes};
}

/* Multiplications of one row of one layer that are no matrix product: convolution and scan. */
static double scan_products(const struct card_lm *lm)
{
    double channels = lm->inner_width;
    if (strcmp(lm->family, "mamba2") == 0)
        channels += 2.0 * lm->state_size;
    else if (strcmp(lm->family, "mamba") != 0)
        return 0;
    return 3.0 * lm->inner_width * lm->state_size + channels * lm->conv_width;
}

struct work engine_rows_work(const struct engine *engine, int sequences, int rows, int positions,
                             int logits)
{
    const struct card_lm *lm = &engine->card.lm;
    const struct engine_info *info = &engine->info;
    double n = (double)sequences * rows, seen = positions + (rows + 1) / 2.0;
    double head = (double)lm->vocabulary * lm->width;
    double flop = 2 * n * lm->layers * (work_layer_weights(lm) + scan_products(lm)) +
                  2.0 * sequences * logits * head;
    if (info->cache_bytes_per_token > 0)
        flop += 4 * n * seen * lm->layers * lm->heads * lm->head_dim;
    double bytes = (double)info->token_bytes - (logits ? 0 : (double)info->head_bytes);
    bytes += 2.0 * sequences * (double)info->state_bytes;
    bytes += (double)sequences * (positions + rows) * (double)info->cache_bytes_per_token;
    return (struct work){flop, bytes};
}
