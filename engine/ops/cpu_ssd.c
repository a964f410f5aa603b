/* engine/ops/cpu_ssd.c - Mamba-2's scan.
 *
 * Rows are taken CHUNK at a time as matrix products, the rest at the end of a span row by row. With
 * S the state before a chunk, d[k] the decay of row k, L[m][k] = d[k+1] ... d[m] and all rows
 * counted within the chunk (paper: Dao & Gu 2024, section 6):
 *     y[m] = L[m][-1] S C[m] + sum over k <= m of G[m][k] x[k]
 *     G[m][k] = (C[m] . B[k]) L[m][k] dt[k], on the diagonal + D
 *     S    = L[end][-1] S + sum over k of L[end][k] dt[k] x[k] B[k]
 * L is multiplied up row after row as the recurrence does it: no difference of sums of logarithms
 * that could cancel or overflow.  C B^T serves all heads.  Nothing above the diagonal is touched.
 *
 * 64 layers x 779 rows x 80 heads of 64 x 128 took 1.58 s on one AVX-512 core and 0.78 s on two,
 * 0.72 of what the recurrence below took in turn with it (tests/bench/bench_ssd.c); that one counts
 * 3 state_size operations a channel and row against 2 state_size + CHUNK / 2.  Chunks of 32 and 64
 * rows were 1 to 5 % slower; a single chunk takes 0.83 of the recurrence's time, less than a chunk
 * is left to the recurrence.
 *
 * A task is some columns of one head of one span; tasks share nothing that is written. */
#include "engine/ops/cpu.h"

enum {
    COLUMNS = 64, /* most columns of a head that a task takes */
    CHUNK = CPU_SSD_CHUNK,
    CHUNK_VECTORS = CHUNK / LANES,
    MAX_STATE = 256, /* for chunks; a larger state takes the recurrence */

    /* Sums that a product holds in registers: of 32 with AVX-512, else of 16. */
    TILE_ROWS = LANES == 16 ? 8 : 4,
    TILE_VECTORS = 2,

    /* The same for the state in the recurrence, and the rows prepared for it at once. */
    STATE_ROWS = 4,
    STATE_VECTORS = LANES == 16 ? 4 : 2,
    BLOCK = 64,

    /* Values of the state updated, below which one thread is enough: a single row of mamba2-2.7b,
     * 0.66 M values, runs at 42 GB/s on one thread and at 61 on two. */
    PARALLEL_STATES = 1 << 18
};

struct task {
    const struct ssd_inputs *in;
    const struct span *span;
    float *y;     /* the task's columns in the span's first row; rows are y_stride apart */
    float *state; /* the task's columns; rows are head_dim apart */
    const float *x;
    size_t y_stride;
    int head, columns;
};

static struct task task_of(float *y, const struct ssd_inputs *in, const struct span *span, int head,
                           int column)
{
    size_t y_stride = (size_t)in->heads * (size_t)in->head_dim, row = (size_t)span->first_row;
    size_t from = (size_t)head * (size_t)in->head_dim + (size_t)column;
    size_t states = (size_t)in->state_size * (size_t)in->head_dim;
    return (struct task){.in = in,
                         .span = span,
                         .y = y + row * y_stride + from,
                         .state = span->ssm_state + (size_t)head * states + column,
                         .x = in->x + row * in->xbc_stride + from,
                         .y_stride = y_stride,
                         .head = head,
                         .columns = min_int(COLUMNS, in->head_dim - column)};
}

/* n columns, n at most COLUMNS, from a matrix or to it; what is kept here has zeros behind them. */
INLINE void load_columns(float *to, const float *from, int n)
{
    for (int c = 0; c < n; c += LANES)
        vec_store(to + c, vec_load(from + c, min_int(LANES, n - c)), LANES);
}

INLINE void store_columns(float *to, const float *from, int n)
{
    for (int c = 0; c < n; c += LANES)
        vec_store(to + c, vec_load(from + c, LANES), min_int(LANES, n - c));
}

