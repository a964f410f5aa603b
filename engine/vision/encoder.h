/* engine/vision/encoder.h - what a vision encoder must provide.
 *
 * To add an encoder: write engine/vision/<name>.c, list it in engine/vision/registry.c, and give
 * tests/ a fixture with its features.  CLIP, SigLIP and DINOv2 are options of one ViT. */
#ifndef MAMBENCH_ENGINE_VISION_ENCODER_H
#define MAMBENCH_ENGINE_VISION_ENCODER_H

#include "engine/card.h"
#include "engine/ops/compute.h"
#include "engine/weights.h"

struct encoder_kind;

/* A loaded tower, read-only.  Each kind embeds this as the first member of its own struct. */
struct encoder {
    const struct encoder_kind *kind;
    int n_patches, width; /* its features: [n_patches, width] */
};

struct encoder_kind {
    const char *name; /* as in model.json: "vit" */
    enum status (*open)(struct encoder **out, const struct card_tower *card,
                        struct weights *weights, struct error *err);
    void (*close)(struct encoder *encoder);
    /* Makes the products; need is raised to the scratch floats of run(). */
    enum status (*prepare)(const struct encoder *encoder, struct compute *compute, size_t *need,
                           struct error *err);
    /* pixels: [3, size, size], normalised.  Writes row p of the features at
     * features + p * stride. */
    void (*run)(const struct encoder *encoder, struct compute *compute, const float *pixels,
                float *features, size_t stride);
};

extern const struct encoder_kind *const encoder_kinds[]; /* NULL-terminated */
const struct encoder_kind *encoder_kind_find(const char *name);

/* PyTorch's bicubic interpolation with antialiasing of a square grid of rows, in float
 * (aten/src/ATen/native/cpu/UpSampleKernel.cpp, aa_filter with a = -0.5): x [from * from, width] to
 * y [to * to, width], width first, then height.  Errors: NO_MEMORY. */
enum status resample_positions(const float *x, int from, float *y, int to, int width,
                               struct error *err);

#endif
