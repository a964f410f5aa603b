/* Every language model family under one roof, at small random sizes: the self-test's invariances,
 * and prompts with the picture inside. */
#include "tests/check.h"

#include "engine/base/file.h"
#include "engine/card.h"
#include "engine/engine.h"
#include "engine/selftest.h"
#include "engine/session.h"

#include <limits.h>
#include <math.h>
#include <unistd.h>

static const char picture[] = "tests/data/engine/cobra-siglip/input.png";

static const struct card_tower tower = {
    .name = "siglip",
    .encoder = "vit",
    .naming = "timm",
    .weights = {.prefix = ""},
    .preprocess = {28, RESIZE_PAD, RESCALE_HF, {0.5F, 0.5F, 0.5F}, {0.5F, 0.5F, 0.5F}, false},
    .patch_size = 14,
    .native_grid = 2,
    .width = 12,
    .heads = 2,
    .mlp_width = 24,
    .layers = 1,
    .eps = 1e-6,
    .activation = "gelu_erf",
    .patch_bias = true,
};

/* Numbers that divide nothing and one another badly. */
static const struct card_lm families[] = {
    {.family = "mamba", .inner_width = 36, .state_size = 5, .conv_width = 4, .dt_rank = 3},
    {.family = "mamba2", .inner_width = 36, .state_size = 7, .conv_width = 4, .head_dim = 12},
    {.family = "llama",
     .heads = 6,
     .kv_heads = 2,
     .head_dim = 10,
     .mlp_width = 44,
     .rope_dims = 10,
     .rope_theta = 10000},
    {.family = "phi",
     .heads = 3,
     .kv_heads = 3,
     .head_dim = 10,
     .mlp_width = 44,
     .rope_dims = 4,
     .rope_theta = 10000,
     .head_bias = true},
};
enum { N_FAMILIES = sizeof families / sizeof families[0] };

