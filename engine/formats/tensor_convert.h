/* engine/formats/tensor_convert.h - stored elements to F32 or BF16.
 *
 * To add an element type: one DEFINE_CONVERSION for each of the two results and one row each in
 * the table of tensor_convert.c. */
#ifndef MAMBENCH_ENGINE_FORMATS_TENSOR_CONVERT_H
#define MAMBENCH_ENGINE_FORMATS_TENSOR_CONVERT_H

#include "engine/formats/tensor_file.h"

struct conversion {
    enum dtype from, to;
    size_t from_bytes, to_bytes; /* of one element */
    /* n elements that lie side by side; src need not be aligned, dst must be. */
    void (*contiguous)(const unsigned char *src, void *dst, size_t n);
    /* n elements that lie step_bytes apart. */
    void (*strided)(const unsigned char *src, size_t step_bytes, void *dst, size_t n);
};

/* The conversion between two types, or NULL. */
const struct conversion *conversion_find(enum dtype from, enum dtype to);

#endif
