/* metrics/label_counts.h - how often each answer stands among a set's own reference answers.
 *
 * Every annotator's answer counts.  Spellings that the scorer takes for one answer count together,
 * and the most frequent of them stands for all; ties go to the first in byte order.  Nothing
 * depends on the order of the samples. */
#ifndef MAMBENCH_METRICS_LABEL_COUNTS_H
#define MAMBENCH_METRICS_LABEL_COUNTS_H

#include "datasets/dataset.h"
#include "datasets/protocol.h"
#include "engine/base/arena.h"
#include "engine/base/error.h"

#include <stddef.h>
#include <stdint.h>

/* One spelling of an answer. */
struct label_count {
    const char *label;   /* the dataset's */
    size_t n, n_before;  /* answers that are this one; that are another one, before it */
    uint32_t same_as;    /* number of the label that stands for it */
    uint32_t first_seen; /* while counting */
};

/* A question type with fewer questions than this says little of its own. */
enum { LABEL_FEWEST_OF_TYPE = 30 };

struct label_counts {
    const struct dataset *set;
    struct label_count *labels; /* [n_labels] in byte order */
    size_t n_labels, n_answers;
    const char *most_frequent;
    /* [n_samples] the most frequent answer to the questions of the sample's type (its group); of
     * the whole set where there are fewer than LABEL_FEWEST_OF_TYPE.  NULL: no type has as many. */
    const char **most_frequent_of_type;
};

/* Counts; everything belongs to arena.  Every sample must have an answer.  Errors: NO_MEMORY. */
enum status label_counts_read(struct label_counts *counts, const struct dataset *set,
                              const struct protocol *protocol, struct arena *arena,
                              struct error *err);

/* The label at a share of all answers in byte order, 0 to below 1: a uniform share draws each label
 * as often as annotators wrote it. */
const char *label_counts_at(const struct label_counts *counts, double share);

#endif
