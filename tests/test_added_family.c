/* A decoder family that the program does not have: tests/family_leaky.c and the row below are all
 * that it takes.  Everything above the table of families then works with it. */
#include "tests/check.h"

#include "engine/card.h"
#include "engine/engine.h"
#include "engine/models/lm.h"
#include "engine/selftest.h"

#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

extern const struct lm_family lm_mamba, lm_leaky;

/* Stands in the place of engine/models/registry.c, which the linker then leaves out. */
const struct lm_family *const lm_families[] = {&lm_mamba, &lm_leaky, NULL};

static const char card_text[] =
    "{\"format\": 1, \"name\": \"leaky\", \"family\": \"test\", \"template\": \"zephyr\","
    " \"tokenizer\": null, \"clean_up\": true, \"image_size\": 28,"
    " \"towers\": [{\"name\": \"siglip\", \"encoder\": \"vit\", \"naming\": \"timm\", \"files\": "
    "[],"
    " \"prefix\": \"\", \"resize\": \"resize-naive\", \"rescale\": \"hf\", \"mean\": [0.5, 0.5, "
    "0.5],"
    " \"std\": [0.5, 0.5, 0.5], \"patch_size\": 14, \"native_grid\": 2, \"width\": 12, \"heads\": "
    "2,"
    " \"mlp_width\": 24, \"layers\": 1, \"eps\": 1e-6, \"activation\": \"gelu_erf\","
    " \"patch_bias\": true, \"registers\": 0, \"skip_patches\": 0}],"
    " \"connector\": {\"kind\": \"gelu-mlp\", \"files\": [], \"prefix\": \"\", \"in_width\": 12,"
    " \"out_width\": 20, \"hidden_width\": 20},"
    " \"language_model\": {\"family\": \"leaky\", \"files\": [], \"prefix\": \"\", \"width\": 20,"
    " \"layers\": 1, \"vocabulary\": 64, \"eps\": 1e-5, \"bos\": -1, \"eos\": 0,"
    " \"max_text_tokens\": 256, \"max_positions\": 0}}";

/* A folder with nothing but the card: weights are random. */
static char directory[] = "/tmp/mambench-leaky-XXXXXX";

static int make_directory(void **state)
{
    (void)state;
    char path[sizeof directory + 16];
    if (!mkdtemp(directory))
        return -1;
    snprintf(path, sizeof path, "%s/model.json", directory);
    FILE *file = fopen(path, "w");
    if (!file)
        return -1;
    fputs(card_text, file);
    return fclose(file);
}

static int remove_directory(void **state)
{
    (void)state;
    char path[sizeof directory + 16];
    snprintf(path, sizeof path, "%s/model.json", directory);
    unlink(path);
    return rmdir(directory);
}

static struct engine_options options_for(enum precision precision)
{
    struct engine_options options;
    engine_options_init(&options);
    options.random_weights = true;
    options.precision = precision;
    options.threads = 2;
    return options;
}

static void an_added_family_sees_and_answers(void **state)
{
    (void)state;
    struct engine_options options = options_for(PRECISION_F32);
    struct engine *engine;
    struct session *session;
    struct generation out;
    struct error err = {""};
    struct request request = {.prompt = "What is this?", .max_new_tokens = 5};
    assert_ok(engine_open(&engine, directory, &options, &err), err);
    assert_int_equal(engine_info(engine)->state_bytes, 20 * 4);
    assert_int_equal(engine_info(engine)->image_tokens, 4);
    assert_ok(session_open(&session, engine, &err), err);
    assert_ok(session_see(session, "tests/data/engine/cobra-siglip/input.png", NULL, NULL, &err),
              err);
    assert_ok(session_answer(session, &request, &out, &err), err);
    assert_true(out.n_ids >= 1 && out.n_ids <= 5);
    session_close(session);
    engine_close(engine);
}

static void print_failure(void *context, const struct check_result *result)
{
    (void)context;
    if (!result->ok)
        print_error("%s: %g, bound %g\n", result->name, result->deviation, result->bound);
}

static void an_added_family_passes_the_selftest(void **state)
{
    (void)state;
    for (int precision = 0; precision < PRECISION_N; precision++) {
        struct engine_options options = options_for((enum precision)precision);
        struct check_report report = {print_failure, NULL, 0, 0};
        struct error err = {""};
        assert_ok(selftest_model(directory, &options, &report, &err), err);
        assert_int_equal(report.n_failed, 0);
        assert_true(report.n_ok >= 10);
    }
}

static void an_added_family_is_described(void **state)
{
    (void)state;
    struct arena arena;
    struct card card;
    struct text text;
    struct error err = {""};
    arena_init(&arena);
    text_init(&text);
    assert_ok(card_open(&card, directory, &arena, &err), err);
    card.directory = ""; /* as a preset: there are no files to count */
    assert_ok(card_describe(&card, false, &text, &err), err);
    assert_contains(text_string(&text), "leaky");
    /* embedding 64 x 20, mix 20 x 20, norm, A, D, dt_bias */
    assert_contains(text_string(&text), "1760");
    text_release(&text);
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_added_family_sees_and_answers),
        cmocka_unit_test(an_added_family_passes_the_selftest),
        cmocka_unit_test(an_added_family_is_described),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
