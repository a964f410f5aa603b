/* engine/ops/reference_attention.c - attention, rotary embedding, the cache. */
#include "engine/ops/reference.h"

#include "engine/base/float16.h"

#include <math.h>
#include <stdint.h>

/* The keys or the values of one head. */
struct matrix {
    const void *values;
    enum cache_type type;
    size_t offset, stride;
};

static double element(const struct matrix *m, int row, int column)
{
    size_t at = m->offset + (size_t)row * m->stride + (size_t)column;
    if (m->type == CACHE_BF16)
        return (double)float_from_bf16(((const uint16_t *)m->values)[at]);
    return (double)((const float *)m->values)[at];
}

static double score(const float *q, const struct matrix *k, int key,
                    const struct attention_shape *s)
{
    double sum = 0;
    for (int d = 0; d < s->head_dim; d++)
        sum += q[d] * element(k, key, d);
    return sum * (double)s->scale;
}

/* One query of one head that sees n_keys keys: the largest score first, then weights one by one. */
static void attend(float *out, const float *q, const struct matrix *k, const struct matrix *v,
                   int n_keys, const struct attention_shape *s)
{
    double largest = -INFINITY, total = 0, sums[OPS_MAX_HEAD] = {0};
    for (int j = 0; j < n_keys; j++)
        largest = fmax(largest, score(q, k, j, s));
    for (int j = 0; j < n_keys; j++) {
        double weight = exp(score(q, k, j, s) - largest);
        total += weight;
        for (int d = 0; d < s->head_dim; d++)
            sums[d] += weight * element(v, j, d);
    }
    for (int d = 0; d < s->head_dim; d++)
        out[d] = (float)(sums[d] / total);
}

void reference_attention(float *out, const float *q, const struct attention_shape *shape,
                         const struct attention_span *spans, size_t n_spans)
{
    size_t width = (size_t)shape->heads * (size_t)shape->head_dim;
    for (const struct attention_span *span = spans; span < spans + n_spans; span++)
        for (int h = 0; h < shape->heads; h++) {
            size_t head = (size_t)h * (size_t)shape->head_dim;
            size_t offset = (size_t)(h / (shape->heads / shape->kv_heads)) * span->head_stride;
            struct matrix k = {span->k, shape->type, offset, span->key_stride};
            struct matrix v = {span->v, shape->type, offset, span->key_stride};
            for (int i = 0; i < span->n_rows; i++) {
                size_t row = (size_t)(span->first_row + i);
                int hidden = shape->causal ? span->n_rows - 1 - i : 0;
                attend(out + row * width + head, q + row * shape->q_stride + head, &k, &v,
                       span->n_keys - hidden, shape);
            }
        }
}

void reference_rotary_table(float *table, const float *frequencies, int half,
                            const struct attention_span *spans, size_t n_spans)
{
    for (const struct attention_span *span = spans; span < spans + n_spans; span++)
        for (int i = 0; i < span->n_rows; i++) {
            float *cosines = table + (size_t)(span->first_row + i) * 2 * (size_t)half;
            for (int c = 0; c < half; c++) {
                float angle = (float)(span->n_keys - span->n_rows + i) * frequencies[c];
                cosines[c] = (float)cos((double)angle);
                cosines[half + c] = (float)sin((double)angle);
            }
        }
}

void reference_rotate(float *x, size_t stride, const float *table, int half, int rows, int heads,
                      int head_dim)
{
    for (int r = 0; r < rows; r++, table += 2 * half)
        for (int h = 0; h < heads; h++) {
            float *at = x + (size_t)r * stride + (size_t)h * (size_t)head_dim;
            for (int i = 0; i < half; i++) {
                double a = (double)at[i], b = (double)at[i + half];
                at[i] = (float)(a * table[i] - b * table[half + i]);
                at[i + half] = (float)(b * table[i] + a * table[half + i]);
            }
        }
}

void reference_cache_rows(void *cache, enum cache_type type, size_t head_stride, const float *x,
                          size_t x_stride, int rows, int heads, int head_dim)
{
    for (int r = 0; r < rows; r++)
        for (int h = 0; h < heads; h++)
            for (int d = 0; d < head_dim; d++) {
                size_t to = (size_t)h * head_stride + (size_t)(r * head_dim + d);
                float value = x[(size_t)r * x_stride + (size_t)(h * head_dim + d)];
                if (type == CACHE_BF16)
                    ((uint16_t *)cache)[to] = bf16_from_float(value);
                else
                    ((float *)cache)[to] = value;
            }
}
