/* engine/connectors/scan.c - ML-Mamba's connector (arXiv 2407.19832, section 3.2.3;
 * mlmamba/models/vlms/mlmamba.py:85-105,415-418):
 *
 *     mlp.0 . GELU . bidirectional_mamba . projector
 *
 * The projector is a connector of its own, from the language model's width to the same: the card's
 * tail. */
#include "engine/connectors/connector.h"
#include "engine/connectors/scan_blocks.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct scan {
    struct connector connector;
    struct linear mlp; /* [width, in_width] */
    struct scan_blocks blocks;
    struct card_connector tail_card;
    struct connector *tail;
};

extern const struct connector_kind connector_mamba2_scan;

/* NULL where the card names none that can stand behind a scan. */
static const struct connector_kind *tail_kind(const struct card_connector *card)
{
    const struct connector_kind *kind = card->tail ? connector_kind_find(card->tail) : NULL;
    return kind == &connector_mamba2_scan ? NULL : kind;
}

/* The tail's own card; its tensors still have the whole connector's prefix. */
static struct card_connector tail_card(const struct card_connector *card)
{
    struct card_connector tail = *card;
    tail.kind = card->tail;
    tail.in_width = card->out_width;
    tail.tail = NULL;
    return tail;
}

static int scan_rows(const struct card_connector *card, int n_in)
{
    const struct connector_kind *kind = tail_kind(card);
    struct card_connector tail = tail_card(card);
    return kind ? kind->rows(&tail, n_in) : 0;
}

/* Numbers that only some tails need may be 0 in the card. */
static enum status check_tail(const struct connector_kind *kind, const struct card_connector *tail,
                              const char *place, struct error *err)
{
    for (const struct card_key *key = kind->keys; key && key->name; key++) {
        int value = 0;
        if (key->type != CARD_INT)
            continue;
        memcpy(&value, (const char *)tail + key->offset, sizeof value);
        if (value < key->low || value > key->high)
            return fail(err, STATUS_BAD_FORMAT, "%s: \"%s\" is %d, the tail %s needs %.0f to %.0f",
                        place, key->name, value, kind->name, key->low, key->high);
    }
    return kind->check ? kind->check(tail, place, err) : STATUS_OK;
}

static enum status check(const struct card_connector *card, const char *place, struct error *err)
{
    const struct connector_kind *kind = tail_kind(card);
    if (!kind)
        return fail(err, STATUS_UNSUPPORTED, "%s: no connector called '%s' can stand behind a scan",
                    place, card->tail ? card->tail : "");
    struct card_connector tail = tail_card(card);
    enum status status = mamba2_check(card->inner_width, card->head_dim, place, err);
    return status ? status : check_tail(kind, &tail, place, err);
}

static void close_scan(struct connector *connector)
{
    struct scan *scan = (struct scan *)connector;
    linear_release(&scan->mlp);
    scan_blocks_release(&scan->blocks);
    if (scan->tail)
        scan->tail->kind->close(scan->tail);
    free(scan);
}

/* Opens the tail on "projector.projector." behind the prefix, and adds what it counted. */
static enum status open_tail(struct scan *scan, const struct card_connector *card,
                             struct weights *weights, struct error *err)
{
    const struct connector_kind *kind = tail_kind(card);
    const char *prefix = weights->part->prefix;
    assert(kind); /* the card is checked */
    scan->tail_card = tail_card(card);
    scan->tail_card.weights = *weights->part;
    scan->tail_card.weights.prefix =
        arena_printf(weights->arena, "%sprojector.projector.", prefix ? prefix : "");
    if (!scan->tail_card.weights.prefix)
        return fail(err, STATUS_NO_MEMORY, "out of memory for a connector");
    struct weights behind = *weights;
    behind.part = &scan->tail_card.weights;
    enum status status =
        kind->open(&scan->tail, kind, &scan->tail_card, scan->connector.n_in, &behind, err);
    weights->parameters = behind.parameters;
    weights->packed_bytes = behind.packed_bytes;
    return status;
}

static enum status open_scan(struct connector **out, const struct connector_kind *kind,
                             const struct card_connector *card, int n_in, struct weights *weights,
                             struct error *err)
{
    struct scan *scan = calloc(1, sizeof *scan);
    if (!scan)
        return fail(err, STATUS_NO_MEMORY, "out of memory for a connector");
    scan->connector =
        (struct connector){kind, n_in, scan_rows(card, n_in), card->in_width, card->out_width};
    enum status status =
        weights_linear(weights, "mlp.0", card->out_width, card->in_width, true, &scan->mlp, err);
    if (!status)
        status = scan_blocks_open(&scan->blocks, card, weights, err);
    if (!status)
        status = open_tail(scan, card, weights, err);
    if (status) {
        close_scan(&scan->connector);
        return status;
    }
    *out = &scan->connector;
    return STATUS_OK;
}

static enum status prepare(const struct connector *connector, struct compute *compute, size_t *need,
                           struct error *err)
{
    const struct scan *scan = (const struct scan *)connector;
    int rows = connector->n_in;
    size_t blocks = 0, tail = 0;
    enum status status = linear_prepare(compute->matmul, &scan->mlp, rows, err);
    if (!status)
        status = scan_blocks_prepare(&scan->blocks, compute, rows, &blocks, err);
    if (!status)
        status = scan->tail->kind->prepare(scan->tail, compute, &tail, err);
    size_t floats = compute_need(rows, connector->out_width) + (blocks > tail ? blocks : tail);
    if (!status && floats > *need)
        *need = floats;
    return status;
}

static void run(const struct connector *connector, struct compute *compute, const float *features,
                float *rows)
{
    const struct scan *scan = (const struct scan *)connector;
    int n = connector->n_in;
    size_t taken = compute->taken_floats;
    float *x = compute_take(compute, n, connector->out_width);
    linear_run(compute->matmul, &scan->mlp, features, (size_t)connector->in_width, x, n);
    compute->ops->activate(x, (size_t)n * (size_t)connector->out_width, ACTIVATION_GELU_ERF);
    scan_blocks_run(&scan->blocks, compute, x, n);
    scan->tail->kind->run(scan->tail, compute, x, rows);
    compute_release(compute, taken);
}

static const struct card_key keys[] = {
    {"hidden_width", offsetof(struct card_connector, hidden_width), CARD_INT, 0, CARD_MAX_WIDTH},
    {"eps", offsetof(struct card_connector, eps), CARD_REAL, CARD_MIN_EPS, CARD_MAX_EPS},
    {"tail", offsetof(struct card_connector, tail), CARD_TEXT, 0, 0},
    {"blocks", offsetof(struct card_connector, blocks), CARD_INT, 1, CARD_MAX_LAYERS},
    {"inner_width", offsetof(struct card_connector, inner_width), CARD_INT, 1, CARD_MAX_WIDTH},
    {"state_size", offsetof(struct card_connector, state_size), CARD_INT, 1, CARD_MAX_STATE},
    {"conv_width", offsetof(struct card_connector, conv_width), CARD_INT, 1, CARD_MAX_CONV},
    {"head_dim", offsetof(struct card_connector, head_dim), CARD_INT, 1, CARD_MAX_WIDTH},
    {NULL, 0, CARD_INT, 0, 0},
};

const struct connector_kind connector_mamba2_scan = {
    .name = "mamba2-scan",
    .keys = keys,
    .check = check,
    .rows = scan_rows,
    .open = open_scan,
    .close = close_scan,
    .prepare = prepare,
    .run = run,
};
