/* tests/fuzz/read_tensors.h - what a file that opened must stand: reading every tensor. */
#ifndef MAMBENCH_TESTS_FUZZ_READ_TENSORS_H
#define MAMBENCH_TESTS_FUZZ_READ_TENSORS_H

#include "engine/formats/tensor_file.h"

#include <stdlib.h>

static inline void read_all(const struct tensor_file *file)
{
    for (size_t i = 0; i < file->n_tensors; i++) {
        const struct tensor_view *view = &file->tensors[i];
        size_t elements = tensor_elements(view);
        if (elements > 8 * file->map.size_bytes)
            abort(); /* more than the file can hold */
        if (view->dtype == DTYPE_OTHER)
            continue;
        float *values = malloc(elements * sizeof *values + 1);
        if (values && tensor_read(file, view, DTYPE_F32, values, NULL))
            abort();
        if (values && tensor_read(file, view, DTYPE_BF16, values, NULL))
            abort();
        free(values);
    }
}

#endif
