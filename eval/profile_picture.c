/* eval/profile_picture.c - a picture where none is given: smooth colours and some grain, as large
 * as the photographs of the benchmarks. */
#include "engine/base/file.h"
#include "engine/base/random.h"
#include "eval/profile.h"

#include <math.h>
#include <setjmp.h>
#include <stdio.h> /* jpeglib.h needs FILE */
#include <stdlib.h>

#include <jpeglib.h>

enum { WIDTH = 640, HEIGHT = 480, QUALITY = 90 };

/* libjpeg reports errors by longjmp; what changes behind setjmp lives here. */
struct job {
    struct jpeg_compress_struct codec;
    struct jpeg_error_mgr errors;
    jmp_buf escape;
    unsigned char *data;
    unsigned long size;
    struct random_stream random;
};

static void escape(j_common_ptr codec)
{
    struct job *job = codec->client_data;
    longjmp(job->escape, 1);
}

static void fill_row(struct job *job, unsigned y, unsigned char *row)
{
    for (int x = 0; x < WIDTH; x++)
        for (int c = 0; c < 3; c++) {
            double wave = sin(0.011 * x * (c + 1)) + cos(0.017 * y * (3 - c));
            double grain = random_uniform(&job->random) - 0.5;
            row[3 * x + c] = (unsigned char)(128 + 50 * wave + 24 * grain);
        }
}

static int compress(struct job *job)
{
    unsigned char row[3 * WIDTH];
    JSAMPROW rows[1] = {row};
    job->codec.err = jpeg_std_error(&job->errors);
    job->codec.client_data = job;
    job->errors.error_exit = escape;
    if (setjmp(job->escape))
        return 0;
    jpeg_create_compress(&job->codec);
    jpeg_mem_dest(&job->codec, &job->data, &job->size);
    job->codec.image_width = WIDTH;
    job->codec.image_height = HEIGHT;
    job->codec.input_components = 3;
    job->codec.in_color_space = JCS_RGB;
    jpeg_set_defaults(&job->codec);
    jpeg_set_quality(&job->codec, QUALITY, TRUE);
    jpeg_start_compress(&job->codec, TRUE);
    while (job->codec.next_scanline < HEIGHT) {
        fill_row(job, job->codec.next_scanline, row);
        jpeg_write_scanlines(&job->codec, rows, 1);
    }
    jpeg_finish_compress(&job->codec);
    return 1;
}

enum status profile_write_picture(const char *path, uint64_t seed, struct error *err)
{
    struct job job = {.random = {seed}};
    enum status status = compress(&job)
                             ? file_write(path, (const char *)job.data, job.size, err)
                             : fail(err, STATUS_NO_MEMORY, "out of memory for a picture");
    jpeg_destroy_compress(&job.codec);
    free(job.data);
    return status;
}
