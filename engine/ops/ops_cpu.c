/* engine/ops/ops_cpu.c - the fast operations, compiled once per instruction set (-DLEVEL=...).
 *
 * Only ops_cpu_<level> is exported.  Rows or channels are split among threads; each output is
 * computed by the same instructions whichever thread has it and whatever stands beside it. */
#include "engine/base/float16.h"
#include "engine/ops/ops.h"
#include "engine/ops/vector.h"

#include <assert.h>
#include <math.h>

/* Below this much work a parallel region costs more than it saves, and far more on a machine where
 * something else holds a core: values touched, rows of a convolution's or a scan's vectors, and
 * multiplications of attention. */
enum {
    PARALLEL_VALUES = 1 << 15,
    PARALLEL_CONV_ROWS = 1 << 14,
    PARALLEL_SCAN_ROWS = 1 << 12,
    PARALLEL_PRODUCTS = 1 << 20
};

static int min_int(int a, int b)
{
    return a < b ? a : b;
}

INLINE vec sum_of_squares(const float *x, int width, float mean)
{
    vec sum = {0};
    for (int c = 0; c < width; c += LANES) {
        int n = min_int(LANES, width - c);
        vec d = vec_load(x + c, n) - mean;
        if (n < LANES) { /* lanes behind the end hold -mean: take them out again */
            float lanes[LANES] = {0};
            memcpy(lanes, &d, (size_t)n * sizeof *lanes);
            memcpy(&d, lanes, sizeof d);
        }
        sum += d * d;
    }
    return sum;
}

static void rms_norm(float *y, const float *x, const float *weight, int rows, int width, float eps)
{
#pragma omp parallel for if ((long)rows * width > PARALLEL_VALUES)
    for (int r = 0; r < rows; r++) {
        const float *in = x + (size_t)r * (size_t)width;
        float *out = y + (size_t)r * (size_t)width;
        float scale = 1.0F / sqrtf(vec_sum(sum_of_squares(in, width, 0)) / (float)width + eps);
        for (int c = 0; c < width; c += LANES) {
            int n = min_int(LANES, width - c);
            vec_store(out + c, vec_load(in + c, n) * scale * vec_load(weight + c, n), n);
        }
    }
}

static void layer_norm(float *y, const float *x, const float *weight, const float *bias, int rows,
                       int width, float eps)
{
#pragma omp parallel for if ((long)rows * width > PARALLEL_VALUES)
    for (int r = 0; r < rows; r++) {
        const float *in = x + (size_t)r * (size_t)width;
        float *out = y + (size_t)r * (size_t)width;
        vec sum = {0};
        for (int c = 0; c < width; c += LANES)
            sum += vec_load(in + c, min_int(LANES, width - c));
        float mean = vec_sum(sum) / (float)width;
        float variance = vec_sum(sum_of_squares(in, width, mean)) / (float)width;
        float scale = 1.0F / sqrtf(variance + eps);
        for (int c = 0; c < width; c += LANES) {
            int n = min_int(LANES, width - c);
            vec v = (vec_load(in + c, n) - mean) * scale;
            vec_store(out + c, v * vec_load(weight + c, n) + vec_load(bias + c, n), n);
        }
    }
}

static void gelu_erf(float *x, size_t n)
{
    long blocks = (long)((n + LANES - 1) / LANES);
#pragma omp parallel for if (n > PARALLEL_VALUES)
    for (long b = 0; b < blocks; b++) {
        float *at = x + b * LANES;
        int count = b + 1 < blocks ? LANES : (int)(n - (size_t)b * LANES);
        vec v = vec_load(at, count);
        vec_store(at, 0.5F * v * (1.0F + vec_erf(v * 0.70710678118F)), count);
    }
}

static void add_scaled(float *y, const float *x, const float *scale, int rows, int width)
{
#pragma omp parallel for if ((long)rows * width > PARALLEL_VALUES)
    for (int r = 0; r < rows; r++) {
        const float *in = x + (size_t)r * (size_t)width;
        float *out = y + (size_t)r * (size_t)width;
        if (scale)
            for (int c = 0; c < width; c++)
                out[c] += scale[c] * in[c];
        else
            for (int c = 0; c < width; c++)
                out[c] += in[c];
    }
}

