/* engine/connectors/mlp.c - Cobra's projectors (cobra/util/nn_utils.py:15-130 @4b81082):
 *
 *     linear          W0
 *     gelu-mlp        W0 . GELU . W2
 *     fused-gelu-mlp  W0 . GELU . W2 . GELU . W4
 *     fused-ldpnet    W0 . GELU . W2 . average pool to 14 x 14 . 3x3 depthwise convolution +
 * identity
 *
 * The convolution is MobileVLM v2's position generator (PEG). */
#include "engine/connectors/connector.h"

#include <stdio.h>
#include <stdlib.h>

enum { MAX_LINEARS = 3 };

struct mlp_shape {
    int n_linears;
    bool ldp; /* pool and convolution behind the last linear */
};

struct mlp {
    struct connector connector;
    struct mlp_shape shape;
    int grid;
    struct linear linears[MAX_LINEARS];
    const float *peg_weight; /* [9, out_width] */
    const float *peg_bias;   /* [out_width] */
};

static struct mlp_shape mlp_shape(const struct connector_kind *kind);

static int all_patches(int grid)
{
    return grid * grid;
}

static int ldp_patches(int grid)
{
    (void)grid;
    return LDP_SIDE * LDP_SIDE;
}

static void close_mlp(struct connector *connector)
{
    struct mlp *mlp = (struct mlp *)connector;
    for (int i = 0; i < MAX_LINEARS; i++)
        linear_release(&mlp->linears[i]);
    free(mlp);
}

/* The convolution's [out_width, 1, 3, 3], turned so that channels are contiguous. */
static enum status open_peg(struct mlp *mlp, int width, struct weights *weights, struct error *err)
{
    int shape[3] = {width, 3, 3};
    float *weight = NULL, *bias = NULL;
    enum status status =
        weights_floats(weights, "projector.4.peg.0.weight", shape, 3, &weight, err);
    if (!status)
        status = weights_vector(weights, "projector.4.peg.0.bias", width, &bias, err);
    if (status)
        return status;
    float *turned = arena_alloc(weights->arena, 9 * (size_t)width, sizeof *turned);
    if (!turned)
        return fail(err, STATUS_NO_MEMORY, "out of memory for a connector");
    for (int c = 0; c < width; c++)
        for (int tap = 0; tap < 9; tap++)
            turned[tap * width + c] = weight[c * 9 + tap];
    mlp->peg_weight = turned;
    mlp->peg_bias = bias;
    return STATUS_OK;
}

static enum status bind(struct mlp *mlp, const struct card_connector *card, struct weights *weights,
                        struct error *err)
{
    int n = mlp->shape.n_linears;
    enum status status = STATUS_OK;
    for (int i = 0; !status && i < n; i++) {
        char name[32];
        int n_in = i == 0 ? card->in_width : i == 1 ? card->hidden_width : card->out_width;
        int n_out = i == 0 && n > 1 ? card->hidden_width : card->out_width;
        /* The Sequential numbers its activations too: 0, 2, 4.  A single linear has no number. */
        if (n == 1)
            snprintf(name, sizeof name, "projector");
        else
            snprintf(name, sizeof name, "projector.%d", 2 * i);
        status = weights_linear(weights, name, n_out, n_in, true, &mlp->linears[i], err);
    }
    if (!status && mlp->shape.ldp)
        status = open_peg(mlp, card->out_width, weights, err);
    return status;
}

static enum status open_mlp(struct connector **out, const struct connector_kind *kind,
                            const struct card_connector *card, int grid, struct weights *weights,
                            struct error *err)
{
    struct mlp *mlp = calloc(1, sizeof *mlp);
    if (!mlp)
        return fail(err, STATUS_NO_MEMORY, "out of memory for a connector");
    mlp->connector =
        (struct connector){kind, grid * grid, kind->rows(grid), card->in_width, card->out_width};
    mlp->shape = mlp_shape(kind);
    mlp->grid = grid;
    enum status status = bind(mlp, card, weights, err);
    if (status) {
        close_mlp(&mlp->connector);
        return status;
    }
    *out = &mlp->connector;
    return STATUS_OK;
}

static enum status prepare(const struct connector *connector, struct compute *compute, size_t *need,
                           struct error *err)
{
    const struct mlp *mlp = (const struct mlp *)connector;
    size_t floats = 0;
    for (int i = 0; i < mlp->shape.n_linears; i++) {
        enum status status =
            linear_prepare(compute->matmul, &mlp->linears[i], connector->n_in, err);
        if (status)
            return status;
        floats += compute_need(connector->n_in, mlp->linears[i].n_out);
    }
    floats += compute_need(connector->n_out, connector->out_width);
    if (floats > *need)
        *need = floats;
    return STATUS_OK;
}

static void run(const struct connector *connector, struct compute *compute, const float *features,
                float *rows)
{
    const struct mlp *mlp = (const struct mlp *)connector;
    size_t taken = compute->taken_floats;
    float *x = NULL;
    for (int i = 0; i < mlp->shape.n_linears; i++) {
        const struct linear *linear = &mlp->linears[i];
        size_t n_in = (size_t)linear->n_in;
        float *y = compute_take(compute, connector->n_in, linear->n_out);
        if (x)
            compute->ops->gelu_erf(x, (size_t)connector->n_in * n_in);
        linear_run(compute->matmul, linear, x ? x : features, n_in, y, connector->n_in);
        x = y;
    }
    size_t width = (size_t)connector->out_width;
    if (mlp->shape.ldp) {
        float *pooled = compute_take(compute, connector->n_out, connector->out_width);
        compute->ops->average_pool(pooled, x, mlp->grid, LDP_SIDE, connector->out_width);
        compute->ops->position_conv(rows, pooled, mlp->peg_weight, mlp->peg_bias, LDP_SIDE,
                                    connector->out_width);
    } else {
        compute->ops->copy_rows(rows, width, x, width, connector->n_out, connector->out_width);
    }
    compute_release(compute, taken);
}

#define MLP_KIND(symbol, text, count)                                                              \
    extern const struct connector_kind symbol;                                                     \
    const struct connector_kind symbol = {                                                         \
        .name = text,                                                                              \
        .rows = count,                                                                             \
        .open = open_mlp,                                                                          \
        .close = close_mlp,                                                                        \
        .prepare = prepare,                                                                        \
        .run = run,                                                                                \
    }

MLP_KIND(connector_linear, "linear", all_patches);
MLP_KIND(connector_gelu_mlp, "gelu-mlp", all_patches);
MLP_KIND(connector_fused_gelu_mlp, "fused-gelu-mlp", all_patches);
MLP_KIND(connector_fused_ldpnet, "fused-ldpnet", ldp_patches);

static struct mlp_shape mlp_shape(const struct connector_kind *kind)
{
    if (kind == &connector_linear)
        return (struct mlp_shape){1, false};
    if (kind == &connector_gelu_mlp)
        return (struct mlp_shape){2, false};
    if (kind == &connector_fused_gelu_mlp)
        return (struct mlp_shape){3, false};
    return (struct mlp_shape){2, true};
}
