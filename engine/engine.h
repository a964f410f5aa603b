/* engine/engine.h - the boundary: image + prompt -> text, choice probabilities, timings.
 *
 * An engine is a loaded model: read-only.  A session is one mutable timeline of it: the recurrent
 * state (or key/value cache) after what it has read so far.  Nobody above this header sees a
 * tensor.
 *
 *     engine_open -> session_open -> session_see(image) -> session_fork -> session_answer -> ...
 */
#ifndef MAMBENCH_ENGINE_ENGINE_H
#define MAMBENCH_ENGINE_ENGINE_H

#include "engine/base/arena.h"
#include "engine/base/error.h"
#include "engine/base/sha256.h"
#include "engine/base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct engine;
struct session;

/* Arithmetic of the matrix products (matmul.h).  int8 is the decoder's; towers and connector, which
 * an answer passes once, stay in bf16. */
enum precision { PRECISION_F32, PRECISION_BF16, PRECISION_INT8, PRECISION_N };

const char *precision_name(enum precision precision);
enum status precision_parse(const char *name, enum precision *out, struct error *err);

struct engine_options {
    enum precision precision;
    int threads;         /* 0: one per core the process may use */
    bool random_weights; /* model is a preset's name or a directory with model.json only */
    uint64_t seed;       /* of the random weights */
    const char *kernels; /* instruction set to use at most: "reference", "sse2", "avx2",
                            "avx512"; NULL: the best this CPU has */
};

/* Defaults: bf16, all threads. */
void engine_options_init(struct engine_options *options);

/* Stages of one answer, in the order they run.  Nanoseconds; 0 where nothing ran. */
enum stage {
    STAGE_READ,     /* picture: file to RGB bytes */
    STAGE_RESIZE,   /* resize and normalise */
    STAGE_VISION,   /* the towers */
    STAGE_CONNECT,  /* connector */
    STAGE_IMAGE,    /* image rows, and the text in front of them, through the language model */
    STAGE_TOKENIZE, /* prompt text to ids */
    STAGE_PROMPT,   /* text rows through the language model, first logits */
    STAGE_DECODE,   /* every further token */
    STAGE_TEXT,     /* ids back to text */
    STAGE_N
};
const char *stage_name(enum stage stage);

/* Parts of stages, which hold their time too. */
enum stage_part {
    PART_UNPACK,       /* of READ: the file's bytes to pixels */
    PART_FIRST_TOWER,  /* of VISION: each tower */
    PART_SECOND_TOWER, /* 0 where there is one */
    PART_N
};

struct timings {
    int64_t ns[STAGE_N];
    int64_t part_ns[PART_N];
};

/* How the next token is chosen.  Zeroes mean greedy: the largest logit, lowest id on ties. */
struct sampling {
    bool sample;        /* false: greedy */
    double temperature; /* > 0 */
    int top_k;          /* 0: all */
    double top_p;       /* in (0, 1): nucleus; else off */
    uint64_t seed;
};

enum { ENGINE_MAX_CHOICES = 8 };

/* One thing to ask. */
struct request {
    const char *prompt;         /* what the language model reads, template included */
    const char *const *choices; /* candidate strings, each a single token without leading space */
    size_t n_choices;           /* at most ENGINE_MAX_CHOICES */
    int max_new_tokens;         /* 0: weigh the choices only */
    bool ignore_end;            /* go on behind the end token: for timing a fixed length */
    struct sampling sampling;
    /* For timing.  NULL: prompt is read. */
    const int *ids; /* [n_ids] read in place of prompt, as they are; below the vocabulary */
    size_t n_ids;
    int64_t *token_ns; /* [max_new_tokens]; gets clock_ns() when each token was chosen */
    bool digests;      /* generation->ids_digest and logits_digest are wanted */
};

/* What came of it.  Pointers belong to the session until its next answer. */
struct generation {
    const char *text; /* decoded, cleaned, stripped, UTF-8 */
    const int *ids;   /* the end token included if it was reached */
    size_t n_ids;
    bool ended;             /* by the end token; else by max_new_tokens */
    size_t n_prompt_ids;    /* read now: without those that session_see() read before the picture */
    bool truncated;         /* the prompt was cut at the model's text limit */
    float choice_logits[8]; /* of the first position */
    double choice_probabilities[8]; /* softmax over the choices only */
    /* sha256_short() of what two runs can be told apart by; 0 where the answer did not get there.
     */
    uint64_t ids_digest;    /* int32 of all text read: in front of the picture, then the prompt */
    uint64_t logits_digest; /* float of the first position, the whole vocabulary */
    struct timings timings;
    struct error failure; /* why there is no answer; empty if there is one */
};

/* Opens a model directory (with model.json or an official layout that is recognised) or, with
 * random_weights, a preset by name.  On success the caller closes *out.  Errors name file, tensor
 * and cause. */
enum status engine_open(struct engine **out, const char *model,
                        const struct engine_options *options, struct error *err);
void engine_close(struct engine *engine);

/* Whether a model is there: reads its card or recognises its layout, and no weight.  Errors: those
 * of engine_open() that this can find. */
enum status engine_check(const char *model, const struct engine_options *options,
                         struct error *err);

/* Bytes that a model's weights will take, from its card alone and up to some percent. */
enum status engine_estimate(const char *model, const struct engine_options *options, double *bytes,
                            struct error *err);

