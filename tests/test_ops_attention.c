/* Attention, rotary embedding and the cache: against a plain formula and the reference, and the
 * rule that a row's result does not depend on how its sequence is cut, on its company, on the
 * threads or on where the cache lies. */
#include "tests/ops_check.h"

#include "engine/base/float16.h"

#include <omp.h>

/* Rows of queries and a cache with as many keys and values, and more room than they need. */
struct sequence {
    struct attention_shape shape;
    struct attention_span span;
    int rows, room;
    float *q, *k, *v;         /* [rows, heads or kv_heads, head_dim] */
    float *k_cache, *v_cache; /* floats or bf16 */
};

static void fill_cache(const struct ops *ops, struct sequence *s, int room)
{
    const struct attention_shape *shape = &s->shape;
    size_t width = (size_t)(shape->kv_heads * shape->head_dim);
    s->room = room;
    s->span = (struct attention_span){.n_rows = s->rows,
                                      .n_keys = s->rows,
                                      .key_stride = (size_t)shape->head_dim,
                                      .head_stride = (size_t)(room * shape->head_dim)};
    s->k_cache = noise((size_t)room * width, 100, 5),
    s->v_cache = noise((size_t)room * width, 9, 6);
    ops->cache_rows(s->k_cache, shape->type, s->span.head_stride, s->k, width, s->rows,
                    shape->kv_heads, shape->head_dim);
    ops->cache_rows(s->v_cache, shape->type, s->span.head_stride, s->v, width, s->rows,
                    shape->kv_heads, shape->head_dim);
    s->span.k = s->k_cache, s->span.v = s->v_cache;
}

static void sequence_make(const struct ops *ops, struct sequence *s, int rows,
                          const struct attention_shape *shape, uint64_t seed)
{
    size_t width = (size_t)(shape->kv_heads * shape->head_dim);
    s->shape = *shape, s->rows = rows;
    s->shape.q_stride = (size_t)(shape->heads * shape->head_dim) + 5;
    s->q = noise((size_t)rows * s->shape.q_stride, 2, seed);
    s->k = noise((size_t)rows * width, 2, seed + 1),
    s->v = noise((size_t)rows * width, 2, seed + 2);
    fill_cache(ops, s, rows + 3);
}

static void sequence_free(struct sequence *s)
{
    free(s->q), free(s->k), free(s->v), free(s->k_cache), free(s->v_cache);
}

static size_t out_width(const struct sequence *s)
{
    return (size_t)(s->shape.heads * s->shape.head_dim);
}

static float *new_output(const struct sequence *s)
{
    return noise((size_t)s->rows * out_width(s), 1, 77);
}

/* The textbook: a row of scores, its softmax, the mean of the values; all from plain matrices. */
static void plain_attention(float *out, const struct sequence *s)
{
    const struct attention_shape *shape = &s->shape;
    int dim = shape->head_dim, group = shape->heads / shape->kv_heads;
    double *weights = malloc((size_t)s->rows * sizeof *weights);
    assert_non_null(weights);
    for (int row = 0; row < s->rows; row++)
        for (int h = 0; h < shape->heads; h++) {
            int n = shape->causal ? row + 1 : s->rows;
            double total = 0;
            for (int j = 0; j < n; j++) {
                double score = 0;
                for (int d = 0; d < dim; d++)
                    score += (double)s->q[(size_t)row * shape->q_stride + (size_t)(h * dim + d)] *
                             s->k[(j * shape->kv_heads + h / group) * dim + d];
                total += weights[j] = exp(score * (double)shape->scale);
            }
            for (int d = 0; d < dim; d++) {
                double value = 0;
                for (int j = 0; j < n; j++)
                    value += weights[j] * s->v[(j * shape->kv_heads + h / group) * dim + d];
                out[(size_t)row * out_width(s) + (size_t)(h * dim + d)] = (float)(value / total);
            }
        }
    free(weights);
}

