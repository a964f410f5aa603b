/* Products against a plain sum, and the rule that a row's result depends on that row alone. */
#include "tests/check.h"

#include "engine/base/float16.h"
#include "engine/base/random.h"
#include "engine/ops/matmul.h"
#include "engine/ops/ops.h"

#include <math.h>
#include <omp.h>

enum { MAX_ROWS = 800 };

/* A packed product with everything it was made of. */
struct product {
    struct linear linear;
    struct matmul *matmul;
    float *weights, *bias, *x, *y;
};

static float *noise(size_t n, uint64_t seed)
{
    struct random_stream stream = {seed};
    float *values = malloc(n * sizeof *values);
    assert_non_null(values);
    for (size_t i = 0; i < n; i++)
        values[i] = (float)(2 * random_uniform(&stream) - 1);
    return values;
}

static void product_make(struct product *p, enum matmul_type type, int n_in, int n_out)
{
    struct error err = {""};
    size_t n = (size_t)n_in * (size_t)n_out;
    p->weights = noise(n, 1);
    p->bias = noise((size_t)n_out, 2);
    p->x = noise((size_t)MAX_ROWS * (size_t)n_in, 3);
    p->y = noise((size_t)MAX_ROWS * (size_t)n_out, 4);
    uint16_t *halves = malloc(n * sizeof *halves);
    assert_non_null(halves);
    for (size_t i = 0; i < n; i++)
        halves[i] = bf16_from_float(p->weights[i]);
    const void *weights = type == MATMUL_BF16 ? (const void *)halves : p->weights;
    assert_ok(linear_pack(&p->linear, type, weights, p->bias, n_in, n_out, &err), err);
    assert_int_equal(p->linear.scale != NULL, type == MATMUL_INT8);
    assert_ok(matmul_open(&p->matmul, ops_all[0], &err), err);
    for (size_t i = 0; type == MATMUL_BF16 && i < n; i++)
        p->weights[i] = float_from_bf16(halves[i]);
    free(halves);
}

static void product_free(struct product *p)
{
    matmul_close(p->matmul);
    linear_release(&p->linear);
    free(p->weights), free(p->bias), free(p->x), free(p->y);
}

static void run(struct product *p, const float *x, int rows)
{
    struct error err = {""};
    assert_ok(linear_prepare(p->matmul, &p->linear, rows, &err), err);
    linear_run(p->matmul, &p->linear, x, (size_t)p->linear.n_in, p->y, rows);
    assert_false(matmul_failed(p->matmul));
}

/* What a row's value is in the product. */
static float seen(const struct product *p, float x)
{
    return p->linear.type == MATMUL_BF16 ? float_from_bf16(bf16_from_float(x)) : x;
}

static double expected(const struct product *p, int row, int column)
{
    double sum = p->bias[column];
    for (int k = 0; k < p->linear.n_in; k++) {
        float x = p->x[(size_t)row * (size_t)p->linear.n_in + (size_t)k];
        sum += (double)seen(p, x) * p->weights[(size_t)column * (size_t)p->linear.n_in + (size_t)k];
    }
    return sum;
}

static const int shapes[][2] = {{48, 192}, {3, 96}, {96, 35}, {160, 640}, {192, 600}, {1280, 256}};
enum { N_SHAPES = sizeof shapes / sizeof shapes[0] };

static void check_values(enum matmul_type type)
{
    for (int s = 0; s < N_SHAPES; s++) {
        struct product p;
        product_make(&p, type, shapes[s][0], shapes[s][1]);
        run(&p, p.x, 19);
        for (int row = 0; row < 19; row += 3)
            for (int column = 0; column < p.linear.n_out; column++) {
                double want = expected(&p, row, column);
                double got = p.y[(size_t)row * (size_t)p.linear.n_out + (size_t)column];
                if (!(fabs(got - want) <= 2e-5 * sqrt(p.linear.n_in)))
                    fail_msg("%d x %d: %.9g, not %.9g", shapes[s][0], shapes[s][1], got, want);
            }
        product_free(&p);
    }
}

static void products_equal_the_plain_sum(void **state)
{
    (void)state;
    check_values(MATMUL_F32);
    if (matmul_has(MATMUL_BF16))
        check_values(MATMUL_BF16);
}

