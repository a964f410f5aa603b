/* The profiler below its command: counted work and bytes against the published tables, the engine's
 * stamps, jumping clocks, and what is made of raw times.  Nothing here depends on time. */
#include "tests/check.h"
#include "tests/weights_part.h"

#include "engine/image/image.h"
#include "engine/session.h"
#include "engine/work.h"
#include "eval/machine.h"
#include "eval/profile.h"

#include <math.h>
#include <unistd.h>

static const char tiny[] = "tests/data/engine/cobra-siglip";

/* A preset without weights: what follows from its card alone. */
struct sized {
    struct engine engine;
    struct arena arena;
};

static void sized_open(struct sized *s, const char *preset)
{
    struct error err = {""};
    *s = (struct sized){.engine = {.seed = 0}};
    arena_init(&s->arena);
    assert_ok(card_preset(&s->engine.card, preset, &s->arena, &err), err);
    const struct card_lm *card = &s->engine.card.lm;
    struct weights weights = {
        .part = &card->weights, .counting = true, .type = MATMUL_BF16, .arena = &s->arena};
    assert_ok(lm_family_find(card->family)->open(&s->engine.lm, card, &weights, &err), err);
    s->engine.info.state_bytes = lm_state_bytes(s->engine.lm, 0);
    s->engine.info.cache_bytes_per_token =
        lm_state_bytes(s->engine.lm, 1) - s->engine.info.state_bytes;
}

static void sized_close(struct sized *s)
{
    s->engine.lm->family->close(s->engine.lm);
    arena_release(&s->arena);
}

/* models_ssm.md section 10, models_transformers.md section 11: computed from shapes by others. */
static void bytes_of_states_are_those_of_the_tables(void **state)
{
    (void)state;
    static const struct {
        const char *preset;
        size_t fixed, per_token;
    } rows[] = {
        {"cobra+3b", 6553600 * sizeof(float), 0},
        {"mlmamba+3b", 43319296 * sizeof(float), 0},
        {"llava-v1.5-7b", 0, 524288},
        {"llava-phi-3b", 0, 327680},
        {"tinyllava-3.1b", 0, 327680},
        {"mobilevlm-v2-3b", 0, 327680},
        {"mobilevlm-v2-1.7b", 0, 196608},
        {"tinyllava-1.5b", 0, 22528},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sized s;
        sized_open(&s, rows[i].preset);
        assert_int_equal(s.engine.info.state_bytes, rows[i].fixed);
        assert_int_equal(s.engine.info.cache_bytes_per_token, rows[i].per_token);
        sized_close(&s);
    }
}

static void within(double got, double expected, double share)
{
    if (!(fabs(got - expected) <= share * expected))
        fail_msg("%.4f is not %.4f", got, expected);
}

static void operations_are_those_of_the_tables(void **state)
{
    (void)state;
    static const struct {
        const char *preset;
        double towers[2], connector; /* GFLOP of a picture */
        int rows;
        double prefill, decode; /* of so many rows; of a token 128 behind them */
    } rows[] = {
        {"cobra+3b", {476.5, 641.8}, 69.7, 779, 4127, 5.56},
        {"cobra-siglip+3b", {641.8, 0}, 13.9, 779, 4127, 5.56},
        {"cobra-ldpnet+3b", {476.5, 641.8}, 60.1, 246, 1304, 5.56},
        {"mlmamba+3b", {476.5, 641.8}, 0, 779, 4205, 5.66},
        {"llava-v1.5-7b", {366.0, 0}, 24.2, 622, 8158.0, 13.61},
        {"llava-phi-3b", {366.0, 0}, 10.6, 617, 3168.2, 5.54},
        {"tinyllava-3.1b", {641.8, 0}, 13.9, 770, 3973.1, 5.59},
        {"mobilevlm-v2-1.7b", {366.0, 0}, 7.25, 190, 472.3, 2.66},
        {"mobilevlm-v2-3b", {366.0, 0}, 10.6, 190, 970.4, 5.34},
        {"mobilevlm-3b", {366.0, 0}, 20.1, 190, 970.4, 5.34},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sized s;
        sized_open(&s, rows[i].preset);
        for (size_t t = 0; t < s.engine.card.n_towers; t++)
            within(engine_tower_work(&s.engine, t, 1).flop * 1e-9, rows[i].towers[t], 0.002);
        double connector = engine_connector_work(&s.engine, 1).flop * 1e-9;
        if (rows[i].connector > 0)
            within(connector, rows[i].connector, 0.006);
        else
            within(connector, 285.1, 0.02); /* the table has the scan in chunks */
        within(engine_rows_work(&s.engine, 1, rows[i].rows, 0, 1).flop * 1e-9, rows[i].prefill,
               0.001);
        within(engine_rows_work(&s.engine, 1, 1, rows[i].rows + 127, 1).flop * 1e-9, rows[i].decode,
               0.002);
        sized_close(&s);
    }
}

