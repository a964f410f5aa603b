/* Mamba-2's scan: the reference against the paper's sum, every level's chunks and recurrence
 * against the reference around the borders of chunks, and what must not change a bit: threads,
 * company, cuts at chunks. */
#include "tests/check.h"

#include "engine/base/random.h"
#include "engine/ops/cpu.h"

#include <omp.h>

/* Largest difference from the reference relative to the largest value, of outputs and of the final
 * state.  Measured over everything below (all levels, gcc 12 and clang 14): 1.3e-6, where outputs
 * are sums over 128 and more values of the state; final states 4e-7. */
static const double bound = 3e-6;

typedef __typeof__(*((struct ops *)0)->ssd_scan) ssd_function;

struct level {
    const struct ops *ops;
    ssd_function *recurrence;
};

/* Runs check on every fast implementation that this CPU has. */
static void for_each_level(void (*check)(const struct level *level))
{
    static ssd_function *const recurrences[] = {cpu_ssd_recurrence_sse2, cpu_ssd_recurrence_avx2,
                                                cpu_ssd_recurrence_avx512};
    static const char *const names[] = {"sse2", "avx2", "avx512"};
    int checked = 0;
    for (size_t i = 0; i < 3; i++) {
        struct level level = {ops_all[i + 1], recurrences[i]};
        assert_string_equal(level.ops->name, names[i]);
        if (!ops_runs_here(level.ops))
            continue;
        check(&level);
        checked++;
    }
    assert_true(checked > 0);
}

struct geometry {
    int heads, head_dim, state_size;
};

/* One layer's inputs with gaps between the rows, outputs and states of several sequences. */
struct layer {
    struct geometry size;
    int rows;
    float *xbc, *dt, *parameters, *y, *scratch, *state;
    size_t n_y, n_state, n_scratch; /* n_state: of one sequence */
    struct ssd_inputs in;
};

enum { GAP = 3, SEQUENCES = 3 };

static float *floats(size_t n, float value)
{
    float *v = malloc((n ? n : 1) * sizeof *v);
    assert_non_null(v);
    for (size_t i = 0; i < n; i++)
        v[i] = value;
    return v;
}

static float between(struct random_stream *random, float low, float high)
{
    return low + (high - low) * (float)random_uniform(random);
}

/* Steps from 0.001 to 0.1 and beyond, A from -1 to -16: Mamba-2's initialisation. */
static void layer_fill(struct layer *layer, uint64_t seed)
{
    struct random_stream random = {seed};
    struct geometry g = layer->size;
    int channels = g.heads * g.head_dim + 2 * g.state_size;
    for (int r = 0; r < layer->rows; r++) {
        for (int c = 0; c < channels; c++)
            layer->xbc[r * (channels + GAP) + c] = between(&random, -2, 2);
        for (int h = 0; h < g.heads; h++)
            layer->dt[r * (g.heads + GAP) + h] = between(&random, -3, 3);
    }
    for (int h = 0; h < g.heads; h++) {
        layer->parameters[h] = between(&random, -6, -2);
        layer->parameters[g.heads + h] = between(&random, -16, -1);
        layer->parameters[2 * g.heads + h] = between(&random, -1, 1);
    }
}

static void layer_open(struct layer *layer, const struct ops *ops, struct geometry g, int rows,
                       uint64_t seed)
{
    int inner = g.heads * g.head_dim, channels = inner + 2 * g.state_size;
    *layer = (struct layer){.size = g, .rows = rows};
    layer->xbc = floats((size_t)(rows * (channels + GAP)), NAN);
    layer->dt = floats((size_t)(rows * (g.heads + GAP)), NAN);
    layer->parameters = floats((size_t)(3 * g.heads), 0);
    layer->n_y = (size_t)(rows * inner), layer->n_state = (size_t)(inner * g.state_size);
    layer->y = floats(layer->n_y, NAN);
    layer->state = floats(SEQUENCES * layer->n_state, 0);
    layer->in = (struct ssd_inputs){.x = layer->xbc,
                                    .B = layer->xbc + inner,
                                    .C = layer->xbc + inner + g.state_size,
                                    .dt = layer->dt,
                                    .xbc_stride = (size_t)(channels + GAP),
                                    .dt_stride = (size_t)(g.heads + GAP),
                                    .dt_bias = layer->parameters,
                                    .A = layer->parameters + g.heads,
                                    .D = layer->parameters + 2 * g.heads,
                                    .heads = g.heads,
                                    .head_dim = g.head_dim,
                                    .state_size = g.state_size};
    layer->n_scratch = ops->ssd_scratch(&layer->in, rows);
    layer->scratch = floats(layer->n_scratch, NAN);
    layer_fill(layer, seed);
}

