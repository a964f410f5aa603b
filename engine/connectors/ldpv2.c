/* engine/connectors/ldpv2.c - MobileVLM v2's lightweight downsample projector (mobilevlm/model/
 * vision_projector.py:38-102) and Cobra's, which is the same on a larger grid
 * (cobra/util/nn_utils.py:15-130 @4b81082):
 *
 *     x = W0 . GELU . W2 ; x = average pool of the grid to side x side
 *     x = x + depthwise 3x3 convolution of x + bias                      (PEG) */
#include "engine/connectors/linears.h"

#include <stdlib.h>

/* What the two releases call it, and the grid that comes out. */
struct layout {
    const struct connector_kind *kind;
    const char *linears[3]; /* NULL at the end */
    const char *conv_weight, *conv_bias;
    int side;
};

struct ldpv2 {
    struct connector connector;
    const struct layout *layout;
    int side; /* of the patches' grid */
    struct linears linears;
    const float *conv_weight; /* [9, out_width] */
    const float *conv_bias;   /* [out_width] */
};

extern const struct connector_kind connector_fused_ldpnet, connector_ldpnetv2;

static const struct layout layouts[] = {
    {&connector_fused_ldpnet, {"0", "2"}, "4.peg.0.weight", "4.peg.0.bias", 14},
    {&connector_ldpnetv2, {"mlp.mlp.0", "mlp.mlp.2"}, "peg.peg.0.weight", "peg.peg.0.bias", 12},
};

static const struct card_key keys[] = {
    {"hidden_width", offsetof(struct card_connector, hidden_width), CARD_INT, 1, CARD_MAX_WIDTH},
    {.name = NULL},
};

static const struct layout *layout_of(const struct connector_kind *kind)
{
    return kind == layouts[0].kind ? &layouts[0] : &layouts[1];
}

static int rows_to_side(int n_in, int side)
{
    return connector_square(n_in) > 0 ? side * side : 0;
}

static int rows_fused(const struct card_connector *card, int n_in)
{
    (void)card;
    return rows_to_side(n_in, layouts[0].side);
}

static int rows_v2(const struct card_connector *card, int n_in)
{
    (void)card;
    return rows_to_side(n_in, layouts[1].side);
}

static void close_ldpv2(struct connector *connector)
{
    struct ldpv2 *ldp = (struct ldpv2 *)connector;
    linears_release(&ldp->linears);
    free(ldp);
}

static enum status bind(struct ldpv2 *ldp, const struct card_connector *card,
                        struct weights *weights, struct error *err)
{
    const int widths[] = {card->in_width, card->hidden_width, card->out_width};
    float *bias = NULL, *weight = NULL;
    enum status status = linears_open(&ldp->linears, ldp->layout->linears, widths, weights, err);
    if (!status)
        status =
            weights_transposed(weights, ldp->layout->conv_weight, card->out_width, 9, &weight, err);
    if (!status)
        status = weights_vector(weights, ldp->layout->conv_bias, card->out_width, &bias, err);
    ldp->conv_weight = weight;
    ldp->conv_bias = bias;
    return status;
}

static enum status open_ldpv2(struct connector **out, const struct connector_kind *kind,
                              const struct card_connector *card, int n_in, struct weights *weights,
                              struct error *err)
{
    int side = connector_square(n_in);
    if (side == 0)
        return fail(err, STATUS_MISMATCH, "the connector %s needs a square of patches, not %d",
                    kind->name, n_in);
    struct ldpv2 *ldp = calloc(1, sizeof *ldp);
    if (!ldp)
        return fail(err, STATUS_NO_MEMORY, "out of memory for a connector");
    ldp->connector =
        (struct connector){kind, n_in, kind->rows(card, n_in), card->in_width, card->out_width};
    ldp->layout = layout_of(kind);
    ldp->side = side;
    enum status status = bind(ldp, card, weights, err);
    if (status) {
        close_ldpv2(&ldp->connector);
        return status;
    }
    *out = &ldp->connector;
    return STATUS_OK;
}

static enum status prepare(const struct connector *connector, struct compute *compute, size_t *need,
                           struct error *err)
{
    const struct ldpv2 *ldp = (const struct ldpv2 *)connector;
    size_t floats = compute_need(connector->n_out, connector->out_width);
    enum status status = linears_prepare(&ldp->linears, compute, connector->n_in, &floats, err);
    if (floats > *need)
        *need = floats;
    return status;
}

static void run(const struct connector *connector, struct compute *compute, const float *features,
                float *rows)
{
    const struct ldpv2 *ldp = (const struct ldpv2 *)connector;
    size_t taken = compute->taken_floats;
    int width = connector->out_width, side = ldp->layout->side;
    const float *x = linears_run(&ldp->linears, compute, features, connector->n_in);
    float *pooled = compute_take(compute, connector->n_out, width);
    compute->ops->average_pool(pooled, x, ldp->side, side, width);
    compute->ops->depthwise_conv(rows, pooled, ldp->conv_weight, ldp->conv_bias, side, 1, true,
                                 width);
    compute_release(compute, taken);
}

const struct connector_kind connector_fused_ldpnet = {
    .name = "fused-ldpnet",
    .keys = keys,
    .rows = rows_fused,
    .open = open_ldpv2,
    .close = close_ldpv2,
    .prepare = prepare,
    .run = run,
};

const struct connector_kind connector_ldpnetv2 = {
    .name = "ldpnetv2",
    .keys = keys,
    .rows = rows_v2,
    .open = open_ldpv2,
    .close = close_ldpv2,
    .prepare = prepare,
    .run = run,
};
