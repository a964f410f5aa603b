/* engine/formats/pickle.h - a pickle read as data: nothing is imported, nothing is executed.
 *
 * Follows CPython's Lib/pickletools.py (opcodes of protocols 2 to 5) and, for what the allowed
 * globals mean, PyTorch's torch/_utils.py (_rebuild_tensor_v2, _rebuild_parameter) and
 * torch/serialization.py (persistent_id).  Any other global ends the reading.
 *
 * To allow a global: one row in the table of pickle_torch.c. */
#ifndef MAMBENCH_ENGINE_FORMATS_PICKLE_H
#define MAMBENCH_ENGINE_FORMATS_PICKLE_H

#include "engine/base/arena.h"
#include "engine/base/error.h"
#include "engine/formats/tensor_file.h"

#include <stddef.h>
#include <stdint.h>

enum pickle_kind {
    PICKLE_OPAQUE, /* None, booleans, floats, bytes, huge integers, torch.Size, ... */
    PICKLE_INT,
    PICKLE_STRING,
    PICKLE_TUPLE,
    PICKLE_LIST,
    PICKLE_DICT,
    PICKLE_GLOBAL,
    PICKLE_STORAGE,
    PICKLE_TENSOR
};

struct pickle_value;
struct pickle_global;

struct pickle_string {
    const char *data; /* in the pickle; no final NUL */
    size_t length;
};

/* Of a tuple or list the values, of a dict key, value, key, value...  Containers can contain
 * themselves. */
struct pickle_items {
    const struct pickle_value **values;
    uint32_t count, capacity;
};

struct pickle_storage {
    const struct pickle_global *type;
    struct pickle_string key;
    int64_t elements;
};

/* As the file says: neither shape nor strides were compared with the storage. */
struct pickle_tensor {
    struct pickle_storage storage;
    int64_t offset; /* in elements */
    int n_dims;
    int64_t shape[TENSOR_MAX_DIMS], stride[TENSOR_MAX_DIMS];
};

struct pickle_value {
    enum pickle_kind kind;
    uint32_t position; /* byte of the opcode that made it */
    union {
        int64_t integer;
        struct pickle_string string;
        struct pickle_items items;
        const struct pickle_global *global;
        const struct pickle_storage *storage;
        const struct pickle_tensor *tensor;
    } as;
};

/* Where a pickle is read from, for what is built and for errors. */
struct pickle_source {
    const unsigned char *data;
    size_t size;
    const char *place; /* "model.pt: archive/data.pkl" */
    struct arena *arena;
    struct error *err;
};

/* Something a pickle may name: a type of storage, or what a call of it means. */
struct pickle_global {
    const char *module, *name;
    enum status (*call)(const struct pickle_source *source, const struct pickle_value *args,
                        struct pickle_value *result); /* NULL: cannot be called */
    enum dtype dtype;
    size_t element_bytes; /* 0: not a type of storage */
};

/* Reads the whole pickle; *out and all it reaches belong to source->arena and point into the
 * pickle.  Errors: BAD_FORMAT, UNSUPPORTED (opcodes that torch.save does not write), NO_MEMORY;
 * they name the byte. */
enum status pickle_read(const struct pickle_source *source, const struct pickle_value **out);

/* The row of an allowed global; any other is refused.  position is that of the opcode. */
enum status pickle_find_global(const struct pickle_source *source, size_t position,
                               struct pickle_string module, struct pickle_string name,
                               const struct pickle_global **out);

/* Turns the tuple of a persistent id into a storage. */
enum status pickle_make_storage(const struct pickle_source *source, const struct pickle_value *id,
                                struct pickle_value *result);

/* A sentence about a byte of the pickle; returns code. */
enum status pickle_fail(const struct pickle_source *source, enum status code, size_t position,
                        const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
