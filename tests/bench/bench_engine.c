/* bench_engine MODEL [PAIRS] - a system at full size on random weights: towers, prefill and decode
 * against what the machine reaches in the same run, and int8 against bf16 (`make bench`).
 *
 * Counted FLOP: 2 x rows x the weights of the products; attention, scans and norms count nothing,
 * the head runs for one row only.  Counted bytes of a token: the decoder's weights without the
 * embedding table, its recurrent state read and written, its keys and values read. */
#include "engine/ops/probe.h"
#include "engine/session.h"
#include "tests/bench/bench.h"
#include "engine/work.h"

enum { ROWS = 779, CONTEXT = 800, STEPS = 6, PRODUCTS = 20 };

/* An engine and everything its stages need. */
struct side {
    enum precision precision;
    struct engine *engine;
    struct session *session;
    struct product_probe *probe; /* in the decoder's type */
    float *logits;
};

static enum status side_open(struct side *side, const char *model, enum precision precision,
                             struct error *err)
{
    struct engine_options options;
    engine_options_init(&options);
    options.random_weights = true;
    options.precision = precision;
    *side = (struct side){.precision = precision};
    int64_t start = clock_ns();
    enum status status = engine_open(&side->engine, model, &options, err);
    if (!status)
        status = session_open(&side->session, side->engine, err);
    if (!status)
        status = session_prepare_image(side->session, err);
    if (!status)
        status = session_prepare_text(side->session, ROWS, 1, err);
    if (!status)
        status = lm_state_reserve(&side->session->state, side->engine->lm, CONTEXT + 1, err);
    if (!status)
        status = product_probe_open(&side->probe,
                                    precision == PRECISION_INT8 ? MATMUL_INT8 : MATMUL_BF16, err);
    if (status)
        return status;
    const struct engine_info *info = engine_info(side->engine);
    side->logits = malloc((size_t)ops_padded_rows(1) * info->vocabulary * sizeof *side->logits);
    if (!side->logits)
        return fail(err, STATUS_NO_MEMORY, "out of memory for logits");
    if (info->precision != precision)
        return fail(err, STATUS_UNSUPPORTED, "%s", info->precision_note);
    printf("%s, random weights, %s, %s kernels, %s, %d threads: opened in %.1f s, weights %.3f GB, "
           "peak resident %.3f GB\n",
           info->name, precision_name(precision), info->kernels, info->matmul, info->threads,
           bench_seconds_since(start), (double)info->packed_bytes * 1e-9,
           bench_peak_bytes() * 1e-9);
    return STATUS_OK;
}

static void side_close(struct side *side)
{
    product_probe_close(side->probe);
    session_close(side->session);
    engine_close(side->engine);
    free(side->logits);
}

static double prefill_flop(const struct card_lm *lm)
{
    return 2.0 * ROWS * work_layer_weights(lm) * lm->layers;
}

/* Bytes that one token behind CONTEXT positions must move. */
static double token_bytes(const struct engine_info *info)
{
    return (double)info->token_bytes + 2.0 * (double)info->state_bytes +
           (double)info->cache_bytes_per_token * (CONTEXT + 1);
}

/* Operations a second of one prefill of ROWS rows. */
static double run_prefill(struct side *side)
{
    struct session *session = side->session;
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
    double rate = prefill_flop(&session->engine->card.lm) / bench_seconds_since(start);
    compute_release(compute, taken);
    return rate;
}

/* Operations a second of the towers on a picture of noise. */
static double run_towers(struct side *side)
{
    struct session *session = side->session;
    const struct card *card = &session->engine->card;
    size_t n = card->n_towers * 3 * (size_t)card->image_size * (size_t)card->image_size;
    struct random_stream random = {3};
    struct image_pass pass;
    for (size_t i = 0; i < n; i++)
        session->pixels[i] = (float)random_uniform(&random) - 0.5F;
    int64_t start = clock_ns();
    session_run_towers(session, &pass);
    double rate = work_towers(card) / bench_seconds_since(start);
    compute_release(&session->compute, pass.taken);
    return rate;
}

