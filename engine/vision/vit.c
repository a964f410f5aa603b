/* engine/vision/vit.c - Vision Transformers as timm 0.9.10 computes them: DINOv2 with registers and
 * SigLIP are options of one encoder (timm/models/vision_transformer.py:579-659).
 *
 *     x = patches W^T + b + positions ; x = [cls ; registers ; x]
 *     for each block that is run:
 *         x = x + ls1 * proj(attention(qkv(LayerNorm(x))))
 *         x = x + ls2 * fc2(GELU(fc1(LayerNorm(x))))
 *     features: the patch rows, no final norm */
#include "engine/vision/encoder.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct vit_block {
    const float *norm1_weight, *norm1_bias, *norm2_weight, *norm2_bias; /* [width] */
    const float *ls1, *ls2; /* LayerScale, [width]; NULL without */
    struct linear qkv;      /* [3 * width, width]: q, k, v, head-major */
    struct linear proj, fc1, fc2;
};

struct vit {
    struct encoder encoder;
    struct card_tower card;
    struct linear patch_embed; /* [width, 3 * patch * patch] */
    const float *positions;    /* [n_patches, width] */
    const float *prefix;       /* [n_prefix, width]: cls, registers */
    int n_prefix;
    struct vit_block *blocks;
};

/* The position table, resampled if its grid is another than the picture's. */
static enum status open_positions(struct vit *vit, int grid, struct weights *weights,
                                  struct error *err)
{
    int native = vit->card.native_grid, width = vit->card.width;
    int shape[2] = {native * native, width};
    float *table = NULL;
    enum status status = weights_floats(weights, "pos_embed", shape, 2, &table, err);
    vit->positions = table;
    if (status || native == grid)
        return status;
    float *resampled =
        arena_alloc(weights->arena, (size_t)grid * (size_t)grid * (size_t)width, sizeof *resampled);
    if (!resampled)
        return fail(err, STATUS_NO_MEMORY, "out of memory for a position table");
    vit->positions = resampled;
    return resample_positions(table, native, resampled, grid, width, err);
}

/* cls token and registers, one matrix. */
static enum status open_prefix(struct vit *vit, struct weights *weights, struct error *err)
{
    size_t width = (size_t)vit->card.width;
    int shape[2] = {vit->card.registers, vit->card.width};
    float *cls = NULL, *registers = NULL;
    enum status status = STATUS_OK;
    if (vit->card.cls_token)
        status = weights_vector(weights, "cls_token", vit->card.width, &cls, err);
    if (!status && vit->card.registers > 0)
        status = weights_floats(weights, "reg_token", shape, 2, &registers, err);
    vit->n_prefix = (vit->card.cls_token ? 1 : 0) + vit->card.registers;
    if (status || vit->n_prefix == 0)
        return status;
    float *prefix = arena_alloc(weights->arena, (size_t)vit->n_prefix * width, sizeof *prefix);
    if (!prefix)
        return fail(err, STATUS_NO_MEMORY, "out of memory for a vision tower");
    if (cls)
        memcpy(prefix, cls, width * sizeof *prefix);
    if (registers)
        memcpy(prefix + (cls ? width : 0), registers,
               (size_t)vit->card.registers * width * sizeof *prefix);
    vit->prefix = prefix;
    return STATUS_OK;
}

static enum status open_norm(struct weights *weights, const char *name, int width,
                             const float **weight, const float **bias, struct error *err)
{
    char full[32];
    float *w = NULL, *b = NULL;
    snprintf(full, sizeof full, "%s.weight", name);
    enum status status = weights_vector(weights, full, width, &w, err);
    snprintf(full, sizeof full, "%s.bias", name);
    if (!status)
        status = weights_vector(weights, full, width, &b, err);
    *weight = w;
    *bias = b;
    return status;
}

static enum status open_scales(struct vit_block *block, int width, struct weights *weights,
                               struct error *err)
{
    float *ls1 = NULL, *ls2 = NULL;
    enum status status = weights_vector(weights, "ls1.gamma", width, &ls1, err);
    if (!status)
        status = weights_vector(weights, "ls2.gamma", width, &ls2, err);
    block->ls1 = ls1;
    block->ls2 = ls2;
    return status;
}

