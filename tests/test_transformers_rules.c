/* The rules that every language model keeps (tests/lm_rules.h), on LLaMA and Phi; what is theirs
 * alone: a cache that grows and is copied, two layouts of one layer. */
#include "tests/decoder_models.h"
#include "tests/lm_rules.h"

static const char *const *paths_of(int tiny)
{
    static const char *paths[] = {NULL, NULL};
    paths[0] = tiny_decoders[tiny].weights;
    return paths;
}

/* ---- same bits ---- */

enum { THREE_TILES = 131 }; /* of keys, and the third one is begun */

/* The types that this CPU multiplies. */
static int n_types(void)
{
    return matmul_has(MATMUL_BF16) ? 2 : 1;
}

static void bits_of_any_head_size_do_not_depend_on_pieces_and_batches(void **state)
{
    (void)state;
    for (const struct ops *const *ops = ops_all; *ops; ops++)
        for (int i = 0; i < N_TINY && ops_runs_here(*ops); i++) {
            struct bits_case tiny = {
                &tiny_decoders[i].card, paths_of(i), MATMUL_F32, THREE_TILES, 1, 1};
            check_bits(&tiny, *ops);
        }
}

/* The readable operations use no threads. */
static void bits_do_not_depend_on_pieces_batches_and_threads(void **state)
{
    (void)state;
    for (const struct ops *const *ops = ops_all + 1; *ops; ops++)
        for (int i = 0; i < N_LARGER && ops_runs_here(*ops); i++)
            for (int type = 0; type < n_types(); type++) {
                struct bits_case larger = {
                    &larger_decoders[i], no_paths, type ? MATMUL_BF16 : MATMUL_F32,
                    THREE_TILES,         3,        1};
                check_bits(&larger, *ops);
            }
}

/* ---- states ---- */

enum { FIRST = 70, SECOND = 9 };

/* A model of the best kernels, and a state behind FIRST rows whose cache is just full. */
struct half_way {
    struct model model;
    struct lm_state state;
    int ids[RUN_ROWS];
    float *logits; /* of the last rows run */
};

static void half_way_open(struct half_way *half, const struct card_lm *card, enum matmul_type type)
{
    const struct ops *best;
    struct error err = {""};
    assert_ok(ops_find(&best, NULL, &err), err);
    make_ids(half->ids, card->vocabulary);
    model_must_open(&half->model, card, no_paths, type, best, 1, FIRST + SECOND);
    half->logits = logits_of(&half->model, FIRST + SECOND);
    state_open(&half->state, &half->model);
    model_run(&half->model, &half->state, half->ids, FIRST, half->logits);
    assert_int_equal(half->state.capacity, FIRST);
}

static void half_way_close(struct half_way *half)
{
    lm_state_release(&half->state);
    free(half->logits);
    model_close(&half->model);
}

/* The other rows, row after row, behind a state: the logits of the whole at once. */
static void assert_goes_on(struct half_way *half, struct lm_state *state)
{
    size_t vocabulary = (size_t)half->model.lm->vocabulary;
    float *want = logits_of(&half->model, FIRST + SECOND), *got = logits_of(&half->model, 1);
    struct lm_state whole;
    state_open(&whole, &half->model);
    model_run(&half->model, &whole, half->ids, FIRST + SECOND, want);
    for (int i = FIRST; i < FIRST + SECOND; i++) {
        model_run(&half->model, state, half->ids + i, 1, got);
        assert_memory_equal(got, want + (size_t)i * vocabulary, vocabulary * sizeof *got);
    }
    assert_true(lm_state_equal(state, &whole, half->model.lm));
    lm_state_release(&whole);
    free(want), free(got);
}

