/* engine/connectors/ldp.c - MobileVLM v1's lightweight downsample projector (mobilevlm/model/
 * vision_projector.py:11-36, 81-88); its blocks are torchvision 0.15's InvertedResidual
 * (models/mobilenetv3.py) without expansion, with timm's LayerNormAct2d for the norms:
 *
 *     x = W1 . GELU . W3 ; x = x + B1(x, stride 1) ; x = B2(x, stride 2)
 *     B(x, stride): x = hardswish(LayerNorm(depthwise 3x3 convolution of x))
 *                   x = x * hardsigmoid(F2 relu(F1 mean over the grid of x))   (squeeze-excite)
 *                   x = LayerNorm(P x) */
#include "engine/connectors/linears.h"

#include <stdlib.h>

enum { N_BLOCKS = 2 };

struct ldp_block {
    const float *taps;        /* [9, width] */
    struct norm inner, outer; /* behind the convolution, behind the projection */
    struct linear squeeze;    /* F1, [squeeze_width, width] */
    struct linear excite;     /* F2, [width, squeeze_width] */
    struct linear project;    /* P, [width, width] */
};

struct ldp {
    struct connector connector;
    int side; /* of the patches' grid */
    float eps;
    struct linears linears;
    struct ldp_block blocks[N_BLOCKS];
};

static const struct card_key keys[] = {
    {"eps", offsetof(struct card_connector, eps), CARD_REAL, CARD_MIN_EPS, CARD_MAX_EPS},
    {.name = NULL},
};

/* The side of what comes out of the second block. */
static int side_out(int side)
{
    return (side - 1) / 2 + 1;
}

static int rows_out(const struct card_connector *card, int n_in)
{
    (void)card;
    int side = connector_square(n_in);
    return side > 0 ? side_out(side) * side_out(side) : 0;
}

/* A quarter of the width, to a multiple of 8 that is not more than 10 % less
 * (torchvision/models/_utils.py, _make_divisible). */
static int squeeze_width(int width)
{
    int quarter = width / 4;
    int rounded = (quarter + 4) / 8 * 8;
    if (rounded < 8)
        rounded = 8;
    return 10 * rounded < 9 * quarter ? rounded + 8 : rounded;
}

static void close_ldp(struct connector *connector)
{
    struct ldp *ldp = (struct ldp *)connector;
    linears_release(&ldp->linears);
    for (int i = 0; i < N_BLOCKS; i++) {
        linear_release(&ldp->blocks[i].squeeze);
        linear_release(&ldp->blocks[i].excite);
        linear_release(&ldp->blocks[i].project);
    }
    free(ldp);
}

static enum status open_block(struct ldp_block *block, int width, struct weights *weights,
                              struct error *err)
{
    int squeezed = squeeze_width(width);
    float *taps = NULL;
    enum status status = weights_transposed(weights, "0.0.weight", width, 9, &taps, err);
    block->taps = taps;
    if (!status)
        status = weights_norm(weights, "0.1", width, &block->inner, err);
    if (!status)
        status = weights_linear(weights, "1.fc1", squeezed, width, true, &block->squeeze, err);
    if (!status)
        status = weights_linear(weights, "1.fc2", width, squeezed, true, &block->excite, err);
    if (!status)
        status = weights_linear(weights, "2.0", width, width, false, &block->project, err);
    if (!status)
        status = weights_norm(weights, "2.1", width, &block->outer, err);
    return status;
}

static enum status bind(struct ldp *ldp, const struct card_connector *card, struct weights *weights,
                        struct error *err)
{
    static const char *const names[] = {"mlp.1", "mlp.3", NULL};
    const int widths[] = {card->in_width, card->out_width, card->out_width};
    enum status status = linears_open(&ldp->linears, names, widths, weights, err);
    for (int i = 0; !status && i < N_BLOCKS; i++) {
        weights_enter(weights, "mb_block.%d.block.", i + 1);
        status = open_block(&ldp->blocks[i], card->out_width, weights, err);
    }
    weights_enter(weights, "%s", "");
    return status;
}

static enum status open_ldp(struct connector **out, const struct connector_kind *kind,
                            const struct card_connector *card, int n_in, struct weights *weights,
                            struct error *err)
{
    int side = connector_square(n_in);
    if (side == 0)
        return fail(err, STATUS_MISMATCH, "the connector %s needs a square of patches, not %d",
                    kind->name, n_in);
    struct ldp *ldp = calloc(1, sizeof *ldp);
    if (!ldp)
        return fail(err, STATUS_NO_MEMORY, "out of memory for a connector");
    ldp->connector =
        (struct connector){kind, n_in, rows_out(card, n_in), card->in_width, card->out_width};
    ldp->side = side;
    ldp->eps = (float)card->eps;
    enum status status = bind(ldp, card, weights, err);
    if (status) {
        close_ldp(&ldp->connector);
        return status;
    }
    *out = &ldp->connector;
    return STATUS_OK;
}

