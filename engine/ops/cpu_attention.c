/* engine/ops/cpu_attention.c - softmax attention.
 *
 * A block of queries walks over tiles of keys, keeping for each query the largest score so far, the
 * sum of exponentials and the weighted sum of values; all three are scaled down when a larger score
 * turns up (Milakov & Gimelshein 2018, "Online normalizer calculation for softmax").  Memory is a
 * few tiles however many keys there are.
 *
 * A row's result is the same bit for bit however its sequence is cut.  Tiles begin at key 0, 64,
 * 128 and so on; within one, a score is one chain of fused products over the dimensions, a weighted
 * value one chain over the keys that the row sees, in that order.  Queries stand side by side only
 * to share loads.  What a row does not see touches none of its numbers. */
#include "engine/ops/cpu.h"

enum {
    KEY_TILE = 64,
    QUERY_BLOCK = 192, /* each turns the keys round once: more is faster, less waits less */
    QUERY_STEP = 4,    /* queries that share loads */
    STEP_VECTORS = LANES == 16 ? 4 : 2, /* of keys or values, so that registers hold them */
    MOST_VECTORS = LANES == 16 ? 5 : 2, /* heads of 72 and 80 */
    ALONE_CHAINS = 2,
    ALONE_VECTORS = 5
};

/* The queries of a task are the rows of the heads that share keys: query e is row e / group, head
 * e % group. */
struct task {
    const struct attention_shape *shape;
    const float *q;      /* of the span's first row and the group's first head */
    float *out;          /* likewise */
    const char *k, *v;   /* of the group */
    size_t stride;       /* bytes between keys, and between values */
    int first, n, group; /* queries; heads that share keys */
    int visible;         /* keys that the first row sees */
};

struct block {
    float keys[OPS_MAX_HEAD][KEY_TILE]; /* a tile of keys, transposed */
    float values[KEY_TILE * OPS_MAX_HEAD];
    float queries[QUERY_BLOCK * OPS_MAX_HEAD]; /* scaled */
    float sums[QUERY_BLOCK * OPS_MAX_HEAD];    /* weighted values */
    float weights[QUERY_STEP][KEY_TILE];       /* scores of a step, then their exponentials */
    vec total[QUERY_BLOCK];                    /* sums of exponentials, lane by lane */
    float largest[QUERY_BLOCK];
    int visible[QUERY_BLOCK]; /* keys that a query sees; never falls */
    int n_keys;               /* that the last query sees */
    int head_dim;
    bool bf16;
    size_t row_bytes; /* of a key */
    size_t pitch;     /* of values, queries, sums: head_dim in whole vectors */
};

static void load_queries(struct block *block, const struct task *task)
{
    const struct attention_shape *s = task->shape;
    size_t bytes = (size_t)s->head_dim * sizeof(float);
    block->head_dim = s->head_dim;
    block->bf16 = s->type == CACHE_BF16;
    block->row_bytes = block->bf16 ? bytes / 2 : bytes;
    block->pitch = (size_t)((s->head_dim + LANES - 1) / LANES * LANES);
    memset(block->weights, 0, sizeof block->weights);
    memset(block->sums, 0, (size_t)task->n * block->pitch * sizeof *block->sums);
    for (size_t j = 1; j <= KEY_TILE; j++) /* what lies behind head_dim is never loaded */
        vec_store(&block->values[j * block->pitch - LANES], (vec){0}, LANES);
    for (int i = 0; i < task->n; i++) {
        int row = (task->first + i) / task->group, head = (task->first + i) % task->group;
        float *query = &block->queries[(size_t)i * block->pitch];
        memcpy(query, task->q + (size_t)row * s->q_stride + (size_t)(head * s->head_dim), bytes);
        for (int d = 0; d < s->head_dim; d++)
            query[d] *= s->scale;
        block->largest[i] = -INFINITY;
        block->total[i] = (vec){0};
        block->visible[i] = task->visible + (s->causal ? row : 0);
    }
    block->n_keys = block->visible[task->n - 1];
}

/* Asks for a row that the next tile will need. */
INLINE void fetch_row(const struct block *block, const char *row)
{
    for (size_t at = 0; at < block->row_bytes; at += 64)
        __builtin_prefetch(row + at, 0, 2);
}