/* dt of n rows after its bias and softplus, and the decay exp(dt A); room for whole vectors. */
static void prepare_steps(float *dt, float *decay, const struct task *task, int first, int n)
{
    const struct ssd_inputs *in = task->in;
    float bias = in->dt_bias[task->head], A = in->A[task->head];
    const float *from =
        in->dt + (size_t)(task->span->first_row + first) * in->dt_stride + task->head;
    for (int t = 0; t < n; t++)
        dt[t] = from[(size_t)t * in->dt_stride];
    for (int t = n; t % LANES != 0; t++)
        dt[t] = 0;
    for (int t = 0; t < n; t += LANES) {
        vec step = vec_softplus(vec_load(dt + t, LANES) + bias);
        vec_store(dt + t, step, LANES);
        vec_store(decay + t, vec_exp(step * A), LANES);
    }
}

/* ---- The recurrence. */

struct block {
    _Alignas(64) float dt[BLOCK];
    _Alignas(64) float decay[BLOCK];
    _Alignas(64) float dtx[BLOCK][COLUMNS];
    _Alignas(64) float y[BLOCK][COLUMNS];
};

static void prepare_block(struct block *block, const struct task *task, int first, int n)
{
    const struct ssd_inputs *in = task->in;
    prepare_steps(block->dt, block->decay, task, first, n);
    for (int t = 0; t < n; t++) {
        const float *x = task->x + (size_t)(first + t) * in->xbc_stride;
        for (int c = 0; c < task->columns; c += LANES) {
            vec value = vec_load(x + c, min_int(LANES, task->columns - c));
            vec_store(&block->dtx[t][c], value * block->dt[t], LANES);
            vec_store(&block->y[t][c], value * in->D[task->head], LANES);
        }
    }
}

/* Takes a tile of the state, n columns of the last vector used, through a block of rows. */
INLINE void recur_tile(struct block *block, const struct task *task, int first, int n_rows,
                       int state, int column, int n, int rows, int vectors)
{
    const struct ssd_inputs *in = task->in;
    vec s[STATE_ROWS][STATE_VECTORS];
    size_t stride = (size_t)in->head_dim;
    float *S = task->state + (size_t)state * stride + column;
    for (int i = 0; i < rows; i++)
        for (int v = 0; v < vectors; v++)
            s[i][v] = vec_load(S + (size_t)i * stride + v * LANES, n);
    for (int t = 0; t < n_rows; t++) {
        size_t row = (size_t)(task->span->first_row + first + t) * in->xbc_stride;
        const float *B = in->B + row + state, *C = in->C + row + state;
        float decay = block->decay[t];
        for (int v = 0; v < vectors; v++) {
            vec dtx = vec_load(&block->dtx[t][column + v * LANES], LANES);
            vec y = vec_load(&block->y[t][column + v * LANES], LANES);
            for (int i = 0; i < rows; i++) {
                s[i][v] = s[i][v] * decay + dtx * B[i];
                y += s[i][v] * C[i];
            }
            vec_store(&block->y[t][column + v * LANES], y, LANES);
        }
    }
    for (int i = 0; i < rows; i++)
        for (int v = 0; v < vectors; v++)
            vec_store(S + (size_t)i * stride + v * LANES, s[i][v], n);
}

INLINE void recur_rows(struct block *block, const struct task *task, int first, int n_rows,
                       int state, int rows)
{
    int c = 0;
    for (; c + STATE_VECTORS * LANES <= task->columns; c += STATE_VECTORS * LANES)
        recur_tile(block, task, first, n_rows, state, c, LANES, rows, STATE_VECTORS);
    for (; c < task->columns; c += LANES)
        recur_tile(block, task, first, n_rows, state, c, min_int(LANES, task->columns - c), rows,
                   1);
}

/* Rows first to end - 1 of the span. */
static void recur(const struct task *task, int first, int end)
{
    struct block block;
    for (; first < end; first += BLOCK) {
        int n = min_int(BLOCK, end - first), state = 0;
        prepare_block(&block, task, first, n);
        for (; state + STATE_ROWS <= task->in->state_size; state += STATE_ROWS)
            recur_rows(&block, task, first, n, state, STATE_ROWS);
        for (; state < task->in->state_size; state++)
            recur_rows(&block, task, first, n, state, 1);
        for (int t = 0; t < n; t++)
            store_columns(task->y + (size_t)(first + t) * task->y_stride, block.y[t],
                          task->columns);
    }
}

