/* tests/lm_model.h - a language model opened for a test. */
#ifndef MAMBENCH_TESTS_LM_MODEL_H
#define MAMBENCH_TESTS_LM_MODEL_H

#include "tests/weights_part.h"

#include "engine/models/lm.h"

static const char *const no_paths[] = {NULL};

/* A model that can run up to so many rows. */
struct model {
    struct part part;
    struct lm *lm;
    struct compute compute;
    int rows;
    float *x;
};

static inline void model_close(struct model *model)
{
    if (model->lm)
        model->lm->family->close(model->lm);
    if (model->compute.ops)
        compute_close(&model->compute);
    free(model->x);
    part_close(&model->part);
}

/* Makes what model_run() needs for so many rows. */
static inline enum status model_prepare(struct model *model, int rows, struct error *err)
{
    size_t need = 0;
    enum status status = model->lm->family->prepare(model->lm, &model->compute, rows, &need, err);
    if (!status)
        status = linear_prepare(model->compute.matmul, &model->lm->head, rows, err);
    return status ? status : compute_reserve(&model->compute, need, err);
}

/* To be closed after a failure too. */
static inline enum status model_open(struct model *model, const struct card_lm *card,
                                     const char *const *paths, const char *prefix,
                                     enum matmul_type type, const struct ops *ops, int threads,
                                     int rows, struct error *err)
{
    const struct lm_family *family = lm_family_find(card->family);
    *model = (struct model){.rows = rows};
    enum status status = part_open(&model->part, paths, prefix, type, err);
    if (!status)
        status = family->open(&model->lm, card, &model->part.weights, err);
    if (!status)
        status = compute_open(&model->compute, ops, threads, err);
    if (!status)
        status = model_prepare(model, rows, err);
    if (status)
        return status;
    compute_use_threads(&model->compute);
    model->x = malloc((size_t)ops_padded_rows(rows) * (size_t)card->width * sizeof *model->x);
    return model->x ? STATUS_OK : fail(err, STATUS_NO_MEMORY, "out of memory for a test");
}

static inline void model_must_open(struct model *model, const struct card_lm *card,
                                   const char *const *paths, enum matmul_type type,
                                   const struct ops *ops, int threads, int rows)
{
    struct error err = {""};
    assert_ok(model_open(model, card, paths, "", type, ops, threads, rows, &err), err);
}

static inline void state_open(struct lm_state *state, const struct model *model)
{
    struct error err = {""};
    assert_ok(lm_state_open(state, model->lm, &err), err);
}

/* Memory for the logits of so many rows. */
static inline float *logits_of(const struct model *model, int rows)
{
    float *logits =
        malloc((size_t)ops_padded_rows(rows) * (size_t)model->lm->vocabulary * sizeof *logits);
    assert_non_null(logits);
    return logits;
}

static inline int first_maximum(const float *values, int n)
{
    int best = 0;
    for (int i = 1; i < n; i++)
        if (values[i] > values[best])
            best = i;
    return best;
}

/* One sequence's next rows; logits: [padded n, vocabulary].  A cache grows to just what is needed.
 */
static inline void model_run(struct model *model, struct lm_state *state, const int *ids, int n,
                             float *logits)
{
    struct lm_span span = {0, n, state};
    struct error err = {""};
    assert_true(n <= model->rows);
    assert_ok(model_prepare(model, n, &err), err);
    assert_ok(lm_state_reserve(state, model->lm, state->n_positions + n, &err), err);
    lm_embed(model->lm, &model->compute, ids, n, model->x);
    lm_forward(model->lm, &model->compute, &span, 1, model->x, n);
    lm_logits(model->lm, &model->compute, model->x, n, logits);
    assert_false(matmul_failed(model->compute.matmul));
}

#endif
