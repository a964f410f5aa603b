/* The running mean of the progress line against the interval that a finished run's scores have. */
#include "tests/check.h"

#include "engine/base/random.h"
#include "metrics/running.h"

#include <math.h>

enum { N_IMAGES = 40, MOST_QUESTIONS = 9, MOST = N_IMAGES * MOST_QUESTIONS };

static void the_interval_is_that_of_all_samples_at_once(void **state)
{
    static double y[MOST], influence[MOST], sums[N_IMAGES];
    static size_t image[MOST];
    struct running_mean mean = {0};
    struct random_stream random = {7};
    size_t n = 0;
    (void)state;
    for (size_t i = 0; i < N_IMAGES; i++) {
        size_t questions = 1 + random_bits(&random) % MOST_QUESTIONS;
        for (size_t q = 0; q < questions; q++) {
            y[n] = (double)(random_bits(&random) % 4) / 3; /* right in part, too */
            image[n] = i;
            running_add(&mean, y[n++]);
        }
        if (i + 1 < N_IMAGES)
            running_next_image(&mean);
    }
    double value = running_value(&mean), sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += y[i];
    assert_true(fabs(value - sum / (double)n) < 1e-15);
    for (size_t i = 0; i < n; i++)
        influence[i] = (y[i] - value) / (double)n;
    struct interval all = interval_cluster(value, influence, image, n, sums, N_IMAGES);
    struct interval running = running_interval(&mean);
    assert_true(fabs(all.low - running.low) < 1e-12 && fabs(all.high - running.high) < 1e-12);
}

static void one_image_has_no_interval(void **state)
{
    struct running_mean mean = {0};
    (void)state;
    assert_true(isnan(running_value(&mean)));
    running_next_image(&mean);
    running_add(&mean, 1);
    running_add(&mean, 0);
    assert_true(running_value(&mean) == 0.5);
    assert_true(isnan(running_interval(&mean).low));
    running_next_image(&mean);
    running_next_image(&mean); /* an image without samples is none */
    assert_true(isnan(running_interval(&mean).low));
    running_add(&mean, 1);
    assert_true(running_interval(&mean).low <= running_value(&mean));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_interval_is_that_of_all_samples_at_once),
        cmocka_unit_test(one_image_has_no_interval),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
