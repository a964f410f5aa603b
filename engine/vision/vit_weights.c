/* engine/vision/vit_weights.c - where timm (models/vision_transformer.py @0.9.10) and Transformers
 * (models/clip/modeling_clip.py, models/siglip/modeling_siglip.py @4.37.2) keep a ViT's tensors. */
#include "engine/vision/vit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Names behind the part's prefix; NULL: there is no such tensor. */
struct naming {
    const char *name;
    const char *patch_embed, *positions, *cls, *registers, *pre_norm;
    const char *blocks; /* before a block's number */
    const char *norm1, *norm2, *proj, *fc1, *fc2, *ls1, *ls2;
    const char *qkv[3]; /* one matrix, or three that are joined */
    int n_qkv;
};

static const struct naming namings[] = {
    {
        .name = "timm",
        .patch_embed = "patch_embed.proj",
        .positions = "pos_embed",
        .cls = "cls_token",
        .registers = "reg_token",
        .pre_norm = "norm_pre",
        .blocks = "blocks",
        .norm1 = "norm1",
        .norm2 = "norm2",
        .proj = "attn.proj",
        .fc1 = "mlp.fc1",
        .fc2 = "mlp.fc2",
        .ls1 = "ls1.gamma",
        .ls2 = "ls2.gamma",
        .qkv = {"attn.qkv"},
        .n_qkv = 1,
    },
    {
        .name = "transformers",
        .patch_embed = "embeddings.patch_embedding",
        .positions = "embeddings.position_embedding.weight",
        .cls = "embeddings.class_embedding",
        .pre_norm = "pre_layrnorm", /* so in the releases */
        .blocks = "encoder.layers",
        .norm1 = "layer_norm1",
        .norm2 = "layer_norm2",
        .proj = "self_attn.out_proj",
        .fc1 = "mlp.fc1",
        .fc2 = "mlp.fc2",
        .qkv = {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"},
        .n_qkv = 3,
    },
};
enum { N_NAMINGS = sizeof namings / sizeof namings[0] };

static enum status find_naming(const struct card_tower *card, const struct naming **out,
                               struct error *err)
{
    for (int i = 0; i < N_NAMINGS; i++)
        if (strcmp(namings[i].name, card->naming) == 0)
            *out = &namings[i];
    if (!*out)
        return fail(err, STATUS_UNSUPPORTED,
                    "tower %s: there is no naming '%s', only timm and transformers", card->name,
                    card->naming);
    return STATUS_OK;
}

/* Options that have no tensors, or that contradict each other. */
static enum status check_options(const struct vit *vit, const struct naming *naming,
                                 struct error *err)
{
    const struct card_tower *card = &vit->card;
    const char *missing = card->registers > 0 && !naming->registers ? "registers"
                          : card->layer_scale && !naming->ls1       ? "layer_scale"
                                                                    : NULL;
    if (missing)
        return fail(err, STATUS_UNSUPPORTED, "tower %s: the naming %s has no tensors for \"%s\"",
                    card->name, naming->name, missing);
    if (card->cls_position && !card->cls_token)
        return fail(err, STATUS_MISMATCH,
                    "tower %s: \"cls_position\" is there, but no \"cls_token\"", card->name);
    if (card->cls_position && card->native_grid != vit->grid)
        return fail(err, STATUS_UNSUPPORTED,
                    "tower %s: its position table of 1 + %d x %d rows cannot be resampled to %d x "
                    "%d, \"cls_position\" does not allow it",
                    card->name, card->native_grid, card->native_grid, vit->grid, vit->grid);
    if (vit->encoder.n_patches < 1)
        return fail(err, STATUS_MISMATCH, "tower %s: of %d x %d patches %d are skipped", card->name,
                    vit->grid, vit->grid, card->skip_patches);
    return STATUS_OK;
}

/* The position table, resampled if its grid is another than the picture's; *cls is the cls token's
 * row of it, or NULL. */
static enum status open_positions(struct vit *vit, const char *name, const float **cls,
                                  struct weights *weights, struct error *err)
{
    int native = vit->card.native_grid, width = vit->card.width;
    int extra = vit->card.cls_position ? 1 : 0;
    int shape[2] = {native * native + extra, width};
    float *table = NULL;
    enum status status = weights_floats(weights, name, shape, 2, &table, err);
    if (status)
        return status;
    *cls = extra ? table : NULL;
    vit->positions = table + (size_t)extra * (size_t)width;
    if (native == vit->grid)
        return STATUS_OK;
    size_t n = (size_t)vit->grid * (size_t)vit->grid * (size_t)width;
    float *resampled = arena_alloc(weights->arena, n, sizeof *resampled);
    if (!resampled)
        return fail(err, STATUS_NO_MEMORY, "out of memory for a position table");
    vit->positions = resampled;
    /* What the model uses is the resampled table. */
    weights->parameters -= (size_t)(native * native) * (size_t)width;
    weights->parameters += n;
    return resample_positions(table, native, resampled, vit->grid, width, err);
}

/* cls token and registers, one matrix; the token's position is added once for all. */
static enum status open_prefix(struct vit *vit, const struct naming *naming,
                               const float *cls_position, struct weights *weights,
                               struct error *err)
{
    size_t width = (size_t)vit->card.width;
    int shape[2] = {vit->card.registers, vit->card.width};
    float *cls = NULL, *registers = NULL;
    enum status status = STATUS_OK;
    if (vit->card.cls_token)
        status = weights_vector(weights, naming->cls, vit->card.width, &cls, err);
    if (!status && vit->card.registers > 0)
        status = weights_floats(weights, naming->registers, shape, 2, &registers, err);
    vit->n_prefix = (vit->card.cls_token ? 1 : 0) + vit->card.registers;
    if (status || vit->n_prefix == 0)
        return status;
    float *prefix = arena_alloc(weights->arena, (size_t)vit->n_prefix * width, sizeof *prefix);
    if (!prefix)
        return fail(err, STATUS_NO_MEMORY, "out of memory for a vision tower");
    for (size_t c = 0; cls && c < width; c++)
        prefix[c] = cls_position ? cls[c] + cls_position[c] : cls[c];
    if (registers)
        memcpy(prefix + (cls ? width : 0), registers,
               (size_t)vit->card.registers * width * sizeof *prefix);
    vit->prefix = prefix;
    return STATUS_OK;
}

static enum status open_scales(struct vit_block *block, const struct naming *naming, int width,
                               struct weights *weights, struct error *err)
{
    float *ls1 = NULL, *ls2 = NULL;
    enum status status = weights_vector(weights, naming->ls1, width, &ls1, err);
    if (!status)
        status = weights_vector(weights, naming->ls2, width, &ls2, err);
    block->ls1 = ls1;
    block->ls2 = ls2;
    return status;
}

static enum status open_qkv(struct vit_block *block, const struct naming *naming, int width,
                            struct weights *weights, struct error *err)
{
    const int n_out[3] = {3 * width / naming->n_qkv, width, width};
    return weights_linear_joined(weights, naming->qkv, n_out, naming->n_qkv, width, true,
                                 &block->qkv, err);
}

static enum status open_block(struct vit_block *block, const struct card_tower *card,
                              const struct naming *naming, struct weights *weights,
                              struct error *err)
{
    int width = card->width, inside = card->mlp_width;
    enum status status = weights_norm(weights, naming->norm1, width, &block->norm1, err);
    if (!status)
        status = open_qkv(block, naming, width, weights, err);
    if (!status)
        status = weights_linear(weights, naming->proj, width, width, true, &block->proj, err);
    if (!status)
        status = weights_norm(weights, naming->norm2, width, &block->norm2, err);
    if (!status)
        status = weights_linear(weights, naming->fc1, inside, width, true, &block->fc1, err);
    if (!status)
        status = weights_linear(weights, naming->fc2, width, inside, true, &block->fc2, err);
    if (!status && card->layer_scale)
        status = open_scales(block, naming, width, weights, err);
    return status;
}

/* What stands before the blocks. */
static enum status open_embedding(struct vit *vit, const struct naming *naming,
                                  struct weights *weights, struct error *err)
{
    const struct card_tower *card = &vit->card;
    const float *cls_position = NULL;
    enum status status = weights_linear(weights, naming->patch_embed, card->width,
                                        3 * card->patch_size * card->patch_size, card->patch_bias,
                                        &vit->patch_embed, err);
    if (!status)
        status = open_positions(vit, naming->positions, &cls_position, weights, err);
    if (!status)
        status = open_prefix(vit, naming, cls_position, weights, err);
    if (!status && card->pre_norm)
        status = weights_norm(weights, naming->pre_norm, card->width, &vit->pre_norm, err);
    return status;
}

static enum status open_blocks(struct vit *vit, const struct naming *naming,
                               struct weights *weights, struct error *err)
{
    enum status status = STATUS_OK;
    vit->blocks = calloc((size_t)vit->card.layers, sizeof *vit->blocks);
    if (!vit->blocks)
        return fail(err, STATUS_NO_MEMORY, "out of memory for a vision tower");
    for (int i = 0; !status && i < vit->card.layers; i++) {
        weights_enter(weights, "%s.%d.", naming->blocks, i);
        status = open_block(&vit->blocks[i], &vit->card, naming, weights, err);
    }
    weights_enter(weights, "%s", "");
    return status;
}

/* Tensors that the card's options leave out, but the file has. */
static enum status check_left_out(const struct vit *vit, const struct naming *naming,
                                  struct weights *weights, struct error *err)
{
    const struct card_tower *card = &vit->card;
    char patch_bias[64], pre_norm[64], ls1[64];
    snprintf(patch_bias, sizeof patch_bias, "%s.bias", naming->patch_embed);
    snprintf(pre_norm, sizeof pre_norm, "%s.weight", naming->pre_norm);
    snprintf(ls1, sizeof ls1, "%s.0.%s", naming->blocks, naming->ls1 ? naming->ls1 : "");
    const struct {
        bool used;
        const char *name;
    } options[] = {
        {card->cls_token, naming->cls},
        {card->registers > 0, naming->registers},
        {card->patch_bias, patch_bias},
        {card->pre_norm, pre_norm},
        {card->layer_scale, naming->ls1 ? ls1 : NULL},
    };
    enum status status = STATUS_OK;
    for (size_t i = 0; !status && i < sizeof options / sizeof options[0]; i++)
        if (!options[i].used && options[i].name)
            status = weights_absent(weights, options[i].name, err);
    return status;
}

enum status vit_bind(struct vit *vit, struct weights *weights, struct error *err)
{
    const struct naming *naming = NULL;
    enum status status = find_naming(&vit->card, &naming, err);
    if (!status)
        status = activation_parse(vit->card.activation, &vit->activation, err);
    if (!status)
        status = check_options(vit, naming, err);
    if (!status)
        status = check_left_out(vit, naming, weights, err);
    if (!status)
        status = open_embedding(vit, naming, weights, err);
    return status ? status : open_blocks(vit, naming, weights, err);
}

void vit_release(struct vit *vit)
{
    for (int i = 0; vit->blocks && i < vit->card.layers; i++) {
        linear_release(&vit->blocks[i].qkv);
        linear_release(&vit->blocks[i].proj);
        linear_release(&vit->blocks[i].fc1);
        linear_release(&vit->blocks[i].fc2);
    }
    linear_release(&vit->patch_embed);
    free(vit->blocks);
}
