/* The shared fixtures are recognised, and what their files tell is what their makers say. */
#include "tests/check.h"

#include "engine/base/file.h"
#include "engine/base/json.h"
#include "engine/card.h"
#include "engine/ops/ops.h"

static const cJSON *hparam(const cJSON *root, const char *part)
{
    return json_find(json_find(root, "hparams"), part);
}

static void assert_tower_as_made(const struct card_tower *tower, const cJSON *made)
{
    enum activation want, have;
    struct error err = {""};
    const char *activation = json_string_or(made, "activation", "");
    assert_ok(activation_parse(activation, &want, &err), err);
    assert_ok(activation_parse(tower->activation, &have, &err), err);
    assert_int_equal(have, want);
    assert_string_equal(tower->name, json_string_or(made, "name", ""));
    assert_int_equal(tower->width, json_int_or(made, "width", -1));
    assert_int_equal(tower->layers, json_int_or(made, "layers_run", -1));
    assert_int_equal(tower->heads, json_int_or(made, "heads", -1));
    assert_int_equal(tower->mlp_width, json_int_or(made, "mlp", -1));
    assert_int_equal(tower->native_grid,
                     json_int_or(made, "native_grid", json_int_or(made, "grid", -1)));
    assert_true(tower->eps == json_number_or(made, "eps", -1));
    assert_int_equal(tower->cls_token, json_bool_or(made, "cls_token", false));
    assert_int_equal(tower->registers, json_int_or(made, "registers", 0));
    assert_int_equal(tower->pre_norm, json_bool_or(made, "pre_layernorm", false));
    assert_int_equal(tower->patch_bias, json_bool_or(made, "patch_bias", true));
    assert_string_equal(rescale_name(tower->preprocess.rescale),
                        json_string_or(made, "rescale", ""));
    for (int i = 0; i < 3; i++) {
        assert_true(tower->preprocess.mean[i] ==
                    (float)cJSON_GetArrayItem(json_find(made, "mean"), i)->valuedouble);
        assert_true(tower->preprocess.std[i] ==
                    (float)cJSON_GetArrayItem(json_find(made, "std"), i)->valuedouble);
    }
}

static void assert_lm_as_made(const struct card_lm *lm, const cJSON *made)
{
    const char *kind = json_string_or(made, "kind", "");
    assert_string_equal(lm->family, strcmp(kind, "mamba1") == 0 ? "mamba" : kind);
    assert_int_equal(lm->width, json_int_or(made, "d_model", json_int_or(made, "width", -1)));
    assert_int_equal(lm->layers, json_int_or(made, "layers", -1));
    assert_int_equal(lm->vocabulary, json_int_or(made, "vocab_rows", -1));
    assert_true(lm->eps == json_number_or(made, "eps", -1));
    assert_int_equal(lm->bos, json_int_or(made, "bos", -1));
    assert_int_equal(lm->eos, json_int_or(made, "eos", -2));
    assert_int_equal(lm->inner_width, json_int_or(made, "d_inner", 0));
    assert_int_equal(lm->state_size, json_int_or(made, "d_state", 0));
    assert_int_equal(lm->conv_width, json_int_or(made, "d_conv", 0));
    assert_int_equal(lm->dt_rank, json_int_or(made, "dt_rank", 0));
    assert_int_equal(lm->head_dim, json_int_or(made, "headdim", json_int_or(made, "head_dim", 0)));
    assert_int_equal(lm->heads, json_int_or(made, "heads", 0));
    assert_int_equal(lm->kv_heads, json_int_or(made, "kv_heads", 0));
    assert_int_equal(lm->mlp_width, json_int_or(made, "mlp", 0));
    assert_int_equal(lm->rope_dims, json_int_or(made, "rope_dims", 0));
    assert_true(lm->rope_theta == json_number_or(made, "rope_theta", 0));
    assert_int_equal(lm->head_bias, json_bool_or(made, "head_bias", false));
}

