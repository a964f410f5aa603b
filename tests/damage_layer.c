/* A copy of a file of weights with some of them zeroed, for the tests that must find it.
 *     damage_layer FILE COPY PART EVERY
 *
 * Of every tensor whose name holds PART, every EVERY-th value becomes 0; prints how many values of
 * how many tensors.  safetensors, and PyTorch's archives, whose checksums are left out then. */
#include "engine/formats/tensor_file.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Zeroes in the copy, which begins where the mapping begins; false for a tensor it cannot. */
static bool zero_values(unsigned char *copy, const struct tensor_file *file,
                        const struct tensor_view *tensor, size_t every, size_t *n_values)
{
    size_t n = tensor_elements(tensor), size = tensor->dtype == DTYPE_F32 ? 4 : 2;
    int64_t expected = 1;
    for (int d = tensor->n_dims; d-- > 0;) { /* one value behind the other */
        if (tensor->dtype == DTYPE_OTHER || (tensor->shape[d] > 1 && tensor->stride[d] != expected))
            return false;
        expected *= tensor->shape[d];
    }
    for (size_t i = every - 1; i < n; i += every, *n_values += 1)
        memset(copy + (tensor->data - file->map.data) + i * size, 0, size);
    return true;
}

static uint32_t load(const unsigned char *data)
{
    return (uint32_t)data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 |
           (uint32_t)data[3] << 24;
}

/* The checksums of an archive's directory, which its end record points to; 0 is "none". */
static void drop_checksums(unsigned char *data, size_t size)
{
    enum { END = 22, ENTRY = 46, ENTRY_MARK = 0x02014b50, END_MARK = 0x06054b50 };
    if (size < END || load(data + size - END) != END_MARK)
        return;
    size_t at = load(data + size - END + 16);
    while (at + ENTRY <= size && load(data + at) == ENTRY_MARK) {
        const unsigned char *lengths = data + at + 28;
        memset(data + at + 16, 0, 4);
        for (int i = 0; i < 3; i++)
            at += (size_t)lengths[2 * i] | (size_t)lengths[2 * i + 1] << 8;
        at += ENTRY;
    }
}

static bool write_copy(const char *path, const unsigned char *data, size_t size)
{
    FILE *out = fopen(path, "wb");
    bool good = out && fwrite(data, 1, size, out) == size;
    return out && fclose(out) == 0 && good;
}

static bool damage(const struct tensor_file *file, const char *path, const char *part, size_t every)
{
    size_t n_tensors = 0, n_values = 0, size = file->map.size_bytes;
    unsigned char *copy = malloc(size);
    bool good = copy != NULL;
    if (good)
        memcpy(copy, file->map.data, size);
    for (size_t i = 0; good && i < file->n_tensors; i++) {
        if (!strstr(file->tensors[i].name, part))
            continue;
        good = zero_values(copy, file, &file->tensors[i], every, &n_values);
        n_tensors += 1;
    }
    if (good)
        drop_checksums(copy, size);
    good = good && n_values > 0 && write_copy(path, copy, size);
    free(copy);
    printf("%zu values of %zu tensors are zero\n", n_values, n_tensors);
    return good;
}

int main(int argc, char **argv)
{
    struct tensor_file *file;
    struct error err = {""};
    size_t every = argc == 5 ? strtoul(argv[4], NULL, 10) : 0;
    if (every == 0) {
        fprintf(stderr, "damage_layer FILE COPY PART EVERY\n");
        return 2;
    }
    if (tensor_file_open(&file, argv[1], &err)) {
        fprintf(stderr, "damage_layer: %s\n", err.text);
        return 1;
    }
    bool good = damage(file, argv[2], argv[3], every);
    tensor_file_close(file);
    return good ? 0 : 1;
}
