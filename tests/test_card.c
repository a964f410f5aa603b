/* Cards: written and read back, refused with the member's name, detected. */
#include "tests/model_copy.h"

#include "engine/card.h"

/* Card, its text, and what they live in. */
struct written {
    struct arena arena;
    struct card card;
    struct text text;
};

static void written_open(struct written *w, const char *preset)
{
    struct error err = {""};
    arena_init(&w->arena);
    text_init(&w->text);
    assert_ok(card_preset(&w->card, preset, &w->arena, &err), err);
    w->card.tokenizer = "tok \"\xC3\xA9\".json";
    w->card.lm.weights.files[0] = "a.pt";
    w->card.lm.weights.files[1] = "b/c.safetensors";
    w->card.lm.weights.n_files = 2;
    card_write(&w->card, &w->text);
    assert_false(w->text.failed);
}

static void written_close(struct written *w)
{
    text_release(&w->text);
    arena_release(&w->arena);
}

static void assert_same_weights(const struct card_weights *a, const struct card_weights *b)
{
    assert_string_equal(a->prefix, b->prefix);
    assert_int_equal(a->n_files, b->n_files);
    for (size_t i = 0; i < a->n_files; i++)
        assert_string_equal(a->files[i], b->files[i]);
}

static void assert_same_tower(const struct card_tower *a, const struct card_tower *b)
{
    assert_string_equal(a->name, b->name);
    assert_string_equal(a->encoder, b->encoder);
    assert_same_weights(&a->weights, &b->weights);
    assert_int_equal(a->preprocess.size, b->preprocess.size);
    assert_int_equal(a->preprocess.strategy, b->preprocess.strategy);
    assert_int_equal(a->preprocess.rescale, b->preprocess.rescale);
    for (int i = 0; i < 3; i++) {
        assert_true(a->preprocess.mean[i] == b->preprocess.mean[i]);
        assert_true(a->preprocess.std[i] == b->preprocess.std[i]);
    }
    assert_int_equal(a->patch_size, b->patch_size);
    assert_int_equal(a->native_grid, b->native_grid);
    assert_int_equal(a->width, b->width);
    assert_int_equal(a->heads, b->heads);
    assert_int_equal(a->mlp_width, b->mlp_width);
    assert_int_equal(a->layers, b->layers);
    assert_true(a->eps == b->eps);
    assert_string_equal(a->activation, b->activation);
    assert_int_equal(a->layer_scale, b->layer_scale);
    assert_int_equal(a->cls_token, b->cls_token);
    assert_int_equal(a->registers, b->registers);
}

static void assert_same_lm(const struct card_lm *a, const struct card_lm *b)
{
    assert_string_equal(a->family, b->family);
    assert_same_weights(&a->weights, &b->weights);
    assert_int_equal(a->width, b->width);
    assert_int_equal(a->layers, b->layers);
    assert_int_equal(a->inner_width, b->inner_width);
    assert_int_equal(a->state_size, b->state_size);
    assert_int_equal(a->conv_width, b->conv_width);
    assert_int_equal(a->dt_rank, b->dt_rank);
    assert_int_equal(a->vocabulary, b->vocabulary);
    assert_true(a->eps == b->eps);
    assert_int_equal(a->eos, b->eos);
    assert_int_equal(a->max_text_tokens, b->max_text_tokens);
}

static void assert_same_card(const struct card *a, const struct card *b)
{
    assert_string_equal(a->name, b->name);
    assert_string_equal(a->family, b->family);
    assert_string_equal(a->tokenizer, b->tokenizer);
    assert_int_equal(a->clean_up, b->clean_up);
    assert_string_equal(a->template, b->template);
    assert_int_equal(a->image_size, b->image_size);
    assert_int_equal(a->n_towers, b->n_towers);
    for (size_t i = 0; i < a->n_towers; i++)
        assert_same_tower(&a->towers[i], &b->towers[i]);
    assert_string_equal(a->connector.kind, b->connector.kind);
    assert_same_weights(&a->connector.weights, &b->connector.weights);
    assert_int_equal(a->connector.in_width, b->connector.in_width);
    assert_int_equal(a->connector.hidden_width, b->connector.hidden_width);
    assert_int_equal(a->connector.out_width, b->connector.out_width);
    assert_same_lm(&a->lm, &b->lm);
}

static void a_written_card_reads_back_the_same(void **state)
{
    (void)state;
    for (const char *const *name = card_preset_names; *name; name++) {
        struct written w;
        struct card read;
        struct error err = {""};
        written_open(&w, *name);
        assert_ok(card_parse(&read, w.text.data, w.text.length, "m.json", &w.arena, &err), err);
        assert_same_card(&w.card, &read);
        assert_string_equal(read.directory, "");
        written_close(&w);
    }
}

