#include "engine/session.h"

#include "engine/base/clock.h"

#include <stdlib.h>
#include <string.h>

enum status session_open(struct session **out, const struct engine *engine, struct error *err)
{
    struct session *session = calloc(1, sizeof *session);
    if (!session)
        return fail(err, STATUS_NO_MEMORY, "out of memory for a session");
    session->engine = engine;
    token_list_init(&session->prompt);
    token_list_init(&session->answer);
    text_init(&session->text);
    enum status status = compute_open(&session->compute, engine->ops, engine->info.threads, err);
    if (!status)
        status = lm_state_open(&session->state, engine->lm, err);
    if (status) {
        session_close(session);
        return status;
    }
    *out = session;
    return STATUS_OK;
}

void session_close(struct session *session)
{
    if (!session)
        return;
    compute_close(&session->compute);
    token_list_release(&session->prompt);
    token_list_release(&session->answer);
    text_release(&session->text);
    lm_state_release(&session->state);
    free(session->pixels);
    free(session->candidates);
    free(session);
}

void session_reset(struct session *session)
{
    lm_state_reset(&session->state, session->engine->lm);
    session->stand = STAND_EMPTY;
}

enum status session_fork(struct session *dst, const struct session *src, struct error *err)
{
    enum status status = lm_state_copy(&dst->state, &src->state, src->engine->lm, err);
    dst->stand = status ? STAND_EMPTY : src->stand;
    return status;
}

enum status session_fill(struct session *session, int positions, uint64_t seed, struct error *err)
{
    enum status status = lm_state_fill(&session->state, session->engine->lm, positions, seed, err);
    session->stand = status ? STAND_EMPTY : STAND_TEXT;
    return status;
}

void session_rewind(struct session *session, int positions)
{
    session->state.n_positions = positions;
    session->stand = STAND_TEXT;
}

void session_use_threads(struct session *session, int threads)
{
    session->compute.threads = threads;
}

static size_t pixels_bytes(const struct engine *engine);

void session_memory(const struct session *session, struct session_memory *out)
{
    const struct lm *lm = session->engine->lm;
    const struct lm_state *state = &session->state;
    struct lm_state_view view;
    *out = (struct session_memory){0};
    for (int i = 0; lm->fixed_floats > 0 && lm->family->view_state(lm, state, i, &view, NULL); i++)
        if (strcmp(view.name, "conv") == 0)
            out->conv_bytes += (size_t)view.rows * (size_t)view.columns * sizeof(float);
    out->ssm_bytes = lm->fixed_floats * sizeof(float) - out->conv_bytes;
    out->cache_bytes = lm_state_bytes(lm, state->n_positions) - lm_state_bytes(lm, 0);
    out->reserved_bytes = lm_state_bytes(lm, state->capacity) - lm_state_bytes(lm, 0);
    out->activation_bytes = session->compute.scratch_floats * sizeof(float) +
                            (session->pixels ? pixels_bytes(session->engine) : 0);
}

/* Rows that a picture and the text in front of it take in the language model. */
static int sequence_rows(const struct engine *engine)
{
    return (int)engine->before.n + engine->connector->n_out;
}

static size_t pixels_per_tower(const struct engine *engine)
{
    size_t size = (size_t)engine->card.image_size;
    return 3 * size * size;
}

enum status session_prepare_image(struct session *session, struct error *err)
{
    const struct engine *engine = session->engine;
    struct compute *compute = &session->compute;
    const struct connector *connector = engine->connector;
    size_t inner = 0, lm_need = 0;
    enum status status = STATUS_OK;
    for (size_t i = 0; !status && i < engine->card.n_towers; i++)
        status = engine->towers[i]->kind->prepare(engine->towers[i], compute, &inner, err);
    if (!status)
        status = connector->kind->prepare(connector, compute, &inner, err);
    if (!status)
        status =
            engine->lm->family->prepare(engine->lm, compute, sequence_rows(engine), &lm_need, err);
    if (!status)
        status = lm_state_reserve(&session->state, engine->lm, sequence_rows(engine), err);
    if (lm_need > inner)
        inner = lm_need;
    if (!status)
        status = compute_reserve(
            compute,
            inner + compute_need(connector->n_in, connector->in_width) +
                compute_need((int)engine->before.n + ops_padded_rows(connector->n_out),
                             connector->out_width),
            err);
    if (status || session->pixels)
        return status;
    session->pixels =
        malloc(engine->card.n_towers * pixels_per_tower(engine) * sizeof *session->pixels);
    return session->pixels ? STATUS_OK : fail(err, STATUS_NO_MEMORY, "out of memory for a picture");
}

/* What the towers take, one behind the other: [towers, 3, size, size]. */
static enum status preprocess(const struct engine *engine, const struct image *image, float *out,
                              struct error *err)
{
    for (size_t i = 0; i < engine->card.n_towers; i++) {
        const struct preprocess *how = &engine->card.towers[i].preprocess;
        struct image resized;
        enum status status = preprocess_resize(how, image, &resized, err);
        if (status)
            return status;
        preprocess_normalise(how, &resized, out + i * pixels_per_tower(engine));
        image_release(&resized);
    }
    return STATUS_OK;
}

enum status session_preprocess(struct session *session, const struct image *image,
                               struct error *err)
{
    return preprocess(session->engine, image, session->pixels, err);
}