/* Rows (the keys too), heads, kv_heads, head_dim. */
static const int shapes[][4] = {
    {1, 1, 1, 4},    {5, 2, 2, 12},   {64, 1, 1, 64}, {65, 3, 1, 20},  {50, 2, 2, 72},
    {130, 2, 1, 80}, {70, 1, 1, 256}, {67, 6, 2, 18}, {33, 14, 2, 16}, {200, 1, 1, 1},
    {129, 3, 3, 3},  {35, 5, 1, 15},  {77, 4, 2, 17}, {96, 1, 1, 128}, {40, 2, 1, 33},
};
enum { N_SHAPES = sizeof shapes / sizeof shapes[0] };

/* Runs check on every shape, causal or not, with both kinds of cache. */
static void for_each_shape(const struct ops *ops,
                           void (*check)(const struct ops *ops, struct sequence *s))
{
    for (int i = 0; i < N_SHAPES * 4; i++) {
        const int *n = shapes[i / 4];
        const struct attention_shape shape = {.heads = n[1],
                                              .kv_heads = n[2],
                                              .head_dim = n[3],
                                              .scale = 1 / sqrtf((float)n[3]),
                                              .causal = i & 1,
                                              .type = i & 2 ? CACHE_BF16 : CACHE_F32};
        struct sequence s;
        sequence_make(ops, &s, n[0], &shape, (uint64_t)i);
        check(ops, &s);
        sequence_free(&s);
    }
}

static void check_plain(const struct ops *ops, struct sequence *s)
{
    float *got = new_output(s), *want = new_output(s);
    for (size_t i = 0; s->shape.type == CACHE_BF16 && i < (size_t)s->rows; i++)
        for (int c = 0; c < s->shape.kv_heads * s->shape.head_dim; c++) {
            size_t at = i * (size_t)(s->shape.kv_heads * s->shape.head_dim) + (size_t)c;
            s->k[at] = float_from_bf16(bf16_from_float(s->k[at]));
            s->v[at] = float_from_bf16(bf16_from_float(s->v[at]));
        }
    ops->attention(got, s->q, &s->shape, &s->span, 1);
    plain_attention(want, s);
    assert_close(ops, "attention", got, want, (size_t)s->rows * out_width(s), 2e-6);
    free(got), free(want);
}

static void attention_is_the_textbook_formula(void **state)
{
    (void)state;
    for_each_shape(reference(), check_plain);
    for (const struct ops *const *ops = ops_all + 1; *ops; ops++)
        if (ops_runs_here(*ops))
            for_each_shape(*ops, check_plain);
}

/* Scores of some hundreds, so that the largest one keeps changing and most weights vanish. */
static void check_large_scores(const struct ops *ops, struct sequence *s)
{
    float *got = new_output(s), *want = new_output(s);
    s->shape.scale = 30;
    ops->attention(got, s->q, &s->shape, &s->span, 1);
    reference()->attention(want, s->q, &s->shape, &s->span, 1);
    /* The rounding of a score of 1e3 or 1e4 shows in its exponential. */
    assert_close(ops, "attention", got, want, (size_t)s->rows * out_width(s), 3e-3);
    free(got), free(want);
}

static void check_level_large_scores(const struct ops *ops)
{
    for_each_shape(ops, check_large_scores);
}

static void large_scores_agree_with_the_reference(void **state)
{
    (void)state;
    for_each_level(check_level_large_scores);
}

/* Runs the sequence in spans of so many rows, one call each; 0: in one call with all of them.
 * Where attention is not causal every span sees all keys. */
static void run_cut(const struct ops *ops, float *out, const struct sequence *s, int piece)
{
    struct attention_span spans[256];
    int n = 0, size = piece ? piece : 7;
    for (int row = 0; row < s->rows; row += size, n++) {
        spans[n] = s->span;
        spans[n].first_row = row;
        spans[n].n_rows = s->rows - row < size ? s->rows - row : size;
        if (s->shape.causal)
            spans[n].n_keys = row + spans[n].n_rows;
    }
    for (int i = 0; i < n && piece; i++)
        ops->attention(out, s->q, &s->shape, &spans[i], 1);
    if (!piece)
        ops->attention(out, s->q, &s->shape, spans, (size_t)n);
}

