/* engine/session.h - what engine.c, session.c, answer.c and the self-tests share; not for others.
 */
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
    struct token_list before; /* what the model reads in front of every picture: BOS and the
                                 template's text up to it; empty where the picture comes first */
    struct engine_info info;
};

/* Where a session stands: what the next prompt is read behind. */
enum stand {
    STAND_EMPTY, /* nothing read */
    STAND_IMAGE, /* right behind a picture */
    STAND_TEXT   /* behind an answer */
};

struct session {
    const struct engine *engine;
    struct compute compute;
    struct lm_state state; /* of the language model */
    enum stand stand;
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
 * scratch memory until compute_release(taken). */
struct image_pass {
    float *features; /* [patches, sum of the towers' widths] */
    float
        *sequence; /* [engine->before.n + image tokens, lm width]: what enters the language model */
    float *rows;   /* the picture's part of it */
    size_t taken;  /* for compute_release() */
};

/* Products and scratch memory for a picture.  Errors: NO_MEMORY. */
enum status session_prepare_image(struct session *session, struct error *err);
/* Resizes and normalises the picture for every tower into session->pixels. */
enum status session_preprocess(struct session *session, const struct image *image,
                               struct error *err);
void session_run_towers(struct session *session, struct image_pass *pass);
void session_run_connector(struct session *session, struct image_pass *pass);
/* Reads the text in front of the picture and its rows; the session must have been reset. */
void session_read_rows(struct session *session, struct image_pass *pass);

/* Products and scratch memory for text in matrices of so many rows and for logits of so many
 * sequences; more than either is then safe to run. */
enum status session_prepare_text(struct session *session, int rows, int sequences,
                                 struct error *err);

/* Reads n ids (at least one) where the session stands, as one segment; logits: [vocabulary], behind
 * the last. */
enum status session_feed(struct session *session, const int *ids, int n, float *logits,
                         struct error *err);

/* Appends the ids of some text; BOS is not added. */
enum status engine_tokenize(const struct engine *engine, const char *text, size_t length,
                            struct token_list *ids, struct error *err);

/* Appends the ids of a prompt that the session has still to read where it stands: behind a picture
 * inside the prompt, those behind "<image>".  Cut at the model's text limit, *truncated then tells.
 * Errors: BAD_FORMAT (no "<image>" or two of them; other text in front of it than was read),
 * UNSUPPORTED (nothing to read), NO_MEMORY. */
enum status session_tokenize(const struct session *session, const char *prompt,
                             struct token_list *ids, bool *truncated, struct error *err);

/* The one id of a choice.  Errors: UNSUPPORTED. */
enum status engine_choice_id(const struct engine *engine, const char *choice, int *id,
                             struct error *err);

#endif
