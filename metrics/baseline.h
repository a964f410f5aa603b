/* metrics/baseline.h - answers that need no model: the floors a score is read against.
 *
 * To add one: write its function in metrics/baseline.c and a row in baselines[]. */
#ifndef MAMBENCH_METRICS_BASELINE_H
#define MAMBENCH_METRICS_BASELINE_H

#include "datasets/dataset.h"
#include "datasets/protocol.h"
#include "engine/base/arena.h"
#include "engine/base/error.h"
#include "metrics/metric.h"

#include <stddef.h>
#include <stdint.h>

/* The two words a yes/no benchmark is answered with: the protocol's choices, or, where the text is
 * scored, "True"/"False" if the labels are those, else "Yes"/"No"; "yes"/"no" among free answers
 * (GQA), where a scorer may compare to the letter. */
struct baseline_words {
    const char *words[2];
    size_t majority; /* index of the more frequent label in the whole set; 0 at a tie */
};

struct baseline {
    const char *name;  /* "baseline:yes" */
    const char *title; /* "always the first choice" */
    /* The probability of the first word for a sample. */
    double (*first)(const struct baseline_words *words, const struct sample *sample, uint64_t seed);
};

/* The table, NULL-terminated: baseline:yes, baseline:no, baseline:majority, baseline:random. */
extern const struct baseline *const baselines[];
enum { N_BASELINES = 4 };

/* By name, with or without "baseline:", or NULL. */
const struct baseline *baseline_find(const char *name);

/* One prediction a sample, in arena: text, and probabilities where the protocol has choices.
 * The random one depends on seed and the sample's id alone: order does not matter.
 * Errors: UNSUPPORTED (labels that are neither yes/no nor true/false), NO_MEMORY. */
enum status baseline_predict(const struct baseline *baseline, const struct dataset *set,
                             const struct protocol *protocol, uint64_t seed, struct arena *arena,
                             struct prediction **out, struct error *err);

/* Every score of the protocol under one baseline. */
struct score_floor {
    const struct baseline *baseline;
    struct score_table table;
};

/* Fills floors [N_BASELINES], in the order of baselines[]; everything belongs to arena. */
enum status score_floors(const struct dataset *set, const struct protocol *protocol, uint64_t seed,
                         struct arena *arena, struct score_floor floors[N_BASELINES],
                         struct error *err);

#endif
