/* tests/test_vit.c - CLIP and SigLIP towers against Transformers and timm in float. */
#include "tests/vision_parts.h"

#include "engine/image/image.h"
#include "engine/vision/encoder.h"

/* Of the largest feature.  bf16: matrices and what they multiply are rounded to 8 bits. */
#define F32_BOUND 2e-5
#define BF16_BOUND 0.015

enum { MAX_FEATURES = 16 * 24 };

static const struct tiny {
    const char *name, *prefix;
    const char *unread; /* part of the names of tensors that are there but not read */
    struct card_tower card;
} tinies[] = {
    {"clip",
     "clip.vision_model.",
     "layers.2.",
     {.name = "clip",
      .encoder = "vit",
      .naming = "transformers",
      .preprocess = {.size = 28},
      .patch_size = 7,
      .native_grid = 4,
      .width = 24,
      .heads = 3,
      .mlp_width = 40,
      .layers = 2,
      .eps = 1e-5,
      .activation = "gelu_quick",
      .cls_token = true,
      .cls_position = true,
      .pre_norm = true}},
    {"siglip",
     "siglip.",
     "layers.2.",
     {.name = "siglip",
      .encoder = "vit",
      .naming = "transformers",
      .preprocess = {.size = 31}, /* three pixels more than four patches */
      .patch_size = 7,
      .native_grid = 4,
      .width = 20,
      .heads = 4,
      .mlp_width = 36,
      .layers = 2,
      .eps = 1e-6,
      .activation = "gelu_pytorch_tanh",
      .patch_bias = true}},
    {"timm",
     "timm.",
     NULL,
     {.name = "timm",
      .encoder = "vit",
      .naming = "timm",
      .preprocess = {.size = 28},
      .patch_size = 7,
      .native_grid = 4,
      .width = 16,
      .heads = 2,
      .mlp_width = 24,
      .layers = 1,
      .eps = 1e-5,
      .activation = "gelu_quick",
      .cls_token = true,
      .cls_position = true,
      .pre_norm = true}},
};
enum { N_TINY = sizeof tinies / sizeof tinies[0] };

static enum status open_tower(struct encoder **out, const struct card_tower *card,
                              struct part *part, struct error *err)
{
    return encoder_kind_find("vit")->open(out, card, &part->weights, err);
}

/* The features of one picture by these kernels; nothing is allocated while they are computed. */
static void compute_features(const struct encoder *tower, const struct ops *ops,
                             const float *pixels, float *features, size_t stride)
{
    struct compute compute;
    struct error err = {""};
    size_t need = 0;
    assert_ok(compute_open(&compute, ops, 2, &err), err);
    assert_ok(tower->kind->prepare(tower, &compute, &need, &err), err);
    assert_ok(compute_reserve(&compute, need, &err), err);
    compute_use_threads(&compute);
    fail_allocation(1);
    tower->kind->run(tower, &compute, pixels, features, stride);
    int struck = allocation_has_failed();
    fail_allocation(0);
    assert_false(struck);
    assert_int_equal(compute.taken_floats, 0);
    assert_false(matmul_failed(compute.matmul));
    compute_close(&compute);
}

static size_t n_features(const struct encoder *tower)
{
    return (size_t)tower->n_patches * (size_t)tower->width;
}

static size_t n_pixels(const struct card_tower *card)
{
    return 3 * (size_t)card->preprocess.size * (size_t)card->preprocess.size;
}

/* Features of a tiny tower by the best kernels, into features. */
static void run_tiny(const struct tiny *tiny, const struct card_tower *card, enum matmul_type type,
                     float features[MAX_FEATURES])
{
    struct part part;
    struct encoder *tower;
    struct error err = {""};
    const struct ops *ops;
    part_open_tiny(&part, tiny->prefix, type);
    assert_ok(ops_find(&ops, NULL, &err), err);
    assert_ok(open_tower(&tower, card, &part, &err), err);
    assert_true(n_features(tower) <= MAX_FEATURES);
    float *pixels = noise(n_pixels(card));
    compute_features(tower, ops, pixels, features, (size_t)tower->width);
    free(pixels);
    tower->kind->close(tower);
    part_close(&part);
}