static void layer_close(struct layer *layer)
{
    free(layer->xbc), free(layer->dt), free(layer->parameters);
    free(layer->y), free(layer->scratch), free(layer->state);
}

static void fill_state(struct layer *layer, float range)
{
    struct random_stream random = {77};
    for (size_t i = 0; i < SEQUENCES * layer->n_state; i++)
        layer->state[i] = between(&random, -range, range);
}

static void reverse(float *rows, int n, size_t stride)
{
    for (int r = 0; r < n / 2; r++)
        for (size_t c = 0; c < stride; c++) {
            float *a = rows + (size_t)r * stride + c, *b = rows + (size_t)(n - 1 - r) * stride + c;
            float kept = *a;
            *a = *b, *b = kept;
        }
}

static void run(ssd_function *scan, struct layer *layer)
{
    struct span span = {0, layer->rows, NULL, layer->state};
    scan(layer->y, &layer->in, &span, 1, layer->scratch);
}

/* Largest difference relative to the largest value of want. */
static double deviation(const float *got, const float *want, size_t n)
{
    double difference = 0, largest = 1e-30;
    for (size_t i = 0; i < n; i++) {
        double delta = fabs((double)got[i] - (double)want[i]);
        difference = isnan(delta) ? INFINITY : fmax(difference, delta);
        largest = fmax(largest, fabs((double)want[i]));
    }
    return difference / largest;
}

static double worst;

static void assert_close(const char *name, const char *what, const struct layer *got,
                         const struct layer *want)
{
    double y = deviation(got->y, want->y, got->n_y);
    double state = deviation(got->state, want->state, SEQUENCES * got->n_state);
    worst = fmax(worst, fmax(y, state));
    if (!(y <= bound && state <= bound))
        fail_msg("%s: %s, %d heads of %d x %d, %d rows: y deviates by %g, the state by %g", name,
                 what, got->size.heads, got->size.head_dim, got->size.state_size, got->rows, y,
                 state);
}

static void assert_same_bits(const struct layer *a, const struct layer *b)
{
    assert_memory_equal(a->y, b->y, a->n_y * sizeof *a->y);
    assert_memory_equal(a->state, b->state, SEQUENCES * a->n_state * sizeof *a->state);
}

/* Chunks and recurrence against the reference and each other, on one set of inputs. */
static void check_one(const struct level *level, struct geometry g, int rows, float state,
                      bool reversed)
{
    struct layer chunks, plain, want, *all[] = {&chunks, &plain, &want};
    ssd_function *scans[] = {level->ops->ssd_scan, level->recurrence, ops_all[0]->ssd_scan};
    for (int i = 0; i < 3; i++) {
        layer_open(all[i], level->ops, g, rows, (uint64_t)(rows + g.heads));
        fill_state(all[i], state);
        if (reversed) {
            reverse(all[i]->xbc, rows, all[i]->in.xbc_stride);
            reverse(all[i]->dt, rows, all[i]->in.dt_stride);
        }
        run(scans[i], all[i]);
    }
    assert_close(level->ops->name, "chunks", &chunks, &want);
    assert_close(level->ops->name, "recurrence", &plain, &want);
    assert_close(level->ops->name, "chunks against recurrence", &chunks, &plain);
    for (int i = 0; i < 3; i++)
        layer_close(all[i]);
}

static const struct geometry geometries[] = {{1, 8, 16},  {12, 4, 4},   {3, 20, 16}, {2, 64, 128},
                                             {80, 8, 16}, {1, 72, 130}, {1, 4, 300}};
enum { N_GEOMETRIES = sizeof geometries / sizeof geometries[0] };

static void check_lengths(const struct level *level)
{
    int Q = level->ops->ssd_chunk;
    const int lengths[] = {1, Q - 1, Q, Q + 1, 2 * Q + 3, 5 * Q};
    for (int i = 0; i < N_GEOMETRIES; i++)
        for (size_t l = 0; l < sizeof lengths / sizeof lengths[0]; l++)
            for (int reversed = 0; reversed < 2; reversed++) {
                check_one(level, geometries[i], lengths[l], 0, reversed);
                check_one(level, geometries[i], lengths[l], 1, reversed);
            }
    check_one(level, (struct geometry){3, 8, 16}, 779, 0, false);
    check_one(level, (struct geometry){3, 8, 16}, 779, 1, true);
    check_one(level, (struct geometry){1, 64, 128}, 779, 1, false);
}

