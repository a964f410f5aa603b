/* tests/tensor_files.h - weight files in memory, opened as files, for the tests of the readers. */
#ifndef MAMBENCH_TESTS_TENSOR_FILES_H
#define MAMBENCH_TESTS_TENSOR_FILES_H

#include "tests/check.h"

#include "engine/base/file.h"
#include "engine/base/json.h"
#include "engine/formats/tensor_file.h"

#include <sys/mman.h>
#include <unistd.h>

#define DATA "tests/data/tensor_file/"

struct bytes {
    unsigned char *data;
    size_t size;
};

static inline struct bytes load_bytes(const char *path)
{
    struct file_map map;
    struct error err = {""};
    assert_ok(file_map_open(&map, path, &err), err);
    struct bytes bytes = {malloc(map.size_bytes), map.size_bytes};
    assert_non_null(bytes.data);
    memcpy(bytes.data, map.data, map.size_bytes);
    file_map_close(&map);
    return bytes;
}

/* A file without a place on disk, opened again and again with changed contents. */
struct memory_file {
    int fd;
    char path[64];
};

static inline struct memory_file memory_file_make(void)
{
    struct memory_file file = {.fd = memfd_create("weights", MFD_CLOEXEC)};
    assert_true(file.fd >= 0);
    snprintf(file.path, sizeof file.path, "/proc/self/fd/%d", file.fd);
    return file;
}

static inline void memory_file_set(const struct memory_file *file, const void *data, size_t size)
{
    assert_int_equal(ftruncate(file->fd, (off_t)size), 0);
    if (size > 0)
        assert_true(pwrite(file->fd, data, size, 0) == (ssize_t)size);
}

/* A stretch in the middle, read alone, is what it is in the whole. */
static inline void assert_range_agrees(const struct tensor_view *view, const float *values,
                                       size_t elements)
{
    size_t first = elements / 3, n = elements - first - elements / 5;
    float *part = malloc(n * sizeof *part + 1);
    assert_non_null(part);
    if (elements > 0)
        tensor_read_range(view, DTYPE_F32, first, n, part);
    if (elements > 0)
        assert_memory_equal(part, values + first, n * sizeof *part);
    free(part);
}

/* Reads every tensor of floating-point numbers both ways. */
static inline void read_all(const struct tensor_file *file)
{
    struct error err = {""};
    for (size_t i = 0; i < file->n_tensors; i++) {
        const struct tensor_view *view = &file->tensors[i];
        size_t elements = tensor_elements(view);
        /* No tensor asks for more than its file could hold. */
        assert_true(elements <= 8 * file->map.size_bytes);
        if (view->dtype == DTYPE_OTHER)
            continue;
        float *values = malloc(elements * sizeof *values + 1);
        uint16_t *halves = malloc(elements * sizeof *halves + 1);
        assert_ok(tensor_read(file, view, DTYPE_F32, values, &err), err);
        assert_ok(tensor_read(file, view, DTYPE_BF16, halves, &err), err);
        assert_range_agrees(view, values, elements);
        free(values);
        free(halves);
    }
}

/* Opens damaged or odd data: a file that can be read whole, or a sentence that names it. */
static inline enum status open_any(const struct memory_file *memory, const void *data, size_t size,
                                   struct error *err)
{
    struct tensor_file *file = NULL;
    *err = (struct error){""};
    memory_file_set(memory, data, size);
    enum status status = tensor_file_open(&file, memory->path, err);
    if (status) {
        assert_null(file);
        assert_contains(err->text, memory->path);
        assert_true(strlen(err->text) > strlen(memory->path) + 4);
        assert_null(strchr(err->text, '\n'));
    } else {
        assert_string_equal(err->text, "");
        read_all(file);
        tensor_file_close(file);
    }
    return status;
}

