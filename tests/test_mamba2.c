/* Mamba-2: the mixer against golden values, a tiny language model against PyTorch's logits and
 * states, and the shared checkpoint against its reference. */
#include "tests/golden_weights.h"
#include "tests/lm_golden.h"
#include "tests/mamba2_model.h"

#include "engine/base/json.h"
#include "engine/layers/mamba2.h"

/* ---- the mixer alone ---- */

enum { G_WIDTH = 8, G_INNER = 16, G_STATE = 4, G_HEAD = 4, G_ROWS = 5, G_COLUMNS = 44 };

static void write_mixer(struct golden_file *file)
{
    golden_file_init(file);
    golden_file_add(file, "mixer.", "in_proj.weight", "44,8", 44 * 8);
    golden_file_add(file, "mixer.", "conv1d.weight", "24,1,4", 24 * 4);
    golden_file_add(file, "mixer.", "conv1d.bias", "24", 24);
    golden_file_add(file, "mixer.", "dt_bias", "4", 4);
    golden_file_add(file, "mixer.", "A_log", "4", 4);
    golden_file_add(file, "mixer.", "D", "4", 4);
    golden_file_add(file, "mixer.", "norm.weight", "16", 16);
    golden_file_add(file, "mixer.", "out_proj.weight", "8,16", 8 * 16);
    golden_file_write(file);
}

/* Heads' states as the references store them: [heads, head_dim, state]. */
static void turn_states(const float *S, float *turned)
{
    for (int h = 0; h < G_INNER / G_HEAD; h++)
        for (int p = 0; p < G_HEAD; p++)
            for (int n = 0; n < G_STATE; n++)
                turned[(h * G_HEAD + p) * G_STATE + n] = S[(h * G_STATE + n) * G_HEAD + p];
}

static void run_golden_mixer(struct part *part, const struct ops *ops)
{
    static const struct expectation output = {
        {-0.46299237, 0.44883291, 0.03541795, -0.48257336, 0.42429885, 0.07837093},
        0.49482981,
        -1.55154090,
        6.61859182};
    static const struct expectation final_state = {
        {0.00428795, -0.01244049, -0.00778234, 0.00599027, -0.00075497, 0.00485921},
        0.00875451,
        0.01578768,
        0.00304567};
    struct mamba2_shape shape = {G_INNER, G_STATE, 4, G_HEAD, 1e-5F};
    struct error err = {""};
    struct mamba2 mixer;
    struct linear in_proj, out_proj;
    struct compute compute;
    struct weights *w = &part->weights;
    float *gate_norm, *x = golden("x", G_ROWS * G_WIDTH, 1),
                      state[4 * 24 + G_INNER * G_STATE] = {0};
    float projected[G_ROWS * G_COLUMNS], y[G_ROWS * G_INNER], out[G_ROWS * G_WIDTH];
    float turned[G_INNER * G_STATE];
    size_t need = 0;
    assert_ok(weights_linear(w, "mixer.in_proj", G_COLUMNS, G_WIDTH, false, &in_proj, &err), err);
    assert_ok(weights_linear(w, "mixer.out_proj", G_WIDTH, G_INNER, false, &out_proj, &err), err);
    assert_ok(weights_vector(w, "mixer.norm.weight", G_INNER, &gate_norm, &err), err);
    assert_ok(mamba2_open(&mixer, &shape, w, "", &err), err);
    assert_ok(compute_open(&compute, ops, 1, &err), err);
    assert_ok(linear_prepare(compute.matmul, &in_proj, G_ROWS, &err), err);
    assert_ok(linear_prepare(compute.matmul, &out_proj, G_ROWS, &err), err);
    assert_ok(mamba2_need(&shape, ops, G_ROWS, &need, &err), err);
    assert_ok(compute_reserve(&compute, need, &err), err);
    assert_int_equal(mamba2_columns(&shape), G_COLUMNS);
    assert_int_equal(mamba2_state_floats(&shape), sizeof state / sizeof *state);

    struct span span = mamba2_span(&shape, 0, G_ROWS, state);
    linear_run(compute.matmul, &in_proj, x, G_WIDTH, projected, G_ROWS);
    mamba2_run(&mixer, &shape, gate_norm, &compute, projected, &span, 1, y, G_ROWS);
    linear_run(compute.matmul, &out_proj, y, G_INNER, out, G_ROWS);
    assert_output(ops->name, out, G_ROWS * G_WIDTH, &output, 5e-7);
    turn_states(span.ssm_state, turned);
    assert_output(ops->name, turned, G_INNER * G_STATE, &final_state, 3e-8);
    compute_close(&compute);
    linear_release(&in_proj);
    linear_release(&out_proj);
    free(x);
}

static void the_mixer_has_the_golden_values_at_every_level(void **state)
{
    (void)state;
    struct golden_file file;
    struct part part;
    struct error err = {""};
    write_mixer(&file);
    assert_ok(part_open(&part, (const char *[]){file.path, NULL}, "", MATMUL_F32, &err), err);
    for (const struct ops *const *ops = ops_all; *ops; ops++)
        if (ops_runs_here(*ops))
            run_golden_mixer(&part, *ops);
    part_close(&part);
    unlink(file.path);
}

/* ---- logits and states ---- */

