/* What a card says of itself: presets' sizes, parameters published and used. */
#include "tests/model_copy.h"

#include "engine/base/json.h"
#include "engine/card.h"
#include "engine/engine.h"

static void assert_detected(const char *directory, struct card *card, struct arena *arena)
{
    struct error err = {""};
    arena_init(arena);
    assert_ok(card_open(card, directory, arena, &err), err);
    assert_string_equal(card->directory, directory);
}

static double parameters(const cJSON *root, const char *part, const char *column)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, json_find(root, "parts"))
    {
        if (strcmp(json_string_or(item, "name", ""), part) == 0)
            return json_number_or(item, column, -1);
    }
    return -2;
}

static cJSON *described(const struct card *card)
{
    cJSON *root = NULL;
    struct text text;
    struct error err = {""};
    text_init(&text);
    assert_ok(card_describe(card, true, &text, &err), err);
    assert_ok(json_parse(&root, text.data, text.length, "described", &err), err);
    text_release(&text);
    return root;
}

static void presets_have_the_published_sizes(void **state)
{
    (void)state;
    enum { N_PRESETS = 5 };
    /* Sums over the published shapes.  Used: without the last block and the final norm. */
    const double dino = 304370688.0 - 12598272 - 2 * 1024;
    const double siglip = 412987248.0 - 15239504 - 2 * 1152, lm = 2768345600.0;
    const struct {
        const char *name;
        double dino, connector;
    } cases[N_PRESETS] = {
        {"cobra+3b", dino, 47789568},        {"cobra-one-epoch+3b", dino, 47789568},
        {"cobra-base+3b", dino, 47789568},   {"cobra-siglip+3b", -2, 9507840},
        {"cobra-ldpnet+3b", dino, 41259008},
    };
    assert_null(card_preset_names[N_PRESETS]);
    for (size_t i = 0; i < N_PRESETS; i++) {
        struct card card;
        struct arena arena;
        struct error err = {""};
        arena_init(&arena);
        assert_ok(card_preset(&card, cases[i].name, &arena, &err), err);
        assert_ok(card_check(&card, cases[i].name, &err), err);
        cJSON *root = described(&card);
        assert_true(parameters(root, "dino", "parameters_used") == cases[i].dino);
        assert_true(parameters(root, "siglip", "parameters_used") == siglip);
        assert_true(parameters(root, "connector", "parameters_used") == cases[i].connector);
        assert_true(parameters(root, "language model", "parameters_used") == lm);
        assert_true(parameters(root, "siglip", "parameters_published") == -1);
        assert_int_equal(card_image_tokens(&card), i == 4 ? 196 : 729);
        assert_string_equal(card.template, i == 2 ? "in-out" : "zephyr");
        cJSON_Delete(root);
        arena_release(&arena);
    }
}

static void an_unknown_preset_is_refused(void **state)
{
    (void)state;
    struct card card;
    struct arena arena;
    struct error err = {""};
    arena_init(&arena);
    assert_int_equal(card_preset(&card, "cobra+4b", &arena, &err), STATUS_NOT_FOUND);
    assert_contains(err.text, "no preset called 'cobra+4b'");
    arena_release(&arena);
}

/* Counted from the files by torch: sum of numel per prefix, lm_head left out. */
static void files_are_counted_part_by_part(void **state)
{
    (void)state;
    struct card card;
    struct arena arena;
    assert_detected(ENGINE_DATA "cobra", &card, &arena);
    cJSON *root = described(&card);
    assert_true(parameters(root, "dino", "parameters_published") == 5292);
    assert_true(parameters(root, "siglip", "parameters_published") == 5990);
    assert_true(parameters(root, "connector", "parameters_published") == 2008);
    assert_true(parameters(root, "language model", "parameters_published") == 13168);
    cJSON_Delete(root);
    arena_release(&arena);
}

/* What card_describe() counts from the card is what opening the model binds. */
static void used_parameters_are_those_that_are_bound(void **state)
{
    (void)state;
    static const char *const names[] = {"cobra", "cobra-siglip", "cobra-ldpnet"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[64];
        struct card card;
        struct arena arena;
        struct engine *engine;
        struct engine_options options;
        struct error err = {""};
        double total = 0;
        const cJSON *part;
        snprintf(path, sizeof path, ENGINE_DATA "%s", names[i]);
        assert_detected(path, &card, &arena);
        cJSON *root = described(&card);
        cJSON_ArrayForEach(part, json_find(root, "parts"))
        {
            total += json_number_or(part, "parameters_used", 0);
        }
        engine_options_init(&options);
        assert_ok(engine_open(&engine, path, &options, &err), err);
        assert_true(total == (double)engine_info(engine)->parameters);
        engine_close(engine);
        cJSON_Delete(root);
        arena_release(&arena);
    }
}

static void a_description_lists_parts_and_tensors(void **state)
{
    (void)state;
    struct card card;
    struct arena arena;
    struct text text;
    struct error err = {""};
    assert_detected(ENGINE_DATA "cobra", &card, &arena);
    text_init(&text);
    assert_ok(card_describe(&card, false, &text, &err), err);
    assert_contains(text.data, "cobra-tiny (cobra), chat template zephyr");
    assert_contains(text.data, "picture 22 x 22, resize-crop: 9 rows in the language model");
    assert_contains(text.data, "2 layers of width 16, vocabulary 504, end token 0");
    assert_contains(text.data, "dino: dino/model.safetensors, prefix \"\"");
    assert_contains(text.data, "[12, 3, 6, 6]");
    assert_contains(text.data, "model.llm_backbone.llm.backbone.embedding.weight");
    text_release(&text);
    arena_release(&arena);
}

static void a_description_without_its_files_names_them(void **state)
{
    (void)state;
    struct model_copy copy;
    struct card card;
    struct arena arena;
    struct text text;
    struct error err = {""};
    model_copy_make(&copy, "cobra");
    assert_detected(copy.path, &card, &arena);
    const char *dino = model_copy_path(&copy, "dino/model.safetensors");
    assert_int_equal(unlink(dino), 0);
    text_init(&text);
    assert_int_equal(card_describe(&card, true, &text, &err), STATUS_NOT_FOUND);
    assert_contains(err.text, dino);
    text_release(&text);
    arena_release(&arena);
    model_copy_remove(&copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(presets_have_the_published_sizes),
        cmocka_unit_test(an_unknown_preset_is_refused),
        cmocka_unit_test(files_are_counted_part_by_part),
        cmocka_unit_test(used_parameters_are_those_that_are_bound),
        cmocka_unit_test(a_description_lists_parts_and_tensors),
        cmocka_unit_test(a_description_without_its_files_names_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
