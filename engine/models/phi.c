/* engine/models/phi.c - Phi-2 (microsoft/phi-2), as Transformers' PhiForCausalLM computes it.
 *
 *     for each layer:
 *         h = LayerNorm(x)
 *         x = x + Attention(h) + fc2(GELU(fc1 h))            in parallel, from one norm
 *     head: LayerNorm(x) W^T + b; TinyLLaVA's first release has no b
 *
 * Only the first rope_dims of a head are rotated. */
#include "engine/layers/self_attention.h"

#include <stdlib.h>

struct phi_layer {
    struct norm norm;
    struct self_attention attention;
    struct linear fc1, fc2;
};

struct phi {
    struct lm lm;
    struct card_lm card;
    struct phi_layer *layers;
    struct norm norm;
    const float *frequencies; /* of the rotary embedding */
};

static const char *prefix_of(const struct weights *weights)
{
    return weights->part->prefix ? weights->part->prefix : "";
}

/* Transformers 4.36 stored one matrix with rows [head][q, k, v][head_dim] (LLaVA-Phi:
 * modeling_phi.py :245, 287-301 @21dafbf); ours has all of q, then k, then v. */
static enum status open_fused(struct self_attention *attention, const struct card_lm *card,
                              struct weights *weights, struct error *err)
{
    int heads = card->heads, dim = card->head_dim, n_out = 3 * heads * dim;
    if (card->kv_heads != heads)
        return fail(err, STATUS_UNSUPPORTED,
                    "%s: %s%sself_attn.query_key_value with %d heads and %d kv_heads is not "
                    "supported",
                    weights->part->files[0], prefix_of(weights), weights->scope, heads,
                    card->kv_heads);
    int *order = malloc((size_t)n_out * sizeof *order);
    if (!order)
        return fail(err, STATUS_NO_MEMORY, "out of memory for a language model");
    for (int part = 0; part < 3; part++)
        for (int head = 0; head < heads; head++)
            for (int i = 0; i < dim; i++)
                order[(part * heads + head) * dim + i] = (head * 3 + part) * dim + i;
    enum status status = weights_linear_reordered(weights, "self_attn.query_key_value", order,
                                                  n_out, card->width, true, &attention->qkv, err);
    free(order);
    return status;
}

/* The first of these tensors that is there, or NULL; random weights are stored in parts. */
static const char *first_present(const struct weights *weights, const char *const *names)
{
    for (; weights->files && *names; names++)
        if (weights_have(weights, *names))
            return *names;
    return NULL;
}