static float *state_behind(const struct tensor_file *expected, const struct lm_state_view *view,
                           int n)
{
    char name[64];
    snprintf(name, sizeof name, "%s.%d", view->name, view->layer);
    return expected_floats(expected, name, n, (size_t)view->rows * (size_t)view->columns);
}

static struct lm_golden tiny_golden(void)
{
    return (struct lm_golden){.card = tiny_card(),
                              .weights = MAMBA2_DATA "lm.safetensors",
                              .expected = MAMBA2_DATA "expected.safetensors",
                              .lengths = lengths,
                              .n_lengths = N_LENGTHS,
                              .state = state_behind,
                              .f32_bound = 3e-6,
                              .state_bound = 3e-6,
                              .bf16_bound = 0.02};
}

static void logits_and_states_are_pytorchs_at_every_level(void **state)
{
    (void)state;
    struct lm_golden golden = tiny_golden();
    for (const struct ops *const *ops = ops_all; *ops; ops++)
        if (ops_runs_here(*ops))
            assert_borders_are_covered(*ops);
    check_golden(&golden);
}

static void bf16_logits_are_near(void **state)
{
    (void)state;
    struct lm_golden golden = tiny_golden();
    check_golden_bf16(&golden);
}

/* ---- the shared checkpoint ---- */

enum { F_WIDTH = 48, F_IMAGE = 49, F_PROMPT = 43, F_STEPS = 12, F_VOCABULARY = 608 };

/* reference.json: prompt.ids */
static void read_prompt(const char *directory, int ids[F_PROMPT])
{
    struct error err = {""};
    cJSON *root = NULL;
    char path[512];
    int n = 0;
    snprintf(path, sizeof path, "%s/reference.json", directory);
    assert_ok(json_read(&root, path, &err), err);
    const cJSON *id, *list = json_find(json_find(root, "prompt"), "ids");
    assert_int_equal(cJSON_GetArraySize(list), F_PROMPT);
    cJSON_ArrayForEach(id, list) ids[n++] = id->valueint;
    cJSON_Delete(root);
}

static void check_fixture(const char *directory, const struct ops *ops,
                          const struct tensor_file *reference)
{
    struct card_lm card = {.family = "mamba2",
                           .width = F_WIDTH,
                           .layers = 3,
                           .vocabulary = F_VOCABULARY,
                           .eps = 1e-5,
                           .inner_width = 96,
                           .state_size = 16,
                           .conv_width = 4,
                           .head_dim = 8};
    enum { ROWS = F_IMAGE + F_PROMPT };
    struct error err = {""};
    struct model model;
    struct lm_state state;
    char path[512];
    int prompt[F_PROMPT];
    read_prompt(directory, prompt);
    snprintf(path, sizeof path, "%s/checkpoints/latest-checkpoint.pt", directory);
    assert_ok(model_open(&model, &card, (const char *[]){path, NULL}, "model.llm_backbone.",
                         MATMUL_F32, ops, 1, ROWS, &err),
              err);
    state_open(&state, &model);
    float *want = tensor_floats(reference, "logits_per_step", F_STEPS * F_VOCABULARY);
    float *image = tensor_floats(reference, "connector.output", F_IMAGE * F_WIDTH);
    float *logits = logits_of(&model, ROWS);
    struct lm_span span = {0, ROWS, &state};
    memcpy(model.x, image, F_IMAGE * F_WIDTH * sizeof *image);
    lm_embed(model.lm, &model.compute, prompt, F_PROMPT, model.x + F_IMAGE * F_WIDTH);
    lm_forward(model.lm, &model.compute, &span, 1, model.x, ROWS);
    lm_logits(model.lm, &model.compute, model.x, ROWS, logits);
    memmove(logits, logits + (ROWS - 1) * F_VOCABULARY, F_VOCABULARY * sizeof *logits);
    for (int step = 0; step < F_STEPS; step++) {
        const float *row = want + (size_t)step * F_VOCABULARY;
        int id = first_maximum(row, F_VOCABULARY);
        for (int i = 0; i < F_VOCABULARY; i++)
            if (!(fabs((double)logits[i] - row[i]) <= 2e-4))
                fail_msg("%s: step %d: logit %d is %.9g, not %.9g", ops->name, step, i,
                         (double)logits[i], (double)row[i]);
        assert_int_equal(first_maximum(logits, F_VOCABULARY), id);
        model_run(&model, &state, &id, 1, logits);
    }
    free(want), free(image), free(logits);
    lm_state_release(&state);
    model_close(&model);
}

static void the_shared_checkpoint_gives_the_reference_logits(void **state)
{
    (void)state;
    char directory[400], path[512];
    const char *shared = shared_or_skip(__func__);
    if (!shared)
        skip();
    snprintf(directory, sizeof directory, "%s/fixtures/ml-mamba", shared);
    snprintf(path, sizeof path, "%s/reference.safetensors", directory);
    struct tensor_file *reference = open_expected(path);
    for (const struct ops *const *ops = ops_all; *ops; ops++)
        if (ops_runs_here(*ops))
            check_fixture(directory, *ops, reference);
    tensor_file_close(reference);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_mixer_has_the_golden_values_at_every_level),
        cmocka_unit_test(logits_and_states_are_pytorchs_at_every_level),
        cmocka_unit_test(bf16_logits_are_near),
        cmocka_unit_test(the_shared_checkpoint_gives_the_reference_logits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
