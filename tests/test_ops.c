/* Every fast operation against the readable one, at every level that this CPU runs, on shapes with
 * and without remainders; and the rule that results do not depend on the company or the threads. */
#include "tests/ops_check.h"

#include "engine/base/float16.h"

#include <omp.h>

static const int widths[] = {1, 3, 5, 15, 16, 17, 36, 48, 72, 80, 100, 257, 1024};
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
        float *z = noise((size_t)(rows * (width + 3)), 4, 5), *in_place = copy_of(x, n);
        ops->gated_rms_norm(got, x, z, (size_t)width + 3, weight, rows, width, 1e-5F);
        reference()->gated_rms_norm(want, x, z, (size_t)width + 3, weight, rows, width, 1e-5F);
        assert_close(ops, "gated_rms_norm", got, want, n, 2e-6);
        ops->gated_rms_norm(in_place, in_place, z, (size_t)width + 3, weight, rows, width, 1e-5F);
        assert_same_bits(ops, "gated_rms_norm in place", in_place, got, n);
        free(z), free(in_place);
        for (size_t i = 0; i < n; i++)
            x[i] += 10; /* a mean that is large against the spread */
        ops->layer_norm(got, x, weight, bias, rows, width, 1e-6F);
        reference()->layer_norm(want, x, weight, bias, rows, width, 1e-6F);
        assert_close(ops, "layer_norm", got, want, n, 2e-5);
        ops->layer_norm(x, x, weight, bias, rows, width, 1e-6F);
        assert_same_bits(ops, "layer_norm in place", x, got, n);
        free(x), free(weight), free(bias), free(got), free(want);
    }
}

static void norms_agree_with_the_reference(void **state)
{
    (void)state;
    for_each_level(check_norms);
}

/* Steps over the range where a function is neither 0 nor x, against the reference in double. */
static void check_activation(const struct ops *ops, enum activation activation)
{
    enum { N = 40001 };
    const char *name = activation_name(activation);
    float *got = noise(N, 0, 1), *want;
    for (int i = 0; i < N; i++)
        got[i] = (float)(i - N / 2) * 5e-4F;
    want = copy_of(got, N);
    ops->activate(got, N, activation);
    reference()->activate(want, N, activation);
    for (int i = 0; i < N; i++) {
        /* Two units in the last place of a sigmoid or erf near 1, times x, and a rounding; near 0
         * as exact as the value is small. */
        float x = fabsf((float)(i - N / 2) * 5e-4F);
        float bound = x < 0.5F ? 4e-7F * fabsf(want[i]) : 2.5e-7F * fmaxf(1, x);
        if (!(fabsf(got[i] - want[i]) <= bound))
            fail_msg("%s: %s is %.9g, not %.9g", ops->name, name, (double)got[i], (double)want[i]);
    }
    free(got), free(want);
}

/* Far outside, at zero, and NaN; and one value gives the same bits wherever it stands. */
static void check_activation_edges(const struct ops *ops, enum activation activation)
{
    enum { N = 41 };
    const char *name = activation_name(activation);
    float far[6] = {-1e30F, 1e30F, -0.0F, 1e-30F, NAN, -100}, *x = noise(N, 6, 1);
    float limit = activation == ACTIVATION_HARDSIGMOID ? 1 : 1e30F;
    float half = activation == ACTIVATION_HARDSIGMOID ? 0.5F : 0;
    ops->activate(far, 6, activation);
    if (far[0] != 0 || far[1] != limit || far[2] != half || fabsf(far[3] - half) > 1e-30F ||
        !isnan(far[4]) || fabsf(far[5]) > 1e-30F)
        fail_msg("%s: %s of -1e30, 1e30, 0, 1e-30, NaN, -100 is %g, %g, %g, %g, %g, %g", ops->name,
                 name, (double)far[0], (double)far[1], (double)far[2], (double)far[3],
                 (double)far[4], (double)far[5]);
    float *whole = copy_of(x, N);
    ops->activate(whole, N, activation);
    for (size_t i = 0; i < N; i++)
        for (size_t n = 1; i + n <= N; n += 7) {
            float *part = copy_of(x + i, n);
            ops->activate(part, n, activation);
            assert_same_bits(ops, name, part, whole + i, n);
            free(part);
        }
    free(x), free(whole);
}

static void check_activations(const struct ops *ops)
{
    for (int i = 0; i < ACTIVATION_N; i++) {
        check_activation(ops, (enum activation)i);
        check_activation_edges(ops, (enum activation)i);
    }
}

static void activations_agree_with_the_reference(void **state)
{
    (void)state;
    for_each_level(check_activations);
}

/* Values from PyTorch 2 in double: F.gelu(x), F.gelu(x, approximate="tanh"), x*sigmoid(1.702x),
 * F.silu, F.relu, F.hardsigmoid, F.hardswish. */