static void copy_rows(float *y, size_t y_stride, const float *x, size_t x_stride, int rows,
                      int width)
{
    for (int r = 0; r < rows; r++)
        memcpy(y + (size_t)r * y_stride, x + (size_t)r * x_stride, (size_t)width * sizeof *y);
}

static void embed_f32(float *y, const float *table, const int *ids, int rows, int width)
{
    for (int r = 0; r < rows; r++)
        memcpy(y + (size_t)r * (size_t)width, table + (size_t)ids[r] * (size_t)width,
               (size_t)width * sizeof *y);
}

static void embed_bf16(float *y, const unsigned short *table, const int *ids, int rows, int width)
{
    for (int r = 0; r < rows; r++) {
        const unsigned short *in = table + (size_t)ids[r] * (size_t)width;
        float *out = y + (size_t)r * (size_t)width;
        for (int c = 0; c < width; c++)
            out[c] = float_from_bf16(in[c]);
    }
}

static void patches(float *y, const float *pixels, int size, int patch)
{
    int grid = size / patch;
    size_t row_bytes = (size_t)patch * sizeof *y;
#pragma omp parallel for if ((long)size * size > PARALLEL_VALUES)
    for (int p = 0; p < grid * grid; p++) {
        float *out = y + (size_t)p * 3 * (size_t)patch * (size_t)patch;
        for (int c = 0; c < 3; c++)
            for (int py = 0; py < patch; py++, out += patch) {
                size_t line = (size_t)c * (size_t)size + (size_t)(p / grid * patch + py);
                memcpy(out, pixels + line * (size_t)size + (size_t)(p % grid * patch), row_bytes);
            }
    }
}

/* Attention: a block of queries of one head walks over tiles of keys, keeping for each query the
 * largest score so far, the sum of exponentials and the weighted sum of values; all three are
 * scaled down when a larger score turns up (Milakov & Gimelshein 2018, "Online normalizer
 * calculation for softmax").  Memory is a few tiles however many keys there are. */
enum {
    QUERY_BLOCK = 16,
    QUERY_STEP = 4,
    KEY_VECTORS = 4,
    KEY_TILE = KEY_VECTORS * LANES,
    MAX_HEAD = 256
};

struct attention_block {
    float keys[MAX_HEAD][KEY_TILE];       /* a tile of keys, transposed */
    float queries[QUERY_BLOCK][MAX_HEAD]; /* scaled; zeros where there is no query */
    float sums[QUERY_BLOCK][MAX_HEAD];    /* weighted values */
    float weights[QUERY_BLOCK][KEY_TILE]; /* exponentials of the tile's scores */
    float largest[QUERY_BLOCK], total[QUERY_BLOCK];
};

/* weights[i..i+3] = queries[i..i+3] . keys, for all keys of the tile. */
INLINE void tile_scores(struct attention_block *block, int i, int head_dim)
{
    vec acc[QUERY_STEP][KEY_VECTORS] = {{{0}}};
    for (int d = 0; d < head_dim; d++)
        for (int v = 0; v < KEY_VECTORS; v++) {
            vec key = vec_load(&block->keys[d][v * LANES], LANES);
            for (int q = 0; q < QUERY_STEP; q++)
                acc[q][v] += block->queries[i + q][d] * key;
        }
    for (int q = 0; q < QUERY_STEP; q++)
        for (int v = 0; v < KEY_VECTORS; v++)
            vec_store(&block->weights[i + q][v * LANES], acc[q][v], LANES);
}