static void growing_in_the_middle_changes_nothing(void **state)
{
    (void)state;
    static const int capacities[] = {1, FIRST, FIRST + 1, FIRST + SECOND, 4 * FIRST};
    for (int type = 0; type < n_types(); type++)
        for (size_t i = 0; i < sizeof capacities / sizeof capacities[0]; i++) {
            struct half_way half;
            struct error err = {""};
            half_way_open(&half, &larger_decoders[0], type ? MATMUL_BF16 : MATMUL_F32);
            assert_ok(lm_state_reserve(&half.state, half.model.lm, capacities[i], &err), err);
            assert_int_equal(half.state.capacity, capacities[i] > FIRST ? capacities[i] : FIRST);
            assert_int_equal(half.state.n_positions, FIRST);
            assert_goes_on(&half, &half.state);
            half_way_close(&half);
        }
}

/* Copies into a state that had so many positions of another sequence. */
static void check_copy(struct half_way *half, int positions)
{
    struct lm_state copy;
    struct error err = {""};
    float *logits = logits_of(&half->model, FIRST + SECOND);
    state_open(&copy, &half->model);
    if (positions > 0)
        model_run(&half->model, &copy, half->ids + 3, positions, logits);
    assert_false(lm_state_equal(&copy, &half->state, half->model.lm));
    assert_ok(lm_state_copy(&copy, &half->state, half->model.lm, &err), err);
    assert_int_equal(copy.capacity, positions > FIRST ? positions : FIRST);
    assert_true(lm_state_equal(&copy, &half->state, half->model.lm));
    assert_goes_on(half, &copy);
    assert_int_equal(half->state.n_positions, FIRST);
    lm_state_release(&copy);
    free(logits);
}

static void copies_of_any_capacity_go_on_as_the_original(void **state)
{
    (void)state;
    for (int type = 0; type < n_types(); type++)
        for (int i = 0; i < N_LARGER; i++) {
            struct half_way half;
            half_way_open(&half, &larger_decoders[i], type ? MATMUL_BF16 : MATMUL_F32);
            check_copy(&half, 0);
            check_copy(&half, 1);
            check_copy(&half, FIRST);
            check_copy(&half, FIRST + SECOND);
            assert_goes_on(&half, &half.state);
            half_way_close(&half);
        }
}

static void states_are_equal_when_positions_and_bits_are(void **state)
{
    (void)state;
    struct half_way half;
    struct lm_state copy;
    struct error err = {""};
    half_way_open(&half, &larger_decoders[0], MATMUL_F32);
    const struct lm *lm = half.model.lm;
    state_open(&copy, &half.model);
    assert_ok(lm_state_copy(&copy, &half.state, lm, &err), err);
    assert_ok(lm_state_reserve(&copy, lm, 2 * FIRST, &err), err);
    assert_true(lm_state_equal(&copy, &half.state, lm));
    for (int slab = 0; slab < lm->n_slabs; slab++) {
        float *last = (float *)lm_slab(lm, &copy, slab) + FIRST * lm->slab_width - 1, was = *last;
        *last += 1;
        assert_false(lm_state_equal(&copy, &half.state, lm));
        *last = was;
        last[1] = 1; /* behind what was read */
        assert_true(lm_state_equal(&copy, &half.state, lm));
    }
    copy.n_positions -= 1;
    assert_false(lm_state_equal(&copy, &half.state, lm));
    lm_state_reset(&copy, lm);
    lm_state_release(&half.state);
    assert_true(lm_state_equal(&copy, &half.state, lm));
    lm_state_release(&copy);
    half_way_close(&half);
}

static void a_state_that_cannot_grow_is_as_before(void **state)
{
    (void)state;
    struct half_way half;
    struct lm_state copy;
    struct error err = {""};
    half_way_open(&half, &larger_decoders[0], MATMUL_F32);
    state_open(&copy, &half.model);
    fail_allocation(1);
    enum status reserved = lm_state_reserve(&half.state, half.model.lm, FIRST + SECOND, &err);
    assert_contains(err.text, "79 positions");
    enum status copied = lm_state_copy(&copy, &half.state, half.model.lm, &err);
    fail_allocation(0);
    assert_int_equal(reserved, STATUS_NO_MEMORY);
    assert_int_equal(copied, STATUS_NO_MEMORY);
    assert_int_equal(half.state.capacity, FIRST);
    assert_goes_on(&half, &half.state);
    lm_state_release(&copy);
    half_way_close(&half);
}

