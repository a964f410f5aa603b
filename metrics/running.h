/* metrics/running.h - a mean over samples that come image by image, with its interval so far.
 *
 * Constant memory: only sums over the images.  The interval is interval_cluster()'s with x = 1 for
 * every sample, so the last one shown is the one that scores.json has for the same mean. */
#ifndef MAMBENCH_METRICS_RUNNING_H
#define MAMBENCH_METRICS_RUNNING_H

#include "metrics/intervals.h"

#include <stddef.h>

struct running_mean {
    double n, y;             /* samples and their sum */
    size_t n_images;         /* finished ones */
    double image_n, image_y; /* of the image at hand */
    double nn, ny, yy;       /* sums over finished images of n^2, n y and y^2 */
};

/* A sample of the image at hand, y in 0..1; zeroes start a mean. */
void running_add(struct running_mean *mean, double y);

/* The samples that follow are of another image. */
void running_next_image(struct running_mean *mean);

/* NAN without samples. */
double running_value(const struct running_mean *mean);

/* Over the samples so far, the image at hand included; NAN below two images. */
struct interval running_interval(const struct running_mean *mean);

#endif