static enum status open_block(struct vit_block *block, const struct card_tower *card,
                              struct weights *weights, struct error *err)
{
    int width = card->width;
    enum status status =
        open_norm(weights, "norm1", width, &block->norm1_weight, &block->norm1_bias, err);
    if (!status)
        status = weights_linear(weights, "attn.qkv", 3 * width, width, true, &block->qkv, err);
    if (!status)
        status = weights_linear(weights, "attn.proj", width, width, true, &block->proj, err);
    if (!status)
        status = open_norm(weights, "norm2", width, &block->norm2_weight, &block->norm2_bias, err);
    if (!status)
        status = weights_linear(weights, "mlp.fc1", card->mlp_width, width, true, &block->fc1, err);
    if (!status)
        status = weights_linear(weights, "mlp.fc2", width, card->mlp_width, true, &block->fc2, err);
    if (!status && card->layer_scale)
        status = open_scales(block, width, weights, err);
    return status;
}

static void close_vit(struct encoder *encoder)
{
    struct vit *vit = (struct vit *)encoder;
    for (int i = 0; vit->blocks && i < vit->card.layers; i++) {
        linear_release(&vit->blocks[i].qkv);
        linear_release(&vit->blocks[i].proj);
        linear_release(&vit->blocks[i].fc1);
        linear_release(&vit->blocks[i].fc2);
    }
    linear_release(&vit->patch_embed);
    free(vit->blocks);
    free(vit);
}

static enum status bind(struct vit *vit, struct weights *weights, struct error *err)
{
    const struct card_tower *card = &vit->card;
    vit->blocks = calloc((size_t)card->layers, sizeof *vit->blocks);
    if (!vit->blocks)
        return fail(err, STATUS_NO_MEMORY, "out of memory for a vision tower");
    enum status status =
        weights_linear(weights, "patch_embed.proj", card->width,
                       3 * card->patch_size * card->patch_size, true, &vit->patch_embed, err);
    if (!status)
        status = open_positions(vit, card->preprocess.size / card->patch_size, weights, err);
    if (!status)
        status = open_prefix(vit, weights, err);
    for (int i = 0; !status && i < card->layers; i++) {
        weights_enter(weights, "blocks.%d.", i);
        status = open_block(&vit->blocks[i], card, weights, err);
    }
    weights_enter(weights, "%s", "");
    return status;
}

static enum status open_vit(struct encoder **out, const struct card_tower *card,
                            struct weights *weights, struct error *err)
{
    extern const struct encoder_kind encoder_vit;
    struct vit *vit = calloc(1, sizeof *vit);
    if (!vit)
        return fail(err, STATUS_NO_MEMORY, "out of memory for a vision tower");
    int grid = card->preprocess.size / card->patch_size;
    vit->encoder =
        (struct encoder){.kind = &encoder_vit, .n_patches = grid * grid, .width = card->width};
    vit->card = *card;
    enum status status = bind(vit, weights, err);
    if (status) {
        close_vit(&vit->encoder);
        return status;
    }
    *out = &vit->encoder;
    return STATUS_OK;
}

static int n_rows(const struct vit *vit)
{
    return vit->n_prefix + vit->encoder.n_patches;
}

static enum status prepare(const struct encoder *encoder, struct compute *compute, size_t *need,
                           struct error *err)
{
    const struct vit *vit = (const struct vit *)encoder;
    const struct vit_block *block = &vit->blocks[0];
    const struct linear *products[] = {&block->qkv, &block->proj, &block->fc1, &block->fc2};
    int rows = n_rows(vit), width = vit->card.width;
    enum status status =
        linear_prepare(compute->matmul, &vit->patch_embed, encoder->n_patches, err);
    for (size_t i = 0; !status && i < sizeof products / sizeof products[0]; i++)
        status = linear_prepare(compute->matmul, products[i], rows, err);
    /* Patches and what becomes of them, then x, h, qkv and the MLP's inside. */
    size_t floats = compute_need(encoder->n_patches, vit->patch_embed.n_in) +
                    compute_need(encoder->n_patches, width) + 2 * compute_need(rows, width) +
                    compute_need(rows, 3 * width) + compute_need(rows, vit->card.mlp_width);
    if (floats > *need)
        *need = floats;
    return status;
}

