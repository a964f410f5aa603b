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

/* What is read before its pages are dropped. */
enum { PIECE_BYTES = 32 << 20 };

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

static void drop(const struct tensor_file *file, const unsigned char *data, size_t length)
{
    file_map_drop(&file->map, (size_t)(data - file->map.data), length);
}

static void read_contiguous(const struct tensor_file *file, const struct conversion *conversion,
                            const unsigned char *data, size_t elements, unsigned char *dst)
{
    size_t piece = PIECE_BYTES / conversion->from_bytes;
    for (size_t done = 0; done < elements; done += piece) {
        size_t n = elements - done < piece ? elements - done : piece;
        const unsigned char *src = data + done * conversion->from_bytes;
        conversion_run(conversion, src, dst + done * conversion->to_bytes, n);
        drop(file, src, n * conversion->from_bytes);
    }
}

/* Row by row along the last dimension; the pages of other rows are still wanted, so that they
 * are dropped at the end. */
static void read_strided(const struct tensor_file *file, const struct conversion *conversion,
                         const struct tensor_view *tensor, size_t elements, unsigned char *dst)
{
    int last = tensor->n_dims - 1;
    size_t row = (size_t)tensor->shape[last];
    size_t step = (size_t)tensor->stride[last] * conversion->from_bytes;
    int64_t index[TENSOR_MAX_DIMS] = {0};
    for (size_t done = 0; done < elements; done += row) {
        size_t offset = 0;
        for (int i = 0; i < last; i++)
            offset += (size_t)(index[i] * tensor->stride[i]);
        conversion->strided(tensor->data + offset * conversion->from_bytes, step,
                            dst + done * conversion->to_bytes, row);
        for (int i = last - 1; i >= 0 && ++index[i] == tensor->shape[i]; i--)
            index[i] = 0;
    }
    size_t span = 1;
    for (int i = 0; i <= last; i++)
        span += (size_t)((tensor->shape[i] - 1) * tensor->stride[i]);
    drop(file, tensor->data, span * conversion->from_bytes);
}

enum status tensor_read(const struct tensor_file *file, const struct tensor_view *tensor,
                        enum dtype to, void *dst, struct error *err)
{
    assert(to == DTYPE_F32 || to == DTYPE_BF16);
    const struct conversion *conversion = conversion_find(tensor->dtype, to);
    if (!conversion)
        return fail(err, STATUS_UNSUPPORTED,
                    "%s: tensor %s holds %s, which cannot be read as floating-point numbers",
                    file->path, tensor->name, tensor->dtype_name);
    size_t elements = tensor_elements(tensor);
    if (elements == 0)
        return STATUS_OK;
    if (is_contiguous(tensor))
        read_contiguous(file, conversion, tensor->data, elements, dst);
    else
        read_strided(file, conversion, tensor, elements, dst);
    return STATUS_OK;
}