/* The fixture's directory, what it should be called, and its tokenizer. */
static const struct {
    const char *name, *family, *connector, *tokenizer;
} fixtures[] = {
    {"cobra", "cobra", "fused-gelu-mlp", "tokenizer.json"},
    {"cobra-siglip", "cobra", "gelu-mlp", "tokenizer.json"},
    {"cobra-ldpnet", "cobra", "fused-ldpnet", "tokenizer.json"},
    {"ml-mamba", "ml-mamba", "mamba2-scan", "tokenizer.json"},
    {"llava-1.5", "llava-1.5", "gelu-mlp", "tokenizer.model"},
    {"llava-phi", "llava-phi", "gelu-mlp", "tokenizer.json"},
    {"llava-phi-fused", "llava-phi", "gelu-mlp", "tokenizer.json"},
    {"tinyllava-legacy", "tinyllava-legacy", "gelu-mlp", "tokenizer.json"},
    {"tinyllava-factory", "tinyllava-factory", "gelu-mlp", "tokenizer.json"},
    {"tinyllava-factory-merged", "tinyllava-factory", "gelu-mlp", "tokenizer.json"},
    {"mobilevlm-v1", "mobilevlm-v1", "ldpnet", "tokenizer.model"},
    {"mobilevlm-v2", "mobilevlm-v2", "ldpnetv2", "tokenizer.model"},
};

static void assert_fixture_as_made(const struct card *card, const cJSON *root)
{
    enum resize_strategy resize;
    struct error err = {""};
    const cJSON *towers = hparam(root, "towers"), *made = hparam(root, "connector");
    assert_ok(resize_strategy_parse(json_string_or(json_find(root, "hparams"), "resize", ""),
                                    &resize, &err),
              err);
    assert_int_equal(card->image_size, json_int_or(json_find(root, "hparams"), "image_size", 0));
    assert_int_equal(card_image_tokens(card),
                     json_int_or(json_find(root, "hparams"), "image_tokens", 0));
    assert_int_equal(card->n_towers, cJSON_GetArraySize(towers));
    for (size_t i = 0; i < card->n_towers; i++) {
        assert_int_equal(card->towers[i].preprocess.strategy, resize);
        assert_tower_as_made(&card->towers[i], cJSON_GetArrayItem(towers, (int)i));
    }
    assert_int_equal(card->connector.in_width, json_int_or(made, "in", -1));
    assert_int_equal(card->connector.out_width, json_int_or(made, "out", -1));
    assert_int_equal(card->connector.blocks, json_int_or(made, "blocks", 0));
    assert_true(card->connector.eps == json_number_or(made, "layer_norm_eps", card->connector.eps));
    assert_lm_as_made(&card->lm, hparam(root, "lm"));
}

static void the_shared_fixtures_are_what_their_makers_say(void **state)
{
    (void)state;
    const char *shared = shared_or_skip("the_shared_fixtures_are_what_their_makers_say");
    if (!shared)
        skip();
    for (size_t i = 0; i < sizeof fixtures / sizeof fixtures[0]; i++) {
        struct card card;
        struct arena arena;
        struct error err = {""};
        cJSON *root;
        print_message("%s\n", fixtures[i].name);
        arena_init(&arena);
        const char *path = arena_printf(&arena, "%s/fixtures/%s", shared, fixtures[i].name);
        assert_ok(card_detect(&card, path, &arena, &err), err);
        assert_string_equal(card.family, fixtures[i].family);
        assert_string_equal(card.connector.kind, fixtures[i].connector);
        assert_string_equal(card.tokenizer, fixtures[i].tokenizer);
        assert_int_equal(card.clean_up, strcmp(card.lm.family, "llama") != 0);
        assert_string_equal(card.template, card.lm.heads ? "vicuna" : "zephyr");
        assert_int_equal(card.towers[0].preprocess.half_pixels,
                         strcmp(card.family, "tinyllava-factory") == 0);
        assert_ok(json_read(&root, path_join(&arena, path, "reference.json"), &err), err);
        assert_fixture_as_made(&card, root);
        cJSON_Delete(root);
        arena_release(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_shared_fixtures_are_what_their_makers_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
