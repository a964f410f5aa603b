/* bench_attention [PAIRS] - attention at the sizes of the systems: prefill and decode of a decoder,
 * a vision tower; each in turn with a probe of what limits it: an f32 matrix product, or reading
 * memory (`make bench`).
 *
 * Counted FLOP: 4 x head_dim for every key that a query sees.  Counted bytes: keys and values. */
#include "engine/base/clock.h"
#include "engine/base/random.h"
#include "engine/ops/compute.h"

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    MAX_PAIRS = 99,
    PROBE_ROWS = 780,
    PROBE_IN = 2560,
    PROBE_OUT = 2560,
    READ_BYTES = 1 << 28 /* far more than a cache holds */
};

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

struct probes {
    struct compute compute;
    struct linear linear;
    float *x, *y, *memory;
};

static float *values(size_t n, struct random_stream *random)
{
    float *v = malloc(n * sizeof *v);
    for (size_t i = 0; v && i < n; i++)
        v[i] = (float)random_uniform(random) - 0.5F;
    return v;
}

static double seconds_since(int64_t start)
{
    return (double)(clock_ns() - start) * 1e-9;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *v, int n)
{
    qsort(v, (size_t)n, sizeof *v, by_value);
    return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

static enum status probes_open(struct probes *probes, struct error *err)
{
    const struct ops *ops;
    struct random_stream random = {1};
    if (ops_find(&ops, NULL, err) ||
        compute_open(&probes->compute, ops, compute_available_threads(), err))
        return STATUS_UNSUPPORTED;
    float *weights = values((size_t)PROBE_IN * PROBE_OUT, &random);
    probes->x = values((size_t)ops_padded_rows(PROBE_ROWS) * PROBE_IN, &random);
    probes->y = values((size_t)ops_padded_rows(PROBE_ROWS) * PROBE_OUT, &random);
    probes->memory = values(READ_BYTES / sizeof *probes->memory, &random);
    enum status status = STATUS_NO_MEMORY;
    if (weights && probes->x && probes->y && probes->memory)
        status = linear_pack(&probes->linear, MATMUL_F32, weights, NULL, PROBE_IN, PROBE_OUT, err);
    free(weights);
    return status ? status
                  : linear_prepare(probes->compute.matmul, &probes->linear, PROBE_ROWS, err);
}

static void probes_close(struct probes *probes)
{
    linear_release(&probes->linear);
    compute_close(&probes->compute);
    free(probes->x), free(probes->y), free(probes->memory);
}

/* GFLOP/s of a product of f32 matrices. */
static double probe_product(const struct probes *probes)
{
    enum { REPEATS = 10 };
    int64_t start = clock_ns();
    for (int i = 0; i < REPEATS; i++)
        linear_run(probes->compute.matmul, &probes->linear, probes->x, PROBE_IN, probes->y,
                   PROBE_ROWS);
    return REPEATS * 2e-9 * PROBE_ROWS * PROBE_IN * PROBE_OUT / seconds_since(start);
}

/* GB/s of adding up memory once, by all threads. */
static double probe_reading(const struct probes *probes)
{
    enum { PIECE = 1 << 16, SUMS = 64 };
    long pieces = READ_BYTES / (long)sizeof(float) / PIECE;
    unsigned odd = 0;
    int64_t start = clock_ns();
#pragma omp parallel for reduction(+ : odd)
    for (long p = 0; p < pieces; p++) {
        unsigned sums[SUMS] = {0}; /* integers: the compiler may use vectors */
        const unsigned *at = (const unsigned *)(const void *)(probes->memory + p * PIECE);
        for (int i = 0; i < PIECE; i += SUMS)
            for (int s = 0; s < SUMS; s++)
                sums[s] += at[i + s];
        for (int s = 0; s < SUMS; s++)
            odd += sums[s] & 1U;
    }
    double rate = READ_BYTES * 1e-9 / seconds_since(start);
    return odd > (unsigned long)pieces * SUMS ? 0 : rate; /* the sums are used */
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
    return seconds_since(start) / run->setting->layers;
}

static void measure(struct run *run, const struct probes *probes, int pairs)
{
    const struct setting *s = run->setting;
    bool decode = s->rows == 1;
    double seen = s->causal && !decode ? (s->keys + 1) / 2.0 : s->keys;
    double flop = 4.0 * s->rows * seen * s->heads * s->head_dim;
    double seconds[MAX_PAIRS], limits[MAX_PAIRS];
    for (int i = -1; i < pairs; i++) { /* the first pair warms up */
        double t = run_once(run, probes->compute.ops);
        double limit = decode ? probe_reading(probes) : probe_product(probes);
        if (i >= 0)
            seconds[i] = t, limits[i] = limit;
    }
    double t = median(seconds, pairs), limit = median(limits, pairs);
    double rate = (decode ? (double)run->layer_bytes : flop) * 1e-9 / t;
    printf("%s, %d x %d keys, %d heads of %d: %.3f ms, %.1f %s, probe %.1f, ratio %.2f "
           "(medians of %d pairs)\n",
           s->name, s->rows, s->keys, s->heads, s->head_dim, t * 1e3, rate,
           decode ? "GB/s" : "GFLOP/s", limit, rate / limit, pairs);
}

int main(int argc, char **argv)
{
    struct error err = {"out of memory"};
    struct probes probes = {0};
    int pairs = argc > 1 ? atoi(argv[1]) : 9;
    if (pairs < 1 || pairs > MAX_PAIRS) {
        fprintf(stderr, "usage: bench_attention [PAIRS]\n");
        return 2;
    }
    enum status status = probes_open(&probes, &err);
    if (!status) {
        compute_use_threads(&probes.compute);
        printf("%s kernels, %d threads\n", probes.compute.ops->name, probes.compute.threads);
    }
    for (size_t i = 0; !status && i < sizeof settings / sizeof settings[0]; i++) {
        struct run run = {0};
        if (run_open(&run, &settings[i], probes.compute.ops))
            measure(&run, &probes, pairs);
        else
            status = STATUS_NO_MEMORY;
        run_close(&run);
    }
    probes_close(&probes);
    if (status)
        fprintf(stderr, "bench_attention: %s\n", err.text);
    return status != STATUS_OK;
}
