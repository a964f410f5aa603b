/* engine/models/mamba2.c - Mamba-2 (Dao & Gu 2024, arXiv 2405.21060) as mamba_ssm v2.0.4 computes
 * it (models/mixer_seq_simple.py, modules/mamba2.py).
 *
 *     r = embedding rows                                   residual stream, f32
 *     for each layer:
 *         [z | x | B | C | dt] = RMSNorm(r) in_proj^T
 *         y = convolution, scan and gated norm (engine/layers/mamba2.h)
 *         r = r + y out_proj^T
 *     head: RMSNorm(r) E^T, E the embedding
 *
 * Whole sequences and single tokens take the same path: one token is a span of one row. */
#include "engine/layers/mamba2.h"
#include "engine/models/lm.h"

#include <stdlib.h>

struct mamba2_layer {
    const float *norm;      /* [width] */
    struct linear in_proj;  /* [columns, width] */
    struct mamba2 mixer;    /* convolution and scan */
    const float *gate_norm; /* [inner] */
    struct linear out_proj; /* [width, inner] */
};

struct mamba2_lm {
    struct lm lm;
    struct mamba2_shape shape;
    int n_layers;
    struct mamba2_layer *layers;
    const float *norm_f;
};

static enum status open_layer(const struct mamba2_lm *model, struct mamba2_layer *layer,
                              struct weights *weights, struct error *err)
{
    const struct mamba2_shape *shape = &model->shape;
    int width = model->lm.width, inner = shape->inner_width;
    float *norm = NULL, *gate_norm = NULL;
    enum status status = weights_vector(weights, "norm.weight", width, &norm, err);
    if (!status)
        status = weights_linear(weights, "mixer.in_proj", mamba2_columns(shape), width, false,
                                &layer->in_proj, err);
    if (!status)
        status = mamba2_open(&layer->mixer, shape, weights, "", err);
    if (!status)
        status = weights_vector(weights, "mixer.norm.weight", inner, &gate_norm, err);
    if (!status)
        status =
            weights_linear(weights, "mixer.out_proj", width, inner, false, &layer->out_proj, err);
    layer->norm = norm;
    layer->gate_norm = gate_norm;
    return status;
}

static void close_mamba2(struct lm *lm)
{
    struct mamba2_lm *model = (struct mamba2_lm *)lm;
    for (int i = 0; model->layers && i < model->n_layers; i++) {
        linear_release(&model->layers[i].in_proj);
        linear_release(&model->layers[i].out_proj);
    }
    linear_release(&model->lm.head);
    embedding_release(&model->lm.embedding);
    free(model->layers);
    free(model);
}

static enum status bind(struct mamba2_lm *model, struct weights *weights, struct error *err)
{
    struct lm *lm = &model->lm;
    float *norm_f = NULL;
    model->layers = calloc((size_t)model->n_layers, sizeof *model->layers);
    if (!model->layers)
        return fail(err, STATUS_NO_MEMORY, "out of memory for a language model");
    enum status status =
        weights_tied_embedding(weights, "backbone.embedding.weight", "lm_head.weight",
                               lm->vocabulary, lm->width, &lm->embedding, &lm->head, err);
    for (int i = 0; !status && i < model->n_layers; i++) {
        weights_enter(weights, "backbone.layers.%d.", i);
        status = open_layer(model, &model->layers[i], weights, err);
    }
    weights_enter(weights, "backbone.layers.%d.", model->n_layers);
    if (!status)
        status = weights_absent(weights, "norm.weight", err);
    weights_enter(weights, "%s", "");
    if (!status)
        status = weights_vector(weights, "backbone.norm_f.weight", lm->width, &norm_f, err);
    model->norm_f = norm_f;
    return status;
}

static enum status open_mamba2(struct lm **out, const struct card_lm *card, struct weights *weights,
                               struct error *err)
{
    extern const struct lm_family lm_mamba2;
    struct mamba2_lm *model = calloc(1, sizeof *model);
    if (!model)
        return fail(err, STATUS_NO_MEMORY, "out of memory for a language model");
    model->lm =
        (struct lm){.family = &lm_mamba2, .width = card->width, .vocabulary = card->vocabulary};
    model->shape = (struct mamba2_shape){card->inner_width, card->state_size, card->conv_width,
                                         card->head_dim, (float)card->eps};
    model->n_layers = card->layers;
    model->lm.fixed_floats = (size_t)card->layers * mamba2_state_floats(&model->shape);
    enum status status = bind(model, weights, err);
    if (status) {
        close_mamba2(&model->lm);
        return status;
    }
    *out = &model->lm;
    return STATUS_OK;
}

static int chunk(const struct ops *ops)
{
    return ops->ssd_chunk;
}

static enum status prepare(const struct lm *lm, struct compute *compute, int rows, size_t *need,
                           struct error *err)
{
    const struct mamba2_lm *model = (const struct mamba2_lm *)lm;
    const struct mamba2_layer *layer = &model->layers[0]; /* all layers have the same shapes */
    enum status status = linear_prepare(compute->matmul, &layer->in_proj, rows, err);
    if (!status)
        status = linear_prepare(compute->matmul, &layer->out_proj, rows, err);
    if (!status)
        status = mamba2_need(&model->shape, compute->ops, rows, need, err);
    if (status)
        return status;
    *need += compute_need(rows, lm->width) + compute_need(rows, layer->in_proj.n_out) +
             compute_need(rows, model->shape.inner_width);
    return STATUS_OK;
}