/* Turns the scores of query i into exponentials and rescales what was summed before. */
INLINE void tile_softmax(struct attention_block *block, int i, int n_keys, int head_dim)
{
    float *w = block->weights[i];
    float largest = block->largest[i];
    for (int j = 0; j < n_keys; j++)
        largest = w[j] > largest ? w[j] : largest;
    vec shrink = vec_exp(vec_set(block->largest[i] - largest));
    if (block->largest[i] == -INFINITY)
        shrink = vec_set(0.0F);
    vec total = {0};
    for (int j = 0; j < n_keys; j += LANES) {
        vec e = vec_exp(vec_load(w + j, LANES) - largest);
        int n = min_int(LANES, n_keys - j);
        float lanes[LANES] = {0};
        vec_store(lanes, e, n);
        e = vec_load(lanes, LANES);
        vec_store(w + j, e, LANES);
        total += e;
    }
    block->total[i] = block->total[i] * shrink[0] + vec_sum(total);
    block->largest[i] = largest;
    for (int d = 0; d < head_dim; d += LANES)
        vec_store(&block->sums[i][d], vec_load(&block->sums[i][d], LANES) * shrink, LANES);
}

/* sums[i..i+3] += weights[i..i+3] * values of the tile. */
INLINE void tile_values(struct attention_block *block, int i, const float *values, size_t stride,
                        int n_keys, int head_dim)
{
    for (int d = 0; d < head_dim; d += LANES) {
        int n = min_int(LANES, head_dim - d);
        vec acc[QUERY_STEP];
        for (int q = 0; q < QUERY_STEP; q++)
            acc[q] = vec_load(&block->sums[i + q][d], LANES);
        for (int j = 0; j < n_keys; j++) {
            vec value = vec_load(values + (size_t)j * stride + d, n);
            for (int q = 0; q < QUERY_STEP; q++)
                acc[q] += block->weights[i + q][j] * value;
        }
        for (int q = 0; q < QUERY_STEP; q++)
            vec_store(&block->sums[i + q][d], acc[q], LANES);
    }
}

static void load_queries(struct attention_block *block, const float *q,
                         const struct attention_shape *s, int n)
{
    memset(block->queries, 0, sizeof block->queries);
    memset(block->sums, 0, sizeof block->sums);
    for (int i = 0; i < QUERY_BLOCK; i++) {
        block->largest[i] = -INFINITY;
        block->total[i] = 0;
        for (int d = 0; i < n && d < s->head_dim; d++)
            block->queries[i][d] = q[(size_t)i * s->stride + (size_t)d] * s->scale;
    }
}

static void load_keys(struct attention_block *block, const float *k,
                      const struct attention_shape *s, int n)
{
    for (int j = 0; j < KEY_TILE; j++)
        for (int d = 0; d < s->head_dim; d++)
            block->keys[d][j] = j < n ? k[(size_t)j * s->stride + (size_t)d] : 0.0F;
}

/* QUERY_BLOCK queries from first on of one head; q, k, v, out point at the head's first row. */
static void attend_block(struct attention_block *block, float *out, const float *q, const float *k,
                         const float *v, const struct attention_shape *s, int first)
{
    int n = min_int(QUERY_BLOCK, s->n_queries - first);
    load_queries(block, q + (size_t)first * s->stride, s, n);
    for (int tile = 0; tile < s->n_keys; tile += KEY_TILE) {
        int n_keys = min_int(KEY_TILE, s->n_keys - tile);
        load_keys(block, k + (size_t)tile * s->stride, s, n_keys);
        for (int i = 0; i < QUERY_BLOCK; i += QUERY_STEP) {
            tile_scores(block, i, s->head_dim);
            for (int j = 0; j < QUERY_STEP; j++)
                tile_softmax(block, i + j, n_keys, s->head_dim);
            tile_values(block, i, v + (size_t)tile * s->stride, s->stride, n_keys, s->head_dim);
        }
    }
    size_t out_stride = (size_t)s->heads * (size_t)s->head_dim;
    for (int i = 0; i < n; i++)
        for (int d = 0; d < s->head_dim; d++)
            out[(size_t)(first + i) * out_stride + (size_t)d] = block->sums[i][d] / block->total[i];
}

static void attention(float *out, const float *q, const float *k, const float *v,
                      const struct attention_shape *s)
{
    assert(s->head_dim <= MAX_HEAD);
    int blocks = (s->n_queries + QUERY_BLOCK - 1) / QUERY_BLOCK;
    long products = (long)s->n_queries * s->n_keys * s->heads * s->head_dim;
#pragma omp parallel for schedule(dynamic) if (products > PARALLEL_PRODUCTS)
    for (int task = 0; task < s->heads * blocks; task++) {
        struct attention_block block;
        size_t head = (size_t)(task / blocks) * (size_t)s->head_dim;
        attend_block(&block, out + head, q + head, k + head, v + head, s,
                     task % blocks * QUERY_BLOCK);
    }
}

