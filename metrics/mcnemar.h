/* metrics/mcnemar.h - the exact test of two runs that are right or wrong on the same questions.
 *
 * It takes questions for independent: they must be distinct, and it is too sure where several are
 * about one image.  Shown beside the permutation of metrics/paired.h, which decides. */
#ifndef MAMBENCH_METRICS_MCNEMAR_H
#define MAMBENCH_METRICS_MCNEMAR_H

#include <stddef.h>

/* Of only_a + only_b questions that one run alone has right, as uneven a split or more, if each
 * fell to either run by a fair coin: two-sided, 1 where there is none. */
double mcnemar_exact(size_t only_a, size_t only_b);

#endif
