/* tests/lm_rules.h - the rules that every language model keeps: same bits however rows are cut,
 * batched and threaded; nothing allocated between tokens; damage and want of memory told by name.
 */
#ifndef MAMBENCH_TESTS_LM_RULES_H
#define MAMBENCH_TESTS_LM_RULES_H

#include "tests/lm_model.h"

/* ---- same bits ---- */

enum { RUN_ROWS = 259, OTHER_ROWS = 70 };

static inline void make_ids(int ids[RUN_ROWS], int vocabulary)
{
    for (int i = 0; i < RUN_ROWS; i++)
        ids[i] = (i * i + 3 * i) % vocabulary;
}

/* What is run: so many rows, at most RUN_ROWS, with 1 to most_threads threads; chunk: the rows at
 * multiples of which the family may cut. */
struct bits_case {
    const struct card_lm *card;
    const char *const *paths;
    enum matmul_type type;
    int rows, most_threads, chunk;
};

/* The sequence at once. */
struct bits_whole {
    int ids[RUN_ROWS], rows;
    float *logits;
    struct lm_state state;
};

/* The sequence in pieces: logits and the state must have the bits of the whole one. */
static inline void check_pieces(struct model *model, const struct bits_whole *whole, int piece)
{
    size_t vocabulary = (size_t)model->lm->vocabulary;
    float *logits = logits_of(model, whole->rows);
    struct lm_state state;
    state_open(&state, model);
    for (int first = 0; first < whole->rows; first += piece) {
        int n = whole->rows - first < piece ? whole->rows - first : piece;
        model_run(model, &state, whole->ids + first, n, logits);
        assert_memory_equal(logits, whole->logits + (size_t)first * vocabulary,
                            (size_t)n * vocabulary * sizeof *logits);
    }
    assert_true(lm_state_equal(&state, &whole->state, model->lm));
    lm_state_release(&state);
    free(logits);
}

/* One matrix of several sequences' next rows: n[i] of ids[i] behind states[i]. */
static inline void run_together(struct model *model, struct lm_state *states, const int *const *ids,
                                const int *n, size_t n_spans, float *logits)
{
    struct lm_span spans[LM_MAX_SPANS];
    struct error err = {""};
    int rows = 0;
    for (size_t i = 0; i < n_spans; rows += n[i++]) {
        spans[i] = (struct lm_span){rows, n[i], &states[i]};
        assert_ok(lm_state_reserve(&states[i], model->lm, states[i].n_positions + n[i], &err), err);
    }
    assert_true(rows <= model->rows);
    assert_ok(model_prepare(model, rows, &err), err);
    for (size_t i = 0; i < n_spans; i++)
        lm_embed(model->lm, &model->compute, ids[i], n[i],
                 model->x + (size_t)spans[i].first_row * (size_t)model->lm->width);
    lm_forward(model->lm, &model->compute, spans, n_spans, model->x, rows);
    lm_logits(model->lm, &model->compute, model->x, rows, logits);
    assert_false(matmul_failed(model->compute.matmul));
}

/* The sequence between two others in one matrix, and all of them for a few more rows: as alone. */
static inline void check_batch(struct model *model, const struct bits_whole *whole)
{
    enum { N = 3 };
    static const int more[N] = {1, 1, 5};
    const int rows[N] = {OTHER_ROWS, whole->rows, 1}, *ids = whole->ids;
    const int *starts[N] = {ids + 9, ids, ids + 5}, *next[N] = {ids + 30, ids + 2, ids + 8};
    size_t vocabulary = (size_t)model->lm->vocabulary;
    struct lm_state together[N], alone;
    float *logits = logits_of(model, OTHER_ROWS + whole->rows + 1);
    float *one = logits_of(model, whole->rows);
    for (int i = 0; i < N; i++)
        state_open(&together[i], model);
    run_together(model, together, starts, rows, N, logits);
    assert_memory_equal(logits + OTHER_ROWS * vocabulary, whole->logits,
                        (size_t)whole->rows * vocabulary * sizeof *logits);
    assert_true(lm_state_equal(&together[1], &whole->state, model->lm));
    run_together(model, together, next, more, N, logits);
    const float *got = logits;
    for (int i = 0; i < N; got += (size_t)more[i++] * vocabulary) {
        state_open(&alone, model);
        model_run(model, &alone, starts[i], rows[i], one);
        model_run(model, &alone, next[i], more[i], one);
        assert_memory_equal(got, one, (size_t)more[i] * vocabulary * sizeof *one);
        assert_true(lm_state_equal(&together[i], &alone, model->lm));
        lm_state_release(&together[i]);
        lm_state_release(&alone);
    }
    free(logits);
    free(one);
}

static inline void check_bits(const struct bits_case *c, const struct ops *ops)
{
    struct bits_whole whole = {.rows = c->rows};
    make_ids(whole.ids, c->card->vocabulary);
    for (int threads = 1; threads <= c->most_threads; threads++) {
        struct model model;
        model_must_open(&model, c->card, c->paths, c->type, ops, threads, OTHER_ROWS + c->rows + 1);
        if (!whole.logits) {
            whole.logits = logits_of(&model, c->rows);
            state_open(&whole.state, &model);
            model_run(&model, &whole.state, whole.ids, c->rows, whole.logits);
        }
        assert_int_equal(lm_chunk(model.lm, ops), c->chunk);
        check_pieces(&model, &whole, c->rows);
        check_pieces(&model, &whole, c->chunk);
        check_pieces(&model, &whole, (7 + c->chunk - 1) / c->chunk * c->chunk);
        check_pieces(&model, &whole, (100 + c->chunk - 1) / c->chunk * c->chunk);
        check_batch(&model, &whole);
        model_close(&model);
    }
    free(whole.logits);
    lm_state_release(&whole.state);
}