/* Bytes: weights once for all sequences, states and caches for each. */
static void bytes_of_a_step_are_weights_and_states(void **state)
{
    (void)state;
    struct sized s;
    sized_open(&s, "tinyllava-3.1b");
    s.engine.info.token_bytes = 1000;
    s.engine.info.head_bytes = 100;
    within(engine_rows_work(&s.engine, 2, 1, 9, 1).bytes, 1000 + 2 * 10 * 327680.0, 1e-12);
    within(engine_rows_work(&s.engine, 2, 1, 9, 0).bytes, 900 + 2 * 10 * 327680.0, 1e-12);
    sized_close(&s);
    sized_open(&s, "cobra+3b");
    within(engine_rows_work(&s.engine, 3, 1, 9, 1).bytes, 3 * 2 * 26214400.0, 1e-12);
    sized_close(&s);
}

struct opened {
    struct engine *engine;
    struct session *session;
};

static void open_tiny(struct opened *o)
{
    struct error err = {""};
    struct engine_options options;
    engine_options_init(&options);
    options.precision = PRECISION_F32;
    options.threads = 1;
    assert_ok(engine_open(&o->engine, tiny, &options, &err), err);
    assert_ok(session_open(&o->session, o->engine, &err), err);
}

static void close_tiny(struct opened *o)
{
    session_close(o->session);
    engine_close(o->engine);
}

static void tokens_are_stamped_in_order(void **state)
{
    (void)state;
    enum { TOKENS = 5 };
    static const int ids[] = {3, 4, 5};
    struct opened o;
    struct error err = {""};
    struct generation generation;
    int64_t stamps[TOKENS + 1] = {0};
    open_tiny(&o);
    struct request request = {
        .ids = ids, .n_ids = 3, .max_new_tokens = TOKENS, .ignore_end = true, .token_ns = stamps};
    assert_ok(session_answer(o.session, &request, &generation, &err), err);
    assert_int_equal(generation.n_prompt_ids, 3);
    assert_int_equal(generation.n_ids, TOKENS);
    assert_true(stamps[0] > 0);
    for (int i = 1; i < TOKENS; i++)
        assert_true(stamps[i] >= stamps[i - 1]);
    assert_int_equal(stamps[TOKENS], 0);
    assert_true(generation.timings.ns[STAGE_DECODE] >= stamps[TOKENS - 1] - stamps[0]);
    request.n_ids = 0;
    assert_int_equal(session_answer(o.session, &request, &generation, &err), STATUS_UNSUPPORTED);
    close_tiny(&o);
}

/* Each is part of its stage. */
static void parts_are_within_their_stages(void **state)
{
    (void)state;
    struct opened o;
    struct error err = {""};
    struct timings timings;
    open_tiny(&o);
    assert_ok(
        session_see(o.session, "tests/data/engine/cobra-siglip/input.png", &timings, NULL, &err),
        err);
    assert_true(timings.part_ns[PART_UNPACK] > 0);
    assert_true(timings.part_ns[PART_UNPACK] <= timings.ns[STAGE_READ]);
    assert_true(timings.part_ns[PART_FIRST_TOWER] > 0);
    assert_int_equal(timings.part_ns[PART_SECOND_TOWER], 0);
    assert_true(timings.part_ns[PART_FIRST_TOWER] <= timings.ns[STAGE_VISION]);
    close_tiny(&o);
}

