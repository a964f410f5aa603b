#include "engine/selftest.h"

#include "engine/base/random.h"
#include "engine/session.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Questions of different lengths, so that the sequences of a batch end apart. */
static const char *const questions[] = {
    "Is there a dog in the image?\nAnswer the question using a single word or phrase.",
    "What is this?",
    "How many people are there, and what do they carry? Describe each of them in one sentence.",
    "Is the cup on the table?",
    "Yes or no?",
};
enum { N_QUESTIONS = sizeof questions / sizeof questions[0], NEW_TOKENS = 6, SEED = 7 };

/* Largest deviation of the fast kernels from the reference, relative to the largest logit. */
static const double f32_kernel_bound = 1e-4, bf16_kernel_bound = 5e-2;
/* The same for a scan in chunks against the recurrence. */
static const double f32_chunk_bound = 1e-4;

void check_add(struct check_report *report, const struct check_result *result)
{
    if (result->ok)
        report->n_ok += 1;
    else
        report->n_failed += 1;
    report->each(report->context, result);
}

static void report_equal(struct check_report *report, const char *name, bool ok, const char *detail)
{
    struct check_result result = {name, NAN, NAN, ok ? detail : "the bits differ", ok};
    check_add(report, &result);
}

/* What a check works with. */
struct selftest {
    struct engine *engine;
    struct session *image; /* has read the picture */
    struct session *one, *two;
    float *logits[2]; /* [vocabulary] */
    struct check_report *report;
    struct error *err;
};

/* A picture of noise: what matters is that every pixel takes part. */
static enum status see_noise(struct session *session, struct error *err)
{
    const struct engine *engine = session->engine;
    int size = engine->card.image_size + 17;
    size_t n = 3 * (size_t)size * (size_t)(size - 5);
    struct image image = {malloc(n), size, size - 5};
    struct random_stream random = {SEED};
    struct image_pass pass;
    if (!image.pixels)
        return fail(err, STATUS_NO_MEMORY, "out of memory for a picture");
    for (size_t i = 0; i < n; i++)
        image.pixels[i] = (unsigned char)(random_bits(&random) >> 56);
    compute_use_threads(&session->compute);
    enum status status = session_prepare_image(session, err);
    if (!status)
        status = session_preprocess(session, &image, err);
    free(image.pixels);
    if (status)
        return status;
    session_reset(session);
    session_run_towers(session, &pass);
    session_run_connector(session, &pass);
    session_read_rows(session, &pass);
    compute_release(&session->compute, pass.taken);
    return STATUS_OK;
}

/* Feeds ids in pieces of at most piece rows; the logits behind the last go to logits. */
static enum status feed(struct session *session, const struct token_list *ids, size_t piece,
                        float *logits, struct error *err)
{
    enum status status = STATUS_OK;
    for (size_t start = 0; !status && start < ids->n; start += piece) {
        int n = (int)(ids->n - start < piece ? ids->n - start : piece);
        status = session_feed(session, ids->ids + start, n, logits, err);
    }
    return status;
}

static bool same_state(const struct session *a, const struct session *b)
{
    return lm_state_equal(&a->state, &b->state, a->engine->lm);
}

static bool same_logits(const struct selftest *t)
{
    return memcmp(t->logits[0], t->logits[1], (size_t)t->engine->lm->vocabulary * sizeof(float)) ==
           0;
}

/* The ids of question i, as a prompt. */
static enum status question_ids(const struct selftest *t, size_t i, struct token_list *ids)
{
    struct text prompt;
    bool truncated;
    text_init(&prompt);
    ids->n = 0;
    engine_prompt(t->engine, questions[i], &prompt);
    enum status status =
        prompt.failed ? fail(t->err, STATUS_NO_MEMORY, "out of memory for a prompt")
                      : session_tokenize(t->image, text_string(&prompt), ids, &truncated, t->err);
    text_release(&prompt);
    return status;
}

