/* bench_engine MODEL [PAIRS] - the language model's prefill against a matrix-product probe that
 * runs in turn with it, and memory against the packed weights, on random weights (`make bench`).
 *
 * Counted FLOP: 2 x rows x the weights of the layers' products; the head runs for one row only. */
#include "engine/base/clock.h"
#include "engine/base/float16.h"
#include "engine/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROWS = 779,
    PROBE_ROWS = 780,
    PROBE_IN = 2560,
    PROBE_OUT = 10240,
    MAX_PAIRS = 99,
    TOKENS = 16
};

static int die(const struct error *err)
{
    fprintf(stderr, "bench_engine: %s\n", err->text);
    return 1;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, int n)
{
    qsort(values, (size_t)n, sizeof *values, by_value);
    return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

static double seconds_since(int64_t start)
{
    return (double)(clock_ns() - start) * 1e-9;
}

/* Peak resident memory of this process, from /proc/self/status. */
static double peak_bytes(void)
{
    char line[256];
    long kib = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "VmHWM: %ld kB", &kib) == 1)
            break;
    if (file)
        fclose(file);
    return (double)kib * 1024;
}

/* Weights of one layer's products; 0 for a family that is not known here. */
static double layer_weights(const struct card_lm *lm)
{
    double inner = lm->inner_width, width = lm->width, queries = lm->heads * lm->head_dim;
    double attention = width * (2 * queries + 2.0 * lm->kv_heads * lm->head_dim);
    if (strcmp(lm->family, "mamba") == 0)
        return 3 * inner * width + inner * (lm->dt_rank + 2 * lm->state_size) + inner * lm->dt_rank;
    if (strcmp(lm->family, "mamba2") == 0)
        return width * (3 * inner + 2 * lm->state_size + inner / lm->head_dim);
    if (strcmp(lm->family, "llama") == 0)
        return attention + 3 * width * lm->mlp_width;
    if (strcmp(lm->family, "phi") == 0)
        return attention + 2 * width * lm->mlp_width;
    return 0;
}

static double layer_flop(const struct card_lm *lm)
{
    return 2.0 * ROWS * layer_weights(lm) * lm->layers;
}

/* A product of the size that the layers are made of, on memory of its own. */
struct probe {
    struct linear linear;
    float *x, *y;
};

static enum status probe_open(struct probe *probe, struct compute *compute, enum matmul_type type,
                              struct error *err)
{
    size_t n = (size_t)PROBE_IN * PROBE_OUT;
    float *weights = calloc(n, sizeof *weights); /* room for either type */
    probe->x = calloc((size_t)ops_padded_rows(PROBE_ROWS) * PROBE_IN, sizeof *probe->x);
    probe->y = calloc((size_t)ops_padded_rows(PROBE_ROWS) * PROBE_OUT, sizeof *probe->y);
    if (!weights || !probe->x || !probe->y)
        return fail(err, STATUS_NO_MEMORY, "out of memory for the probe");
    struct random_stream random = {1};
    for (size_t i = 0; i < n; i++) {
        float value = (float)random_uniform(&random) - 0.5F;
        if (type == MATMUL_BF16)
            ((uint16_t *)(void *)weights)[i] = bf16_from_float(value);
        else
            weights[i] = value;
    }
    for (size_t i = 0; i < (size_t)PROBE_ROWS * PROBE_IN; i++)
        probe->x[i] = (float)random_uniform(&random) - 0.5F;
    enum status status = linear_pack(&probe->linear, type, weights, NULL, PROBE_IN, PROBE_OUT, err);
    free(weights);
    return status ? status : linear_prepare(compute->matmul, &probe->linear, PROBE_ROWS, err);
}

/* GFLOP/s of the probe, several products so that it lasts. */
static double probe_run(const struct probe *probe, struct compute *compute)
{
    enum { REPEATS = 20 };
    int64_t start = clock_ns();
    for (int i = 0; i < REPEATS; i++)
        linear_run(compute->matmul, &probe->linear, probe->x, PROBE_IN, probe->y, PROBE_ROWS);
    return REPEATS * 2e-9 * PROBE_ROWS * PROBE_IN * PROBE_OUT / seconds_since(start);
}

