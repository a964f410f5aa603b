/* engine/connectors/connector.h - vision features to rows of the language model's width.
 *
 * To add a connector: write engine/connectors/<name>.c, list it in engine/connectors/registry.c,
 * name its hyper-parameters in its own table, and give tests/ a fixture with its output. */
#ifndef MAMBENCH_ENGINE_CONNECTORS_CONNECTOR_H
#define MAMBENCH_ENGINE_CONNECTORS_CONNECTOR_H

#include "engine/card.h"
#include "engine/ops/compute.h"
#include "engine/weights.h"

struct connector_kind;

/* A loaded connector, read-only.  Each kind embeds this as the first member of its own struct. */
struct connector {
    const struct connector_kind *kind;
    int n_in, n_out; /* rows: patches, and image tokens */
    int in_width, out_width;
};

struct connector_kind {
    const char *name; /* as in model.json: "fused-gelu-mlp" */
    /* Its hyper-parameters in struct card_connector, beyond those of every kind. */
    const struct card_key *keys;
    /* What ranges cannot say; NULL: nothing.  place names the card in errors. */
    enum status (*check)(const struct card_connector *card, const char *place, struct error *err);
    /* Rows that come out of so many patches; 0 if the kind needs a square of them and it is none.
     */
    int (*rows)(const struct card_connector *card, int n_in);
    enum status (*open)(struct connector **out, const struct connector_kind *kind,
                        const struct card_connector *card, int n_in, struct weights *weights,
                        struct error *err);
    void (*close)(struct connector *connector);
    /* Makes the products; need is raised to the scratch floats of run(). */
    enum status (*prepare)(const struct connector *connector, struct compute *compute, size_t *need,
                           struct error *err);
    /* features: [n_in, in_width]; rows: [n_out, out_width]. */
    void (*run)(const struct connector *connector, struct compute *compute, const float *features,
                float *rows);
};

extern const struct connector_kind *const connector_kinds[]; /* NULL-terminated */
const struct connector_kind *connector_kind_find(const char *name);

/* The side of a square of n rows, 0 if n is none. */
int connector_square(int n);

#endif
