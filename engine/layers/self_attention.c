#include "engine/layers/self_attention.h"

#include "engine/base/float16.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum status self_attention_check(const struct card_lm *card, const char *place, struct error *err)
{
    if (card->heads % card->kv_heads != 0)
        return fail(err, STATUS_MISMATCH, "%s: language_model: %d kv_heads do not divide %d heads",
                    place, card->kv_heads, card->heads);
    if (card->rope_dims % 2 != 0 || card->rope_dims > card->head_dim)
        return fail(err, STATUS_MISMATCH,
                    "%s: language_model: rope_dims is %d, an even number up to head_dim %d is "
                    "expected",
                    place, card->rope_dims, card->head_dim);
    return STATUS_OK;
}

void self_attention_release(struct self_attention *layer)
{
    linear_release(&layer->qkv);
    linear_release(&layer->out);
}

void self_attention_size_cache(struct lm *lm, const struct card_lm *card, enum matmul_type type)
{
    lm->n_slabs = card->layers * 2 * card->kv_heads;
    lm->slab_width = card->head_dim;
    lm->cache_type = type == MATMUL_F32 ? CACHE_F32 : CACHE_BF16;
}

enum status self_attention_frequencies(const struct card_lm *card, struct arena *arena,
                                       const float **out, struct error *err)
{
    int half = card->rope_dims / 2;
    float *frequencies = arena_alloc(arena, (size_t)half, sizeof *frequencies);
    if (!frequencies)
        return fail(err, STATUS_NO_MEMORY, "out of memory for a language model");
    for (int i = 0; i < half; i++)
        frequencies[i] =
            1.0F / powf((float)card->rope_theta, (float)(2 * i) / (float)card->rope_dims);
    *out = frequencies;
    return STATUS_OK;
}

/* Columns of the fused product. */
static int qkv_width(const struct card_lm *card)
{
    return (card->heads + 2 * card->kv_heads) * card->head_dim;
}

enum status self_attention_prepare(const struct self_attention *layer, const struct card_lm *card,
                                   struct compute *compute, int rows, size_t *need,
                                   struct error *err)
{
    enum status status = linear_prepare(compute->matmul, &layer->qkv, rows, err);
    if (!status)
        status = linear_prepare(compute->matmul, &layer->out, rows, err);
    *need += compute_need(rows, card->rope_dims) + compute_need(rows, qkv_width(card)) +
             compute_need(rows, card->heads * card->head_dim);
    return status;
}

/* The spans as attention sees them: every row of this forward() is in the cache already. */
static void fill_spans(const struct attention_pass *pass, struct attention_span *spans)
{
    assert(pass->n_spans <= LM_MAX_SPANS);
    for (size_t i = 0; i < pass->n_spans; i++) {
        const struct lm_span *span = &pass->spans[i];
        spans[i] = (struct attention_span){
            .first_row = span->first_row,
            .n_rows = span->n_rows,
            .n_keys = span->state->n_positions + span->n_rows,
            .key_stride = (size_t)pass->card->head_dim,
            .head_stride = lm_slab_stride(pass->lm, span->state),
        };
    }
}

void self_attention_begin(struct attention_pass *pass, const float *frequencies)
{
    const struct card_lm *card = pass->card;
    struct attention_span spans[LM_MAX_SPANS];
    pass->angles = compute_take(pass->compute, pass->rows, card->rope_dims);
    pass->qkv = compute_take(pass->compute, pass->rows, qkv_width(card));
    pass->mixed = compute_take(pass->compute, pass->rows, card->heads * card->head_dim);
    fill_spans(pass, spans);
    pass->compute->ops->rotary_table(pass->angles, frequencies, card->rope_dims / 2, spans,
                                     pass->n_spans);
}

/* Appends keys or values to a span's slabs; columns: where they begin in a row of qkv. */
static void append(const struct attention_pass *pass, const struct lm_span *span, void *slab,
                   size_t columns)
{
    const struct card_lm *card = pass->card;
    size_t stride = (size_t)qkv_width(card);
    size_t skipped = (size_t)span->state->n_positions * (size_t)card->head_dim;
    size_t bytes = pass->lm->cache_type == CACHE_BF16 ? sizeof(unsigned short) : sizeof(float);
    pass->compute->ops->cache_rows((char *)slab + skipped * bytes, pass->lm->cache_type,
                                   lm_slab_stride(pass->lm, span->state),
                                   pass->qkv + (size_t)span->first_row * stride + columns, stride,
                                   span->n_rows, card->kv_heads, card->head_dim);
}

void self_attention_run(const struct self_attention *layer, struct attention_pass *pass, int index,
                        const float *x, float *out)
{
    const struct card_lm *card = pass->card;
    const struct ops *ops = pass->compute->ops;
    struct attention_span spans[LM_MAX_SPANS];
    size_t stride = (size_t)qkv_width(card);
    size_t k = (size_t)(card->heads * card->head_dim);
    size_t v = k + (size_t)(card->kv_heads * card->head_dim);

    linear_run(pass->compute->matmul, &layer->qkv, x, (size_t)card->width, pass->qkv, pass->rows);
    /* q and k stand side by side: one call rotates the heads of both. */
    ops->rotate(pass->qkv, stride, pass->angles, card->rope_dims / 2, pass->rows,
                card->heads + card->kv_heads, card->head_dim);
    fill_spans(pass, spans);
    for (size_t i = 0; i < pass->n_spans; i++) {
        int slab = index * 2 * card->kv_heads;
        void *keys = lm_slab(pass->lm, pass->spans[i].state, slab);
        void *values = lm_slab(pass->lm, pass->spans[i].state, slab + card->kv_heads);
        append(pass, &pass->spans[i], keys, k);
        append(pass, &pass->spans[i], values, v);
        spans[i].k = keys;
        spans[i].v = values;
    }
    struct attention_shape shape = {
        .heads = card->heads,
        .kv_heads = card->kv_heads,
        .head_dim = card->head_dim,
        .q_stride = stride,
        .scale = 1.0F / sqrtf((float)card->head_dim),
        .causal = true,
        .type = pass->lm->cache_type,
    };
    ops->attention(pass->mixed, pass->qkv, &shape, spans, pass->n_spans);
    linear_run(pass->compute->matmul, &layer->out, pass->mixed, k, out, pass->rows);
}

int self_attention_view(const struct lm *lm, const struct card_lm *card,
                        const struct lm_state *state, int index, struct lm_state_view *view,
                        float *values)
{
    if (index >= 2 * card->layers)
        return 0;
    size_t n = (size_t)state->n_positions * (size_t)card->head_dim;
    *view = (struct lm_state_view){index % 2 ? "v" : "k", index / 2,
                                   card->kv_heads * state->n_positions, card->head_dim};
    if (!values || n == 0) /* an empty state may have no cache yet */
        return 1;
    for (int head = 0; head < card->kv_heads; head++, values += n) {
        const void *slab = lm_slab(lm, state, index * card->kv_heads + head);
        if (lm->cache_type == CACHE_F32)
            memcpy(values, slab, n * sizeof *values);
        for (size_t i = 0; lm->cache_type == CACHE_BF16 && i < n; i++)
            values[i] = float_from_bf16(((const unsigned short *)slab)[i]);
    }
    return 1;
}
