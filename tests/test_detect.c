/* Every layout is recognised from names, shapes and configs, and gives the card that belongs to it.
 */
#include "tests/card_same.h"
#include "tests/release_specs.h"

/* What the tiny releases are, written by hand. */

static struct card_weights at(const char *prefix, const char *file, const char *second)
{
    return (struct card_weights){
        .files = {file, second}, .n_files = second ? 2 : 1, .prefix = prefix};
}

static struct card_tower clip(enum resize_strategy resize, struct card_weights where)
{
    return (struct card_tower){.name = "clip",
                               .encoder = "vit",
                               .naming = "transformers",
                               .weights = where,
                               .preprocess = {6,
                                              resize,
                                              RESCALE_HF,
                                              {0.48145466F, 0.4578275F, 0.40821073F},
                                              {0.26862954F, 0.26130258F, 0.27577711F},
                                              false},
                               .patch_size = 2,
                               .native_grid = 3,
                               .width = 8,
                               .heads = 2,
                               .mlp_width = 12,
                               .layers = 2,
                               .eps = 1e-5,
                               .activation = "gelu_quick",
                               .cls_token = true,
                               .cls_position = true,
                               .pre_norm = true};
}

static struct card_tower siglip(enum resize_strategy resize, struct card_weights where)
{
    return (struct card_tower){
        .name = "siglip",
        .encoder = "vit",
        .naming = "transformers",
        .weights = where,
        .preprocess = {7, resize, RESCALE_HF, {0.5F, 0.5F, 0.5F}, {0.5F, 0.5F, 0.5F}, false},
        .patch_size = 2,
        .native_grid = 3,
        .width = 8,
        .heads = 2,
        .mlp_width = 12,
        .layers = 2,
        .eps = 1e-6,
        .activation = "gelu_tanh",
        .patch_bias = true};
}

/* Both timm towers of a run directory. */
static void add_timm_towers(struct card *card)
{
    static const struct card_tower tower = {
        .encoder = "vit",
        .naming = "timm",
        .preprocess =
            {6, RESIZE_NAIVE, RESCALE_TORCHVISION, {0.5F, 0.5F, 0.5F}, {0.5F, 0.5F, 0.5F}, false},
        .patch_size = 2,
        .native_grid = 3,
        .width = 8,
        .mlp_width = 12,
        .eps = 1e-6,
        .activation = "gelu_erf",
        .patch_bias = true};
    static const float mean[] = {0.485F, 0.456F, 0.406F}, std[] = {0.229F, 0.224F, 0.225F};
    struct card_tower *dino = &card->towers[0], *other = &card->towers[1];
    card->n_towers = 2;
    *dino = *other = tower;
    dino->name = "dino";
    dino->weights = at("", "dino/model.safetensors", NULL);
    dino->heads = 2;
    dino->layers = 2;
    memcpy(dino->preprocess.mean, mean, sizeof mean);
    memcpy(dino->preprocess.std, std, sizeof std);
    other->name = "siglip";
    other->weights = at("visual.trunk.", "siglip/open_clip_model.safetensors", NULL);
    other->heads = 4;
    other->layers = 1;
}

static struct card_lm llama(struct card_weights where)
{
    return (struct card_lm){.family = "llama",
                            .weights = where,
                            .width = 16,
                            .layers = 2,
                            .vocabulary = 278,
                            .eps = 1e-5,
                            .bos = 1,
                            .eos = 2,
                            .max_text_tokens = 2048,
                            .max_positions = 4096,
                            .head_dim = 4,
                            .heads = 4,
                            .kv_heads = 2,
                            .mlp_width = 24,
                            .rope_dims = 4,
                            .rope_theta = 10000};
}

static struct card_lm phi(bool head_has_bias, struct card_weights where)
{
    return (struct card_lm){.family = "phi",
                            .weights = where,
                            .width = 16,
                            .layers = 2,
                            .vocabulary = 480,
                            .eps = 1e-5,
                            .bos = -1,
                            .eos = 420, /* of <|endoftext|>, whatever config.json says */
                            .max_text_tokens = 2048,
                            .max_positions = 2048,
                            .head_dim = 8,
                            .heads = 2,
                            .kv_heads = 2,
                            .mlp_width = 20,
                            .rope_dims = 4, /* trunc(0.6 * 8) */
                            .rope_theta = 10000,
                            .head_bias = head_has_bias};
}

