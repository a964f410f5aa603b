/* metrics/choice.h - which choice a prediction's probabilities pick. */
#ifndef MAMBENCH_METRICS_CHOICE_H
#define MAMBENCH_METRICS_CHOICE_H

#include <stddef.h>

/* numpy.argmax: the first of the largest; NaN, if there is one, counts as largest. */
size_t choice_argmax(const double *probabilities, size_t n);

#endif
