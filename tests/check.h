/* tests/check.h - what every test file includes first. */
#ifndef MAMBENCH_TESTS_CHECK_H
#define MAMBENCH_TESTS_CHECK_H

/* CMocka 1.1.5 wants these in front of its own header. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* engine/base/error.h has a function of this name; fail_msg() below does without the macro. */
#undef fail
#undef fail_msg
#define fail_msg(...)                                                                              \
    do {                                                                                           \
        print_error(__VA_ARGS__);                                                                  \
        print_error("\n");                                                                         \
        _fail(__FILE__, __LINE__);                                                                 \
    } while (0)

#include "engine/base/arena.h"
#include "engine/base/error.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Fails with the error's sentence if status is not OK. */
#define assert_ok(status, err)                                                                     \
    do {                                                                                           \
        if ((status) != STATUS_OK)                                                                 \
            fail_msg("%s: %s", #status, (err).text);                                               \
    } while (0)

/* Fails unless text contains part. */
#define assert_contains(text, part)                                                                \
    do {                                                                                           \
        if (!strstr((text), (part)))                                                               \
            fail_msg("'%s' does not contain '%s'", (text), (part));                                \
    } while (0)

/* The shared folder, or NULL; then says that the test is skipped. */
static inline const char *shared_or_skip(const char *test)
{
    const char *shared = getenv("SHARED");
    if (!shared || !shared[0]) {
        printf("[ SKIPPED  ] %s: needs SHARED=DIR\n", test);
        return NULL;
    }
    return shared;
}

/* Allocation failure on demand (tests/fail_alloc.c, linked with -Wl,--wrap=malloc,...): the n-th
 * allocation from now on fails, counting from 1, and every later one too; 0 turns it off. */
void fail_allocation(long n);
/* Whether the failure has struck since fail_allocation(). */
int allocation_has_failed(void);

#endif
