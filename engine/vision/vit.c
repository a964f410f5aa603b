/* engine/vision/vit.c - Vision Transformers as timm 0.9.10 (models/vision_transformer.py:579-659)
 * and Transformers 4.37 (models/clip, models/siglip) compute them: DINOv2 with registers, SigLIP
 * and CLIP are options of one encoder.
 *
 *     x = patches W^T + b + positions ; x = [cls ; registers ; x] ; x = LayerNorm(x)   (CLIP only)
 *     for each block that is run:
 *         x = x + ls1 * proj(attention(qkv(LayerNorm(x))))
 *         x = x + ls2 * fc2(GELU(fc1(LayerNorm(x))))
 *     features: the patch rows, no final norm */
#include "engine/vision/vit.h"

#include <math.h>
#include <stdlib.h>

extern const struct encoder_kind encoder_vit;

static void close_vit(struct encoder *encoder)
{
    vit_release((struct vit *)encoder);
    free(encoder);
}

static enum status open_vit(struct encoder **out, const struct card_tower *card,
                            struct weights *weights, struct error *err)
{
    struct vit *vit = calloc(1, sizeof *vit);
    if (!vit)
        return fail(err, STATUS_NO_MEMORY, "out of memory for a vision tower");
    vit->card = *card;
    vit->grid = card->preprocess.size / card->patch_size;
    vit->encoder = (struct encoder){.kind = &encoder_vit,
                                    .n_patches = vit->grid * vit->grid - card->skip_patches,
                                    .width = card->width};
    enum status status = vit_bind(vit, weights, err);
    if (status) {
        close_vit(&vit->encoder);
        return status;
    }
    *out = &vit->encoder;
    return STATUS_OK;
}

static int n_rows(const struct vit *vit)
{
    return vit->n_prefix + vit->grid * vit->grid;
}

static enum status prepare(const struct encoder *encoder, struct compute *compute, size_t *need,
                           struct error *err)
{
    const struct vit *vit = (const struct vit *)encoder;
    const struct vit_block *block = &vit->blocks[0];
    const struct linear *products[] = {&block->qkv, &block->proj, &block->fc1, &block->fc2};
    int rows = n_rows(vit), patches = vit->grid * vit->grid, width = vit->card.width;
    enum status status = linear_prepare(compute->matmul, &vit->patch_embed, patches, err);
    for (size_t i = 0; !status && i < sizeof products / sizeof products[0]; i++)
        status = linear_prepare(compute->matmul, products[i], rows, err);
    /* Patches and what becomes of them, then x, h, qkv and the MLP's inside. */
    size_t floats = compute_need(patches, vit->patch_embed.n_in) + compute_need(patches, width) +
                    2 * compute_need(rows, width) + compute_need(rows, 3 * width) +
                    compute_need(rows, vit->card.mlp_width);
    if (floats > *need)
        *need = floats;
    return status;
}

static void layer_norm(const struct vit *vit, struct compute *compute, const struct norm *norm,
                       const float *x, float *y)
{
    compute->ops->layer_norm(y, x, norm->weight, norm->bias, n_rows(vit), vit->card.width,
                             (float)vit->card.eps);
}

/* x = [prefix ; patches W^T + b + positions], and CLIP's norm of that. */
static void embed(const struct vit *vit, struct compute *compute, const float *pixels, float *x)
{
    const struct ops *ops = compute->ops;
    size_t taken = compute->taken_floats, w = (size_t)vit->card.width;
    int n = vit->grid * vit->grid, width = vit->card.width;
    float *patches = compute_take(compute, n, vit->patch_embed.n_in);
    float *rows = compute_take(compute, n, width);
    ops->patches(patches, pixels, vit->card.preprocess.size, vit->card.patch_size);
    linear_run(compute->matmul, &vit->patch_embed, patches, (size_t)vit->patch_embed.n_in, rows, n);
    ops->add_scaled(rows, vit->positions, NULL, n, width);
    if (vit->n_prefix > 0)
        ops->copy_rows(x, w, vit->prefix, w, vit->n_prefix, width);
    ops->copy_rows(x + (size_t)vit->n_prefix * w, w, rows, w, n, width);
    compute_release(compute, taken);
    if (vit->card.pre_norm)
        layer_norm(vit, compute, &vit->pre_norm, x, x);
}

/* Every row sees every row.  out: [rows, width]; qkv: [rows, 3 * width]. */
static void attend(const struct vit *vit, struct compute *compute, const float *qkv, float *out)
{
    size_t width = (size_t)vit->card.width;
    int heads = vit->card.heads, head_dim = vit->card.width / heads, rows = n_rows(vit);
    const struct attention_shape shape = {.heads = heads,
                                          .kv_heads = heads,
                                          .head_dim = head_dim,
                                          .q_stride = 3 * width,
                                          .scale = 1.0F / sqrtf((float)head_dim),
                                          .causal = false,
                                          .type = CACHE_F32};
    const struct attention_span span = {.first_row = 0,
                                        .n_rows = rows,
                                        .n_keys = rows,
                                        .k = qkv + width,
                                        .v = qkv + 2 * width,
                                        .key_stride = 3 * width,
                                        .head_stride = (size_t)head_dim};
    compute->ops->attention(out, qkv, &shape, &span, 1);
}

static void run_block(const struct vit *vit, const struct vit_block *block, struct compute *compute,
                      float *x, float *h, float *qkv, float *mlp)
{
    const struct ops *ops = compute->ops;
    int rows = n_rows(vit), width = vit->card.width, inside = vit->card.mlp_width;
    size_t w = (size_t)width;

    layer_norm(vit, compute, &block->norm1, x, h);
    linear_run(compute->matmul, &block->qkv, h, w, qkv, rows);
    attend(vit, compute, qkv, h);
    linear_run(compute->matmul, &block->proj, h, w, qkv, rows);
    ops->add_scaled(x, qkv, block->ls1, rows, width);

    layer_norm(vit, compute, &block->norm2, x, h);
    linear_run(compute->matmul, &block->fc1, h, w, mlp, rows);
    ops->activate(mlp, (size_t)rows * (size_t)inside, vit->activation);
    linear_run(compute->matmul, &block->fc2, mlp, (size_t)inside, h, rows);
    ops->add_scaled(x, h, block->ls2, rows, width);
}

static void run(const struct encoder *encoder, struct compute *compute, const float *pixels,
                float *features, size_t stride)
{
    const struct vit *vit = (const struct vit *)encoder;
    size_t taken = compute->taken_floats, width = (size_t)vit->card.width;
    int rows = n_rows(vit), first = vit->n_prefix + vit->card.skip_patches;
    float *x = compute_take(compute, rows, vit->card.width);
    float *h = compute_take(compute, rows, vit->card.width);
    float *qkv = compute_take(compute, rows, 3 * vit->card.width);
    float *mlp = compute_take(compute, rows, vit->card.mlp_width);
    embed(vit, compute, pixels, x);
    for (int i = 0; i < vit->card.layers; i++)
        run_block(vit, &vit->blocks[i], compute, x, h, qkv, mlp);
    compute->ops->copy_rows(features, stride, x + (size_t)first * width, width, encoder->n_patches,
                            vit->card.width);
    compute_release(compute, taken);
}

const struct encoder_kind encoder_vit = {
    .name = "vit",
    .open = open_vit,
    .close = close_vit,
    .prepare = prepare,
    .run = run,
};
