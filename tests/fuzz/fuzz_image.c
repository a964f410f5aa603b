/* tests/fuzz/fuzz_image.c - any bytes: both decoders refuse them with a sentence or deliver every
 * pixel. */
#include "engine/image/decode.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* Small, for a progressive JPEG may go over all its pixels once in ten bytes. */
    const struct picture picture = {"input", data, size, 1 << 14};
    struct image image;
    struct error warning, err = {""};
    enum status status = picture_decode(&picture, &image, &warning, &err);
    if ((status != STATUS_OK) != (err.text[0] != '\0'))
        abort();
    if (status)
        return 0;
    unsigned sum = 0;
    for (int y = 0; y < image.height; y++)
        for (int x = 0; x < image.width * 3; x++)
            sum += image_row(&image, y)[x];
    if (sum > 255u * 3 * (1 << 14))
        abort();
    image_release(&image);
    return 0;
}