/* Bytes a second of STEPS tokens behind CONTEXT positions. */
static double run_decode(struct side *side)
{
    struct session *session = side->session;
    struct error err;
    int64_t start = clock_ns();
    for (int i = 0; i < STEPS; i++) {
        session->state.n_positions = CONTEXT;
        if (session_feed(session, (const int[]){i + 1}, 1, side->logits, &err))
            return NAN;
    }
    return STEPS * token_bytes(engine_info(side->engine)) / bench_seconds_since(start);
}

/* A stage and its limit in turn; the first pair warms up. */
static double measure(struct side *side, const char *stage, double (*run)(struct side *side),
                      struct read_probe *memory, int pairs)
{
    double rates[BENCH_MAX_PAIRS], limits[BENCH_MAX_PAIRS];
    for (int i = -1; i < pairs; i++) {
        double limit = memory ? read_probe_run(memory) : product_probe_run(side->probe, PRODUCTS);
        double rate = run(side);
        if (i >= 0)
            limits[i] = limit, rates[i] = rate;
    }
    double limit = bench_median(limits, pairs), rate = bench_median(rates, pairs);
    printf("  %-8s %s: %6.1f %s, probe %6.1f, ratio %.2f (medians of %d pairs)\n", stage,
           precision_name(side->precision), rate * 1e-9, memory ? "GB/s" : "G/s", limit * 1e-9,
           rate / limit, pairs);
    return rate;
}

/* Seconds a token and a prefill take, int8 and bf16 in turn. */
static void compare(struct side *bf16, struct side *int8, const char *stage,
                    double (*run)(struct side *side), double work_bf16, double work_int8, int pairs)
{
    double ratios[BENCH_MAX_PAIRS], low, high;
    for (int i = -1; i < pairs; i++) {
        double slow = work_bf16 / run(bf16), fast = work_int8 / run(int8);
        if (i >= 0)
            ratios[i] = slow / fast;
    }
    double ratio = bench_median(ratios, pairs);
    bench_median_interval(ratios, pairs, &low, &high);
    printf("  %-8s int8 is %.2f times as fast as bf16 (95 %% %.2f to %.2f, %d pairs)", stage, ratio,
           low, high, pairs);
    if (work_bf16 > work_int8)
        printf("; the bytes' ratio is %.2f, %.0f %% of it", work_bf16 / work_int8,
               100 * ratio / (work_bf16 / work_int8));
    printf("\n");
}

static enum status bench(const char *model, int pairs, struct error *err)
{
    struct side bf16 = {0}, int8 = {0};
    struct read_probe memory = {0};
    enum status status = side_open(&bf16, model, PRECISION_BF16, err);
    if (!status)
        status = side_open(&int8, model, PRECISION_INT8, err);
    if (!status)
        status = read_probe_open(&memory, err);
    if (!status) {
        compute_use_threads(&bf16.session->compute);
        measure(&bf16, "towers", run_towers, NULL, pairs);
        measure(&bf16, "prefill", run_prefill, NULL, pairs);
        measure(&int8, "prefill", run_prefill, NULL, pairs);
        double flop = prefill_flop(&bf16.engine->card.lm);
        compare(&bf16, &int8, "prefill", run_prefill, flop, flop, pairs);
        status = session_fill(bf16.session, CONTEXT + 1, 1, err);
    }
    if (!status)
        status = session_fill(int8.session, CONTEXT + 1, 1, err);
    if (!status) {
        measure(&bf16, "decode", run_decode, &memory, pairs);
        measure(&int8, "decode", run_decode, &memory, pairs);
        compare(&bf16, &int8, "decode", run_decode, token_bytes(engine_info(bf16.engine)),
                token_bytes(engine_info(int8.engine)), pairs);
    }
    read_probe_close(&memory);
    side_close(&bf16);
    side_close(&int8);
    return status;
}

int main(int argc, char **argv)
{
    struct error err = {""};
    int pairs = bench_pairs(argc, argv, 2, 9);
    if (argc < 2 || !pairs) {
        fprintf(stderr, "usage: bench_engine MODEL [PAIRS]\n");
        return 2;
    }
    return bench(argv[1], pairs, &err) ? bench_die("bench_engine", &err) : 0;
}
