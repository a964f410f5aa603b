/* Cards: written and read back, refused with the member's name. */
#include "tests/card_same.h"
#include "tests/model_copy.h"

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
    w->card.towers[0].preprocess.half_pixels = true;
    card_write(&w->card, &w->text);
    assert_false(w->text.failed);
}

static void written_close(struct written *w)
{
    text_release(&w->text);
    arena_release(&w->arena);
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
    {"\"gelu_erf\"", "\"swish\"", STATUS_UNSUPPORTED, "m.json: tower dino: "},
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

static void assert_refused(const char *preset, const struct damage *damage)
{
    struct written w;
    struct card card;
    struct error err = {""};
    written_open(&w, preset);
    const char *text = replace_once(&w.arena, w.text.data, damage->old, damage->new);
    enum status status = card_parse(&card, text, strlen(text), "m.json", &w.arena, &err);
    if (status != damage->status)
        fail_msg("%s gives status %d: %s", damage->new, (int)status, err.text);
    assert_contains(err.text, damage->sentence);
    written_close(&w);
}

static void a_damaged_card_is_refused_by_member(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++)
        assert_refused("cobra+3b", &damages[i]);
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

/* The same for what other presets have. */
static const struct {
    const char *preset;
    struct damage damage;
} more_damages[] = {
    {"cobra+3b",
     {"\"naming\": \"timm\"", "\"naming\": \"jax\"", STATUS_UNSUPPORTED,
      "m.json: tower dino: there is no naming of tensors called 'jax'"}},
    {"cobra+3b",
     {"\"naming\": \"timm\",", "", STATUS_BAD_FORMAT, "m.json: towers[0]: \"naming\" is missing"}},
    {"cobra+3b",
     {"\"layer_scale\": true", "\"layer_scale\": 1", STATUS_BAD_FORMAT,
      "m.json: towers[0]: \"layer_scale\" is neither true nor false"}},
    {"cobra+3b",
     {"\"half_pixels\": true", "\"half_pixels\": null", STATUS_BAD_FORMAT,
      "m.json: towers[0]: \"half_pixels\" is neither true nor false"}},
    {"cobra+3b",
     {"\"skip_patches\": 0", "\"skip_patches\": 1", STATUS_MISMATCH, "not the first tower's"}},
    {"cobra+3b", {"\"bos\": -1", "\"bos\": -2", STATUS_BAD_FORMAT, "\"bos\" is -2, -1 to"}},
    {"cobra+3b",
     {"\"bos\": -1", "\"bos\": 50280", STATUS_MISMATCH,
      "the first token 50280 is outside a vocabulary of 50280"}},
    {"cobra+3b",
     {"\"max_positions\": 0", "\"max_positions\": 0.5", STATUS_BAD_FORMAT,
      "language_model: \"max_positions\" is 0.5, a whole"}},
    {"cobra-ldpnet+3b",
     {"\"skip_patches\": 0", "\"skip_patches\": 729", STATUS_MISMATCH,
      "729 of 729 patches are left out"}},
    {"tinyllava-phi-2-siglip-3.1b",
     {"\"kind\": \"gelu-mlp\"", "\"kind\": \"ldpnetv2\"", STATUS_MISMATCH,
      "the connector 'ldpnetv2' needs a square of patches, the towers give 728"}},
    {"mlmamba+3b",
     {"\"tail\": \"fused-gelu-mlp\"", "\"tail\": \"mamba2-scan\"", STATUS_UNSUPPORTED,
      "m.json: no connector called 'mamba2-scan' can stand behind a scan"}},
    {"mlmamba+3b",
     {"\"blocks\": 2", "\"blocks\": 0", STATUS_BAD_FORMAT,
      "m.json: connector: \"blocks\" is 0, 1 to 4096 is expected"}},
    {"mlmamba+3b",
     {"\"tail\": \"fused-gelu-mlp\",", "", STATUS_BAD_FORMAT,
      "m.json: connector: \"tail\" is missing"}},
    {"llava-v1.5-7b",
     {"\"heads\": 32", "\"heads\": 0", STATUS_BAD_FORMAT,
      "m.json: language_model: \"heads\" is 0, 1 to"}},
    {"llava-v1.5-7b",
     {"\"kv_heads\": 32", "\"kv_heads\": 5", STATUS_MISMATCH,
      "m.json: language_model: 5 kv_heads do not divide 32 heads"}},
    {"llava-v1.5-7b",
     {"\"rope_theta\": 10000", "\"rope_theta\": 0", STATUS_BAD_FORMAT, "\"rope_theta\" is 0"}},
    {"llava-phi-3b",
     {"\"head_bias\": true", "\"head_bias\": \"yes\"", STATUS_BAD_FORMAT,
      "m.json: language_model: \"head_bias\" is neither true nor false"}},
    {"llava-phi-3b",
     {"\"vicuna\"", "\"phi-2_v0\"", STATUS_UNSUPPORTED,
      "m.json: there is no chat template called 'phi-2_v0'"}},
};

static void damage_to_other_members_is_told_too(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof more_damages / sizeof more_damages[0]; i++)
        assert_refused(more_damages[i].preset, &more_damages[i].damage);
}

/* What model.json may leave out. */
static void members_that_have_a_usual_value_may_be_missing(void **state)
{
    (void)state;
    static const char *const gone[] = {
        "\"bos\": -1,",         "\"max_positions\": 0,",   "\"registers\": 0,",
        "\"skip_patches\": 0,", "\"half_pixels\": false,", "\"cls_token\": false,"};
    struct written w;
    struct card card;
    struct error err = {""};
    written_open(&w, "cobra-siglip+3b");
    w.card.towers[0].preprocess.half_pixels = false;
    text_reset(&w.text);
    card_write(&w.card, &w.text);
    const char *text = w.text.data;
    for (size_t i = 0; i < sizeof gone / sizeof gone[0]; i++)
        text = replace_once(&w.arena, text, gone[i], "");
    assert_ok(card_parse(&card, text, strlen(text), "m.json", &w.arena, &err), err);
    assert_same_card(&w.card, &card);
    written_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_written_card_reads_back_the_same),
        cmocka_unit_test(a_card_without_tokenizer_reads_back),
        cmocka_unit_test(a_damaged_card_is_refused_by_member),
        cmocka_unit_test(damage_to_other_members_is_told_too),
        cmocka_unit_test(members_that_have_a_usual_value_may_be_missing),
        cmocka_unit_test(roots_that_are_no_objects_are_refused),
        cmocka_unit_test(too_many_towers_and_files_are_refused),
        cmocka_unit_test(every_failed_allocation_while_reading_a_card_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
