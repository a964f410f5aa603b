/* The tiny Cobras in Prismatic's layout are recognised, wherever their files lie. */
#include "tests/card_same.h"
#include "tests/model_copy.h"

static void assert_detected(const char *directory, struct card *card, struct arena *arena)
{
    struct error err = {""};
    arena_init(arena);
    assert_ok(card_open(card, directory, arena, &err), err);
    assert_string_equal(card->directory, directory);
}

static void a_release_with_two_towers_is_recognised(void **state)
{
    (void)state;
    struct card card;
    struct arena arena;
    assert_detected(ENGINE_DATA "cobra", &card, &arena);
    assert_string_equal(card.name, "cobra-tiny");
    assert_string_equal(card.template, "zephyr");
    assert_string_equal(card.tokenizer, "tokenizer.json");
    assert_int_equal(card.image_size, 22);
    assert_int_equal(card.n_towers, 2);
    assert_int_equal(card_patches(&card), 9);
    assert_int_equal(card_image_tokens(&card), 9);
    const struct card_tower *dino = &card.towers[0], *siglip = &card.towers[1];
    assert_string_equal(dino->name, "dino");
    assert_string_equal(dino->weights.prefix, "");
    assert_int_equal(dino->native_grid, 5);
    assert_int_equal(dino->heads, 2);
    assert_int_equal(dino->layers, 2);
    assert_int_equal(dino->registers, 2);
    assert_true(dino->cls_token && dino->layer_scale);
    assert_true(dino->preprocess.mean[0] == 0.485F && dino->preprocess.std[2] == 0.225F);
    assert_int_equal(dino->preprocess.strategy, RESIZE_CROP);
    assert_string_equal(siglip->weights.prefix, "visual.trunk.");
    assert_int_equal(siglip->heads, 2);
    assert_int_equal(siglip->mlp_width, 18);
    assert_false(siglip->cls_token || siglip->layer_scale);
    assert_int_equal(siglip->registers, 0);
    assert_true(siglip->preprocess.mean[0] == 0.5F);
    assert_string_equal(card.connector.kind, "fused-gelu-mlp");
    assert_int_equal(card.connector.in_width, 26);
    assert_int_equal(card.connector.hidden_width, 40);
    assert_int_equal(card.lm.width, 16);
    assert_int_equal(card.lm.layers, 2);
    assert_int_equal(card.lm.inner_width, 32);
    assert_int_equal(card.lm.state_size, 6);
    assert_int_equal(card.lm.conv_width, 4);
    assert_int_equal(card.lm.dt_rank, 3);
    assert_int_equal(card.lm.vocabulary, 504);
    assert_int_equal(card.lm.max_text_tokens, 2048);
    arena_release(&arena);
}

static void a_release_with_one_tower_is_recognised(void **state)
{
    (void)state;
    struct card card;
    struct arena arena;
    assert_detected(ENGINE_DATA "cobra-siglip", &card, &arena);
    assert_string_equal(card.template, "in-out");
    assert_int_equal(card.image_size, 20);
    assert_int_equal(card.n_towers, 1);
    assert_string_equal(card.towers[0].weights.prefix, "");
    assert_string_equal(card.towers[0].weights.files[0], "siglip/model.safetensors");
    assert_int_equal(card.towers[0].heads, 2);
    assert_int_equal(card.towers[0].preprocess.strategy, RESIZE_LETTERBOX);
    assert_string_equal(card.connector.kind, "gelu-mlp");
    assert_int_equal(card.lm.max_text_tokens, 700);
    arena_release(&arena);
}

static void a_release_with_a_pool_is_recognised(void **state)
{
    (void)state;
    struct card card;
    struct arena arena;
    assert_detected(ENGINE_DATA "cobra-ldpnet", &card, &arena);
    assert_string_equal(card.connector.kind, "fused-ldpnet");
    assert_int_equal(card_patches(&card), 225);
    assert_int_equal(card_image_tokens(&card), 196);
    assert_int_equal(card.towers[0].preprocess.strategy, RESIZE_NAIVE);
    arena_release(&arena);
}

static void files_are_found_where_people_put_them(void **state)
{
    (void)state;
    struct model_copy copy;
    struct card card;
    struct arena arena;
    model_copy_make(&copy, "cobra");
    const char *hub = model_copy_path(&copy, "vit_large_patch14_reg4_dinov2.lvd142m");
    assert_int_equal(rename(model_copy_path(&copy, "dino"), hub), 0);
    hub = model_copy_path(&copy, "ViT-SO400M-14-SigLIP-384");
    assert_int_equal(rename(model_copy_path(&copy, "siglip"), hub), 0);
    struct error err = {""};
    assert_ok(directory_create(model_copy_path(&copy, "llm"), &err), err);
    assert_int_equal(rename(model_copy_path(&copy, "tokenizer.json"),
                            model_copy_path(&copy, "llm/tokenizer.json")),
                     0);
    assert_detected(copy.path, &card, &arena);
    assert_string_equal(card.towers[0].weights.files[0],
                        "vit_large_patch14_reg4_dinov2.lvd142m/model.safetensors");
    assert_string_equal(card.towers[1].weights.files[0],
                        "ViT-SO400M-14-SigLIP-384/open_clip_model.safetensors");
    assert_int_equal(card.towers[0].heads, 2);
    assert_string_equal(card.tokenizer, "llm/tokenizer.json");
    arena_release(&arena);
    model_copy_remove(&copy);
}

/* A guess in place of what could not be read would be another model. */
static void every_failed_allocation_while_detecting_is_told(void **state)
{
    (void)state;
    struct card want;
    struct arena kept;
    assert_detected(ENGINE_DATA "cobra", &want, &kept);
    for (long n = 1;; n++) {
        struct arena arena;
        struct card card;
        struct error err = {""};
        arena_init(&arena);
        fail_allocation(n);
        enum status status = card_open(&card, ENGINE_DATA "cobra", &arena, &err);
        bool struck = allocation_has_failed();
        fail_allocation(0);
        if (status != (struck ? STATUS_NO_MEMORY : STATUS_OK))
            fail_msg("allocation %ld gives status %d: %s", n, (int)status, err.text);
        if (!struck)
            assert_same_card(&want, &card);
        arena_release(&arena);
        if (!struck)
            break;
        assert_true(n < 5000);
    }
    arena_release(&kept);
}

/* A detected card written as model.json opens as the same card, with config.json gone. */
static void a_detected_card_can_be_written_down(void **state)
{
    (void)state;
    struct model_copy copy;
    struct card detected, read;
    struct arena arena, second;
    struct text text;
    model_copy_make(&copy, "cobra-ldpnet");
    assert_detected(copy.path, &detected, &arena);
    text_init(&text);
    card_write(&detected, &text);
    model_copy_write(&copy, "model.json", text.data, text.length);
    assert_int_equal(unlink(model_copy_path(&copy, "config.json")), 0);
    assert_detected(copy.path, &read, &second);
    assert_same_card(&detected, &read);
    text_release(&text);
    arena_release(&arena);
    arena_release(&second);
    model_copy_remove(&copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_release_with_two_towers_is_recognised),
        cmocka_unit_test(a_release_with_one_tower_is_recognised),
        cmocka_unit_test(a_release_with_a_pool_is_recognised),
        cmocka_unit_test(files_are_found_where_people_put_them),
        cmocka_unit_test(every_failed_allocation_while_detecting_is_told),
        cmocka_unit_test(a_detected_card_can_be_written_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