static void chunks_and_recurrence_agree_with_the_reference(void **state)
{
    (void)state;
    worst = 0;
    for_each_level(check_lengths);
    print_message("largest deviation: %.2g (bound %g)\n", worst, bound);
}

/* One output of the paper's sum: the state decayed, and every row up to m with its decay. */
static double paper_sum(const struct layer *layer, const float *state, int m, int h, int p)
{
    const struct ssd_inputs *in = &layer->in;
    const float *C = in->C + (size_t)m * in->xbc_stride;
    double decay = 1, sum = 0;
    for (int k = m; k >= -1; k--) {
        const float *x = k < 0 ? NULL : in->x + (size_t)k * in->xbc_stride + h * in->head_dim;
        double product = 0, dt = 0;
        for (int n = 0; n < in->state_size; n++)
            product +=
                (double)C[n] * (double)(k < 0 ? state[(h * in->state_size + n) * in->head_dim + p]
                                              : in->B[(size_t)k * in->xbc_stride + (size_t)n]);
        if (k < 0)
            return sum + decay * product;
        dt = log1p(exp((double)in->dt[(size_t)k * in->dt_stride + (size_t)h] + in->dt_bias[h]));
        sum += decay * product * dt * x[p] + (k == m ? (double)in->D[h] * x[p] : 0);
        decay *= exp(dt * in->A[h]);
    }
    return sum;
}

static void the_reference_is_the_sum_of_the_paper(void **state)
{
    (void)state;
    struct geometry g = {3, 5, 7};
    struct layer layer;
    layer_open(&layer, ops_all[0], g, 23, 5);
    fill_state(&layer, 1);
    float *before = floats(layer.n_state, 0);
    memcpy(before, layer.state, layer.n_state * sizeof *before);
    run(ops_all[0]->ssd_scan, &layer);
    for (int m = 0; m < layer.rows; m++)
        for (int c = 0; c < g.heads * g.head_dim; c++) {
            double want = paper_sum(&layer, before, m, c / g.head_dim, c % g.head_dim);
            double got = layer.y[m * g.heads * g.head_dim + c];
            if (!(fabs(got - want) <= 2e-6))
                fail_msg("row %d, channel %d: %.9g, not %.9g", m, c, got, want);
        }
    free(before);
    layer_close(&layer);
}

/* Rows that forget everything beside rows that forget nothing, and steps above softplus' 20. */
static void check_extremes(const struct level *level)
{
    struct geometry g = {3, 20, 16};
    struct layer got, want, *both[] = {&got, &want};
    int rows = 3 * level->ops->ssd_chunk + 1;
    for (int i = 0; i < 2; i++) {
        layer_open(both[i], level->ops, g, rows, 3);
        fill_state(both[i], 1);
        for (int r = 0; r < rows; r++)
            for (int h = 0; h < g.heads; h++)
                both[i]->dt[(size_t)r * both[i]->in.dt_stride + (size_t)h] = r % 7 == 3
                                                                                 ? 105.0F + (float)h
                                                                             : r % 7 == 5 ? 23.5F
                                                                                          : -9.0F;
        run(i ? ops_all[0]->ssd_scan : level->ops->ssd_scan, both[i]);
    }
    assert_close(level->ops->name, "extremes", &got, &want);
    layer_close(&got), layer_close(&want);
}

static void strong_and_weak_decays_stand_side_by_side(void **state)
{
    (void)state;
    for_each_level(check_extremes);
}

/* A span cut at multiples of ssd_chunk; and the recurrence cut everywhere. */
static void check_cuts(const struct level *level)
{
    int Q = level->ops->ssd_chunk, rows = 5 * Q + 3;
    const int steps[] = {1, Q, 2 * Q};
    for (int i = 0; i < 3 * N_GEOMETRIES; i++) {
        int step = steps[i % 3];
        ssd_function *scan = step == 1 ? level->recurrence : level->ops->ssd_scan;
        struct layer whole, cut;
        layer_open(&whole, level->ops, geometries[i / 3], rows, 9);
        layer_open(&cut, level->ops, geometries[i / 3], rows, 9);
        fill_state(&whole, 1), fill_state(&cut, 1);
        run(scan, &whole);
        for (int first = 0; first < rows; first += step) {
            struct span span = {first, step < rows - first ? step : rows - first, NULL, cut.state};
            scan(cut.y, &cut.in, &span, 1, cut.scratch);
        }
        assert_same_bits(&whole, &cut);
        layer_close(&whole), layer_close(&cut);
    }
}

