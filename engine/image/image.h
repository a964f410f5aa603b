/* engine/image/image.h - pictures as the reference harnesses see them: Pillow's RGB bytes.
 *
 * JPEG through libjpeg-turbo and PNG through libpng with the settings that Pillow uses, then
 * Pillow's convert("RGB"): alpha dropped, grey replicated, palettes looked up, CMYK converted,
 * EXIF orientation not applied. */
#ifndef MAMBENCH_ENGINE_IMAGE_IMAGE_H
#define MAMBENCH_ENGINE_IMAGE_IMAGE_H

#include "engine/base/error.h"

#include <stddef.h>
#include <stdint.h>

struct image {
    unsigned char *pixels; /* [height, width, 3], RGB; owned */
    int width, height;
};

/* Decodes the file.  On success the caller releases *image.  warning->text (warning may be NULL)
 * is set, else left untouched, where the picture is read but not as a person would see it: 16-bit
 * grey, which Pillow clips at 255, or damage that Pillow tolerates too.  Errors name the file and
 * the cause: NOT_FOUND, IO, BAD_FORMAT (empty, truncated, damaged, not a picture), UNSUPPORTED
 * (another format, over 178,956,970 pixels, which is Pillow's own limit against decompression
 * bombs). */
enum status image_read(struct image *image, const char *path, struct error *warning,
                       struct error *err);
/* The same; what unpacking took, the file being in memory, is added to *unpack_ns (may be NULL). */
enum status image_read_timed(struct image *image, const char *path, int64_t *unpack_ns,
                             struct error *warning, struct error *err);
void image_release(struct image *image);

/* Pillow's Image.resize((width, height), BICUBIC) on 8-bit channels, bit for bit (Pillow 10.0.0
 * src/libImaging/Resample.c:181-458, 616-708): horizontal pass, rounded to bytes, then vertical.
 * The caller releases *out.  Errors: NO_MEMORY, UNSUPPORTED (a side over 4,194,304 pixels). */
enum status image_resize(const struct image *in, int width, int height, struct image *out,
                         struct error *err);

/* The picture as a JPEG of quality 1 to 100, for people to look at; the caller frees *bytes.
 * Errors: NO_MEMORY, UNSUPPORTED (a side over 65,500 pixels). */
enum status image_encode_jpeg(const struct image *image, int quality, unsigned char **bytes,
                              size_t *size_bytes, struct error *err);

#endif