/* Adds the time since *last and moves *last. */
static void add_time(int64_t *ns, int64_t *last)
{
    int64_t now = clock_ns();
    *ns += now - *last;
    *last = now;
}

/* part_ns [towers]: gets the time of each; may be NULL. */
static void run_towers(struct session *session, struct image_pass *pass, int64_t *part_ns)
{
    const struct engine *engine = session->engine;
    struct compute *compute = &session->compute;
    size_t stride = (size_t)engine->connector->in_width, column = 0;
    int64_t last = clock_ns();
    pass->taken = compute->taken_floats;
    pass->features = compute_take(compute, engine->connector->n_in, engine->connector->in_width);
    /* The connector may write padded rows behind the picture's. */
    pass->sequence =
        compute_take(compute, (int)engine->before.n + ops_padded_rows(engine->connector->n_out),
                     engine->lm->width);
    pass->rows = pass->sequence + engine->before.n * (size_t)engine->lm->width;
    for (size_t i = 0; i < engine->card.n_towers; i++) {
        const struct encoder *tower = engine->towers[i];
        tower->kind->run(tower, compute, session->pixels + i * pixels_per_tower(engine),
                         pass->features + column, stride);
        column += (size_t)tower->width;
        if (part_ns)
            add_time(&part_ns[i], &last);
    }
}

void session_run_towers(struct session *session, struct image_pass *pass)
{
    run_towers(session, pass, NULL);
}

void session_run_connector(struct session *session, struct image_pass *pass)
{
    const struct connector *connector = session->engine->connector;
    connector->kind->run(connector, &session->compute, pass->features, pass->rows);
}

void session_read_rows(struct session *session, struct image_pass *pass)
{
    const struct engine *engine = session->engine;
    struct lm_span span = {0, sequence_rows(engine), &session->state};
    if (engine->before.n > 0)
        lm_embed(engine->lm, &session->compute, engine->before.ids, (int)engine->before.n,
                 pass->sequence);
    lm_forward(engine->lm, &session->compute, &span, 1, pass->sequence, span.n_rows);
    session->stand = STAND_IMAGE;
}

static void stage_done(struct timings *timings, enum stage stage, int64_t *last)
{
    int64_t unused = 0;
    add_time(timings ? &timings->ns[stage] : &unused, last);
}

struct pixels {
    float *values; /* [towers, 3, size, size] */
};

static size_t pixels_bytes(const struct engine *engine)
{
    return engine->card.n_towers * pixels_per_tower(engine) * sizeof(float);
}

static enum status read_pixels(struct pixels *pixels, const struct engine *engine, const char *path,
                               struct timings *timings, struct error *warning, struct error *err)
{
    int64_t last = clock_ns();
    struct image image;
    enum status status = image_read_timed(
        &image, path, timings ? &timings->part_ns[PART_UNPACK] : NULL, warning, err);
    if (status)
        return status;
    stage_done(timings, STAGE_READ, &last);
    status = preprocess(engine, &image, pixels->values, err);
    image_release(&image);
    stage_done(timings, STAGE_RESIZE, &last);
    return status;
}

enum status pixels_open(struct pixels **out, const struct engine *engine, const char *path,
                        struct timings *timings, struct error *warning, struct error *err)
{
    if (timings)
        *timings = (struct timings){0};
    struct pixels *pixels = malloc(sizeof *pixels);
    float *values = malloc(pixels_bytes(engine));
    if (!pixels || !values) {
        free(pixels);
        free(values);
        return fail(err, STATUS_NO_MEMORY, "out of memory for a picture");
    }
    pixels->values = values;
    enum status status = read_pixels(pixels, engine, path, timings, warning, err);
    if (status)
        pixels_close(pixels);
    else
        *out = pixels;
    return status;
}

void pixels_close(struct pixels *pixels)
{
    if (!pixels)
        return;
    free(pixels->values);
    free(pixels);
}

uint64_t pixels_digest(const struct pixels *pixels, const struct engine *engine)
{
    return sha256_short(pixels->values, pixels_bytes(engine));
}

enum status session_see_pixels(struct session *session, const struct pixels *pixels,
                               struct timings *timings, struct error *err)
{
    struct compute *compute = &session->compute;
    struct image_pass pass;
    int64_t last = clock_ns();
    session_reset(session);
    compute_use_threads(compute);
    enum status status = session_prepare_image(session, err);
    if (status)
        return status;
    memcpy(session->pixels, pixels->values, pixels_bytes(session->engine));
    run_towers(session, &pass, timings ? &timings->part_ns[PART_FIRST_TOWER] : NULL);
    stage_done(timings, STAGE_VISION, &last);
    session_run_connector(session, &pass);
    stage_done(timings, STAGE_CONNECT, &last);
    session_read_rows(session, &pass);
    compute_release(compute, pass.taken);
    stage_done(timings, STAGE_IMAGE, &last);
    if (!matmul_failed(compute->matmul))
        return STATUS_OK;
    session_reset(session);
    return fail(err, STATUS_NO_MEMORY, "out of memory inside a matrix product");
}

enum status session_see(struct session *session, const char *path, struct timings *timings,
                        struct error *warning, struct error *err)
{
    struct pixels *pixels;
    session_reset(session);
    enum status status = pixels_open(&pixels, session->engine, path, timings, warning, err);
    if (status)
        return status;
    status = session_see_pixels(session, pixels, timings, err);
    pixels_close(pixels);
    return status;
}
