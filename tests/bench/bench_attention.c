/* bench_attention [PAIRS] - attention at the sizes of the systems: prefill and decode of a decoder,
 * a vision tower; each in turn with a probe of what limits it: an f32 matrix product, or reading
 * memory (`make bench`).
 *
 * Counted FLOP: 4 x head_dim for every key that a query sees.  Counted bytes: keys and values. */
#include "engine/base/random.h"
#include "engine/ops/compute.h"
#include "engine/ops/probe.h"
#include "tests/bench/bench.h"

/* A run of attention: rows that attend to keys of their own, in each of so many layers. */
struct setting {
    const char *name;
    int rows, keys, heads, kv_heads, head_dim;
    bool causal;
    enum cache_type type;
    int layers;
};

static const struct setting settings[] = {
    {"decoder, prefill", 779, 779, 32, 32, 80, true, CACHE_BF16, 2},
    {"decoder, prefill, f32 cache", 779, 779, 32, 32, 80, true, CACHE_F32, 2},
    {"tower", 734, 734, 16, 16, 64, false, CACHE_F32, 2},
    {"decode", 1, 1024, 32, 32, 80, true, CACHE_BF16, 24},
    {"decode, 8 heads share keys", 1, 4096, 32, 4, 128, true, CACHE_BF16, 24},
    {"decode, f32 cache", 1, 1024, 32, 32, 80, true, CACHE_F32, 12},
};

static float *values(size_t n, struct random_stream *random)
{
    float *v = malloc(n * sizeof *v);
    for (size_t i = 0; v && i < n; i++)
        v[i] = (float)random_uniform(random) - 0.5F;
    return v;
}

/* Keys and values of every layer; q and out serve all. */
struct run {
    const struct setting *setting;
    struct attention_shape shape;
    struct attention_span span;
    float *q, *out, *cache;
    size_t layer_bytes;
};

static int run_open(struct run *run, const struct setting *s, const struct ops *ops)
{
    struct random_stream random = {2};
    size_t width = (size_t)(s->heads * s->head_dim), kv = (size_t)(s->kv_heads * s->head_dim);
    size_t size = s->type == CACHE_BF16 ? 2 : 4, floats = (size_t)s->keys * kv;
    run->setting = s;
    run->shape = (struct attention_shape){s->heads, s->kv_heads, s->head_dim, width,
                                          0.11F,    s->causal,   s->type};
    run->span = (struct attention_span){0,
                                        s->rows,
                                        s->keys,
                                        NULL,
                                        NULL,
                                        (size_t)s->head_dim,
                                        (size_t)s->keys * (size_t)s->head_dim};
    run->layer_bytes = 2 * floats * size;
    run->q = values((size_t)s->rows * width, &random);
    run->out = values((size_t)s->rows * width, &random);
    run->cache = malloc((size_t)s->layers * run->layer_bytes);
    float *rows = values(floats, &random);
    for (int i = 0; run->cache && rows && i < 2 * s->layers; i++)
        ops->cache_rows((char *)run->cache + (size_t)i * floats * size, s->type,
                        run->span.head_stride, rows, kv, s->keys, s->kv_heads, s->head_dim);
    free(rows);
    return run->q && run->out && run->cache && rows;
}

static void run_close(struct run *run)
{
    free(run->q), free(run->out), free(run->cache);
}

/* Seconds of one layer. */
static double run_once(struct run *run, const struct ops *ops)
{
    int64_t start = clock_ns();
    for (int layer = 0; layer < run->setting->layers; layer++) {
        const char *cache = (const char *)run->cache + (size_t)layer * run->layer_bytes;
        run->span.k = cache, run->span.v = cache + run->layer_bytes / 2;
        ops->attention(run->out, run->q, &run->shape, &run->span, 1);
    }
    return bench_seconds_since(start) / run->setting->layers;
}

/* What limits attention: reading keys and values once, or multiplying in f32. */
struct limits {
    struct read_probe memory;
    struct product_probe *product;
};

static void measure(struct run *run, const struct ops *ops, struct limits *limits, int pairs)
{
    enum { PRODUCTS = 5 };
    const struct setting *s = run->setting;
    bool decode = s->rows == 1;
    double seen = s->causal && !decode ? (s->keys + 1) / 2.0 : s->keys;
    double flop = 4.0 * s->rows * seen * s->heads * s->head_dim;
    double seconds[BENCH_MAX_PAIRS], probes[BENCH_MAX_PAIRS];
    for (int i = -1; i < pairs; i++) { /* the first pair warms up */
        double t = run_once(run, ops);
        double probe =
            decode ? read_probe_run(&limits->memory) : product_probe_run(limits->product, PRODUCTS);
        if (i >= 0)
            seconds[i] = t, probes[i] = probe;
    }
    double t = bench_median(seconds, pairs), limit = bench_median(probes, pairs);
    double rate = (decode ? (double)run->layer_bytes : flop) / t;
    printf("%s, %d x %d keys, %d heads of %d: %.3f ms, %.1f %s, probe %.1f, ratio %.2f "
           "(medians of %d pairs)\n",
           s->name, s->rows, s->keys, s->heads, s->head_dim, t * 1e3, rate * 1e-9,
           decode ? "GB/s" : "GFLOP/s", limit * 1e-9, rate / limit, pairs);
}

int main(int argc, char **argv)
{
    struct error err = {"out of memory"};
    struct limits limits = {{NULL, 0}, NULL};
    const struct ops *ops = NULL;
    int pairs = bench_pairs(argc, argv, 1, 9);
    if (!pairs) {
        fprintf(stderr, "usage: bench_attention [PAIRS]\n");
        return 2;
    }
    enum status status = ops_find(&ops, NULL, &err);
    if (!status)
        status = read_probe_open(&limits.memory, &err);
    if (!status)
        status = product_probe_open(&limits.product, MATMUL_F32, &err);
    if (!status)
        printf("%s kernels, %d threads\n", ops->name, compute_available_threads());
    for (size_t i = 0; !status && i < sizeof settings / sizeof settings[0]; i++) {
        struct run run = {0};
        if (run_open(&run, &settings[i], ops))
            measure(&run, ops, &limits, pairs);
        else
            status = STATUS_NO_MEMORY;
        run_close(&run);
    }
    product_probe_close(limits.product);
    read_probe_close(&limits.memory);
    return status ? bench_die("bench_attention", &err) : 0;
}
