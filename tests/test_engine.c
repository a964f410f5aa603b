/* The engine's door on tiny models: batches, forks, choices, sampling, limits, hashes. */
#include "tests/model_copy.h"

#include "engine/card.h"
#include "engine/engine.h"
#include "engine/ops/matmul.h"

#include <math.h>

static const char *model_path(const char *name)
{
    static char path[64];
    snprintf(path, sizeof path, ENGINE_DATA "%s", name);
    return path;
}

/* An open model with a session that has seen its picture. */
struct opened {
    struct engine *engine;
    struct session *session;
};

static void open_model(struct opened *o, const char *name, enum precision precision)
{
    struct engine_options options;
    struct error err = {""};
    char picture[96];
    engine_options_init(&options);
    options.precision = precision;
    options.threads = 2;
    assert_ok(engine_open(&o->engine, model_path(name), &options, &err), err);
    assert_ok(session_open(&o->session, o->engine, &err), err);
    snprintf(picture, sizeof picture, ENGINE_DATA "%s/input.png", name);
    assert_ok(session_see(o->session, picture, NULL, NULL, &err), err);
}

static void close_model(struct opened *o)
{
    session_close(o->session);
    engine_close(o->engine);
}

/* A session of its own behind the picture. */
static struct session *forked(const struct opened *o)
{
    struct session *session;
    struct error err = {""};
    assert_ok(session_open(&session, o->engine, &err), err);
    assert_ok(session_fork(session, o->session, &err), err);
    return session;
}

/* A prompt of n lines of two ids each; cut at a line's end its ids are a prefix. */
static char *lines_of(size_t n)
{
    char *text = malloc(2 * n + 1);
    assert_non_null(text);
    for (size_t i = 0; i < n; i++) {
        text[2 * i] = (char)('A' + i * i % 7);
        text[2 * i + 1] = '\n';
    }
    text[2 * n] = '\0';
    return text;
}

static const char *const yes_no[] = {"Yes", "No"};

static void answer(struct session *session, const char *prompt, struct generation *out)
{
    struct request request = {
        .prompt = prompt, .choices = yes_no, .n_choices = 2, .max_new_tokens = 4};
    struct error err = {"untouched"};
    assert_ok(session_answer(session, &request, out, &err), err);
    assert_string_equal(err.text, "untouched");
}

static void assert_same_answer(const struct generation *a, const struct generation *b)
{
    assert_int_equal(a->n_ids, b->n_ids);
    assert_memory_equal(a->ids, b->ids, a->n_ids * sizeof *a->ids);
    assert_string_equal(a->text, b->text);
    assert_int_equal(a->ended, b->ended);
    assert_int_equal(a->n_prompt_ids, b->n_prompt_ids);
    assert_int_equal(a->truncated, b->truncated);
    assert_memory_equal(a->choice_logits, b->choice_logits, sizeof a->choice_logits);
    assert_memory_equal(a->choice_probabilities, b->choice_probabilities,
                        sizeof a->choice_probabilities);
    assert_true(a->ids_digest == b->ids_digest && a->logits_digest == b->logits_digest);
}

static void a_fork_answers_like_the_original(void **state)
{
    (void)state;
    for (int p = 0; p < PRECISION_N; p++) {
        struct opened o;
        struct generation first, second, third;
        open_model(&o, "cobra", (enum precision)p);
        struct session *a = forked(&o), *b = forked(&o);
        answer(a, "What is this?", &first);
        answer(b, "What is this?", &second);
        assert_same_answer(&first, &second);
        /* The original was not moved by its forks, and a fork behind an answer goes on from it. */
        answer(o.session, "What is this?", &third);
        assert_same_answer(&first, &third);
        answer(a, "And that?", &first);
        answer(o.session, "And that?", &third);
        assert_same_answer(&first, &third);
        session_close(a);
        session_close(b);
        close_model(&o);
    }
}

