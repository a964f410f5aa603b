/* tests/family_leaky.c - a language model family that exists for tests/test_added_family.c alone:
 * the one file that a new family takes.
 *
 *     s = decay s + dt x^2 ;  x = RMSNorm((s x + D x) W^T)       for every row and channel
 *
 * A leaky sum of everything read, written as Mamba-2's scan with one state a channel. */
#include "engine/models/lm.h"

#include <stdlib.h>

struct leaky {
    struct lm lm;
    struct card_lm card;
    struct linear mix;            /* [width, width] */
    const float *norm;            /* [width] */
    const float *A, *D, *dt_bias; /* of the scan: [width] */
};

static void close_leaky(struct lm *lm)
{
    struct leaky *leaky = (struct leaky *)lm;
    linear_release(&leaky->mix);
    linear_release(&leaky->lm.head);
    embedding_release(&leaky->lm.embedding);
    free(leaky);
}

static enum status bind(struct leaky *leaky, struct weights *weights, struct error *err)
{
    const struct card_lm *card = &leaky->card;
    float *norm = NULL, *A = NULL, *D = NULL, *dt_bias = NULL;
    enum status status =
        weights_tied_embedding(weights, "embedding.weight", "head.weight", card->vocabulary,
                               card->width, &leaky->lm.embedding, &leaky->lm.head, err);
    if (!status)
        status = weights_linear(weights, "mix", card->width, card->width, false, &leaky->mix, err);
    if (!status)
        status = weights_vector(weights, "norm.weight", card->width, &norm, err);
    if (!status)
        status = weights_vector(weights, "A_log", card->width, &A, err);
    if (!status)
        status = weights_vector(weights, "mixer.D", card->width, &D, err);
    if (!status)
        status = weights_vector(weights, "dt_bias", card->width, &dt_bias, err);
    for (int c = 0; !status && c < card->width; c++)
        A[c] = -A[c] * A[c];
    leaky->norm = norm;
    leaky->A = A;
    leaky->D = D;
    leaky->dt_bias = dt_bias;
    return status;
}

static enum status open_leaky(struct lm **out, const struct card_lm *card, struct weights *weights,
                              struct error *err)
{
    extern const struct lm_family lm_leaky;
    struct leaky *leaky = calloc(1, sizeof *leaky);
    if (!leaky)
        return fail(err, STATUS_NO_MEMORY, "out of memory for a language model");
    leaky->lm = (struct lm){.family = &lm_leaky,
                            .width = card->width,
                            .vocabulary = card->vocabulary,
                            .fixed_floats = (size_t)card->width};
    leaky->card = *card;
    enum status status = bind(leaky, weights, err);
    if (status) {
        close_leaky(&leaky->lm);
        return status;
    }
    *out = &leaky->lm;
    return STATUS_OK;
}

static int chunk(const struct ops *ops)
{
    return ops->ssd_chunk;
}

/* The scan with one channel a head and one state a channel; B and C are columns of x itself. */
static struct ssd_inputs scan_inputs(const struct leaky *leaky, const float *x)
{
    size_t width = (size_t)leaky->card.width;
    return (struct ssd_inputs){
        .x = x,
        .B = x,
        .C = x,
        .dt = x,
        .xbc_stride = width,
        .dt_stride = width,
        .dt_bias = leaky->dt_bias,
        .A = leaky->A,
        .D = leaky->D,
        .heads = leaky->card.width,
        .head_dim = 1,
        .state_size = 1,
    };
}

static enum status prepare(const struct lm *lm, struct compute *compute, int rows, size_t *need,
                           struct error *err)
{
    const struct leaky *leaky = (const struct leaky *)lm;
    struct ssd_inputs in = scan_inputs(leaky, NULL);
    *need += compute_need(rows, lm->width) +
             compute_need(1, (int)compute->ops->ssd_scratch(&in, rows) + 1);
    return linear_prepare(compute->matmul, &leaky->mix, rows, err);
}

static void forward(const struct lm *lm, struct compute *compute, const struct lm_span *spans,
                    size_t n_spans, float *x, int rows)
{
    const struct leaky *leaky = (const struct leaky *)lm;
    size_t taken = compute->taken_floats;
    struct ssd_inputs in = scan_inputs(leaky, x);
    struct span scans[LM_MAX_SPANS];
    float *y = compute_take(compute, rows, lm->width);
    float *scratch = compute_take(compute, 1, (int)compute->ops->ssd_scratch(&in, rows) + 1);
    for (size_t i = 0; i < n_spans; i++)
        scans[i] = (struct span){spans[i].first_row, spans[i].n_rows, NULL, spans[i].state->fixed};
    compute->ops->ssd_scan(y, &in, scans, n_spans, scratch);
    linear_run(compute->matmul, &leaky->mix, y, (size_t)lm->width, x, rows);
    compute->ops->rms_norm(x, x, leaky->norm, rows, lm->width, (float)leaky->card.eps);
    compute_release(compute, taken);
}

static int view_state(const struct lm *lm, const struct lm_state *state, int index,
                      struct lm_state_view *view, float *values)
{
    if (index > 0)
        return 0;
    *view = (struct lm_state_view){"sum", 0, 1, lm->width};
    for (int c = 0; values && c < lm->width; c++)
        values[c] = state->fixed[c];
    return 1;
}

static const struct card_key keys[] = {{NULL, 0, CARD_INT, 0, 0}};

const struct lm_family lm_leaky = {
    .name = "leaky",
    .keys = keys,
    .open = open_leaky,
    .close = close_leaky,
    .chunk = chunk,
    .prepare = prepare,
    .forward = forward,
    .view_state = view_state,
};
