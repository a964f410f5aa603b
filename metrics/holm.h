/* metrics/holm.h - p values of several tests that are read together (Holm 1979). */
#ifndef MAMBENCH_METRICS_HOLM_H
#define MAMBENCH_METRICS_HOLM_H

#include <stddef.h>

/* adjusted[i] is p[i] as if it were the only one: below 0.05, the chance that any of n tests of
 * nothing gets there is at most 5 %, whatever they share. */
void holm_adjust(const double *p, double *adjusted, size_t n);

#endif
