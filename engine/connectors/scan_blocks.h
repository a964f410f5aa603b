/* engine/connectors/scan_blocks.h - the bidirectional Mamba-2 blocks of ML-Mamba's connector
 * (arXiv 2407.19832, section 3.2.3; mamba_ssm fork models/mixer_seq_simple.py:232-316,
 * modules/block.py:10-34,61-96, modules/mamba2.py:139-159,196-244).  For each block:
 *
 *     p = x in_proj^T                                    no norm before it
 *     x = x + (mixer(p) + reverse(mixer_b(reverse(p)))) / 2 out_proj^T
 *     u = LayerNorm(x)
 *     x = x + (SiLU(u w1^T + b1) * (u w2^T + b2)) w3^T + b3
 *
 * and x = LayerNorm(x) behind the last.  The mixers (engine/layers/mamba2.h) start from empty
 * states and share in_proj, out_proj and the gated norm. */
#ifndef MAMBENCH_ENGINE_CONNECTORS_SCAN_BLOCKS_H
#define MAMBENCH_ENGINE_CONNECTORS_SCAN_BLOCKS_H

#include "engine/card.h"
#include "engine/layers/mamba2.h"
#include "engine/ops/compute.h"
#include "engine/weights.h"

struct scan_block;

/* Read-only once open. */
struct scan_blocks {
    struct mamba2_shape shape;
    int width, n_blocks;
    float eps; /* of the layer norms */
    struct scan_block *blocks;
    struct norm norm_f;
};

/* Binds "bidirectional_mamba.layers.N.*" and "bidirectional_mamba.norm_f"; the width is the card's
 * out_width.  The caller releases the blocks, after a failure too.  Errors: those of weights_*().
 */
enum status scan_blocks_open(struct scan_blocks *out, const struct card_connector *card,
                             struct weights *weights, struct error *err);
void scan_blocks_release(struct scan_blocks *blocks);

/* Makes the products; the scratch floats of scan_blocks_run() are added to need. */
enum status scan_blocks_prepare(const struct scan_blocks *blocks, struct compute *compute, int rows,
                                size_t *need, struct error *err);

/* x [rows, width] becomes what the blocks and the last norm make of it. */
void scan_blocks_run(const struct scan_blocks *blocks, struct compute *compute, float *x, int rows);

#endif
