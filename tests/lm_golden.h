/* tests/lm_golden.h - a language model against the logits and states that PyTorch gave. */
#ifndef MAMBENCH_TESTS_LM_GOLDEN_H
#define MAMBENCH_TESTS_LM_GOLDEN_H

#include "tests/lm_model.h"

struct lm_golden {
    struct card_lm card;
    const char *weights, *expected; /* files; expected has "ids" and "logits" [rows, vocabulary] */
    /* Numbers of rows behind which the state is known; the last one is all rows. */
    const int *lengths;
    int n_lengths;
    /* What a state's tensor is behind n rows; freed by the caller. */
    float *(*state)(const struct tensor_file *expected, const struct lm_state_view *view, int n);
    /* Largest differences, of the largest value: rounding in f32.  In bf16, of all logits' length:
     * the products' inputs have 8 bits. */
    double f32_bound, state_bound, bf16_bound;
};

/* An open one; rows: as many as are known. */
struct golden_run {
    const struct lm_golden *golden;
    struct tensor_file *expected;
    int rows, *ids;
    float *logits; /* expected */
};

static inline void golden_run_open(struct golden_run *run, const struct lm_golden *golden)
{
    int rows = golden->lengths[golden->n_lengths - 1];
    *run = (struct golden_run){golden, open_expected(golden->expected), rows, NULL, NULL};
    float *ids = tensor_floats(run->expected, "ids", (size_t)rows);
    run->ids = malloc((size_t)rows * sizeof *run->ids);
    assert_non_null(run->ids);
    for (int i = 0; i < rows; i++)
        run->ids[i] = (int)ids[i];
    free(ids);
    run->logits =
        tensor_floats(run->expected, "logits", (size_t)rows * (size_t)golden->card.vocabulary);
}

static inline void golden_run_close(struct golden_run *run)
{
    tensor_file_close(run->expected);
    free(run->ids);
    free(run->logits);
}

static inline void golden_model_open(struct model *model, const struct lm_golden *golden,
                                     enum matmul_type type, const struct ops *ops, int threads,
                                     int rows)
{
    model_must_open(model, &golden->card, (const char *[]){golden->weights, NULL}, type, ops,
                    threads, rows);
}

static inline void assert_states(const struct golden_run *run, const struct model *model,
                                 const struct lm_state *state, int n)
{
    struct lm_state_view view;
    int i = 0;
    assert_int_equal(state->n_positions, n);
    for (; model->lm->family->view_state(model->lm, state, i, &view, NULL); i++) {
        size_t values = (size_t)view.rows * (size_t)view.columns;
        float *got = malloc(values * sizeof *got);
        assert_non_null(got);
        assert_int_equal(view.layer, i / 2);
        model->lm->family->view_state(model->lm, state, i, &view, got);
        float *want = run->golden->state(run->expected, &view, n);
        assert_near(view.name, got, want, values, run->golden->state_bound);
        free(got), free(want);
    }
    assert_int_equal(i, 2 * run->golden->card.layers);
}

/* Rows first to first + n. */
static inline void assert_logits(const struct golden_run *run, const char *level,
                                 const float *logits, int first, int n)
{
    int vocabulary = run->golden->card.vocabulary;
    const float *want = run->logits + (size_t)first * (size_t)vocabulary;
    assert_near(level, logits, want, (size_t)n * (size_t)vocabulary, run->golden->f32_bound);
    for (int i = 0; i < n; i++, logits += vocabulary, want += vocabulary)
        assert_int_equal(first_maximum(logits, vocabulary), first_maximum(want, vocabulary));
}

/* Each length at once. */
static inline void check_whole(const struct golden_run *run, const struct ops *ops)
{
    const struct lm_golden *golden = run->golden;
    struct model model;
    struct lm_state state;
    golden_model_open(&model, golden, MATMUL_F32, ops, 2, run->rows);
    state_open(&state, &model);
    float *logits = logits_of(&model, run->rows);
    for (int i = 0; i < golden->n_lengths; i++) {
        lm_state_reset(&state, model.lm);
        model_run(&model, &state, run->ids, golden->lengths[i], logits);
        assert_logits(run, ops->name, logits, 0, golden->lengths[i]);
        assert_states(run, &model, &state, golden->lengths[i]);
    }
    free(logits);
    lm_state_release(&state);
    model_close(&model);
}

/* Row after row. */
static inline void check_steps(const struct golden_run *run, const struct ops *ops)
{
    struct model model;
    struct lm_state state;
    int next = 0;
    golden_model_open(&model, run->golden, MATMUL_F32, ops, 1, 1);
    state_open(&state, &model);
    float *logits = logits_of(&model, 1);
    for (int t = 0; t < run->rows; t++) {
        model_run(&model, &state, &run->ids[t], 1, logits);
        assert_logits(run, ops->name, logits, t, 1);
        if (t + 1 == run->golden->lengths[next])
            assert_states(run, &model, &state, run->golden->lengths[next++]);
    }
    assert_int_equal(next, run->golden->n_lengths);
    free(logits);
    lm_state_release(&state);
    model_close(&model);
}

static inline void check_bf16(const struct golden_run *run, const struct ops *ops)
{
    struct model model;
    struct lm_state state;
    golden_model_open(&model, run->golden, MATMUL_BF16, ops, 1, run->rows);
    state_open(&state, &model);
    float *logits = logits_of(&model, run->rows);
    model_run(&model, &state, run->ids, run->rows, logits);
    assert_close_on_the_whole(ops->name, logits, run->logits,
                              (size_t)run->rows * (size_t)model.lm->vocabulary,
                              run->golden->bf16_bound);
    free(logits);
    lm_state_release(&state);
    model_close(&model);
}

/* In f32 at every level that this CPU runs. */
static inline void check_golden(const struct lm_golden *golden)
{
    struct golden_run run;
    golden_run_open(&run, golden);
    for (const struct ops *const *ops = ops_all; *ops; ops++)
        if (ops_runs_here(*ops)) {
            check_whole(&run, *ops);
            check_steps(&run, *ops);
        }
    golden_run_close(&run);
}

/* Says so where the CPU has no bf16. */
static inline void check_golden_bf16(const struct lm_golden *golden)
{
    struct golden_run run;
    if (!matmul_has(MATMUL_BF16)) {
        printf("[ SKIPPED  ] %s: no bf16 on this CPU\n", golden->weights);
        skip();
    }
    golden_run_open(&run, golden);
    for (const struct ops *const *ops = ops_all; *ops; ops++)
        if (ops_runs_here(*ops))
            check_bf16(&run, *ops);
    golden_run_close(&run);
}

#endif