static void a_card_without_tokenizer_reads_back(void **state)
{
    (void)state;
    struct written w;
    struct card read;
    struct error err = {""};
    written_open(&w, "cobra+3b");
    text_reset(&w.text);
    w.card.tokenizer = NULL;
    w.card.clean_up = false;
    card_write(&w.card, &w.text);
    assert_ok(card_parse(&read, w.text.data, w.text.length, "m.json", &w.arena, &err), err);
    assert_null(read.tokenizer);
    assert_false(read.clean_up);
    written_close(&w);
}

/* A member of the written cobra+3b replaced, and what must be said of it. */
static const struct damage {
    const char *old, *new;
    enum status status;
    const char *sentence;
} damages[] = {
    {"\"format\": 1", "\"format\": 2", STATUS_UNSUPPORTED, "m.json: \"format\" is 2, only 1"},
    {"\"format\": 1,", "", STATUS_BAD_FORMAT, "m.json: \"format\" is missing"},
    {"\"name\": \"cobra+3b\"", "\"name\": 3", STATUS_BAD_FORMAT,
     "m.json: \"name\" is not a string"},
    {"\"zephyr\"", "\"gospel\"", STATUS_UNSUPPORTED,
     "m.json: there is no chat template called 'gospel'"},
    {"\"image_size\": 384", "\"image_size\": 0", STATUS_BAD_FORMAT, "m.json: \"image_size\" is 0"},
    {"\"image_size\": 384", "\"image_size\": 13", STATUS_MISMATCH, "tower dino: patches of 14"},
    {"\"image_size\": 384", "\"image_size\": 1e9", STATUS_BAD_FORMAT,
     "\"image_size\" is 1000000000"},
    {"\"image_size\": 384", "\"image_size\": 384.5", STATUS_BAD_FORMAT,
     "\"image_size\" is 384.5, a whole"},
    {"\"towers\": [", "\"towers\": 1, \"x\": [", STATUS_BAD_FORMAT,
     "m.json: \"towers\" is not an array"},
    {"\"towers\": [", "\"towers\": [], \"x\": [", STATUS_BAD_FORMAT, "m.json: \"towers\" is empty"},
    {"\"towers\": [", "\"towers\": [7], \"x\": [", STATUS_BAD_FORMAT,
     "m.json: towers[0]: \"name\" is missing"},
    {"\"name\": \"dino\"", "\"name\": null", STATUS_BAD_FORMAT,
     "m.json: towers[0]: \"name\" is not a string"},
    {"\"encoder\": \"vit\"", "\"encoder\": \"cnn\"", STATUS_UNSUPPORTED,
     "tower dino: there is no encoder called 'cnn'"},
    {"\"files\": []", "\"files\": {}", STATUS_BAD_FORMAT,
     "m.json: towers[0]: \"files\" is not an array"},
    {"\"files\": []", "\"files\": [1]", STATUS_BAD_FORMAT,
     "towers[0]: \"files\" must be at most 64 file names"},
    {"\"prefix\": \"\"", "\"prefix\": []", STATUS_BAD_FORMAT,
     "m.json: towers[0]: \"prefix\" is not a string"},
    {"\"resize-naive\"", "\"stretch\"", STATUS_UNSUPPORTED,
     "m.json: towers[0]: there is no resize strategy 'stretch'"},
    {"\"torchvision\"", "\"tf\"", STATUS_UNSUPPORTED,
     "m.json: towers[0]: there is no rescaling 'tf'"},
    {"\"mean\": [0.48", "\"mean\": [1, 0.48", STATUS_BAD_FORMAT,
     "towers[0]: \"mean\" must be three numbers"},
    {"\"mean\": [0.48", "\"mean\": [1e400, 2, 3], \"x\": [0.48", STATUS_BAD_FORMAT,
     "tower dino: \"mean\" must be finite"},
    {"\"std\": [0.22", "\"std\": [0, 2, 3], \"x\": [0.22", STATUS_BAD_FORMAT, "\"std\" above 0"},
    {"\"std\": [0.22", "\"std\": \"x\", \"x\": [0.22", STATUS_BAD_FORMAT,
     "towers[0]: \"std\" is not an array"},
    {"\"patch_size\": 14", "\"patch_size\": 0", STATUS_BAD_FORMAT,
     "tower dino: \"patch_size\" is 0, 1 to"},
    {"\"patch_size\": 14", "\"patch_size\": 7", STATUS_MISMATCH, "tower siglip: patches of 14"},
    {"\"native_grid\": 37", "\"native_grid\": -37", STATUS_BAD_FORMAT, "\"native_grid\" is -37"},
    {"\"width\": 1024", "\"width\": 1000000000", STATUS_BAD_FORMAT,
     "tower dino: \"width\" is 1000000000"},
    {"\"width\": 1024", "\"width\": 1040", STATUS_MISMATCH,
     "the towers give 2192 features, the connector takes 2176"},
    {"\"heads\": 16", "\"heads\": 15", STATUS_UNSUPPORTED,
     "tower dino: 15 heads do not divide a width of 1024"},
    {"\"heads\": 16", "\"heads\": 2", STATUS_UNSUPPORTED,
     "2 heads do not divide a width of 1024 into parts of at most 256"},
    {"\"heads\": 16", "\"heads\": 0", STATUS_BAD_FORMAT, "tower dino: \"heads\" is 0"},
    {"\"mlp_width\": 4096", "\"mlp_width\": \"4096\"", STATUS_BAD_FORMAT,
     "m.json: towers[0]: \"mlp_width\" is not a number"},
    {"\"layers\": 23", "\"layers\": -1", STATUS_BAD_FORMAT, "tower dino: \"layers\" is -1"},
    {"\"eps\": 1e-06", "\"eps\": -1e-06", STATUS_BAD_FORMAT, "tower dino: \"eps\" is -1e-06"},
    {"\"gelu_erf\"", "\"relu\"", STATUS_UNSUPPORTED,
     "tower dino: there is no activation called 'relu'"},
    {"\"registers\": 4", "\"registers\": -4", STATUS_BAD_FORMAT, "tower dino: \"registers\" is -4"},
    {"\"connector\": {", "\"connector\": 5, \"x\": {", STATUS_BAD_FORMAT,
     "m.json: \"connector\" is not an object"},
    {"\"fused-gelu-mlp\"", "\"magic\"", STATUS_UNSUPPORTED,
     "m.json: there is no connector called 'magic'"},
    {"\"in_width\": 2176", "\"in_width\": 0", STATUS_BAD_FORMAT,
     "m.json: connector: \"in_width\" is 0"},
    {"\"hidden_width\": 8704", "\"hidden_width\": 0", STATUS_BAD_FORMAT,
     "m.json: connector: \"hidden_width\" is 0"},
    {"\"out_width\": 2560", "\"out_width\": 256", STATUS_MISMATCH,
     "the connector gives rows of 256, the language model takes 2560"},
    {"\"language_model\": {", "\"language_models\": {", STATUS_BAD_FORMAT,
     "m.json: \"language_model\" is missing"},
    {"\"family\": \"mamba\"", "\"family\": \"rwkv\"", STATUS_UNSUPPORTED,
     "no language model family called 'rwkv'"},
    {"\"layers\": 64", "\"layers\": 64.5", STATUS_BAD_FORMAT,
     "m.json: language_model: \"layers\" is 64.5"},
    {"\"inner_width\": 5120", "\"inner_width\": 0", STATUS_BAD_FORMAT,
     "language_model: \"inner_width\" is 0"},
    {"\"state_size\": 16", "\"state_size\": 257", STATUS_BAD_FORMAT,
     "language_model: \"state_size\" is 257, 1 to 256"},
    {"\"conv_width\": 4", "\"conv_width\": 9", STATUS_BAD_FORMAT,
     "language_model: \"conv_width\" is 9, 1 to 8"},
    {"\"dt_rank\": 160", "\"dt_rank\": 1e12", STATUS_BAD_FORMAT,
     "language_model: \"dt_rank\" is 1e+12"},
    {"\"vocabulary\": 50280", "\"vocabulary\": 0", STATUS_BAD_FORMAT,
     "language_model: \"vocabulary\" is 0"},
    {"\"eps\": 1e-05", "\"eps\": 0", STATUS_BAD_FORMAT, "language_model: \"eps\" is 0"},
    {"\"eps\": 1e-05", "\"eps\": 1e400", STATUS_BAD_FORMAT, "language_model: \"eps\" is inf"},
    {"\"eos\": 0", "\"eos\": 50280", STATUS_MISMATCH,
     "the end token 50280 is outside a vocabulary of 50280"},
    {"\"eos\": 0", "\"eos\": -1", STATUS_BAD_FORMAT, "\"eos\" is -1"},
    {"\"max_text_tokens\": 2048", "\"max_text_tokens\": 0", STATUS_BAD_FORMAT,
     "\"max_text_tokens\" is 0"},
    {"}\n", "", STATUS_BAD_FORMAT, "m.json: line"},
};

