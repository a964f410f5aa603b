/* Whole modules on weights from a formula, against values computed in double from the published
 * mathematics. */
#include "tests/golden_weights.h"

#include "engine/models/lm.h"
#include "engine/ops/compute.h"
#include "engine/vision/encoder.h"
#include "engine/weights.h"

static void the_formula_is_the_published_one(void **state)
{
    (void)state;
    static const double want[] = {0.19907022, -0.04475113, -0.18753834,
                                  0.09307770, 0.16355325,  -0.13522357};
    float *values = golden("in_proj.weight", 6, 0);
    for (int i = 0; i < 6; i++)
        assert_true(fabs(values[i] - want[i]) < 1e-8);
    free(values);
}

/* x W^T of a golden weight, on its own products. */
static void linear(const char *name, int n_out, int n_in, const float *x, size_t stride, float *y,
                   int rows)
{
    struct error err = {""};
    struct linear packed;
    struct matmul *matmul;
    float *weights = golden(name, (size_t)n_out * (size_t)n_in, 0);
    assert_ok(linear_pack(&packed, MATMUL_F32, weights, NULL, n_in, n_out, &err), err);
    assert_ok(matmul_open(&matmul, ops_all[0], &err), err);
    assert_ok(linear_prepare(matmul, &packed, rows, &err), err);
    linear_run(matmul, &packed, x, stride, y, rows);
    matmul_close(matmul);
    linear_release(&packed);
    free(weights);
}

static float *transposed(const char *name, int rows, int columns, int negative_exp)
{
    float *values = golden(name, (size_t)(rows * columns), 0);
    float *turned = malloc((size_t)(rows * columns) * sizeof *turned);
    assert_non_null(turned);
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < columns; c++) {
            float v = values[r * columns + c];
            turned[c * rows + r] = negative_exp ? -expf(v) : v;
        }
    free(values);
    return turned;
}

static void mamba_mixer(const struct ops *ops)
{
    enum { D = 6, INNER = 12, N = 4, RANK = 2, L = 5 };
    static const struct expectation output = {
        {-0.00201075, -0.00224324, 0.00191945, 0.00232137, -0.00182496, -0.00239565},
        -0.00083003,
        -0.02449019,
        0.00040602};
    static const struct expectation final_state = {
        {-0.00416128, 0.00482995, 0.00408259, -0.00334582, 0.00012042, -0.00034151},
        -0.00356321,
        0.00159824,
        0.00071582};
    float *x = golden("x", L * D, 1), *A = transposed("A_log", INNER, N, 1);
    float *taps = transposed("conv1d.weight", INNER, 4, 0), *bias = golden("conv1d.bias", INNER, 0);
    float *dt_bias = golden("dt_proj.bias", INNER, 0), *skip = golden("D", INNER, 0);
    float xz[L * 2 * INNER], conv[L * INNER], dbc[L * (RANK + 2 * N)], dt[L * INNER];
    float y[L * INNER], out[L * D], conv_state[4 * INNER] = {0}, h[N * INNER] = {0};
    struct span span = {0, L, conv_state, h};

    linear("in_proj.weight", 2 * INNER, D, x, D, xz, L);
    ops->causal_conv_silu(conv, xz, 2 * INNER, taps, bias, INNER, 4, &span, 1);
    linear("x_proj.weight", RANK + 2 * N, INNER, conv, INNER, dbc, L);
    linear("dt_proj.weight", INNER, RANK, dbc, RANK + 2 * N, dt, L);
    struct scan_inputs in = {conv,         xz + INNER, dt, dbc + RANK, dbc + RANK + N, 2 * INNER,
                             RANK + 2 * N, dt_bias,    A,  skip,       INNER,          N};
    ops->selective_scan(y, &in, &span, 1);
    linear("out_proj.weight", D, INNER, y, INNER, out, L);
    assert_output("Mamba mixer", out, L * D, &output, 2e-8);
    float state[INNER * N];
    for (int c = 0; c < INNER; c++)
        for (int n = 0; n < N; n++)
            state[c * N + n] = h[n * INNER + c];
    assert_output("Mamba state", state, INNER * N, &final_state, 2e-8);
    free(x), free(A), free(taps), free(bias), free(dt_bias), free(skip);
}

static void ldp_tail(const struct ops *ops)
{
    static const struct expectation want = {
        {-0.09801041, -0.19257283, -0.07487287, -0.30898818, -0.11795773, -0.28429109},
        -0.23208684,
        -47.69784129,
        7.91604345};
    float *x = golden("x", 729 * 2, 1), *weight = transposed("peg.0.weight", 2, 9, 0);
    float *bias = golden("peg.0.bias", 2, 0), pooled[196 * 2], y[196 * 2];
    ops->average_pool(pooled, x, 27, 14, 2);
    ops->depthwise_conv(y, pooled, weight, bias, 14, 1, true, 2);
    assert_output("LDP tail", y, 196 * 2, &want, 2e-7);
    free(x), free(weight), free(bias);
}