/* ---- Chunks. */

/* What all heads share about a chunk: copies of B and C that lie close together, C in the order in
 * which tiles read it, and C B^T. */
struct shared {
    float *B;  /* [CHUNK, state_size] */
    float *C;  /* [CHUNK / TILE_ROWS, state_size, TILE_ROWS] */
    float *CB; /* [CHUNK, CHUNK], zeros above the diagonal */
};

size_t CPU(ssd_scratch)(const struct ssd_inputs *in, int rows)
{
    return (size_t)rows * (2 * (size_t)in->state_size + CHUNK);
}

static struct shared shared_of(const struct ssd_inputs *in, const struct span *span, int first,
                               float *scratch)
{
    size_t n = CHUNK * (size_t)in->state_size;
    float *from = scratch + CPU(ssd_scratch)(in, span->first_row + first);
    return (struct shared){.B = from, .C = from + n, .CB = from + 2 * n};
}

static float dot(const float *a, const float *b, int n)
{
    vec sum = {0};
    for (int i = 0; i < n; i += LANES) {
        int lanes = min_int(LANES, n - i);
        sum += vec_load(a + i, lanes) * vec_load(b + i, lanes);
    }
    return vec_sum(sum);
}

static void share_chunk(const struct ssd_inputs *in, const struct span *span, int first,
                        float *scratch)
{
    struct shared shared = shared_of(in, span, first, scratch);
    size_t states = (size_t)in->state_size;
    for (size_t m = 0; m < CHUNK; m++) {
        size_t row = ((size_t)(span->first_row + first) + m) * in->xbc_stride;
        const float *C = in->C + row;
        float *tile = shared.C + m / TILE_ROWS * TILE_ROWS * states + m % TILE_ROWS;
        for (size_t i = 0; i < states; i++)
            tile[i * TILE_ROWS] = C[i];
        memcpy(shared.B + m * states, in->B + row, states * sizeof *C);
        for (size_t k = 0; k < CHUNK; k++)
            shared.CB[m * CHUNK + k] =
                k <= m ? dot(C, shared.B + k * states, in->state_size) : 0.0F;
    }
}

struct chunk {
    _Alignas(64) float dt[CHUNK];
    _Alignas(64) float decay[CHUNK];
    _Alignas(64) float since[CHUNK];  /* L[m][-1] */
    _Alignas(64) float weight[CHUNK]; /* L[end][k] dt[k] */
    _Alignas(64) float G[CHUNK][CHUNK];
    _Alignas(64) float x[CHUNK][COLUMNS];
    _Alignas(64) float S[MAX_STATE][COLUMNS];
};

/* since, weight and G, whose values above the diagonal mean nothing. */
static void weigh_chunk(struct chunk *chunk, const struct shared *shared, float D)
{
    float since = 1;
    for (int m = 0; m < CHUNK; m++) {
        since *= chunk->decay[m];
        chunk->since[m] = since;
    }
    for (int v = 0; v < CHUNK_VECTORS; v++) {
        veci k;
        for (int lane = 0; lane < LANES; lane++)
            k[lane] = v * LANES + lane;
        vec weight = vec_load(chunk->dt + v * LANES, LANES);
        for (int m = 0; m < CHUNK; m++) {
            vec CB = vec_load(shared->CB + m * CHUNK + v * LANES, LANES);
            weight *= vec_select(k < m, vec_set(chunk->decay[m]), vec_set(1.0F));
            vec G = weight * CB + vec_select(k == m, vec_set(D), vec_set(0.0F));
            vec_store(&chunk->G[m][v * LANES], G, LANES);
        }
        vec_store(chunk->weight + v * LANES, weight, LANES);
    }
}