static struct card_connector connector(const char *kind, int in, int hidden,
                                       struct card_weights where)
{
    return (struct card_connector){.kind = kind,
                                   .weights = where,
                                   .in_width = in,
                                   .out_width = 16,
                                   .hidden_width = hidden,
                                   .eps = 1e-5};
}

/* What the Transformers have in common. */
static struct card vicuna(const char *family, struct card_tower tower,
                          struct card_connector projector, struct card_lm lm)
{
    return (struct card){.family = family,
                         .tokenizer = "tokenizer.json",
                         .clean_up = strcmp(lm.family, "phi") == 0,
                         .template = "vicuna",
                         .image_size = tower.preprocess.size,
                         .n_towers = 1,
                         .towers = {tower},
                         .connector = projector,
                         .lm = lm};
}

static struct card expected_llava(void)
{
    return vicuna("llava-1.5",
                  clip(RESIZE_PAD, at("vision_model.", "clip/model.safetensors", NULL)),
                  connector("gelu-mlp", 8, 16, at("model.mm_projector.", BIN2, NULL)),
                  llama(at("", BIN1, BIN2)));
}

static struct card expected_llava_phi(void)
{
    return vicuna("llava-phi",
                  clip(RESIZE_PAD, at("model.vision_tower.vision_model.", WHOLE, NULL)),
                  connector("gelu-mlp", 8, 16, at("model.mm_projector.", WHOLE, NULL)),
                  phi(true, at("", WHOLE, NULL)));
}

static struct card expected_llava_phi_fused(void)
{
    return vicuna("llava-phi",
                  clip(RESIZE_CENTRE, at("model.vision_tower.vision_model.", SHARD2, NULL)),
                  connector("gelu-mlp", 8, 16, at("model.mm_projector.", SHARD2, NULL)),
                  phi(true, at("", SHARD1, SHARD2)));
}

static struct card expected_legacy(void)
{
    struct card card = vicuna(
        "tinyllava-legacy",
        siglip(RESIZE_PAD, at("model.vision_tower.vision_tower.vision_model.", SHARD2, NULL)),
        connector("gelu-mlp", 8, 16, at("model.mm_projector.", SHARD1, NULL)),
        phi(false, at("", SHARD1, SHARD2)));
    card.lm.max_text_tokens = 3072;
    return card;
}

static struct card expected_legacy_llama(void)
{
    struct card card = vicuna(
        "tinyllava-legacy", siglip(RESIZE_PAD, at("", "vision_tower/model.safetensors", NULL)),
        connector("linear", 8, 0, at("model.mm_projector.", "pytorch_model.bin", NULL)),
        llama(at("", "pytorch_model.bin", NULL)));
    card.lm.max_text_tokens = 3072;
    return card;
}

static struct card expected_factory_merged(void)
{
    struct card card =
        vicuna("tinyllava-factory",
               siglip(RESIZE_NAIVE, at("vision_tower._vision_tower.vision_model.", WHOLE, NULL)),
               connector("gelu-mlp", 8, 16, at("connector._connector.", WHOLE, NULL)),
               phi(true, at("language_model.", WHOLE, NULL)));
    card.towers[0].preprocess.half_pixels = true;
    card.towers[0].skip_patches = 1;
    card.lm.max_text_tokens = 3072;
    return card;
}

static struct card expected_factory_split(void)
{
    struct card card = vicuna(
        "tinyllava-factory", clip(RESIZE_CENTRE, at("", "vision_tower/pytorch_model.bin", NULL)),
        connector("gelu-mlp", 8, 16, at("_connector.", "connector/pytorch_model.bin", NULL)),
        llama(at("", "language_model/pytorch_model.bin", NULL)));
    card.towers[0].preprocess.half_pixels = true;
    card.lm.max_text_tokens = 3072;
    return card;
}

/* The stock tower, although a copy is in the checkpoint. */
static struct card expected_mobilevlm(void)
{
    static const char stock[] = "openai/clip-vit-large-patch14-336/pytorch_model.bin";
    return vicuna(
        "mobilevlm-v1", clip(RESIZE_PAD, at("vision_model.", stock, NULL)),
        connector("ldpnet", 8, 16, at("model.mm_projector.model.", "pytorch_model.bin", NULL)),
        llama(at("", "pytorch_model.bin", NULL)));
}

static struct card expected_mobilevlm_v2(void)
{
    return vicuna(
        "mobilevlm-v2",
        clip(RESIZE_PAD,
             at("model.vision_tower.vision_tower.vision_model.", "pytorch_model.bin", NULL)),
        connector("ldpnetv2", 8, 16, at("model.mm_projector.", "pytorch_model.bin", NULL)),
        llama(at("", "pytorch_model.bin", NULL)));
}