static void a_damaged_card_is_refused_by_member(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        struct written w;
        struct card card;
        struct error err = {""};
        written_open(&w, "cobra+3b");
        const char *text = replace_once(&w.arena, w.text.data, damages[i].old, damages[i].new);
        enum status status = card_parse(&card, text, strlen(text), "m.json", &w.arena, &err);
        if (status != damages[i].status)
            fail_msg("%s gives status %d: %s", damages[i].new, (int)status, err.text);
        assert_contains(err.text, damages[i].sentence);
        written_close(&w);
    }
}

static void roots_that_are_no_objects_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"[]", "7", "\"x\"", "null", "{}", "[{\"format\": 1}]"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct arena arena;
        struct card card;
        struct error err = {""};
        arena_init(&arena);
        assert_int_equal(card_parse(&card, texts[i], strlen(texts[i]), "m.json", &arena, &err),
                         STATUS_BAD_FORMAT);
        assert_contains(err.text, "m.json: \"format\" is missing");
        arena_release(&arena);
    }
}

static void too_many_towers_and_files_are_refused(void **state)
{
    (void)state;
    struct written w;
    struct card card;
    struct error err = {""};
    written_open(&w, "cobra+3b");
    const char *towers = strstr(w.text.data, "\"towers\": [") + strlen("\"towers\": [");
    const char *end = strstr(towers, "\n  ],");
    char *more = arena_printf(&w.arena, "\"towers\": [%.*s,", (int)(end - towers), towers);
    const char *text = replace_once(&w.arena, w.text.data, "\"towers\": [", more);
    assert_int_equal(card_parse(&card, text, strlen(text), "m.json", &w.arena, &err),
                     STATUS_UNSUPPORTED);
    assert_contains(err.text, "m.json: more than 2 towers");

    struct text files;
    text_init(&files);
    text_add(&files, "\"files\": [");
    for (int i = 0; i < CARD_MAX_FILES; i++)
        text_addf(&files, "\"%d\", ", i);
    text_add(&files, "\"last\"]");
    text = replace_once(&w.arena, w.text.data, "\"files\": []", text_string(&files));
    assert_int_equal(card_parse(&card, text, strlen(text), "m.json", &w.arena, &err),
                     STATUS_BAD_FORMAT);
    assert_contains(err.text, "at most 64 file names");
    text_release(&files);
    written_close(&w);
}

