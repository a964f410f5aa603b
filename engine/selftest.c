#include "engine/selftest.h"

#include "engine/base/json.h"
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
    struct lm_span span = {0, engine->connector->n_out, session->state};
    engine->lm->family->forward(engine->lm, &session->compute, &span, 1, pass.rows, span.n_rows);
    compute_release(&session->compute, pass.taken);
    return STATUS_OK;
}

/* Feeds ids in pieces of at most piece rows; the logits behind the last go to logits. */
static enum status feed(struct session *session, const struct token_list *ids, size_t piece,
                        float *logits, struct error *err)
{
    const struct lm *lm = session->engine->lm;
    struct compute *compute = &session->compute;
    compute_use_threads(compute);
    for (size_t start = 0; start < ids->n; start += piece) {
        int n = (int)(ids->n - start < piece ? ids->n - start : piece);
        enum status status = session_prepare_text(session, n, 1, err);
        if (status)
            return status;
        size_t taken = compute->taken_floats;
        float *x = compute_take(compute, n, lm->width);
        struct lm_span span = {0, n, session->state};
        lm_embed(lm, compute, ids->ids + start, n, x);
        lm->family->forward(lm, compute, &span, 1, x, n);
        lm_logits(lm, compute, x + (size_t)(n - 1) * (size_t)lm->width, 1, logits);
        compute_release(compute, taken);
    }
    return STATUS_OK;
}

static bool same_state(const struct session *a, const struct session *b)
{
    return memcmp(a->state, b->state, a->state_bytes) == 0;
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
                      : engine_tokenize(t->engine, text_string(&prompt), ids, &truncated, t->err);
    text_release(&prompt);
    return status;
}

static enum status check_steps(struct selftest *t)
{
    struct token_list ids;
    token_list_init(&ids);
    static const struct {
        const char *name;
        size_t piece;
    } ways[] = {
        {"one-token steps equal the whole sequence", 1},
        {"pieces of 7 rows equal the whole sequence", 7},
    };
    enum status status = question_ids(t, 2, &ids);
    session_fork(t->one, t->image);
    if (!status)
        status = feed(t->one, &ids, ids.n, t->logits[0], t->err);
    for (size_t i = 0; !status && i < sizeof ways / sizeof ways[0]; i++) {
        session_fork(t->two, t->image);
        status = feed(t->two, &ids, ways[i].piece, t->logits[1], t->err);
        if (!status)
            report_equal(t->report, ways[i].name, same_logits(t) && same_state(t->one, t->two),
                         "logits and state, bit for bit");
    }
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
    session_fork(t->one, t->image);
    enum status status = session_answer(t->one, request, &alone, t->err);
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
            session_fork(sessions[i], t->image);
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
    double largest = 0, deviation = 0;
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
    for (int i = 0; i < t->engine->lm->vocabulary; i++) {
        double delta = fabs((double)t->logits[0][i] - (double)t->logits[1][i]);
        deviation = isnan(delta) ? INFINITY : fmax(deviation, delta);
        largest = fmax(largest, fabs((double)t->logits[1][i]));
    }
    bool f32 = t->engine->info.precision == PRECISION_F32;
    double bound = (f32 ? f32_kernel_bound : bf16_kernel_bound) * largest;
    char name[64];
    snprintf(name, sizeof name, "%s kernels agree with the reference", t->engine->ops->name);
    struct check_result result = {name, deviation, bound, "max |delta| of logits",
                                  deviation <= bound};
    check_add(t->report, &result);
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

/* Tokenizer cases: an array of {"text": ..., "ids": [...]}, or the shared file's "raw" list, whose
 * ids stand under the name of the tokenizer they belong to. */

static const cJSON *find_ids(const cJSON *item)
{
    static const char *const keys[] = {"ids", "neox", "codegen"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (cJSON_IsArray(json_find(item, keys[i])))
            return json_find(item, keys[i]);
    return NULL;
}

static bool ids_equal(const struct token_list *ids, const cJSON *want)
{
    size_t i = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, want)
    {
        if (i >= ids->n || ids->ids[i] != item->valueint)
            return false;
        i++;
    }
    return i == ids->n;
}

static enum status check_cases(const struct tokenizer *tokenizer, const cJSON *cases,
                               struct check_report *report, struct error *err)
{
    struct token_list ids;
    const cJSON *item;
    size_t index = 0;
    enum status status = STATUS_OK;
    token_list_init(&ids);
    cJSON_ArrayForEach(item, cases)
    {
        const char *text = json_string_or(item, "text", NULL);
        const cJSON *want = find_ids(item);
        char name[64];
        snprintf(name, sizeof name, "tokenizer case %zu", index++);
        if (!text || !want)
            continue;
        ids.n = 0;
        status = tokenizer_encode(tokenizer, text, strlen(text), &ids, err);
        if (status)
            break;
        bool ok = ids_equal(&ids, want);
        struct check_result result = {name, NAN, NAN, ok ? NULL : text, ok};
        check_add(report, &result);
    }
    token_list_release(&ids);
    return status;
}

enum status selftest_tokenizer(const char *cases, const char *tokenizer_path,
                               struct check_report *report, struct error *err)
{
    cJSON *root = NULL;
    struct tokenizer *tokenizer = NULL;
    enum status status = json_read(&root, cases, err);
    if (!status)
        status = tokenizer_open(&tokenizer, tokenizer_path, err);
    if (!status) {
        const cJSON *list = cJSON_IsArray(root) ? root : json_find(root, "raw");
        if (!list)
            list = json_find(root, "tokenizer_cases");
        status = list ? check_cases(tokenizer, list, report, err)
                      : fail(err, STATUS_BAD_FORMAT, "%s: no list of tokenizer cases", cases);
    }
    tokenizer_close(tokenizer);
    cJSON_Delete(root);
    return status;
}