static long total_rows(const struct span *spans, size_t n_spans)
{
    long rows = 0;
    for (size_t i = 0; i < n_spans; i++)
        rows += spans[i].n_rows;
    return rows;
}

/* One block of channels of one span; width is a constant where this is inlined for 4. */
INLINE void conv_channels(float *y, const float *x, size_t x_stride, size_t y_stride,
                          const float *weight, const float *bias, int width,
                          const struct span *span, size_t c, int n)
{
    vec taps[8], window[8]; /* window: the last inputs, oldest first */
    for (int w = 0; w < width; w++) {
        taps[w] = vec_load(weight + (size_t)w * y_stride + c, n);
        window[w] = vec_load(span->conv_state + (size_t)w * y_stride + c, n);
    }
    vec b = vec_load(bias + c, n);
    for (int t = 0; t < span->n_rows; t++) {
        size_t row = (size_t)(span->first_row + t);
        for (int w = 0; w + 1 < width; w++)
            window[w] = window[w + 1];
        window[width - 1] = vec_load(x + row * x_stride + c, n);
        vec sum = b;
        for (int w = 0; w < width; w++)
            sum += taps[w] * window[w];
        vec_store(y + row * y_stride + c, vec_silu(sum), n);
    }
    for (int w = 0; w < width; w++)
        vec_store(span->conv_state + (size_t)w * y_stride + c, window[w], n);
}

static void causal_conv_silu(float *y, const float *x, size_t x_stride, const float *weight,
                             const float *bias, int channels, int width, const struct span *spans,
                             size_t n_spans)
{
    assert(width <= 8);
    long blocks = (channels + LANES - 1) / LANES;
    long tasks = blocks * (long)n_spans;
#pragma omp parallel for if (blocks * total_rows(spans, n_spans) > PARALLEL_CONV_ROWS)
    for (long task = 0; task < tasks; task++) {
        const struct span *span = &spans[task / blocks];
        int c = (int)(task % blocks) * LANES;
        int n = min_int(LANES, channels - c);
        if (width == 4 && n == LANES)
            conv_channels(y, x, x_stride, (size_t)channels, weight, bias, 4, span, (size_t)c,
                          LANES);
        else
            conv_channels(y, x, x_stride, (size_t)channels, weight, bias, width, span, (size_t)c,
                          n);
    }
}

enum { MAX_STATE = 256 };

/* One block of channels of one span: the state stays in registers (N is 16 where it matters). */
INLINE void scan_channels(float *y, const struct scan_inputs *in, const struct span *span, size_t c,
                          int n, int N)
{
    vec h[MAX_STATE];
    size_t stride = (size_t)in->channels;
    for (int i = 0; i < N; i++)
        h[i] = vec_load(span->ssm_state + (size_t)i * stride + c, n);
    vec dt_bias = vec_load(in->dt_bias + c, n), D = vec_load(in->D + c, n);
    for (int t = 0; t < span->n_rows; t++) {
        size_t row = (size_t)(span->first_row + t);
        const float *B = in->B + row * in->bc_stride, *C = in->C + row * in->bc_stride;
        vec x = vec_load(in->x + row * stride + c, n);
        vec dt = vec_softplus(vec_load(in->dt + row * stride + c, n) + dt_bias);
        vec dtx = dt * x, sum = D * x;
        for (int i = 0; i < N; i++) {
            vec A = vec_load(in->A + (size_t)i * stride + c, n);
            h[i] = vec_exp(dt * A) * h[i] + B[i] * dtx;
            sum += h[i] * C[i];
        }
        vec z = vec_load(in->z + row * in->z_stride + c, n);
        vec_store(y + row * stride + c, sum * vec_silu(z), n);
    }
    for (int i = 0; i < N; i++)
        vec_store(span->ssm_state + (size_t)i * stride + c, h[i], n);
}

