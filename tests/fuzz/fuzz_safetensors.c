/* Any bytes as a safetensors file: opened and read whole, or refused with a sentence. */
#include "engine/formats/tensor_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_all(const struct tensor_file *file)
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1;
    static char path[64];
    if (fd < 0) {
        fd = memfd_create("fuzz", 0);
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    if (ftruncate(fd, 0) != 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
        abort();
    struct tensor_file *file = NULL;
    struct error err = {""};
    if (tensor_file_open(&file, path, &err) == STATUS_OK)
        read_all(file);
    else if (err.text[0] == '\0')
        abort();
    tensor_file_close(file);
    return 0;
}
