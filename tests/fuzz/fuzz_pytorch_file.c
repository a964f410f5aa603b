/* Any bytes as a PyTorch file; an input that is not a ZIP archive is taken for the pickle of one
 * with a single storage, so that the unpickler is reached without a sound archive. */
#include "engine/formats/tensor_file.h"
#include "tests/fuzz/read_tensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t put(uint8_t *at, uint64_t value, size_t count)
{
    for (size_t i = 0; i < count; i++)
        at[i] = (uint8_t)(value >> 8 * i);
    return count;
}

/* Writes x/data.pkl and x/data/0, of 64 bytes, without checksums. */
static size_t make_archive(uint8_t *out, const uint8_t *pickle, size_t pickle_bytes)
{
    static const uint8_t storage[64] = {1, 2, 3, 0x7F, 0xC0};
    const char *names[] = {"x/data.pkl", "x/data/0"};
    const uint8_t *data[] = {pickle, storage};
    size_t sizes[] = {pickle_bytes, sizeof storage}, offsets[2], n = 0;
    for (int i = 0; i < 2; i++) {
        size_t length = strlen(names[i]);
        offsets[i] = n;
        n += put(out + n, 0x04034b50, 4);
        memset(out + n, 0, 14);
        n += 14;
        n += put(out + n, sizes[i], 4);
        n += put(out + n, sizes[i], 4);
        n += put(out + n, length, 4);
        memcpy(out + n, names[i], length);
        n += length;
        if (sizes[i] > 0)
            memcpy(out + n, data[i], sizes[i]);
        n += sizes[i];
    }
    size_t directory = n;
    for (int i = 0; i < 2; i++) {
        size_t length = strlen(names[i]);
        n += put(out + n, 0x02014b50, 4);
        memset(out + n, 0, 16);
        n += 16;
        n += put(out + n, sizes[i], 4);
        n += put(out + n, sizes[i], 4);
        n += put(out + n, length, 2);
        memset(out + n, 0, 12);
        n += 12;
        n += put(out + n, offsets[i], 4);
        memcpy(out + n, names[i], length);
        n += length;
    }
    size_t end = n;
    n += put(out + n, 0x06054b50, 4);
    n += put(out + n, 0, 4);
    n += put(out + n, 2, 2);
    n += put(out + n, 2, 2);
    n += put(out + n, end - directory, 4);
    n += put(out + n, directory, 4);
    n += put(out + n, 0, 2);
    return n;
}

static void open_bytes(const uint8_t *data, size_t size)
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
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size >= 4 && memcmp(data, "PK\3\4", 4) == 0) {
        open_bytes(data, size);
        return 0;
    }
    uint8_t *archive = malloc(size + 512);
    if (!archive)
        return 0;
    open_bytes(archive, make_archive(archive, data, size));
    free(archive);
    return 0;
}
