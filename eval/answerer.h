/* eval/answerer.h - who answers the questions: a loaded model, or a baseline without weights.
 *
 * To add one: write eval/answerer_<name>.c with its table row and list it in answerer_kinds[]
 * (eval/answerer.c). */
#ifndef MAMBENCH_EVAL_ANSWERER_H
#define MAMBENCH_EVAL_ANSWERER_H

#include "datasets/dataset.h"
#include "datasets/protocol.h"
#include "engine/base/error.h"
#include "engine/base/sha256.h"
#include "engine/base/text.h"
#include "engine/engine.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Questions that an answerer is shown at once, at most. */
enum { ANSWERER_MOST_QUESTIONS = 256 };

/* One thing to ask. */
struct question {
    size_t sample;      /* its index in the set */
    const char *prompt; /* what the language model reads */
};

/* What two runs' answers can be told apart by, in the order it arises: sha256_short() of each. */
enum answer_digest {
    DIGEST_PROMPT, /* the text, template included */
    DIGEST_PIXELS, /* pixels_digest() */
    DIGEST_IDS,    /* the two of struct generation */
    DIGEST_LOGITS,
    DIGEST_N
};

/* What came of one sample.  Strings belong to the answerer until its next answers. */
struct answer {
    const char *text;                           /* NULL if only choices were weighed */
    double probabilities[PROTOCOL_MAX_CHOICES]; /* over the protocol's choices */
    double logits[PROTOCOL_MAX_CHOICES];
    size_t n_choices; /* 0: none were weighed */
    bool has_logits;  /* a baseline has only probabilities */
    bool is_measured; /* tokens and timings are there: a baseline has none */
    size_t n_prompt_tokens, n_tokens;
    size_t n_image_tokens; /* 0 where the image's state was reused */
    bool ended, truncated;
    bool image_reused;
    bool repeated;   /* the same question was asked of the same picture: its answer, at no cost */
    size_t together; /* questions computed at once, whose shares the timings are; 1: alone */
    struct timings timings;
    bool has_digests;           /* a baseline has none */
    uint64_t digests[DIGEST_N]; /* 0 where the sample failed before */
    const char *warning;        /* what is unusual about the picture; NULL if nothing */
    const char *failure;        /* why there is no answer; then only warning and digests are set */
};

/* What is written about an answerer.  Strings belong to it; NULL where it has no such thing. */
struct answerer_facts {
    const char *name;                 /* "cobra+3b", "baseline:yes" */
    const struct engine_info *engine; /* NULL for a baseline */
};

struct answerer_options {
    const char *model; /* directory, preset or "baseline:NAME" */
    struct engine_options engine;
    uint64_t seed;
    int max_new_tokens;    /* instead of the protocol's; -1: the protocol's */
    size_t batch;          /* questions at once at most; 0: what memory allows */
    double memory_bytes;   /* for the states of questions; 0: a quarter of what is available */
    bool every_image_anew; /* read the picture again for every question, one at a time */
};

struct answerer {
    const struct answerer_kind *kind;
    struct answerer_facts facts;
    struct answerer_options options;
    void *state;
};

struct answerer_kind {
    const char *prefix; /* models that begin so are this kind's; "" takes all */
    /* Whether open() could succeed, as far as that can be told cheaply; its errors. */
    enum status (*check)(const struct answerer_options *options, struct error *err);
    enum status (*open)(struct answerer *answerer, struct error *err);
    void (*close)(struct answerer *answerer);
    /* Hash over everything the answers depend on: files of the model, or the baseline's name. */
    enum status (*hash)(const struct answerer *answerer, struct sha256_text *out,
                        struct error *err);
    /* The next answers are for this task; set and protocol must live until the next begin. */
    enum status (*begin)(struct answerer *answerer, const struct dataset *set,
                         const struct protocol *protocol, struct error *err);
    /* See answerer_model(); NULL where there is none. */
    const struct engine *(*model)(const struct answerer *answerer);
    /* Appends what the language model reads for a sample. */
    void (*prompt)(const struct answerer *answerer, const struct sample *sample, struct text *out);
    /* Answers the first *n_answered >= 1 of the n >= 1 questions, which are those that come next:
     * how many is the answerer's choice, and no answer depends on it.  Questions of one image come
     * one after the other.  A sample that cannot be answered (no image) has its failure set; errors
     * are those that end the run. */
    enum status (*answer)(struct answerer *answerer, const struct question *questions, size_t n,
                          struct answer *answers, size_t *n_answered, struct error *err);
};

/* The loaded model behind an answerer, for measuring it; NULL for a baseline. */
const struct engine *answerer_model(const struct answerer *answerer);

extern const struct answerer_kind answerer_baseline, answerer_engine;

/* Whether a model is there, without loading it.  Errors: those of answerer_open(). */
enum status answerer_check(const struct answerer_options *options, struct error *err);

/* The caller closes it.  Errors: USAGE (unknown baseline), those of engine_open(). */
enum status answerer_open(struct answerer *answerer, const struct answerer_options *options,
                          struct error *err);
void answerer_close(struct answerer *answerer);

#endif
