/* engine/answer.c - prompts in, answers out: prefill of the text, then one token after the other.
 *
 * The sequences of a batch share the matrix products and nothing else: every row is computed as if
 * it were alone, so a batch gives each session's own answer bit for bit. */
#include "engine/session.h"

#include "engine/base/clock.h"
#include "engine/synthetic_tokens.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Rows of text that go through the language model at once; more are fed in pieces. */
enum { PIECE_ROWS = 512 };

/* One group of sessions on its way. */
struct batch {
    const struct engine *engine;
    struct session *const *sessions; /* [n] */
    const struct request *requests;  /* [n] */
    struct generation *generations;  /* [n] */
    size_t n;
    struct compute *compute;     /* of the first session */
    float *x;                    /* [PIECE_ROWS, width] */
    float *last;                 /* [n_active, width]: what enters the head */
    float *logits;               /* [n_active, vocabulary] */
    size_t active[LM_MAX_SPANS]; /* sessions that have a prompt, later those that still generate */
    size_t n_active;
    size_t row[LM_MAX_SPANS]; /* of each session's first logits */
};

enum status session_prepare_text(struct session *session, int rows, int sequences,
                                 struct error *err)
{
    const struct lm *lm = session->engine->lm;
    struct compute *compute = &session->compute;
    size_t need = 0;
    enum status status = lm->family->prepare(lm, compute, rows, &need, err);
    /* Every number of sequences that may be left while others have ended. */
    for (int n = 1; !status && n <= sequences; n++) {
        size_t step = 0;
        status = linear_prepare(compute->matmul, &lm->head, n, err);
        if (!status)
            status = lm->family->prepare(lm, compute, n, &step, err);
        need = step > need ? step : need;
    }
    if (status)
        return status;
    return compute_reserve(compute,
                           need + compute_need(rows > sequences ? rows : sequences, lm->width) +
                               compute_need(sequences, lm->width) +
                               compute_need(sequences, lm->vocabulary),
                           err);
}

enum status session_feed(struct session *session, const int *ids, int n, float *logits,
                         struct error *err)
{
    const struct lm *lm = session->engine->lm;
    struct compute *compute = &session->compute;
    compute_use_threads(compute);
    enum status status = session_prepare_text(session, n, 1, err);
    if (!status)
        status = lm_state_reserve(&session->state, lm, session->state.n_positions + n, err);
    if (status)
        return status;
    size_t taken = compute->taken_floats, width = (size_t)lm->width;
    float *x = compute_take(compute, n, lm->width);
    struct lm_span span = {0, n, &session->state};
    lm_embed(lm, compute, ids, n, x);
    lm_forward(lm, compute, &span, 1, x, n);
    lm_logits(lm, compute, x + (size_t)(n - 1) * width, 1, logits);
    compute_release(compute, taken);
    session->stand = STAND_TEXT;
    return matmul_failed(compute->matmul)
               ? fail(err, STATUS_NO_MEMORY, "out of memory inside a matrix product")
               : STATUS_OK;
}

/* What of the prompt the session has still to read: chat_split() and where the session stands. */
static enum status unread_prompt(const struct session *session, const char *prompt,
                                 const char **unread, bool *needs_bos, struct error *err)
{
    const struct chat_template *chat = session->engine->chat;
    size_t length;
    *unread = prompt;
    *needs_bos = session->stand == STAND_EMPTY && session->engine->card.lm.bos >= 0;
    bool inside = chat->image_in_prompt && session->stand == STAND_IMAGE;
    if (!chat->image_in_prompt)
        return chat_split(chat, prompt, &length, unread, err);
    if (!inside && strstr(prompt, CHAT_IMAGE))
        return fail(err, STATUS_BAD_FORMAT,
                    "the prompt has an " CHAT_IMAGE " where no picture was read");
    if (!inside)
        return STATUS_OK;
    enum status status = chat_split(chat, prompt, &length, unread, err);
    if (!status && (length != strlen(chat->before) || memcmp(prompt, chat->before, length) != 0))
        status = fail(err, STATUS_BAD_FORMAT,
                      "the prompt's text in front of " CHAT_IMAGE
                      " is not that of the template '%s', behind which the picture was read",
                      chat->name);
    return status;
}

