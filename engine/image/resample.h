/* engine/image/resample.h - internal: Pillow's bicubic resize, seen through a window.
 *
 * The picture is laid in a frame of pad pixels of one colour, the framed picture is resized to
 * width x height, and a window is cut out of that.  Only the window is computed, and neither the
 * frame nor the resized whole is ever held: a picture of 1 x 60000 can be letterboxed. */
#ifndef MAMBENCH_ENGINE_IMAGE_RESAMPLE_H
#define MAMBENCH_ENGINE_IMAGE_RESAMPLE_H

#include "engine/base/error.h"
#include "engine/image/image.h"

#include <stdint.h>

struct resample_frame {
    int pad_x, pad_y; /* on the left and as much on the right; above and below */
    unsigned char fill[3];
    int64_t width, height;           /* of the framed picture when resized */
    int64_t window_left, window_top; /* in the resized picture */
    int window_width, window_height;
};

/* The window, [window_height, window_width, 3]; the caller releases *out.  Errors: NO_MEMORY. */
enum status image_resample(const struct image *in, const struct resample_frame *frame,
                           struct image *out, struct error *err);

#endif