/* Scratch floats of one block on so many rows out. */
static size_t block_need(const struct ldp_block *block, int rows)
{
    return 2 * compute_need(rows, block->project.n_out) + 2 * compute_need(1, block->excite.n_out) +
           compute_need(1, block->squeeze.n_out);
}

static enum status prepare(const struct connector *connector, struct compute *compute, size_t *need,
                           struct error *err)
{
    const struct ldp *ldp = (const struct ldp *)connector;
    size_t floats = 0, blocks = 0;
    enum status status = linears_prepare(&ldp->linears, compute, connector->n_in, &floats, err);
    for (int i = 0; !status && i < N_BLOCKS; i++) {
        const struct ldp_block *block = &ldp->blocks[i];
        int rows = i == 0 ? connector->n_in : connector->n_out;
        status = linear_prepare(compute->matmul, &block->squeeze, 1, err);
        if (!status)
            status = linear_prepare(compute->matmul, &block->excite, 1, err);
        if (!status)
            status = linear_prepare(compute->matmul, &block->project, rows, err);
        blocks = block_need(block, rows) > blocks ? block_need(block, rows) : blocks;
    }
    if (floats + blocks > *need)
        *need = floats + blocks;
    return status;
}

/* x *= hardsigmoid(F2 relu(F1 mean of x)) */
static void squeeze_excite(const struct ldp_block *block, struct compute *compute, float *x,
                           int rows)
{
    const struct ops *ops = compute->ops;
    int width = block->squeeze.n_in, squeezed = block->squeeze.n_out;
    float *mean = compute_take(compute, 1, width), *scale = compute_take(compute, 1, width);
    float *inside = compute_take(compute, 1, squeezed);
    ops->mean_rows(mean, x, rows, width);
    linear_run(compute->matmul, &block->squeeze, mean, (size_t)width, inside, 1);
    ops->activate(inside, (size_t)squeezed, ACTIVATION_RELU);
    linear_run(compute->matmul, &block->excite, inside, (size_t)squeezed, scale, 1);
    ops->activate(scale, (size_t)width, ACTIVATION_HARDSIGMOID);
    ops->scale_columns(x, scale, rows, width);
}

/* B(x): x is [side * side, width]; the result is scratch memory. */
static float *run_block(const struct ldp *ldp, const struct ldp_block *block,
                        struct compute *compute, const float *x, int stride)
{
    const struct ops *ops = compute->ops;
    int width = ldp->connector.out_width, side = (ldp->side - 1) / stride + 1, rows = side * side;
    float *y = compute_take(compute, rows, width);
    size_t taken = compute->taken_floats;
    float *h = compute_take(compute, rows, width);
    ops->depthwise_conv(h, x, block->taps, NULL, ldp->side, stride, false, width);
    ops->layer_norm(h, h, block->inner.weight, block->inner.bias, rows, width, ldp->eps);
    ops->activate(h, (size_t)rows * (size_t)width, ACTIVATION_HARDSWISH);
    squeeze_excite(block, compute, h, rows);
    linear_run(compute->matmul, &block->project, h, (size_t)width, y, rows);
    ops->layer_norm(y, y, block->outer.weight, block->outer.bias, rows, width, ldp->eps);
    compute_release(compute, taken);
    return y;
}

static void run(const struct connector *connector, struct compute *compute, const float *features,
                float *rows)
{
    const struct ldp *ldp = (const struct ldp *)connector;
    size_t taken = compute->taken_floats, width = (size_t)connector->out_width;
    float *x = linears_run(&ldp->linears, compute, features, connector->n_in);
    size_t taken_with_x = compute->taken_floats;
    const float *inside = run_block(ldp, &ldp->blocks[0], compute, x, 1);
    compute->ops->add_scaled(x, inside, NULL, connector->n_in, connector->out_width);
    compute_release(compute, taken_with_x);
    const float *y = run_block(ldp, &ldp->blocks[1], compute, x, 2);
    compute->ops->copy_rows(rows, width, y, width, connector->n_out, connector->out_width);
    compute_release(compute, taken);
}

extern const struct connector_kind connector_ldpnet;
const struct connector_kind connector_ldpnet = {
    .name = "ldpnet",
    .keys = keys,
    .rows = rows_out,
    .open = open_ldp,
    .close = close_ldp,
    .prepare = prepare,
    .run = run,
};
