/* engine/image/resample.h - internal: Pillow's bicubic resize, seen through a window.
 *
 * The picture is laid in a frame of pixels of one colour, the framed picture is resized to
 * width x height, and a window is cut out of that.  Only the window is computed, and neither the
 * frame nor the resized whole is ever held: a picture of 1 x 60000 can be letterboxed. */
#ifndef MAMBENCH_ENGINE_IMAGE_RESAMPLE_H
#define MAMBENCH_ENGINE_IMAGE_RESAMPLE_H

#include "engine/base/error.h"
#include "engine/image/image.h"

#include <stdint.h>

/* The longest side that is read: what resizing takes beyond the two pictures, weights and some
 * columns at a time, stays below 200 MB with it. */
enum { RESAMPLE_MAX_SIDE = 1 << 22 };

struct resample_frame {
    int left, right, top, bottom; /* pixels of the frame on each side */
    unsigned char fill[3];
    int64_t width, height;           /* of the framed picture when resized */
    int64_t window_left, window_top; /* in the resized picture */
    int window_width, window_height;
};

/* The window, [window_height, window_width, 3]; the caller releases *out.  Errors: NO_MEMORY,
 * UNSUPPORTED (a longer side). */
enum status image_resample(const struct image *in, const struct resample_frame *frame,
                           struct image *out, struct error *err);

#endif