static void check_cuts(const struct ops *ops, struct sequence *s)
{
    static const int pieces[] = {1, 2, 3, 5, 31, 32, 33, 64, 100, 0};
    size_t n = (size_t)s->rows * out_width(s);
    float *whole = new_output(s);
    ops->attention(whole, s->q, &s->shape, &s->span, 1);
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        float *out = new_output(s);
        run_cut(ops, out, s, pieces[i]);
        assert_same_bits(ops, "attention in pieces", out, whole, n);
        free(out);
    }
    free(whole);
}

static void check_level_cuts(const struct ops *ops)
{
    for_each_shape(ops, check_cuts);
}

static void a_sequence_may_be_cut_anywhere(void **state)
{
    (void)state;
    for_each_level(check_level_cuts);
}

/* The same rows with a cache that has grown, and with twice the threads. */
static void check_growth_and_threads(const struct ops *ops, struct sequence *s)
{
    size_t n = (size_t)s->rows * out_width(s);
    float *want = new_output(s), *grown = new_output(s), *threads = new_output(s);
    ops->attention(want, s->q, &s->shape, &s->span, 1);
    free(s->k_cache), free(s->v_cache);
    fill_cache(ops, s, 2 * s->rows + 11);
    ops->attention(grown, s->q, &s->shape, &s->span, 1);
    assert_same_bits(ops, "attention after growth", grown, want, n);
    omp_set_num_threads(2);
    ops->attention(threads, s->q, &s->shape, &s->span, 1);
    run_cut(ops, grown, s, 0);
    omp_set_num_threads(1);
    assert_same_bits(ops, "attention on two threads", threads, want, n);
    assert_same_bits(ops, "attention in pieces on two threads", grown, want, n);
    free(want), free(grown), free(threads);
}

static void check_level_growth_and_threads(const struct ops *ops)
{
    struct sequence large;
    for_each_shape(ops, check_growth_and_threads);
    const struct attention_shape shape = {
        .heads = 4, .kv_heads = 2, .head_dim = 80, .scale = 0.1F, .causal = true};
    sequence_make(ops, &large, 150, &shape, 3); /* enough work for threads */
    check_growth_and_threads(ops, &large);
    sequence_free(&large);
}

static void neither_growth_nor_threads_change_a_bit(void **state)
{
    (void)state;
    omp_set_num_threads(1);
    for_each_level(check_level_growth_and_threads);
}

/* Three sequences of different lengths in one matrix, against each alone. */
static void check_batch(const struct ops *ops)
{
    static const int rows[] = {70, 1, 33};
    const struct attention_shape shape = {.heads = 6,
                                          .kv_heads = 3,
                                          .head_dim = 20,
                                          .scale = 0.3F,
                                          .causal = true,
                                          .type = CACHE_BF16};
    struct sequence s[3];
    struct attention_span spans[3];
    float *batch = noise(104 * 120, 1, 1), *q = noise(104 * 125, 1, 2);
    for (int i = 0, first = 0; i < 3; first += rows[i], i++) {
        sequence_make(ops, &s[i], rows[i], &shape, (uint64_t)i * 10);
        spans[i] = s[i].span;
        spans[i].first_row = first;
        memcpy(q + (size_t)first * 125, s[i].q, (size_t)rows[i] * 125 * sizeof *q);
    }
    ops->attention(batch, q, &s[0].shape, spans, 3);
    for (int i = 0; i < 3; i++) {
        float *alone = new_output(&s[i]);
        ops->attention(alone, s[i].q, &s[i].shape, &s[i].span, 1);
        assert_same_bits(ops, "attention in a batch", batch + spans[i].first_row * 120, alone,
                         (size_t)rows[i] * 120);
        sequence_free(&s[i]), free(alone);
    }
    free(batch), free(q);
}

static void company_changes_no_bit(void **state)
{
    (void)state;
    for_each_level(check_batch);
}

