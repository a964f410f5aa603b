/* engine/image/encode_jpeg.c - RGB to a JPEG in memory, for previews; libjpeg's defaults.
 *
 * libjpeg reports errors by longjmp: run() alone calls setjmp, and what changes behind it lives in
 * struct job. */
#include "engine/image/image.h"

#include <setjmp.h>
#include <stdio.h> /* jpeglib.h needs FILE */
#include <stdlib.h>

#include <jpeglib.h>

#include <jerror.h>

struct job {
    struct jpeg_compress_struct codec;
    struct jpeg_error_mgr errors;
    jmp_buf escape;
    const struct image *image;
    unsigned char *bytes; /* libjpeg's, by malloc() */
    unsigned long size_bytes;
    char message[JMSG_LENGTH_MAX];
};

static void escape(j_common_ptr codec)
{
    struct job *job = codec->client_data;
    codec->err->format_message(codec, job->message);
    longjmp(job->escape, 1);
}

static void print_nothing(j_common_ptr codec)
{
    (void)codec;
}

static int run(struct job *job, int quality)
{
    struct jpeg_compress_struct *codec = &job->codec;
    const struct image *image = job->image;
    if (setjmp(job->escape))
        return 0;
    jpeg_create_compress(codec);
    jpeg_mem_dest(codec, &job->bytes, &job->size_bytes);
    codec->image_width = (JDIMENSION)image->width;
    codec->image_height = (JDIMENSION)image->height;
    codec->input_components = 3;
    codec->in_color_space = JCS_RGB;
    jpeg_set_defaults(codec);
    jpeg_set_quality(codec, quality, TRUE);
    jpeg_start_compress(codec, TRUE);
    while (codec->next_scanline < codec->image_height) {
        JSAMPROW row = image->pixels + (size_t)codec->next_scanline * (size_t)image->width * 3;
        jpeg_write_scanlines(codec, &row, 1);
    }
    jpeg_finish_compress(codec);
    return 1;
}

enum status image_encode_jpeg(const struct image *image, int quality, unsigned char **bytes,
                              size_t *size_bytes, struct error *err)
{
    struct job job = {.image = image};
    job.codec.err = jpeg_std_error(&job.errors);
    job.codec.client_data = &job;
    job.errors.error_exit = escape;
    job.errors.output_message = print_nothing;
    int done = run(&job, quality);
    jpeg_destroy_compress(&job.codec);
    if (!done) {
        free(job.bytes);
        enum status status =
            job.errors.msg_code == JERR_OUT_OF_MEMORY ? STATUS_NO_MEMORY : STATUS_UNSUPPORTED;
        return fail(err, status, "cannot write a JPEG of %d x %d pixels: %s", image->width,
                    image->height, job.message);
    }
    *bytes = job.bytes;
    *size_bytes = job.size_bytes;
    return STATUS_OK;
}
