/* eval/answerer_engine.c - a loaded model answers: every picture is read once, questions together.
 *
 * Questions of one image come one after the other.  Its rows run through the language model in one
 * session; every different question starts from a copy of that session's state, and the questions
 * of a block, of one image or several, run through the model together.  A question that repeats
 * gets the answer that is there.  None of this can change an answer's bits (engine.h), so how large
 * a block is may depend on the memory at hand. */
#include "eval/answerer.h"

#include "engine/base/clock.h"
#include "eval/machine.h"
#include "eval/prefetch.h"
#include "eval/signals.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    MOST_SEQUENCES = 64, /* different questions at once */
    BLOCK_SECONDS = 10   /* for the pictures of a block */
};

/* The questions of one image in a block. */
struct part {
    size_t first, n;                    /* questions */
    size_t first_sequence, n_sequences; /* the different ones among them */
    bool fresh;                         /* the picture was read for this block */
    struct timings see;                 /* what that took */
    uint64_t digest;                    /* of the pixels; 0 if there are none */
    struct error warning, failure;      /* of the picture; empty if none */
};

struct engine_state {
    struct engine *engine;
    struct session *image;                     /* has read the picture `seen` */
    struct session *sequences[MOST_SEQUENCES]; /* made when they are first needed */
    struct prefetch *prefetch;
    const struct dataset *set;
    const struct protocol *protocol;
    const char *seen;              /* image_path, also of one that failed; NULL: none */
    struct error warning, failure; /* of `seen` */
    uint64_t digest;               /* of its pixels */
    /* the block */
    struct part parts[MOST_SEQUENCES];
    size_t n_parts, n_sequences, n_asked; /* asked: sequences whose picture can be used */
    struct request requests[MOST_SEQUENCES];
    struct generation generations[MOST_SEQUENCES], compact[MOST_SEQUENCES];
    uint64_t prompt_digests[MOST_SEQUENCES];
    size_t sequence_of[ANSWERER_MOST_QUESTIONS];
};