/* Keys j to j + LANES of the tile; zeros behind the last one. */
INLINE void key_rows(const char *rows[LANES], const struct block *block, const struct task *task,
                     int tile, int j)
{
    static const float zeros[OPS_MAX_HEAD];
    const char *row = task->k + (size_t)(tile + j) * task->stride;
    for (int r = 0; r < LANES; r++, row += task->stride) {
        rows[r] = tile + j + r < block->n_keys ? row : (const char *)zeros;
        if (tile + KEY_TILE + j + r < block->n_keys)
            fetch_row(block, row + KEY_TILE * task->stride);
    }
}

/* Transposes the same bytes, at most a vector, of LANES rows. */
INLINE void gather(vec words[LANES], const char *const rows[LANES], size_t offset, size_t bytes)
{
    for (int r = 0; r < LANES; r++) {
        vec word = {0};
        if (bytes == sizeof word)
            memcpy(&word, rows[r] + offset, sizeof word);
        else
            memcpy(&word, rows[r] + offset, bytes);
        words[r] = word;
    }
    vec_transpose(words);
}

/* Dimensions d to d + n of LANES keys; of bf16 two neighbours travel as one word. */
INLINE void gather_dims(vec words[LANES], const char *const rows[LANES], int d, int n, bool bf16)
{
    size_t size = bf16 ? sizeof(uint16_t) : sizeof(float);
    gather(words, rows, (size_t)d * size, (size_t)n * size);
}

INLINE vec gathered(const vec words[LANES], int c, bool bf16)
{
    if (!bf16)
        return words[c];
    veci word = (veci)words[c / 2];
    return (vec)(c % 2 ? word & (int32_t)0xFFFF0000 : word << 16);
}

INLINE void transpose(struct block *block, const char *const rows[LANES], int j, int d, int n,
                      bool bf16)
{
    vec words[LANES];
    gather_dims(words, rows, d, n, bf16);
    for (int c = 0; c < n; c++)
        vec_store(&block->keys[d + c][j], gathered(words, c, bf16), LANES);
}

/* Whole vectors of every row; the last one overlaps the one before it. */
INLINE void load_keys(struct block *block, const struct task *task, int tile, bool bf16)
{
    int dims = block->head_dim, step = bf16 ? 2 * LANES : LANES;
    for (int j = 0; j < KEY_TILE; j += LANES) {
        const char *rows[LANES];
        key_rows(rows, block, task, tile, j);
        for (int d = 0; d < dims; d += step)
            if (dims >= step)
                transpose(block, rows, j, min_int(d, dims - step), step, bf16);
            else
                transpose(block, rows, j, 0, dims, bf16);
    }
}

static void load_values(struct block *block, const struct task *task, int tile, int n)
{
    const char *row = task->v + (size_t)tile * task->stride;
    float *to = block->values;
    for (int j = 0; j < n; j++, row += task->stride, to += block->pitch) {
        if (tile + KEY_TILE + j < block->n_keys)
            fetch_row(block, row + KEY_TILE * task->stride);
        if (block->bf16)
            vec_widen(to, (const uint16_t *)(const void *)row, block->head_dim);
        else
            memcpy(to, row, block->row_bytes);
    }
}

static void load_tile(struct block *block, const struct task *task, int tile, int n)
{
    if (block->bf16)
        load_keys(block, task, tile, true);
    else
        load_keys(block, task, tile, false);
    load_values(block, task, tile, n);
}

/* Scores of so many queries from i on with the tile's first n keys, and with some behind them. */
INLINE void tile_scores(struct block *block, int i, int queries, int n)
{
    const float *q = &block->queries[(size_t)i * block->pitch];
    for (int j = 0; j < n; j += STEP_VECTORS * LANES) {
        vec acc[QUERY_STEP][STEP_VECTORS] = {{{0}}};
        for (int d = 0; d < block->head_dim; d++)
            for (int v = 0; v < STEP_VECTORS; v++) {
                vec key = vec_load(&block->keys[d][j + v * LANES], LANES);
                for (int e = 0; e < queries; e++)
                    acc[e][v] =
                        vec_fma(vec_set(q[(size_t)e * block->pitch + (size_t)d]), key, acc[e][v]);
            }
        for (int e = 0; e < queries; e++)
            for (int v = 0; v < STEP_VECTORS; v++)
                vec_store(&block->weights[e][j + v * LANES], acc[e][v], LANES);
    }
}