/* What is loaded.  Strings belong to the engine. */
struct engine_info {
    const char *name;      /* "cobra+3b" */
    const char *family;    /* "cobra": prompts of protocols may differ by family */
    const char *directory; /* NULL for a preset */
    enum precision precision;
    const char *precision_note; /* why another precision than asked is used; NULL if none */
    const char *kernels;        /* instruction set in use */
    const char *matmul;         /* "oneDNN 2.6.3 brg:avx512_core_bf16" */
    int threads;
    bool random_weights;
    int image_tokens;      /* rows an image takes in the language model */
    int tokens_before;     /* of text, read in front of every image and with it */
    size_t vocabulary;     /* rows of the head */
    size_t parameters;     /* used at inference, tied matrices once */
    size_t packed_bytes;   /* weights as they lie in memory */
    size_t token_bytes;    /* of those, what each token reads: the decoder's without its
                              embedding table, and the head */
    size_t tower_bytes[2]; /* packed, of each */
    size_t connector_bytes;
    size_t head_bytes;            /* of token_bytes, the head */
    size_t state_bytes;           /* of one session, however long: recurrent state */
    size_t cache_bytes_per_token; /* of one session, on top for everything read: keys and values */
    int max_positions;            /* trained positions; 0: no such limit */
    size_t n_towers;
    const char *towers[2]; /* "dino" */
};
const struct engine_info *engine_info(const struct engine *engine);

/* SHA-256 over the SHA-256 of every file the model is made of (card, weights, tokenizer), in order.
 * Reads those that it does not remember (sha256_cache.h); engine_open() never does. */
enum status engine_hash(const struct engine *engine, struct sha256_text *out, struct error *err);

/* Appends the prompt for one user turn after the model's chat template. */
void engine_prompt(const struct engine *engine, const char *message, struct text *out);

/* The caller closes *out before the engine. */
enum status session_open(struct session **out, const struct engine *engine, struct error *err);
void session_close(struct session *session);

/* Forgets everything read so far. */
void session_reset(struct session *session);

/* Resets, reads the picture at path and runs its rows through the language model.  The warning
 * (may be NULL) is set where the picture is unusual.  timings: READ .. IMAGE.  Errors: those of
 * image_read(): the session is then reset. */
enum status session_see(struct session *session, const char *path, struct timings *timings,
                        struct error *warning, struct error *err);

/* A picture as the towers take it: read, resized, normalised.  Making one needs no session, so that
 * another thread can make the next while this one computes. */
struct pixels;

/* The caller closes *out.  warning and timings (READ, RESIZE) may be NULL.  Errors: those of
 * image_read(), NO_MEMORY. */
enum status pixels_open(struct pixels **out, const struct engine *engine, const char *path,
                        struct timings *timings, struct error *warning, struct error *err);
void pixels_close(struct pixels *pixels);

/* sha256_short() of the floats of all towers, in order. */
uint64_t pixels_digest(const struct pixels *pixels, const struct engine *engine);

/* session_see() from there on: VISION .. IMAGE are added to timings.  Errors: NO_MEMORY; the
 * session is then reset. */
enum status session_see_pixels(struct session *session, const struct pixels *pixels,
                               struct timings *timings, struct error *err);

/* Makes dst an exact copy of src's timeline; both belong to one engine.  Errors: NO_MEMORY; dst is
 * then reset. */
enum status session_fork(struct session *dst, const struct session *src, struct error *err);

/* As if so many positions had been read: recurrent state or keys and values are random numbers that
 * depend on the seed alone.  What is measured behind it is real, what is said is not: whoever shows
 * it calls it synthetic.  Errors: NO_MEMORY. */
enum status session_fill(struct session *session, int positions, uint64_t seed, struct error *err);

/* Goes back to behind so many positions, at most as many as session_fill() filled.  Keys and values
 * of later ones are forgotten; a recurrent state cannot go back and stays what it has become, as
 * synthetic as before. */
void session_rewind(struct session *session, int positions);

/* Threads of what this session computes from now on, in place of the engine's. */
void session_use_threads(struct session *session, int threads);

/* What a session takes in memory. */
struct session_memory {
    size_t activation_bytes; /* scratch memory, and the picture's pixels */
    size_t conv_bytes;       /* recurrent state: windows of the convolutions */
    size_t ssm_bytes;        /* the rest of it */
    size_t cache_bytes;      /* keys and values of what it has read */
    size_t reserved_bytes;   /* of keys and values, room for more included */
};
void session_memory(const struct session *session, struct session_memory *out);

/* Reads the prompt and answers it; the session then stands behind the answer.  Where the model's
 * template has the picture inside the prompt, session_see() has read what stands in front of it,
 * and the prompt must say the same there.  generation->timings: TOKENIZE .. TEXT.  Errors:
 * UNSUPPORTED (a choice that is not one token, an empty prompt), BAD_FORMAT (the prompt has no or
 * several "<image>" where it needs one; the model's logits are NaN, or the choices' infinite: there
 * is no answer), NO_MEMORY. */
enum status session_answer(struct session *session, const struct request *request,
                           struct generation *generation, struct error *err);

/* The same for n sessions of one engine at once: their rows share the matrix products, and every
 * result is bit for bit what session_answer() alone gives.  What session_answer() calls BAD_FORMAT
 * is the failure of one generation here and stops no other. */
enum status sessions_answer(struct session *const *sessions, const struct request *requests,
                            size_t n, struct generation *generations, struct error *err);

#endif
