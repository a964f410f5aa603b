/* What stands around a matrix product: rounding to bf16, quantising rows, scaling sums, the bias;
 * and the product in f32.
 */
#include "tests/ops_check.h"

#include "engine/base/float16.h"

#include <omp.h>

enum { ROWS = 5 };
static const int widths[] = {1, 3, 15, 16, 17, 33, 160, 1025};
enum { N_WIDTHS = sizeof widths / sizeof widths[0] };

/* Values over many magnitudes, ties between two bf16, infinities and NaNs among them. */
static float *wild(size_t n)
{
    struct random_stream random = {9};
    float *x = malloc(n * sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < n; i++) {
        uint64_t bits = random_bits(&random);
        x[i] = float_from_bits(i % 3 ? (uint32_t)bits : (uint32_t)(bits & 0xFFFF0000u) | 0x8000u);
    }
    return x;
}

static void check_rounding(const struct ops *ops)
{
    for (int w = 0; w < N_WIDTHS; w++) {
        int width = widths[w], stride = width + 3;
        float *x = wild((size_t)(ROWS * stride));
        uint16_t *got = malloc((size_t)(ROWS * width) * sizeof *got);
        ops->round_rows(got, x, (size_t)stride, ROWS, width);
        for (int r = 0; r < ROWS; r++)
            for (int c = 0; c < width; c++)
                assert_int_equal(got[r * width + c], bf16_from_float(x[r * stride + c]));
        free(x), free(got);
    }
}

static void rows_are_rounded_to_the_nearest_bf16(void **state)
{
    (void)state;
    check_rounding(reference());
    for_each_level(check_rounding);
}

/* By hand: the largest magnitude becomes 127 or -127, halves go to the even neighbour. */
static void check_known_quantising(const struct ops *ops)
{
    const float x[] = {127, -127, 0.5F, 1.5F, -0.5F, -2.5F, 63.4999F, 0};
    const int want[] = {255, 1, 128, 130, 128, 126, 191, 128};
    unsigned char got[8];
    float scale;
    ops->quantise_rows(got, &scale, x, 8, 1, 8);
    assert_true(scale == 1);
    for (int i = 0; i < 8; i++)
        assert_int_equal(got[i], want[i]);
}

/* Rows with nothing, next to nothing, a NaN, an infinity. */
static void check_odd_rows(const struct ops *ops)
{
    const float rows[4][3] = {{0, -0.0F, 0}, {1e-38F, -1e-37F, 0}, {1, NAN, 2}, {-INFINITY, 1, 1}};
    unsigned char got[12];
    float scale[4];
    ops->quantise_rows(got, scale, rows[0], 3, 4, 3);
    assert_true(scale[0] == 0 && scale[1] == 0);
    assert_true(isnan(scale[2]) && isnan(scale[3]));
    for (int i = 0; i < 12; i++)
        assert_int_equal(got[i], 128);
}

static void check_quantising(const struct ops *ops)
{
    check_known_quantising(ops);
    check_odd_rows(ops);
    for (int w = 0; w < N_WIDTHS; w++) {
        int width = widths[w], stride = width + 2;
        float *x = noise((size_t)(ROWS * stride), 3, 5), scales[2][ROWS];
        unsigned char *got = malloc((size_t)(ROWS * width)), *want = malloc((size_t)(ROWS * width));
        ops->quantise_rows(got, scales[0], x, (size_t)stride, ROWS, width);
        reference()->quantise_rows(want, scales[1], x, (size_t)stride, ROWS, width);
        assert_memory_equal(got, want, (size_t)(ROWS * width));
        assert_memory_equal(scales[0], scales[1], sizeof scales[0]);
        for (int r = 0; r < ROWS; r++) /* every value within half a step */
            for (int c = 0; c < width; c++) {
                double back = (got[r * width + c] - 128) * (double)scales[0][r];
                assert_true(fabs(back - (double)x[r * stride + c]) <=
                            0.5001 * (double)scales[0][r]);
            }
        free(x), free(got), free(want);
    }
}

static void rows_are_quantised_by_their_largest_value(void **state)
{
    (void)state;
    check_quantising(reference());
    for_each_level(check_quantising);
}

