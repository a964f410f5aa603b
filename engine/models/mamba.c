/* engine/models/mamba.c - Mamba (Gu & Dao 2023, arXiv 2312.00752) as mamba_ssm v1.2.2 computes it.
 *
 *     r = embedding rows                                   residual stream, f32
 *     for each layer:
 *         u       = RMSNorm(r)
 *         [x | z] = u in_proj^T                            [rows, 2 * inner]
 *         x       = SiLU(causal depthwise convolution of x, 4 taps)
 *         [dt|B|C]= x x_proj^T                             [rows, dt_rank + 2 * state]
 *         dt      = softplus(dt dt_proj^T + bias)
 *         h       = exp(dt A) h + dt B x ;  y = C h + D x ;  y = y * SiLU(z)
 *         r       = r + y out_proj^T
 *     head: RMSNorm(r) E^T, E the embedding
 *
 * Whole sequences and single tokens take the same path: one token is a span of one row. */
#include "engine/models/lm.h"

#include <math.h>
#include <stdlib.h>

struct mamba_layer {
    const float *norm;        /* [width] */
    struct linear in_proj;    /* [2 * inner, width]: x rows, then z rows */
    const float *conv_weight; /* [conv_width, inner], oldest tap first */
    const float *conv_bias;   /* [inner] */
    struct linear x_proj;     /* [dt_rank + 2 * state, inner]: dt, B, C */
    struct linear dt_proj;    /* [inner, dt_rank]; its bias is added inside the scan */
    const float *dt_bias;     /* [inner] */
    const float *A;           /* [state, inner]: -exp(A_log), transposed */
    const float *D;           /* [inner] */
    struct linear out_proj;   /* [width, inner] */
};

struct mamba {
    struct lm lm;
    struct card_lm card;
    struct mamba_layer *layers;
    const float *norm_f;
};

/* State of one layer: convolution inputs [conv_width, inner], then h [state, inner]. */
static size_t layer_state_floats(const struct mamba *mamba)
{
    return (size_t)(mamba->card.conv_width + mamba->card.state_size) *
           (size_t)mamba->card.inner_width;
}

static enum status open_A(struct weights *weights, const char *name, const struct card_lm *card,
                          const float **out, struct error *err)
{
    float *A = NULL;
    enum status status =
        weights_transposed(weights, name, card->inner_width, card->state_size, &A, err);
    if (status)
        return status;
    for (size_t i = 0; i < (size_t)card->inner_width * (size_t)card->state_size; i++)
        A[i] = -expf(A[i]);
    *out = A;
    return STATUS_OK;
}

static enum status open_layer(struct mamba_layer *layer, const struct card_lm *card,
                              struct weights *weights, struct error *err)
{
    int inner = card->inner_width, projected = card->dt_rank + 2 * card->state_size;
    float *norm = NULL, *conv_weight = NULL, *conv_bias = NULL, *dt_bias = NULL, *D = NULL;
    enum status status = weights_vector(weights, "norm.weight", card->width, &norm, err);
    if (!status)
        status = weights_linear(weights, "mixer.in_proj", 2 * inner, card->width, false,
                                &layer->in_proj, err);
    if (!status)
        status = weights_transposed(weights, "mixer.conv1d.weight", inner, card->conv_width,
                                    &conv_weight, err);
    if (!status)
        status = weights_vector(weights, "mixer.conv1d.bias", inner, &conv_bias, err);
    if (!status)
        status =
            weights_linear(weights, "mixer.x_proj", projected, inner, false, &layer->x_proj, err);
    if (!status)
        status = weights_linear(weights, "mixer.dt_proj", inner, card->dt_rank, false,
                                &layer->dt_proj, err);
    if (!status)
        status = weights_vector(weights, "mixer.dt_proj.bias", inner, &dt_bias, err);
    if (!status)
        status = open_A(weights, "mixer.A_log", card, &layer->A, err);
    if (!status)
        status = weights_vector(weights, "mixer.D", inner, &D, err);
    if (!status)
        status = weights_linear(weights, "mixer.out_proj", card->width, inner, false,
                                &layer->out_proj, err);
    layer->norm = norm;
    layer->conv_weight = conv_weight;
    layer->conv_bias = conv_bias;
    layer->dt_bias = dt_bias;
    layer->D = D;
    return status;
}