static struct card expected_ml_mamba(void)
{
    static const char file[] = "latest-checkpoint.pt";
    struct card card = {
        .family = "ml-mamba",
        .tokenizer = "tokenizer.json",
        .clean_up = true,
        .template = "zephyr",
        .image_size = 6,
        .connector = connector("mamba2-scan", 16, 64, at("model.", file, NULL)),
        .lm = {.family = "mamba2",
               .weights = at("model.llm_backbone.", file, NULL),
               .width = 16,
               .layers = 2,
               .vocabulary = 512,
               .eps = 1e-5,
               .bos = -1,
               .max_text_tokens = 2048,
               .inner_width = 32,
               .state_size = 4,
               .conv_width = 4,
               .head_dim = 8},
    };
    card.connector.tail = "fused-gelu-mlp";
    card.connector.blocks = 2;
    card.connector.inner_width = 32;
    card.connector.state_size = 4;
    card.connector.conv_width = 4;
    card.connector.head_dim = 8;
    add_timm_towers(&card);
    return card;
}

static struct card expected_prismatic(void)
{
    struct card card = {
        .family = "prismatic",
        .tokenizer = "tokenizer.json",
        .clean_up = true,
        .template = "zephyr",
        .image_size = 6,
        .connector = connector("gelu-mlp", 16, 16, at("model.projector.projector.", LATEST, NULL)),
        .lm = llama(at("model.llm_backbone.llm.", LATEST, NULL))};
    card.lm.bos = -1;
    add_timm_towers(&card);
    return card;
}

static const struct {
    const char *release;
    struct card (*expected)(void);
    int image_tokens;
} cases[] = {
    {"llava-1.5", expected_llava, 9},
    {"llava-phi", expected_llava_phi, 9},
    {"llava-phi-fused", expected_llava_phi_fused, 9},
    {"tinyllava-legacy", expected_legacy, 9},
    {"tinyllava-llama", expected_legacy_llama, 9},
    {"factory-merged", expected_factory_merged, 8},
    {"factory-split", expected_factory_split, 9},
    {"mobilevlm-v1", expected_mobilevlm, 4},
    {"mobilevlm-v2", expected_mobilevlm_v2, 144},
    {"ml-mamba", expected_ml_mamba, 9},
    {"prismatic-llama", expected_prismatic, 9},
};
enum { N_CASES = sizeof cases / sizeof cases[0] };

static void open_release(struct release *r, struct card *card, const char *name)
{
    struct error err = {""};
    release_make(r, release_spec(name));
    release_write(r);
    assert_ok(card_open(card, r->copy.path, &r->copy.arena, &err), err);
}

static void every_layout_gives_its_card(void **state)
{
    (void)state;
    assert_int_equal(N_CASES, N_RELEASES);
    for (size_t i = 0; i < N_CASES; i++) {
        struct release r;
        struct card card, want = cases[i].expected();
        print_message("%s\n", cases[i].release);
        open_release(&r, &card, cases[i].release);
        assert_same_parts(&card, &want);
        assert_string_equal(card.name, want.n_towers == 2 ? "tiny" : path_name(r.copy.path));
        assert_string_equal(card.directory, r.copy.path);
        assert_int_equal(card_image_tokens(&card), cases[i].image_tokens);
        release_remove(&r);
    }
}

static size_t parameters(const cJSON *part, const char *column)
{
    return (size_t)json_number_or(part, column, -1);
}

/* Every tensor of the language model and the connector is bound, and none is counted twice; of the
 * tower a layer and the last norm are left over, or only the norm. */
static void every_layout_binds_what_it_has(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_CASES; i++) {
        struct release r;
        struct card card;
        struct text text;
        struct error err = {""};
        cJSON *root;
        const cJSON *part;
        size_t n = 0;
        print_message("%s\n", cases[i].release);
        open_release(&r, &card, cases[i].release);
        text_init(&text);
        assert_ok(card_describe(&card, true, &text, &err), err);
        assert_ok(json_parse(&root, text.data, text.length, "described", &err), err);
        cJSON_ArrayForEach(part, json_find(root, "parts"))
        {
            size_t published = parameters(part, "parameters_published");
            size_t used = parameters(part, "parameters_used");
            bool tower = n++ < card.n_towers;
            bool cut = strcmp(card.family, "tinyllava-legacy") == 0;
            assert_int_equal(published - used, !tower               ? 0
                                               : card.n_towers == 2 ? 532
                                               : cut                ? 16
                                                                    : 532 + 16);
        }
        cJSON_Delete(root);
        text_release(&text);
        release_remove(&r);
    }
}