/* Query i's largest score so far, in every lane; w: the tile's scores, n of them seen. */
INLINE vec tile_largest(const struct block *block, int i, const float *w, int n)
{
    vec before = vec_set(block->largest[i]), largest = before;
    for (int j = 0; j < KEY_TILE; j += LANES)
        largest = vec_max(vec_first(vec_load(w + j, LANES), n - j, before), largest);
    return vec_largest(largest);
}

/* Scales what query i has summed from its old largest score to the new one.  Not inlined, so that
 * no product of it can be fused with a sum that follows. */
static __attribute__((noinline)) void rescale(struct block *block, int i, vec largest)
{
    vec shrink = vec_exp(block->largest[i] - largest);
    if (block->largest[i] == -INFINITY)
        shrink = vec_set(0.0F);
    block->largest[i] = largest[0];
    block->total[i] *= shrink;
    float *sums = &block->sums[(size_t)i * block->pitch];
    for (size_t d = 0; d < block->pitch; d += LANES)
        vec_store(sums + d, vec_load(sums + d, LANES) * shrink, LANES);
}

/* Turns scores into exponentials, for queries i to i + queries; query i + e sees n[e] keys. */
static __attribute__((noinline)) void tile_softmax(struct block *block, int i, int queries,
                                                   const int *n)
{
    vec largest[QUERY_STEP];
    for (int e = 0; e < queries; e++)
        largest[e] = tile_largest(block, i + e, block->weights[e], n[e]);
    for (int e = 0; e < queries; e++) {
        float *w = block->weights[e];
        vec total = {0};
        for (int j = 0; j < KEY_TILE; j += LANES) {
            vec weight = vec_exp(vec_load(w + j, LANES) - largest[e]);
            weight = vec_first(weight, n[e] - j, vec_set(0.0F));
            vec_store(w + j, weight, LANES);
            total += weight;
        }
        if (block->largest[i + e] != largest[e][0])
            rescale(block, i + e, largest[e]);
        block->total[i + e] += total;
    }
}

/* Adds the weighted values of the tile's keys, so many vectors from dimension d on; query i + e
 * sees n[e] of them. */
INLINE void value_vectors(struct block *block, int i, int queries, size_t d, int vectors,
                          const int *n)
{
    float *sums = &block->sums[(size_t)i * block->pitch + d];
    const float *values = &block->values[d];
    vec acc[QUERY_STEP][MOST_VECTORS];
    for (int e = 0; e < queries; e++)
        for (int v = 0; v < vectors; v++)
            acc[e][v] = vec_load(sums + (size_t)e * block->pitch + v * LANES, LANES);
    for (int j = 0; j < n[0]; j++)
        for (int v = 0; v < vectors; v++) {
            vec value = vec_load(values + (size_t)j * block->pitch + v * LANES, LANES);
            for (int e = 0; e < queries; e++)
                acc[e][v] = vec_fma(vec_set(block->weights[e][j]), value, acc[e][v]);
        }
    for (int e = 1; e < queries; e++)
        for (int j = n[0]; j < n[e]; j++)
            for (int v = 0; v < vectors; v++) {
                vec value = vec_load(values + (size_t)j * block->pitch + v * LANES, LANES);
                acc[e][v] = vec_fma(vec_set(block->weights[e][j]), value, acc[e][v]);
            }
    for (int e = 0; e < queries; e++)
        for (int v = 0; v < vectors; v++)
            vec_store(sums + (size_t)e * block->pitch + v * LANES, acc[e][v], LANES);
}

/* So many queries from i on see the tile, which holds n_keys keys from key tile on. */
INLINE void attend_step(struct block *block, int i, int queries, int tile, int n_keys)
{
    int n[QUERY_STEP];
    for (int e = 0; e < queries; e++)
        n[e] = min_int(n_keys, block->visible[i + e] - tile);
    tile_scores(block, i, queries, n[queries - 1]);
    tile_softmax(block, i, queries, n);
    size_t d = 0;
    if (block->pitch == MOST_VECTORS * LANES) {
        value_vectors(block, i, queries, d, MOST_VECTORS, n);
        return;
    }
    for (; d + STEP_VECTORS * LANES <= block->pitch; d += STEP_VECTORS * LANES)
        value_vectors(block, i, queries, d, STEP_VECTORS, n);
    for (; d < block->pitch; d += LANES)
        value_vectors(block, i, queries, d, 1, n);
}

