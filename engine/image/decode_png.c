/* engine/image/decode_png.c - PNG as Pillow decodes it (src/PIL/PngImagePlugin.py and
 * src/libImaging/ZipDecode.c at 4e5f09f533).
 *
 * libpng is shown only the chunks that hold pixels (IHDR, PLTE, IDAT), so that nothing else in
 * a file can change a picture; gamma, profiles and transparency do not concern Pillow's
 * convert("RGB") either.  Checksums in front of the image data must be right; one that is wrong
 * in the image data is a warning, for Pillow does not look at those.
 *
 * libpng reports errors by longjmp: the only function that calls setjmp is run(), and whatever
 * changes behind it lives in struct job. */
#include "engine/image/decode.h"

#include <ctype.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

enum {
    SIGNATURE_BYTES = 8,
    HEADER_BYTES = 8,
    CRC_BYTES = 4,
    IHDR_BYTES = 13,
    PALETTE_ENTRIES = 256
};

struct chunk {
    const unsigned char *type; /* four letters; the data follows */
    size_t length;
    size_t start, data, end; /* positions in the file; end is behind the checksum */
};

struct job {
    const struct picture *picture;
    struct image *image;
    struct error *err;
    png_structp png;
    png_infop info;
    size_t position;    /* next byte for libpng */
    struct chunk chunk; /* the one that is being read */
    bool image_data;    /* chunk is an IDAT */
    bool at_end;        /* the made-up IEND has been reached */
    bool no_memory;
    char message[256], warning[256];
    unsigned char palette[PALETTE_ENTRIES][3];
};

