#include "engine/connectors/linears.h"

#include <assert.h>

enum status linears_open(struct linears *out, const char *const *names, const int *widths,
                         struct weights *weights, struct error *err)
{
    enum status status = STATUS_OK;
    *out = (struct linears){0};
    for (int i = 0; !status && names[i]; i++) {
        assert(i < LINEARS_MAX);
        status =
            weights_linear(weights, names[i], widths[i + 1], widths[i], true, &out->items[i], err);
        out->n = i + 1;
    }
    return status;
}

void linears_release(struct linears *linears)
{
    for (int i = 0; i < linears->n; i++)
        linear_release(&linears->items[i]);
}

enum status linears_prepare(const struct linears *linears, struct compute *compute, int rows,
                            size_t *floats, struct error *err)
{
    for (int i = 0; i < linears->n; i++) {
        enum status status = linear_prepare(compute->matmul, &linears->items[i], rows, err);
        if (status)
            return status;
        *floats += compute_need(rows, linears->items[i].n_out);
    }
    return STATUS_OK;
}

float *linears_run(const struct linears *linears, struct compute *compute, const float *x, int rows)
{
    float *y = NULL;
    for (int i = 0; i < linears->n; i++) {
        const struct linear *linear = &linears->items[i];
        size_t n_in = (size_t)linear->n_in;
        float *next = compute_take(compute, rows, linear->n_out);
        if (y)
            compute->ops->activate(y, (size_t)rows * n_in, ACTIVATION_GELU_ERF);
        linear_run(compute->matmul, linear, y ? y : x, n_in, next, rows);
        y = next;
    }
    return y;
}