static void towers_agree_with_pytorch_at_every_level(void **state)
{
    (void)state;
    for (const struct tiny *tiny = tinies; tiny < tinies + N_TINY; tiny++) {
        struct part part;
        struct encoder *tower;
        struct error err = {"untouched"};
        part_open_tiny(&part, tiny->prefix, MATMUL_F32);
        assert_ok(open_tower(&tower, &tiny->card, &part, &err), err);
        assert_string_equal(err.text, "untouched");
        assert_int_equal(tower->n_patches, 16);
        assert_int_equal(tower->width, tiny->card.width);
        size_t n = n_features(tower);
        float *pixels = noise(n_pixels(&tiny->card)), *want = expected_tensor(tiny->name, n);
        for (const struct ops *const *ops = ops_all; *ops; ops++) {
            float features[MAX_FEATURES];
            if (!ops_runs_here(*ops))
                continue;
            compute_features(tower, *ops, pixels, features, (size_t)tower->width);
            assert_close(tiny->name, (*ops)->name, features, want, n, F32_BOUND);
        }
        free(pixels), free(want);
        tower->kind->close(tower);
        part_close(&part);
    }
}

static void bf16_stays_within_its_bound(void **state)
{
    (void)state;
    if (!matmul_has(MATMUL_BF16)) {
        printf("[ SKIPPED  ] bf16_stays_within_its_bound: this CPU has no bf16 products\n");
        skip();
    }
    for (const struct tiny *tiny = tinies; tiny < tinies + N_TINY; tiny++) {
        float features[MAX_FEATURES];
        size_t n = 16 * (size_t)tiny->card.width;
        float *want = expected_tensor(tiny->name, n);
        run_tiny(tiny, &tiny->card, MATMUL_BF16, features);
        assert_close(tiny->name, "bf16", features, want, n, BF16_BOUND);
        assert_true(distance(features, want, n) > F32_BOUND);
        free(want);
    }
}

/* What the bound would let through if it were too wide. */
static void a_wrong_epsilon_activation_or_depth_shows(void **state)
{
    (void)state;
    for (const struct tiny *tiny = tinies; tiny < tinies + N_TINY; tiny++) {
        float features[MAX_FEATURES];
        size_t n = 16 * (size_t)tiny->card.width;
        float *want = expected_tensor(tiny->name, n);
        for (int i = 0; i < 3; i++) {
            struct card_tower card = tiny->card;
            card.eps *= i == 0 ? 10 : 1;
            card.activation = i == 1 ? "gelu_erf" : card.activation;
            card.layers += i == 2 ? 1 : 0;
            run_tiny(tiny, &card, MATMUL_F32, features);
            if (!(distance(features, want, n) > 3 * F32_BOUND))
                fail_msg("%s, change %d: only %.3g apart", tiny->name, i,
                         distance(features, want, n));
        }
        free(want);
    }
}

/* Tensors that are there and would not be used. */
static void options_that_leave_tensors_out_are_refused_by_name(void **state)
{
    (void)state;
    for (const struct tiny *tiny = tinies; tiny < tinies + N_TINY; tiny++)
        for (int i = 0; i < 3; i++) {
            struct card_tower card = tiny->card;
            struct part part;
            struct encoder *tower;
            struct error err = {""};
            bool *option = i == 0 ? &card.pre_norm : i == 1 ? &card.patch_bias : &card.cls_token;
            if (!*option)
                continue;
            *option = false;
            card.cls_position = card.cls_position && card.cls_token;
            part_open_tiny(&part, tiny->prefix, MATMUL_F32);
            assert_int_equal(open_tower(&tower, &card, &part, &err), STATUS_MISMATCH);
            assert_contains(err.text, "which the model description leaves out");
            part_close(&part);
        }
}

