#include "metrics/power.h"

#include <math.h>

/* Quantiles of the normal distribution: P(Z <= z) = 0.975 and 0.8. */
static const double Z_975 = 1.959963984540054, Z_80 = 0.8416212335729143;

double power_detectable(double error)
{
    return (Z_975 + Z_80) * error;
}

double power_detectable_apart(double half_width)
{
    return power_detectable(sqrt(2) * half_width / Z_975);
}

double power_of(double difference, double error)
{
    if (error == 0)
        return difference != 0;
    return erfc((Z_975 - fabs(difference) / error) / sqrt(2)) / 2;
}

double power_images(double difference, double error, double n_images)
{
    double ratio = power_detectable(error) / difference;
    return n_images * ratio * ratio;
}
