/* Every fast operation against the readable one, at every level that this CPU runs, on shapes with
 * and without remainders; and the rule that results do not depend on the company or the threads. */
#include "tests/check.h"

#include "engine/base/random.h"
#include "engine/base/float16.h"
#include "engine/ops/ops.h"

#include <math.h>
#include <omp.h>

static const struct ops *reference(void)
{
    return ops_all[0];
}

/* Values in [-range, range) that depend on the seed alone; freed by the caller. */
static float *noise(size_t n, float range, uint64_t seed)
{
    struct random_stream stream = {seed};
    float *values = malloc((n ? n : 1) * sizeof *values);
    assert_non_null(values);
    for (size_t i = 0; i < n; i++)
        values[i] = range * (float)(2 * random_uniform(&stream) - 1);
    return values;
}

static float *copy_of(const float *values, size_t n)
{
    float *copy = malloc(n * sizeof *copy);
    assert_non_null(copy);
    memcpy(copy, values, n * sizeof *copy);
    return copy;
}

/* Largest difference, relative to the largest value of want. */
static double deviation(const float *got, const float *want, size_t n)
{
    double difference = 0, largest = 1e-30;
    for (size_t i = 0; i < n; i++) {
        double delta = fabs((double)got[i] - (double)want[i]);
        difference = isnan(delta) ? INFINITY : fmax(difference, delta);
        largest = fmax(largest, fabs((double)want[i]));
    }
    return difference / largest;
}

static void assert_close(const struct ops *ops, const char *what, const float *got,
                         const float *want, size_t n, double bound)
{
    double d = deviation(got, want, n);
    if (!(d <= bound))
        fail_msg("%s: %s deviates by %g, the bound is %g", ops->name, what, d, bound);
}

/* Runs check with every fast implementation that this CPU has. */
static void for_each_level(void (*check)(const struct ops *ops))
{
    int checked = 0;
    for (const struct ops *const *ops = ops_all + 1; *ops; ops++)
        if (ops_runs_here(*ops)) {
            check(*ops);
            checked++;
        }
    assert_true(checked > 0);
}

static const int widths[] = {1, 5, 16, 36, 48, 100, 257, 1024};
enum { N_WIDTHS = sizeof widths / sizeof widths[0] };

static void check_norms(const struct ops *ops)
{
    for (int w = 0; w < N_WIDTHS; w++) {
        int width = widths[w], rows = 7;
        size_t n = (size_t)(rows * width);
        float *x = noise(n, 3, 1), *weight = noise((size_t)width, 2, 2);
        float *bias = noise((size_t)width, 1, 3), *got = noise(n, 0, 4), *want = noise(n, 0, 4);
        ops->rms_norm(got, x, weight, rows, width, 1e-5F);
        reference()->rms_norm(want, x, weight, rows, width, 1e-5F);
        assert_close(ops, "rms_norm", got, want, n, 2e-6);
        for (size_t i = 0; i < n; i++)
            x[i] += 10; /* a mean that is large against the spread */
        ops->layer_norm(got, x, weight, bias, rows, width, 1e-6F);
        reference()->layer_norm(want, x, weight, bias, rows, width, 1e-6F);
        assert_close(ops, "layer_norm", got, want, n, 2e-5);
        free(x), free(weight), free(bias), free(got), free(want);
    }
}

static void norms_agree_with_the_reference(void **state)
{
    (void)state;
    for_each_level(check_norms);
}

/* Every float in steps over the range where GELU is neither 0 nor x, and far outside. */
static void check_gelu(const struct ops *ops)
{
    enum { N = 40001 };
    float *got = noise(N, 0, 1), *want;
    for (int i = 0; i < N; i++)
        got[i] = (float)(i - N / 2) * 5e-4F;
    got[0] = -1e30F, got[1] = 1e30F, got[2] = -0.0F, got[3] = 1e-30F;
    want = copy_of(got, N);
    ops->gelu_erf(got + 4, N - 4);
    reference()->gelu_erf(want + 4, N - 4);
    for (int i = 4; i < N; i++) {
        /* Two units in the last place of erf near 1, times x / 2, and a rounding. */
        float x = (float)(i - N / 2) * 5e-4F;
        if (!(fabsf(got[i] - want[i]) <= 2.5e-7F * fmaxf(1, fabsf(x))))
            fail_msg("%s: gelu is %.9g, not %.9g", ops->name, (double)got[i], (double)want[i]);
    }
    ops->gelu_erf(got, 4);
    assert_true(got[0] == 0 && got[1] == 1e30F && got[2] == 0);
    free(got), free(want);
}

