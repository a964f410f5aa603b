/* eval/explain.h - from a difference of scores to its cause: where two finished runs first differ.
 *
 * A sample goes through stages; each hands on what the next one reads.  The first stage at which
 * two runs differ is where a sample's difference comes from, and every sample has one such stage or
 * none: so the stages' points add up to the whole difference of the score, which is the mean over
 * samples of what an answer earns (metric_credit()).
 *
 * To add a stage: a row in enum explain_stage, in explain_words[] (eval/explain.c) and in
 * compare_stage() (eval/explain_pair.c); what it is told by must be recorded
 * (eval/prediction_log.h). */
#ifndef MAMBENCH_EVAL_EXPLAIN_H
#define MAMBENCH_EVAL_EXPLAIN_H

#include "engine/base/arena.h"
#include "engine/base/error.h"
#include "engine/base/text.h"
#include "eval/flip.h"
#include "eval/pairing.h"
#include "eval/run_answers.h"
#include "eval/run_list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum explain_stage {
    EXPLAIN_PROMPT,
    EXPLAIN_PIXELS,
    EXPLAIN_IDS,
    EXPLAIN_LOGITS,
    EXPLAIN_ANSWER, /* from the same logits: choices, number of tokens, a later token */
    EXPLAIN_PARSE,  /* the same answer, read differently */
    EXPLAIN_SCORER, /* the same reading, another credit */
    EXPLAIN_SAME,   /* no difference */
    EXPLAIN_N
};

struct explain_words {
    const char *name;  /* "pixels": the table's and JSON's */
    const char *noun;  /* "the pixels": what differs first */
    const char *which; /* "whose pixels are the first to differ": the samples */
};
extern const struct explain_words explain_words[EXPLAIN_N];

/* Credits are counted in whole units, so that the sums over stages are exact. */
#define EXPLAIN_CREDIT 1000000000000 /* what a right answer earns */
double explain_points(int64_t units, size_t n_samples);

/* The samples of which a stage is the first known difference. */
struct explain_row {
    size_t n, n_changed; /* changed: of them, those that earn more or less */
    int64_t won, lost;   /* units; lost is at most 0; won + lost is net */
    size_t n_unknown;    /* of all samples, those that the files cannot compare at this stage */
    size_t n_unsure;     /* of n, those that may differ at an earlier stage, which is unknown */
    const struct flip *examples; /* [n_examples] the largest changes first, then in files' order */
    size_t n_examples;
};

/* How far apart the logits of the first position are. */
struct explain_logits {
    size_t n_known;         /* samples where it is known whether they differ */
    size_t n_differ;        /* of them */
    size_t n_measured;      /* of those, whose choices' logits both files hold */
    double median, largest; /* over the measured: the largest distance of a choice; NAN if none */
};

/* A setting that the manifests do not agree in; values as JSON, "null" where there is none. */
struct explain_setting {
    const char *name;
    const char *values[2];
};

/* One run against the first, on one protocol. */
struct explanation {
    const struct run_record *runs[2];
    size_t n;
    int64_t credits[2]; /* units, over the n samples */
    size_t failed[2];
    size_t without_digests[2]; /* samples whose line does not tell what they went through */
    bool same_prompts;         /* the manifests say so */
    bool rescored[2];          /* the protocol's file is not the one the run was made with */
    struct explain_row rows[EXPLAIN_N];
    struct explain_logits logits;
    const struct explain_setting *settings;
    size_t n_settings;
    enum explain_stage first, most; /* the first with a sample; the one with the most points */
    const char *conclusion;         /* sentences */
};

/* Everything belongs to the list. */
struct explanation_list {
    struct run_list sides[2];
    size_t n_sides;
    struct explanation *items; /* by protocol, in the first operand's order */
    size_t n;
    const char **left_out; /* sentences: protocols that one operand has alone */
    size_t n_left_out;
    struct arena arena;
};

struct explain_options {
    const char *data; /* folder of the benchmark; NULL: where each run found it */
    bool other_samples;
    size_t n_examples; /* of each stage */
};

/* Explains the second operand's runs against the first's, protocol by protocol; an operand is a run
 * directory or a folder of runs of one model.  The caller closes the list.  Errors: USAGE (not two
 * operands; the same run twice; two runs of one protocol in an operand), MISMATCH (no protocol in
 * common; other samples; unfinished runs and others that cannot be weighed), those of
 * run_list_open(). */
enum status explanation_list_open(struct explanation_list *list, const char *const *operands,
                                  size_t n, const struct explain_options *options,
                                  struct error *err);
void explanation_list_close(struct explanation_list *list);

/* One pair: rows, logits, counts.  Strings go to arena.  runs are the caller's. */
enum status explain_pair(struct explanation *out, const struct run_answers *first,
                         const struct run_answers *second, const struct explain_options *options,
                         struct arena *arena, struct error *err);

/* The settings in which two manifests differ and which can make a difference. */
enum status explain_settings(struct explanation *out, const cJSON *first, const cJSON *second,
                             struct arena *arena, struct error *err);

/* Fills first, most and conclusion from the rest. */
enum status explain_conclude(struct explanation *out, struct arena *arena, struct error *err);

/* Appends tables for people (markdown: for GitHub), and JSON for programs. */
void explain_add_tables(const struct explanation_list *list, bool markdown, struct text *out);
void explain_add_json(const struct explanation_list *list, struct text *out);

#endif
