#include "engine/connectors/scan_blocks.h"

#include <stdlib.h>
#include <string.h>

struct scan_block {
    struct linear in_proj;        /* [columns, width] */
    struct mamba2 mixer, mixer_b; /* along the rows, and against them */
    const float *gate_norm;       /* [inner] */
    struct linear out_proj;       /* [width, inner] */
    struct norm norm;
    struct linear gate_up; /* [2 * width, width]: w1, then w2 */
    struct linear down;    /* [width, width]: w3 */
};

static enum status open_mixer(struct scan_block *block, const struct scan_blocks *blocks,
                              struct weights *weights, struct error *err)
{
    const struct mamba2_shape *shape = &blocks->shape;
    int width = blocks->width, inner = shape->inner_width;
    float *gate_norm = NULL;
    enum status status = weights_linear(weights, "mixer.in_proj", mamba2_columns(shape), width,
                                        false, &block->in_proj, err);
    if (!status)
        status = mamba2_open(&block->mixer, shape, weights, "", err);
    if (!status)
        status = mamba2_open(&block->mixer_b, shape, weights, "_b", err);
    if (!status)
        status = weights_vector(weights, "mixer.norm.weight", inner, &gate_norm, err);
    if (!status)
        status =
            weights_linear(weights, "mixer.out_proj", width, inner, false, &block->out_proj, err);
    block->gate_norm = gate_norm;
    return status;
}

static enum status open_swiglu(struct scan_block *block, int width, struct weights *weights,
                               struct error *err)
{
    static const char *const names[] = {"mlp.w1", "mlp.w2"};
    enum status status = weights_norm(weights, "norm", width, &block->norm, err);
    if (!status)
        status = weights_linear_joined(weights, names, (int[]){width, width}, 2, width, true,
                                       &block->gate_up, err);
    if (!status)
        status = weights_linear(weights, "mlp.w3", width, width, true, &block->down, err);
    return status;
}

enum status scan_blocks_open(struct scan_blocks *out, const struct card_connector *card,
                             struct weights *weights, struct error *err)
{
    float eps = (float)card->eps;
    *out = (struct scan_blocks){
        .shape = {card->inner_width, card->state_size, card->conv_width, card->head_dim, eps},
        .width = card->out_width,
        .n_blocks = card->blocks,
        .eps = eps,
    };
    out->blocks = calloc((size_t)card->blocks, sizeof *out->blocks);
    if (!out->blocks)
        return fail(err, STATUS_NO_MEMORY, "out of memory for a connector");
    enum status status = STATUS_OK;
    for (int i = 0; !status && i < out->n_blocks; i++) {
        weights_enter(weights, "bidirectional_mamba.layers.%d.", i);
        status = open_mixer(&out->blocks[i], out, weights, err);
        if (!status)
            status = open_swiglu(&out->blocks[i], out->width, weights, err);
    }
    weights_enter(weights, "bidirectional_mamba.layers.%d.", out->n_blocks);
    if (!status)
        status = weights_absent(weights, "mixer.in_proj.weight", err);
    weights_enter(weights, "%s", "");
    if (!status)
        status = weights_norm(weights, "bidirectional_mamba.norm_f", out->width, &out->norm_f, err);
    return status;
}

void scan_blocks_release(struct scan_blocks *blocks)
{
    for (int i = 0; blocks->blocks && i < blocks->n_blocks; i++) {
        linear_release(&blocks->blocks[i].in_proj);
        linear_release(&blocks->blocks[i].out_proj);
        linear_release(&blocks->blocks[i].gate_up);
        linear_release(&blocks->blocks[i].down);
    }
    free(blocks->blocks);
    blocks->blocks = NULL;
}

enum status scan_blocks_prepare(const struct scan_blocks *blocks, struct compute *compute, int rows,
                                size_t *need, struct error *err)
{
    const struct scan_block *block = &blocks->blocks[0]; /* all blocks have the same shapes */
    const struct linear *products[] = {&block->in_proj, &block->out_proj, &block->gate_up,
                                       &block->down};
    for (size_t i = 0; i < sizeof products / sizeof products[0]; i++) {
        enum status status = linear_prepare(compute->matmul, products[i], rows, err);
        if (status)
            return status;
    }
    *need += 2 * compute_need(rows, mamba2_columns(&blocks->shape)) +
             2 * compute_need(rows, blocks->shape.inner_width) +
             2 * compute_need(rows, blocks->width) + compute_need(rows, 2 * blocks->width) +
             compute_need(1, (int)mamba2_state_floats(&blocks->shape));
    return mamba2_need(&blocks->shape, compute->ops, rows, need, err);
}