static void close_engine(struct answerer *answerer)
{
    struct engine_state *state = answerer->state;
    if (!state)
        return;
    prefetch_close(state->prefetch);
    for (size_t i = 0; i < MOST_SEQUENCES; i++)
        session_close(state->sequences[i]);
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
        status = prefetch_open(&state->prefetch, state->engine, err);
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

static int new_tokens(const struct answerer *answerer)
{
    const struct engine_state *state = answerer->state;
    int changed = answerer->options.max_new_tokens;
    return changed >= 0 ? changed : state->protocol->max_new_tokens;
}

/* How many questions' states may be kept: each holds the picture and its own prompt and answer. */
static size_t most_sequences(const struct answerer *answerer, size_t longest_prompt)
{
    const struct answerer_options *options = &answerer->options;
    const struct engine_info *info = answerer->facts.engine;
    double budget = options->memory_bytes;
    if (budget <= 0) {
        struct machine machine;
        machine_read(&machine);
        budget = machine.available_bytes / 4;
    }
    /* A token takes at least one byte of its prompt. */
    double rows =
        info->image_tokens + info->tokens_before + (double)longest_prompt + new_tokens(answerer);
    double bytes = (double)info->state_bytes + (double)info->cache_bytes_per_token * rows;
    double fit = floor(budget / bytes);
    size_t most = MOST_SEQUENCES;
    if (options->batch > 0 && options->batch < most)
        most = options->batch;
    return fit < 1 ? 1 : fit < (double)most ? (size_t)fit : most;
}

static const char *image_of(const struct engine_state *state, const struct question *question)
{
    return state->set->samples[question->sample].image_path;
}

/* The sequence among a part's that asks the same, or the number of sequences. */
static size_t find_sequence(const struct engine_state *state, const struct part *part,
                            const char *prompt)
{
    for (size_t s = part->first_sequence; s < state->n_sequences; s++)
        if (strcmp(state->requests[s].prompt, prompt) == 0)
            return s;
    return state->n_sequences;
}

/* Takes the questions of the next image into the block; false if they did not all fit. */
static bool plan_part(const struct answerer *answerer, struct part *part,
                      const struct question *questions, size_t n, size_t most)
{
    struct engine_state *state = answerer->state;
    const char *image = image_of(state, &questions[part->first]);
    for (size_t i = part->first; i < n && strcmp(image_of(state, &questions[i]), image) == 0; i++) {
        size_t s = find_sequence(state, part, questions[i].prompt);
        if (s == state->n_sequences) {
            if (s == most)
                return false;
            state->requests[s] = (struct request){.prompt = questions[i].prompt,
                                                  .choices = state->protocol->choices,
                                                  .n_choices = state->protocol->n_choices,
                                                  .max_new_tokens = new_tokens(answerer),
                                                  .digests = true};
            state->n_sequences++;
            part->n_sequences++;
        }
        state->sequence_of[i] = s;
        part->n++;
    }
    return true;
}

/* Fills the block with whole images, as many as there is room for; where one image alone has more
 * questions than that, with the first of them. */
static void plan_block(const struct answerer *answerer, const struct question *questions, size_t n)
{
    struct engine_state *state = answerer->state;
    size_t longest = 0, next = 0;
    for (size_t i = 0; i < n; i++) {
        size_t length = strlen(questions[i].prompt);
        longest = length > longest ? length : longest;
    }
    size_t most = most_sequences(answerer, longest);
    state->n_parts = state->n_sequences = 0;
    while (next < n && state->n_sequences < most) {
        struct part *part = &state->parts[state->n_parts];
        *part = (struct part){.first = next, .first_sequence = state->n_sequences};
        bool whole = plan_part(answerer, part, questions, n, most);
        if (!whole && state->n_parts > 0) {
            state->n_sequences = part->first_sequence;
            return;
        }
        state->n_parts++;
        next += part->n;
        if (!whole)
            return;
    }
}

static enum status digest_prompts(struct engine_state *state, struct error *err)
{
    for (size_t s = 0; s < state->n_sequences; s++) {
        const char *prompt = state->requests[s].prompt;
        state->prompt_digests[s] = sha256_short(prompt, strlen(prompt));
        if (state->prompt_digests[s] == 0)
            return fail(err, STATUS_NO_MEMORY, "out of memory for a prompt");
    }
    return STATUS_OK;
}

/* Lets question i's picture and those behind it be read. */
static void expect_pictures(struct engine_state *state, const struct question *questions, size_t n,
                            size_t i)
{
    const char *paths[PREFETCH_AHEAD];
    size_t n_paths = 0;
    for (; i < n && n_paths < PREFETCH_AHEAD; i++)
        if (n_paths == 0 || strcmp(image_of(state, &questions[i]), paths[n_paths - 1]) != 0)
            paths[n_paths++] = image_of(state, &questions[i]);
    prefetch_expect(state->prefetch, paths, n_paths);
}

/* Reads a part's picture, unless it is the one just read, into state->image.  One that cannot be
 * used is remembered with its reason. */
static enum status see_image(struct engine_state *state, struct part *part, const char *path,
                             struct error *err)
{
    struct prefetched picture;
    if (state->seen && strcmp(state->seen, path) == 0) {
        part->warning = state->warning;
        part->failure = state->failure;
        part->digest = state->digest;
        return STATUS_OK;
    }
    prefetch_take(state->prefetch, path, &picture);
    enum status status = picture.status;
    if (!status)
        status =
            session_see_pixels(state->image, picture.pixels, &picture.timings, &picture.failure);
    pixels_close(picture.pixels);
    if (status == STATUS_NO_MEMORY)
        return fail(err, status, "%s", picture.failure.text);
    state->seen = path;
    state->digest = part->digest = picture.digest;
    state->warning = part->warning = picture.warning;
    state->failure = part->failure = picture.failure;
    part->see = picture.timings;
    part->fresh = true;
    return STATUS_OK;
}

/* The states that a part's questions start from. */
static enum status fork_part(struct engine_state *state, const struct part *part, struct error *err)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; !status && i < part->n_sequences; i++) {
        struct session **sequence = &state->sequences[part->first_sequence + i];
        if (!*sequence)
            status = session_open(sequence, state->engine, err);
        if (!status)
            status = session_fork(*sequence, state->image, err);
    }
    return status;
}

/* Reads the pictures; a part whose picture cannot be used has no sequences then.  After a signal,
 * or when the block's pictures have taken BLOCK_SECONDS, no further one is begun and the block ends
 * there: answers that are not written yet are lost with the process. */
static enum status see_images(struct engine_state *state, const struct question *questions,
                              size_t n, struct error *err)
{
    enum status status = STATUS_OK;
    int64_t began_ns = clock_ns();
    for (size_t p = 0; !status && p < state->n_parts; p++) {
        struct part *part = &state->parts[p];
        bool late = clock_ns() - began_ns > BLOCK_SECONDS * INT64_C(1000000000);
        if (p > 0 && (late || signals_caught())) {
            state->n_parts = p;
            break;
        }
        expect_pictures(state, questions, n, part->first);
        status = see_image(state, part, image_of(state, &questions[part->first]), err);
        if (!status && !part->failure.text[0])
            status = fork_part(state, part, err);
    }
    return status;
}