static void an_empty_state_has_views_of_no_rows(void **state)
{
    (void)state;
    struct half_way half;
    struct lm_state empty;
    struct lm_state_view view;
    float nothing = 5;
    half_way_open(&half, &larger_decoders[0], MATMUL_F32);
    const struct lm *lm = half.model.lm;
    state_open(&empty, &half.model);
    int i = 0;
    for (; lm->family->view_state(lm, &empty, i, &view, &nothing); i++) {
        assert_string_equal(view.name, i % 2 ? "v" : "k");
        assert_int_equal(view.layer, i / 2);
        assert_int_equal(view.rows, 0);
        assert_int_equal(view.columns, larger_decoders[0].head_dim);
    }
    assert_int_equal(i, 2 * larger_decoders[0].layers);
    assert_true(nothing == 5);
    half_way_close(&half);
}

/* ---- memory ---- */

static void rows_allocate_nothing(void **state)
{
    (void)state;
    for (int type = 0; type < n_types(); type++)
        for (int i = 0; i < N_LARGER; i++)
            check_no_allocations(&larger_decoders[i], type ? MATMUL_BF16 : MATMUL_F32);
}

static void every_failed_allocation_is_told(void **state)
{
    (void)state;
    for (int tiny = 0; tiny < N_TINY; tiny++)
        check_failed_allocations(&tiny_decoders[tiny].card, paths_of(tiny), 40);
}

/* ---- sizes ---- */

static void counting_packs_nothing_and_counts_all(void **state)
{
    (void)state;
    for (int tiny = 0; tiny < N_TINY; tiny++)
        check_counting(&tiny_decoders[tiny].card, paths_of(tiny));
}

/* A model of which only the sizes are known; the caller closes both. */
static struct lm *open_counted(const struct card_lm *card, enum matmul_type type, struct part *part)
{
    struct lm *lm = NULL;
    struct error err = {""};
    const struct lm_family *family = lm_family_find(card->family);
    assert_ok(family->check(card, "card", &err), err);
    assert_ok(part_open(part, no_paths, "", type, &err), err);
    part->weights.counting = true;
    assert_ok(family->open(&lm, card, &part->weights, &err), err);
    return lm;
}

static void released_decoders_have_the_published_sizes(void **state)
{
    (void)state;
    for (int i = 0; i < N_FULL; i++)
        for (int bf16 = 0; bf16 < 2; bf16++) {
            const struct full_decoder *full = &full_decoders[i];
            struct part part;
            struct lm *lm = open_counted(&full->card, bf16 ? MATMUL_BF16 : MATMUL_F32, &part);
            if (part.weights.parameters != full->parameters)
                fail_msg("%s: %zu parameters", full->name, part.weights.parameters);
            assert_int_equal(lm_state_bytes(lm, 0), 0);
            assert_int_equal(lm_state_bytes(lm, 1), full->token_bytes / (bf16 ? 2 : 1));
            assert_int_equal(lm_state_bytes(lm, 4096), full->token_bytes * 4096 / (bf16 ? 2 : 1));
            lm->family->close(lm);
            part_close(&part);
        }
}

