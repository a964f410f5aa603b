/* engine/image/decode.h - internal: what a picture format provides.
 *
 * To add a format: a decoder in decode_<name>.c and its row in the table in image.c.  A row
 * without a decoder is a format that is recognised only to be refused by name. */
#ifndef MAMBENCH_ENGINE_IMAGE_DECODE_H
#define MAMBENCH_ENGINE_IMAGE_DECODE_H

#include "engine/base/error.h"
#include "engine/image/image.h"

#include <stddef.h>
#include <stdint.h>

/* PIL/Image.py: twice MAX_IMAGE_PIXELS, where Pillow raises DecompressionBombError. */
#define IMAGE_MAX_PIXELS UINT64_C(178956970)

/* A whole file in memory; nothing is owned. */
struct picture {
    const char *path; /* for sentences */
    const unsigned char *data;
    size_t size_bytes;
    uint64_t max_pixels;
};

struct image_format {
    const char *name;
    const char *magic; /* what the file has at byte magic_at */
    size_t magic_length, magic_at;
    /* NULL where the format is not read.  On failure *image holds nothing. */
    enum status (*decode)(const struct picture *picture, struct image *image, struct error *warning,
                          struct error *err);
};

/* Decodes with the format that the first bytes tell.  See image_read(). */
enum status picture_decode(const struct picture *picture, struct image *image,
                           struct error *warning, struct error *err);

enum status jpeg_decode(const struct picture *picture, struct image *image, struct error *warning,
                        struct error *err);
enum status png_decode(const struct picture *picture, struct image *image, struct error *warning,
                       struct error *err);

/* Takes memory for the pixels, not initialised.  Errors: UNSUPPORTED (over max_pixels),
 * NO_MEMORY. */
enum status picture_allocate(const struct picture *picture, uint32_t width, uint32_t height,
                             struct image *image, struct error *err);

/* Row y of the image, [width, 3]. */
unsigned char *image_row(const struct image *image, int y);

/* Spreads grey bytes [width] at the start of a row to [width, 3], in place. */
void image_spread_grey(unsigned char *row, int width);

#endif
