/* engine/vision/vit.h - internal: a Vision Transformer's weights, and how to bind them. */
#ifndef MAMBENCH_ENGINE_VISION_VIT_H
#define MAMBENCH_ENGINE_VISION_VIT_H

#include "engine/vision/encoder.h"

struct vit_block {
    struct norm norm1, norm2;
    const float *ls1, *ls2; /* LayerScale, [width]; NULL without */
    struct linear qkv;      /* [3 * width, width]: q, k, v, head-major */
    struct linear proj, fc1, fc2;
};

struct vit {
    struct encoder encoder;
    struct card_tower card;
    enum activation activation;
    int grid;
    struct linear patch_embed; /* [width, 3 * patch * patch] */
    const float *positions;    /* [grid * grid, width] */
    const float *prefix;       /* [n_prefix, width]: cls with its position, registers */
    int n_prefix;
    struct norm pre_norm; /* where the card says so */
    struct vit_block *blocks;
};

/* Reads everything but kind and sizes, which are set; blocks is NULL.  After an error too,
 * vit_release() frees what was read.  Errors: NO_MEMORY, UNSUPPORTED (an option that the naming has
 * no tensors for, an unknown naming or activation, a position table that cannot be resampled),
 * those of weights.h. */
enum status vit_bind(struct vit *vit, struct weights *weights, struct error *err);
void vit_release(struct vit *vit);

#endif