/* More sessions than one batch takes, of different lengths, some ending early. */
static void a_large_batch_gives_every_session_its_own_answer(void **state)
{
    (void)state;
    enum { N = 70 };
    struct opened o;
    struct session *sessions[N];
    struct request requests[N];
    struct generation together[N];
    char *prompts[N];
    struct error err = {""};
    open_model(&o, "cobra-siglip", PRECISION_BF16);
    for (size_t i = 0; i < N; i++) {
        sessions[i] = forked(&o);
        prompts[i] = lines_of(1 + i * 13 % 29);
        requests[i] = (struct request){.prompt = prompts[i],
                                       .choices = yes_no,
                                       .n_choices = i % 3,
                                       .max_new_tokens = (int)(i % 7),
                                       .sampling = {i % 2, 2.0, 20, 0.9, i},
                                       .digests = i % 5 > 0};
    }
    assert_ok(sessions_answer(sessions, requests, N, together, &err), err);
    for (size_t i = 0; i < N; i++) {
        struct generation alone;
        struct session *session = forked(&o);
        assert_ok(session_answer(session, &requests[i], &alone, &err), err);
        assert_same_answer(&together[i], &alone);
        assert_true(alone.n_ids <= (size_t)requests[i].max_new_tokens);
        assert_true((alone.ids_digest != 0) == requests[i].digests);
        assert_true((alone.logits_digest != 0) == requests[i].digests);
        session_close(session);
    }
    for (size_t i = 0; i < N; i++) {
        session_close(sessions[i]);
        free(prompts[i]);
    }
    close_model(&o);
}

static void digests_are_of_what_was_read_and_weighed(void **state)
{
    static const int ids[] = {5, 6, 7, 5};
    (void)state;
    struct opened o;
    struct generation out, other;
    struct error err = {""};
    open_model(&o, "cobra", PRECISION_F32);
    struct session *a = forked(&o), *b = forked(&o);
    struct request request = {.ids = ids, .n_ids = 4, .digests = true};
    assert_ok(session_answer(a, &request, &out, &err), err);
    assert_true(out.ids_digest == sha256_short(ids, sizeof ids));
    request.n_ids = 3;
    assert_ok(session_answer(b, &request, &other, &err), err);
    assert_true(other.ids_digest == sha256_short(ids, 3 * sizeof *ids));
    assert_true(other.logits_digest != 0 && other.logits_digest != out.logits_digest);
    /* The first 16 digits of sha256sum's. */
    assert_true(sha256_short("abc", 3) == UINT64_C(0xba7816bf8f01cfea));
    session_close(a);
    session_close(b);
    close_model(&o);
}

static void choices_are_weighed_among_themselves(void **state)
{
    (void)state;
    struct opened o;
    struct generation out;
    struct error err = {""};
    static const char *const turned[] = {"No", "Yes", "Yes"};
    open_model(&o, "cobra", PRECISION_F32);
    struct session *session = forked(&o);
    answer(session, "Is it?", &out);
    assert_true(fabs(out.choice_probabilities[0] + out.choice_probabilities[1] - 1) < 1e-12);
    double odds = exp((double)out.choice_logits[0] - (double)out.choice_logits[1]);
    assert_true(fabs(out.choice_probabilities[0] / out.choice_probabilities[1] / odds - 1) < 1e-9);

    struct request request = {.prompt = "Is it?", .choices = turned, .n_choices = 3};
    struct generation other;
    assert_ok(session_fork(session, o.session, &err), err);
    assert_ok(session_answer(session, &request, &other, &err), err);
    assert_int_equal(other.n_ids, 0);
    assert_string_equal(other.text, "");
    assert_false(other.ended);
    assert_true(other.choice_logits[0] == out.choice_logits[1]);
    assert_true(other.choice_logits[1] == out.choice_logits[0]);
    assert_true(other.choice_probabilities[1] == other.choice_probabilities[2]);
    session_close(session);
    close_model(&o);
}

static void a_choice_that_is_no_single_token_is_refused_by_name(void **state)
{
    (void)state;
    static const char *const bad[] = {"Yes", "Yes and No"}, *const empty[] = {""};
    static const char *const nine[] = {"A", "B", "C", "D", "E", "F", "G", "H", "I"};
    struct opened o;
    struct generation out, before, after;
    struct error err = {""};
    open_model(&o, "cobra", PRECISION_F32);
    struct session *fresh = forked(&o);
    answer(fresh, "Is it?", &before);

    struct request request = {.prompt = "Is it?", .choices = bad, .n_choices = 2};
    assert_int_equal(session_answer(o.session, &request, &out, &err), STATUS_UNSUPPORTED);
    assert_contains(err.text, "the choice 'Yes and No' is not a single token of cobra-tiny");
    request = (struct request){.prompt = "Is it?", .choices = empty, .n_choices = 1};
    assert_int_equal(session_answer(o.session, &request, &out, &err), STATUS_UNSUPPORTED);
    assert_contains(err.text, "the choice '' is not");
    request = (struct request){.prompt = "Is it?", .choices = nine, .n_choices = 9};
    assert_int_equal(session_answer(o.session, &request, &out, &err), STATUS_UNSUPPORTED);
    assert_contains(err.text, "more than 8 choices");
    /* What was refused left the session where it was. */
    answer(o.session, "Is it?", &after);
    assert_same_answer(&before, &after);
    session_close(fresh);
    close_model(&o);
}