enum status session_tokenize(const struct session *session, const char *prompt,
                             struct token_list *ids, bool *truncated, struct error *err)
{
    const struct engine *engine = session->engine;
    size_t before = ids->n, limit = (size_t)engine->card.lm.max_text_tokens;
    const char *unread;
    bool needs_bos;
    enum status status = unread_prompt(session, prompt, &unread, &needs_bos, err);
    if (!status && needs_bos && !token_list_add(ids, engine->card.lm.bos))
        status = fail(err, STATUS_NO_MEMORY, "out of memory for a prompt");
    if (!status)
        status = engine_tokenize(engine, unread, strlen(unread), ids, err);
    if (status)
        return status;
    limit = limit > engine->before.n ? limit - engine->before.n : 1;
    *truncated = ids->n - before > limit;
    if (*truncated)
        ids->n = before + limit;
    return ids->n > before ? STATUS_OK : fail(err, STATUS_UNSUPPORTED, "the prompt is empty");
}

static bool has_failed(const struct batch *batch, size_t i)
{
    return batch->generations[i].failure.text[0] != '\0';
}

/* What a request has the session read, into session->prompt. */
static enum status request_ids(struct session *session, const struct request *request,
                               bool *truncated, struct error *err)
{
    if (!request->ids)
        return session_tokenize(session, request->prompt, &session->prompt, truncated, err);
    for (size_t i = 0; i < request->n_ids; i++)
        if (!token_list_add(&session->prompt, request->ids[i]))
            return fail(err, STATUS_NO_MEMORY, "out of memory for a prompt");
    return request->n_ids > 0 ? STATUS_OK : fail(err, STATUS_UNSUPPORTED, "the prompt is empty");
}

/* Of all text that the answer depends on; the text buffer is free until the answer. */
static enum status digest_ids(struct session *session, uint64_t *out, struct error *err)
{
    const struct token_list *before = &session->engine->before;
    struct text *all = &session->text;
    text_reset(all);
    if (session->stand == STAND_IMAGE && before->n > 0)
        text_add_bytes(all, (const char *)before->ids, before->n * sizeof *before->ids);
    text_add_bytes(all, (const char *)session->prompt.ids,
                   session->prompt.n * sizeof *session->prompt.ids);
    *out = all->failed ? 0 : sha256_short(text_string(all), all->length);
    return *out ? STATUS_OK : fail(err, STATUS_NO_MEMORY, "out of memory for a prompt");
}

/* A prompt that cannot be read where the session stands fails alone: it has no rows. */
static enum status tokenize(struct batch *batch, struct error *err)
{
    for (size_t i = 0; i < batch->n; i++) {
        struct session *session = batch->sessions[i];
        struct generation *out = &batch->generations[i];
        struct error reason = {""};
        int64_t start = clock_ns();
        *out = (struct generation){.text = ""};
        session->prompt.n = session->answer.n = 0;
        enum status status = request_ids(session, &batch->requests[i], &out->truncated, &reason);
        if (status == STATUS_BAD_FORMAT) {
            out->failure = reason;
            session->prompt.n = 0;
            continue;
        }
        if (status)
            return fail(err, status, "%s", reason.text);
        batch->row[i] = batch->n_active;
        batch->active[batch->n_active++] = i;
        out->n_prompt_ids = session->prompt.n;
        out->timings.ns[STAGE_TOKENIZE] = clock_ns() - start;
        if (batch->requests[i].digests)
            status = digest_ids(session, &out->ids_digest, err);
        if (status)
            return status;
    }
    return STATUS_OK;
}

/* Refuses choices before anything is read, so that the sessions stay where they are. */
static enum status check_choices(const struct batch *batch, struct error *err)
{
    for (size_t i = 0; i < batch->n; i++) {
        const struct request *request = &batch->requests[i];
        if (request->n_choices > ENGINE_MAX_CHOICES)
            return fail(err, STATUS_UNSUPPORTED, "more than %d choices", ENGINE_MAX_CHOICES);
        for (size_t c = 0; c < request->n_choices; c++) {
            int id;
            enum status status = engine_choice_id(batch->engine, request->choices[c], &id, err);
            if (status)
                return status;
        }
    }
    return STATUS_OK;
}

/* Room for the answers, their state and sampling, so that nothing is allocated between two tokens.
 */
