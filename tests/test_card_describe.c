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

/* Parameters as they are published: the tables of sizes in the releases' descriptions, or sums over
 * their shapes.  In Cobra and ML-Mamba the first tower is DINOv2. */
static const struct size {
    const char *name;
    double towers, connector, lm;
    int image_tokens;
    const char *template;
} sizes[] = {
    {"cobra+3b", 303715328.0 + 412987248, 47789568, 2768345600, 729, "zephyr"},
    {"cobra-one-epoch+3b", 303715328.0 + 412987248, 47789568, 2768345600, 729, "zephyr"},
    {"cobra-siglip+3b", 412987248, 9507840, 2768345600, 729, "zephyr"},
    {"cobra-ldpnet+3b", 303715328.0 + 412987248, 41259008, 2768345600, 196, "zephyr"},
    {"cobra-base+3b", 303715328.0 + 412987248, 47789568, 2768345600, 729, "in-out"},
    {"mlmamba+3b", 303715328.0 + 412987248, 184405440, 2702599680, 729, "zephyr"},
    {"llava-v1.5-7b", 303507456, 20979712, 6738415616, 576, "vicuna"},
    {"llava-phi-3b", 303507456, 9180160, 2779683840, 576, "vicuna"},
    {"tinyllava-3.1b", 397747744, 9507840, 2779632640, 729, "vicuna"},
    {"tinyllava-phi-2-siglip-3.1b", 428225600, 9507840, 2779683840, 728, "vicuna"},
    {"tinyllava-1.5b", 397747744, 6557696, 1100048384, 729, "vicuna"},
    {"mobilevlm-1.7b", 303507456, 18936832, 1364297728, 144, "vicuna"},
    {"mobilevlm-3b", 303507456, 28913920, 2701560320, 144, "vicuna"},
    {"mobilevlm-v2-1.7b", 303507456, 6316032, 1364297728, 144, "vicuna"},
    {"mobilevlm-v2-3b", 303507456, 9205760, 2701560320, 144, "vicuna"},
};
enum { N_SIZES = sizeof sizes / sizeof sizes[0] };

static void open_preset(struct card *card, const char *name, struct arena *arena)
{
    struct error err = {""};
    arena_init(arena);
    assert_ok(card_preset(card, name, arena, &err), err);
    assert_ok(card_check(card, name, &err), err);
}

/* What opening binds: all of connector and language model, and of a tower what runs. */
static void assert_used(const cJSON *root, const char *part, double want)
{
    if (parameters(root, part, "parameters_used") != want)
        fail_msg("%s: %.0f parameters are used, %.0f are expected", part,
                 parameters(root, part, "parameters_used"), want);
}

static void presets_have_the_published_sizes(void **state)
{
    (void)state;
    /* DINOv2 without the last block and the final norm; 26 layers of SigLIP and 23 of CLIP. */
    const double dino = 303715328.0 - 12598272 - 2 * 1024, siglip = 397745440, clip = 290909184;
    for (size_t i = 0; i < N_SIZES; i++) {
        struct card card;
        struct arena arena;
        double towers = 0;
        open_preset(&card, sizes[i].name, &arena);
        assert_string_equal(card_preset_names[i], sizes[i].name);
        assert_string_equal(card.name, sizes[i].name);
        cJSON *root = described(&card);
        for (size_t t = 0; t < card.n_towers; t++)
            towers += parameters(root, card.towers[t].name, "parameters_published");
        assert_true(towers == sizes[i].towers);
        assert_true(parameters(root, "connector", "parameters_published") == sizes[i].connector);
        assert_true(parameters(root, "language model", "parameters_published") == sizes[i].lm);
        assert_used(root, "dino", card.n_towers == 2 ? dino : -2);
        assert_used(root, "clip", card.image_size == 336 ? clip : -2);
        assert_used(root, "siglip", card.image_size == 384 ? siglip : -2);
        assert_used(root, "connector", sizes[i].connector);
        assert_used(root, "language model", sizes[i].lm);
        assert_int_equal(card_image_tokens(&card), sizes[i].image_tokens);
        assert_string_equal(card.template, sizes[i].template);
        cJSON_Delete(root);
        arena_release(&arena);
    }
    assert_null(card_preset_names[N_SIZES]);
}