/* As the towers have it: queries, keys and values side by side in one matrix. */
static void check_fused(const struct ops *ops)
{
    enum { ROWS = 75, HEADS = 3, DIM = 18, WIDTH = HEADS * DIM };
    float *qkv = noise(ROWS * 3 * WIDTH, 2, 1), *got = noise(ROWS * WIDTH, 1, 2);
    float *want = noise(ROWS * WIDTH, 1, 2), *plain = noise(ROWS * WIDTH, 1, 2);
    struct attention_shape shape = {
        .heads = HEADS, .kv_heads = HEADS, .head_dim = DIM, .q_stride = 3 * WIDTH, .scale = 0.25F};
    struct attention_span span = {0, ROWS, ROWS, qkv + WIDTH, qkv + 2 * WIDTH, 3 * WIDTH, DIM};
    float *k = noise(ROWS * WIDTH, 0, 0), *v = noise(ROWS * WIDTH, 0, 0);
    ops->copy_rows(k, WIDTH, qkv + WIDTH, 3 * WIDTH, ROWS, WIDTH);
    ops->copy_rows(v, WIDTH, qkv + 2 * WIDTH, 3 * WIDTH, ROWS, WIDTH);
    struct sequence s = {.shape = shape, .rows = ROWS, .q = qkv, .k = k, .v = v};
    ops->attention(got, qkv, &shape, &span, 1);
    reference()->attention(want, qkv, &shape, &span, 1);
    plain_attention(plain, &s);
    assert_close(ops, "attention of a fused matrix", got, want, ROWS * WIDTH, 2e-6);
    assert_close(reference(), "attention of a fused matrix", want, plain, ROWS * WIDTH, 2e-6);
    free(qkv), free(got), free(want), free(plain), free(k), free(v);
}

static void a_fused_matrix_needs_no_copies(void **state)
{
    (void)state;
    for_each_level(check_fused);
}

/* A value, then a key too, is NaN: rows before it do not notice, rows from it on are NaN.  Rows
 * that share a step with it are among them. */
static void check_nan_at(const struct ops *ops, int heads, size_t at)
{
    const struct attention_shape shape = {
        .heads = heads, .kv_heads = 1, .head_dim = 24, .scale = 0.2F, .causal = true};
    struct sequence s;
    sequence_make(ops, &s, 40, &shape, 1);
    float *clean = new_output(&s), *got = new_output(&s);
    size_t width = out_width(&s);
    ops->attention(clean, s.q, &s.shape, &s.span, 1);
    s.v_cache[at * 24 + 3] = NAN;
    ops->attention(got, s.q, &s.shape, &s.span, 1);
    assert_same_bits(ops, "attention before a NaN value", got, clean, at * width);
    for (size_t row = at; row < 40; row++)
        assert_true(isnan(got[row * width + 3]) && !isnan(got[row * width + 4]));
    s.k_cache[at * 24] = NAN;
    ops->attention(got, s.q, &s.shape, &s.span, 1);
    assert_same_bits(ops, "attention before a NaN key", got, clean, at * width);
    for (size_t i = at * width; i < 40 * width; i++)
        assert_true(isnan(got[i]));
    sequence_free(&s), free(clean), free(got);
}

static void check_nan(const struct ops *ops)
{
    for (int heads = 1; heads <= 3; heads++)
        for (size_t at = 20; at < 24; at++)
            check_nan_at(ops, heads, at);
}

static void nan_stays_and_is_not_seen_by_earlier_rows(void **state)
{
    (void)state;
    check_nan(reference());
    for_each_level(check_nan);
}