static enum status reserve_answers(struct batch *batch, struct error *err)
{
    for (size_t i = 0; i < batch->n; i++) {
        struct session *session = batch->sessions[i];
        const struct request *request = &batch->requests[i];
        size_t vocabulary = (size_t)batch->engine->lm->vocabulary;
        int positions = session->state.n_positions + (int)session->prompt.n;
        if (request->max_new_tokens > CARD_MAX_IDS - positions)
            return fail(err, STATUS_UNSUPPORTED,
                        "%d new tokens behind %d are more than the %d that a session can hold",
                        request->max_new_tokens, positions, CARD_MAX_IDS);
        for (int t = 0; t < request->max_new_tokens; t++)
            if (!token_list_add(&session->answer, 0))
                return fail(err, STATUS_NO_MEMORY, "out of memory for an answer");
        session->answer.n = 0;
        enum status status = lm_state_reserve(&session->state, batch->engine->lm,
                                              positions + request->max_new_tokens, err);
        if (status)
            return status;
        session->random.state = request->sampling.seed;
        if (request->sampling.sample && !session->candidates)
            session->candidates = malloc(vocabulary * sizeof *session->candidates);
        if (request->sampling.sample && !session->candidates)
            return fail(err, STATUS_NO_MEMORY, "out of memory for sampling");
    }
    return STATUS_OK;
}

/* A piece of the prompts that goes through the language model at once: rows of some sessions. */
struct piece {
    size_t n_parts;
    size_t owner[LM_MAX_SPANS]; /* session */
    size_t first[LM_MAX_SPANS]; /* of its prompt */
    int n_rows[LM_MAX_SPANS];
    int rows; /* of all parts */
};

/* The next piece of up to PIECE_ROWS rows; fed[i] counts what session i has had.  A prompt is cut
 * at multiples of the family's chunk only, so that a session's bits do not depend on the others'.
 * False when all is fed. */
static bool next_piece(const struct batch *batch, size_t fed[], struct piece *piece)
{
    int chunk = lm_chunk(batch->engine->lm, batch->compute->ops);
    piece->n_parts = 0;
    piece->rows = 0;
    for (size_t i = 0; i < batch->n; i++) {
        int left = (int)(batch->sessions[i]->prompt.n - fed[i]), room = PIECE_ROWS - piece->rows;
        int n = left <= room ? left : room / chunk * chunk;
        if (n == 0)
            continue;
        piece->owner[piece->n_parts] = i;
        piece->first[piece->n_parts] = fed[i];
        piece->n_rows[piece->n_parts++] = n;
        piece->rows += n;
        fed[i] += (size_t)n;
    }
    return piece->rows > 0;
}

/* Embeds a piece's rows into batch->x, one span a part. */
static void embed_piece(struct batch *batch, const struct piece *piece, struct lm_span spans[])
{
    const struct lm *lm = batch->engine->lm;
    int row = 0;
    for (size_t p = 0; p < piece->n_parts; p++) {
        struct session *session = batch->sessions[piece->owner[p]];
        lm_embed(lm, batch->compute, session->prompt.ids + piece->first[p], piece->n_rows[p],
                 batch->x + (size_t)row * (size_t)lm->width);
        spans[p] = (struct lm_span){row, piece->n_rows[p], &session->state};
        row += piece->n_rows[p];
    }
}

/* Products for every piece that the prompts will need; *rows: of the largest. */
static enum status prepare_pieces(struct batch *batch, int *rows, struct error *err)
{
    size_t fed[LM_MAX_SPANS] = {0};
    struct piece piece;
    enum status status = STATUS_OK;
    assert(lm_chunk(batch->engine->lm, batch->compute->ops) <= PIECE_ROWS);
    for (*rows = 0; !status && next_piece(batch, fed, &piece);) {
        status = session_prepare_text(batch->sessions[0], piece.rows, (int)batch->n, err);
        *rows = piece.rows > *rows ? piece.rows : *rows;
    }
    return status;
}

/* Fails a session whose logits hold a NaN or an infinitely large one: nothing can be said of any
 * other then.  A token that can never be (minus infinity) is no damage. */
static void inspect_logits(struct batch *batch, size_t i, const float *logits)
{
    int n = batch->engine->lm->vocabulary;
    bool sound = true;
    for (int token = 0; token < n; token++)
        sound = sound && logits[token] <= FLT_MAX;
    if (!sound && !has_failed(batch, i))
        fail(&batch->generations[i].failure, STATUS_BAD_FORMAT,
             "%s: the model's logits are not numbers", batch->engine->card.name);
}

static void inspect_all(struct batch *batch)
{
    for (size_t a = 0; a < batch->n_active; a++)
        inspect_logits(batch, batch->active[a],
                       batch->logits + a * (size_t)batch->engine->lm->vocabulary);
}