/* x = [prefix ; patches W^T + b + positions] */
static void embed(const struct vit *vit, struct compute *compute, const float *pixels, float *x)
{
    size_t taken = compute->taken_floats, width = (size_t)vit->card.width;
    int n = vit->encoder.n_patches;
    float *patches = compute_take(compute, n, vit->patch_embed.n_in);
    float *rows = compute_take(compute, n, vit->card.width);
    compute->ops->patches(patches, pixels, vit->card.preprocess.size, vit->card.patch_size);
    linear_run(compute->matmul, &vit->patch_embed, patches, (size_t)vit->patch_embed.n_in, rows, n);
    compute->ops->add_scaled(rows, vit->positions, NULL, n, vit->card.width);
    if (vit->n_prefix > 0)
        compute->ops->copy_rows(x, width, vit->prefix, width, vit->n_prefix, vit->card.width);
    compute->ops->copy_rows(x + (size_t)vit->n_prefix * width, width, rows, width, n,
                            vit->card.width);
    compute_release(compute, taken);
}

static void run_block(const struct vit *vit, const struct vit_block *block, struct compute *compute,
                      float *x, float *h, float *qkv, float *mlp)
{
    const struct ops *ops = compute->ops;
    int rows = n_rows(vit), width = vit->card.width, head_dim = width / vit->card.heads;
    float eps = (float)vit->card.eps;
    size_t w = (size_t)width;

    ops->layer_norm(h, x, block->norm1_weight, block->norm1_bias, rows, width, eps);
    linear_run(compute->matmul, &block->qkv, h, w, qkv, rows);
    struct attention_shape shape = {rows,     rows,  vit->card.heads,
                                    head_dim, 3 * w, 1.0F / sqrtf((float)head_dim)};
    ops->attention(h, qkv, qkv + w, qkv + 2 * w, &shape);
    linear_run(compute->matmul, &block->proj, h, w, qkv, rows);
    ops->add_scaled(x, qkv, block->ls1, rows, width);

    ops->layer_norm(h, x, block->norm2_weight, block->norm2_bias, rows, width, eps);
    linear_run(compute->matmul, &block->fc1, h, w, mlp, rows);
    ops->gelu_erf(mlp, (size_t)rows * (size_t)vit->card.mlp_width);
    linear_run(compute->matmul, &block->fc2, mlp, (size_t)vit->card.mlp_width, h, rows);
    ops->add_scaled(x, h, block->ls2, rows, width);
}

static void run(const struct encoder *encoder, struct compute *compute, const float *pixels,
                float *features, size_t stride)
{
    const struct vit *vit = (const struct vit *)encoder;
    size_t taken = compute->taken_floats, width = (size_t)vit->card.width;
    int rows = n_rows(vit);
    float *x = compute_take(compute, rows, vit->card.width);
    float *h = compute_take(compute, rows, vit->card.width);
    float *qkv = compute_take(compute, rows, 3 * vit->card.width);
    float *mlp = compute_take(compute, rows, vit->card.mlp_width);
    embed(vit, compute, pixels, x);
    for (int i = 0; i < vit->card.layers; i++)
        run_block(vit, &vit->blocks[i], compute, x, h, qkv, mlp);
    compute->ops->copy_rows(features, stride, x + (size_t)vit->n_prefix * width, width,
                            encoder->n_patches, vit->card.width);
    compute_release(compute, taken);
}

const struct encoder_kind encoder_vit = {
    .name = "vit",
    .open = open_vit,
    .close = close_vit,
    .prepare = prepare,
    .run = run,
};