static void skipped_patches_are_left_out_in_front(void **state)
{
    (void)state;
    const struct tiny *tiny = &tinies[1];
    struct card_tower card = tiny->card;
    float features[MAX_FEATURES];
    size_t width = (size_t)card.width;
    float *want = expected_tensor(tiny->name, 16 * width);
    for (card.skip_patches = 1; card.skip_patches < 16; card.skip_patches += 7) {
        size_t skipped = (size_t)card.skip_patches;
        run_tiny(tiny, &card, MATMUL_F32, features);
        assert_close("skipped", "", features, want + skipped * width, (16 - skipped) * width,
                     F32_BOUND);
    }
    free(want);
}

static void rows_of_features_may_lie_apart(void **state)
{
    (void)state;
    const struct tiny *tiny = &tinies[0];
    enum { STRIDE = 31, N = 16 };
    struct part part;
    struct encoder *tower;
    struct error err = {""};
    float features[N * STRIDE];
    part_open_tiny(&part, tiny->prefix, MATMUL_F32);
    assert_ok(open_tower(&tower, &tiny->card, &part, &err), err);
    size_t width = (size_t)tower->width;
    float *pixels = noise(n_pixels(&tiny->card)), *want = expected_tensor(tiny->name, N * width);
    for (size_t i = 0; i < N * STRIDE; i++)
        features[i] = 77;
    compute_features(tower, ops_all[0], pixels, features, STRIDE);
    for (size_t row = 0; row < N; row++) {
        for (size_t c = 0; c < width; c++)
            assert_true(fabsf(features[row * STRIDE + c] - want[row * width + c]) < 2e-4f);
        for (size_t c = width; c < STRIDE; c++)
            assert_true(features[row * STRIDE + c] == 77);
    }
    free(pixels), free(want);
    tower->kind->close(tower);
    part_close(&part);
}

static void counting_reads_no_values_and_counts_every_one(void **state)
{
    (void)state;
    for (const struct tiny *tiny = tinies; tiny < tinies + N_TINY; tiny++) {
        struct part part;
        struct encoder *tower;
        struct error err = {""};
        size_t parameters[2], bytes[2];
        part_open_tiny(&part, tiny->prefix, MATMUL_F32);
        struct card_tower card = tiny->card;
        /* timm's file has a block and a norm that are not read. */
        if (strcmp(card.naming, "timm") == 0)
            card.layers = 2;
        for (int counting = 0; counting < 2; counting++) {
            part.weights.counting = counting;
            assert_ok(open_tower(&tower, &card, &part, &err), err);
            tower->kind->close(tower);
            parameters[counting] = part.weights.parameters;
            bytes[counting] = part.weights.packed_bytes;
            part_reset(&part);
        }
        size_t norm = card.layers == 2 && !tiny->unread ? 2 * (size_t)card.width : 0;
        assert_int_equal(parameters[1], count_parameters(&part, tiny->unread) - norm);
        assert_int_equal(parameters[1], parameters[0]);
        assert_true(bytes[1] < bytes[0] / 2);
        part_close(&part);
    }
}

static void a_tower_opens_with_random_weights(void **state)
{
    (void)state;
    for (const struct tiny *tiny = tinies; tiny < tinies + N_TINY; tiny++) {
        struct part part;
        struct encoder *tower;
        struct error err = {""};
        float features[MAX_FEATURES];
        part_open_tiny(&part, tiny->prefix, MATMUL_F32);
        part.weights.files = NULL;
        part.weights.seed = 3;
        assert_ok(open_tower(&tower, &tiny->card, &part, &err), err);
        float *pixels = noise(n_pixels(&tiny->card));
        compute_features(tower, ops_all[0], pixels, features, (size_t)tower->width);
        for (size_t i = 0; i < n_features(tower); i++)
            assert_true(isfinite(features[i]));
        free(pixels);
        tower->kind->close(tower);
        part_close(&part);
    }
}

