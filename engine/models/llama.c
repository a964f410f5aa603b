/* engine/models/llama.c - LLaMA decoders (Touvron et al. 2023, arXiv 2302.13971), as Transformers'
 * LlamaForCausalLM computes them: Vicuna, MobileLLaMA, TinyLlama.
 *
 *     for each layer:
 *         x = x + Attention(RMSNorm(x))                      self_attention.h
 *         h = RMSNorm(x) ;  x = x + (SiLU(h gate^T) * (h up^T)) down^T
 *     head: RMSNorm(x) W^T */
#include "engine/layers/self_attention.h"

#include <stdlib.h>

struct llama_layer {
    const float *attention_norm, *mlp_norm; /* [width] */
    struct self_attention attention;
    struct linear gate_up; /* [2 * mlp_width, width]: gate rows, then up rows */
    struct linear down;    /* [width, mlp_width] */
};

struct llama {
    struct lm lm;
    struct card_lm card;
    struct llama_layer *layers;
    const float *norm;        /* [width] */
    const float *frequencies; /* of the rotary embedding */
};

static enum status open_attention(struct self_attention *attention, const struct card_lm *card,
                                  struct weights *weights, struct error *err)
{
    static const char *const names[] = {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"};
    int keys = card->kv_heads * card->head_dim, queries = card->heads * card->head_dim;
    int n_out[] = {queries, keys, keys};
    enum status status =
        weights_linear_joined(weights, names, n_out, 3, card->width, false, &attention->qkv, err);
    if (!status)
        status = weights_linear(weights, "self_attn.o_proj", card->width, queries, false,
                                &attention->out, err);
    return status;
}

static enum status open_layer(struct llama_layer *layer, const struct card_lm *card,
                              struct weights *weights, struct error *err)
{
    static const char *const gate_up[] = {"mlp.gate_proj", "mlp.up_proj"};
    int n_out[] = {card->mlp_width, card->mlp_width};
    float *attention_norm = NULL, *mlp_norm = NULL;
    enum status status =
        weights_vector(weights, "input_layernorm.weight", card->width, &attention_norm, err);
    if (!status)
        status = open_attention(&layer->attention, card, weights, err);
    if (!status)
        status =
            weights_vector(weights, "post_attention_layernorm.weight", card->width, &mlp_norm, err);
    if (!status)
        status = weights_linear_joined(weights, gate_up, n_out, 2, card->width, false,
                                       &layer->gate_up, err);
    if (!status)
        status = weights_linear(weights, "mlp.down_proj", card->width, card->mlp_width, false,
                                &layer->down, err);
    layer->attention_norm = attention_norm;
    layer->mlp_norm = mlp_norm;
    return status;
}

static void close_llama(struct lm *lm)
{
    struct llama *llama = (struct llama *)lm;
    for (int i = 0; llama->layers && i < llama->card.layers; i++) {
        self_attention_release(&llama->layers[i].attention);
        linear_release(&llama->layers[i].gate_up);
        linear_release(&llama->layers[i].down);
    }
    linear_release(&llama->lm.head);
    embedding_release(&llama->lm.embedding);
    free(llama->layers);
    free(llama);
}

static enum status bind(struct llama *llama, struct weights *weights, struct error *err)
{
    const struct card_lm *card = &llama->card;
    float *norm = NULL;
    llama->layers = calloc((size_t)card->layers, sizeof *llama->layers);
    if (!llama->layers)
        return fail(err, STATUS_NO_MEMORY, "out of memory for a language model");
    enum status status = weights_embedding(weights, "model.embed_tokens.weight", card->vocabulary,
                                           card->width, &llama->lm.embedding, err);
    for (int i = 0; !status && i < card->layers; i++) {
        weights_enter(weights, "model.layers.%d.", i);
        status = open_layer(&llama->layers[i], card, weights, err);
    }
    weights_enter(weights, "model.layers.%d.", card->layers);
    if (!status)
        status = weights_absent(weights, "input_layernorm.weight", err);
    weights_enter(weights, "%s", "");
    if (!status)
        status = weights_vector(weights, "model.norm.weight", card->width, &norm, err);
    if (!status)
        status = weights_linear(weights, "lm_head", card->vocabulary, card->width, false,
                                &llama->lm.head, err);
    if (!status)
        status = self_attention_frequencies(card, weights->arena, &llama->frequencies, err);
    llama->norm = norm;
    return status;
}

static enum status open_llama(struct lm **out, const struct card_lm *card, struct weights *weights,
                              struct error *err)
{
    extern const struct lm_family lm_llama;
    struct llama *llama = calloc(1, sizeof *llama);
    if (!llama)
        return fail(err, STATUS_NO_MEMORY, "out of memory for a language model");
    llama->lm =
        (struct lm){.family = &lm_llama, .width = card->width, .vocabulary = card->vocabulary};
    llama->card = *card;
    self_attention_size_cache(&llama->lm, card, weights->type);
    enum status status = bind(llama, weights, err);
    if (status) {
        close_llama(&llama->lm);
        return status;
    }
    *out = &llama->lm;
    return STATUS_OK;
}

static enum status prepare(const struct lm *lm, struct compute *compute, int rows, size_t *need,
                           struct error *err)
{
    const struct llama *llama = (const struct llama *)lm;
    const struct llama_layer *layer = &llama->layers[0]; /* all layers have the same shapes */
    enum status status =
        self_attention_prepare(&layer->attention, &llama->card, compute, rows, need, err);
    if (!status)
        status = linear_prepare(compute->matmul, &layer->gate_up, rows, err);
    if (!status)
        status = linear_prepare(compute->matmul, &layer->down, rows, err);
    *need += 2 * compute_need(rows, lm->width) + compute_need(rows, 2 * llama->card.mlp_width) +
             compute_need(rows, llama->card.mlp_width);
    return status;
}

/* Scratch matrices of forward(), besides attention's. */
struct llama_buffers {
    float *h;       /* [rows, width]: after a norm */
    float *out;     /* [rows, width]: what is added to x */
    float *gate_up; /* [rows, 2 * mlp_width] */
    float *mlp;     /* [rows, mlp_width] */
};

static void run_layer(const struct llama *llama, int index, struct attention_pass *pass,
                      const struct llama_buffers *b, float *x)
{
    const struct card_lm *card = &llama->card;
    const struct llama_layer *layer = &llama->layers[index];
    const struct ops *ops = pass->compute->ops;
    struct matmul *matmul = pass->compute->matmul;
    size_t mlp = (size_t)card->mlp_width;
    int rows = pass->rows;

    ops->rms_norm(b->h, x, layer->attention_norm, rows, card->width, (float)card->eps);
    self_attention_run(&layer->attention, pass, index, b->h, b->out);
    ops->add_scaled(x, b->out, NULL, rows, card->width);

    ops->rms_norm(b->h, x, layer->mlp_norm, rows, card->width, (float)card->eps);
    linear_run(matmul, &layer->gate_up, b->h, (size_t)card->width, b->gate_up, rows);
    ops->silu_multiply(b->mlp, b->gate_up, b->gate_up + mlp, 2 * mlp, rows, card->mlp_width);
    linear_run(matmul, &layer->down, b->mlp, mlp, b->out, rows);
    ops->add_scaled(x, b->out, NULL, rows, card->width);
}

static void forward(const struct lm *lm, struct compute *compute, const struct lm_span *spans,
                    size_t n_spans, float *x, int rows)
{
    const struct llama *llama = (const struct llama *)lm;
    const struct card_lm *card = &llama->card;
    size_t taken = compute->taken_floats;
    struct attention_pass pass = {lm, card, compute, spans, n_spans, rows, NULL, NULL, NULL};
    self_attention_begin(&pass, llama->frequencies);
    struct llama_buffers buffers = {
        .h = compute_take(compute, rows, card->width),
        .out = compute_take(compute, rows, card->width),
        .gate_up = compute_take(compute, rows, 2 * card->mlp_width),
        .mlp = compute_take(compute, rows, card->mlp_width),
    };
    for (int i = 0; i < card->layers; i++)
        run_layer(llama, i, &pass, &buffers, x);
    compute->ops->rms_norm(x, x, llama->norm, rows, card->width, (float)card->eps);
    compute_release(compute, taken);
}

static int view_state(const struct lm *lm, const struct lm_state *state, int index,
                      struct lm_state_view *view, float *values)
{
    return self_attention_view(lm, &((const struct llama *)lm)->card, state, index, view, values);
}

static const struct card_key keys[] = {
    SELF_ATTENTION_KEYS,
    {NULL, 0, CARD_INT, 0, 0},
};

const struct lm_family lm_llama = {
    .name = "llama",
    .keys = keys,
    .check = self_attention_check,
    .open = open_llama,
    .close = close_llama,
    .prepare = prepare,
    .forward = forward,
    .view_state = view_state,
};
