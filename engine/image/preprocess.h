/* engine/image/preprocess.h - from a picture to the tensor that a vision tower reads. */
#ifndef MAMBENCH_ENGINE_IMAGE_PREPROCESS_H
#define MAMBENCH_ENGINE_IMAGE_PREPROCESS_H

#include "engine/base/error.h"
#include "engine/image/image.h"

#include <stdbool.h>

/* To add a strategy: a row in the table in preprocess.c and its name here. */
enum resize_strategy {
    RESIZE_NAIVE,     /* both sides to size, aspect ratio lost; Cobra's "resize-naive" */
    RESIZE_CROP,      /* short side to size, centre crop; Cobra's "resize-crop" */
    RESIZE_LETTERBOX, /* padded with the mean colour, then RESIZE_CROP; Cobra's "letterbox" */
    RESIZE_PAD,       /* expanded to a square of the mean colour, then to size; LLaVA's "pad"
                         (llava/mm_utils.py:152-163 @c121f04) */
    RESIZE_CENTRE,    /* short side to size, centre crop at floor offsets; CLIPImageProcessor's
                         "crop" */
    RESIZE_N
};

/* How bytes become floats; each step rounded to fp32. */
enum rescale {
    RESCALE_TORCHVISION, /* ((float)u8 / 255.0f - mean) / std */
    RESCALE_HF,          /* ((float)(u8 * (1.0 / 255.0)) - mean) / std, the product in double */
    RESCALE_N
};

struct preprocess {
    int size; /* the tensor is [3, size, size] */
    enum resize_strategy strategy;
    enum rescale rescale;
    float mean[3], std[3];
    bool half_pixels; /* normalised values are rounded to fp16: TinyLLaVA Factory's evaluation
                         (tinyllava/eval, modeling_tinyllava.py:194-201 @53f12c7) */
};

/* Names as in model.json and Cobra's config.json; "squash" and "naive" are other words for
 * resize-naive.  Parse: UNSUPPORTED if unknown. */
const char *resize_strategy_name(enum resize_strategy strategy);
enum status resize_strategy_parse(const char *name, enum resize_strategy *out, struct error *err);
const char *rescale_name(enum rescale rescale);
enum status rescale_parse(const char *name, enum rescale *out, struct error *err);

/* The [size, size, 3] bytes that are normalised; the caller releases *out.  Errors: NO_MEMORY,
 * UNSUPPORTED (a side over 4,194,304 pixels). */
enum status preprocess_resize(const struct preprocess *how, const struct image *in,
                              struct image *out, struct error *err);

/* tensor: [3, size, size], planar RGB; resized must be size x size. */
void preprocess_normalise(const struct preprocess *how, const struct image *resized, float *tensor);

#endif
