#include "engine/formats/tensor_file.h"

#include "engine/base/utf8.h"
#include "engine/formats/tensor_convert.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Views are read as they lie in the file. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "weight files are little-endian");

extern const struct tensor_format tensor_format_safetensors, tensor_format_pytorch;

static const struct tensor_format *const formats[] = {
    /* First: the length at its start can look like the first bytes of a pickle. */
    &tensor_format_safetensors,
    &tensor_format_pytorch,
};

/* Elements that a thread reads at a time. */
enum { BLOCK = 1 << 17 };

static enum status not_recognised(const struct tensor_file *file, struct error *err)
{
    static const char lfs[] = "version https://git-lfs";
    const struct file_map *map = &file->map;
    if (map->size_bytes == 0)
        return fail(err, STATUS_BAD_FORMAT, "%s: the file is empty", file->path);
    if (map->size_bytes >= sizeof lfs - 1 && memcmp(map->data, lfs, sizeof lfs - 1) == 0)
        return fail(err, STATUS_BAD_FORMAT,
                    "%s: a Git LFS pointer, not the weights: fetch them with 'git lfs pull'",
                    file->path);
    return fail(err, STATUS_BAD_FORMAT,
                "%s: neither a safetensors file nor a PyTorch file, going by its first bytes",
                file->path);
}

static enum status check_name(const struct tensor_file *file, const char *name, struct error *err)
{
    size_t length = strlen(name);
    if (length > TENSOR_MAX_NAME_BYTES)
        return fail(err, STATUS_BAD_FORMAT,
                    "%s: the name of tensor %.60s... has %zu bytes, at most %d are read",
                    file->path, name, length, TENSOR_MAX_NAME_BYTES);
    size_t bad = 0;
    if (!utf8_valid(name, length, &bad))
        return fail(err, STATUS_BAD_FORMAT, "%s: byte %zu of the name of tensor %.*s is not UTF-8",
                    file->path, bad, (int)bad, name);
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)name[i] < 0x20 || name[i] == 0x7F)
            return fail(err, STATUS_BAD_FORMAT,
                        "%s: byte %zu of the name of tensor %.*s is the control character %d",
                        file->path, i, (int)i, name, name[i]);
    return STATUS_OK;
}

static enum status index_names(struct tensor_file *file, struct error *err)
{
    string_map_init(&file->by_name, &file->arena);
    for (size_t i = 0; i < file->n_tensors; i++) {
        const char *name = file->tensors[i].name;
        enum status status = check_name(file, name, err);
        if (status)
            return status;
        if (string_map_add(&file->by_name, name, strlen(name), (int64_t)i, NULL))
            continue;
        if (!arena_failed(&file->arena))
            return fail(err, STATUS_BAD_FORMAT, "%s: two tensors are called %s", file->path, name);
        return fail(err, STATUS_NO_MEMORY, "%s: out of memory while listing tensors", file->path);
    }
    return STATUS_OK;
}

static enum status parse(struct tensor_file *file, struct error *err)
{
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
        if (formats[i]->recognise(file->map.data, file->map.size_bytes)) {
            file->format = formats[i];
            enum status status = file->format->parse(file, err);
            return status ? status : index_names(file, err);
        }
    return not_recognised(file, err);
}

enum status tensor_file_open(struct tensor_file **out, const char *path, struct error *err)
{
    struct tensor_file *file = calloc(1, sizeof *file);
    if (!file)
        return fail(err, STATUS_NO_MEMORY, "%s: out of memory while opening it", path);
    arena_init(&file->arena);
    enum status status = file_map_open(&file->map, path, err);
    if (!status) {
        file->path = arena_string(&file->arena, path);
        status = file->path
                     ? parse(file, err)
                     : fail(err, STATUS_NO_MEMORY, "%s: out of memory while opening it", path);
    }
    if (status) {
        tensor_file_close(file);
        return status;
    }
    *out = file;
    return STATUS_OK;
}

void tensor_file_close(struct tensor_file *file)
{
    if (!file)
        return;
    file_map_close(&file->map);
    arena_release(&file->arena);
    free(file);
}

const struct tensor_view *tensor_file_find(const struct tensor_file *file, const char *name)
{
    int64_t i = string_map_get(&file->by_name, name, strlen(name), -1);
    return i < 0 ? NULL : &file->tensors[i];
}