/* TILE_ROWS rows of y from row m on, n columns of the last vector used. */
INLINE void output_tile(const struct chunk *chunk, const struct shared *shared,
                        const struct task *task, float *y, int m, int column, int n, int vectors)
{
    vec acc[TILE_ROWS][TILE_VECTORS] = {{{0}}}, x[TILE_VECTORS];
    const float *C = shared->C + (size_t)m * (size_t)task->in->state_size;
    for (int j = 0; j < task->in->state_size; j++, C += TILE_ROWS) {
        for (int v = 0; v < vectors; v++)
            x[v] = vec_load(&chunk->S[j][column + v * LANES], LANES);
        for (int i = 0; i < TILE_ROWS; i++)
            for (int v = 0; v < vectors; v++)
                acc[i][v] += C[i] * x[v];
    }
    for (int i = 0; i < TILE_ROWS; i++)
        for (int v = 0; v < vectors; v++)
            acc[i][v] *= chunk->since[m + i];
    for (int k = 0; k < m; k++) {
        for (int v = 0; v < vectors; v++)
            x[v] = vec_load(&chunk->x[k][column + v * LANES], LANES);
        for (int i = 0; i < TILE_ROWS; i++)
            for (int v = 0; v < vectors; v++)
                acc[i][v] += chunk->G[m + i][k] * x[v];
    }
#pragma GCC unroll 8
    for (int k = 0; k < TILE_ROWS; k++) { /* the triangle on the diagonal */
        for (int v = 0; v < vectors; v++)
            x[v] = vec_load(&chunk->x[m + k][column + v * LANES], LANES);
#pragma GCC unroll 8
        for (int i = k; i < TILE_ROWS; i++)
            for (int v = 0; v < vectors; v++)
                acc[i][v] += chunk->G[m + i][m + k] * x[v];
    }
    for (int i = 0; i < TILE_ROWS; i++)
        for (int v = 0; v < vectors; v++)
            vec_store(y + (size_t)(m + i) * task->y_stride + column + v * LANES, acc[i][v], n);
}

/* Some rows of the state, from x that is weighted already. */
INLINE void state_tile(struct chunk *chunk, const struct shared *shared, int state_size, int state,
                       int column, int rows, int vectors)
{
    vec acc[TILE_ROWS][TILE_VECTORS], x[TILE_VECTORS];
    const float *B = shared->B + state;
    for (int i = 0; i < rows; i++)
        for (int v = 0; v < vectors; v++)
            acc[i][v] =
                vec_load(&chunk->S[state + i][column + v * LANES], LANES) * chunk->since[CHUNK - 1];
    for (int k = 0; k < CHUNK; k++, B += state_size) {
        for (int v = 0; v < vectors; v++)
            x[v] = vec_load(&chunk->x[k][column + v * LANES], LANES);
        for (int i = 0; i < rows; i++)
            for (int v = 0; v < vectors; v++)
                acc[i][v] += B[i] * x[v];
    }
    for (int i = 0; i < rows; i++)
        for (int v = 0; v < vectors; v++)
            vec_store(&chunk->S[state + i][column + v * LANES], acc[i][v], LANES);
}

static void chunk_outputs(const struct chunk *chunk, const struct shared *shared,
                          const struct task *task, float *y)
{
    int c = 0;
    for (; c + TILE_VECTORS * LANES <= task->columns; c += TILE_VECTORS * LANES)
        for (int m = 0; m < CHUNK; m += TILE_ROWS)
            output_tile(chunk, shared, task, y, m, c, LANES, TILE_VECTORS);
    for (; c < task->columns; c += LANES)
        for (int m = 0; m < CHUNK; m += TILE_ROWS)
            output_tile(chunk, shared, task, y, m, c, min_int(LANES, task->columns - c), 1);
}

INLINE void state_columns(struct chunk *chunk, const struct shared *shared, int state_size,
                          int column, int vectors)
{
    int i = 0;
    for (; i + TILE_ROWS <= state_size; i += TILE_ROWS)
        state_tile(chunk, shared, state_size, i, column, TILE_ROWS, vectors);
    for (; i < state_size; i++)
        state_tile(chunk, shared, state_size, i, column, 1, vectors);
}