static uint32_t read_u32(const unsigned char *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* PngImagePlugin.py is_cid: four letters, digits or underscores. */
static bool chunk_has_name(const struct chunk *chunk)
{
    for (int i = 0; i < 4; i++)
        if (chunk->type[i] >= 128 || (!isalnum(chunk->type[i]) && chunk->type[i] != '_'))
            return false;
    return true;
}

static bool chunk_is(const struct chunk *chunk, const char *type)
{
    return memcmp(chunk->type, type, 4) == 0;
}

/* CRC-32 of ISO 3309 (PNG specification, annex D), by half bytes; the table is that annex's for
 * the numbers 0, 16, 32, ... */
static uint32_t crc32_of(const unsigned char *bytes, size_t size)
{
    static const uint32_t table[16] = {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac,
                                       0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
                                       0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
                                       0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return ~crc;
}

/* The chunk at a position; false where the file ends inside its header.  Its end may lie behind
 * the end of the file. */
static bool chunk_at(const struct picture *picture, size_t start, struct chunk *chunk)
{
    if (start > picture->size_bytes || picture->size_bytes - start < HEADER_BYTES)
        return false;
    chunk->type = picture->data + start + 4;
    chunk->length = read_u32(picture->data + start);
    chunk->start = start;
    chunk->data = start + HEADER_BYTES;
    chunk->end = chunk->data + chunk->length + CRC_BYTES;
    return true;
}

static enum status truncated(const struct job *job)
{
    return fail(job->err, STATUS_BAD_FORMAT,
                "%s is truncated: its %zu bytes end inside the PNG picture", job->picture->path,
                job->picture->size_bytes);
}

static enum status damaged(const struct job *job, const struct chunk *chunk, const char *what)
{
    return fail(job->err, STATUS_BAD_FORMAT, "%s is a damaged PNG: the chunk at byte %zu %s",
                job->picture->path, chunk->start, what);
}

/* Every chunk in front of the image data must be whole, with a right checksum. */
static enum status check_front(const struct job *job)
{
    const struct picture *picture = job->picture;
    struct chunk chunk;
    for (size_t at = SIGNATURE_BYTES; chunk_at(picture, at, &chunk); at = chunk.end) {
        if (!chunk_has_name(&chunk))
            return damaged(job, &chunk, "has no valid name");
        if (at == SIGNATURE_BYTES && (!chunk_is(&chunk, "IHDR") || chunk.length < IHDR_BYTES))
            return damaged(job, &chunk, "is not a header");
        if (chunk_is(&chunk, "IDAT"))
            return STATUS_OK;
        if (chunk_is(&chunk, "IEND"))
            return damaged(job, &chunk, "ends it in front of any image data");
        if (chunk.end > picture->size_bytes)
            return truncated(job);
        if (crc32_of(chunk.type, 4 + chunk.length) !=
            read_u32(picture->data + chunk.end - CRC_BYTES))
            return damaged(job, &chunk, "has a wrong checksum");
    }
    return truncated(job);
}

/* Chunks behind the image data are skipped by length, to IEND or where no header follows. */
static enum status check_back(const struct job *job)
{
    struct chunk chunk;
    for (size_t at = job->chunk.end; chunk_at(job->picture, at, &chunk); at = chunk.end) {
        if (chunk_is(&chunk, "IEND") || !chunk_has_name(&chunk))
            break;
        if (chunk.data + chunk.length > job->picture->size_bytes)
            return truncated(job);
    }
    return STATUS_OK;
}

static void keep_warning(png_structp png, const char *message)
{
    struct job *job = png_get_error_ptr(png);
    if (!job->warning[0])
        snprintf(job->warning, sizeof job->warning, "%s", message);
}

static void escape(png_structp png, const char *message)
{
    struct job *job = png_get_error_ptr(png);
    snprintf(job->message, sizeof job->message, "%s", message);
    png_longjmp(png, 1);
}

static void *take(png_structp png, png_alloc_size_t size)
{
    struct job *job = png_get_mem_ptr(png);
    void *memory = malloc(size);
    if (!memory)
        job->no_memory = true;
    return memory;
}

static void give(png_structp png, void *memory)
{
    (void)png;
    free(memory);
}

/* Whether libpng is shown the chunk: image data is one run of IDAT, as Pillow takes it. */
static bool chunk_wanted(const struct job *job, const struct chunk *chunk)
{
    if (chunk_is(chunk, "IDAT") || chunk_is(chunk, "IHDR"))
        return true;
    /* A palette belongs to colour type 3, which is byte 9 of IHDR's data. */
    return chunk_is(chunk, "PLTE") && job->picture->data[SIGNATURE_BYTES + HEADER_BYTES + 9] == 3;
}

/* Moves on to the next chunk for libpng; false where the image data is over. */
static bool next_chunk(struct job *job)
{
    struct chunk chunk;
    size_t at = job->chunk.end;
    while (chunk_at(job->picture, at, &chunk)) {
        bool data = chunk_is(&chunk, "IDAT");
        if (job->image_data && !data)
            return false;
        if (chunk_wanted(job, &chunk)) {
            job->chunk = chunk;
            job->position = chunk.start;
            job->image_data = data;
            return true;
        }
        at = chunk.end;
    }
    return false;
}

/* libpng asks for a chunk's header, its data in pieces and its checksum, one by one.  A checksum
 * that is cut off counts as 0, and behind the image data comes an IEND of ours. */
static void read_bytes(png_structp png, png_bytep out, size_t n)
{
    static const unsigned char end[HEADER_BYTES] = {0, 0, 0, 0, 'I', 'E', 'N', 'D'};
    struct job *job = png_get_io_ptr(png);
    if (job->position == job->chunk.end && !next_chunk(job))
        job->at_end = true;
    memset(out, 0, n);
    if (job->at_end) {
        memcpy(out, end, n < sizeof end ? n : sizeof end);
        return;
    }
    size_t size = job->picture->size_bytes;
    size_t there = job->position < size ? size - job->position : 0;
    if (n > there && job->position < job->chunk.end - CRC_BYTES)
        png_error(png, "the file ends inside the image data");
    memcpy(out, job->picture->data + job->position, n < there ? n : there);
    job->position += n;
}

static void spread_none(const struct job *job, unsigned char *row, int width)
{
    (void)job, (void)row, (void)width;
}

static void spread_grey(const struct job *job, unsigned char *row, int width)
{
    (void)job;
    image_spread_grey(row, width);
}

/* Big-endian; Pillow clips (src/libImaging/Convert.c I16_RGB). */
static void spread_grey16(const struct job *job, unsigned char *row, int width)
{
    (void)job;
    for (size_t x = 0; x < (size_t)width; x++)
        row[x] = row[2 * x] ? 255 : row[2 * x + 1];
    image_spread_grey(row, width);
}

static void spread_palette(const struct job *job, unsigned char *row, int width)
{
    for (size_t x = (size_t)width; x-- > 0;)
        memcpy(row + 3 * x, job->palette[row[x]], 3);
}

/* Colours that the file does not give are black. */
static void keep_palette(struct job *job)
{
    png_colorp colours = NULL;
    int n = 0;
    png_get_PLTE(job->png, job->info, &colours, &n);
    for (int i = 0; i < n && i < PALETTE_ENTRIES; i++) {
        job->palette[i][0] = colours[i].red;
        job->palette[i][1] = colours[i].green;
        job->palette[i][2] = colours[i].blue;
    }
}

typedef void spread_function(const struct job *job, unsigned char *row, int width);

/* Makes libpng deliver rows of at most 3 bytes a pixel, and tells what turns them into RGB. */
static spread_function *choose_output(struct job *job)
{
    int depth = png_get_bit_depth(job->png, job->info);
    int colour = png_get_color_type(job->png, job->info);
    if (colour == PNG_COLOR_TYPE_PALETTE) {
        keep_palette(job);
        png_set_packing(job->png);
        return spread_palette;
    }
    if (colour == PNG_COLOR_TYPE_GRAY && depth == 16)
        return spread_grey16;
    if (colour == PNG_COLOR_TYPE_GRAY && depth < 8)
        png_set_expand_gray_1_2_4_to_8(job->png);
    if (depth == 16)
        png_set_strip_16(job->png);
    if (colour & PNG_COLOR_MASK_ALPHA)
        png_set_strip_alpha(job->png);
    return colour & PNG_COLOR_MASK_COLOR ? spread_none : spread_grey;
}

static enum status decode(struct job *job)
{
    png_structp png = job->png;
    png_read_info(png, job->info);
    enum status status =
        picture_allocate(job->picture, png_get_image_width(png, job->info),
                         png_get_image_height(png, job->info), job->image, job->err);
    if (status)
        return status;
    spread_function *spread = choose_output(job);
    int passes = png_set_interlace_handling(png);
    png_read_update_info(png, job->info);
    int width = job->image->width, height = job->image->height;
    if (png_get_rowbytes(png, job->info) > (size_t)width * 3)
        png_error(png, "rows are longer than they can be");
    for (int pass = 0; pass < passes; pass++)
        for (int y = 0; y < height; y++)
            png_read_row(png, image_row(job->image, y), NULL);
    for (int y = 0; y < height; y++)
        spread(job, image_row(job->image, y), width);
    if (spread == spread_grey16)
        snprintf(job->warning, sizeof job->warning,
                 "16-bit grey, which is clipped at 255 as Pillow does: expect white");
    return STATUS_OK;
}

static enum status run(struct job *job)
{
    if (setjmp(png_jmpbuf(job->png))) {
        if (job->no_memory)
            return fail(job->err, STATUS_NO_MEMORY, "no memory to decode %s", job->picture->path);
        return fail(job->err, STATUS_BAD_FORMAT, "%s is a damaged PNG: %s%s%s", job->picture->path,
                    job->message, job->warning[0] ? "; " : "", job->warning);
    }
    png_set_read_fn(job->png, job, read_bytes);
    png_set_sig_bytes(job->png, SIGNATURE_BYTES);
    /* picture_allocate() holds the limit. */
    png_set_user_limits(job->png, INT_MAX, INT_MAX);
    png_set_crc_action(job->png, PNG_CRC_WARN_USE, PNG_CRC_WARN_USE);
    png_set_benign_errors(job->png, 1);
    enum status status = decode(job);
    return status ? status : check_back(job);
}

static enum status open_and_run(struct job *job)
{
    enum status status = check_front(job);
    if (status)
        return status;
    job->png =
        png_create_read_struct_2(PNG_LIBPNG_VER_STRING, job, escape, keep_warning, job, take, give);
    if (job->png)
        job->info = png_create_info_struct(job->png);
    if (!job->info)
        return fail(job->err, STATUS_NO_MEMORY, "no memory to decode %s", job->picture->path);
    return run(job);
}

enum status png_decode(const struct picture *picture, struct image *image, struct error *warning,
                       struct error *err)
{
    struct image decoded = {0};
    struct job job = {.picture = picture,
                      .image = &decoded,
                      .err = err,
                      .position = SIGNATURE_BYTES,
                      .chunk.end = SIGNATURE_BYTES};
    enum status status = open_and_run(&job);
    if (job.png)
        png_destroy_read_struct(&job.png, &job.info, NULL);
    if (!status && job.warning[0])
        fail(warning, STATUS_BAD_FORMAT, "%s: %s", picture->path, job.warning);
    if (status)
        image_release(&decoded);
    else
        *image = decoded;
    return status;
}