size_t tensor_elements(const struct tensor_view *tensor)
{
    size_t elements = 1;
    for (int i = 0; i < tensor->n_dims; i++)
        elements *= (size_t)tensor->shape[i];
    return elements;
}

bool tensor_shape_fits(const int64_t *shape, int n_dims, size_t *elements)
{
    int64_t room = 1;
    bool empty = false;
    for (int i = 0; i < n_dims; i++) {
        if (shape[i] < 0)
            return false;
        if (shape[i] == 0)
            empty = true;
        else if (__builtin_mul_overflow(room, shape[i], &room) || room > INT64_MAX / 16)
            return false;
    }
    *elements = empty ? 0 : (size_t)room;
    return true;
}

/* Whether the elements lie one after the other; dimensions of 1 may have any stride. */
static bool is_contiguous(const struct tensor_view *tensor)
{
    int64_t expected = 1;
    for (int i = tensor->n_dims - 1; i >= 0; i--) {
        if (tensor->shape[i] != 1 && tensor->stride[i] != expected)
            return false;
        expected *= tensor->shape[i];
    }
    return true;
}

/* Elements [first, first + n) that do not lie side by side: run after run along the last dimension.
 */
static void read_strided(const struct conversion *conversion, const struct tensor_view *tensor,
                         size_t first, size_t n, unsigned char *dst)
{
    int last = tensor->n_dims - 1;
    size_t row = (size_t)tensor->shape[last], step = (size_t)tensor->stride[last];
    while (n > 0) {
        size_t column = first % row, run = row - column < n ? row - column : n;
        size_t offset = column * step, index = first / row;
        for (int i = last - 1; i >= 0; i--) {
            offset += index % (size_t)tensor->shape[i] * (size_t)tensor->stride[i];
            index /= (size_t)tensor->shape[i];
        }
        conversion->strided(tensor->data + offset * conversion->from_bytes,
                            step * conversion->from_bytes, dst, run);
        dst += run * conversion->to_bytes;
        first += run;
        n -= run;
    }
}

enum status tensor_check_readable(const struct tensor_file *file, const struct tensor_view *tensor,
                                  struct error *err)
{
    if (conversion_find(tensor->dtype, DTYPE_F32))
        return STATUS_OK;
    return fail(err, STATUS_UNSUPPORTED,
                "%s: tensor %s holds %s, which cannot be read as floating-point numbers",
                file->path, tensor->name, tensor->dtype_name);
}

void tensor_read_range(const struct tensor_view *tensor, enum dtype to, size_t first, size_t n,
                       void *dst)
{
    const struct conversion *conversion = conversion_find(tensor->dtype, to);
    assert(conversion);
    if (is_contiguous(tensor))
        conversion->contiguous(tensor->data + first * conversion->from_bytes, dst, n);
    else
        read_strided(conversion, tensor, first, n, dst);
}

void tensor_drop(const struct tensor_file *file, const struct tensor_view *tensor)
{
    const struct conversion *conversion = conversion_find(tensor->dtype, DTYPE_F32);
    size_t span = tensor_elements(tensor) > 0;
    for (int i = 0; span && i < tensor->n_dims; i++)
        span += (size_t)((tensor->shape[i] - 1) * tensor->stride[i]);
    if (conversion)
        file_map_drop(&file->map, (size_t)(tensor->data - file->map.data),
                      span * conversion->from_bytes);
}

enum status tensor_read(const struct tensor_file *file, const struct tensor_view *tensor,
                        enum dtype to, void *dst, struct error *err)
{
    assert(to == DTYPE_F32 || to == DTYPE_BF16);
    size_t elements = tensor_elements(tensor), bytes = to == DTYPE_F32 ? 4 : 2;
    long n_blocks = (long)((elements + BLOCK - 1) / BLOCK);
    enum status status = tensor_check_readable(file, tensor, err);
    if (status)
        return status;
#pragma omp parallel for schedule(static) if (n_blocks > 1)
    for (long block = 0; block < n_blocks; block++) {
        size_t first = (size_t)block * BLOCK, left = elements - first;
        tensor_read_range(tensor, to, first, left < BLOCK ? left : BLOCK,
                          (unsigned char *)dst + first * bytes);
    }
    tensor_drop(file, tensor);
    return STATUS_OK;
}