static void the_largest_card_has_sizes_that_fit(void **state)
{
    (void)state;
    static const char *const names[] = {"llama", "phi"};
    for (int i = 0; i < 2; i++) {
        struct card_lm card = {.family = names[i],
                               .width = 8,
                               .layers = CARD_MAX_LAYERS,
                               .vocabulary = 8,
                               .eps = 1e-5};
        struct part part;
        for (const struct card_key *key = lm_family_find(names[i])->keys; key->name; key++)
            if (key->type == CARD_INT)
                *(int *)(void *)((char *)&card + key->offset) = (int)key->high;
            else if (key->type == CARD_REAL)
                *(double *)(void *)((char *)&card + key->offset) = key->high;
        struct lm *lm = open_counted(&card, MATMUL_F32, &part);
        assert_int_equal(lm_state_bytes(lm, 1), (size_t)card.layers * 2 * (size_t)card.kv_heads *
                                                    (size_t)card.head_dim * sizeof(float));
        lm->family->close(lm);
        part_close(&part);
    }
}

/* ---- damage ---- */

static void every_missing_tensor_is_named(void **state)
{
    (void)state;
    for (int tiny = 0; tiny < N_TINY; tiny++)
        check_missing(&tiny_decoders[tiny].card, tiny_decoders[tiny].weights,
                      tiny_decoders[tiny].n_tensors);
}

#define MISFITS(tiny, misfits)                                                                     \
    check_misfits(&tiny_decoders[tiny].card, tiny_decoders[tiny].weights, misfits,                 \
                  sizeof(misfits) / sizeof(misfits)[0])

static void a_card_that_does_not_fit_is_refused_by_tensor(void **state)
{
    (void)state;
    static const struct misfit llama[] = {
        {offsetof(struct card_lm, width), 19, "model.embed_tokens.weight", "[23, 18]", "[23, 19]"},
        {offsetof(struct card_lm, vocabulary), 24, "model.embed_tokens.weight", "[23, 18]",
         "[24, 18]"},
        {offsetof(struct card_lm, heads), 4, "model.layers.0.self_attn.q_proj.weight", "[48, 18]",
         "[32, 18]"},
        {offsetof(struct card_lm, kv_heads), 3, "model.layers.0.self_attn.k_proj.weight",
         "[16, 18]", "[24, 18]"},
        {offsetof(struct card_lm, head_dim), 4, "model.layers.0.self_attn.q_proj.weight",
         "[48, 18]", "[24, 18]"},
        {offsetof(struct card_lm, mlp_width), 27, "model.layers.0.mlp.gate_proj.weight", "[28, 18]",
         "[27, 18]"},
    };
    static const struct misfit phi[] = {
        {offsetof(struct card_lm, width), 19, "model.embed_tokens.weight", "[23, 20]", "[23, 19]"},
        {offsetof(struct card_lm, heads), 3, "model.layers.0.self_attn.q_proj.weight", "[20, 20]",
         "[30, 20]"},
        {offsetof(struct card_lm, kv_heads), 1, "model.layers.0.self_attn.k_proj.weight",
         "[20, 20]", "[10, 20]"},
        {offsetof(struct card_lm, mlp_width), 35, "model.layers.0.mlp.fc1.weight", "[36, 20]",
         "[35, 20]"},
    };
    static const struct misfit fused[] = {
        {offsetof(struct card_lm, head_dim), 8, "model.layers.0.self_attn.query_key_value.weight",
         "[60, 20]", "[48, 20]"},
    };
    MISFITS(LLAMA_GQA, llama);
    MISFITS(PHI_SPLIT, phi);
    MISFITS(PHI_FUSED, fused);
}

static void a_missing_layer_or_head_bias_is_named(void **state)
{
    (void)state;
    for (int tiny = 0; tiny < N_TINY; tiny++) {
        struct card_lm card = tiny_decoders[tiny].card;
        struct error err = {""};
        card.layers = 3;
        assert_int_equal(try_open(&card, paths_of(tiny), &err), STATUS_NOT_FOUND);
        assert_contains(err.text, "model.layers.2.input_layernorm.weight");
    }
    struct card_lm card = tiny_decoders[PHI_FUSED].card;
    struct error err = {""};
    card.head_bias = true;
    assert_int_equal(try_open(&card, paths_of(PHI_FUSED), &err), STATUS_NOT_FOUND);
    assert_contains(err.text, "lm_head.bias");
}

