/* LLaMA and Phi decoders against PyTorch's logits, keys and values. */
#include "tests/decoder_models.h"
#include "tests/lm_golden.h"

/* Before, at and behind the border of a tile of 64 keys. */
static const int lengths[] = {1, 2, 16, 17, 63, 64, 65, ROWS};

/* The first n positions of each head. */
static float *cache_behind(const struct tensor_file *expected, const struct lm_state_view *view,
                           int n)
{
    char name[16];
    size_t heads = (size_t)(view->rows / n), dim = (size_t)view->columns, size = (size_t)n * dim;
    snprintf(name, sizeof name, "%s.%d", view->name, view->layer);
    float *values = tensor_floats(expected, name, heads * ROWS * dim);
    for (size_t head = 0; head < heads; head++)
        memmove(values + head * size, values + head * ROWS * dim, size * sizeof *values);
    return values;
}

static struct lm_golden golden_of(int tiny)
{
    return (struct lm_golden){.card = tiny_decoders[tiny].card,
                              .weights = tiny_decoders[tiny].weights,
                              .expected = tiny_decoders[tiny].expected,
                              .lengths = lengths,
                              .n_lengths = sizeof lengths / sizeof lengths[0],
                              .state = cache_behind,
                              .f32_bound = 3e-6,
                              .state_bound = 2e-6,
                              .bf16_bound = 0.02};
}

static void logits_keys_and_values_are_pytorchs_at_every_level(void **state)
{
    (void)state;
    for (int tiny = 0; tiny < N_TINY; tiny++) {
        struct lm_golden golden = golden_of(tiny);
        check_golden(&golden);
    }
}

static void bf16_logits_are_near(void **state)
{
    (void)state;
    for (int tiny = 0; tiny < N_TINY; tiny++) {
        struct lm_golden golden = golden_of(tiny);
        check_golden_bf16(&golden);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logits_keys_and_values_are_pytorchs_at_every_level),
        cmocka_unit_test(bf16_logits_are_near),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