static void every_failed_allocation_while_reading_a_card_is_told(void **state)
{
    (void)state;
    struct written w;
    written_open(&w, "cobra+3b");
    for (long n = 1;; n++) {
        struct arena arena;
        struct card card;
        struct error err = {""};
        arena_init(&arena);
        fail_allocation(n);
        enum status status = card_parse(&card, w.text.data, w.text.length, "m.json", &arena, &err);
        bool struck = allocation_has_failed();
        fail_allocation(0);
        assert_int_equal(status, struck ? STATUS_NO_MEMORY : STATUS_OK);
        if (!struck)
            assert_same_card(&w.card, &card);
        arena_release(&arena);
        if (!struck)
            break;
        assert_true(n < 5000);
    }
    written_close(&w);
}

/* Detection: the tiny models in the official layouts. */

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
    assert_int_equal(card_grid(&card), 3);
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
    assert_int_equal(card_grid(&card), 15);
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

static void the_shared_releases_are_recognised(void **state)
{
    (void)state;
    const char *shared = shared_or_skip("the_shared_releases_are_recognised");
    if (!shared)
        skip();
    static const struct {
        const char *name, *kind;
        size_t n_towers;
        int grid, heads, lm_width;
    } cases[] = {
        {"cobra", "fused-gelu-mlp", 2, 4, 3, 48},
        {"cobra-siglip", "gelu-mlp", 1, 0, 0, 0},
        {"cobra-ldpnet", "fused-ldpnet", 2, 27, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char path[512];
        struct card card;
        struct arena arena;
        snprintf(path, sizeof path, "%s/fixtures/%s", shared, cases[i].name);
        assert_detected(path, &card, &arena);
        assert_string_equal(card.connector.kind, cases[i].kind);
        assert_int_equal(card.n_towers, cases[i].n_towers);
        if (cases[i].grid)
            assert_int_equal(card_grid(&card), cases[i].grid);
        if (cases[i].heads)
            assert_int_equal(card.towers[0].heads, cases[i].heads);
        if (cases[i].lm_width)
            assert_int_equal(card.lm.width, cases[i].lm_width);
        arena_release(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_written_card_reads_back_the_same),
        cmocka_unit_test(a_card_without_tokenizer_reads_back),
        cmocka_unit_test(a_damaged_card_is_refused_by_member),
        cmocka_unit_test(roots_that_are_no_objects_are_refused),
        cmocka_unit_test(too_many_towers_and_files_are_refused),
        cmocka_unit_test(every_failed_allocation_while_reading_a_card_is_told),
        cmocka_unit_test(a_release_with_two_towers_is_recognised),
        cmocka_unit_test(a_release_with_one_tower_is_recognised),
        cmocka_unit_test(a_release_with_a_pool_is_recognised),
        cmocka_unit_test(files_are_found_where_people_put_them),
        cmocka_unit_test(every_failed_allocation_while_detecting_is_told),
        cmocka_unit_test(a_detected_card_can_be_written_down),
        cmocka_unit_test(the_shared_releases_are_recognised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
