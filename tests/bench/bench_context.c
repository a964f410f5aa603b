/* bench_context MODEL [PAIRS] - a token behind 32,768 positions against one behind 512, in turn, on
 * random weights (`make bench`).  Both pasts are synthetic: random states and caches. */
#include "engine/session.h"
#include "tests/bench/bench.h"

enum { SHORT = 512, LONG = 32768, STEPS = 6 };

struct past {
    struct session *session;
    int positions;
    float *logits;
};

static enum status past_open(struct past *past, const struct engine *engine, int positions,
                             struct error *err)
{
    size_t vocabulary = engine_info(engine)->vocabulary;
    past->positions = positions;
    past->logits = malloc((size_t)ops_padded_rows(1) * vocabulary * sizeof *past->logits);
    if (!past->logits)
        return fail(err, STATUS_NO_MEMORY, "out of memory for logits");
    enum status status = session_open(&past->session, engine, err);
    if (!status)
        status = session_fill(past->session, positions + 1, 1, err);
    return status;
}

static void past_close(struct past *past)
{
    session_close(past->session);
    free(past->logits);
}

/* Seconds of one token. */
static enum status run(struct past *past, double *seconds, struct error *err)
{
    enum status status = STATUS_OK;
    int64_t start = clock_ns();
    for (int i = 0; !status && i < STEPS; i++) {
        past->session->state.n_positions = past->positions;
        status = session_feed(past->session, (const int[]){i + 1}, 1, past->logits, err);
    }
    *seconds = bench_seconds_since(start) / STEPS;
    return status;
}

static enum status compare(struct past *near, struct past *far, int pairs, struct error *err)
{
    double ratios[BENCH_MAX_PAIRS], seconds[BENCH_MAX_PAIRS], a, b, low, high;
    for (int i = -2; i < pairs; i++) { /* the first ones warm up; the order alternates */
        bool swap = i % 2 != 0;
        enum status status = run(swap ? far : near, swap ? &b : &a, err);
        if (!status)
            status = run(swap ? near : far, swap ? &a : &b, err);
        if (status)
            return status;
        if (i >= 0)
            ratios[i] = b / a, seconds[i] = a;
    }
    double ratio = bench_median(ratios, pairs);
    bench_median_interval(ratios, pairs, &low, &high);
    printf("a token behind %d positions (synthetic): %.1f ms; behind %d: %.4f times that "
           "(95 %% %.4f to %.4f, %d pairs in turn)\n",
           SHORT, bench_median(seconds, pairs) * 1e3, LONG, ratio, low, high, pairs);
    return STATUS_OK;
}

int main(int argc, char **argv)
{
    struct error err = {""};
    struct engine_options options;
    struct engine *engine = NULL;
    struct past near = {NULL, 0, NULL}, far = {NULL, 0, NULL};
    int pairs = bench_pairs(argc, argv, 2, 41);
    if (argc < 2 || !pairs) {
        fprintf(stderr, "usage: bench_context MODEL [PAIRS]\n");
        return 2;
    }
    engine_options_init(&options);
    options.random_weights = true;
    enum status status = engine_open(&engine, argv[1], &options, &err);
    if (!status)
        status = past_open(&near, engine, SHORT, &err);
    if (!status)
        status = past_open(&far, engine, LONG, &err);
    if (!status) {
        const struct engine_info *info = engine_info(engine);
        printf("%s, random weights, %s, %d threads: ", info->name, precision_name(info->precision),
               info->threads);
        status = compare(&near, &far, pairs, &err);
    }
    past_close(&near);
    past_close(&far);
    engine_close(engine);
    return status ? bench_die("bench_context", &err) : 0;
}