static void split_and_fused_tensors_at_once_are_refused(void **state)
{
    (void)state;
    const char *paths[] = {tiny_decoders[PHI_SPLIT].weights, tiny_decoders[PHI_FUSED].weights,
                           NULL};
    struct error err = {""};
    assert_int_equal(try_open(&tiny_decoders[PHI_SPLIT].card, paths, &err), STATUS_BAD_FORMAT);
    assert_contains(err.text, paths[0]);
    assert_contains(err.text, "model.layers.0.self_attn");
    assert_contains(err.text, "q_proj");
    assert_contains(err.text, "query_key_value");
}

static void fused_tensors_have_no_groups(void **state)
{
    (void)state;
    struct card_lm card = tiny_decoders[PHI_FUSED].card;
    struct error err = {""};
    card.kv_heads = 1;
    assert_int_equal(try_open(&card, paths_of(PHI_FUSED), &err), STATUS_UNSUPPORTED);
    assert_contains(err.text, tiny_decoders[PHI_FUSED].weights);
    assert_contains(err.text, "model.layers.0.self_attn.query_key_value");
    assert_contains(err.text, "2 heads and 1 kv_heads");
}

static void cards_whose_heads_do_not_fit_are_refused(void **state)
{
    (void)state;
    static const struct {
        size_t member;
        int value;
        const char *says[2];
    } cases[] = {
        {offsetof(struct card_lm, kv_heads), 3, {"3 kv_heads", "8 heads"}},
        {offsetof(struct card_lm, kv_heads), 16, {"16 kv_heads", "8 heads"}},
        {offsetof(struct card_lm, rope_dims), 7, {"rope_dims is 7", "head_dim 32"}},
        {offsetof(struct card_lm, rope_dims), 34, {"rope_dims is 34", "head_dim 32"}},
    };
    static const char *const families[] = {"llama", "phi"};
    for (size_t i = 0; i < 2 * sizeof cases / sizeof cases[0]; i++) {
        const struct lm_family *family = lm_family_find(families[i % 2]);
        struct card_lm card = larger_decoders[0];
        struct error err = {""};
        assert_ok(family->check(&card, "model.json", &err), err);
        memcpy((char *)&card + cases[i / 2].member, &cases[i / 2].value, sizeof(int));
        assert_int_equal(family->check(&card, "model.json", &err), STATUS_MISMATCH);
        assert_contains(err.text, "model.json: language_model: ");
        assert_contains(err.text, cases[i / 2].says[0]);
        assert_contains(err.text, cases[i / 2].says[1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bits_of_any_head_size_do_not_depend_on_pieces_and_batches),
        cmocka_unit_test(bits_do_not_depend_on_pieces_batches_and_threads),
        cmocka_unit_test(growing_in_the_middle_changes_nothing),
        cmocka_unit_test(copies_of_any_capacity_go_on_as_the_original),
        cmocka_unit_test(states_are_equal_when_positions_and_bits_are),
        cmocka_unit_test(a_state_that_cannot_grow_is_as_before),
        cmocka_unit_test(an_empty_state_has_views_of_no_rows),
        cmocka_unit_test(rows_allocate_nothing),
        cmocka_unit_test(every_failed_allocation_is_told),
        cmocka_unit_test(counting_packs_nothing_and_counts_all),
        cmocka_unit_test(released_decoders_have_the_published_sizes),
        cmocka_unit_test(the_largest_card_has_sizes_that_fit),
        cmocka_unit_test(every_missing_tensor_is_named),
        cmocka_unit_test(a_card_that_does_not_fit_is_refused_by_tensor),
        cmocka_unit_test(a_missing_layer_or_head_bias_is_named),
        cmocka_unit_test(split_and_fused_tensors_at_once_are_refused),
        cmocka_unit_test(fused_tensors_have_no_groups),
        cmocka_unit_test(cards_whose_heads_do_not_fit_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