/* GFLOP/s of one prefill of ROWS rows. */
static double prefill_run(struct session *session)
{
    const struct lm *lm = session->engine->lm;
    struct compute *compute = &session->compute;
    size_t taken = compute->taken_floats;
    float *x = compute_take(compute, ROWS, lm->width);
    struct random_stream random = {2};
    for (size_t i = 0; i < (size_t)ROWS * (size_t)lm->width; i++)
        x[i] = (float)random_uniform(&random) - 0.5F;
    struct lm_span span = {0, ROWS, &session->state};
    session_reset(session);
    int64_t start = clock_ns();
    lm_forward(lm, compute, &span, 1, x, ROWS);
    double rate = layer_flop(&session->engine->card.lm) * 1e-9 / seconds_since(start);
    compute_release(compute, taken);
    return rate;
}

static enum status bench_prefill(struct session *session, int pairs, struct error *err)
{
    struct probe probe = {0};
    double probes[MAX_PAIRS], prefills[MAX_PAIRS];
    bool bf16 = session->engine->info.precision == PRECISION_BF16;
    compute_use_threads(&session->compute);
    enum status status =
        probe_open(&probe, &session->compute, bf16 ? MATMUL_BF16 : MATMUL_F32, err);
    if (!status)
        status = session_prepare_text(session, ROWS, 1, err);
    if (!status)
        status = lm_state_reserve(&session->state, session->engine->lm, ROWS, err);
    for (int i = -1; !status && i < pairs; i++) { /* the first pair warms up */
        double p = probe_run(&probe, &session->compute), q = prefill_run(session);
        if (i >= 0)
            probes[i] = p, prefills[i] = q;
    }
    linear_release(&probe.linear);
    free(probe.x), free(probe.y);
    if (status)
        return status;
    double limit = median(probes, pairs), rate = median(prefills, pairs);
    printf("prefill, %d rows: %.0f GFLOP/s, probe %.0f GFLOP/s, ratio %.2f (medians of %d pairs)\n",
           ROWS, rate, limit, rate / limit, pairs);
    return STATUS_OK;
}

/* One picture, one question, a few tokens, through the door that users take. */
static enum status bench_answer(struct session *session, struct error *err)
{
    struct timings seen;
    struct generation answer;
    struct text prompt;
    text_init(&prompt);
    engine_prompt(session->engine, "Is there a dog in the image?", &prompt);
    struct request request = {.prompt = text_string(&prompt), .max_new_tokens = TOKENS};
    enum status status = session_see(session, "tests/data/image/rgb8.png", &seen, NULL, err);
    if (!status)
        status = session_answer(session, &request, &answer, err);
    text_release(&prompt);
    if (status)
        return status;
    int64_t first = answer.timings.ns[STAGE_TOKENIZE] + answer.timings.ns[STAGE_PROMPT];
    for (int stage = 0; stage <= STAGE_IMAGE; stage++) {
        printf("%s %.3f s, ", stage_name((enum stage)stage), (double)seen.ns[stage] * 1e-9);
        first += seen.ns[stage];
    }
    printf("first token after %.3f s\n", (double)first * 1e-9);
    printf("decode: %.2f tokens/s over %zu tokens\n",
           (double)(answer.n_ids - 1) / ((double)answer.timings.ns[STAGE_DECODE] * 1e-9),
           answer.n_ids);
    return STATUS_OK;
}

int main(int argc, char **argv)
{
    struct error err = {""};
    struct engine_options options;
    struct engine *engine;
    struct session *session;
    int pairs = argc > 2 ? atoi(argv[2]) : 9;
    if (argc < 2 || pairs < 1 || pairs > MAX_PAIRS) {
        fprintf(stderr, "usage: bench_engine MODEL [PAIRS]\n");
        return 2;
    }
    engine_options_init(&options);
    options.random_weights = true;
    int64_t start = clock_ns();
    if (engine_open(&engine, argv[1], &options, &err) || session_open(&session, engine, &err))
        return die(&err);
    const struct engine_info *info = engine_info(engine);
    printf("%s, random weights, %s, %s kernels, %s, %d threads: opened in %.1f s\n", info->name,
           precision_name(info->precision), info->kernels, info->matmul, info->threads,
           seconds_since(start));
    if (bench_answer(session, &err))
        return die(&err);
    printf("memory: packed weights %.3f GB, peak resident %.3f GB, ratio %.3f\n",
           (double)info->packed_bytes * 1e-9, peak_bytes() * 1e-9,
           peak_bytes() / (double)info->packed_bytes);
    if (bench_prefill(session, pairs, &err))
        return die(&err);
    session_close(session);
    engine_close(engine);
    return 0;
}