static void an_empty_prompt_is_refused(void **state)
{
    (void)state;
    struct opened o;
    struct generation out;
    struct error err = {""};
    open_model(&o, "cobra-siglip", PRECISION_F32);
    struct request request = {.prompt = "", .max_new_tokens = 1};
    assert_int_equal(session_answer(o.session, &request, &out, &err), STATUS_UNSUPPORTED);
    assert_contains(err.text, "the prompt is empty");
    answer(o.session, "now", &out);
    close_model(&o);
}

static void sampling_repeats_with_its_seed(void **state)
{
    (void)state;
    struct opened o;
    struct error err = {""};
    struct request request = {
        .prompt = "Describe it.", .max_new_tokens = 12, .sampling = {true, 3.0, 0, 0, 5}};
    int ids[3][12];
    size_t n[3];
    open_model(&o, "cobra-ldpnet", PRECISION_BF16);
    for (int i = 0; i < 3; i++) {
        struct session *session = forked(&o);
        struct generation out;
        request.sampling.seed = i < 2 ? 5 : 6;
        assert_ok(session_answer(session, &request, &out, &err), err);
        n[i] = out.n_ids;
        memcpy(ids[i], out.ids, n[i] * sizeof ids[i][0]);
        session_close(session);
    }
    assert_int_equal(n[0], n[1]);
    assert_memory_equal(ids[0], ids[1], n[0] * sizeof ids[0][0]);
    assert_true(n[0] != n[2] || memcmp(ids[0], ids[2], n[0] * sizeof ids[0][0]) != 0);
    close_model(&o);
}

/* 1300 ids go through the language model in three pieces, and bit for bit as in other pieces. */
static void a_long_prompt_equals_its_parts(void **state)
{
    (void)state;
    for (int p = 0; p < PRECISION_N; p++) {
        struct opened o;
        struct generation whole, part;
        struct error err = {""};
        char *prompt = lines_of(650);
        open_model(&o, "cobra", (enum precision)p);
        struct session *session = forked(&o);
        answer(session, prompt, &whole);
        assert_int_equal(whole.n_prompt_ids, 1300);
        assert_false(whole.truncated);

        char cut = prompt[2 * 300];
        struct request request = {.prompt = prompt};
        struct session *other = forked(&o);
        prompt[2 * 300] = '\0';
        assert_ok(session_answer(other, &request, &part, &err), err);
        assert_int_equal(part.n_prompt_ids, 600);
        prompt[2 * 300] = cut;
        answer(other, prompt + 2 * 300, &part);
        assert_int_equal(part.n_prompt_ids, 700);
        part.n_prompt_ids = 1300;
        assert_same_answer(&whole, &part);
        session_close(session);
        session_close(other);
        free(prompt);
        close_model(&o);
    }
}

/* cobra-siglip reads at most 700 ids of text. */
static void a_prompt_beyond_the_limit_is_cut_and_flagged(void **state)
{
    (void)state;
    struct opened o;
    struct generation cut, exact;
    char *prompt = lines_of(500);
    open_model(&o, "cobra-siglip", PRECISION_F32);
    struct session *a = forked(&o), *b = forked(&o);
    answer(a, prompt, &cut);
    assert_true(cut.truncated);
    assert_int_equal(cut.n_prompt_ids, 700);
    prompt[2 * 350] = '\0';
    answer(b, prompt, &exact);
    assert_false(exact.truncated);
    exact.truncated = true;
    assert_same_answer(&cut, &exact);
    session_close(a);
    session_close(b);
    free(prompt);
    close_model(&o);
}

