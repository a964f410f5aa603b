#include "engine/image/image.h"

#include "engine/base/clock.h"
#include "engine/base/file.h"
#include "engine/image/decode.h"
#include "engine/image/resample.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC(bytes) bytes, sizeof bytes - 1

/* JPEG's magic as in PIL/JpegImagePlugin.py _accept(). */
static const struct image_format formats[] = {
    {"JPEG", MAGIC("\xff\xd8\xff"), 0, jpeg_decode},
    {"PNG", MAGIC("\x89PNG\r\n\x1a\n"), 0, png_decode},
    {"WebP", MAGIC("WEBP"), 8, NULL},
    {"GIF", MAGIC("GIF8"), 0, NULL},
    {"TIFF", MAGIC("II*\0"), 0, NULL},
    {"TIFF", MAGIC("MM\0*"), 0, NULL},
    {"AVIF", MAGIC("ftypavif"), 4, NULL},
    {"HEIC", MAGIC("ftypheic"), 4, NULL},
    {"JPEG 2000", MAGIC("\0\0\0\x0cjP  "), 0, NULL},
    {"BMP", MAGIC("BM"), 0, NULL},
};

static const struct image_format *format_of(const struct picture *picture)
{
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        const struct image_format *format = &formats[i];
        if (picture->size_bytes >= format->magic_at + format->magic_length &&
            memcmp(picture->data + format->magic_at, format->magic, format->magic_length) == 0)
            return format;
    }
    return NULL;
}

enum status picture_decode(const struct picture *picture, struct image *image,
                           struct error *warning, struct error *err)
{
    if (picture->size_bytes == 0)
        return fail(err, STATUS_BAD_FORMAT, "%s is empty", picture->path);
    const struct image_format *format = format_of(picture);
    if (!format)
        return fail(err, STATUS_BAD_FORMAT,
                    "%s is not a picture: it begins neither as JPEG nor as PNG does",
                    picture->path);
    if (!format->decode)
        return fail(err, STATUS_UNSUPPORTED, "%s is a %s picture, which mambench does not read",
                    picture->path, format->name);
    return format->decode(picture, image, warning, err);
}

/* Has every page of the file in memory, so that the disk is not part of unpacking. */
static void touch_pages(const struct file_map *map)
{
    enum { PAGE = 4096 };
    volatile unsigned char sum = 0;
    for (size_t at = 0; at < map->size_bytes; at += PAGE)
        sum = (unsigned char)(sum ^ map->data[at]);
}

enum status image_read_timed(struct image *image, const char *path, int64_t *unpack_ns,
                             struct error *warning, struct error *err)
{
    struct file_map map;
    enum status status = file_map_open(&map, path, err);
    if (status)
        return status;
    touch_pages(&map);
    const struct picture picture = {path, map.data, map.size_bytes, IMAGE_MAX_PIXELS};
    int64_t start = clock_ns();
    status = picture_decode(&picture, image, warning, err);
    if (unpack_ns)
        *unpack_ns += clock_ns() - start;
    file_map_close(&map);
    return status;
}

enum status image_read(struct image *image, const char *path, struct error *warning,
                       struct error *err)
{
    return image_read_timed(image, path, NULL, warning, err);
}

void image_release(struct image *image)
{
    free(image->pixels);
    *image = (struct image){0};
}

enum status picture_allocate(const struct picture *picture, uint32_t width, uint32_t height,
                             struct image *image, struct error *err)
{
    uint64_t pixels = (uint64_t)width * height;
    if (width == 0 || height == 0)
        return fail(err, STATUS_BAD_FORMAT, "%s has no pixels: %" PRIu32 " x %" PRIu32,
                    picture->path, width, height);
    if (pixels > picture->max_pixels || width > INT_MAX || height > INT_MAX)
        return fail(err, STATUS_UNSUPPORTED,
                    "%s has %" PRIu32 " x %" PRIu32 " pixels, more than the limit of %" PRIu64,
                    picture->path, width, height, picture->max_pixels);
    unsigned char *memory = malloc((size_t)pixels * 3);
    if (!memory)
        return fail(err, STATUS_NO_MEMORY,
                    "no memory for the %" PRIu32 " x %" PRIu32 " pixels of %s", width, height,
                    picture->path);
    *image = (struct image){memory, (int)width, (int)height};
    return STATUS_OK;
}

unsigned char *image_row(const struct image *image, int y)
{
    return image->pixels + (size_t)y * (size_t)image->width * 3;
}

void image_spread_grey(unsigned char *row, int width)
{
    for (size_t x = (size_t)width; x-- > 0;) {
        unsigned char grey = row[x];
        row[3 * x] = row[3 * x + 1] = row[3 * x + 2] = grey;
    }
}

enum status image_resize(const struct image *in, int width, int height, struct image *out,
                         struct error *err)
{
    const struct resample_frame whole = {
        .width = width, .height = height, .window_width = width, .window_height = height};
    return image_resample(in, &whole, out, err);
}
