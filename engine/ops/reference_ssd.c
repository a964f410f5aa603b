/* engine/ops/reference_ssd.c - Mamba-2's scan as its recurrence, row after row. */
#include "engine/ops/reference.h"

#include <math.h>

/* One row of one channel; S: [state_size], state_stride floats apart. */
static double ssd_row(float *S, size_t state_stride, const float *B, const float *C, int state_size,
                      double decay, double dtx)
{
    double sum = 0;
    for (int n = 0; n < state_size; n++) {
        float *s = &S[(size_t)n * state_stride];
        *s = (float)(decay * *s + dtx * B[n]);
        sum += (double)*s * C[n];
    }
    return sum;
}

static void ssd_head(float *y, const struct ssd_inputs *in, const struct span *span, size_t head)
{
    size_t head_dim = (size_t)in->head_dim, channels = (size_t)in->heads * head_dim;
    float *S = span->ssm_state + head * (size_t)in->state_size * head_dim;
    for (int t = 0; t < span->n_rows; t++) {
        size_t row = (size_t)(span->first_row + t);
        const float *x = in->x + row * in->xbc_stride + head * head_dim;
        const float *B = in->B + row * in->xbc_stride, *C = in->C + row * in->xbc_stride;
        double dt =
            reference_softplus((double)in->dt[row * in->dt_stride + head] + in->dt_bias[head]);
        double decay = exp(dt * in->A[head]);
        for (size_t p = 0; p < head_dim; p++) {
            double sum = ssd_row(S + p, head_dim, B, C, in->state_size, decay, dt * x[p]);
            y[row * channels + head * head_dim + p] = (float)(sum + (double)in->D[head] * x[p]);
        }
    }
}

void reference_ssd_scan(float *y, const struct ssd_inputs *in, const struct span *spans,
                        size_t n_spans, float *scratch)
{
    (void)scratch;
    for (size_t s = 0; s < n_spans; s++)
        for (int head = 0; head < in->heads; head++)
            ssd_head(y, in, &spans[s], (size_t)head);
}

size_t reference_ssd_scratch(const struct ssd_inputs *in, int rows)
{
    (void)in, (void)rows;
    return 0;
}