static void gelu_agrees_with_the_reference(void **state)
{
    (void)state;
    for_each_level(check_gelu);
}

static void check_rows(const struct ops *ops)
{
    enum { ROWS = 5, WIDTH = 37, WIDE = 50, VOCABULARY = 11 };
    float *x = noise(ROWS * WIDE, 1, 1), *scale = noise(WIDTH, 1, 2);
    float *got = noise(ROWS * WIDTH, 1, 3), *want = copy_of(got, ROWS * WIDTH);
    float *table = noise(VOCABULARY * WIDTH, 1, 4);
    unsigned short halves[VOCABULARY * WIDTH];
    const int ids[ROWS] = {0, 10, 3, 3, 7};
    ops->add_scaled(got, x, scale, ROWS, WIDTH);
    reference()->add_scaled(want, x, scale, ROWS, WIDTH);
    assert_close(ops, "add_scaled", got, want, ROWS * WIDTH, 1e-6);
    ops->add_scaled(got, x, NULL, ROWS, WIDTH);
    reference()->add_scaled(want, x, NULL, ROWS, WIDTH);
    assert_close(ops, "add_scaled without scale", got, want, ROWS * WIDTH, 1e-6);
    ops->copy_rows(got, WIDTH, x, WIDE, ROWS, WIDTH);
    reference()->copy_rows(want, WIDTH, x, WIDE, ROWS, WIDTH);
    assert_memory_equal(got, want, ROWS * WIDTH * sizeof *got);
    ops->embed_f32(got, table, ids, ROWS, WIDTH);
    reference()->embed_f32(want, table, ids, ROWS, WIDTH);
    assert_memory_equal(got, want, ROWS * WIDTH * sizeof *got);
    for (int i = 0; i < VOCABULARY * WIDTH; i++)
        halves[i] = bf16_from_float(table[i]);
    ops->embed_bf16(got, halves, ids, ROWS, WIDTH);
    reference()->embed_bf16(want, halves, ids, ROWS, WIDTH);
    assert_memory_equal(got, want, ROWS * WIDTH * sizeof *got);
    free(x), free(scale), free(got), free(want), free(table);
}

static void row_operations_agree_with_the_reference(void **state)
{
    (void)state;
    for_each_level(check_rows);
}

static void check_patches(const struct ops *ops)
{
    const int sizes[][2] = {{62, 14}, {28, 14}, {30, 7}, {9, 3}};
    for (int i = 0; i < 4; i++) {
        int size = sizes[i][0], patch = sizes[i][1], grid = size / patch;
        size_t n = (size_t)(grid * grid * 3 * patch * patch);
        float *pixels = noise((size_t)(3 * size * size), 1, 1);
        float *got = noise(n, 0, 2), *want = noise(n, 0, 2);
        ops->patches(got, pixels, size, patch);
        reference()->patches(want, pixels, size, patch);
        assert_memory_equal(got, want, n * sizeof *got);
        free(pixels), free(got), free(want);
    }
}

static void patches_agree_with_the_reference(void **state)
{
    (void)state;
    for_each_level(check_patches);
}

static void check_attention(const struct ops *ops)
{
    const int shapes[][4] = {/* queries, keys, heads, head_dim */
                             {1, 1, 1, 4},    {3, 5, 2, 12},    {16, 64, 1, 64}, {17, 65, 3, 20},
                             {50, 50, 2, 72}, {33, 130, 1, 80}, {5, 200, 1, 256}};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        int queries = shapes[i][0], keys = shapes[i][1], heads = shapes[i][2], dim = shapes[i][3];
        int rows = queries > keys ? queries : keys;
        size_t stride = (size_t)(3 * heads * dim), n = (size_t)(queries * heads * dim);
        float *qkv = noise((size_t)rows * stride, 4, 9);
        float *got = noise(n, 0, 1), *want = noise(n, 0, 1);
        struct attention_shape shape = {queries, keys, heads, dim, stride, 0.5F};
        const float *k = qkv + heads * dim, *v = qkv + 2 * heads * dim;
        ops->attention(got, qkv, k, v, &shape);
        reference()->attention(want, qkv, k, v, &shape);
        /* Scores reach some hundreds here: their rounding shows in the exponentials. */
        assert_close(ops, "attention", got, want, n, 1e-4);
        free(qkv), free(got), free(want);
    }
}

static void attention_agrees_with_the_reference(void **state)
{
    (void)state;
    for_each_level(check_attention);
}