/* Largest difference of the two rows of logits; infinite where one is NaN. */
static double logit_deviation(const struct selftest *t, double *largest)
{
    double deviation = 0;
    *largest = 0;
    for (int i = 0; i < t->engine->lm->vocabulary; i++) {
        double delta = fabs((double)t->logits[0][i] - (double)t->logits[1][i]);
        deviation = isnan(delta) ? INFINITY : fmax(deviation, delta);
        *largest = fmax(*largest, fabs((double)t->logits[0][i]));
    }
    return deviation;
}

static void report_logits(struct selftest *t, const char *name, double relative_bound)
{
    double largest, deviation = logit_deviation(t, &largest), bound = relative_bound * largest;
    struct check_result result = {name, deviation, bound, "max |delta| of logits",
                                  deviation <= bound};
    check_add(t->report, &result);
}

/* Question 2's ids, again and again until there are at least n. */
static enum status long_ids(const struct selftest *t, size_t n, struct token_list *ids)
{
    enum status status = question_ids(t, 2, ids);
    for (size_t i = 0; !status && ids->n < n; i++)
        if (!token_list_add(ids, ids->ids[i]))
            status = fail(t->err, STATUS_NO_MEMORY, "out of memory for a prompt");
    return status;
}

/* The whole prompt at once against the same in pieces. */
static enum status compare_pieces(struct selftest *t, const struct token_list *ids, size_t piece,
                                  bool exact)
{
    char name[64];
    enum status status = session_fork(t->two, t->image, t->err);
    if (!status)
        status = feed(t->two, ids, piece, t->logits[1], t->err);
    if (status)
        return status;
    if (piece == 1)
        snprintf(name, sizeof name, "one-token steps %s the whole sequence",
                 exact ? "equal" : "agree with");
    else
        snprintf(name, sizeof name, "pieces of %zu rows equal the whole sequence", piece);
    bool f32 = t->engine->info.precision == PRECISION_F32;
    if (exact)
        report_equal(t->report, name, same_logits(t) && same_state(t->one, t->two),
                     "logits and state, bit for bit");
    else
        report_logits(t, name, f32 ? f32_chunk_bound : bf16_kernel_bound);
    return STATUS_OK;
}

/* A family that scans in chunks gives the same bits where a sequence is cut between two of them,
 * and is within rounding elsewhere. */
static enum status check_steps(struct selftest *t)
{
    struct token_list ids;
    size_t chunk = (size_t)lm_chunk(t->engine->lm, t->engine->ops);
    token_list_init(&ids);
    enum status status = long_ids(t, 2 * chunk + 3, &ids);
    if (!status)
        status = session_fork(t->one, t->image, t->err);
    if (!status)
        status = feed(t->one, &ids, ids.n, t->logits[0], t->err);
    if (!status)
        status = compare_pieces(t, &ids, 1, chunk == 1);
    if (!status)
        status = compare_pieces(t, &ids, chunk == 1 ? 7 : chunk, true);
    token_list_release(&ids);
    return status;
}

static enum status check_threads(struct selftest *t)
{
    int threads = t->engine->info.threads;
    char name[64];
    struct token_list ids;
    token_list_init(&ids);
    enum status status = see_noise(t->one, t->err);
    if (!status)
        report_equal(t->report, "reading a picture again gives the same state",
                     same_state(t->one, t->image), "bit for bit");
    t->two->compute.threads = threads > 1 ? 1 : 2;
    snprintf(name, sizeof name, "%d and %d threads are equal", threads, t->two->compute.threads);
    if (!status)
        status = see_noise(t->two, t->err);
    if (!status)
        status = question_ids(t, 0, &ids);
    if (!status)
        status = feed(t->one, &ids, ids.n, t->logits[0], t->err);
    if (!status)
        status = feed(t->two, &ids, ids.n, t->logits[1], t->err);
    if (!status)
        report_equal(t->report, name, same_logits(t) && same_state(t->one, t->two),
                     "picture, logits and state, bit for bit");
    t->two->compute.threads = threads;
    token_list_release(&ids);
    return status;
}