static void sessions_tell_their_memory(void **state)
{
    (void)state;
    struct opened o;
    struct error err = {""};
    struct session_memory memory;
    open_tiny(&o);
    const struct card_lm *card = &o.engine->card.lm;
    assert_ok(session_fill(o.session, 9, 1, &err), err);
    session_memory(o.session, &memory);
    size_t layer = (size_t)card->layers * (size_t)card->inner_width * sizeof(float);
    assert_int_equal(memory.conv_bytes, layer * (size_t)card->conv_width);
    assert_int_equal(memory.ssm_bytes, layer * (size_t)card->state_size);
    assert_int_equal(memory.cache_bytes, 0);
    assert_int_equal(memory.activation_bytes, 0); /* nothing was computed yet */
    session_rewind(o.session, 2);
    assert_int_equal(o.session->state.n_positions, 2);
    close_tiny(&o);
}

static void a_jumping_clock_is_told(void **state)
{
    (void)state;
    struct profile_run run = {.e2e_ns = 100, .stage_ns = {[PROFILE_PROMPT] = 60}};
    const int64_t in_order[] = {10, 20, 20}, back[] = {10, 20, 19};
    struct error err = {""};
    assert_ok(profile_check_run(&run, in_order, 3, &err), err);
    assert_int_equal(profile_check_run(&run, back, 3, &err), STATUS_UNSUPPORTED);
    assert_contains(err.text, "the clock jumped: token 2");
    run.stage_ns[PROFILE_DECODE] = 41;
    assert_int_equal(profile_check_run(&run, in_order, 3, &err), STATUS_UNSUPPORTED);
    assert_contains(err.text, "sum up to 101 ns, the run to 100 ns");
    run.stage_ns[PROFILE_DECODE] = -1;
    assert_int_equal(profile_check_run(&run, in_order, 3, &err), STATUS_UNSUPPORTED);
    assert_contains(err.text, "took -1 ns");
    run = (struct profile_run){.e2e_ns = 0};
    assert_int_equal(profile_check_run(&run, NULL, 0, &err), STATUS_UNSUPPORTED);
}

static void others_are_what_is_not_ours(void **state)
{
    (void)state;
    double cores = (double)sysconf(_SC_NPROCESSORS_ONLN);
    struct machine_state before = {.busy_s = 100, .own_s = 5, .wall_s = 50};
    struct machine_state after = {
        .busy_s = 100 + 2 * cores, .own_s = 5 + 1.5 * cores, .wall_s = 52};
    within(machine_others(&before, &after), 0.25, 1e-9);
    after.wall_s = 50.4;
    assert_true(isnan(machine_others(&before, &after)));
    machine_state_read(&after);
    assert_true(after.busy_s > 0 && after.own_s >= 0 && after.wall_s > 0);
}

static void a_synthetic_picture_is_a_picture(void **state)
{
    (void)state;
    char path[] = "/tmp/mambench-test-XXXXXX";
    struct error err = {""};
    struct image image, other;
    int file = mkstemp(path);
    assert_true(file >= 0);
    close(file);
    assert_ok(profile_write_picture(path, 1, &err), err);
    assert_ok(image_read(&image, path, NULL, &err), err);
    assert_int_equal(image.width, 640);
    assert_int_equal(image.height, 480);
    assert_ok(profile_write_picture(path, 2, &err), err);
    assert_ok(image_read(&other, path, NULL, &err), err);
    assert_memory_not_equal(image.pixels, other.pixels, 640 * 480 * 3);
    image_release(&image);
    image_release(&other);
    unlink(path);
    assert_int_equal(profile_write_picture("/nowhere/at/all.jpg", 1, &err), STATUS_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_of_states_are_those_of_the_tables),
        cmocka_unit_test(operations_are_those_of_the_tables),
        cmocka_unit_test(bytes_of_a_step_are_weights_and_states),
        cmocka_unit_test(tokens_are_stamped_in_order),
        cmocka_unit_test(parts_are_within_their_stages),
        cmocka_unit_test(sessions_tell_their_memory),
        cmocka_unit_test(a_jumping_clock_is_told),
        cmocka_unit_test(others_are_what_is_not_ours),
        cmocka_unit_test(a_synthetic_picture_is_a_picture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
