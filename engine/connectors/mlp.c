/* engine/connectors/mlp.c - row by row (cobra/util/nn_utils.py:15-130 @4b81082; "gelu-mlp" is
 * LLaVA's mlp2x_gelu, llava/model/multimodal_projector/builder.py:33-46 @c121f04):
 *
 *     linear          W0
 *     gelu-mlp        W0 . GELU . W2
 *     fused-gelu-mlp  W0 . GELU . W2 . GELU . W4 */
#include "engine/connectors/linears.h"

#include <stdlib.h>

struct mlp {
    struct connector connector;
    struct linears linears;
};

static const struct card_key no_keys[] = {{.name = NULL}};

static const struct card_key hidden_keys[] = {
    {"hidden_width", offsetof(struct card_connector, hidden_width), CARD_INT, 1, CARD_MAX_WIDTH},
    {.name = NULL},
};

static int every_patch(const struct card_connector *card, int n_in)
{
    (void)card;
    return n_in;
}

static void close_mlp(struct connector *connector)
{
    struct mlp *mlp = (struct mlp *)connector;
    linears_release(&mlp->linears);
    free(mlp);
}

static enum status open_mlp(struct connector **out, const struct connector_kind *kind,
                            const struct card_connector *card, int n_in, const char *const *names,
                            const int *widths, struct weights *weights, struct error *err)
{
    struct mlp *mlp = calloc(1, sizeof *mlp);
    if (!mlp)
        return fail(err, STATUS_NO_MEMORY, "out of memory for a connector");
    mlp->connector = (struct connector){kind, n_in, n_in, card->in_width, card->out_width};
    enum status status = linears_open(&mlp->linears, names, widths, weights, err);
    if (status) {
        close_mlp(&mlp->connector);
        return status;
    }
    *out = &mlp->connector;
    return STATUS_OK;
}

/* A Sequential numbers its activations too: 0, 2, 4.  A single linear has no number. */
static enum status open_linear(struct connector **out, const struct connector_kind *kind,
                               const struct card_connector *card, int n_in, struct weights *weights,
                               struct error *err)
{
    static const char *const names[] = {"", NULL};
    const int widths[] = {card->in_width, card->out_width};
    return open_mlp(out, kind, card, n_in, names, widths, weights, err);
}

static enum status open_two(struct connector **out, const struct connector_kind *kind,
                            const struct card_connector *card, int n_in, struct weights *weights,
                            struct error *err)
{
    static const char *const names[] = {"0", "2", NULL};
    const int widths[] = {card->in_width, card->hidden_width, card->out_width};
    return open_mlp(out, kind, card, n_in, names, widths, weights, err);
}

static enum status open_three(struct connector **out, const struct connector_kind *kind,
                              const struct card_connector *card, int n_in, struct weights *weights,
                              struct error *err)
{
    static const char *const names[] = {"0", "2", "4", NULL};
    const int widths[] = {card->in_width, card->hidden_width, card->out_width, card->out_width};
    return open_mlp(out, kind, card, n_in, names, widths, weights, err);
}

static enum status prepare(const struct connector *connector, struct compute *compute, size_t *need,
                           struct error *err)
{
    const struct mlp *mlp = (const struct mlp *)connector;
    size_t floats = 0;
    enum status status = linears_prepare(&mlp->linears, compute, connector->n_in, &floats, err);
    if (floats > *need)
        *need = floats;
    return status;
}

static void run(const struct connector *connector, struct compute *compute, const float *features,
                float *rows)
{
    const struct mlp *mlp = (const struct mlp *)connector;
    size_t taken = compute->taken_floats, width = (size_t)connector->out_width;
    const float *y = linears_run(&mlp->linears, compute, features, connector->n_in);
    compute->ops->copy_rows(rows, width, y, width, connector->n_out, connector->out_width);
    compute_release(compute, taken);
}

extern const struct connector_kind connector_linear, connector_gelu_mlp, connector_fused_gelu_mlp;

const struct connector_kind connector_linear = {
    .name = "linear",
    .keys = no_keys,
    .rows = every_patch,
    .open = open_linear,
    .close = close_mlp,
    .prepare = prepare,
    .run = run,
};

const struct connector_kind connector_gelu_mlp = {
    .name = "gelu-mlp",
    .keys = hidden_keys,
    .rows = every_patch,
    .open = open_two,
    .close = close_mlp,
    .prepare = prepare,
    .run = run,
};

const struct connector_kind connector_fused_gelu_mlp = {
    .name = "fused-gelu-mlp",
    .keys = hidden_keys,
    .rows = every_patch,
    .open = open_three,
    .close = close_mlp,
    .prepare = prepare,
    .run = run,
};
