#include "engine/image/preprocess.h"

#include "engine/base/float16.h"
#include "engine/image/resample.h"

#include <assert.h>
#include <string.h>

/* int(size * long / short) of torchvision's Resize and transformers' get_resize_output_image_size:
 * the quotient in double. */
static int64_t long_edge(int size, int64_t longer, int64_t shorter)
{
    return (int64_t)((double)(size * longer) / (double)shorter);
}

/* The framed picture's short side to size, the long one in proportion. */
static void short_side_to_size(int size, const struct image *in, struct resample_frame *frame)
{
    int64_t width = (int64_t)in->width + frame->left + frame->right;
    int64_t height = (int64_t)in->height + frame->top + frame->bottom;
    frame->width = width <= height ? size : long_edge(size, width, height);
    frame->height = width <= height ? long_edge(size, height, width) : size;
}

/* trunc(mean * 255), as every release that pads has it. */
static void fill_with_mean(const struct preprocess *how, struct resample_frame *frame)
{
    for (int c = 0; c < 3; c++) {
        double level = (double)how->mean[c] * 255;
        frame->fill[c] = (unsigned char)(level < 0 ? 0 : level > 255 ? 255 : level);
    }
}

/* int(round((length - size) / 2.0)) of torchvision's CenterCrop: halves go to the even number. */
static int64_t centre_offset(int64_t length, int size)
{
    int64_t surplus = length - size, half = surplus / 2;
    return half + (surplus % 2 == 1 && half % 2 == 1);
}

static void frame_naive(const struct preprocess *how, const struct image *in,
                        struct resample_frame *frame)
{
    (void)in;
    frame->width = frame->height = how->size;
}

/* torchvision's Resize and CenterCrop (Cobra @4b81082, base_vision.py:142-151,
 * dinosiglip_vit.py:76-84). */
static void frame_crop(const struct preprocess *how, const struct image *in,
                       struct resample_frame *frame)
{
    short_side_to_size(how->size, in, frame);
    frame->window_left = centre_offset(frame->width, how->size);
    frame->window_top = centre_offset(frame->height, how->size);
}

/* Cobra pads both sides by int((longer - side) / 2): an odd difference leaves the picture one
 * pixel short of square, which is why a crop follows (base_vision.py:41-49, 169-177). */
static void frame_letterbox(const struct preprocess *how, const struct image *in,
                            struct resample_frame *frame)
{
    int longer = in->width > in->height ? in->width : in->height;
    frame->left = frame->right = (longer - in->width) / 2;
    frame->top = frame->bottom = (longer - in->height) / 2;
    fill_with_mean(how, frame);
    frame_crop(how, in, frame);
}

/* LLaVA's expand2square: always a square, the odd pixel on the right or below. */
static void frame_pad(const struct preprocess *how, const struct image *in,
                      struct resample_frame *frame)
{
    int longer = in->width > in->height ? in->width : in->height;
    frame->left = (longer - in->width) / 2;
    frame->right = longer - in->width - frame->left;
    frame->top = (longer - in->height) / 2;
    frame->bottom = longer - in->height - frame->top;
    fill_with_mean(how, frame);
    frame->width = frame->height = how->size;
}

/* CLIPImageProcessor: the crop begins at (length - size) // 2 (transformers 4.31
 * image_transforms.py, center_crop). */
static void frame_centre(const struct preprocess *how, const struct image *in,
                         struct resample_frame *frame)
{
    short_side_to_size(how->size, in, frame);
    frame->window_left = (frame->width - how->size) / 2;
    frame->window_top = (frame->height - how->size) / 2;
}

static const struct strategy {
    const char *name;
    void (*frame)(const struct preprocess *how, const struct image *in,
                  struct resample_frame *frame);
} strategies[RESIZE_N] = {
    [RESIZE_NAIVE] = {"resize-naive", frame_naive},
    [RESIZE_CROP] = {"resize-crop", frame_crop},
    [RESIZE_LETTERBOX] = {"letterbox", frame_letterbox},
    [RESIZE_PAD] = {"pad", frame_pad},
    [RESIZE_CENTRE] = {"crop", frame_centre},
};

/* A byte as torchvision's ToTensor scales it. */
static float rescale_torchvision(int byte)
{
    return (float)byte / 255.0f;
}

/* A byte as transformers' image processors scale it: byte * (1 / 255) in double, kept as fp32. */
static float rescale_hf(int byte)
{
    return (float)(byte * (1.0 / 255.0));
}

static const struct rescaling {
    const char *name;
    float (*byte)(int byte);
} rescalings[RESCALE_N] = {
    [RESCALE_TORCHVISION] = {"torchvision", rescale_torchvision},
    [RESCALE_HF] = {"hf", rescale_hf},
};

const char *resize_strategy_name(enum resize_strategy strategy)
{
    assert(strategy < RESIZE_N);
    return strategies[strategy].name;
}

enum status resize_strategy_parse(const char *name, enum resize_strategy *out, struct error *err)
{
    if (strcmp(name, "squash") == 0 || strcmp(name, "naive") == 0)
        name = strategies[RESIZE_NAIVE].name;
    for (int i = 0; i < RESIZE_N; i++) {
        if (strcmp(name, strategies[i].name) == 0) {
            *out = (enum resize_strategy)i;
            return STATUS_OK;
        }
    }
    return fail(err, STATUS_UNSUPPORTED,
                "there is no resize strategy '%s', only resize-naive, resize-crop, letterbox, pad "
                "and crop",
                name);
}

const char *rescale_name(enum rescale rescale)
{
    assert(rescale < RESCALE_N);
    return rescalings[rescale].name;
}

enum status rescale_parse(const char *name, enum rescale *out, struct error *err)
{
    for (int i = 0; i < RESCALE_N; i++) {
        if (strcmp(name, rescalings[i].name) == 0) {
            *out = (enum rescale)i;
            return STATUS_OK;
        }
    }
    return fail(err, STATUS_UNSUPPORTED, "there is no rescaling '%s', only torchvision and hf",
                name);
}

enum status preprocess_resize(const struct preprocess *how, const struct image *in,
                              struct image *out, struct error *err)
{
    assert(how->size > 0 && how->strategy < RESIZE_N);
    struct resample_frame frame = {.window_width = how->size, .window_height = how->size};
    strategies[how->strategy].frame(how, in, &frame);
    return image_resample(in, &frame, out, err);
}

void preprocess_normalise(const struct preprocess *how, const struct image *resized, float *tensor)
{
    assert(resized->width == how->size && resized->height == how->size);
    size_t plane = (size_t)how->size * (size_t)how->size;
    for (int c = 0; c < 3; c++) {
        float levels[256];
        for (int byte = 0; byte < 256; byte++) {
            levels[byte] = (rescalings[how->rescale].byte(byte) - how->mean[c]) / how->std[c];
            if (how->half_pixels)
                levels[byte] = float_from_f16(f16_from_float(levels[byte]));
        }
        for (size_t i = 0; i < plane; i++)
            tensor[(size_t)c * plane + i] = levels[resized->pixels[3 * i + (size_t)c]];
    }
}