/* n values by their largest magnitude, as plainly as it can be said. */
static float plain_int8(const float *values, int n, int *to)
{
    float largest = 0;
    for (int i = 0; i < n; i++)
        largest = fmaxf(largest, fabsf(values[i]));
    for (int i = 0; i < n; i++)
        to[i] = (int)rintf(values[i] * (127 / largest));
    return largest / 127;
}

/* Sums of integers are exact: the product must be equal, not close. */
static void int8_products_equal_the_plain_sum(void **state)
{
    (void)state;
    if (!matmul_has(MATMUL_INT8)) {
        printf("[ SKIPPED  ] int8 products are not exact on this CPU\n");
        skip();
    }
    for (int s = 0; s < N_SHAPES; s++) {
        struct product p;
        product_make(&p, MATMUL_INT8, shapes[s][0], shapes[s][1]);
        int n_in = p.linear.n_in, *x = malloc((size_t)n_in * sizeof *x);
        int *w = malloc((size_t)n_in * sizeof *w);
        for (int rows = 1; rows <= 19; rows += 18) {
            run(&p, p.x, rows);
            for (int i = 0; i < rows * p.linear.n_out; i++) {
                int row = i / p.linear.n_out, column = i % p.linear.n_out, sum = 0;
                float x_scale = plain_int8(p.x + (size_t)row * (size_t)n_in, n_in, x);
                float w_scale = plain_int8(p.weights + (size_t)column * (size_t)n_in, n_in, w);
                for (int k = 0; k < n_in; k++)
                    sum += x[k] * w[k];
                float want = (float)sum * (x_scale * w_scale) + p.bias[column];
                assert_true(p.y[i] == want);
            }
        }
        free(x), free(w);
        product_free(&p);
    }
}

/* A weight or an input that is no number must not become one. */
static void int8_keeps_what_is_no_number(void **state)
{
    (void)state;
    struct error err = {""};
    struct linear linear;
    struct matmul *matmul;
    float weights[3][4] = {{1, 2, 3, 4}, {1, NAN, 3, 4}, {INFINITY, 0, 0, 0}}, y[3];
    float x[4] = {1, 1, 1, 1};
    if (!matmul_has(MATMUL_INT8))
        skip();
    assert_ok(linear_pack(&linear, MATMUL_INT8, weights, NULL, 4, 3, &err), err);
    assert_ok(matmul_open(&matmul, ops_all[0], &err), err);
    assert_ok(linear_prepare(matmul, &linear, 1, &err), err);
    linear_run(matmul, &linear, x, 4, y, 1);
    assert_true(fabsf(y[0] - 10) < 0.1F && isnan(y[1]) && isnan(y[2]));
    x[2] = NAN;
    linear_run(matmul, &linear, x, 4, y, 1);
    assert_true(isnan(y[0]));
    matmul_close(matmul);
    linear_release(&linear);
}

/* Row 5 of every number of rows, on one and two threads, equals row 5 of 779. */
static void check_rows(enum matmul_type type)
{
    static const int counts[] = {6, 7, 8, 15, 16, 17, 31, 43, 48, 64, 128, 256, 600, 729, 779};
    for (int s = 0; s < N_SHAPES; s++) {
        struct product p;
        product_make(&p, type, shapes[s][0], shapes[s][1]);
        size_t width = (size_t)p.linear.n_out, in = (size_t)p.linear.n_in;
        float *want = malloc(width * sizeof *want);
        assert_non_null(want);
        omp_set_num_threads(2);
        run(&p, p.x, 779);
        memcpy(want, p.y + 5 * width, width * sizeof *want);
        for (int threads = 1; threads <= 2; threads++) {
            omp_set_num_threads(threads);
            for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
                run(&p, p.x, counts[i]);
                assert_memory_equal(p.y + 5 * width, want, width * sizeof *want);
            }
            run(&p, p.x + 5 * in, 1);
            assert_memory_equal(p.y, want, width * sizeof *want);
        }
        free(want);
        product_free(&p);
    }
}

static void a_row_has_the_same_bits_in_any_company(void **state)
{
    (void)state;
    for (int type = 0; type < MATMUL_TYPES; type++)
        if (matmul_has((enum matmul_type)type))
            check_rows((enum matmul_type)type);
}

