/* Any bytes as a safetensors file: opened and read whole, or refused with a sentence. */
#include "engine/formats/tensor_file.h"
#include "tests/fuzz/read_tensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