static struct card card_of(const struct card_lm *family, const char *template)
{
    struct card card = {
        .name = family->family,
        .family = "test",
        .directory = "",
        .template = template,
        .image_size = 28,
        .n_towers = 1,
        .towers = {tower},
        .connector = {.kind = "gelu-mlp",
                      .weights = {.prefix = ""},
                      .in_width = 12,
                      .hidden_width = 18,
                      .out_width = 18},
        .lm = *family,
    };
    card.lm.weights.prefix = "";
    card.lm.width = 18;
    card.lm.layers = 2;
    card.lm.vocabulary = 97;
    card.lm.eps = 1e-5;
    card.lm.bos = strcmp(template, "vicuna") == 0 ? 1 : -1;
    card.lm.max_text_tokens = 400;
    return card;
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

/* An engine of its own and a session behind the picture. */
struct opened {
    struct card card;
    struct engine *engine;
    struct session *session;
};

static void open_family(struct opened *o, size_t family, const char *template)
{
    struct engine_options options = options_for(PRECISION_F32);
    struct error err = {""};
    o->card = card_of(&families[family], template);
    assert_ok(card_check(&o->card, "card", &err), err);
    assert_ok(engine_open_card(&o->engine, &o->card, &options, &err), err);
    assert_ok(session_open(&o->session, o->engine, &err), err);
    assert_ok(session_see(o->session, picture, NULL, NULL, &err), err);
}

static void close_family(struct opened *o)
{
    session_close(o->session);
    engine_close(o->engine);
}

static void print_failure(void *context, const struct check_result *result)
{
    if (!result->ok)
        print_error("%s: %s: %g, bound %g\n", (const char *)context, result->name,
                    result->deviation, result->bound);
}

/* The self-test wants a directory: one with nothing but the card. */
static void selftest_card(const struct card *card, enum precision precision)
{
    char directory[] = "/tmp/mambench-family-XXXXXX", path[sizeof directory + 16];
    struct engine_options options = options_for(precision);
    struct check_report report = {.each = print_failure};
    struct error err = {""};
    struct text text;
    char name[64];
    snprintf(name, sizeof name, "%s, %s, %s", card->name, card->template,
             precision_name(precision));
    report.context = name;
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/model.json", directory);
    text_init(&text);
    card_write(card, &text);
    assert_ok(file_write(path, text_string(&text), text.length, &err), err);
    text_release(&text);
    enum status status = selftest_model(directory, &options, &report, &err);
    unlink(path);
    rmdir(directory);
    assert_ok(status, err);
    assert_int_equal(report.n_failed, 0);
    assert_true(report.n_ok >= 10);
}

static void every_family_passes_the_selftest(void **state)
{
    (void)state;
    static const char *const templates[] = {"zephyr", "vicuna"};
    for (size_t i = 0; i < N_FAMILIES; i++)
        for (size_t t = 0; t < 2; t++)
            for (int precision = 0; precision < PRECISION_N; precision++) {
                struct card card = card_of(&families[i], templates[t]);
                selftest_card(&card, (enum precision)precision);
            }
}

static void assert_answers(struct opened *o, const char *prompt, enum status expected,
                           const char *sentence)
{
    struct request request = {.prompt = prompt, .max_new_tokens = 3};
    struct generation out;
    struct error err = {""};
    struct session *session;
    assert_ok(session_open(&session, o->engine, &err), err);
    assert_ok(session_fork(session, o->session, &err), err);
    enum status status = session_answer(session, &request, &out, &err);
    assert_int_equal(status, expected);
    if (status)
        assert_contains(err.text, sentence);
    else
        assert_true(out.n_ids > 0);
    session_close(session);
}

static const char system_text[] =
    "A chat between a curious user and an artificial intelligence assistant. The assistant gives "
    "helpful, detailed, and polite answers to the user's questions. USER: ";

static void a_prompt_has_exactly_one_picture(void **state)
{
    (void)state;
    struct opened o;
    char prompt[512];
    open_family(&o, 2, "vicuna");
    snprintf(prompt, sizeof prompt, "%s<image>\nWhat is this? ASSISTANT:", system_text);
    assert_answers(&o, prompt, STATUS_OK, "");
    snprintf(prompt, sizeof prompt, "%sWhat is this? ASSISTANT:", system_text);
    assert_answers(&o, prompt, STATUS_BAD_FORMAT, "has no <image>");
    snprintf(prompt, sizeof prompt, "%s<image>\n<image> What is this? ASSISTANT:", system_text);
    assert_answers(&o, prompt, STATUS_BAD_FORMAT, "more than one <image>");
    assert_answers(&o, "USER: <image>\nWhat is this? ASSISTANT:", STATUS_BAD_FORMAT,
                   "in front of <image> is not that of the template 'vicuna'");
    close_family(&o);
}

static void a_prompt_without_a_picture_is_plain_text(void **state)
{
    (void)state;
    struct opened o;
    char prompt[512];
    open_family(&o, 2, "vicuna");
    session_reset(o.session);
    snprintf(prompt, sizeof prompt, "%sWhat is this? ASSISTANT:", system_text);
    assert_answers(&o, prompt, STATUS_OK, "");
    snprintf(prompt, sizeof prompt, "%s<image>\nWhat is this? ASSISTANT:", system_text);
    assert_answers(&o, prompt, STATUS_BAD_FORMAT, "where no picture was read");
    close_family(&o);
}

static void a_picture_inside_the_prompt_is_read_behind_its_text(void **state)
{
    (void)state;
    struct opened o;
    struct token_list ids;
    struct text prompt;
    struct error err = {""};
    bool truncated;
    open_family(&o, 2, "vicuna");
    const struct engine_info *info = engine_info(o.engine);
    text_init(&prompt);
    token_list_init(&ids);
    engine_prompt(o.engine, "What is <image>this?", &prompt);
    assert_contains(text_string(&prompt), "USER: <image>\nWhat is this? ASSISTANT:");
    /* BOS, the text in front and four patches are in the state already. */
    assert_int_equal(o.engine->before.ids[0], 1);
    assert_int_equal(o.session->state.n_positions, info->tokens_before + 4);
    assert_ok(session_tokenize(o.session, text_string(&prompt), &ids, &truncated, &err), err);
    /* "\n", "What", " is", " this", "?", " ASSISTANT", ":" */
    assert_int_equal(ids.n, 7);
    assert_false(truncated);
    /* Two layers, keys and values of two heads of ten floats. */
    assert_int_equal(info->cache_bytes_per_token, 2 * 2 * 2 * 10 * 4);
    assert_int_equal(info->state_bytes, 0);
    token_list_release(&ids);
    text_release(&prompt);
    close_family(&o);
}

/* A long prompt is cut on the right; what stands in front of the picture counts. */
static void a_long_prompt_is_cut_at_the_text_limit(void **state)
{
    (void)state;
    struct opened o;
    struct text prompt;
    struct token_list ids;
    struct error err = {""};
    bool truncated;
    open_family(&o, 3, "vicuna");
    text_init(&prompt);
    token_list_init(&ids);
    text_addf(&prompt, "%s<image>", system_text);
    for (int i = 0; i < 1000; i++)
        text_add(&prompt, " again");
    assert_ok(session_tokenize(o.session, text_string(&prompt), &ids, &truncated, &err), err);
    assert_true(truncated);
    assert_int_equal(ids.n, 400 - o.engine->before.n);
    token_list_release(&ids);
    text_release(&prompt);
    close_family(&o);
}

/* A conversation goes on behind an answer, whatever the family. */
static void a_session_goes_on_behind_its_answer(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_FAMILIES; i++) {
        struct opened o;
        struct text prompt;
        struct generation out;
        struct error err = {""};
        open_family(&o, i, "vicuna");
        text_init(&prompt);
        engine_prompt(o.engine, "What is this?", &prompt);
        struct request request = {.prompt = text_string(&prompt), .max_new_tokens = 3};
        assert_ok(session_answer(o.session, &request, &out, &err), err);
        int before = o.session->state.n_positions;
        request.prompt = "USER: And that? ASSISTANT:";
        assert_ok(session_answer(o.session, &request, &out, &err), err);
        assert_true(o.session->state.n_positions > before);
        assert_int_equal(out.n_prompt_ids, 7); /* without another BOS */
        text_release(&prompt);
        close_family(&o);
    }
}