/* Answers the sequences of all parts with a picture, whose places in the arrays stay theirs. */
static enum status answer_sequences(struct engine_state *state, struct error *err)
{
    struct session *sessions[MOST_SEQUENCES] = {NULL};
    struct request requests[MOST_SEQUENCES] = {{0}};
    size_t place[MOST_SEQUENCES], n = 0;
    for (size_t p = 0; p < state->n_parts; p++) {
        const struct part *part = &state->parts[p];
        for (size_t i = 0; !part->failure.text[0] && i < part->n_sequences; i++) {
            size_t s = part->first_sequence + i;
            place[n] = s;
            sessions[n] = state->sequences[s];
            requests[n++] = state->requests[s];
        }
    }
    state->n_asked = n;
    enum status status = sessions_answer(sessions, requests, n, state->compact, err);
    for (size_t i = 0; !status && i < n; i++)
        state->generations[place[i]] = state->compact[i];
    return status;
}

static void fill_answer(struct answer *answer, const struct generation *generation,
                        const struct engine_state *state, bool has_text)
{
    const struct protocol *protocol = state->protocol;
    if (generation->failure.text[0]) {
        answer->failure = generation->failure.text;
        return;
    }
    answer->text = has_text ? generation->text : NULL;
    answer->n_choices = protocol->n_choices;
    answer->has_logits = protocol->n_choices > 0;
    for (size_t i = 0; i < protocol->n_choices; i++) {
        answer->probabilities[i] = generation->choice_probabilities[i];
        answer->logits[i] = (double)generation->choice_logits[i];
    }
    answer->is_measured = true;
    answer->n_prompt_tokens = generation->n_prompt_ids;
    answer->n_tokens = generation->n_ids;
    answer->ended = generation->ended;
    answer->truncated = generation->truncated;
}

/* The answers to a part's questions.  What the picture cost is the first one's, what a question
 * cost the first's who asks it. */
static void fill_part(const struct answerer *answerer, const struct part *part,
                      struct answer *answers)
{
    const struct engine_state *state = answerer->state;
    const struct engine_info *info = answerer->facts.engine;
    bool is_asked[MOST_SEQUENCES] = {false};
    for (size_t i = part->first; i < part->first + part->n; i++) {
        struct answer *answer = &answers[i];
        size_t s = state->sequence_of[i];
        *answer = (struct answer){0};
        answer->warning = part->warning.text[0] ? part->warning.text : NULL;
        answer->has_digests = true;
        answer->digests[DIGEST_PROMPT] = state->prompt_digests[s];
        answer->digests[DIGEST_PIXELS] = part->digest;
        if (part->failure.text[0]) {
            answer->failure = part->failure.text;
            continue;
        }
        answer->digests[DIGEST_IDS] = state->generations[s].ids_digest;
        answer->digests[DIGEST_LOGITS] = state->generations[s].logits_digest;
        fill_answer(answer, &state->generations[s], state, new_tokens(answerer) > 0);
        bool fresh = part->fresh && i == part->first;
        answer->image_reused = !fresh;
        answer->repeated = is_asked[s];
        answer->together = state->n_asked;
        if (!is_asked[s])
            answer->timings = state->generations[s].timings;
        is_asked[s] = true;
        if (fresh)
            answer->n_image_tokens = (size_t)(info->image_tokens + info->tokens_before);
        for (int stage = 0; fresh && stage < STAGE_N; stage++)
            answer->timings.ns[stage] += part->see.ns[stage];
    }
}

static enum status answer_engine(struct answerer *answerer, const struct question *questions,
                                 size_t n, struct answer *answers, size_t *n_answered,
                                 struct error *err)
{
    struct engine_state *state = answerer->state;
    assert(n <= ANSWERER_MOST_QUESTIONS);
    if (answerer->options.every_image_anew) {
        state->seen = NULL;
        n = 1;
    }
    plan_block(answerer, questions, n);
    enum status status = digest_prompts(state, err);
    if (!status)
        status = see_images(state, questions, n, err);
    if (!status)
        status = answer_sequences(state, err);
    if (status)
        return status;
    *n_answered = 0;
    for (size_t p = 0; p < state->n_parts; p++) {
        fill_part(answerer, &state->parts[p], answers);
        *n_answered += state->parts[p].n;
    }
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