/* A detected card written as model.json opens as the same card, with config.json gone. */
static void a_detected_card_can_be_written_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_CASES; i++) {
        struct release r;
        struct card card, read;
        struct text text;
        struct error err = {""};
        open_release(&r, &card, cases[i].release);
        text_init(&text);
        card_write(&card, &text);
        release_put(&r, "model.json", text.data, text.length);
        assert_int_equal(unlink(model_copy_path(&r.copy, "config.json")), 0);
        assert_ok(card_open(&read, r.copy.path, &r.copy.arena, &err), err);
        assert_same_card(&card, &read);
        text_release(&text);
        release_remove(&r);
    }
}

/* A guess in place of what could not be read would be another model. */
static void every_failed_allocation_while_detecting_is_told(void **state)
{
    (void)state;
    static const char *const names[] = {"llava-phi-fused", "factory-split", "ml-mamba",
                                        "prismatic-llama"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct release r;
        struct card want, card;
        bool struck = true;
        open_release(&r, &want, names[i]);
        for (long n = 1; struck; n++) {
            struct arena arena;
            struct error err = {""};
            arena_init(&arena);
            fail_allocation(n);
            enum status status = card_detect(&card, r.copy.path, &arena, &err);
            struck = allocation_has_failed();
            fail_allocation(0);
            if (status != (struck ? STATUS_NO_MEMORY : STATUS_OK))
                fail_msg("%s: allocation %ld gives status %d: %s", names[i], n, (int)status,
                         err.text);
            if (!struck)
                assert_same_card(&want, &card);
            arena_release(&arena);
            assert_true(n < 5000);
        }
        release_remove(&r);
    }
}

static void must_open(struct release *r, struct card *card)
{
    struct error err = {""};
    assert_ok(card_open(card, r->copy.path, &r->copy.arena, &err), err);
}

static void must_remove(struct release *r, const char *file)
{
    assert_int_equal(unlink(model_copy_path(&r->copy, file)), 0);
}

/* CLIP has heads of 64; SigLIP so400m has 16, and a picture of 384 on a grid of 27. */
static void without_configs_the_released_towers_are_known(void **state)
{
    (void)state;
    struct release r;
    struct card card;
    release_make(&r, release_spec("llava-1.5"));
    release_tensor(&r, "vision_model.embeddings.patch_embedding.weight")->shape[0] = 128;
    release_tensor(&r, "model.mm_projector.0.weight")->shape[1] = 128;
    release_write(&r);
    must_remove(&r, "clip/config.json");
    must_remove(&r, "clip/preprocessor_config.json");
    must_open(&r, &card);
    struct card_tower want = expected_llava().towers[0];
    want.width = 128;
    assert_same_tower(&card.towers[0], &want);
    release_remove(&r);

    release_make(&r, release_spec("tinyllava-legacy"));
    static const char vision[] = "model.vision_tower.vision_tower.vision_model.embeddings.";
    const char *patches = arena_printf(&r.copy.arena, "%spatch_embedding.weight", vision);
    static const int shape[4] = {1152, 3, 14, 14};
    memcpy(release_tensor(&r, patches)->shape, shape, sizeof shape);
    release_tensor(&r, arena_printf(&r.copy.arena, "%sposition_embedding.weight", vision))
        ->shape[0] = 729;
    release_tensor(&r, "model.mm_projector.0.weight")->shape[1] = 1152;
    release_write(&r);
    must_remove(&r, "TinyLLaVA-3.1B-SigLIP/config.json");
    must_open(&r, &card);
    assert_int_equal(card.image_size, 384);
    assert_int_equal(card.towers[0].heads, 16);
    assert_int_equal(card.towers[0].native_grid, 27);
    assert_true(card.towers[0].eps == 1e-6);
    assert_string_equal(card.towers[0].activation, "gelu_tanh");
    release_remove(&r);
}

