/* Products against a plain double sum, and the rule that a row's result depends on that row alone.
 */
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
    assert_ok(matmul_open(&p->matmul, &err), err);
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

static double expected(const struct product *p, int row, int column)
{
    double sum = p->bias[column];
    for (int k = 0; k < p->linear.n_in; k++) {
        float x = p->x[(size_t)row * (size_t)p->linear.n_in + (size_t)k];
        if (p->linear.type == MATMUL_BF16)
            x = float_from_bf16(bf16_from_float(x));
        sum += (double)x * p->weights[(size_t)column * (size_t)p->linear.n_in + (size_t)k];
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
    if (matmul_has_bf16())
        check_values(MATMUL_BF16);
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
    check_rows(MATMUL_F32);
    if (matmul_has_bf16())
        check_rows(MATMUL_BF16);
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

static void want_of_memory_is_told(void **state)
{
    (void)state;
    struct error err = {""};
    float weights[12] = {0}, bias[3] = {0};
    for (long n = 1; n < 100; n++) {
        struct linear linear = {0};
        struct matmul *matmul = NULL;
        fail_allocation(n);
        enum status status = linear_pack(&linear, MATMUL_F32, weights, bias, 4, 3, &err);
        if (!status)
            status = matmul_open(&matmul, &err);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_equal_the_plain_sum),
        cmocka_unit_test(a_row_has_the_same_bits_in_any_company),
        cmocka_unit_test(rows_may_stand_apart_in_memory),
        cmocka_unit_test(want_of_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