static void close_mamba(struct lm *lm)
{
    struct mamba *mamba = (struct mamba *)lm;
    for (int i = 0; mamba->layers && i < mamba->card.layers; i++) {
        linear_release(&mamba->layers[i].in_proj);
        linear_release(&mamba->layers[i].x_proj);
        linear_release(&mamba->layers[i].dt_proj);
        linear_release(&mamba->layers[i].out_proj);
    }
    linear_release(&mamba->lm.head);
    embedding_release(&mamba->lm.embedding);
    free(mamba->layers);
    free(mamba);
}

static enum status bind(struct mamba *mamba, struct weights *weights, struct error *err)
{
    const struct card_lm *card = &mamba->card;
    float *norm_f = NULL;
    mamba->layers = calloc((size_t)card->layers, sizeof *mamba->layers);
    if (!mamba->layers)
        return fail(err, STATUS_NO_MEMORY, "out of memory for a language model");
    enum status status = weights_tied_embedding(weights, "backbone.embedding.weight",
                                                "lm_head.weight", card->vocabulary, card->width,
                                                &mamba->lm.embedding, &mamba->lm.head, err);
    for (int i = 0; !status && i < card->layers; i++) {
        weights_enter(weights, "backbone.layers.%d.", i);
        status = open_layer(&mamba->layers[i], card, weights, err);
    }
    weights_enter(weights, "backbone.layers.%d.", card->layers);
    if (!status)
        status = weights_absent(weights, "norm.weight", err);
    weights_enter(weights, "%s", "");
    if (!status)
        status = weights_vector(weights, "backbone.norm_f.weight", card->width, &norm_f, err);
    mamba->norm_f = norm_f;
    return status;
}

static enum status open_mamba(struct lm **out, const struct card_lm *card, struct weights *weights,
                              struct error *err)
{
    extern const struct lm_family lm_mamba;
    struct mamba *mamba = calloc(1, sizeof *mamba);
    if (!mamba)
        return fail(err, STATUS_NO_MEMORY, "out of memory for a language model");
    mamba->lm =
        (struct lm){.family = &lm_mamba, .width = card->width, .vocabulary = card->vocabulary};
    mamba->card = *card;
    mamba->lm.fixed_floats = (size_t)card->layers * layer_state_floats(mamba);
    enum status status = bind(mamba, weights, err);
    if (status) {
        close_mamba(&mamba->lm);
        return status;
    }
    *out = &mamba->lm;
    return STATUS_OK;
}

static enum status prepare(const struct lm *lm, struct compute *compute, int rows, size_t *need,
                           struct error *err)
{
    const struct mamba *mamba = (const struct mamba *)lm;
    const struct mamba_layer *layer = &mamba->layers[0]; /* all layers have the same shapes */
    const struct linear *products[] = {&layer->in_proj, &layer->x_proj, &layer->dt_proj,
                                       &layer->out_proj};
    for (size_t i = 0; i < sizeof products / sizeof products[0]; i++) {
        enum status status = linear_prepare(compute->matmul, products[i], rows, err);
        if (status)
            return status;
    }
    *need += 2 * compute_need(rows, lm->width) + 5 * compute_need(rows, mamba->card.inner_width) +
             compute_need(rows, layer->x_proj.n_out);
    return STATUS_OK;
}

/* Scratch matrices of forward(). */
struct mamba_buffers {
    float *u;   /* [rows, width]: after the norm */
    float *xz;  /* [rows, 2 * inner] */
    float *x;   /* [rows, inner]: after the convolution */
    float *dbc; /* [rows, dt_rank + 2 * state] */
    float *dt;  /* [rows, inner] */
    float *y;   /* [rows, inner]: after the scan */
    float *out; /* [rows, width] */
};

static void take_buffers(struct mamba_buffers *b, const struct mamba *mamba,
                         struct compute *compute, int rows)
{
    int inner = mamba->card.inner_width;
    b->u = compute_take(compute, rows, mamba->card.width);
    b->xz = compute_take(compute, rows, 2 * inner);
    b->x = compute_take(compute, rows, inner);
    b->dbc = compute_take(compute, rows, mamba->layers[0].x_proj.n_out);
    b->dt = compute_take(compute, rows, inner);
    b->y = compute_take(compute, rows, inner);
    b->out = compute_take(compute, rows, mamba->card.width);
}

