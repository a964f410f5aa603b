#include "metrics/running.h"

#include <math.h>

void running_add(struct running_mean *mean, double y)
{
    mean->n += 1;
    mean->y += y;
    mean->image_n += 1;
    mean->image_y += y;
}

void running_next_image(struct running_mean *mean)
{
    if (mean->image_n <= 0)
        return;
    mean->n_images += 1;
    mean->nn += mean->image_n * mean->image_n;
    mean->ny += mean->image_n * mean->image_y;
    mean->yy += mean->image_y * mean->image_y;
    mean->image_n = mean->image_y = 0;
}

double running_value(const struct running_mean *mean)
{
    return mean->n > 0 ? mean->y / mean->n : (double)NAN;
}

struct interval running_interval(const struct running_mean *mean)
{
    struct running_mean closed = *mean;
    running_next_image(&closed);
    if (closed.n_images < 2)
        return (struct interval){NAN, NAN};
    double groups = (double)closed.n_images, value = running_value(mean);
    /* sum over images of (y - value n)^2, multiplied out */
    double squares = closed.yy - 2 * value * closed.ny + value * value * closed.nn;
    double error = sqrt(groups / (groups - 1) * fmax(squares, 0)) / closed.n;
    double half = student_quantile(0.975, groups - 1) * error;
    return (struct interval){value - half, value + half};
}
