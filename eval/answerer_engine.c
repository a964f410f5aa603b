/* eval/answerer_engine.c - a loaded model answers; the picture is read once for all its questions.
 *
 * Questions of one image come one after the other.  Its rows run through the language model in one
 * session; every question starts from a copy of that session's state. */
#include "eval/answerer.h"

#include <stdlib.h>
#include <string.h>

struct engine_state {
    struct engine *engine;
    struct session *image, *question;
    const struct dataset *set;
    const struct protocol *protocol;
    const char *seen;     /* image_path that `image` holds, or failed to read; NULL: none */
    struct timings see;   /* what reading it took */
    struct error warning; /* of the picture; empty if none */
    struct error failure; /* why it could not be read; empty if it could */
    struct error failure_of_answer; /* why the last question has no answer */
};

static void close_engine(struct answerer *answerer)
{
    struct engine_state *state = answerer->state;
    if (!state)
        return;
    if (state->question)
        session_close(state->question);
    if (state->image)
        session_close(state->image);
    if (state->engine)
        engine_close(state->engine);
    free(state);
    answerer->state = NULL;
}

static enum status check_engine(const struct answerer_options *options, struct error *err)
{
    return engine_check(options->model, &options->engine, err);
}

static enum status open_engine(struct answerer *answerer, struct error *err)
{
    struct engine_state *state = calloc(1, sizeof *state);
    if (!state)
        return fail(err, STATUS_NO_MEMORY, "out of memory while opening %s",
                    answerer->options.model);
    answerer->state = state;
    enum status status =
        engine_open(&state->engine, answerer->options.model, &answerer->options.engine, err);
    if (!status)
        status = session_open(&state->image, state->engine, err);
    if (!status)
        status = session_open(&state->question, state->engine, err);
    if (status) {
        close_engine(answerer);
        return status;
    }
    answerer->facts.engine = engine_info(state->engine);
    answerer->facts.name = answerer->facts.engine->name;
    return STATUS_OK;
}

static enum status hash_engine(const struct answerer *answerer, struct sha256_text *out,
                               struct error *err)
{
    const struct engine_state *state = answerer->state;
    return engine_hash(state->engine, out, err);
}

static const struct engine *model_of_engine(const struct answerer *answerer)
{
    const struct engine_state *state = answerer->state;
    return state->engine;
}

static enum status begin_engine(struct answerer *answerer, const struct dataset *set,
                                const struct protocol *protocol, struct error *err)
{
    struct engine_state *state = answerer->state;
    (void)err;
    state->set = set;
    state->protocol = protocol;
    state->seen = NULL;
    return STATUS_OK;
}

static void add_prompt(const struct answerer *answerer, const struct sample *sample,
                       struct text *out)
{
    const struct engine_state *state = answerer->state;
    struct text message;
    text_init(&message);
    protocol_message(state->protocol, sample, &message);
    engine_prompt(state->engine, text_string(&message), out);
    out->failed = out->failed || message.failed;
    text_release(&message);
}

/* Reads the sample's picture unless it is the one just read.  A picture that cannot be used is
 * remembered with its reason. */
static enum status see_image(struct engine_state *state, const struct sample *sample,
                             struct error *err)
{
    struct error failure = {""};
    state->warning.text[0] = '\0';
    state->failure.text[0] = '\0';
    memset(&state->see, 0, sizeof state->see);
    state->seen = NULL;
    enum status status =
        session_see(state->image, sample->image_path, &state->see, &state->warning, &failure);
    if (status == STATUS_NO_MEMORY)
        return fail(err, status, "%s", failure.text);
    if (status)
        state->failure = failure;
    state->seen = sample->image_path;
    return STATUS_OK;
}

static void fill_answer(struct answer *answer, const struct generation *generation,
                        const struct engine_state *state, bool fresh, int max_new_tokens,
                        size_t n_image_tokens)
{
    const struct protocol *protocol = state->protocol;
    answer->text = max_new_tokens > 0 ? generation->text : NULL;
    answer->n_choices = protocol->n_choices;
    answer->has_logits = protocol->n_choices > 0;
    for (size_t i = 0; i < protocol->n_choices; i++) {
        answer->probabilities[i] = generation->choice_probabilities[i];
        answer->logits[i] = (double)generation->choice_logits[i];
    }
    answer->is_measured = true;
    answer->n_prompt_tokens = generation->n_prompt_ids;
    answer->n_tokens = generation->n_ids;
    answer->n_image_tokens = fresh ? n_image_tokens : 0;
    answer->ended = generation->ended;
    answer->truncated = generation->truncated;
    answer->image_reused = !fresh;
    answer->timings = generation->timings;
    for (int stage = 0; fresh && stage < STAGE_N; stage++)
        answer->timings.ns[stage] += state->see.ns[stage];
}

static enum status answer_engine(struct answerer *answerer, size_t i, const char *prompt,
                                 struct answer *answer, struct error *err)
{
    struct engine_state *state = answerer->state;
    const struct sample *sample = &state->set->samples[i];
    bool fresh = !state->seen || strcmp(state->seen, sample->image_path) != 0;
    *answer = (struct answer){0};
    if (fresh) {
        enum status status = see_image(state, sample, err);
        if (status)
            return status;
    }
    answer->warning = state->warning.text[0] ? state->warning.text : NULL;
    answer->failure = state->failure.text[0] ? state->failure.text : NULL;
    if (answer->failure)
        return STATUS_OK;
    int max_new_tokens = answerer->options.max_new_tokens >= 0 ? answerer->options.max_new_tokens
                                                               : state->protocol->max_new_tokens;
    struct request request = {.prompt = prompt,
                              .choices = state->protocol->choices,
                              .n_choices = state->protocol->n_choices,
                              .max_new_tokens = max_new_tokens};
    struct generation generation;
    enum status status = session_fork(state->question, state->image, err);
    if (status)
        return status;
    struct error failure = {""};
    status = session_answer(state->question, &request, &generation, &failure);
    if (status == STATUS_BAD_FORMAT) { /* no answer to this question; others may have one */
        state->failure_of_answer = failure;
        answer->failure = state->failure_of_answer.text;
        return STATUS_OK;
    }
    if (status)
        return fail(err, status, "%s", failure.text);
    fill_answer(
        answer, &generation, state, fresh, max_new_tokens,
        (size_t)(answerer->facts.engine->image_tokens + answerer->facts.engine->tokens_before));
    return STATUS_OK;
}

const struct answerer_kind answerer_engine = {
    .prefix = "",
    .check = check_engine,
    .open = open_engine,
    .close = close_engine,
    .hash = hash_engine,
    .model = model_of_engine,
    .begin = begin_engine,
    .prompt = add_prompt,
    .answer = answer_engine,
};
