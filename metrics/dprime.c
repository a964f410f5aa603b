#include "metrics/dprime.h"

#include "metrics/bootstrap.h"

#include <math.h>
#include <stdlib.h>

/* Newton's method from 0 on the lower half, where the distribution function is convex: no step goes
 * too far, and erfc keeps its relative precision into the tail. */
static double lower_quantile(double p)
{
    const double density_at_0 = 0.39894228040143267794;
    double z = 0;
    for (int steps = 0; steps < 2000; steps++) {
        double excess = erfc(-z / sqrt(2)) / 2 - p;
        double next = z - excess / (density_at_0 * exp(-z * z / 2));
        if (!(next < z))
            break;
        z = next;
    }
    return z;
}

double normal_quantile(double p)
{
    if (!(p >= 0 && p <= 1))
        return NAN;
    if (p <= 0 || p >= 1)
        return p <= 0 ? -INFINITY : (double)INFINITY;
    return p < 0.5 ? lower_quantile(p) : p > 0.5 ? -lower_quantile(1 - p) : 0;
}

struct detection detection_of(const struct detection_counts *counts)
{
    struct detection result = {NAN, NAN, NAN, NAN};
    if (counts->signals > 0)
        result.hit_rate = counts->hits / counts->signals;
    if (counts->noises > 0)
        result.false_alarm_rate = counts->false_alarms / counts->noises;
    if (!(counts->signals > 0 && counts->noises > 0))
        return result;
    double hit = normal_quantile((counts->hits + 0.5) / (counts->signals + 1));
    double alarm = normal_quantile((counts->false_alarms + 0.5) / (counts->noises + 1));
    result.dprime = hit - alarm;
    result.criterion = -(hit + alarm) / 2;
    return result;
}

struct sampled_counts {
    const struct detection_counts *counts; /* of the images that have a question */
    size_t n;
};

static void resampled(const uint32_t *weights, const void *context, double *values)
{
    const struct sampled_counts *images = context;
    struct detection_counts sum = {0, 0, 0, 0};
    for (size_t i = 0; i < images->n; i++) {
        sum.hits += weights[i] * images->counts[i].hits;
        sum.signals += weights[i] * images->counts[i].signals;
        sum.false_alarms += weights[i] * images->counts[i].false_alarms;
        sum.noises += weights[i] * images->counts[i].noises;
    }
    struct detection detection = detection_of(&sum);
    values[0] = detection.dprime;
    values[1] = detection.criterion;
}

enum status detection_intervals(const struct detection_counts *counts, size_t n_images,
                                size_t n_resamples, uint64_t seed, struct interval *dprime,
                                struct interval *criterion, struct error *err)
{
    struct interval intervals[2];
    struct detection_counts *present = calloc(n_images + 1, sizeof *present);
    if (!present)
        return fail(err, STATUS_NO_MEMORY, "out of memory for the intervals of d'");
    struct sampled_counts images = {present, 0};
    for (size_t i = 0; i < n_images; i++)
        if (counts[i].signals > 0 || counts[i].noises > 0)
            present[images.n++] = counts[i];
    struct bootstrap bootstrap = {images.n, n_resamples, seed, 2};
    enum status status = bootstrap_intervals(&bootstrap, resampled, &images, intervals, err);
    free(present);
    if (status)
        return status;
    *dprime = intervals[0];
    *criterion = intervals[1];
    return STATUS_OK;
}