static void chunk_state(struct chunk *chunk, const struct shared *shared, const struct task *task)
{
    int c = 0;
    for (; c + TILE_VECTORS * LANES <= task->columns; c += TILE_VECTORS * LANES)
        state_columns(chunk, shared, task->in->state_size, c, TILE_VECTORS);
    for (; c < task->columns; c += LANES)
        state_columns(chunk, shared, task->in->state_size, c, 1);
}

static void take_chunk(struct chunk *chunk, const struct task *task, int first, float *scratch)
{
    const struct ssd_inputs *in = task->in;
    struct shared shared = shared_of(in, task->span, first, scratch);
    prepare_steps(chunk->dt, chunk->decay, task, first, CHUNK);
    weigh_chunk(chunk, &shared, in->D[task->head]);
    for (int t = 0; t < CHUNK; t++)
        load_columns(chunk->x[t], task->x + (size_t)(first + t) * in->xbc_stride, task->columns);
    chunk_outputs(chunk, &shared, task, task->y + (size_t)first * task->y_stride);
    for (int t = 0; t < CHUNK; t++)
        for (int c = 0; c < task->columns; c += LANES)
            vec_store(&chunk->x[t][c], vec_load(&chunk->x[t][c], LANES) * chunk->weight[t], LANES);
    chunk_state(chunk, &shared, task);
}

static void take_chunks(const struct task *task, int rows, float *scratch)
{
    struct chunk chunk;
    size_t stride = (size_t)task->in->head_dim, states = (size_t)task->in->state_size;
    for (size_t i = 0; i < states; i++)
        load_columns(chunk.S[i], task->state + i * stride, task->columns);
    for (int first = 0; first < rows; first += CHUNK)
        take_chunk(&chunk, task, first, scratch);
    for (size_t i = 0; i < states; i++)
        store_columns(task->state + i * stride, chunk.S[i], task->columns);
}

/* ---- Both. */

/* Rows of a span that are taken in chunks. */
static int chunked_rows(const struct ssd_inputs *in, const struct span *span)
{
    return in->state_size <= MAX_STATE ? span->n_rows / CHUNK * CHUNK : 0;
}

static void share_chunks(const struct ssd_inputs *in, const struct span *span, float *scratch)
{
    int rows = chunked_rows(in, span);
    SPREAD((long)rows * CHUNK * in->state_size > PARALLEL_PRODUCTS,
           share_chunks(in, span, scratch));
#pragma omp for nowait
    for (int first = 0; first < rows; first += CHUNK)
        share_chunk(in, span, first, scratch);
}

static void scan_heads(float *y, const struct ssd_inputs *in, const struct span *spans,
                       size_t n_spans, float *scratch, bool in_chunks)
{
    int parts = (in->head_dim + COLUMNS - 1) / COLUMNS;
    long tasks = (long)n_spans * in->heads * parts;
    long states = (long)in->heads * in->head_dim * in->state_size;
    SPREAD(total_rows(spans, n_spans) * states > PARALLEL_STATES,
           scan_heads(y, in, spans, n_spans, scratch, in_chunks));
#pragma omp for nowait
    for (long i = 0; i < tasks; i++) {
        const struct span *span = &spans[i % (long)n_spans];
        int part = (int)(i / (long)n_spans);
        int rows = in_chunks ? chunked_rows(in, span) : 0;
        struct task task = task_of(y, in, span, part / parts, part % parts * COLUMNS);
        if (rows)
            take_chunks(&task, rows, scratch);
        recur(&task, rows, span->n_rows);
    }
}

static void scan(float *y, const struct ssd_inputs *in, const struct span *spans, size_t n_spans,
                 float *scratch, bool in_chunks)
{
    for (size_t s = 0; in_chunks && s < n_spans; s++)
        share_chunks(in, &spans[s], scratch);
    scan_heads(y, in, spans, n_spans, scratch, in_chunks);
}

void CPU(ssd_scan)(float *y, const struct ssd_inputs *in, const struct span *spans, size_t n_spans,
                   float *scratch)
{
    scan(y, in, spans, n_spans, scratch, true);
}

void CPU(ssd_recurrence)(float *y, const struct ssd_inputs *in, const struct span *spans,
                         size_t n_spans, float *scratch)
{
    scan(y, in, spans, n_spans, scratch, false);
}