/* One question alone against the same in the batch: ids and the state behind the answer. */
static enum status compare_alone(struct selftest *t, size_t i, const struct request *request,
                                 const struct session *batched, const struct generation *in_batch)
{
    struct generation alone;
    char name[80];
    enum status status = session_fork(t->one, t->image, t->err);
    if (status)
        return status;
    status = session_answer(t->one, request, &alone, t->err);
    if (status)
        return status;
    bool same = alone.n_ids == in_batch->n_ids &&
                memcmp(alone.ids, in_batch->ids, alone.n_ids * sizeof *alone.ids) == 0 &&
                same_state(t->one, batched);
    snprintf(name, sizeof name, "question %zu alone equals question %zu in a batch of %d", i + 1,
             i + 1, (int)N_QUESTIONS);
    report_equal(t->report, name, same, "ids and state, bit for bit");
    return STATUS_OK;
}

static enum status check_batch(struct selftest *t)
{
    struct session *sessions[N_QUESTIONS] = {NULL};
    struct request requests[N_QUESTIONS];
    struct generation answers[N_QUESTIONS];
    struct text prompts[N_QUESTIONS];
    enum status status = STATUS_OK;
    for (size_t i = 0; i < N_QUESTIONS; i++) {
        text_init(&prompts[i]);
        engine_prompt(t->engine, questions[i], &prompts[i]);
        requests[i] =
            (struct request){.prompt = text_string(&prompts[i]), .max_new_tokens = NEW_TOKENS};
        if (!status)
            status = session_open(&sessions[i], t->engine, t->err);
        if (!status)
            status = session_fork(sessions[i], t->image, t->err);
    }
    if (!status)
        status = sessions_answer(sessions, requests, N_QUESTIONS, answers, t->err);
    for (size_t i = 0; !status && i < N_QUESTIONS; i++)
        status = compare_alone(t, i, &requests[i], sessions[i], &answers[i]);
    for (size_t i = 0; i < N_QUESTIONS; i++) {
        session_close(sessions[i]);
        text_release(&prompts[i]);
    }
    return status;
}

/* The chosen kernels against the reference ones, on the language model's text rows. */
static enum status check_kernels(struct selftest *t)
{
    const struct ops *reference;
    struct token_list ids;
    token_list_init(&ids);
    enum status status = ops_find(&reference, "reference", t->err);
    if (!status)
        status = question_ids(t, 1, &ids);
    session_reset(t->one);
    session_reset(t->two);
    if (!status)
        status = feed(t->one, &ids, ids.n, t->logits[0], t->err);
    t->two->compute.ops = reference;
    if (!status)
        status = feed(t->two, &ids, ids.n, t->logits[1], t->err);
    t->two->compute.ops = t->engine->ops;
    token_list_release(&ids);
    if (status)
        return status;
    bool f32 = t->engine->info.precision == PRECISION_F32;
    char name[64];
    snprintf(name, sizeof name, "%s kernels agree with the reference", t->engine->ops->name);
    report_logits(t, name, f32 ? f32_kernel_bound : bf16_kernel_bound);
    return STATUS_OK;
}

static enum status run(struct selftest *t)
{
    size_t vocabulary = (size_t)t->engine->lm->vocabulary;
    t->logits[0] = malloc(vocabulary * sizeof(float));
    t->logits[1] = malloc(vocabulary * sizeof(float));
    if (!t->logits[0] || !t->logits[1])
        return fail(t->err, STATUS_NO_MEMORY, "out of memory for logits");
    enum status status = session_open(&t->image, t->engine, t->err);
    if (!status)
        status = session_open(&t->one, t->engine, t->err);
    if (!status)
        status = session_open(&t->two, t->engine, t->err);
    if (!status)
        status = see_noise(t->image, t->err);
    if (!status)
        status = check_steps(t);
    if (!status)
        status = check_threads(t);
    if (!status)
        status = check_batch(t);
    if (!status)
        status = check_kernels(t);
    return status;
}

enum status selftest_model(const char *model, const struct engine_options *options,
                           struct check_report *report, struct error *err)
{
    struct selftest t = {.report = report, .err = err};
    enum status status = engine_open(&t.engine, model, options, err);
    if (status)
        return status;
    status = run(&t);
    session_close(t.image);
    session_close(t.one);
    session_close(t.two);
    free(t.logits[0]);
    free(t.logits[1]);
    engine_close(t.engine);
    return status;
}