static void without_the_stock_tower_the_copy_is_taken(void **state)
{
    (void)state;
    struct release r;
    struct card card;
    release_make(&r, release_spec("mobilevlm-v1"));
    release_write(&r);
    must_remove(&r, "openai/clip-vit-large-patch14-336/pytorch_model.bin");
    must_open(&r, &card);
    struct card want = expected_mobilevlm();
    want.towers[0].weights =
        at("model.vision_tower.vision_tower.vision_model.", "pytorch_model.bin", NULL);
    assert_same_parts(&card, &want);
    release_remove(&r);
}

/* A folder whose name ends in slashes is that folder, not the model's own. */
static void a_slash_behind_the_towers_name_changes_nothing(void **state)
{
    (void)state;
    static const char *const names[] = {"openai/clip-vit-large-patch14-336",
                                        "openai/clip-vit-large-patch14-336//", "./", "."};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct release r;
        struct card card;
        char member[128];
        release_make(&r, release_spec("mobilevlm-v2"));
        release_write(&r);
        snprintf(member, sizeof member, "\"mm_vision_tower\": \"%s\"", names[i]);
        model_copy_edit(&r.copy, "config.json",
                        "\"mm_vision_tower\": \"openai/clip-vit-large-patch14-336\"", member);
        must_open(&r, &card);
        assert_string_equal(card.towers[0].activation, "gelu_quick");
        release_remove(&r);
    }
}

static void safetensors_are_preferred_to_pickles(void **state)
{
    (void)state;
    struct release r;
    struct card card;
    release_make(&r, release_spec("llava-phi"));
    release_write(&r);
    release_put(&r, "pytorch_model.bin", "not read", 8);
    release_put(&r, "pytorch_model.bin.index.json", "nor this", 8);
    must_open(&r, &card);
    assert_string_equal(card.lm.weights.files[0], WHOLE);
    release_remove(&r);
}

static void a_tokenizer_model_is_preferred(void **state)
{
    (void)state;
    struct release r;
    struct card card;
    struct error err = {""};
    release_make(&r, release_spec("llava-1.5"));
    release_write(&r);
    release_put(&r, "tokenizer.model", "no protobuf", 11);
    assert_int_equal(card_open(&card, r.copy.path, &r.copy.arena, &err), STATUS_UNSUPPORTED);
    assert_contains(err.text, "/tokenizer.model: ");
    release_remove(&r);
}

/* transformers leaves out of a config what its class has by default. */
static void numbers_that_configs_leave_out_are_the_libraries(void **state)
{
    (void)state;
    static const char *const gone[] = {"\"num_key_value_heads\": 2, ", "\"rms_norm_eps\": 1e-05, ",
                                       "\"max_position_embeddings\": 4096, ",
                                       ", \"bos_token_id\": 1, \"eos_token_id\": 2"};
    struct release r;
    struct card card, want = expected_llava();
    release_make(&r, release_spec("llava-1.5"));
    release_write(&r);
    for (size_t i = 0; i < sizeof gone / sizeof gone[0]; i++)
        model_copy_edit(&r.copy, "config.json", gone[i], "");
    model_copy_edit(&r.copy, "tokenizer_config.json", "2048", "1e30");
    want.lm.eps = 1e-6;
    want.lm.max_positions = 2048;
    must_open(&r, &card);
    assert_same_parts(&card, &want);
    model_copy_edit(&r.copy, "tokenizer_config.json", "true", "false");
    want.lm.bos = -1;
    must_open(&r, &card);
    assert_same_parts(&card, &want);
    release_remove(&r);

    release_make(&r, release_spec("llava-phi"));
    release_write(&r);
    model_copy_edit(&r.copy, "config.json", "\"partial_rotary_factor\": 0.6, ", "");
    model_copy_edit(&r.copy, "config.json", "\"layer_norm_eps\": 1e-05, ", "");
    must_open(&r, &card);
    assert_int_equal(card.lm.rope_dims, 4);
    assert_true(card.lm.eps == 1e-5);
    release_remove(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_layout_gives_its_card),
        cmocka_unit_test(every_layout_binds_what_it_has),
        cmocka_unit_test(a_detected_card_can_be_written_down),
        cmocka_unit_test(every_failed_allocation_while_detecting_is_told),
        cmocka_unit_test(without_configs_the_released_towers_are_known),
        cmocka_unit_test(without_the_stock_tower_the_copy_is_taken),
        cmocka_unit_test(a_slash_behind_the_towers_name_changes_nothing),
        cmocka_unit_test(safetensors_are_preferred_to_pickles),
        cmocka_unit_test(a_tokenizer_model_is_preferred),
        cmocka_unit_test(numbers_that_configs_leave_out_are_the_libraries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