/* Cards that a tower cannot be opened with, and what the sentence must contain. */
static void assert_refused(const struct tiny *tiny, const struct card_tower *card,
                           enum status expected, const char *first, const char *second)
{
    struct part part;
    struct encoder *tower = NULL;
    struct error err = {""};
    part_open_tiny(&part, tiny->prefix, MATMUL_F32);
    assert_int_equal(open_tower(&tower, card, &part, &err), expected);
    assert_null(tower);
    assert_contains(err.text, first);
    assert_contains(err.text, second);
    part_close(&part);
}

static void what_a_naming_does_not_have_is_refused_by_name(void **state)
{
    (void)state;
    struct card_tower card = tinies[0].card;
    card.naming = "openclip";
    assert_refused(&tinies[0], &card, STATUS_UNSUPPORTED, "tower clip", "'openclip'");
    card = tinies[0].card;
    card.registers = 4;
    assert_refused(&tinies[0], &card, STATUS_UNSUPPORTED, "transformers", "\"registers\"");
    card = tinies[0].card;
    card.layer_scale = true;
    assert_refused(&tinies[0], &card, STATUS_UNSUPPORTED, "transformers", "\"layer_scale\"");
    card = tinies[0].card;
    card.activation = "swish2";
    assert_refused(&tinies[0], &card, STATUS_UNSUPPORTED, "activation", "'swish2'");
}

static void contradictions_are_refused_by_name(void **state)
{
    (void)state;
    struct card_tower card = tinies[0].card;
    card.preprocess.size = 35;
    assert_refused(&tinies[0], &card, STATUS_UNSUPPORTED, "tower clip",
                   "1 + 4 x 4 rows cannot be resampled to 5 x 5");
    card = tinies[0].card;
    card.cls_token = false;
    assert_refused(&tinies[0], &card, STATUS_MISMATCH, "\"cls_position\"", "\"cls_token\"");
    card = tinies[1].card;
    card.skip_patches = 16;
    assert_refused(&tinies[1], &card, STATUS_MISMATCH, "tower siglip", "4 x 4 patches 16");
    card.skip_patches = 0;
    card.preprocess.size = 6;
    assert_refused(&tinies[1], &card, STATUS_MISMATCH, "tower siglip", "0 x 0 patches");
}

static void missing_and_misshapen_tensors_are_named(void **state)
{
    (void)state;
    struct card_tower card = tinies[0].card;
    card.patch_bias = true;
    assert_refused(&tinies[0], &card, STATUS_NOT_FOUND, "weights.safetensors",
                   "clip.vision_model.embeddings.patch_embedding.bias");
    card = tinies[0].card;
    card.layers = 4;
    assert_refused(&tinies[0], &card, STATUS_NOT_FOUND, "weights.safetensors",
                   "encoder.layers.3.layer_norm1.weight");
    card = tinies[0].card;
    card.cls_position = false;
    assert_refused(&tinies[0], &card, STATUS_MISMATCH, "position_embedding.weight", "[17, 24]");
    card = tinies[0].card;
    card.mlp_width = 41;
    assert_refused(&tinies[0], &card, STATUS_MISMATCH, "mlp.fc1.weight", "[41, 24]");
    card = tinies[1].card;
    card.pre_norm = true;
    assert_refused(&tinies[1], &card, STATUS_NOT_FOUND, "siglip.pre_layrnorm.weight", "missing");
    card = tinies[2].card;
    card.naming = "transformers";
    assert_refused(&tinies[2], &card, STATUS_NOT_FOUND, "embeddings.patch_embedding.weight", "");
}

