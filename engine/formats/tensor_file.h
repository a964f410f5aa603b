/* engine/formats/tensor_file.h - a file of named tensors, as released: safetensors or PyTorch.
 *
 * To add a format: write engine/formats/<name>.c with a struct tensor_format, list it in
 * engine/formats/tensor_file.c, and give tests/ one sound file and its damaged variants. */
#ifndef MAMBENCH_ENGINE_FORMATS_TENSOR_FILE_H
#define MAMBENCH_ENGINE_FORMATS_TENSOR_FILE_H

#include "engine/base/arena.h"
#include "engine/base/error.h"
#include "engine/base/file.h"
#include "engine/base/string_map.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dtype { DTYPE_F32, DTYPE_BF16, DTYPE_F16, DTYPE_OTHER };

/* More than any release holds; they bound what a hostile file can cost. */
enum { TENSOR_MAX_DIMS = 8, TENSOR_MAX_NAME_BYTES = 1024, TENSOR_FILE_MAX_TENSORS = 65536 };

/* One tensor inside the mapping.  Everything belongs to the tensor_file. */
struct tensor_view {
    const char *name;       /* dotted, containers joined: "model.projector.projector.0.weight" */
    enum dtype dtype;       /* OTHER (integers, ...) can be listed but not read */
    const char *dtype_name; /* as the file calls it, for messages */
    int n_dims;
    int64_t shape[TENSOR_MAX_DIMS];
    int64_t stride[TENSOR_MAX_DIMS]; /* in elements; never negative */
    const unsigned char *data;       /* element [0, 0, ...]; not aligned; little-endian */
};

struct tensor_format;

/* An open file.  Read-only; may be shared. */
struct tensor_file {
    const struct tensor_format *format;
    const char *path;
    struct file_map map;
    struct tensor_view *tensors; /* in file order */
    size_t n_tensors;
    struct string_map by_name; /* name -> index in tensors */
    struct arena arena;
};

struct tensor_format {
    const char *name; /* "safetensors", "pytorch" */
    /* Whether the first bytes look like this format. */
    int (*recognise)(const unsigned char *data, size_t size);
    /* Fills tensors from the mapping; every offset, shape and stride is checked against it.  The
     * file's arena owns what is made.  Names are checked by the caller, for all formats alike. */
    enum status (*parse)(struct tensor_file *file, struct error *err);
};

/* Maps path and lists its tensors.  On success the caller closes *out; on failure there is
 * nothing to close.  Errors: NOT_FOUND, IO, BAD_FORMAT (with the byte or tensor), UNSUPPORTED (a
 * sound file of a kind that is not read), NO_MEMORY. */
enum status tensor_file_open(struct tensor_file **out, const char *path, struct error *err);
void tensor_file_close(struct tensor_file *file);

/* The tensor called name, or NULL. */
const struct tensor_view *tensor_file_find(const struct tensor_file *file, const char *name);

/* Number of elements, the product of the shape (checked at open to fit). */
size_t tensor_elements(const struct tensor_view *tensor);

/* The same for a shape that nobody has checked: false where a dimension is negative or the
 * product, empty dimensions taken as 1, has no room in memory at 16 bytes an element. */
bool tensor_shape_fits(const int64_t *shape, int n_dims, size_t *elements);

/* Whether tensor_read() can give its elements: they are floating-point numbers.
 * Errors: UNSUPPORTED. */
enum status tensor_check_readable(const struct tensor_file *file, const struct tensor_view *tensor,
                                  struct error *err);

/* Elements [first, first + n) in row-major order, converted as tensor_read() does; the tensor must
 * be readable.  For many threads at once; no page is dropped.  dst: [n] floats or uint16_t. */
void tensor_read_range(const struct tensor_view *tensor, enum dtype to, size_t first, size_t n,
                       void *dst);

/* Drops the pages of a tensor that has been read, so that they stop counting as resident. */
void tensor_drop(const struct tensor_file *file, const struct tensor_view *tensor);

/* Copies all elements in row-major order, converted to F32 or BF16 (rounded to nearest even);
 * to must be one of these.  Mapped pages that were read are dropped, so that reading a
 * checkpoint does not make it resident.  dst: [elements] floats or uint16_t.
 * Errors: UNSUPPORTED (a tensor of integers). */
enum status tensor_read(const struct tensor_file *file, const struct tensor_view *tensor,
                        enum dtype to, void *dst, struct error *err);

#endif
