/* engine/image/decode_jpeg.c - JPEG as Pillow decodes it (src/libImaging/JpegDecode.c,
 * src/PIL/JpegImagePlugin.py at 4e5f09f533): libjpeg's defaults, warnings tolerated, a source
 * that suspends at the end of the file, and inverted CMYK.
 *
 * libjpeg reports errors by longjmp: the only function that calls setjmp is run(), and whatever
 * changes behind it lives in struct job. */
#include "engine/image/decode.h"

#include <setjmp.h>
#include <stdio.h> /* jpeglib.h needs FILE */
#include <string.h>

#include <jpeglib.h>

#include <jerror.h>

struct job {
    struct jpeg_decompress_struct codec;
    struct jpeg_error_mgr errors;
    struct jpeg_source_mgr source;
    jmp_buf escape;
    const struct picture *picture;
    struct image *image;
    struct error *err;
    char message[JMSG_LENGTH_MAX]; /* of the first warning; then of the error */
};

static void escape(j_common_ptr codec)
{
    struct job *job = codec->client_data;
    codec->err->format_message(codec, job->message);
    longjmp(job->escape, 1);
}

/* Levels below 0 are warnings, the others tracing. */
static void keep_message(j_common_ptr codec, int level)
{
    struct job *job = codec->client_data;
    if (level >= 0)
        return;
    if (codec->err->num_warnings == 0)
        codec->err->format_message(codec, job->message);
    codec->err->num_warnings += 1;
}

static void print_nothing(j_common_ptr codec)
{
    (void)codec;
}

static void source_nothing(j_decompress_ptr codec)
{
    (void)codec;
}

/* Suspends: all bytes were there from the start. */
static boolean source_fill(j_decompress_ptr codec)
{
    (void)codec;
    return FALSE;
}

static void source_skip(j_decompress_ptr codec, long n)
{
    struct jpeg_source_mgr *source = codec->src;
    if (n <= 0)
        return;
    size_t step = (size_t)n < source->bytes_in_buffer ? (size_t)n : source->bytes_in_buffer;
    source->next_input_byte += step;
    source->bytes_in_buffer -= step;
}

static enum status truncated(const struct job *job)
{
    return fail(job->err, STATUS_BAD_FORMAT,
                "%s is truncated: its %zu bytes end inside the JPEG picture", job->picture->path,
                job->picture->size_bytes);
}

/* Pillow reads 8 bits a sample of 1, 3 and 4 components (JpegImagePlugin.py SOF()). */
static enum status choose_output(struct job *job)
{
    struct jpeg_decompress_struct *codec = &job->codec;
    static const J_COLOR_SPACE spaces[] = {[1] = JCS_GRAYSCALE, [3] = JCS_RGB, [4] = JCS_CMYK};
    int n = codec->num_components;
    if (n < 1 || n > 4 || spaces[n] == JCS_UNKNOWN)
        return fail(job->err, STATUS_UNSUPPORTED,
                    "%s is a JPEG of %d components; 1, 3 and 4 are read", job->picture->path, n);
    codec->out_color_space = spaces[n];
    return picture_allocate(job->picture, codec->image_width, codec->image_height, job->image,
                            job->err);
}

/* Pillow takes every CMYK JPEG as inverted, whether or not it has Adobe's marker, and converts
 * with nk - round(c * nk / 255) (src/libImaging/Convert.c cmyk2rgb, ImagingUtils.h MULDIV255). */
static void cmyk_to_rgb(const unsigned char *cmyk, unsigned char *rgb, int width)
{
    for (int x = 0; x < width; x++, cmyk += 4, rgb += 3) {
        int white = cmyk[3];
        for (int c = 0; c < 3; c++) {
            int product = (255 - cmyk[c]) * white + 128;
            rgb[c] = (unsigned char)(white - (((product >> 8) + product) >> 8));
        }
    }
}

static enum status read_rows(struct job *job)
{
    struct jpeg_decompress_struct *codec = &job->codec;
    JSAMPARRAY cmyk = NULL; /* libjpeg's, freed with it */
    if (codec->out_color_space == JCS_CMYK)
        cmyk =
            codec->mem->alloc_sarray((j_common_ptr)codec, JPOOL_IMAGE, codec->output_width * 4, 1);
    for (int y = 0; y < job->image->height; y++) {
        unsigned char *out = image_row(job->image, y);
        JSAMPROW row = cmyk ? cmyk[0] : out;
        if (jpeg_read_scanlines(codec, &row, 1) != 1)
            return truncated(job);
        if (cmyk)
            cmyk_to_rgb(row, out, job->image->width);
        else if (codec->out_color_space == JCS_GRAYSCALE)
            image_spread_grey(out, job->image->width);
    }
    return STATUS_OK;
}

static enum status decode(struct job *job)
{
    struct jpeg_decompress_struct *codec = &job->codec;
    int header;
    do
        header = jpeg_read_header(codec, FALSE);
    while (header == JPEG_HEADER_TABLES_ONLY);
    if (header == JPEG_SUSPENDED)
        return truncated(job);
    enum status status = choose_output(job);
    if (status)
        return status;
    if (!jpeg_start_decompress(codec))
        return truncated(job);
    status = read_rows(job);
    if (status)
        return status;
    jpeg_finish_decompress(codec); /* a missing end marker is no error to Pillow */
    return STATUS_OK;
}

/* What libjpeg's own errors mean here; all others tell of damage. */
static enum status status_of(int code)
{
    static const struct {
        int code;
        enum status status;
    } known[] = {
        {JERR_OUT_OF_MEMORY, STATUS_NO_MEMORY},        {JERR_BAD_PRECISION, STATUS_UNSUPPORTED},
        {JERR_SOF_UNSUPPORTED, STATUS_UNSUPPORTED},    {JERR_IMAGE_TOO_BIG, STATUS_UNSUPPORTED},
        {JERR_CONVERSION_NOTIMPL, STATUS_UNSUPPORTED},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (known[i].code == code)
            return known[i].status;
    return STATUS_BAD_FORMAT;
}

static enum status run(struct job *job)
{
    if (setjmp(job->escape)) {
        enum status status = status_of(job->errors.msg_code);
        return fail(job->err, status, "%s is a JPEG that cannot be decoded (%s): %s",
                    job->picture->path, status_text(status), job->message);
    }
    jpeg_create_decompress(&job->codec);
    job->codec.src = &job->source;
    return decode(job);
}

enum status jpeg_decode(const struct picture *picture, struct image *image, struct error *warning,
                        struct error *err)
{
    struct image decoded = {0};
    struct job job = {.picture = picture, .image = &decoded, .err = err};
    job.codec.err = jpeg_std_error(&job.errors);
    job.codec.client_data = &job;
    job.errors.error_exit = escape;
    job.errors.emit_message = keep_message;
    job.errors.output_message = print_nothing;
    job.source = (struct jpeg_source_mgr){.next_input_byte = picture->data,
                                          .bytes_in_buffer = picture->size_bytes,
                                          .init_source = source_nothing,
                                          .fill_input_buffer = source_fill,
                                          .skip_input_data = source_skip,
                                          .resync_to_restart = jpeg_resync_to_restart,
                                          .term_source = source_nothing};
    enum status status = run(&job);
    if (!status && job.errors.num_warnings > 0)
        fail(warning, STATUS_BAD_FORMAT, "%s is read although it is damaged: %s", picture->path,
             job.message);
    jpeg_destroy_decompress(&job.codec);
    if (status)
        image_release(&decoded);
    else
        *image = decoded;
    return status;
}
