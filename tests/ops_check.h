/* tests/ops_check.h - what the tests of operations share: values, bounds, levels. */
#ifndef MAMBENCH_TESTS_OPS_CHECK_H
#define MAMBENCH_TESTS_OPS_CHECK_H

#include "tests/check.h"

#include "engine/base/random.h"
#include "engine/ops/ops.h"

#include <math.h>

static inline const struct ops *reference(void)
{
    return ops_all[0];
}

/* Values in [-range, range) that depend on the seed alone; freed by the caller. */
static inline float *noise(size_t n, float range, uint64_t seed)
{
    struct random_stream stream = {seed};
    float *values = malloc((n ? n : 1) * sizeof *values);
    assert_non_null(values);
    for (size_t i = 0; i < n; i++)
        values[i] = range * (float)(2 * random_uniform(&stream) - 1);
    return values;
}

static inline float *copy_of(const float *values, size_t n)
{
    float *copy = malloc((n ? n : 1) * sizeof *copy);
    assert_non_null(copy);
    memcpy(copy, values, n * sizeof *copy);
    return copy;
}

/* Largest difference, relative to the largest value of want. */
static inline double deviation(const float *got, const float *want, size_t n)
{
    double difference = 0, largest = 1e-30;
    for (size_t i = 0; i < n; i++) {
        double delta = fabs((double)got[i] - (double)want[i]);
        difference = isnan(delta) ? INFINITY : fmax(difference, delta);
        largest = fmax(largest, fabs((double)want[i]));
    }
    return difference / largest;
}

static inline void assert_close(const struct ops *ops, const char *what, const float *got,
                                const float *want, size_t n, double bound)
{
    double d = deviation(got, want, n);
    if (!(d <= bound))
        fail_msg("%s: %s deviates by %g, the bound is %g", ops->name, what, d, bound);
}

static inline void assert_same_bits(const struct ops *ops, const char *what, const float *got,
                                    const float *want, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (memcmp(&got[i], &want[i], sizeof *got) != 0)
            fail_msg("%s: %s: value %zu of %zu is %a, not %a", ops->name, what, i, n,
                     (double)got[i], (double)want[i]);
}

/* Runs check with every fast implementation that this CPU has. */
static inline void for_each_level(void (*check)(const struct ops *ops))
{
    int checked = 0;
    for (const struct ops *const *ops = ops_all + 1; *ops; ops++)
        if (ops_runs_here(*ops)) {
            check(*ops);
            checked++;
        }
    assert_true(checked > 0);
}

#endif