static void check_sums(const struct ops *ops)
{
    for (int w = 0; w < N_WIDTHS; w++) {
        int n = widths[w];
        size_t values = (size_t)(ROWS * n);
        float *got = malloc(values * sizeof *got), *want, *scale = noise((size_t)n, 0.1F, 2);
        float *bias = w % 2 ? noise((size_t)n, 5, 6) : NULL;
        float row_scale[ROWS] = {0.01F, 0, 3, 0.5F, NAN};
        int *offset = malloc((size_t)n * sizeof *offset);
        struct random_stream random = {3};
        for (int c = 0; c < n; c++)
            offset[c] = (int)(random_bits(&random) % 2000000) - 1000000;
        for (size_t i = 0; i < values; i++) {
            int32_t sum = (int32_t)(random_bits(&random) % 40000000) - 20000000;
            memcpy(&got[i], &sum, sizeof sum);
        }
        want = copy_of(got, values);
        ops->scale_sums(got, row_scale, offset, scale, bias, ROWS, n);
        reference()->scale_sums(want, row_scale, offset, scale, bias, ROWS, n);
        for (size_t i = 0; i < values; i++)
            assert_true(got[i] == want[i] || (isnan(got[i]) && isnan(want[i])));
        assert_true(isnan(got[values - 1]));
        free(got), free(want), free(scale), free(offset), free(bias);
    }
}

static void sums_of_bytes_become_numbers(void **state)
{
    (void)state;
    for_each_level(check_sums);
}

static void check_bias(const struct ops *ops)
{
    for (int w = 0; w < N_WIDTHS; w++) {
        size_t n = (size_t)(ROWS * widths[w]);
        float *x = noise(n, 2, 1), *want = copy_of(x, n), *row = noise((size_t)widths[w], 2, 2);
        ops->add_row(x, row, ROWS, widths[w]);
        for (size_t i = 0; i < n; i++)
            want[i] += row[i % (size_t)widths[w]];
        assert_same_bits(ops, "add_row", x, want, n);
        free(x), free(want), free(row);
    }
}

/* Against the sum in double; and a row alone against the same row among others. */
static void check_panel_product(const struct ops *ops)
{
    static const int shapes[][2] = {{1, 1},     {7, 65},     {160, 40},
                                    {1024, 64}, {1025, 130}, {2600, 17}};
    enum { MOST = 9 };
    for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++) {
        struct panels panels = {shapes[s][0], shapes[s][1], 1, shapes[s][0]};
        size_t n_in = (size_t)panels.n_in, n_out = (size_t)panels.n_out, stride = n_in + 3;
        float *plain = noise(n_in * n_out, 1, 1), *x = noise(MOST * stride, 1, 2);
        float *weights = malloc(panels_bytes(&panels));
        float *got = noise(MOST * n_out, 0, 3), *want = noise(MOST * n_out, 0, 4);
        for (int p = 0; p < panels_count(&panels); p++)
            panel_fill(&panels, (uint32_t *)(void *)weights + (size_t)p * panel_words(&panels),
                       plain + (size_t)p * PANEL_OUTPUTS * n_in,
                       panels.n_out - p * PANEL_OUTPUTS < PANEL_OUTPUTS
                           ? panels.n_out - p * PANEL_OUTPUTS
                           : PANEL_OUTPUTS);
        ops->panel_product(got, x, stride, &panels, weights, MOST);
        reference()->panel_product(want, x, stride, &panels, weights, MOST);
        assert_close(ops, "panel_product", got, want, MOST * n_out, 3e-6);
        for (int rows = 1; rows < MOST; rows++) {
            ops->panel_product(want, x + stride, stride, &panels, weights, rows);
            assert_same_bits(ops, "panel_product", want, got + n_out, (size_t)rows * n_out);
        }
        free(plain), free(x), free(weights), free(got), free(want);
    }
}

static void products_in_panels_agree_with_the_reference(void **state)
{
    (void)state;
    for_each_level(check_panel_product);
}

static void a_row_is_added_to_every_row(void **state)
{
    (void)state;
    check_bias(reference());
    for_each_level(check_bias);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_rounded_to_the_nearest_bf16),
        cmocka_unit_test(rows_are_quantised_by_their_largest_value),
        cmocka_unit_test(sums_of_bytes_become_numbers),
        cmocka_unit_test(products_in_panels_agree_with_the_reference),
        cmocka_unit_test(a_row_is_added_to_every_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