static void a_tower_without_memory_says_so_and_leaks_nothing(void **state)
{
    (void)state;
    for (const struct tiny *tiny = tinies; tiny < tinies + N_TINY; tiny++) {
        struct part part;
        part_open_tiny(&part, tiny->prefix, MATMUL_F32);
        long n = 1;
        for (int struck = 1; struck; n++) {
            struct encoder *tower = NULL;
            struct compute compute = {0};
            struct error err = {""};
            size_t need = 0;
            fail_allocation(n);
            enum status status = open_tower(&tower, &tiny->card, &part, &err);
            if (!status)
                status = compute_open(&compute, ops_all[0], 1, &err);
            if (!status)
                status = tower->kind->prepare(tower, &compute, &need, &err);
            struck = allocation_has_failed();
            fail_allocation(0);
            assert_int_equal(status, struck ? STATUS_NO_MEMORY : STATUS_OK);
            assert_int_equal(err.text[0] != '\0', struck);
            if (compute.matmul)
                compute_close(&compute);
            if (tower)
                tower->kind->close(tower);
            part_reset(&part);
        }
        assert_true(n > 20);
        part_close(&part);
    }
}

/* The towers of the shared fixtures. */
static const struct fixture {
    const char *name, *prefix;
    const char *files[3];
    const char *reference; /* whose reference.safetensors */
} fixtures[] = {
    {"llava-1.5", "vision_model.", {"clip/model.safetensors"}, "llava-1.5"},
    {"llava-phi",
     "model.vision_tower.vision_model.",
     {"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"},
     "llava-phi"},
    {"llava-phi-fused", "model.vision_tower.vision_model.", {"model.safetensors"}, "llava-phi"},
    {"tinyllava-legacy",
     "model.vision_tower.vision_tower.vision_model.",
     {"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"},
     "tinyllava-legacy"},
    {"tinyllava-factory", "vision_model.", {"vision_tower/pytorch_model.bin"}, "tinyllava-factory"},
    {"tinyllava-factory-merged",
     "vision_tower._vision_tower.vision_model.",
     {"model.safetensors"},
     "tinyllava-factory-merged"},
    {"mobilevlm-v1", "vision_model.", {"clip/pytorch_model.bin"}, "mobilevlm-v1"},
    {"mobilevlm-v2",
     "model.vision_tower.vision_tower.vision_model.",
     {"pytorch_model.bin"},
     "mobilevlm-v2"},
};
enum { N_FIXTURES = sizeof fixtures / sizeof fixtures[0] };

static void read_three(const cJSON *object, const char *key, float out[3])
{
    const cJSON *values = json_find(object, key);
    assert_int_equal(cJSON_GetArraySize(values), 3);
    for (int c = 0; c < 3; c++)
        out[c] = (float)cJSON_GetNumberValue(cJSON_GetArrayItem(values, c));
}

/* The card that a fixture's hparams describe; strings belong to root. */
static struct card_tower card_of(const cJSON *root)
{
    const cJSON *hparams = json_find(root, "hparams");
    const cJSON *tower = cJSON_GetArrayItem(json_find(hparams, "towers"), 0);
    struct error err = {""};
    bool cls = cJSON_IsTrue(json_find(tower, "cls_token"));
    struct card_tower card = {
        .name = json_string_or(tower, "name", "?"),
        .naming = "transformers",
        .patch_size = json_int_or(hparams, "patch_size", -1),
        .native_grid = json_int_or(tower, "grid", -1),
        .width = json_int_or(tower, "width", -1),
        .heads = json_int_or(tower, "heads", -1),
        .mlp_width = json_int_or(tower, "mlp", -1),
        .layers = json_int_or(tower, "layers_run", -1),
        .eps = json_number_or(tower, "eps", NAN),
        .activation = json_string_or(tower, "activation", "?"),
        .cls_token = cls,
        .cls_position = cls,
        .pre_norm = cJSON_IsTrue(json_find(tower, "pre_layernorm")),
        .patch_bias = cJSON_IsTrue(json_find(tower, "patch_bias")),
        .skip_patches = json_int_or(tower, "drop_leading", -1) - (cls ? 1 : 0),
    };
    card.preprocess.size = json_int_or(hparams, "image_size", -1);
    read_three(tower, "mean", card.preprocess.mean);
    read_three(tower, "std", card.preprocess.std);
    assert_ok(rescale_parse(json_string_or(tower, "rescale", "?"), &card.preprocess.rescale, &err),
              err);
    assert_ok(resize_strategy_parse(json_string_or(hparams, "resize", "?"),
                                    &card.preprocess.strategy, &err),
              err);
    return card;
}