/* One query alone uses keys and values once: they pass through registers, not through a tile, but
 * meet the same numbers in the same order.  A few chains of sums run side by side. */
INLINE void scores_alone(struct block *block, const struct task *task, int tile, int n, bool bf16)
{
    int dims = block->head_dim, step = bf16 ? 2 * LANES : LANES;
    const float *q = block->queries;
    for (int j = 0; j < n; j += ALONE_CHAINS * LANES) {
        const char *rows[ALONE_CHAINS][LANES];
        vec words[ALONE_CHAINS][LANES], acc[ALONE_CHAINS] = {{0}};
        int d = 0;
        for (int k = 0; k < ALONE_CHAINS; k++)
            key_rows(rows[k], block, task, tile, j + k * LANES);
        for (; d + step <= dims; d += step) {
            for (int k = 0; k < ALONE_CHAINS; k++)
                gather_dims(words[k], rows[k], d, step, bf16);
            for (int c = 0; c < step; c++)
                for (int k = 0; k < ALONE_CHAINS; k++)
                    acc[k] = vec_fma(vec_set(q[d + c]), gathered(words[k], c, bf16), acc[k]);
        }
        if (d < dims) /* a whole vector again; what has been added is left out */
            for (int k = 0; k < ALONE_CHAINS; k++)
                gather_dims(words[k], rows[k], dims - step, step, bf16);
        for (; d < dims; d++)
            for (int k = 0; k < ALONE_CHAINS; k++)
                acc[k] = vec_fma(vec_set(q[d]), gathered(words[k], d - dims + step, bf16), acc[k]);
        for (int k = 0; k < ALONE_CHAINS; k++)
            vec_store(&block->weights[0][j + k * LANES], acc[k], LANES);
    }
}

INLINE void values_alone(struct block *block, const char *row, size_t stride, size_t d, int vectors,
                         int n, bool bf16)
{
    vec acc[ALONE_VECTORS];
    for (int v = 0; v < vectors; v++)
        acc[v] = vec_load(&block->sums[d + (size_t)v * LANES], LANES);
    for (int j = 0; j < n; j++, row += stride)
        for (int v = 0; v < vectors; v++) {
            size_t at = d + (size_t)v * LANES;
            vec value = bf16 ? vec_load_bf16((const uint16_t *)(const void *)row + at)
                             : vec_load((const float *)(const void *)row + at, LANES);
            acc[v] = vec_fma(vec_set(block->weights[0][j]), value, acc[v]);
        }
    for (int v = 0; v < vectors; v++)
        vec_store(&block->sums[d + (size_t)v * LANES], acc[v], LANES);
}

INLINE void tile_alone(struct block *block, const struct task *task, int tile, int n, bool bf16)
{
    const char *row = task->v + (size_t)tile * task->stride;
    size_t d = 0, vectors = block->pitch / LANES % ALONE_VECTORS ? 4 : ALONE_VECTORS;
    scores_alone(block, task, tile, n, bf16);
    tile_softmax(block, 0, 1, &n);
    for (int j = 0; j < n && tile + KEY_TILE + j < block->n_keys; j++)
        fetch_row(block, row + (size_t)(KEY_TILE + j) * task->stride);
    for (; d + vectors * LANES <= block->pitch; d += vectors * LANES)
        if (vectors == ALONE_VECTORS)
            values_alone(block, row, task->stride, d, ALONE_VECTORS, n, bf16);
        else
            values_alone(block, row, task->stride, d, 4, n, bf16);
    for (; d < block->pitch; d += LANES)
        values_alone(block, row, task->stride, d, 1, n, bf16);
}

static void attend_alone(struct block *block, const struct task *task)
{
    for (int tile = 0; tile < block->n_keys; tile += KEY_TILE) {
        int n = min_int(KEY_TILE, block->n_keys - tile);
        if (block->bf16)
            tile_alone(block, task, tile, n, true);
        else
            tile_alone(block, task, tile, n, false);
    }
}