/* The shapes of the systems' decoders, cut in outputs: our own kernel takes single rows. */
static void single_rows_are_our_own_kernels(void **state)
{
    (void)state;
    static const int decoders[][2] = {{2560, 320}, {5120, 192}, {160, 320},  {4096, 128},
                                      {6912, 64},  {10240, 80}, {11008, 70}, {2048, 100}};
    for (int type = 0; type < MATMUL_TYPES; type++)
        for (size_t s = 0; s < sizeof decoders / sizeof decoders[0]; s++) {
            struct product p;
            if (!matmul_has((enum matmul_type)type))
                continue;
            product_make(&p, (enum matmul_type)type, decoders[s][0], decoders[s][1]);
            run(&p, p.x, 1);
            bool ours = linear_has_row_kernel(p.matmul, &p.linear);
            if (!ours)
                fail_msg("%s of %d x %d: the library's", matmul_type_name((enum matmul_type)type),
                         decoders[s][0], decoders[s][1]);
            product_free(&p);
        }
}

/* Weights of zero tell no order of summing from another: the library serves. */
static void zeros_choose_no_kernel(void **state)
{
    (void)state;
    struct error err = {""};
    struct linear linear;
    struct matmul *matmul;
    float weights[64 * 8] = {0}, bias[8] = {1, 2, 3, 4, 5, 6, 7, 8}, x[64] = {1}, y[8];
    assert_ok(linear_pack(&linear, MATMUL_F32, weights, bias, 64, 8, &err), err);
    assert_ok(matmul_open(&matmul, ops_all[0], &err), err);
    assert_ok(linear_prepare(matmul, &linear, 1, &err), err);
    bool packed_by_library = strstr(matmul_describe(MATMUL_F32), "brg") != NULL;
    assert_int_equal(linear_has_row_kernel(matmul, &linear), !packed_by_library);
    linear_run(matmul, &linear, x, 64, y, 1);
    assert_true(y[0] == 1 && y[7] == 8);
    matmul_close(matmul);
    linear_release(&linear);
}

static void rows_may_stand_apart_in_memory(void **state)
{
    (void)state;
    struct product p;
    struct error err = {""};
    product_make(&p, MATMUL_F32, 40, 30);
    assert_ok(linear_prepare(p.matmul, &p.linear, 9, &err), err);
    float dense[9 * 40], want[16 * 30];
    for (int r = 0; r < 9; r++)
        memcpy(dense + r * 40, p.x + r * 57, 40 * sizeof *dense);
    linear_run(p.matmul, &p.linear, dense, 40, p.y, 9);
    memcpy(want, p.y, 9 * 30 * sizeof *want);
    linear_run(p.matmul, &p.linear, p.x, 57, p.y, 9);
    assert_memory_equal(p.y, want, 9 * 30 * sizeof *want);
    product_free(&p);
}

static void check_want_of_memory(enum matmul_type type)
{
    struct error err = {""};
    float weights[12] = {0}, bias[3] = {0};
    for (long n = 1; n < 100; n++) {
        struct linear linear = {0};
        struct matmul *matmul = NULL;
        fail_allocation(n);
        enum status status = linear_pack(&linear, type, weights, bias, 4, 3, &err);
        if (!status)
            status = matmul_open(&matmul, ops_all[0], &err);
        if (!status)
            status = linear_prepare(matmul, &linear, 2, &err);
        int struck = allocation_has_failed();
        fail_allocation(0);
        matmul_close(matmul);
        linear_release(&linear);
        if (!struck) {
            assert_ok(status, err);
            return;
        }
        assert_int_equal(status, STATUS_NO_MEMORY);
    }
    fail_msg("%s", "the allocations never ended");
}

static void want_of_memory_is_told(void **state)
{
    (void)state;
    for (int type = 0; type < MATMUL_TYPES; type++)
        if (matmul_has((enum matmul_type)type))
            check_want_of_memory((enum matmul_type)type);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_equal_the_plain_sum),
        cmocka_unit_test(int8_products_equal_the_plain_sum),
        cmocka_unit_test(int8_keeps_what_is_no_number),
        cmocka_unit_test(a_row_has_the_same_bits_in_any_company),
        cmocka_unit_test(single_rows_are_our_own_kernels),
        cmocka_unit_test(zeros_choose_no_kernel),
        cmocka_unit_test(rows_may_stand_apart_in_memory),
        cmocka_unit_test(want_of_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
