/* tests/fail_alloc.c - malloc and its kin with a switch that makes the n-th call fail.
 *
 * Linked into every test with -Wl,--wrap; only calls from our own objects are caught. */
#include "tests/check.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);

static long countdown; /* 0: off */
static int struck;

static int must_fail(void)
{
    if (countdown == 0)
        return 0;
    if (countdown > 1) {
        countdown -= 1;
        return 0;
    }
    struck = 1;
    return 1;
}

void *__wrap_malloc(size_t size)
{
    return must_fail() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return must_fail() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
    return must_fail() ? NULL : __real_realloc(memory, size);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    return must_fail() ? NULL : __real_aligned_alloc(alignment, size);
}

void fail_allocation(long n)
{
    countdown = n;
    struck = 0;
}

int allocation_has_failed(void)
{
    return struck;
}