static void prefill(struct batch *batch)
{
    const struct lm *lm = batch->engine->lm;
    size_t fed[LM_MAX_SPANS] = {0}, width = (size_t)lm->width;
    struct lm_span spans[LM_MAX_SPANS];
    struct piece piece;
    while (next_piece(batch, fed, &piece)) {
        embed_piece(batch, &piece, spans);
        lm_forward(lm, batch->compute, spans, piece.n_parts, batch->x, piece.rows);
        for (size_t p = 0; p < piece.n_parts; p++) {
            size_t i = piece.owner[p];
            size_t row = (size_t)(spans[p].first_row + spans[p].n_rows - 1);
            if (fed[i] == batch->sessions[i]->prompt.n)
                batch->compute->ops->copy_rows(batch->last + batch->row[i] * width, width,
                                               batch->x + row * width, width, 1, lm->width);
        }
    }
    lm_logits(lm, batch->compute, batch->last, (int)batch->n_active, batch->logits);
    inspect_all(batch);
}

/* Probabilities of the candidate first tokens, normalised among themselves. */
static enum status weigh_choices(struct batch *batch, size_t i, struct error *err)
{
    const struct request *request = &batch->requests[i];
    struct generation *out = &batch->generations[i];
    const float *logits = batch->logits + batch->row[i] * (size_t)batch->engine->lm->vocabulary;
    float largest = -INFINITY;
    for (size_t c = 0; c < request->n_choices; c++) {
        int id;
        enum status status = engine_choice_id(batch->engine, request->choices[c], &id, err);
        if (status)
            return status;
        out->choice_logits[c] = logits[id];
        largest = fmaxf(largest, logits[id]);
    }
    /* Where the largest is infinite, nothing can be said of the others. */
    if (request->n_choices > 0 && isinf(largest) && !has_failed(batch, i))
        fail(&out->failure, STATUS_BAD_FORMAT, "%s: the model's logits are not numbers",
             batch->engine->card.name);
    double total = 0;
    for (size_t c = 0; c < request->n_choices; c++)
        total += exp((double)out->choice_logits[c] - (double)largest);
    for (size_t c = 0; c < request->n_choices; c++)
        out->choice_probabilities[c] = exp((double)out->choice_logits[c] - (double)largest) / total;
    return STATUS_OK;
}

/* Of the first logits, whose time is no part of an answer's. */
static enum status digest_logits(struct batch *batch, struct error *err)
{
    size_t vocabulary = (size_t)batch->engine->lm->vocabulary;
    for (size_t a = 0; a < batch->n_active; a++) {
        size_t i = batch->active[a];
        uint64_t *digest = &batch->generations[i].logits_digest;
        if (!batch->requests[i].digests)
            continue;
        *digest = sha256_short(batch->logits + batch->row[i] * vocabulary,
                               vocabulary * sizeof *batch->logits);
        if (*digest == 0)
            return fail(err, STATUS_NO_MEMORY, "out of memory for an answer");
    }
    return STATUS_OK;
}

/* Draws the next token of every active session from its row of logits; those that ended leave. */
static void next_tokens(struct batch *batch)
{
    int vocabulary = batch->engine->lm->vocabulary, eos = batch->engine->card.lm.eos;
    size_t left = 0;
    for (size_t a = 0; a < batch->n_active; a++) {
        size_t i = batch->active[a];
        struct session *session = batch->sessions[i];
        const struct request *request = &batch->requests[i];
        const float *logits = batch->logits + a * (size_t)vocabulary;
        if (request->max_new_tokens <= 0 || has_failed(batch, i))
            continue;
        int id = sampler_next(&request->sampling, &session->random, logits, vocabulary,
                              session->candidates);
        if (request->token_ns)
            request->token_ns[session->answer.n] = clock_ns();
        token_list_add(&session->answer, id); /* room was reserved */
        bool ended = id == eos && !request->ignore_end;
        batch->generations[i].ended = ended;
        if (!ended && session->answer.n < (size_t)request->max_new_tokens)
            batch->active[left++] = i;
    }
    batch->n_active = left;
}

/* One step of every active session: its last token in, its logits out. */
static void step(struct batch *batch)
{
    const struct lm *lm = batch->engine->lm;
    struct lm_span spans[LM_MAX_SPANS];
    int ids[LM_MAX_SPANS];
    for (size_t a = 0; a < batch->n_active; a++) {
        struct session *session = batch->sessions[batch->active[a]];
        ids[a] = session->answer.ids[session->answer.n - 1];
        spans[a] = (struct lm_span){(int)a, 1, &session->state};
    }
    int rows = (int)batch->n_active;
    lm_embed(lm, batch->compute, ids, rows, batch->x);
    lm_forward(lm, batch->compute, spans, batch->n_active, batch->x, rows);
    lm_logits(lm, batch->compute, batch->x, rows, batch->logits);
    inspect_all(batch);
}

