/* The rules that every language model keeps (tests/lm_rules.h), on Mamba-2. */
#include "tests/lm_rules.h"
#include "tests/mamba2_model.h"

static void bits_do_not_depend_on_pieces_batches_and_threads(void **state)
{
    (void)state;
    struct card_lm tiny = tiny_card(), larger = larger_card();
    struct bits_case cases[] = {
        {&tiny, lm_paths, MATMUL_F32, RUN_ROWS, 3, 0},
        {&larger, no_paths, MATMUL_F32, RUN_ROWS, 3, 0},
        {&larger, no_paths, MATMUL_BF16, RUN_ROWS, 3, 0},
    };
    for (const struct ops *const *ops = ops_all; *ops; ops++)
        for (int i = 0; i < 3 && ops_runs_here(*ops); i++) {
            cases[i].chunk = (*ops)->ssd_chunk;
            if (cases[i].type == MATMUL_F32 || matmul_has(MATMUL_BF16))
                check_bits(&cases[i], *ops);
        }
}

static void rows_allocate_nothing(void **state)
{
    (void)state;
    struct card_lm card = larger_card();
    check_no_allocations(&card, MATMUL_F32);
}

static void counting_packs_nothing_and_counts_all(void **state)
{
    (void)state;
    struct card_lm card = tiny_card();
    check_counting(&card, lm_paths);
}

static void every_missing_tensor_is_named(void **state)
{
    (void)state;
    struct card_lm card = tiny_card();
    check_missing(&card, lm_paths[0], 2 + 9 * LAYERS);
}

static void a_card_that_does_not_fit_is_refused_by_tensor(void **state)
{
    (void)state;
    static const struct misfit misfits[] = {
        {offsetof(struct card_lm, width), 13, "backbone.embedding.weight", "[24, 12]", "[24, 13]"},
        {offsetof(struct card_lm, inner_width), 30, "mixer.in_proj.weight", "[72, 12]", "[85, 12]"},
        {offsetof(struct card_lm, state_size), 9, "mixer.in_proj.weight", "[72, 12]", "[70, 12]"},
        {offsetof(struct card_lm, conv_width), 3, "mixer.conv1d.weight", "[44, 1, 4]", "[44, 3]"},
        {offsetof(struct card_lm, head_dim), 8, "mixer.in_proj.weight", "[72, 12]", "[71, 12]"},
        {offsetof(struct card_lm, vocabulary), 25, "backbone.embedding.weight", "[24, 12]",
         "[25, 12]"},
    };
    struct card_lm card = tiny_card();
    struct error err = {""};
    check_misfits(&card, lm_paths[0], misfits, sizeof misfits / sizeof misfits[0]);
    card.layers = 3;
    assert_int_equal(try_open(&card, lm_paths, &err), STATUS_NOT_FOUND);
    assert_contains(err.text, "backbone.layers.2.norm.weight");
}

static void heads_must_divide_the_inner_width(void **state)
{
    (void)state;
    const struct lm_family *family = lm_family_find("mamba2");
    struct card_lm card = tiny_card();
    struct error err = {""};
    assert_ok(family->check(&card, "model.json: lm", &err), err);
    card.head_dim = 7;
    assert_int_equal(family->check(&card, "model.json: lm", &err), STATUS_MISMATCH);
    assert_contains(err.text, "model.json: lm");
    assert_contains(err.text, "24");
    assert_contains(err.text, "7");
}

static void every_failed_allocation_is_told(void **state)
{
    (void)state;
    struct card_lm card = tiny_card();
    check_failed_allocations(&card, lm_paths, 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bits_do_not_depend_on_pieces_batches_and_threads),
        cmocka_unit_test(rows_allocate_nothing),
        cmocka_unit_test(counting_packs_nothing_and_counts_all),
        cmocka_unit_test(every_missing_tensor_is_named),
        cmocka_unit_test(a_card_that_does_not_fit_is_refused_by_tensor),
        cmocka_unit_test(heads_must_divide_the_inner_width),
        cmocka_unit_test(every_failed_allocation_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