static void selective_scan(float *y, const struct scan_inputs *in, const struct span *spans,
                           size_t n_spans)
{
    assert(in->state_size <= MAX_STATE);
    long blocks = (in->channels + LANES - 1) / LANES;
    long tasks = blocks * (long)n_spans;
#pragma omp parallel for if (blocks * total_rows(spans, n_spans) > PARALLEL_SCAN_ROWS)
    for (long task = 0; task < tasks; task++) {
        const struct span *span = &spans[task / blocks];
        int c = (int)(task % blocks) * LANES;
        int n = min_int(LANES, in->channels - c);
        if (in->state_size == 16 && n == LANES)
            scan_channels(y, in, span, (size_t)c, LANES, 16);
        else
            scan_channels(y, in, span, (size_t)c, n, in->state_size);
    }
}

/* One output of the pool: the mean of rows [top, bottom) x [left, right). */
static void pool_window(float *y, const float *x, int side, int width, const int window[4])
{
    int count = (window[1] - window[0]) * (window[3] - window[2]);
    for (int c = 0; c < width; c += LANES) {
        int n = min_int(LANES, width - c);
        vec sum = {0};
        for (int a = window[0]; a < window[1]; a++)
            for (int b = window[2]; b < window[3]; b++)
                sum += vec_load(x + (size_t)(a * side + b) * (size_t)width + (size_t)c, n);
        vec_store(y + c, sum / (float)count, n);
    }
}

static void average_pool(float *y, const float *x, int side, int out, int width)
{
#pragma omp parallel for if ((long)side * side * width > PARALLEL_VALUES)
    for (int p = 0; p < out * out; p++) {
        int i = p / out, j = p % out;
        int window[4] = {i * side / out, ((i + 1) * side + out - 1) / out, j * side / out,
                         ((j + 1) * side + out - 1) / out};
        pool_window(y + (size_t)p * (size_t)width, x, side, width, window);
    }
}

/* One row of the grid position: all channels, taps outside the grid left out. */
static void conv_position(float *y, const float *x, const float *weight, const float *bias,
                          int side, int width, int p)
{
    int row = p / side, column = p % side;
    for (int c = 0; c < width; c += LANES) {
        int n = min_int(LANES, width - c);
        vec sum = {0};
        for (int tap = 0; tap < 9; tap++) {
            int i = row + tap / 3 - 1, j = column + tap % 3 - 1;
            if (i < 0 || i >= side || j < 0 || j >= side)
                continue;
            sum += vec_load(weight + (size_t)tap * (size_t)width + (size_t)c, n) *
                   vec_load(x + (size_t)(i * side + j) * (size_t)width + (size_t)c, n);
        }
        vec self = vec_load(x + (size_t)p * (size_t)width + (size_t)c, n);
        vec_store(y + (size_t)p * (size_t)width + (size_t)c, sum + vec_load(bias + c, n) + self, n);
    }
}

static void position_conv(float *y, const float *x, const float *weight, const float *bias,
                          int side, int width)
{
#pragma omp parallel for if ((long)side * side * width > PARALLEL_VALUES)
    for (int p = 0; p < side * side; p++)
        conv_position(y, x, weight, bias, side, width, p);
}

#define JOIN2(a, b) a##b
#define JOIN(a, b) JOIN2(a, b)
#define TEXT2(a) #a
#define TEXT(a) TEXT2(a)

extern const struct ops JOIN(ops_cpu_, LEVEL);
const struct ops JOIN(ops_cpu_, LEVEL) = {
    .name = TEXT(LEVEL),
    .rms_norm = rms_norm,
    .layer_norm = layer_norm,
    .gelu_erf = gelu_erf,
    .add_scaled = add_scaled,
    .copy_rows = copy_rows,
    .embed_f32 = embed_f32,
    .embed_bf16 = embed_bf16,
    .patches = patches,
    .attention = attention,
    .causal_conv_silu = causal_conv_silu,
    .selective_scan = selective_scan,
    .average_pool = average_pool,
    .position_conv = position_conv,
};