/* Inputs of a convolution and a scan over two sequences of different lengths. */
struct sequences {
    int channels, state_size, rows;
    float *x, *z, *dt, *bc, *weight, *bias, *A, *D, *y, *conv_state, *ssm_state;
    struct span spans[2];
    struct scan_inputs in;
};

static void sequences_make(struct sequences *s, int channels, int state_size)
{
    size_t n = (size_t)channels, states = (size_t)state_size;
    s->channels = channels, s->state_size = state_size, s->rows = 12;
    s->x = noise(12 * n, 2, 1), s->z = noise(12 * n, 3, 2), s->dt = noise(12 * n, 4, 3);
    s->bc = noise(12 * (2 * states), 1, 4), s->weight = noise(4 * n, 1, 5);
    s->bias = noise(n, 1, 6), s->A = noise(states * n, 4, 7), s->D = noise(n, 1, 8);
    s->y = noise(12 * n, 0, 9), s->conv_state = noise(2 * 4 * n, 1, 10);
    s->ssm_state = noise(2 * states * n, 1, 11);
    for (size_t i = 0; i < states * n; i++)
        s->A[i] = -expf(s->A[i]);
    s->dt[0] = 30; /* softplus is the identity above 20 */
    s->spans[0] = (struct span){0, 5, s->conv_state, s->ssm_state};
    s->spans[1] = (struct span){5, 7, s->conv_state + 4 * n, s->ssm_state + states * n};
    s->in = (struct scan_inputs){s->x,       s->z,    s->dt, s->bc, s->bc + state_size, n,
                                 2 * states, s->bias, s->A,  s->D,  channels,           state_size};
}

static void sequences_free(struct sequences *s)
{
    free(s->x), free(s->z), free(s->dt), free(s->bc), free(s->weight), free(s->bias);
    free(s->A), free(s->D), free(s->y), free(s->conv_state), free(s->ssm_state);
}

static void check_scan(const struct ops *ops)
{
    const int shapes[][2] = {{12, 4}, {16, 16}, {96, 16}, {112, 16}, {100, 16}, {33, 7}};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        struct sequences a, b;
        sequences_make(&a, shapes[i][0], shapes[i][1]);
        sequences_make(&b, shapes[i][0], shapes[i][1]);
        size_t n = (size_t)a.channels;
        ops->causal_conv_silu(a.y, a.x, n, a.weight, a.bias, a.channels, 4, a.spans, 2);
        reference()->causal_conv_silu(b.y, b.x, n, b.weight, b.bias, b.channels, 4, b.spans, 2);
        assert_close(ops, "causal_conv_silu", a.y, b.y, 12 * n, 1e-6);
        assert_memory_equal(a.conv_state, b.conv_state, 8 * n * sizeof(float));
        ops->selective_scan(a.y, &a.in, a.spans, 2);
        reference()->selective_scan(b.y, &b.in, b.spans, 2);
        assert_close(ops, "selective_scan", a.y, b.y, 12 * n, 3e-6);
        assert_close(ops, "selective_scan: state", a.ssm_state, b.ssm_state,
                     2 * (size_t)a.state_size * n, 3e-6);
        sequences_free(&a), sequences_free(&b);
    }
}

static void convolution_and_scan_agree_with_the_reference(void **state)
{
    (void)state;
    for_each_level(check_scan);
}

/* The same rows in one span, one by one, alone and with another sequence: the same bits. */
static void check_splits(const struct ops *ops)
{
    struct sequences whole, steps;
    sequences_make(&whole, 100, 16);
    sequences_make(&steps, 100, 16);
    size_t n = 100;
    ops->causal_conv_silu(whole.y, whole.x, n, whole.weight, whole.bias, 100, 4, whole.spans, 2);
    float *conv = copy_of(whole.y, 12 * n);
    ops->selective_scan(whole.y, &whole.in, whole.spans, 2);
    for (int span = 0; span < 2; span++)
        for (int t = 0; t < steps.spans[span].n_rows; t++) {
            struct span one = steps.spans[span];
            one.first_row += t, one.n_rows = 1;
            size_t row = (size_t)one.first_row * n;
            ops->causal_conv_silu(steps.y, steps.x, n, steps.weight, steps.bias, 100, 4, &one, 1);
            assert_memory_equal(steps.y + row, conv + row, n * sizeof(float));
            ops->selective_scan(steps.y, &steps.in, &one, 1);
        }
    assert_memory_equal(steps.y, whole.y, 12 * n * sizeof(float));
    assert_memory_equal(steps.ssm_state, whole.ssm_state, 2 * 16 * n * sizeof(float));
    assert_memory_equal(steps.conv_state, whole.conv_state, 8 * n * sizeof(float));
    free(conv);
    sequences_free(&whole), sequences_free(&steps);
}

