/* engine/connectors/connector.h - vision features to rows of the language model's width.
 *
 * To add a connector: write engine/connectors/<name>.c, list it in engine/connectors/registry.c,
 * and give tests/ a fixture with its output. */
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
    /* Rows that come out of so many patches on a square grid of this side. */
    int (*rows)(int grid);
    /* grid: side of the square of patches. */
    enum status (*open)(struct connector **out, const struct connector_kind *kind,
                        const struct card_connector *card, int grid, struct weights *weights,
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

/* The average pool that LDP uses makes 14 x 14 rows of any grid. */
enum { LDP_SIDE = 14 };

#endif
