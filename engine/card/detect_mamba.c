/* engine/card/detect_mamba.c - Mamba, Mamba-2 and ML-Mamba's connector from tensors' shapes. */
#include "engine/card/detect.h"

#include <stdio.h>

static enum status dimension(const struct detection *d, const struct shards *shards,
                             const char *prefix, const char *name, int i, int *size)
{
    return shards_dimension(shards, prefix, name, i, size, d->err);
}

/* A head that is not tied in the file must at least have the embedding's rows. */
static enum status check_head(const struct detection *d, const struct shards *shards,
                              const char *prefix)
{
    int rows = 0;
    if (!shards_have(shards, prefix, "lm_head.weight"))
        return STATUS_OK;
    enum status status = dimension(d, shards, prefix, "lm_head.weight", 0, &rows);
    if (!status && rows != d->card->lm.vocabulary)
        return fail(d->err, STATUS_MISMATCH,
                    "%s: %slm_head.weight has %d rows, backbone.embedding.weight has %d",
                    shards->place, prefix, rows, d->card->lm.vocabulary);
    return status;
}

static enum status mamba1_shapes(const struct detection *d, const struct shards *shards,
                                 const char *mixer)
{
    struct card_lm *lm = &d->card->lm;
    int double_inner = 0, projected = 0;
    enum status status = dimension(d, shards, mixer, "in_proj.weight", 0, &double_inner);
    if (!status)
        status = dimension(d, shards, mixer, "A_log", 1, &lm->state_size);
    if (!status)
        status = dimension(d, shards, mixer, "conv1d.weight", 2, &lm->conv_width);
    if (!status)
        status = dimension(d, shards, mixer, "dt_proj.weight", 1, &lm->dt_rank);
    if (!status)
        status = dimension(d, shards, mixer, "x_proj.weight", 0, &projected);
    lm->inner_width = double_inner / 2;
    if (!status && projected != lm->dt_rank + 2 * lm->state_size)
        status = fail(d->err, STATUS_MISMATCH,
                      "%s: %sx_proj.weight has %d rows, dt_rank %d and state size %d need %d",
                      shards->place, mixer, projected, lm->dt_rank, lm->state_size,
                      lm->dt_rank + 2 * lm->state_size);
    return status;
}

/* Sizes of a Mamba-2 mixer with one group. */
struct mixer2 {
    int inner, state, conv, head_dim;
};

static enum status mixer2_shapes(const struct detection *d, const struct shards *shards,
                                 const char *mixer, struct mixer2 *out)
{
    int channels = 0, heads = 0, rows = 0;
    enum status status = dimension(d, shards, mixer, "out_proj.weight", 1, &out->inner);
    if (!status)
        status = dimension(d, shards, mixer, "conv1d.weight", 0, &channels);
    if (!status)
        status = dimension(d, shards, mixer, "conv1d.weight", 2, &out->conv);
    if (!status)
        status = dimension(d, shards, mixer, "A_log", 0, &heads);
    if (!status)
        status = dimension(d, shards, mixer, "in_proj.weight", 0, &rows);
    if (status)
        return status;
    out->state = (channels - out->inner) / 2;
    out->head_dim = out->inner / heads;
    if (rows != out->inner + channels + heads || out->inner % heads != 0)
        return fail(
            d->err, STATUS_MISMATCH,
            "%s: %sin_proj.weight has %d rows, %d channels, %d of them convolved with their "
            "states, and %d heads need %d",
            shards->place, mixer, rows, out->inner, channels, heads, out->inner + channels + heads);
    return STATUS_OK;
}

static enum status mamba2_shapes(const struct detection *d, const struct shards *shards,
                                 const char *mixer)
{
    struct card_lm *lm = &d->card->lm;
    struct mixer2 sizes = {0};
    enum status status = mixer2_shapes(d, shards, mixer, &sizes);
    lm->inner_width = sizes.inner;
    lm->state_size = sizes.state;
    lm->conv_width = sizes.conv;
    lm->head_dim = sizes.head_dim;
    return status;
}

enum status detect_mamba(const struct detection *d, const struct shards *shards, const char *prefix)
{
    struct card_lm *lm = &d->card->lm;
    char mixer[256];
    snprintf(mixer, sizeof mixer, "%sbackbone.layers.0.mixer.", prefix);
    const struct tensor_view *decay = shards_find(shards, mixer, "A_log", NULL);
    /* Mamba-2 has one rate a head and projects everything at once. */
    bool first = shards_have(shards, mixer, "x_proj.weight") || (decay && decay->n_dims == 2);
    lm->family = first ? "mamba" : "mamba2";
    lm->eps = 1e-5;
    lm->eos = 0; /* <|endoftext|> of the GPT-NeoX tokenizer */
    shards_assign(shards, prefix, &lm->weights);
    enum status status =
        dimension(d, shards, prefix, "backbone.embedding.weight", 0, &lm->vocabulary);
    if (!status)
        status = dimension(d, shards, prefix, "backbone.embedding.weight", 1, &lm->width);
    if (!status)
        status = check_head(d, shards, prefix);
    if (!status)
        status = shards_layers(shards, prefix, "backbone.layers.", &lm->layers, d->err);
    if (!status)
        status = first ? mamba1_shapes(d, shards, mixer) : mamba2_shapes(d, shards, mixer);
    return status;
}

enum status detect_scan(const struct detection *d, const struct shards *shards, const char *prefix)
{
    struct card_connector *connector = &d->card->connector;
    struct mixer2 sizes = {0};
    char blocks[256], mixer[320];
    const char *tail_prefix = arena_printf(d->arena, "%sprojector.projector.", prefix);
    if (!tail_prefix)
        return detect_no_memory(d);
    /* The tail's sizes first: the widths at both ends are the whole connector's. */
    enum status status = detect_connector(d, shards, tail_prefix);
    snprintf(blocks, sizeof blocks, "%sbidirectional_mamba.", prefix);
    snprintf(mixer, sizeof mixer, "%slayers.0.mixer.", blocks);
    connector->tail = connector->kind;
    connector->kind = "mamba2-scan";
    connector->eps = 1e-5;
    shards_assign(shards, prefix, &connector->weights);
    if (!status)
        status = dimension(d, shards, prefix, "mlp.0.weight", 1, &connector->in_width);
    if (!status)
        status = shards_layers(shards, blocks, "layers.", &connector->blocks, d->err);
    if (!status)
        status = mixer2_shapes(d, shards, mixer, &sizes);
    connector->inner_width = sizes.inner;
    connector->state_size = sizes.state;
    connector->conv_width = sizes.conv;
    connector->head_dim = sizes.head_dim;
    return status;
}
