/* Pictures read ahead are the pictures that reading them gives, in any order of asking. */
#include "tests/check.h"

#include "eval/prefetch.h"

#define PICTURES "tests/data/cli/vsr/images/"

static const char *const paths[] = {PICTURES "000000000001.png", PICTURES "000000000002.png",
                                    PICTURES "000000000003.png", PICTURES "none.png",
                                    PICTURES "000000000005.png", PICTURES "000000000006.png"};
enum { N = sizeof paths / sizeof paths[0] };

static struct engine *engine;

static int open_model(void **state)
{
    (void)state;
    struct engine_options options;
    struct error err;
    engine_options_init(&options);
    options.random_weights = true;
    return engine_open(&engine, "tests/data/cli/tiny", &options, &err) != STATUS_OK;
}

static int close_model(void **state)
{
    (void)state;
    engine_close(engine);
    return 0;
}

/* Whether a session that sees the pixels answers as one that sees the file. */
static void assert_same(const char *path, const struct prefetched *picture)
{
    struct session *a, *b;
    struct generation left, right;
    struct error err = {""}, failure = {""};
    struct request request = {.prompt = "<|user|>\nWhat?<|endoftext|>\n<|assistant|>\n",
                              .choices = (const char *const[]){"Yes", "No"},
                              .n_choices = 2};
    assert_ok(session_open(&a, engine, &err), err);
    assert_ok(session_open(&b, engine, &err), err);
    enum status status = session_see(a, path, NULL, NULL, &failure);
    assert_int_equal(status, picture->status);
    assert_string_equal(failure.text, picture->failure.text);
    if (!status) {
        assert_true(picture->digest == pixels_digest(picture->pixels, engine));
        assert_ok(session_see_pixels(b, picture->pixels, NULL, &err), err);
        assert_ok(session_answer(a, &request, &left, &err), err);
        assert_ok(session_answer(b, &request, &right, &err), err);
        assert_memory_equal(left.choice_logits, right.choice_logits, sizeof left.choice_logits);
    }
    session_close(a);
    session_close(b);
}

static void take(struct prefetch *prefetch, size_t i)
{
    struct prefetched picture;
    prefetch_take(prefetch, paths[i], &picture);
    assert_same(paths[i], &picture);
    pixels_close(picture.pixels);
}

static void expected_and_unexpected_pictures_are_the_same(void **state)
{
    static const size_t order[] = {0, 1, 3, 2, 5, 4, 0, 0, 5};
    struct prefetch *prefetch;
    struct error err = {""};
    (void)state;
    for (size_t ahead = 0; ahead <= N; ahead++) {
        assert_ok(prefetch_open(&prefetch, engine, &err), err);
        for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
            size_t first = order[i] + ahead <= N ? order[i] : N - ahead;
            prefetch_expect(prefetch, paths + first, ahead);
            take(prefetch, order[i]);
        }
        prefetch_close(prefetch);
    }
}

/* The evaluation loop's way: the picture at hand first, then those behind it. */
static void what_was_expected_is_read_once(void **state)
{
    struct prefetch *prefetch;
    struct error err = {""};
    (void)state;
    assert_ok(prefetch_open(&prefetch, engine, &err), err);
    prefetch_expect(prefetch, paths, 3);
    for (size_t i = 0; i < N; i++) {
        struct prefetched picture;
        prefetch_wait(prefetch);
        prefetch_expect(prefetch, paths + i, N - i < 3 ? N - i : 3);
        prefetch_take(prefetch, paths[i], &picture);
        assert_true(picture.was_ahead);
        pixels_close(picture.pixels);
    }
    prefetch_close(prefetch);
}

static void what_nobody_takes_is_freed(void **state)
{
    struct prefetch *prefetch;
    struct error err = {""};
    (void)state;
    for (int i = 0; i < 20; i++) {
        assert_ok(prefetch_open(&prefetch, engine, &err), err);
        prefetch_expect(prefetch, paths, N);
        if (i % 2)
            prefetch_expect(prefetch, paths + 3, 2);
        if (i % 4 == 3)
            take(prefetch, 4);
        prefetch_close(prefetch);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expected_and_unexpected_pictures_are_the_same),
        cmocka_unit_test(what_was_expected_is_read_once),
        cmocka_unit_test(what_nobody_takes_is_freed),
    };
    return cmocka_run_group_tests(tests, open_model, close_model);
}