static void reference_activations_are_those_of_pytorch(void **state)
{
    (void)state;
    static const float inputs[3] = {-1.25F, 0.5F, 2.75F};
    static const double values[ACTIVATION_N][3] = {
        {-0.1320622171, 0.3457312306, 2.741805651},
        {-0.132285797, 0.3457140098, 2.742276856},
        {-0.1330656986, 0.3503884366, 2.724729832},
        {-0.2783751735, 0.3112296656, 2.584761712},
        {0, 0.5, 2.75},
        {0.2916666667, 0.5833333333, 0.9583333333},
        {-0.3645833333, 0.2916666667, 2.635416667},
    };
    for (int i = 0; i < ACTIVATION_N; i++) {
        float x[3];
        memcpy(x, inputs, sizeof x);
        reference()->activate(x, 3, (enum activation)i);
        for (int j = 0; j < 3; j++)
            assert_true(fabs((double)x[j] - values[i][j]) <= 1e-7);
    }
}

static void activations_have_names(void **state)
{
    (void)state;
    static const char *const names[][2] = {
        {"gelu", "gelu_erf"},      {"gelu_pytorch_tanh", "gelu_tanh"},
        {"gelu_new", "gelu_tanh"}, {"quick_gelu", "gelu_quick"},
        {"silu", "silu"},          {"relu", "relu"}};
    enum activation found = ACTIVATION_N;
    struct error err = {""};
    for (int i = 0; i < ACTIVATION_N; i++) {
        assert_ok(activation_parse(activation_name((enum activation)i), &found, &err), err);
        assert_int_equal(found, i);
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_ok(activation_parse(names[i][0], &found, &err), err);
        assert_string_equal(activation_name(found), names[i][1]);
    }
    found = ACTIVATION_RELU;
    assert_int_equal(activation_parse("Silu", &found, &err), STATUS_UNSUPPORTED);
    assert_int_equal(found, ACTIVATION_RELU);
    assert_contains(err.text, "'Silu'");
    assert_contains(err.text,
                    "gelu_erf, gelu_tanh, gelu_quick, silu, relu, hardsigmoid, hardswish");
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

/* Row operations that need no table, on every width. */
static void check_widths(const struct ops *ops)
{
    for (int w = 0; w < N_WIDTHS; w++) {
        int width = widths[w], rows = 6;
        size_t n = (size_t)(rows * width), stride = (size_t)width + 5;
        float *x = noise(n, 2, 1), *wide = noise((size_t)rows * stride, 5, 2);
        float *scale = noise((size_t)width, 1, 3), *got = noise(n, 1, 4), *want = copy_of(got, n);
        ops->average_reversed(got, x, rows, width);
        reference()->average_reversed(want, x, rows, width);
        assert_close(ops, "average_reversed", got, want, n, 1e-7);
        ops->scale_columns(got, scale, rows, width);
        reference()->scale_columns(want, scale, rows, width);
        assert_close(ops, "scale_columns", got, want, n, 3e-7);
        ops->mean_rows(got, x, rows, width);
        reference()->mean_rows(want, x, rows, width);
        assert_close(ops, "mean_rows", got, want, (size_t)width, 4e-7);
        ops->reverse_rows(got, x, rows, width);
        reference()->reverse_rows(want, x, rows, width);
        assert_same_bits(ops, "reverse_rows", got, want, n);
        assert_same_bits(ops, "reverse_rows", got, x + n - width, (size_t)width);
        ops->silu_multiply(got, wide, wide + 4, stride, rows, width);
        reference()->silu_multiply(want, wide, wide + 4, stride, rows, width);
        assert_close(ops, "silu_multiply", got, want, n, 5e-7);
        free(x), free(wide), free(scale), free(got), free(want);
    }
}

static void row_operations_agree_on_every_width(void **state)
{
    (void)state;
    for_each_level(check_widths);
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

static void check_pool(const struct ops *ops)
{
    const int shapes[][3] = {{27, 48, 14}, {14, 5, 14}, {15, 16, 4}, {4, 3, 14}, {24, 17, 12}};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        int side = shapes[i][0], width = shapes[i][1], to = shapes[i][2];
        size_t out = (size_t)(to * to * width);
        float *x = noise((size_t)(side * side * width), 1, 1);
        float *got = noise(out, 0, 4), *want = noise(out, 0, 4);
        ops->average_pool(got, x, side, to, width);
        reference()->average_pool(want, x, side, to, width);
        assert_close(ops, "average_pool", got, want, out, 1e-6);
        free(x), free(got), free(want);
    }
}

/* Every side and stride, with and without bias and identity; memory ends where the output does. */
static void check_convolution(const struct ops *ops)
{
    for (int i = 0; i < N_WIDTHS * 6 * 4; i++) {
        int width = widths[i / 24], side = i / 4 % 6 + 1 + (i / 4 % 6 == 5) * 8;
        int stride = i & 1 ? 1 : 2, edge = (side - 1) / stride + 1;
        bool identity = stride == 1 && i & 2;
        size_t in = (size_t)(side * side * width), out = (size_t)(edge * edge * width);
        float *x = noise(in, 1, 1), *weight = noise((size_t)(9 * width), 1, 2);
        float *bias = noise((size_t)width, 1, 3), *got = noise(out, 0, 4), *want = noise(out, 0, 4);
        const float *b = i & 2 ? bias : NULL;
        ops->depthwise_conv(got, x, weight, b, side, stride, identity, width);
        reference()->depthwise_conv(want, x, weight, b, side, stride, identity, width);
        assert_close(ops, "depthwise_conv", got, want, out, 2e-6);
        free(x), free(weight), free(bias), free(got), free(want);
    }
}

static void grid_operations_agree_with_the_reference(void **state)
{
    (void)state;
    for_each_level(check_pool);
    for_each_level(check_convolution);
}

/* A 3x3 grid by hand: stride 1 keeps the grid, stride 2 its corners. */
static void the_convolution_is_pytorchs(void **state)
{
    (void)state;
    const float x[9] = {1, 2, 3, 4, 5, 6, 7, 8, 9}, bias = 0.5F;
    float y[9];
    reference()->depthwise_conv(y, x, x, &bias, 3, 1, true, 1);
    assert_true(y[0] == 5 * 1 + 6 * 2 + 8 * 4 + 9 * 5 + 1.5F);
    assert_true(y[1] == 4 * 1 + 5 * 2 + 6 * 3 + 7 * 4 + 8 * 5 + 9 * 6 + 2.5F);
    assert_true(y[3] == 2 * 1 + 3 * 2 + 5 * 4 + 6 * 5 + 8 * 7 + 9 * 8 + 4.5F);
    assert_true(y[4] == 285 + 5.5F);
    reference()->depthwise_conv(y, x, x, NULL, 3, 2, false, 1);
    assert_true(y[0] == 5 * 1 + 6 * 2 + 8 * 4 + 9 * 5);
    assert_true(y[1] == 4 * 2 + 5 * 3 + 7 * 5 + 8 * 6);
    assert_true(y[2] == 2 * 4 + 3 * 5 + 5 * 7 + 6 * 8);
    assert_true(y[3] == 1 * 5 + 2 * 6 + 4 * 8 + 5 * 9);
}

/* One NaN at row 2, column 3 of x: it is found wherever that value counts and nowhere else. */
static void assert_nan_where(const struct ops *ops, const char *what, const float *y, int width,
                             int rows, int row, int column)
{
    for (int i = 0; i < rows * width; i++) {
        bool hit = (row < 0 || i / width == row) && (column < 0 || i % width == column);
        if (isnan(y[i]) != hit)
            fail_msg("%s: %s: row %d, column %d is %g", ops->name, what, i / width, i % width,
                     (double)y[i]);
    }
}

static void check_nan(const struct ops *ops)
{
    enum { ROWS = 4, WIDTH = 21, N = ROWS * WIDTH, AT = 2 * WIDTH + 3 };
    float *x = noise(N, 1, 1), *ones = noise(9 * WIDTH, 1, 2), *y = noise(N, 1, 3);
    float *clean = noise(N, 1, 4), *sum = copy_of(clean, N);
    x[AT] = NAN;
    ops->rms_norm(y, x, ones, ROWS, WIDTH, 1e-5F);
    assert_nan_where(ops, "rms_norm", y, WIDTH, ROWS, 2, -1);
    ops->gated_rms_norm(y, x, clean, WIDTH, ones, ROWS, WIDTH, 1e-5F);
    assert_nan_where(ops, "gated_rms_norm", y, WIDTH, ROWS, 2, -1);
    ops->gated_rms_norm(y, clean, x, WIDTH, ones, ROWS, WIDTH, 1e-5F);
    assert_nan_where(ops, "gated_rms_norm: gate", y, WIDTH, ROWS, 2, -1);
    ops->layer_norm(y, x, ones, ones, ROWS, WIDTH, 1e-5F);
    assert_nan_where(ops, "layer_norm", y, WIDTH, ROWS, 2, -1);
    ops->silu_multiply(y, x, clean, WIDTH, ROWS, WIDTH);
    assert_nan_where(ops, "silu_multiply: gate", y, WIDTH, ROWS, 2, 3);
    ops->silu_multiply(y, clean, x, WIDTH, ROWS, WIDTH);
    assert_nan_where(ops, "silu_multiply: up", y, WIDTH, ROWS, 2, 3);
    ops->add_scaled(sum, x, ones, ROWS, WIDTH);
    assert_nan_where(ops, "add_scaled", sum, WIDTH, ROWS, 2, 3);
    memcpy(sum, clean, N * sizeof *sum);
    ops->average_reversed(sum, x, ROWS, WIDTH);
    assert_nan_where(ops, "average_reversed", sum, WIDTH, ROWS, 1, 3);
    ops->mean_rows(y, x, ROWS, WIDTH);
    assert_nan_where(ops, "mean_rows", y, WIDTH, 1, 0, 3);
    ops->depthwise_conv(y, x, ones, NULL, 2, 1, false, WIDTH); /* a grid of 2 x 2 */
    assert_nan_where(ops, "depthwise_conv", y, WIDTH, ROWS, -1, 3);
    ops->average_pool(y, x, 2, 1, WIDTH);
    assert_nan_where(ops, "average_pool", y, WIDTH, 1, 0, 3);
    memcpy(y, x, N * sizeof *y);
    ops->scale_columns(y, ones, ROWS, WIDTH);
    assert_nan_where(ops, "scale_columns", y, WIDTH, ROWS, 2, 3);
    ops->rotate(y, WIDTH, ones, 2, ROWS, 1, WIDTH); /* pairs (0, 2) and (1, 3) */
    assert_true(isnan(y[2 * WIDTH + 1]) && isnan(y[AT]) && !isnan(y[2 * WIDTH]));
    free(x), free(ones), free(y), free(clean), free(sum);
}

static void nan_stays_nan(void **state)
{
    (void)state;
    check_nan(reference());
    for_each_level(check_nan);
}

/* Runs the operations that use threads on one size that is split, each on the result before. */
static void run_threaded(const struct ops *ops, float *y, float *ssm_state)
{
    enum { ROWS = 49, WIDTH = 1024, N = ROWS * WIDTH };
    float *x = noise(N, 2, 1), *weight = noise(9 * WIDTH, 1, 2), *other = noise(N, 1, 3);
    struct attention_shape shape = {4, 4, 64, WIDTH, 0.125F, true, CACHE_F32};
    struct attention_span span = {0, ROWS, ROWS, y + 256, y + 512, WIDTH, 64};
    ops->rms_norm(y, x, weight, ROWS, WIDTH, 1e-5F);
    ops->gated_rms_norm(y, y, x, WIDTH, weight, ROWS, WIDTH, 1e-5F);
    ops->activate(y, N, ACTIVATION_GELU_TANH);
    ops->silu_multiply(other, y, x, WIDTH, ROWS, WIDTH);
    ops->average_reversed(y, other, ROWS, WIDTH);
    ops->depthwise_conv(other, y, weight, NULL, 7, 1, true, WIDTH);
    ops->scale_columns(other, weight, ROWS, WIDTH);
    ops->mean_rows(y, other, ROWS, WIDTH);
    ops->reverse_rows(y + WIDTH, other, ROWS - 1, WIDTH);
    ops->rotate(y, WIDTH, weight, 32, ROWS, 8, 64);
    ops->attention(x, y, &shape, &span, 1);
    ops->layer_norm(y + N, x, weight, weight, ROWS, 256, 1e-5F);
    struct sequences s;
    sequences_make(&s, 512, 16);
    ops->selective_scan(y + 2 * N, &s.in, s.spans, 2);
    memcpy(ssm_state, s.ssm_state, 2 * 16 * 512 * sizeof *ssm_state);
    sequences_free(&s);
    free(x), free(weight), free(other);
}

static void check_threads(const struct ops *ops)
{
    enum { N = 2 * 49 * 1024 + 12 * 512, STATES = 2 * 16 * 512 };
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
    assert_contains(err.text, "reference, sse2, avx2, avx512");
    assert_ok(ops_find(&ops, NULL, &err), err);
    assert_true(ops_runs_here(ops));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(norms_agree_with_the_reference),
        cmocka_unit_test(activations_agree_with_the_reference),
        cmocka_unit_test(reference_activations_are_those_of_pytorch),
        cmocka_unit_test(activations_have_names),
        cmocka_unit_test(row_operations_agree_with_the_reference),
        cmocka_unit_test(row_operations_agree_on_every_width),
        cmocka_unit_test(patches_agree_with_the_reference),
        cmocka_unit_test(convolution_and_scan_agree_with_the_reference),
        cmocka_unit_test(steps_equal_the_whole_sequence_bit_for_bit),
        cmocka_unit_test(grid_operations_agree_with_the_reference),
        cmocka_unit_test(the_convolution_is_pytorchs),
        cmocka_unit_test(nan_stays_nan),
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(an_unknown_level_is_refused_with_the_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