static inline void assert_every_truncation_is_refused(const char *path)
{
    struct bytes bytes = load_bytes(path);
    struct memory_file memory = memory_file_make();
    struct error err;
    assert_int_equal(open_any(&memory, bytes.data, bytes.size, &err), STATUS_OK);
    for (size_t size = 0; size < bytes.size; size++)
        if (open_any(&memory, bytes.data, size, &err) == STATUS_OK)
            fail_msg("%s cut to %zu bytes was opened", path, size);
    close(memory.fd);
    free(bytes.data);
}

/* Flips every bit of [start, end): nothing crashes.  Returns how many files were refused. */
static inline size_t flip_bits(struct bytes bytes, size_t start, size_t end)
{
    struct memory_file memory = memory_file_make();
    struct error err;
    size_t refused = 0;
    for (size_t bit = start * 8; bit < end * 8; bit++) {
        bytes.data[bit / 8] ^= (unsigned char)(1u << bit % 8);
        refused += open_any(&memory, bytes.data, bytes.size, &err) != STATUS_OK;
        bytes.data[bit / 8] ^= (unsigned char)(1u << bit % 8);
    }
    close(memory.fd);
    return refused;
}

/* Compares with expected.json, where PyTorch's shapes and bits stand. */
static inline void assert_as_pytorch_reads(const char *name)
{
    char path[256];
    struct error err = {""};
    struct tensor_file *file = NULL;
    cJSON *root = NULL;
    snprintf(path, sizeof path, DATA "%s", name);
    assert_ok(tensor_file_open(&file, path, &err), err);
    assert_ok(json_read(&root, DATA "expected.json", &err), err);
    const cJSON *tensors = json_find(root, name), *row, *item;
    assert_int_equal(cJSON_GetArraySize(tensors), file->n_tensors);
    cJSON_ArrayForEach(row, tensors)
    {
        const struct tensor_view *view = tensor_file_find(file, json_string_or(row, "name", ""));
        assert_non_null(view);
        int n_dims = 0;
        cJSON_ArrayForEach(item, json_find(row, "shape"))
        {
            assert_true(n_dims < view->n_dims);
            assert_int_equal(view->shape[n_dims++], (int64_t)item->valuedouble);
        }
        assert_int_equal(n_dims, view->n_dims);
        const cJSON *f32 = json_find(row, "f32"), *bf16 = json_find(row, "bf16");
        assert_int_equal(f32 == NULL, view->dtype == DTYPE_OTHER);
        if (!f32)
            continue;
        size_t elements = tensor_elements(view), i = 0;
        assert_int_equal(cJSON_GetArraySize(f32), elements);
        uint32_t *values = malloc(elements * sizeof *values + 1);
        uint16_t *halves = malloc(elements * sizeof *halves + 1);
        assert_ok(tensor_read(file, view, DTYPE_F32, values, &err), err);
        assert_ok(tensor_read(file, view, DTYPE_BF16, halves, &err), err);
        cJSON_ArrayForEach(item, f32) assert_int_equal(values[i++], (uint32_t)item->valuedouble);
        i = 0;
        cJSON_ArrayForEach(item, bf16) assert_int_equal(halves[i++], (uint16_t)item->valuedouble);
        assert_range_agrees(view, (const float *)(const void *)values, elements);
        free(values);
        free(halves);
    }
    cJSON_Delete(root);
    tensor_file_close(file);
}

/* Lets the first, second, third... allocation fail until the file opens. */
static inline void assert_lack_of_memory_is_reported(const char *path)
{
    for (long n = 1;; n++) {
        struct tensor_file *file = NULL;
        struct error err = {""};
        fail_allocation(n);
        enum status status = tensor_file_open(&file, path, &err);
        int struck = allocation_has_failed();
        fail_allocation(0);
        if (!struck) {
            assert_ok(status, err);
            assert_true(n > 2);
            tensor_file_close(file);
            return;
        }
        assert_null(file);
        assert_int_not_equal(status, STATUS_OK);
        assert_contains(err.text, path);
    }
}

#endif