static void infinite_logits_give_no_probabilities(void **state)
{
    (void)state;
    static const char *const choices[] = {"Yes", "No"};
    struct opened o;
    struct text prompt;
    struct generation out;
    struct error err = {""};
    open_family(&o, 3, "vicuna");
    text_init(&prompt);
    engine_prompt(o.engine, "Is it?", &prompt);
    struct request request = {.prompt = text_string(&prompt), .choices = choices, .n_choices = 2};
    for (int sign = -1; sign <= 1; sign += 2) {
        struct session *session;
        for (int i = 0; i < o.engine->lm->vocabulary; i++)
            o.engine->lm->head.bias[i] = (float)sign * INFINITY;
        assert_ok(session_open(&session, o.engine, &err), err);
        assert_ok(session_fork(session, o.session, &err), err);
        assert_int_equal(session_answer(session, &request, &out, &err), STATUS_BAD_FORMAT);
        assert_contains(err.text, "not numbers");
        session_close(session);
    }
    text_release(&prompt);
    close_family(&o);
}

static void more_tokens_than_a_session_holds_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_FAMILIES; i++) {
        struct opened o;
        struct generation out;
        struct error err = {""};
        open_family(&o, i, "zephyr");
        struct request request = {.prompt = "What is this?", .max_new_tokens = INT_MAX};
        assert_int_equal(session_answer(o.session, &request, &out, &err), STATUS_UNSUPPORTED);
        assert_contains(err.text, "2147483647 new tokens");
        close_family(&o);
    }
}