static void mamba_and_ldp_agree_at_every_level(void **state)
{
    (void)state;
    for (const struct ops *const *ops = ops_all; *ops; ops++)
        if (ops_runs_here(*ops)) {
            mamba_mixer(*ops);
            ldp_tail(*ops);
        }
}

static void position_tables_are_resampled_as_torch_does(void **state)
{
    (void)state;
    static const struct expectation want = {
        {0.37656739, -0.08983096, -0.07723131, -0.12429647, -0.07954405, 0.28067821},
        -0.24993293,
        -0.36638461,
        43.16394403};
    struct error err = {""};
    float *table = golden("pos_embed", 37 * 37 * 2, 1), y[27 * 27 * 2];
    assert_ok(resample_positions(table, 37, y, 27, 2, &err), err);
    assert_output("positions", y, 27 * 27 * 2, &want, 2e-6);
    free(table);
}

static void add_block(struct golden_file *file, int i)
{
    static const struct {
        const char *name, *shape;
        size_t n;
    } tensors[] = {
        {"norm1.weight", "16", 16},
        {"norm1.bias", "16", 16},
        {"attn.qkv.weight", "48,16", 768},
        {"attn.qkv.bias", "48", 48},
        {"attn.proj.weight", "16,16", 256},
        {"attn.proj.bias", "16", 16},
        {"ls1.gamma", "16", 16},
        {"norm2.weight", "16", 16},
        {"norm2.bias", "16", 16},
        {"mlp.fc1.weight", "32,16", 512},
        {"mlp.fc1.bias", "32", 32},
        {"mlp.fc2.weight", "16,32", 512},
        {"mlp.fc2.bias", "16", 16},
        {"ls2.gamma", "16", 16},
    };
    for (size_t t = 0; t < sizeof tensors / sizeof tensors[0]; t++) {
        char name[64];
        snprintf(name, sizeof name, "blocks.%d.%s", i, tensors[t].name);
        golden_file_add(file, "", name, tensors[t].shape, tensors[t].n);
    }
}

static void write_tower(struct golden_file *file)
{
    golden_file_init(file);
    golden_file_add(file, "", "cls_token", "1,1,16", 16);
    golden_file_add(file, "", "reg_token", "1,2,16", 32);
    golden_file_add(file, "", "pos_embed", "1,4,16", 64);
    golden_file_add(file, "", "patch_embed.proj.weight", "16,3,14,14", 16 * 588);
    golden_file_add(file, "", "patch_embed.proj.bias", "16", 16);
    for (int i = 0; i < 3; i++)
        add_block(file, i);
    golden_file_write(file);
}

static void the_vision_tower_agrees(void **state)
{
    (void)state;
    static const struct expectation want = {
        {1.15650353, 0.41651153, -0.82546345, -1.74426319, -1.31576517, -1.06415857},
        1.32103717,
        -4.72440429,
        91.65704360};
    struct error err = {""};
    struct arena arena;
    struct golden_file file;
    arena_init(&arena);
    write_tower(&file);
    struct card_tower card = {.name = "golden",
                              .encoder = "vit",
                              .naming = "timm",
                              .patch_size = 14,
                              .native_grid = 2,
                              .width = 16,
                              .heads = 2,
                              .mlp_width = 32,
                              .layers = 2,
                              .eps = 1e-6,
                              .activation = "gelu_erf",
                              .layer_scale = true,
                              .cls_token = true,
                              .patch_bias = true,
                              .registers = 2};
    card.preprocess.size = 30;
    card.weights = (struct card_weights){.files = {file.path}, .n_files = 1, .prefix = ""};
    struct weight_files files = {.names = {file.path}, .n_files = 1};
    assert_ok(tensor_file_open(&files.files[0], file.path, &err), err);
    struct weights weights = {
        .part = &card.weights, .files = &files, .type = MATMUL_F32, .arena = &arena};
    struct encoder *tower;
    assert_ok(encoder_kind_find("vit")->open(&tower, &card, &weights, &err), err);
    for (const struct ops *const *ops = ops_all; *ops; ops++) {
        struct compute compute;
        size_t need = 0;
        float *pixels = golden("pixels", 3 * 30 * 30, 1), features[4 * 16];
        if (ops_runs_here(*ops)) {
            assert_ok(compute_open(&compute, *ops, 1, &err), err);
            assert_ok(tower->kind->prepare(tower, &compute, &need, &err), err);
            assert_ok(compute_reserve(&compute, need, &err), err);
            tower->kind->run(tower, &compute, pixels, features, 16);
            assert_output((*ops)->name, features, 4 * 16, &want, 3e-6);
            compute_close(&compute);
        }
        free(pixels);
    }
    tower->kind->close(tower);
    weight_files_close(&files);
    arena_release(&arena);
    unlink(file.path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_formula_is_the_published_one),
        cmocka_unit_test(mamba_and_ldp_agree_at_every_level),
        cmocka_unit_test(position_tables_are_resampled_as_torch_does),
        cmocka_unit_test(the_vision_tower_agrees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
