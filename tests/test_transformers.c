/* LLaMA and Phi decoders against PyTorch's logits, keys and values. */
#include "tests/decoder_models.h"
#include "tests/lm_golden.h"

#include "engine/layers/self_attention.h"

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

/* torch 2.11: 1.0 / (theta ** (arange(0, dims, 2).float() / dims)), bit for bit: a unit in the last
 * place of a frequency moves sharp attention. */
static void frequencies_are_pytorchs(void **state)
{
    (void)state;
    static const float phi[] = {
        0x1.000000p+0F,  0x1.1feb34p-1F,  0x1.43d136p-2F,  0x1.6c310ep-3F,
        0x1.99999ap-4F,  0x1.ccab84p-5F,  0x1.030dc6p-5F,  0x1.235a72p-6F,
        0x1.47ae14p-7F,  0x1.708938p-8F,  0x1.9e7c70p-9F,  0x1.d22a50p-10F,
        0x1.0624dep-10F, 0x1.26d42cp-11F, 0x1.4b96c0p-12F, 0x1.74eea6p-13F,
    };
    static const float other[] = {0x1.000000p+0F, 0x1.28dea6p-4F, 0x1.5843a6p-8F, 0x1.8f399cp-12F,
                                  0x1.cef5dcp-16F};
    static const struct {
        int dims;
        double theta;
        const float *want;
    } cases[] = {{32, 1e4, phi}, {10, 5e5, other}};
    struct arena arena;
    arena_init(&arena);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct card_lm card = {.rope_dims = cases[i].dims, .rope_theta = cases[i].theta};
        struct error err = {""};
        const float *got;
        assert_ok(self_attention_frequencies(&card, &arena, &got, &err), err);
        assert_memory_equal(got, cases[i].want, (size_t)cases[i].dims / 2 * sizeof *got);
    }
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logits_keys_and_values_are_pytorchs_at_every_level),
        cmocka_unit_test(bf16_logits_are_near),
        cmocka_unit_test(frequencies_are_pytorchs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