/* Opens, sees, forks and answers while the n-th allocation fails: an error or the same answer. */
static enum status answer_once(size_t family, int ids[3], size_t *n, struct error *err)
{
    struct card card = card_of(&families[family], "vicuna");
    struct engine_options options = options_for(PRECISION_F32);
    struct engine *engine = NULL;
    struct session *session = NULL, *fork = NULL;
    struct generation out;
    char prompt[512];
    snprintf(prompt, sizeof prompt, "%s<image>\nWhat is this? ASSISTANT:", system_text);
    struct request request = {.prompt = prompt, .max_new_tokens = 3};
    options.threads = 1;
    enum status status = engine_open_card(&engine, &card, &options, err);
    if (!status)
        status = session_open(&session, engine, err);
    if (!status)
        status = session_open(&fork, engine, err);
    if (!status)
        status = session_see(session, picture, NULL, NULL, err);
    if (!status)
        status = session_fork(fork, session, err);
    if (!status)
        status = session_answer(fork, &request, &out, err);
    for (*n = 0; !status && *n < out.n_ids; *n += 1)
        ids[*n] = out.ids[*n];
    session_close(fork);
    session_close(session);
    if (engine)
        engine_close(engine);
    return status;
}

static void every_failed_allocation_is_an_error(void **state)
{
    (void)state;
    for (size_t family = 0; family < N_FAMILIES; family++) {
        int want[3], got[3];
        size_t n_want, n_got;
        struct error err = {""};
        assert_ok(answer_once(family, want, &n_want, &err), err);
        for (long n = 1;; n += n < 300 ? 1 : 7) {
            err.text[0] = '\0';
            fail_allocation(n);
            enum status status = answer_once(family, got, &n_got, &err);
            int struck = allocation_has_failed();
            fail_allocation(0);
            if (status == STATUS_OK) {
                assert_int_equal(n_got, n_want);
                assert_memory_equal(got, want, n_want * sizeof *got);
            } else {
                assert_int_equal(status, STATUS_NO_MEMORY);
                assert_true(err.text[0] != '\0');
            }
            if (!struck)
                break;
        }
    }
}

/* A made-up past depends on its seed alone, and can be read on behind. */
static void a_synthetic_past_depends_on_its_seed_alone(void **state)
{
    (void)state;
    enum { POSITIONS = 70 };
    const int ids[] = {5, 6, 7};
    for (size_t i = 0; i < N_FAMILIES; i++) {
        struct opened o;
        struct session *other;
        struct error err = {""};
        open_family(&o, i, "zephyr");
        size_t vocabulary = engine_info(o.engine)->vocabulary;
        float *logits = malloc(2 * vocabulary * sizeof *logits);
        assert_non_null(logits);
        assert_ok(session_open(&other, o.engine, &err), err);
        assert_ok(session_fill(o.session, POSITIONS, 3, &err), err);
        assert_ok(session_fill(other, POSITIONS, 4, &err), err);
        assert_int_equal(other->state.n_positions, POSITIONS);
        assert_false(lm_state_equal(&o.session->state, &other->state, o.engine->lm));
        assert_ok(session_fill(other, POSITIONS, 3, &err), err);
        assert_true(lm_state_equal(&o.session->state, &other->state, o.engine->lm));
        assert_ok(session_feed(o.session, ids, 3, logits, &err), err);
        assert_ok(session_feed(other, ids, 3, logits + vocabulary, &err), err);
        assert_memory_equal(logits, logits + vocabulary, vocabulary * sizeof *logits);
        assert_int_equal(other->state.n_positions, POSITIONS + 3);
        free(logits);
        session_close(other);
        close_family(&o);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_family_passes_the_selftest),
        cmocka_unit_test(a_synthetic_past_depends_on_its_seed_alone),
        cmocka_unit_test(a_prompt_has_exactly_one_picture),
        cmocka_unit_test(a_prompt_without_a_picture_is_plain_text),
        cmocka_unit_test(a_picture_inside_the_prompt_is_read_behind_its_text),
        cmocka_unit_test(a_long_prompt_is_cut_at_the_text_limit),
        cmocka_unit_test(a_session_goes_on_behind_its_answer),
        cmocka_unit_test(infinite_logits_give_no_probabilities),
        cmocka_unit_test(more_tokens_than_a_session_holds_are_refused),
        cmocka_unit_test(every_failed_allocation_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
