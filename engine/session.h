/* engine/session.h - what engine.c, session.c, answer.c and selftest.c share; not for others. */
#ifndef MAMBENCH_ENGINE_SESSION_H
#define MAMBENCH_ENGINE_SESSION_H

#include "engine/card.h"
#include "engine/chat.h"
#include "engine/connectors/connector.h"
#include "engine/engine.h"
#include "engine/models/lm.h"
#include "engine/ops/compute.h"
#include "engine/sampler.h"
#include "engine/tokenizer/tokenizer.h"
#include "engine/vision/encoder.h"

struct engine {
    struct arena arena;      /* vectors, position tables */
    struct arena card_arena; /* the card's strings, where the engine owns them */
    struct card card;
    uint64_t seed; /* of random weights */
    const struct ops *ops;
    struct encoder *towers[CARD_MAX_TOWERS];
    struct connector *connector;
    struct lm *lm;
    struct tokenizer *tokenizer; /* NULL: synthetic tokens (random weights without a file) */
    const struct chat_template *chat;
    struct engine_info info;
};

struct session {
    const struct engine *engine;
    struct compute compute;
    void *state; /* of the language model */
    size_t state_bytes;
    float *pixels; /* [towers, 3, size, size]; made when the first picture is seen */
    struct token_list prompt, answer;
    struct text text;
    struct random_stream random;
    struct candidate *candidates; /* [vocabulary]; made when sampling is first asked for */
};

/* Builds an engine from a card; on failure there is nothing to close.  The card is copied; its
 * strings are not and must outlive the engine. */
enum status engine_open_card(struct engine **out, const struct card *card,
                             const struct engine_options *options, struct error *err);

/* The stages of session_see(), for whoever wants to look between them.  Rows live in the session's
 * scratch memory until scratch_release. */
struct image_pass {
    float *features; /* [patches, sum of the towers' widths] */
    float *rows;     /* [image tokens, lm width]: what enters the language model */
    size_t taken;    /* for compute_release() */
};

/* Products and scratch memory for a picture.  Errors: NO_MEMORY. */
enum status session_prepare_image(struct session *session, struct error *err);
/* Resizes and normalises the picture for every tower into session->pixels. */
enum status session_preprocess(struct session *session, const struct image *image,
                               struct error *err);
void session_run_towers(struct session *session, struct image_pass *pass);
void session_run_connector(struct session *session, struct image_pass *pass);

/* Products and scratch memory for text in matrices of so many rows and for logits of so many
 * sequences; more than either is then safe to run. */
enum status session_prepare_text(struct session *session, int rows, int sequences,
                                 struct error *err);

/* Prompt text to ids, cut at the model's limit; ids are appended to the list. */
enum status engine_tokenize(const struct engine *engine, const char *text, struct token_list *ids,
                            bool *truncated, struct error *err);
/* The one id of a choice.  Errors: UNSUPPORTED. */
enum status engine_choice_id(const struct engine *engine, const char *choice, int *id,
                             struct error *err);

#endif