static void attend_together(struct block *block, const struct task *task)
{
    for (int tile = 0; tile < block->n_keys; tile += KEY_TILE) {
        int n = min_int(KEY_TILE, block->n_keys - tile), i = 0;
        load_tile(block, task, tile, n);
        while (block->visible[i] <= tile)
            i++;
        for (; i + QUERY_STEP <= task->n; i += QUERY_STEP)
            attend_step(block, i, QUERY_STEP, tile, n);
        for (; i < task->n; i++)
            attend_step(block, i, 1, tile, n);
    }
}

static void store_rows(const struct block *block, const struct task *task)
{
    const struct attention_shape *s = task->shape;
    size_t width = (size_t)s->heads * (size_t)s->head_dim;
    for (int i = 0; i < task->n; i++) {
        int row = (task->first + i) / task->group, head = (task->first + i) % task->group;
        float *to = task->out + (size_t)row * width + (size_t)(head * s->head_dim);
        const float *sums = &block->sums[(size_t)i * block->pitch];
        float total = vec_sum(block->total[i]);
        for (int d = 0; d < s->head_dim; d++)
            to[d] = sums[d] / total;
    }
}

static void attend(const struct task *task)
{
    struct block block;
    load_queries(&block, task);
    if (task->n == 1 && block.pitch == (size_t)block.head_dim && block.head_dim >= 2 * LANES)
        attend_alone(&block, task);
    else
        attend_together(&block, task);
    store_rows(&block, task);
}

/* Block number block of the queries of one group of heads in one span; there may be none. */
static void attend_block(float *out, const float *q, const struct attention_shape *shape,
                         const struct attention_span *span, int kv_head, int block)
{
    int group = shape->heads / shape->kv_heads, queries = span->n_rows * group;
    size_t width = (size_t)shape->heads * (size_t)shape->head_dim;
    size_t row = (size_t)span->first_row, column = (size_t)(kv_head * group * shape->head_dim);
    size_t size = shape->type == CACHE_BF16 ? sizeof(uint16_t) : sizeof(float);
    size_t head = (size_t)kv_head * span->head_stride * size;
    const struct task task = {
        .shape = shape,
        .q = q + row * shape->q_stride + column,
        .out = out + row * width + column,
        .k = (const char *)span->k + head,
        .v = (const char *)span->v + head,
        .stride = span->key_stride * size,
        .first = block * QUERY_BLOCK,
        .n = min_int(QUERY_BLOCK, queries - block * QUERY_BLOCK),
        .group = group,
        .visible = shape->causal ? span->n_keys - span->n_rows + 1 : span->n_keys,
    };
    if (task.n > 0)
        attend(&task);
}

/* Blocks of queries of all heads and spans; the later ones of a causal span have more to do. */
static void attend_blocks(float *out, const float *q, const struct attention_shape *shape,
                          const struct attention_span *spans, long tasks, int blocks, bool much)
{
    long heads = shape->kv_heads;
    SPREAD(much, attend_blocks(out, q, shape, spans, tasks, blocks, much));
    if (omp_get_level() == 0) { /* who hands out blocks allocates */
        for (long t = 0; t < tasks; t++)
            attend_block(out, q, shape, &spans[t / blocks / heads], (int)(t / blocks % heads),
                         (int)(t % blocks));
        return;
    }
#pragma omp for schedule(dynamic) nowait
    for (long t = 0; t < tasks; t++)
        attend_block(out, q, shape, &spans[t / blocks / heads], (int)(t / blocks % heads),
                     (int)(t % blocks));
}

void CPU(attention)(float *out, const float *q, const struct attention_shape *shape,
                    const struct attention_span *spans, size_t n_spans)
{
    assert(shape->head_dim <= OPS_MAX_HEAD && shape->heads % shape->kv_heads == 0);
    int group = shape->heads / shape->kv_heads, blocks = 0;
    double products = 0;
    for (size_t i = 0; i < n_spans; i++) {
        int needed = (spans[i].n_rows * group + QUERY_BLOCK - 1) / QUERY_BLOCK;
        blocks = needed > blocks ? needed : blocks;
        products += (double)spans[i].n_rows * spans[i].n_keys * shape->heads * shape->head_dim;
    }
    attend_blocks(out, q, shape, spans, (long)n_spans * shape->kv_heads * blocks, blocks,
                  products > PARALLEL_PRODUCTS);
}
