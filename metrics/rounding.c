#include "metrics/rounding.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

double round2(double x)
{
    /* Room for the largest double: 309 digits in front of the point. */
    char digits[330];
    snprintf(digits, sizeof digits, "%.2f", x);
    return strtod(digits, NULL);
}

double round2_python2(double x)
{
    /* k / 200 with an odd k is a binary fraction only where it is an odd number of eighths. */
    double eighths = x * 8;
    if (fabs(x) < 1e12 && eighths == floor(eighths) && fmod(eighths, 2) != 0)
        return copysign((floor(fabs(x) * 100) + 1) / 100, x);
    return round2(x);
}
