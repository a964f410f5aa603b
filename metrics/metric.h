/* metrics/metric.h - turns predictions into the numbers a benchmark reports.
 *
 * To add a metric: write metrics/<name>.c, list it in metrics/registry.c, and record the reference
 * scorer's output on tests/data/<name>/ as the expected value. */
#ifndef MAMBENCH_METRICS_METRIC_H
#define MAMBENCH_METRICS_METRIC_H

#include "datasets/dataset.h"
#include "datasets/protocol.h"
#include "engine/base/arena.h"
#include "engine/base/error.h"
#include "engine/base/text.h"

#include <stdbool.h>
#include <stddef.h>

/* What the model said to samples[i].  A failed sample has neither text nor probabilities: it is
 * counted and reported, never scored as an empty answer. */
struct prediction {
    const char *sample_id;
    const char *text;            /* cleaned answer; NULL if only choices were weighed */
    const double *probabilities; /* [protocol.n_choices], sum 1; NULL if only text is there */
    const char *failure;         /* why there is no answer; NULL if there is one */
};

/* How the 95 % interval was made. */
enum interval_kind {
    INTERVAL_NONE,
    INTERVAL_WILSON,    /* every image has one question */
    INTERVAL_CLUSTER,   /* linearised standard error, images as clusters, t quantile */
    INTERVAL_BOOTSTRAP, /* percentiles of seeded resamples, images as clusters */
};

struct score {
    const char *name; /* "accuracy", "random/f1", "relation/under/accuracy" */
    double value;     /* as the reference reports it: 0..1 or 0..100, see scale; NAN if undefined */
    double scale;     /* 1 or 100: what a perfect score is; 0 for counts */
    size_t n;         /* samples this value is over */
    double low, high; /* 95 % interval; NAN where interval is NONE */
    enum interval_kind interval;
    const char *note; /* why it is undefined, what is unusual; NULL if nothing */
};

struct score_table {
    struct score *scores; /* belongs to the arena given to score() */
    size_t n_scores, capacity;
    size_t headline;  /* index of the score the protocol reports */
    size_t n_samples; /* all, failed included */
    size_t n_failed;  /* predictions without an answer: count as wrong, and are printed beside */
    size_t n_images;
    bool is_plain; /* intervals that take resamples are not wanted */
    struct arena *arena;
};

struct metric {
    const char *name;
    const char *reference; /* the reference scorer this reproduces: repository/path@commit */
    bool needs_choices;    /* reads probabilities; else text */
    /* predictions[i] answers set->samples[i].  Scores go to table (initialised, arena set). */
    enum status (*score)(const struct dataset *set, const struct protocol *protocol,
                         const struct prediction *predictions, struct score_table *table,
                         struct error *err);
    /* Whether sample i counts as right, 1 or 0, for listings and paired tests; -1 if failed. */
    int (*correct)(const struct sample *sample, const struct protocol *protocol,
                   const struct prediction *prediction);
    /* Where an answer can be right in part: how much, 0..1; NULL where correct() says it all. */
    double (*credit)(const struct sample *sample, const struct protocol *protocol,
                     const struct prediction *prediction);
    /* Appends what the scorer reads out of an answer's text before it compares, as far as that does
     * not depend on the sample; NULL: the text as it is. */
    void (*read)(const struct protocol *protocol, const char *text, struct text *out);
    /* Appends what the scorer makes of a reference answer before it compares; NULL: nothing. */
    void (*clean_label)(const struct protocol *protocol, const char *label, struct text *out);
};

/* What a sample adds to a mean over samples, 0..1: its credit, else 1 where it is correct.  A
 * failed one adds 0.  NAN where there was no memory to weigh it. */
double metric_credit(const struct metric *metric, const struct sample *sample,
                     const struct protocol *protocol, const struct prediction *prediction);

/* Appends what the scorer reads out of an answer before it compares: the likeliest choice, or what
 * its rule makes of the text; nothing where the sample failed. */
void metric_add_reading(const struct metric *metric, const struct protocol *protocol,
                        const struct prediction *prediction, struct text *out);

/* The table, NULL-terminated. */
extern const struct metric *const metrics[];
const struct metric *metric_find(const char *name);

/* The metric of a protocol.  Errors: NOT_FOUND (the sentence lists what there is), MISMATCH (it
 * weighs choices, and the protocol has none). */
enum status metric_of(const struct protocol *protocol, const struct metric **out,
                      struct error *err);

/* Scores and checks: runs metric->score, finds the headline, counts failures.
 * Errors: NOT_FOUND (unknown metric), MISMATCH (answers lack what the metric reads). */
enum status score_predictions(const struct dataset *set, const struct protocol *protocol,
                              const struct prediction *predictions, struct arena *arena,
                              struct score_table *table, struct error *err);

/* The same without the intervals that take resamples: for floors and other values in passing. */
enum status score_plainly(const struct dataset *set, const struct protocol *protocol,
                          const struct prediction *predictions, struct arena *arena,
                          struct score_table *table, struct error *err);

/* Appends a score; returns it, or NULL without memory. */
struct score *score_add(struct score_table *table, const char *name, double value, double scale,
                        size_t n);
/* By name, or NULL. */
const struct score *score_find(const struct score_table *table, const char *name);

#endif
