/* metrics/paired.h - whether two runs that answered the same questions differ.
 *
 * Images are the clusters.  If the two runs were alike, either could have given either's answers to
 * an image's questions: so the sign of an image's difference is a coin's, all its questions
 * together.  That holds for right and wrong as for answers that are right in part. */
#ifndef MAMBENCH_METRICS_PAIRED_H
#define MAMBENCH_METRICS_PAIRED_H

#include "engine/base/error.h"
#include "metrics/intervals.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One image's questions. */
struct paired_image {
    double n;          /* how many; images without any are passed over */
    double difference; /* sum over them of B's credit minus A's, each 0..1 */
};

struct paired_difference {
    double mean;              /* over questions, B - A, -1..1; NAN without any */
    double error;             /* its cluster-robust standard error; NAN below two images */
    struct interval interval; /* 95 %, as interval_cluster() with x = 1; NAN where error is 0 */
    size_t n_images;          /* that have a question */
};

struct paired_difference paired_difference(const struct paired_image *images, size_t n);

/* All signs are tried up to this many images that differ, drawn beyond. */
enum { PAIRED_MOST_EXACT = 20 };

struct permutation {
    double p; /* two-sided */
    bool is_exact;
    size_t n_differ; /* images whose sum is not 0: the others have no sign */
    size_t n_signs;  /* assignments of signs that were tried or drawn */
};

/* The sign-flip test of a difference of 0.  Exact: the share of all assignments whose sum is at
 * least as far from 0 as the one seen.  Drawn: (1 + such draws) / (1 + draws), which never is 0
 * (Phipson and Smyth 2010).  Depends on the seed, not on the number of threads.  Errors:
 * NO_MEMORY, MISMATCH (a difference that is not a finite number). */
enum status paired_permutation(const struct paired_image *images, size_t n, size_t n_draws,
                               uint64_t seed, struct permutation *result, struct error *err);

#endif