static enum status open_qkv(struct self_attention *attention, const struct card_lm *card,
                            struct weights *weights, struct error *err)
{
    static const char *const names[] = {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"};
    static const char *const split_tensors[] = {"self_attn.q_proj.weight",
                                                "self_attn.k_proj.weight",
                                                "self_attn.v_proj.weight",
                                                "self_attn.q_proj.bias",
                                                "self_attn.k_proj.bias",
                                                "self_attn.v_proj.bias",
                                                NULL};
    static const char *const fused_tensors[] = {"self_attn.query_key_value.weight",
                                                "self_attn.query_key_value.bias", NULL};
    int keys = card->kv_heads * card->head_dim;
    int n_out[] = {card->heads * card->head_dim, keys, keys};
    const char *split = first_present(weights, split_tensors);
    const char *fused = first_present(weights, fused_tensors);
    if (split && fused)
        return fail(err, STATUS_BAD_FORMAT,
                    "%s: %s%s%s and %s%s%s are both there: which of them is meant cannot be told",
                    weights->part->files[0], prefix_of(weights), weights->scope, split,
                    prefix_of(weights), weights->scope, fused);
    if (fused)
        return open_fused(attention, card, weights, err);
    return weights_linear_joined(weights, names, n_out, 3, card->width, true, &attention->qkv, err);
}

static enum status open_layer(struct phi_layer *layer, const struct card_lm *card,
                              struct weights *weights, struct error *err)
{
    enum status status = weights_norm(weights, "input_layernorm", card->width, &layer->norm, err);
    if (!status)
        status = open_qkv(&layer->attention, card, weights, err);
    if (!status)
        status = weights_linear(weights, "self_attn.dense", card->width,
                                card->heads * card->head_dim, true, &layer->attention.out, err);
    if (!status)
        status = weights_linear(weights, "mlp.fc1", card->mlp_width, card->width, true, &layer->fc1,
                                err);
    if (!status)
        status = weights_linear(weights, "mlp.fc2", card->width, card->mlp_width, true, &layer->fc2,
                                err);
    return status;
}

static void close_phi(struct lm *lm)
{
    struct phi *phi = (struct phi *)lm;
    for (int i = 0; phi->layers && i < phi->card.layers; i++) {
        self_attention_release(&phi->layers[i].attention);
        linear_release(&phi->layers[i].fc1);
        linear_release(&phi->layers[i].fc2);
    }
    linear_release(&phi->lm.head);
    embedding_release(&phi->lm.embedding);
    free(phi->layers);
    free(phi);
}

static enum status bind(struct phi *phi, struct weights *weights, struct error *err)
{
    const struct card_lm *card = &phi->card;
    phi->layers = calloc((size_t)card->layers, sizeof *phi->layers);
    if (!phi->layers)
        return fail(err, STATUS_NO_MEMORY, "out of memory for a language model");
    enum status status = weights_embedding(weights, "model.embed_tokens.weight", card->vocabulary,
                                           card->width, &phi->lm.embedding, err);
    for (int i = 0; !status && i < card->layers; i++) {
        weights_enter(weights, "model.layers.%d.", i);
        status = open_layer(&phi->layers[i], card, weights, err);
    }
    weights_enter(weights, "model.layers.%d.", card->layers);
    if (!status)
        status = weights_absent(weights, "input_layernorm.weight", err);
    weights_enter(weights, "%s", "");
    if (!status)
        status = weights_norm(weights, "model.final_layernorm", card->width, &phi->norm, err);
    if (!status)
        status = weights_linear(weights, "lm_head", card->vocabulary, card->width, card->head_bias,
                                &phi->lm.head, err);
    if (!status && !card->head_bias)
        status = weights_absent(weights, "lm_head.bias", err);
    if (!status)
        status = self_attention_frequencies(card, weights->arena, &phi->frequencies, err);
    return status;
}

static enum status open_phi(struct lm **out, const struct card_lm *card, struct weights *weights,
                            struct error *err)
{
    extern const struct lm_family lm_phi;
    struct phi *phi = calloc(1, sizeof *phi);
    if (!phi)
        return fail(err, STATUS_NO_MEMORY, "out of memory for a language model");
    phi->lm = (struct lm){.family = &lm_phi, .width = card->width, .vocabulary = card->vocabulary};
    phi->card = *card;
    self_attention_size_cache(&phi->lm, card, weights->type);
    enum status status = bind(phi, weights, err);
    if (status) {
        close_phi(&phi->lm);
        return status;
    }
    *out = &phi->lm;
    return STATUS_OK;
}

static enum status prepare(const struct lm *lm, struct compute *compute, int rows, size_t *need,
                           struct error *err)
{
    const struct phi *phi = (const struct phi *)lm;
    const struct phi_layer *layer = &phi->layers[0]; /* all layers have the same shapes */
    enum status status =
        self_attention_prepare(&layer->attention, &phi->card, compute, rows, need, err);
    if (!status)
        status = linear_prepare(compute->matmul, &layer->fc1, rows, err);
    if (!status)
        status = linear_prepare(compute->matmul, &layer->fc2, rows, err);
    *need += 2 * compute_need(rows, lm->width) + compute_need(rows, phi->card.mlp_width);
    return status;
}

/* Scratch matrices of forward(), besides attention's. */
struct phi_buffers {
    float *h;   /* [rows, width]: after the norm */
    float *out; /* [rows, width]: what is added to x */
    float *mlp; /* [rows, mlp_width] */
};

static void run_layer(const struct phi *phi, int index, struct attention_pass *pass,
                      const struct phi_buffers *b, float *x)
{
    const struct card_lm *card = &phi->card;
    const struct phi_layer *layer = &phi->layers[index];
    const struct ops *ops = pass->compute->ops;
    struct matmul *matmul = pass->compute->matmul;
    int rows = pass->rows;

    ops->layer_norm(b->h, x, layer->norm.weight, layer->norm.bias, rows, card->width,
                    (float)card->eps);
    self_attention_run(&layer->attention, pass, index, b->h, b->out);
    ops->add_scaled(x, b->out, NULL, rows, card->width);

    linear_run(matmul, &layer->fc1, b->h, (size_t)card->width, b->mlp, rows);
    ops->activate(b->mlp, (size_t)rows * (size_t)card->mlp_width, ACTIVATION_GELU_TANH);
    linear_run(matmul, &layer->fc2, b->mlp, (size_t)card->mlp_width, b->out, rows);
    ops->add_scaled(x, b->out, NULL, rows, card->width);
}

static void forward(const struct lm *lm, struct compute *compute, const struct lm_span *spans,
                    size_t n_spans, float *x, int rows)
{
    const struct phi *phi = (const struct phi *)lm;
    const struct card_lm *card = &phi->card;
    size_t taken = compute->taken_floats;
    struct attention_pass pass = {lm, card, compute, spans, n_spans, rows, NULL, NULL, NULL};
    self_attention_begin(&pass, phi->frequencies);
    struct phi_buffers buffers = {
        .h = compute_take(compute, rows, card->width),
        .out = compute_take(compute, rows, card->width),
        .mlp = compute_take(compute, rows, card->mlp_width),
    };
    for (int i = 0; i < card->layers; i++)
        run_layer(phi, i, &pass, &buffers, x);
    compute->ops->layer_norm(x, x, phi->norm.weight, phi->norm.bias, rows, card->width,
                             (float)card->eps);
    compute_release(compute, taken);
}

static int view_state(const struct lm *lm, const struct lm_state *state, int index,
                      struct lm_state_view *view, float *values)
{
    return self_attention_view(lm, &((const struct phi *)lm)->card, state, index, view, values);
}

static const struct card_key keys[] = {
    SELF_ATTENTION_KEYS,
    {"head_bias", offsetof(struct card_lm, head_bias), CARD_FLAG, 0, 1},
    {NULL, 0, CARD_INT, 0, 0},
};

const struct lm_family lm_phi = {
    .name = "phi",
    .keys = keys,
    .check = self_attention_check,
    .open = open_phi,
    .close = close_phi,
    .prepare = prepare,
    .forward = forward,
    .view_state = view_state,
};
