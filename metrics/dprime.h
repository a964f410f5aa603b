/* metrics/dprime.h - signal detection: how well yes is told from no, and which of them is
 * preferred.
 *
 * Sensitivity d' = z(hit rate) - z(false alarm rate), criterion c = -(z(hit rate) + z(false alarm
 * rate)) / 2: negative where yes is preferred (Macmillan and Creelman 2005, chapters 1 and 2).
 * Rates of 0 and 1 have no z, so all rates are log-linearly corrected: half an answer is added to
 * hits and to false alarms, a whole one to the questions of each (Hautus 1995). */
#ifndef MAMBENCH_METRICS_DPRIME_H
#define MAMBENCH_METRICS_DPRIME_H

#include "engine/base/error.h"
#include "metrics/intervals.h"

#include <stddef.h>
#include <stdint.h>

/* The z with P(Z <= z) = p for the normal distribution; infinite at 0 and 1, NAN outside. */
double normal_quantile(double p);

/* Answers to questions whose label is yes, and to those whose label is no.  An answer that failed
 * is in none of them. */
struct detection_counts {
    double hits, signals;        /* yes to yes, of how many */
    double false_alarms, noises; /* yes to no, of how many */
};

struct detection {
    double hit_rate, false_alarm_rate; /* as they are, uncorrected; NAN of no question */
    double dprime, criterion;          /* corrected; NAN where one kind of question is missing */
};

struct detection detection_of(const struct detection_counts *counts);

/* 95 % intervals of d' and c by the cluster bootstrap: counts [n_images] are those of each image,
 * none with neither kind of question.  Errors: NO_MEMORY. */
enum status detection_intervals(const struct detection_counts *counts, size_t n_images,
                                size_t n_resamples, uint64_t seed, struct interval *dprime,
                                struct interval *criterion, struct error *err);

#endif