static void a_picture_replaces_what_was_read(void **state)
{
    (void)state;
    struct opened o;
    struct generation first, again, without;
    struct timings timings;
    struct error err = {""};
    open_model(&o, "cobra", PRECISION_F32);
    answer(o.session, "What?", &first);
    struct session *session = forked(&o);
    assert_ok(session_see(session, ENGINE_DATA "cobra/input.png", &timings, NULL, &err), err);
    assert_true(timings.ns[STAGE_VISION] > 0 && timings.ns[STAGE_IMAGE] > 0);
    assert_int_equal(timings.ns[STAGE_DECODE], 0);
    answer(session, "What?", &again);
    assert_same_answer(&first, &again);
    assert_true(again.timings.ns[STAGE_PROMPT] > 0 && again.timings.ns[STAGE_DECODE] > 0);

    /* A picture that cannot be read leaves a session that has read nothing. */
    const char *absent = ENGINE_DATA "cobra/absent.png";
    assert_int_equal(session_see(session, absent, NULL, NULL, &err), STATUS_NOT_FOUND);
    assert_contains(err.text, absent);
    answer(session, "What?", &again);
    session_reset(o.session);
    answer(o.session, "What?", &without);
    assert_same_answer(&again, &without);
    assert_memory_not_equal(first.choice_logits, without.choice_logits,
                            sizeof first.choice_logits[0]);
    session_close(session);
    close_model(&o);
}

static void what_is_loaded_is_told(void **state)
{
    (void)state;
    struct opened o;
    open_model(&o, "cobra-ldpnet", PRECISION_BF16);
    const struct engine_info *info = engine_info(o.engine);
    assert_string_equal(info->name, "cobra-ldpnet-tiny");
    assert_string_equal(info->family, "cobra");
    assert_string_equal(info->directory, ENGINE_DATA "cobra-ldpnet");
    assert_int_equal(info->precision, matmul_has(MATMUL_BF16) ? PRECISION_BF16 : PRECISION_F32);
    assert_int_equal(info->precision_note == NULL, matmul_has(MATMUL_BF16));
    assert_int_equal(info->image_tokens, 196);
    assert_int_equal(info->vocabulary, 504);
    assert_int_equal(info->threads, 2);
    assert_false(info->random_weights);
    /* Two layers, 24 channels, 4 inputs of the convolution and 4 states, floats. */
    assert_int_equal(info->state_bytes, 2 * 24 * (4 + 4) * 4);
    assert_int_equal(info->cache_bytes_per_token, 0);
    assert_true(info->packed_bytes >= 2 * info->parameters);
    assert_contains(info->matmul, "oneDNN 2.");
    close_model(&o);
}

static void prompts_follow_the_template(void **state)
{
    (void)state;
    struct opened o;
    struct text prompt;
    text_init(&prompt);
    open_model(&o, "cobra", PRECISION_F32);
    engine_prompt(o.engine, " \n<image>\nWhat <image>is it? ", &prompt);
    assert_string_equal(prompt.data, "<|user|>\nWhat is it?<|endoftext|>\n<|assistant|>\n");
    close_model(&o);
    text_reset(&prompt);
    open_model(&o, "cobra-siglip", PRECISION_F32);
    engine_prompt(o.engine, "What is it?", &prompt);
    assert_string_equal(prompt.data, "In: What is it?\nOut: ");
    close_model(&o);
    text_release(&prompt);
}

static void hash_of(const char *path, const struct engine_options *options,
                    struct sha256_text *hash)
{
    struct engine *engine;
    struct error err = {""};
    assert_ok(engine_open(&engine, path, options, &err), err);
    assert_ok(engine_hash(engine, hash, &err), err);
    assert_int_equal(strlen(hash->hex), 64);
    engine_close(engine);
}

static void the_hash_follows_card_weights_and_tokenizer(void **state)
{
    (void)state;
    struct engine_options options;
    struct sha256_text original, copied, changed;
    engine_options_init(&options);
    hash_of(model_path("cobra"), &options, &original);
    static const char *const files[] = {"dino/model.safetensors", "tokenizer.json",
                                        "siglip/open_clip_model.safetensors",
                                        "checkpoints/latest-checkpoint.pt", "config.json"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct model_copy copy;
        char *data;
        size_t size;
        model_copy_make(&copy, "cobra");
        hash_of(copy.path, &options, &copied);
        assert_string_equal(copied.hex, original.hex);
        if (i == 4) {
            model_copy_edit(&copy, files[i], "cobra-tiny", "cobra-tinier");
        } else if (i == 1) {
            model_copy_edit(&copy, files[i], "{", "{ ");
        } else {
            model_copy_read(&copy, files[i], &data, &size);
            /* Inside the last tensors. */
            data[size - (i == 3 ? size / 4 : 9)] ^= 1;
            model_copy_write(&copy, files[i], data, size);
        }
        hash_of(copy.path, &options, &changed);
        assert_string_not_equal(changed.hex, original.hex);
        model_copy_remove(&copy);
    }
}

