/* Nothing is allocated between two tokens of one sequence: not by us, not by a library that we call
 * then.  malloc itself is interposed here, for the whole process. */
#include "tests/lm_model.h"

#include <stdatomic.h>

static atomic_long allocations;

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

#ifdef SANITIZED
/* The sanitizer has its own malloc, and a hook for us. */
int __sanitizer_install_malloc_and_free_hooks(void (*malloc_hook)(const volatile void *, size_t),
                                              void (*free_hook)(const volatile void *));

static void count_malloc(const volatile void *memory, size_t size)
{
    (void)memory, (void)size;
    atomic_fetch_add(&allocations, 1);
}

static void ignore_free(const volatile void *memory)
{
    (void)memory;
}

static void interpose(void)
{
    assert_true(__sanitizer_install_malloc_and_free_hooks(count_malloc, ignore_free) != 0);
}
#else
/* glibc's own, behind the names that every library in this process resolves to ours. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

void *malloc(size_t size)
{
    atomic_fetch_add(&allocations, 1);
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    atomic_fetch_add(&allocations, 1);
    return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
    atomic_fetch_add(&allocations, 1);
    return __libc_realloc(memory, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    atomic_fetch_add(&allocations, 1);
    return __libc_memalign(alignment, size);
}

void *memalign(size_t alignment, size_t size);
void *memalign(size_t alignment, size_t size)
{
    atomic_fetch_add(&allocations, 1);
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size)
{
    atomic_fetch_add(&allocations, 1);
    *memory = __libc_memalign(alignment, size);
    return *memory ? 0 : 12;
}

static void interpose(void)
{
}
#endif

enum { CONTEXT = 40, TOKENS = 5, SEQUENCES = 3, LAYERS = 2, VOCABULARY = 1000 };

static const char *const systems[] = {"cobra+3b", "mlmamba+3b", "mobilevlm-v2-3b",
                                      "tinyllava-3.1b"};
enum { N_SYSTEMS = sizeof systems / sizeof systems[0] };

/* The decoder of a system, of true width and few layers, on random weights. */
static void open_decoder(struct model *model, size_t i, enum matmul_type type, int threads)
{
    struct error err = {""};
    struct card card;
    const struct ops *ops;
    struct arena arena;
    arena_init(&arena);
    assert_ok(card_preset(&card, systems[i], &arena, &err), err);
    assert_ok(ops_find(&ops, NULL, &err), err);
    card.lm.layers = LAYERS;
    card.lm.vocabulary = VOCABULARY;
    model_must_open(model, &card.lm, no_paths, type, ops, threads, CONTEXT * SEQUENCES);
    arena_release(&arena);
}

static long count_tokens(struct model *model, struct lm_state *state, float *logits)
{
    int id = 1;
    model_run(model, state, &id, 1, logits); /* threads, primitives */
    long before = atomic_load(&allocations);
    for (int t = 0; t < TOKENS; t++) {
        model_run(model, state, &id, 1, logits);
        id = first_maximum(logits, VOCABULARY);
    }
    return atomic_load(&allocations) - before;
}

static void check_one_sequence(size_t system, enum matmul_type type, int threads)
{
    struct model model;
    struct lm_state state;
    struct error err = {""};
    int ids[CONTEXT] = {0};
    open_decoder(&model, system, type, threads);
    float *logits = logits_of(&model, CONTEXT);
    state_open(&state, &model);
    assert_ok(lm_state_reserve(&state, model.lm, CONTEXT + 2 * TOKENS, &err), err);
    model_run(&model, &state, ids, CONTEXT, logits);
    long n = count_tokens(&model, &state, logits);
    if (n != 0)
        fail_msg("%s, %s, %d threads: %ld allocations in %d tokens", systems[system],
                 matmul_type_name(type), threads, n, TOKENS);
    free(logits);
    lm_state_release(&state);
    model_close(&model);
}

static void one_sequence_allocates_nothing_between_tokens(void **state)
{
    (void)state;
#ifdef __clang__
    printf("[ SKIPPED  ] built with clang, whose OpenMP runtime allocates where GCC's does not\n");
    skip();
#endif
    for (size_t i = 0; i < N_SYSTEMS; i++)
        for (int type = 0; type < MATMUL_TYPES; type++)
            for (int threads = 1; matmul_has((enum matmul_type)type) && threads <= 2; threads++)
                check_one_sequence(i, (enum matmul_type)type, threads);
}

/* A batch's products are the library's, whose allocations are told; ours are none (--wrap). */
static void a_batch_tells_what_the_library_allocates(void **state)
{
    (void)state;
    struct model model;
    struct lm_state states[SEQUENCES];
    struct lm_span spans[SEQUENCES];
    struct error err = {""};
    int ids[SEQUENCES] = {1, 2, 3};
    open_decoder(&model, 0, matmul_has(MATMUL_BF16) ? MATMUL_BF16 : MATMUL_F32, 2);
    float *logits = logits_of(&model, SEQUENCES);
    assert_ok(model_prepare(&model, SEQUENCES, &err), err);
    for (int i = 0; i < SEQUENCES; i++) {
        state_open(&states[i], &model);
        spans[i] = (struct lm_span){i, 1, &states[i]};
    }
    long library = 0;
    for (int t = -1; t < TOKENS; t++) {
        long before = atomic_load(&allocations);
        fail_allocation(1);
        lm_embed(model.lm, &model.compute, ids, SEQUENCES, model.x);
        lm_forward(model.lm, &model.compute, spans, SEQUENCES, model.x, SEQUENCES);
        lm_logits(model.lm, &model.compute, model.x, SEQUENCES, logits);
        assert_false(allocation_has_failed());
        fail_allocation(0);
        library = atomic_load(&allocations) - before;
    }
    printf("%s, %d layers, a token of %d sequences: %ld allocations, all the library's\n",
           systems[0], LAYERS, SEQUENCES, library);
    for (int i = 0; i < SEQUENCES; i++)
        lm_state_release(&states[i]);
    free(logits);
    model_close(&model);
}

/* The interposition works: an allocation of ours is seen, and one inside a library. */
static void allocations_are_seen(void **state)
{
    (void)state;
    long before = atomic_load(&allocations);
    void *volatile memory = malloc(100);
    free(memory);
    assert_true(atomic_load(&allocations) > before);
    before = atomic_load(&allocations);
    char *volatile copy = strdup("inside the C library");
    assert_true(atomic_load(&allocations) > before);
    free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allocations_are_seen),
        cmocka_unit_test(one_sequence_allocates_nothing_between_tokens),
        cmocka_unit_test(a_batch_tells_what_the_library_allocates),
    };
    interpose();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