static void steps_equal_the_whole_sequence_bit_for_bit(void **state)
{
    (void)state;
    for_each_level(check_splits);
}

static void check_grid(const struct ops *ops)
{
    const int shapes[][2] = {{27, 48}, {14, 5}, {15, 16}, {4, 3}};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        int side = shapes[i][0], width = shapes[i][1];
        size_t in = (size_t)(side * side * width), out = (size_t)(14 * 14 * width);
        float *x = noise(in, 1, 1), *weight = noise((size_t)(9 * width), 1, 2);
        float *bias = noise((size_t)width, 1, 3), *got = noise(in + out, 0, 4),
              *want = noise(in + out, 0, 4);
        ops->average_pool(got, x, side, 14, width);
        reference()->average_pool(want, x, side, 14, width);
        assert_close(ops, "average_pool", got, want, out, 1e-6);
        ops->position_conv(got, x, weight, bias, side, width);
        reference()->position_conv(want, x, weight, bias, side, width);
        assert_close(ops, "position_conv", got, want, in, 1e-6);
        free(x), free(weight), free(bias), free(got), free(want);
    }
}

static void grid_operations_agree_with_the_reference(void **state)
{
    (void)state;
    for_each_level(check_grid);
}

/* Runs the operations that use threads on one size that is split; the output goes to y. */
static void run_threaded(const struct ops *ops, float *y, float *ssm_state)
{
    enum { ROWS = 40, WIDTH = 1024 };
    float *x = noise(ROWS * WIDTH, 2, 1), *weight = noise(WIDTH, 1, 2);
    struct attention_shape shape = {ROWS, ROWS, 4, 64, WIDTH, 0.125F};
    ops->rms_norm(y, x, weight, ROWS, WIDTH, 1e-5F);
    ops->gelu_erf(y, ROWS * WIDTH);
    ops->attention(x, y, y + 256, y + 512, &shape);
    ops->layer_norm(y + ROWS * WIDTH, x, weight, weight, ROWS, 256, 1e-5F);
    struct sequences s;
    sequences_make(&s, 512, 16);
    ops->selective_scan(y + 2 * ROWS * WIDTH, &s.in, s.spans, 2);
    memcpy(ssm_state, s.ssm_state, 2 * 16 * 512 * sizeof *ssm_state);
    sequences_free(&s);
    free(x), free(weight);
}

static void check_threads(const struct ops *ops)
{
    enum { N = 2 * 40 * 1024 + 12 * 512, STATES = 2 * 16 * 512 };
    float *one = noise(N, 0, 1), *many = noise(N, 0, 1);
    float *state_one = noise(STATES, 0, 1), *state_many = noise(STATES, 0, 1);
    omp_set_num_threads(1);
    run_threaded(ops, one, state_one);
    omp_set_num_threads(3);
    run_threaded(ops, many, state_many);
    omp_set_num_threads(1);
    assert_memory_equal(one, many, N * sizeof *one);
    assert_memory_equal(state_one, state_many, STATES * sizeof *state_one);
    free(one), free(many), free(state_one), free(state_many);
}

static void threads_change_no_bit(void **state)
{
    (void)state;
    for_each_level(check_threads);
}

static void an_unknown_level_is_refused_with_the_list(void **state)
{
    (void)state;
    const struct ops *ops = NULL;
    struct error err = {""};
    assert_int_equal(ops_find(&ops, "sse9", &err), STATUS_NOT_FOUND);
    assert_contains(err.text, "reference, x86_64, avx2, avx512");
    assert_ok(ops_find(&ops, NULL, &err), err);
    assert_true(ops_runs_here(ops));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(norms_agree_with_the_reference),
        cmocka_unit_test(gelu_agrees_with_the_reference),
        cmocka_unit_test(row_operations_agree_with_the_reference),
        cmocka_unit_test(patches_agree_with_the_reference),
        cmocka_unit_test(attention_agrees_with_the_reference),
        cmocka_unit_test(convolution_and_scan_agree_with_the_reference),
        cmocka_unit_test(steps_equal_the_whole_sequence_bit_for_bit),
        cmocka_unit_test(grid_operations_agree_with_the_reference),
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(an_unknown_level_is_refused_with_the_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
