/* engine/work.h - what a model's stages must compute and read at least: the measure of a speed.
 *
 * Operations are two a multiplication.  The work_*() of a card count the matrix products alone;
 * engine_work() adds the language model's attention over what can be seen, its convolutions and
 * its scans in the recurrent form (three multiplications for each number of the state), and the
 * towers' attention: with those the published tables agree.  Norms and activations count nothing.
 */
#ifndef MAMBENCH_ENGINE_WORK_H
#define MAMBENCH_ENGINE_WORK_H

#include "engine/card.h"
#include "engine/engine.h"

/* Weights of the products of one decoder layer; 0 for a family that is not known here. */
double work_layer_weights(const struct card_lm *lm);

/* Products of one tower, and of all of them, for one picture: patches, and blocks of rows with cls
 * token and registers. */
double work_tower(const struct card_tower *tower);
double work_towers(const struct card *card);

/* Products of the connector's MLP, one picture; what stands between its linears counts nothing. */
double work_connector(const struct card *card);

/* What one run of a stage comes to. */
struct work {
    double flop;
    double bytes; /* weights once; states and caches read, and written where they change */
};

/* A tower (index below n_towers) and the connector, pictures times, each with its own weights read
 * anew; 0 operations where the kind of connector is not counted. */
struct work engine_tower_work(const struct engine *engine, size_t index, int pictures);
struct work engine_connector_work(const struct engine *engine, int pictures);

/* The language model reads rows of each of so many sequences at once, behind positions; logits of
 * so many rows of each (0 or 1).  Steps of decoding are rows = 1. */
struct work engine_rows_work(const struct engine *engine, int sequences, int rows, int positions,
                             int logits);

#endif