/* ---- memory ---- */

/* Neither many rows nor one allocate. */
static inline void check_no_allocations(const struct card_lm *card, enum matmul_type type)
{
    struct error err = {""};
    const struct ops *best;
    struct model model;
    struct lm_state state;
    int ids[RUN_ROWS];
    make_ids(ids, card->vocabulary);
    assert_ok(ops_find(&best, NULL, &err), err);
    model_must_open(&model, card, no_paths, type, best, 2, RUN_ROWS);
    assert_ok(model_prepare(&model, 1, &err), err);
    state_open(&state, &model);
    assert_ok(lm_state_reserve(&state, model.lm, RUN_ROWS + 1, &err), err);
    float *logits = logits_of(&model, RUN_ROWS);
    fail_allocation(1);
    model_run(&model, &state, ids, RUN_ROWS, logits);
    model_run(&model, &state, ids, 1, logits);
    assert_false(allocation_has_failed());
    fail_allocation(0);
    free(logits);
    lm_state_release(&state);
    model_close(&model);
}

/* Every failed allocation on the way to a model that runs 8 rows; there are at least so many. */
static inline void check_failed_allocations(const struct card_lm *card, const char *const *paths,
                                            long at_least)
{
    const struct ops *ops;
    struct error err = {""};
    assert_ok(ops_find(&ops, NULL, &err), err);
    long n = 1;
    for (int struck = 1; struck; n++) {
        struct model model;
        err.text[0] = '\0';
        fail_allocation(n);
        enum status status = model_open(&model, card, paths, "", MATMUL_F32, ops, 1, 8, &err);
        struck = allocation_has_failed();
        fail_allocation(0);
        model_close(&model);
        if (struck) {
            assert_int_equal(status, STATUS_NO_MEMORY);
            assert_true(err.text[0] != '\0');
        } else {
            assert_ok(status, err);
        }
        assert_true(n < 2000);
    }
    assert_true(n > at_least);
}

/* ---- tensors ---- */

/* Tables that files may have and nobody reads. */
static inline int is_unread(const char *name)
{
    return strstr(name, "rotary_emb.inv_freq") != NULL;
}

/* Counting packs nothing and counts as many parameters as reading: those in the file. */
static inline void check_counting(const struct card_lm *card, const char *const *paths)
{
    struct part counted, read;
    struct lm *lm;
    struct error err = {""};
    const struct lm_family *family = lm_family_find(card->family);
    size_t in_file = 0;
    assert_ok(part_open(&counted, paths, "", MATMUL_F32, &err), err);
    assert_ok(part_open(&read, paths, "", MATMUL_F32, &err), err);
    counted.weights.counting = true;
    assert_ok(family->open(&lm, card, &counted.weights, &err), err);
    assert_null(lm->head.packed);
    assert_null(lm->embedding.f32);
    family->close(lm);
    assert_ok(family->open(&lm, card, &read.weights, &err), err);
    assert_non_null(lm->head.packed);
    family->close(lm);
    for (size_t i = 0; i < read.files.files[0]->n_tensors; i++)
        if (!is_unread(read.files.files[0]->tensors[i].name))
            in_file += tensor_elements(&read.files.files[0]->tensors[i]);
    assert_int_equal(counted.weights.parameters, in_file);
    assert_int_equal(read.weights.parameters, in_file);
    part_close(&counted);
    part_close(&read);
}

/* Opens and closes; the status. */
static inline enum status try_open(const struct card_lm *card, const char *const *paths,
                                   struct error *err)
{
    struct part part;
    struct lm *lm = NULL;
    const struct lm_family *family = lm_family_find(card->family);
    enum status status = part_open(&part, paths, "", MATMUL_F32, err);
    if (!status)
        status = family->open(&lm, card, &part.weights, err);
    if (lm)
        family->close(lm);
    part_close(&part);
    return status;
}

/* Every tensor but one: the missing one is named, and the file. */
static inline void check_missing(const struct card_lm *card, const char *path, size_t n_tensors)
{
    struct tensor_file *file = open_expected(path);
    assert_int_equal(file->n_tensors, n_tensors);
    for (size_t i = 0; i < file->n_tensors; i++) {
        const char *name = file->tensors[i].name;
        struct error err = {""};
        char without[32];
        write_without(path, name, without);
        enum status status = try_open(card, (const char *[]){without, NULL}, &err);
        unlink(without);
        if (is_unread(name)) {
            assert_ok(status, err);
            continue;
        }
        assert_int_equal(status, STATUS_NOT_FOUND);
        assert_contains(err.text, name);
        assert_contains(err.text, without);
    }
    tensor_file_close(file);
}

/* A card with one number that is not the file's: the tensor it is seen by, and both shapes. */
struct misfit {
    size_t member; /* an int of struct card_lm */
    int value;
    const char *tensor, *have, *want;
};

static inline void check_misfits(const struct card_lm *fitting, const char *path,
                                 const struct misfit *misfits, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct card_lm card = *fitting;
        struct error err = {""};
        memcpy((char *)&card + misfits[i].member, &misfits[i].value, sizeof misfits[i].value);
        assert_int_equal(try_open(&card, (const char *[]){path, NULL}, &err), STATUS_MISMATCH);
        assert_contains(err.text, path);
        assert_contains(err.text, misfits[i].tensor);
        assert_contains(err.text, misfits[i].have);
        assert_contains(err.text, misfits[i].want);
    }
}

#endif