static float *fixture_pixels(const char *folder, const cJSON *root, const struct card_tower *card)
{
    char path[4096];
    struct image image, resized;
    struct error err = {""};
    float *pixels = malloc(n_pixels(card) * sizeof *pixels);
    assert_non_null(pixels);
    snprintf(path, sizeof path, "%s/%s", folder,
             json_string_or(json_find(root, "image"), "file", "?"));
    assert_ok(image_read(&image, path, NULL, &err), err);
    assert_ok(preprocess_resize(&card->preprocess, &image, &resized, &err), err);
    preprocess_normalise(&card->preprocess, &resized, pixels);
    image_release(&resized);
    image_release(&image);
    return pixels;
}

static void check_fixture(const char *shared, const struct fixture *fixture)
{
    char folder[2048], reference[4096];
    struct part part;
    struct encoder *tower;
    struct error err = {""};
    snprintf(folder, sizeof folder, "%s/fixtures/%s", shared, fixture->name);
    snprintf(reference, sizeof reference, "%s/fixtures/%s/reference.safetensors", shared,
             fixture->reference);
    cJSON *root = read_reference(folder);
    struct card_tower card = card_of(root);
    part_open(&part, folder, fixture->files, fixture->prefix, MATMUL_F32);
    assert_ok(open_tower(&tower, &card, &part, &err), err);
    size_t n = n_features(tower);
    float *pixels = fixture_pixels(folder, root, &card);
    float *want = read_tensor(reference, "vision.features", n), *got = malloc(n * sizeof *got);
    assert_non_null(got);
    for (const struct ops *const *ops = ops_all; *ops; ops++) {
        if (!ops_runs_here(*ops))
            continue;
        compute_features(tower, *ops, pixels, got, (size_t)tower->width);
        assert_close(fixture->name, (*ops)->name, got, want, n, F32_BOUND);
    }
    free(pixels), free(want), free(got);
    tower->kind->close(tower);
    part_close(&part);
    cJSON_Delete(root);
}

static void the_shared_fixtures_give_their_features(void **state)
{
    (void)state;
    const char *shared = shared_or_skip("the_shared_fixtures_give_their_features");
    if (!shared)
        skip();
    for (int i = 0; i < N_FIXTURES; i++)
        check_fixture(shared, &fixtures[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(towers_agree_with_pytorch_at_every_level),
        cmocka_unit_test(bf16_stays_within_its_bound),
        cmocka_unit_test(a_wrong_epsilon_activation_or_depth_shows),
        cmocka_unit_test(options_that_leave_tensors_out_are_refused_by_name),
        cmocka_unit_test(skipped_patches_are_left_out_in_front),
        cmocka_unit_test(rows_of_features_may_lie_apart),
        cmocka_unit_test(counting_reads_no_values_and_counts_every_one),
        cmocka_unit_test(a_tower_opens_with_random_weights),
        cmocka_unit_test(what_a_naming_does_not_have_is_refused_by_name),
        cmocka_unit_test(contradictions_are_refused_by_name),
        cmocka_unit_test(missing_and_misshapen_tensors_are_named),
        cmocka_unit_test(a_tower_without_memory_says_so_and_leaks_nothing),
        cmocka_unit_test(the_shared_fixtures_give_their_features),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
