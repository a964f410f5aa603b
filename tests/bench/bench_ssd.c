/* bench_ssd [PAIRS] - Mamba-2's scan at the size of mamba2-2.7b: ssd_scan() (matrix products over
 * chunks) against the plain recurrence, which runs in turn with it, on one thread and on two. */
#include "engine/base/random.h"
#include "engine/ops/cpu.h"
#include "tests/bench/bench.h"

#include <omp.h>

enum { LAYERS = 64, ROWS = 779, HEADS = 80, HEAD_DIM = 64, STATE_SIZE = 128 };
enum { INNER = HEADS * HEAD_DIM, CHANNELS = INNER + 2 * STATE_SIZE };

typedef __typeof__(*((struct ops *)0)->ssd_scan) ssd_function;

/* Activations and parameters that the layers share, and a state for each of them. */
struct layers {
    float *xbc, *dt, *y, *state, *scratch;
    float dt_bias[HEADS], A[HEADS], D[HEADS];
    struct ssd_inputs in;
};

static float *values(size_t n, float low, float high, struct random_stream *random)
{
    float *v = malloc(n * sizeof *v);
    for (size_t i = 0; v && i < n; i++)
        v[i] = low + (high - low) * (float)random_uniform(random);
    return v;
}

/* Steps of 0.001 to 0.1 and A of -1 to -16, as Mamba-2 is initialised. */
static int layers_open(struct layers *layers, const struct ops *ops)
{
    struct random_stream random = {1};
    layers->xbc = values((size_t)ROWS * CHANNELS, -1, 1, &random);
    layers->dt = values((size_t)ROWS * HEADS, -1, 1, &random);
    layers->y = values((size_t)ROWS * INNER, 0, 0, &random);
    layers->state = values((size_t)LAYERS * INNER * STATE_SIZE, -1, 1, &random);
    for (int h = 0; h < HEADS; h++) {
        layers->dt_bias[h] = -7 + 5 * (float)random_uniform(&random);
        layers->A[h] = -1 - 15 * (float)random_uniform(&random);
        layers->D[h] = 1;
    }
    layers->in = (struct ssd_inputs){.x = layers->xbc,
                                     .B = layers->xbc + INNER,
                                     .C = layers->xbc + INNER + STATE_SIZE,
                                     .dt = layers->dt,
                                     .xbc_stride = CHANNELS,
                                     .dt_stride = HEADS,
                                     .dt_bias = layers->dt_bias,
                                     .A = layers->A,
                                     .D = layers->D,
                                     .heads = HEADS,
                                     .head_dim = HEAD_DIM,
                                     .state_size = STATE_SIZE};
    layers->scratch = values(ops->ssd_scratch(&layers->in, ROWS), 0, 0, &random);
    return layers->xbc && layers->dt && layers->y && layers->state && layers->scratch;
}

static void layers_close(struct layers *layers)
{
    free(layers->xbc), free(layers->dt), free(layers->y), free(layers->state),
        free(layers->scratch);
}

/* Seconds for LAYERS layers, of which so many are run. */
static double run(ssd_function *scan, struct layers *layers, int rows, int n_layers)
{
    int64_t start = clock_ns();
    for (int i = 0; i < n_layers; i++) {
        struct span span = {0, rows, NULL, layers->state + (size_t)i * INNER * STATE_SIZE};
        scan(layers->y, &layers->in, &span, 1, layers->scratch);
    }
    return bench_seconds_since(start) * LAYERS / n_layers;
}

static void compare(ssd_function *chunked, ssd_function *plain, struct layers *layers, int rows,
                    int pairs, int threads)
{
    double a[BENCH_MAX_PAIRS], b[BENCH_MAX_PAIRS], ratio[BENCH_MAX_PAIRS];
    int n_layers = min_int(LAYERS, 1 + 1024 / rows); /* enough to last some milliseconds */
    omp_set_num_threads(threads);
    run(chunked, layers, rows, n_layers), run(plain, layers, rows, n_layers);
    for (int i = 0; i < pairs; i++) {
        a[i] = run(chunked, layers, rows, n_layers);
        b[i] = run(plain, layers, rows, n_layers);
        ratio[i] = a[i] / b[i];
    }
    double seconds = bench_median(a, pairs);
    printf("%d layers x %3d rows, %d thread%s: ssd_scan %.4f s, recurrence %.4f s, ratio %.2f "
           "(medians of %d pairs)\n",
           LAYERS, rows, threads, threads == 1 ? "" : "s", seconds, bench_median(b, pairs),
           bench_median(ratio, pairs), pairs);
    if (rows == 1)
        printf("    state read and written at %.1f GB/s\n",
               2e-9 * LAYERS * INNER * STATE_SIZE * sizeof(float) / seconds);
}

/* The best level that this CPU runs. */
static int best_level(void)
{
    int level = 2;
    while (!ops_runs_here(ops_all[1 + level]))
        level--;
    return level;
}

int main(int argc, char **argv)
{
    static ssd_function *const plain[] = {cpu_ssd_recurrence_sse2, cpu_ssd_recurrence_avx2,
                                          cpu_ssd_recurrence_avx512};
    static const int lengths[] = {ROWS, 128, CPU_SSD_CHUNK, 1};
    int pairs = bench_pairs(argc, argv, 1, 9), level = best_level();
    const struct ops *ops = ops_all[1 + level];
    struct layers layers = {0};
    if (!pairs) {
        fprintf(stderr, "usage: bench_ssd [PAIRS]\n");
        return 2;
    }
    if (!layers_open(&layers, ops)) {
        fprintf(stderr, "bench_ssd: out of memory\n");
        return 1;
    }
    printf("%s kernels, chunks of %d rows\n", ops->name, ops->ssd_chunk);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        for (int threads = 1; threads <= 2; threads++)
            compare(ops->ssd_scan, plain[level], &layers, lengths[i], pairs, threads);
    layers_close(&layers);
    return 0;
}