/* One layer: r += Mixer(RMSNorm(r)). */
static void run_layer(const struct mamba *mamba, const struct mamba_layer *layer,
                      struct compute *compute, const struct mamba_buffers *b,
                      const struct span *spans, size_t n_spans, float *r, int rows)
{
    const struct card_lm *card = &mamba->card;
    const struct ops *ops = compute->ops;
    size_t inner = (size_t)card->inner_width, dbc_width = (size_t)layer->x_proj.n_out;

    ops->rms_norm(b->u, r, layer->norm, rows, card->width, (float)card->eps);
    linear_run(compute->matmul, &layer->in_proj, b->u, (size_t)card->width, b->xz, rows);
    ops->causal_conv_silu(b->x, b->xz, 2 * inner, layer->conv_weight, layer->conv_bias,
                          card->inner_width, card->conv_width, spans, n_spans);
    linear_run(compute->matmul, &layer->x_proj, b->x, inner, b->dbc, rows);
    linear_run(compute->matmul, &layer->dt_proj, b->dbc, dbc_width, b->dt, rows);
    struct scan_inputs in = {
        .x = b->x,
        .z = b->xz + inner,
        .dt = b->dt,
        .B = b->dbc + card->dt_rank,
        .C = b->dbc + card->dt_rank + card->state_size,
        .z_stride = 2 * inner,
        .bc_stride = dbc_width,
        .dt_bias = layer->dt_bias,
        .A = layer->A,
        .D = layer->D,
        .channels = card->inner_width,
        .state_size = card->state_size,
    };
    ops->selective_scan(b->y, &in, spans, n_spans);
    linear_run(compute->matmul, &layer->out_proj, b->y, inner, b->out, rows);
    ops->add_scaled(r, b->out, NULL, rows, card->width);
}

static void forward(const struct lm *lm, struct compute *compute, const struct lm_span *spans,
                    size_t n_spans, float *x, int rows)
{
    const struct mamba *mamba = (const struct mamba *)lm;
    size_t taken = compute->taken_floats;
    struct mamba_buffers buffers;
    struct span layer_spans[LM_MAX_SPANS];
    take_buffers(&buffers, mamba, compute, rows);
    for (int i = 0; i < mamba->card.layers; i++) {
        for (size_t s = 0; s < n_spans; s++) {
            float *state = spans[s].state->fixed + (size_t)i * layer_state_floats(mamba);
            size_t conv = (size_t)mamba->card.conv_width * (size_t)mamba->card.inner_width;
            layer_spans[s] =
                (struct span){spans[s].first_row, spans[s].n_rows, state, state + conv};
        }
        run_layer(mamba, &mamba->layers[i], compute, &buffers, layer_spans, n_spans, x, rows);
    }
    compute->ops->rms_norm(x, x, mamba->norm_f, rows, mamba->card.width, (float)mamba->card.eps);
    compute_release(compute, taken);
}

/* conv and ssm of each layer as the references store them: channels first. */
static int view_state(const struct lm *lm, const struct lm_state *state, int index,
                      struct lm_state_view *view, float *values)
{
    const struct mamba *mamba = (const struct mamba *)lm;
    if (index >= 2 * mamba->card.layers)
        return 0;
    int inner = mamba->card.inner_width, conv = mamba->card.conv_width;
    int is_ssm = index % 2, depth = is_ssm ? mamba->card.state_size : conv;
    *view = (struct lm_state_view){is_ssm ? "ssm" : "conv", index / 2, inner, depth};
    if (!values)
        return 1;
    const float *from = state->fixed + (size_t)(index / 2) * layer_state_floats(mamba) +
                        (is_ssm ? (size_t)conv * (size_t)inner : 0);
    for (int c = 0; c < inner; c++)
        for (int i = 0; i < depth; i++)
            values[(size_t)c * (size_t)depth + (size_t)i] =
                from[(size_t)i * (size_t)inner + (size_t)c];
    return 1;
}

static const struct card_key keys[] = {
    {"inner_width", offsetof(struct card_lm, inner_width), CARD_INT, 1, CARD_MAX_WIDTH},
    {"state_size", offsetof(struct card_lm, state_size), CARD_INT, 1, CARD_MAX_STATE},
    {"conv_width", offsetof(struct card_lm, conv_width), CARD_INT, 1, CARD_MAX_CONV},
    {"dt_rank", offsetof(struct card_lm, dt_rank), CARD_INT, 1, CARD_MAX_WIDTH},
    {NULL, 0, CARD_INT, 0, 0},
};

const struct lm_family lm_mamba = {
    .name = "mamba",
    .keys = keys,
    .open = open_mamba,
    .close = close_mamba,
    .prepare = prepare,
    .forward = forward,
    .view_state = view_state,
};