/* Scratch matrices of forward(). */
struct mamba2_buffers {
    float *u;         /* [rows, width]: after the norm, and what the layer adds */
    float *projected; /* [rows, columns] */
    float *y;         /* [rows, inner] */
};

/* One layer: r += Mixer(RMSNorm(r)). */
static void run_layer(const struct mamba2_lm *model, const struct mamba2_layer *layer,
                      struct compute *compute, const struct mamba2_buffers *b,
                      const struct span *spans, size_t n_spans, float *r, int rows)
{
    const struct mamba2_shape *shape = &model->shape;
    int width = model->lm.width;
    compute->ops->rms_norm(b->u, r, layer->norm, rows, width, shape->eps);
    linear_run(compute->matmul, &layer->in_proj, b->u, (size_t)width, b->projected, rows);
    mamba2_run(&layer->mixer, shape, layer->gate_norm, compute, b->projected, spans, n_spans, b->y,
               rows);
    linear_run(compute->matmul, &layer->out_proj, b->y, (size_t)shape->inner_width, b->u, rows);
    compute->ops->add_scaled(r, b->u, NULL, rows, width);
}

static void forward(const struct lm *lm, struct compute *compute, const struct lm_span *spans,
                    size_t n_spans, float *x, int rows)
{
    const struct mamba2_lm *model = (const struct mamba2_lm *)lm;
    const struct mamba2_shape *shape = &model->shape;
    size_t taken = compute->taken_floats, layer_floats = mamba2_state_floats(shape);
    struct span layer_spans[LM_MAX_SPANS];
    struct mamba2_buffers buffers = {
        .u = compute_take(compute, rows, lm->width),
        .projected = compute_take(compute, rows, mamba2_columns(shape)),
        .y = compute_take(compute, rows, shape->inner_width),
    };
    for (int i = 0; i < model->n_layers; i++) {
        for (size_t s = 0; s < n_spans; s++)
            layer_spans[s] = mamba2_span(shape, spans[s].first_row, spans[s].n_rows,
                                         spans[s].state->fixed + (size_t)i * layer_floats);
        run_layer(model, &model->layers[i], compute, &buffers, layer_spans, n_spans, x, rows);
    }
    compute->ops->rms_norm(x, x, model->norm_f, rows, lm->width, shape->eps);
    compute_release(compute, taken);
}

/* y[c][r] = x[r][c]. */
static void transpose(float *y, const float *x, int rows, int columns)
{
    for (int c = 0; c < columns; c++)
        for (int r = 0; r < rows; r++)
            *y++ = x[(size_t)r * (size_t)columns + (size_t)c];
}

/* conv [channels, taps] (the newest last) and ssm [heads * head_dim, state_size] of each layer, as
 * the references store them. */
static int view_state(const struct lm *lm, const struct lm_state *state, int index,
                      struct lm_state_view *view, float *values)
{
    const struct mamba2_lm *model = (const struct mamba2_lm *)lm;
    const struct mamba2_shape *shape = &model->shape;
    if (index >= 2 * model->n_layers)
        return 0;
    int layer = index / 2, channels = mamba2_conv_channels(shape), taps = shape->conv_width;
    size_t head_floats = (size_t)shape->head_dim * (size_t)shape->state_size;
    struct span parts =
        mamba2_span(shape, 0, 0, state->fixed + (size_t)layer * mamba2_state_floats(shape));
    if (index % 2 == 0)
        *view = (struct lm_state_view){"conv", layer, channels, taps};
    else
        *view = (struct lm_state_view){"ssm", layer, shape->inner_width, shape->state_size};
    if (values && index % 2 == 0)
        transpose(values, parts.conv_state, taps, channels);
    else if (values)
        for (size_t h = 0; h < (size_t)mamba2_heads(shape); h++)
            transpose(values + h * head_floats, parts.ssm_state + h * head_floats,
                      shape->state_size, shape->head_dim);
    return 1;
}

static enum status check(const struct card_lm *card, const char *place, struct error *err)
{
    return mamba2_check(card->inner_width, card->head_dim, place, err);
}

static const struct card_key keys[] = {
    {"inner_width", offsetof(struct card_lm, inner_width), CARD_INT, 1, CARD_MAX_WIDTH},
    {"state_size", offsetof(struct card_lm, state_size), CARD_INT, 1, CARD_MAX_STATE},
    {"conv_width", offsetof(struct card_lm, conv_width), CARD_INT, 1, CARD_MAX_CONV},
    {"head_dim", offsetof(struct card_lm, head_dim), CARD_INT, 1, CARD_MAX_WIDTH},
    {NULL, 0, CARD_INT, 0, 0},
};

const struct lm_family lm_mamba2 = {
    .name = "mamba2",
    .keys = keys,
    .check = check,
    .open = open_mamba2,
    .close = close_mamba2,
    .chunk = chunk,
    .prepare = prepare,
    .forward = forward,
    .view_state = view_state,
};