/* A folder with nothing but a card runs on noise, with or without a tokenizer. */
static void random_weights_need_a_card_only(void **state)
{
    (void)state;
    struct model_copy copy;
    struct engine_options options;
    struct text text;
    struct sha256_text hashes[3];
    float first[3] = {0};
    struct error err = {""};
    struct card detected;
    model_copy_make(&copy, "cobra");
    text_init(&text);
    assert_ok(card_open(&detected, copy.path, &copy.arena, &err), err);
    card_write(&detected, &text);
    char command[200];
    snprintf(command, sizeof command, "rm -r '%s'/*", copy.path);
    assert_int_equal(system(command), 0);
    model_copy_write(&copy, "model.json", text.data, text.length);
    text_release(&text);

    engine_options_init(&options);
    struct engine *engine;
    assert_int_equal(engine_open(&engine, copy.path, &options, &err), STATUS_NOT_FOUND);
    assert_contains(err.text, "dino/model.safetensors");
    options.random_weights = true;
    for (int i = 0; i < 3; i++) {
        struct session *session;
        struct generation out;
        options.seed = i < 2 ? 1 : 2;
        assert_ok(engine_open(&engine, copy.path, &options, &err), err);
        assert_true(engine_info(engine)->random_weights);
        assert_ok(engine_hash(engine, &hashes[i], &err), err);
        assert_ok(session_open(&session, engine, &err), err);
        assert_ok(session_see(session, ENGINE_DATA "cobra/input.png", NULL, NULL, &err), err);
        answer(session, "Anything, really: any words.", &out);
        first[i] = out.choice_logits[0];
        assert_true(isfinite(first[i]));
        session_close(session);
        engine_close(engine);
    }
    assert_true(first[0] == first[1] && first[0] != first[2]);
    assert_string_equal(hashes[0].hex, hashes[1].hex);
    assert_string_not_equal(hashes[0].hex, hashes[2].hex);
    model_copy_remove(&copy);
}

static void names_are_parsed_or_refused(void **state)
{
    (void)state;
    struct engine_options options;
    struct engine *engine = NULL;
    enum precision precision;
    struct error err = {""};
    for (int p = 0; p < PRECISION_N; p++) {
        assert_ok(precision_parse(precision_name((enum precision)p), &precision, &err), err);
        assert_int_equal(precision, p);
    }
    assert_int_equal(precision_parse("fp64", &precision, &err), STATUS_USAGE);
    assert_contains(err.text, "no precision called 'fp64'");
    assert_string_equal(stage_name(STAGE_READ), "read");
    assert_string_equal(stage_name(STAGE_TEXT), "text");

    engine_options_init(&options);
    assert_int_equal(engine_open(&engine, "cobra+3b", &options, &err), STATUS_NOT_FOUND);
    assert_contains(err.text, "cobra+3b is a preset without weights");
    assert_int_equal(engine_open(&engine, "no/such", &options, &err), STATUS_NOT_FOUND);
    assert_contains(err.text, "no/such is neither a model directory nor a preset");
    assert_int_equal(engine_open(&engine, "tests/data", &options, &err), STATUS_NOT_FOUND);
    assert_contains(err.text, "tests/data is no model directory that is recognised");
    options.kernels = "sse9";
    assert_int_equal(engine_open(&engine, model_path("cobra"), &options, &err), STATUS_NOT_FOUND);
    assert_contains(err.text, "no kernels called 'sse9'");
    assert_null(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fork_answers_like_the_original),
        cmocka_unit_test(a_large_batch_gives_every_session_its_own_answer),
        cmocka_unit_test(digests_are_of_what_was_read_and_weighed),
        cmocka_unit_test(choices_are_weighed_among_themselves),
        cmocka_unit_test(a_choice_that_is_no_single_token_is_refused_by_name),
        cmocka_unit_test(an_empty_prompt_is_refused),
        cmocka_unit_test(sampling_repeats_with_its_seed),
        cmocka_unit_test(a_long_prompt_equals_its_parts),
        cmocka_unit_test(a_prompt_beyond_the_limit_is_cut_and_flagged),
        cmocka_unit_test(a_picture_replaces_what_was_read),
        cmocka_unit_test(what_is_loaded_is_told),
        cmocka_unit_test(prompts_follow_the_template),
        cmocka_unit_test(the_hash_follows_card_weights_and_tokenizer),
        cmocka_unit_test(random_weights_need_a_card_only),
        cmocka_unit_test(names_are_parsed_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