/* Scratch matrices of scan_blocks_run(). */
struct scan_buffers {
    float *projected, *reversed; /* [rows, columns] */
    float *y, *y_b;              /* [rows, inner] */
    float *u;                    /* [rows, width]: after the norm, and what is added to x */
    float *gate_up;              /* [rows, 2 * width] */
    float *product;              /* [rows, width] */
    float *state;                /* of one direction */
};

static void take_buffers(struct scan_buffers *b, const struct scan_blocks *blocks,
                         struct compute *compute, int rows)
{
    int columns = mamba2_columns(&blocks->shape), inner = blocks->shape.inner_width;
    b->projected = compute_take(compute, rows, columns);
    b->reversed = compute_take(compute, rows, columns);
    b->y = compute_take(compute, rows, inner);
    b->y_b = compute_take(compute, rows, inner);
    b->u = compute_take(compute, rows, blocks->width);
    b->gate_up = compute_take(compute, rows, 2 * blocks->width);
    b->product = compute_take(compute, rows, blocks->width);
    b->state = compute_take(compute, 1, (int)mamba2_state_floats(&blocks->shape));
}

/* All rows as one sequence that starts from nothing. */
static void run_direction(const struct scan_blocks *blocks, const struct mamba2 *mixer,
                          const float *gate_norm, struct compute *compute, float *state,
                          const float *projected, float *y, int rows)
{
    memset(state, 0, mamba2_state_floats(&blocks->shape) * sizeof *state);
    struct span span = mamba2_span(&blocks->shape, 0, rows, state);
    mamba2_run(mixer, &blocks->shape, gate_norm, compute, projected, &span, 1, y, rows);
}

/* x += mixers(x) */
static void run_mixers(const struct scan_blocks *blocks, const struct scan_block *block,
                       struct compute *compute, const struct scan_buffers *b, float *x, int rows)
{
    const struct ops *ops = compute->ops;
    int width = blocks->width, inner = blocks->shape.inner_width;
    linear_run(compute->matmul, &block->in_proj, x, (size_t)width, b->projected, rows);
    run_direction(blocks, &block->mixer, block->gate_norm, compute, b->state, b->projected, b->y,
                  rows);
    ops->reverse_rows(b->reversed, b->projected, rows, mamba2_columns(&blocks->shape));
    run_direction(blocks, &block->mixer_b, block->gate_norm, compute, b->state, b->reversed, b->y_b,
                  rows);
    ops->average_reversed(b->y, b->y_b, rows, inner);
    linear_run(compute->matmul, &block->out_proj, b->y, (size_t)inner, b->u, rows);
    ops->add_scaled(x, b->u, NULL, rows, width);
}

/* x += SwiGLU(LayerNorm(x)) */
static void run_swiglu(const struct scan_blocks *blocks, const struct scan_block *block,
                       struct compute *compute, const struct scan_buffers *b, float *x, int rows)
{
    const struct ops *ops = compute->ops;
    int width = blocks->width;
    size_t stride = (size_t)width;
    ops->layer_norm(b->u, x, block->norm.weight, block->norm.bias, rows, width, blocks->eps);
    linear_run(compute->matmul, &block->gate_up, b->u, stride, b->gate_up, rows);
    ops->silu_multiply(b->product, b->gate_up, b->gate_up + width, 2 * stride, rows, width);
    linear_run(compute->matmul, &block->down, b->product, stride, b->u, rows);
    ops->add_scaled(x, b->u, NULL, rows, width);
}

void scan_blocks_run(const struct scan_blocks *blocks, struct compute *compute, float *x, int rows)
{
    size_t taken = compute->taken_floats;
    struct scan_buffers buffers;
    take_buffers(&buffers, blocks, compute, rows);
    for (int i = 0; i < blocks->n_blocks; i++) {
        run_mixers(blocks, &blocks->blocks[i], compute, &buffers, x, rows);
        run_swiglu(blocks, &blocks->blocks[i], compute, &buffers, x, rows);
    }
    compute->ops->layer_norm(x, x, blocks->norm_f.weight, blocks->norm_f.bias, rows, blocks->width,
                             blocks->eps);
    compute_release(compute, taken);
}