static void check_rotary(const struct ops *ops)
{
    static const int halves[] = {1, 3, 8, 15, 16, 17, 40};
    for (size_t i = 0; i < sizeof halves / sizeof halves[0]; i++) {
        enum { ROWS = 9, HEADS = 3, DIM = 83, STRIDE = HEADS * DIM + 2 };
        int half = halves[i];
        size_t n = (size_t)(ROWS * 2 * half);
        float *frequencies = noise((size_t)half, 1, 1), *x = noise(ROWS * STRIDE, 3, 2);
        float *got = noise(n, 1, 3), *want = noise(n, 1, 4), *y = copy_of(x, ROWS * STRIDE);
        const struct attention_span spans[2] = {{.first_row = 4, .n_rows = 5, .n_keys = 2000},
                                                {.first_row = 0, .n_rows = 4, .n_keys = 4}};
        ops->rotary_table(got, frequencies, half, spans, 2);
        for (int row = 0; row < ROWS; row++)
            for (int c = 0; c < half; c++) {
                float angle = (float)(row < 4 ? row : 1995 + row - 4) * frequencies[c];
                want[row * 2 * half + c] = (float)cos((double)angle);
                want[row * 2 * half + half + c] = (float)sin((double)angle);
            }
        assert_close(ops, "rotary_table", got, want, n, 1.2e-7);
        ops->rotate(x, STRIDE, got, half, ROWS, HEADS, DIM);
        for (int row = 0; row < ROWS; row++)
            for (int h = 0; h < HEADS; h++)
                for (int c = 0; c < half; c++) {
                    float *at = y + row * STRIDE + h * DIM + c, a = at[0], b = at[half];
                    const float *t = got + row * 2 * half + c;
                    at[0] = (float)((double)a * t[0] - (double)b * t[half]);
                    at[half] = (float)((double)b * t[0] + (double)a * t[half]);
                }
        assert_close(ops, "rotate", x, y, ROWS * STRIDE, 2e-7);
        free(frequencies), free(x), free(got), free(want), free(y);
    }
}

static void rotary_embedding_is_a_rotation_by_position(void **state)
{
    (void)state;
    check_rotary(reference());
    for_each_level(check_rotary);
}

/* Ties, overflow to infinity, NaN and tiny values in every lane; what is not written is kept. */
static void check_cache_of(const struct ops *ops, enum cache_type type, size_t dim)
{
    enum { ROWS = 7, HEADS = 3, ROOM = 9 };
    static const uint32_t special[] = {0x3F808000, 0x3F818000, 0x3F808001, 0x7F7FFFFF, 0xFF800000,
                                       0x7F800001, 0xFFC12345, 0x00000001, 0x80008000, 0x7FFFFFFF};
    size_t stride = HEADS * dim + 4, n = HEADS * ROOM * dim;
    float *x = noise(ROWS * stride, 2, dim), *got = noise(n, 1, 1), *want = copy_of(got, n);
    for (size_t at = 0; at < ROWS * stride; at += 3)
        x[at] = float_from_bits(special[at % 10]);
    ops->cache_rows(got, type, ROOM * dim, x, stride, ROWS, HEADS, (int)dim);
    for (size_t r = 0; r < ROWS; r++)
        for (size_t c = 0; c < HEADS * dim; c++) {
            size_t to = c / dim * ROOM * dim + r * dim + c % dim;
            uint16_t half = bf16_from_float(x[r * stride + c]);
            if (type == CACHE_BF16)
                memcpy((char *)want + to * sizeof half, &half, sizeof half);
            else
                memcpy(want + to, x + r * stride + c, sizeof *x);
        }
    assert_memory_equal(got, want, n * sizeof *got);
    free(x), free(got), free(want);
}

static void check_cache(const struct ops *ops)
{
    static const size_t dims[] = {1, 3, 15, 17, 72, 80};
    for (size_t i = 0; i < sizeof dims / sizeof dims[0]; i++) {
        check_cache_of(ops, CACHE_F32, dims[i]);
        check_cache_of(ops, CACHE_BF16, dims[i]);
    }
}

static void the_cache_holds_rounded_rows_by_head(void **state)
{
    (void)state;
    check_cache(reference());
    for_each_level(check_cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attention_is_the_textbook_formula),
        cmocka_unit_test(large_scores_agree_with_the_reference),
        cmocka_unit_test(a_sequence_may_be_cut_anywhere),
        cmocka_unit_test(neither_growth_nor_threads_change_a_bit),
        cmocka_unit_test(company_changes_no_bit),
        cmocka_unit_test(a_fused_matrix_needs_no_copies),
        cmocka_unit_test(nan_stays_and_is_not_seen_by_earlier_rows),
        cmocka_unit_test(rotary_embedding_is_a_rotation_by_position),
        cmocka_unit_test(the_cache_holds_rounded_rows_by_head),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