/* The sums that papers and specifications print. */
static void presets_add_up_to_the_printed_totals(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        double total;
    } totals[] = {
        {"cobra+3b", 3532837744},          {"cobra-siglip+3b", 3190840688},
        {"cobra-ldpnet+3b", 3526307184},   {"mlmamba+3b", 3603707696},
        {"llava-v1.5-7b", 7062902784},     {"llava-phi-3b", 3092371456},
        {"tinyllava-3.1b", 3186888224},    {"tinyllava-phi-2-siglip-3.1b", 3217417280},
        {"mobilevlm-1.7b", 1686742016},    {"mobilevlm-3b", 3033981696},
        {"mobilevlm-v2-1.7b", 1674121216}, {"mobilevlm-v2-3b", 3014273536},
    };
    for (size_t i = 0; i < sizeof totals / sizeof totals[0]; i++) {
        struct card card;
        struct arena arena;
        open_preset(&card, totals[i].name, &arena);
        double total = (double)(card.connector.weights.published + card.lm.weights.published);
        for (size_t t = 0; t < card.n_towers; t++)
            total += (double)card.towers[t].weights.published;
        if (total != totals[i].total)
            fail_msg("%s: %.0f in all", totals[i].name, total);
        arena_release(&arena);
    }
}

static void plus_and_minus_are_the_same_in_names(void **state)
{
    (void)state;
    static const char *const names[][2] = {
        {"cobra-3b", "cobra+3b"},      {"cobra+ldpnet-3b", "cobra-ldpnet+3b"},
        {"mlmamba-3b", "mlmamba+3b"},  {"ml-mamba-3b", "mlmamba+3b"},
        {"ml-mamba+3b", "mlmamba+3b"}, {"llava+v1.5-7b", "llava-v1.5-7b"}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct card card;
        struct arena arena;
        open_preset(&card, names[i][0], &arena);
        assert_string_equal(card.name, names[i][1]);
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
    static const char *const names[] = {"cobra+4b", "cobra", "cobra+3b+", "", "cobra 3b", "+"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_int_equal(card_preset(&card, names[i], &arena, &err), STATUS_NOT_FOUND);
        assert_contains(err.text, arena_printf(&arena, "no preset called '%s'", names[i]));
    }
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

static void every_failed_allocation_while_describing_is_told(void **state)
{
    (void)state;
    struct card card;
    struct arena arena;
    bool struck = true;
    long n = 1;
    assert_detected(ENGINE_DATA "cobra", &card, &arena);
    for (; struck; n++) {
        struct text text;
        struct error err = {""};
        text_init(&text);
        fail_allocation(n);
        enum status status = card_describe(&card, n % 2 == 0, &text, &err);
        struck = allocation_has_failed();
        fail_allocation(0);
        if (status != (struck ? STATUS_NO_MEMORY : STATUS_OK))
            fail_msg("allocation %ld gives status %d: %s", n, (int)status, err.text);
        text_release(&text);
        assert_true(n < 5000);
    }
    assert_true(n > 20);
    arena_release(&arena);
}

/* A folder that holds nothing but a card runs on noise; it is described like a preset. */
static void a_card_without_files_is_described(void **state)
{
    (void)state;
    struct model_copy copy;
    struct card card;
    struct arena arena;
    struct text text;
    struct error err = {""};
    model_copy_make(&copy, "cobra");
    assert_detected(copy.path, &card, &arena);
    for (size_t i = 0; i < card.n_towers; i++)
        card.towers[i].weights.n_files = 0;
    card.connector.weights.n_files = card.lm.weights.n_files = 0;
    text_init(&text);
    card_write(&card, &text);
    model_copy_write(&copy, "model.json", text.data, text.length);
    text_release(&text);
    arena_release(&arena);
    assert_detected(copy.path, &card, &arena);
    cJSON *root = described(&card);
    assert_true(parameters(root, "dino", "parameters_published") == -1);
    assert_used(root, "connector", 2008);
    assert_used(root, "language model", 13168);
    cJSON_Delete(root);
    text_init(&text);
    assert_ok(card_describe(&card, false, &text, &err), err);
    assert_contains(text.data, "language model:, prefix \"model.llm_backbone.llm.\"");
    text_release(&text);
    arena_release(&arena);
    model_copy_remove(&copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(presets_have_the_published_sizes),
        cmocka_unit_test(presets_add_up_to_the_printed_totals),
        cmocka_unit_test(plus_and_minus_are_the_same_in_names),
        cmocka_unit_test(an_unknown_preset_is_refused),
        cmocka_unit_test(files_are_counted_part_by_part),
        cmocka_unit_test(used_parameters_are_those_that_are_bound),
        cmocka_unit_test(a_description_lists_parts_and_tensors),
        cmocka_unit_test(a_description_without_its_files_names_them),
        cmocka_unit_test(every_failed_allocation_while_describing_is_told),
        cmocka_unit_test(a_card_without_files_is_described),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
