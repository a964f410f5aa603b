/* metrics/baseline.h - answers that need no model: the floors a score is read against.
 *
 * To add one: write its function in metrics/baseline.c and a row in baselines[]. */
#ifndef MAMBENCH_METRICS_BASELINE_H
#define MAMBENCH_METRICS_BASELINE_H

#include "datasets/dataset.h"
#include "datasets/protocol.h"
#include "engine/base/arena.h"
#include "engine/base/error.h"
#include "metrics/label_counts.h"
#include "metrics/metric.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the baselines know of a set's reference answers. */
struct baseline_labels {
    /* The two words a yes/no benchmark is answered with: the protocol's choices, or, where the text
     * is scored, "True"/"False" if the labels are those, else "Yes"/"No"; "yes"/"no" where answers
     * are open: a scorer may compare to the letter. */
    const char *words[2];
    size_t majority;            /* index of the more frequent word in the whole set; 0 at a tie */
    bool is_open;               /* other answers than two words are among the labels */
    struct label_counts counts; /* where it is open */
};

struct baseline {
    const char *name;  /* "baseline:yes" */
    const char *title; /* "always the first choice" */
    /* The probability of the first of two words for a sample; NULL: only for open answers. */
    double (*first)(const struct baseline_labels *labels, const struct sample *sample,
                    uint64_t seed);
    /* The open answer to sample i of the set; NULL where there is none. */
    const char *(*answer)(const struct baseline_labels *labels, size_t i, uint64_t seed);
};

/* The table, NULL-terminated: baseline:yes, no, majority, majority-by-type, random. */
extern const struct baseline *const baselines[];
enum { N_BASELINES = 5 };

/* By name, with or without "baseline:", or NULL. */
const struct baseline *baseline_find(const char *name);

/* One prediction a sample, in arena: text, and probabilities where the protocol has choices.
 * The random one depends on seed, the sample's id and the set's labels: order does not matter.
 * Errors: UNSUPPORTED (questions without reference answers; a baseline that the set's kind of
 * answers has not), NO_MEMORY. */
enum status baseline_predict(const struct baseline *baseline, const struct dataset *set,
                             const struct protocol *protocol, uint64_t seed, struct arena *arena,
                             struct prediction **out, struct error *err);

/* Every score of the protocol under one baseline. */
struct score_floor {
    const struct baseline *baseline;
    struct score_table table;
};

/* Fills floors [N_BASELINES] with those that the set has, *n of them, in the order of baselines[];
 * everything belongs to arena.  Errors: those of baseline_predict(); then there is none. */
enum status score_floors(const struct dataset *set, const struct protocol *protocol, uint64_t seed,
                         struct arena *arena, struct score_floor floors[N_BASELINES], size_t *n,
                         struct error *err);

#endif