static void cuts_at_chunks_change_no_bit(void **state)
{
    (void)state;
    for_each_level(check_cuts);
}

/* Three sequences of different lengths, in another order than their rows, with rows between them
 * that belong to nobody. */
static void check_company(const struct level *level)
{
    int Q = level->ops->ssd_chunk;
    const int lengths[] = {2 * Q + 5, 1, 3 * Q}, firsts[] = {3 * Q + 4, 0, 2};
    for (int i = 0; i < N_GEOMETRIES; i++) {
        struct layer together, alone;
        struct span spans[SEQUENCES];
        int rows = 5 * Q + 9;
        layer_open(&together, level->ops, geometries[i], rows, 11);
        layer_open(&alone, level->ops, geometries[i], rows, 11);
        fill_state(&together, 1), fill_state(&alone, 1);
        for (int s = 0; s < SEQUENCES; s++) {
            spans[s] =
                (struct span){firsts[s], lengths[s], NULL, alone.state + (size_t)s * alone.n_state};
            level->ops->ssd_scan(alone.y, &alone.in, &spans[s], 1, alone.scratch);
            spans[s].ssm_state = together.state + (size_t)s * alone.n_state;
        }
        level->ops->ssd_scan(together.y, &together.in, spans, SEQUENCES, together.scratch);
        assert_same_bits(&together, &alone);
        assert_true(isnan(together.y[together.n_y / (size_t)rows])); /* row 1 is nobody's */
        layer_close(&together), layer_close(&alone);
    }
}

static void company_changes_no_bit(void **state)
{
    (void)state;
    for_each_level(check_company);
}

static void check_threads(const struct level *level)
{
    struct geometry g = {12, 64, 128};
    for (int rows = 15; rows < 100; rows += 79) {
        struct layer one, many;
        layer_open(&one, level->ops, g, rows, 13);
        layer_open(&many, level->ops, g, rows, 13);
        fill_state(&one, 1), fill_state(&many, 1);
        omp_set_num_threads(1);
        run(level->ops->ssd_scan, &one);
        omp_set_num_threads(3);
        run(level->ops->ssd_scan, &many);
        omp_set_num_threads(1);
        assert_same_bits(&one, &many);
        layer_close(&one), layer_close(&many);
    }
}

static void threads_change_no_bit(void **state)
{
    (void)state;
    for_each_level(check_threads);
}

/* A NaN in one row's x of one channel, B, C, or one head's dt: outputs from there on (C: there) are
 * NaN, outputs before it and of other channels or heads are not. */
static void check_nan(const struct level *level, int kind, int row)
{
    struct geometry g = {2, 20, 16};
    struct layer layer;
    int inner = g.heads * g.head_dim, rows = 2 * level->ops->ssd_chunk + 3;
    layer_open(&layer, level->ops, g, rows, 15);
    size_t stride = layer.in.xbc_stride;
    float *places[] = {layer.xbc + (size_t)row * stride + 5,
                       layer.xbc + (size_t)row * stride + inner + 7,
                       layer.xbc + (size_t)row * stride + inner + g.state_size + 7,
                       layer.dt + (size_t)row * layer.in.dt_stride};
    *places[kind] = NAN;
    run(level->ops->ssd_scan, &layer);
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < inner; c++) {
            bool reached = kind == 0 ? c == 5 : kind == 3 ? c < g.head_dim : true;
            bool want = reached && (kind == 2 ? r == row : r >= row);
            if (!isnan(layer.y[r * inner + c]) != !want)
                fail_msg("%s: NaN of kind %d in row %d: y[%d][%d] is %g", level->ops->name, kind,
                         row, r, c, (double)layer.y[r * inner + c]);
        }
    layer_close(&layer);
}

static void check_nans(const struct level *level)
{
    for (int kind = 0; kind < 4; kind++)
        for (int row = 0; row < 2 * level->ops->ssd_chunk + 3; row++)
            check_nan(level, kind, row);
}

static void nan_goes_where_it_belongs_and_nowhere_else(void **state)
{
    (void)state;
    for_each_level(check_nans);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_reference_is_the_sum_of_the_paper),
        cmocka_unit_test(chunks_and_recurrence_agree_with_the_reference),
        cmocka_unit_test(strong_and_weak_decays_stand_side_by_side),
        cmocka_unit_test(cuts_at_chunks_change_no_bit),
        cmocka_unit_test(company_changes_no_bit),
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(nan_goes_where_it_belongs_and_nowhere_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