static void detokenize(struct batch *batch, size_t i)
{
    struct session *session = batch->sessions[i];
    struct generation *out = &batch->generations[i];
    const struct engine *engine = batch->engine;
    int64_t start = clock_ns();
    struct text raw;
    text_init(&raw);
    text_reset(&session->text);
    if (engine->tokenizer)
        tokenizer_decode(engine->tokenizer, session->answer.ids, session->answer.n, &raw);
    else
        synthetic_decode(session->answer.ids, session->answer.n, &raw);
    tokenizer_clean(text_string(&raw), raw.length, engine->card.clean_up, &session->text);
    session->text.failed = session->text.failed || raw.failed;
    text_release(&raw);
    out->text = text_string(&session->text);
    out->ids = session->answer.ids;
    out->n_ids = session->answer.n;
    out->timings.ns[STAGE_TEXT] = clock_ns() - start;
}

static enum status generate(struct batch *batch, struct error *err)
{
    /* A batch's time is shared out equally: what one answer cost. */
    int64_t start = clock_ns(), share = (int64_t)batch->n;
    prefill(batch);
    int64_t first = clock_ns();
    enum status status = digest_logits(batch, err);
    if (status)
        return status;
    int64_t second = clock_ns();
    for (size_t a = 0; a < batch->n_active; a++) {
        batch->sessions[batch->active[a]]->stand = STAND_TEXT;
        status = weigh_choices(batch, batch->active[a], err);
        if (status)
            return status;
    }
    next_tokens(batch);
    while (batch->n_active > 0) {
        step(batch);
        next_tokens(batch);
    }
    int64_t end = clock_ns();
    for (size_t i = 0; i < batch->n; i++) {
        batch->generations[i].timings.ns[STAGE_PROMPT] = (first - start) / share;
        batch->generations[i].timings.ns[STAGE_DECODE] = (end - second) / share;
        detokenize(batch, i);
        if (batch->sessions[i]->text.failed)
            return fail(err, STATUS_NO_MEMORY, "out of memory for an answer");
    }
    if (matmul_failed(batch->compute->matmul))
        return fail(err, STATUS_NO_MEMORY, "out of memory inside a matrix product");
    return STATUS_OK;
}

static enum status answer_batch(struct batch *batch, struct error *err)
{
    const struct lm *lm = batch->engine->lm;
    int sequences = (int)batch->n, rows = 0;
    compute_use_threads(batch->compute);
    enum status status = tokenize(batch, err);
    if (!status)
        status = check_choices(batch, err);
    if (!status && batch->n_active == 0)
        return STATUS_OK; /* every one has failed */
    if (!status)
        status = prepare_pieces(batch, &rows, err);
    if (!status)
        status = reserve_answers(batch, err);
    if (status)
        return status;
    size_t taken = batch->compute->taken_floats;
    batch->x = compute_take(batch->compute, rows > sequences ? rows : sequences, lm->width);
    batch->last = compute_take(batch->compute, sequences, lm->width);
    batch->logits = compute_take(batch->compute, sequences, lm->vocabulary);
    status = generate(batch, err);
    compute_release(batch->compute, taken);
    return status;
}

enum status sessions_answer(struct session *const *sessions, const struct request *requests,
                            size_t n, struct generation *generations, struct error *err)
{
    for (size_t start = 0; start < n; start += LM_MAX_SPANS) {
        struct batch batch = {
            .engine = sessions[start]->engine,
            .sessions = sessions + start,
            .requests = requests + start,
            .generations = generations + start,
            .n = n - start < LM_MAX_SPANS ? n - start : LM_MAX_SPANS,
            .compute = &sessions[start]->compute,
        };
        enum status status = answer_batch(&batch, err);
        if (status)
            return status;
    }
    return STATUS_OK;
}

enum status session_answer(struct session *session, const struct request *request,
                           struct generation *generation, struct error *err)
{
    enum status status = sessions_answer(&session, request, 1, generation, err);
    if (!status && generation->failure.text[0])
        status = fail(err, STATUS_BAD_FORMAT, "%s", generation->failure.text);
    return status;
}
