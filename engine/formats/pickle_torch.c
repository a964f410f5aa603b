/* engine/formats/pickle_torch.c - what the globals in a torch.save pickle mean. */
#include "engine/formats/pickle.h"

#include <string.h>

static enum status bad_call(const struct pickle_source *source, const struct pickle_value *args,
                            const char *what)
{
    return pickle_fail(source, STATUS_BAD_FORMAT, args->position, "%s", what);
}

/* OrderedDict() of nothing: the entries follow as SETITEMS. */
static enum status call_ordered_dict(const struct pickle_source *source,
                                     const struct pickle_value *args, struct pickle_value *result)
{
    if (args->as.items.count != 0)
        return bad_call(source, args, "OrderedDict is called with arguments");
    result->kind = PICKLE_DICT;
    return STATUS_OK;
}

/* Values that no weight depends on. */
static enum status call_opaque(const struct pickle_source *source, const struct pickle_value *args,
                               struct pickle_value *result)
{
    (void)source;
    (void)args;
    result->kind = PICKLE_OPAQUE;
    return STATUS_OK;
}

/* Copies a tuple of at most TENSOR_MAX_DIMS integers. */
static enum status take_integers(const struct pickle_source *source,
                                 const struct pickle_value *tuple, int64_t *out, int *count,
                                 const char *what)
{
    if (tuple->kind != PICKLE_TUPLE)
        return pickle_fail(source, STATUS_BAD_FORMAT, tuple->position,
                           "the %s of a tensor is not a tuple", what);
    if (tuple->as.items.count > TENSOR_MAX_DIMS)
        return pickle_fail(source, STATUS_BAD_FORMAT, tuple->position,
                           "the %s of a tensor has %u numbers, at most %d are read", what,
                           tuple->as.items.count, TENSOR_MAX_DIMS);
    *count = (int)tuple->as.items.count;
    for (int i = 0; i < *count; i++) {
        const struct pickle_value *item = tuple->as.items.values[i];
        if (item->kind != PICKLE_INT || item->as.integer < 0)
            return pickle_fail(source, STATUS_BAD_FORMAT, item->position,
                               "the %s of a tensor holds something else than whole numbers from 0 "
                               "on",
                               what);
        out[i] = item->as.integer;
    }
    return STATUS_OK;
}

/* _rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks[, metadata]) */
static enum status call_rebuild_tensor(const struct pickle_source *source,
                                       const struct pickle_value *args, struct pickle_value *result)
{
    if (args->as.items.count < 6 || args->as.items.count > 7)
        return bad_call(source, args, "_rebuild_tensor_v2 is not called with 6 or 7 arguments");
    const struct pickle_value *const *values = args->as.items.values;
    if (values[0]->kind != PICKLE_STORAGE)
        return bad_call(source, args, "_rebuild_tensor_v2 is called without a storage");
    if (values[1]->kind != PICKLE_INT || values[1]->as.integer < 0)
        return bad_call(source, args, "the storage offset is not a whole number from 0 on");
    struct pickle_tensor *tensor = arena_alloc_small(source->arena, 1, sizeof *tensor);
    if (!tensor)
        return pickle_fail(source, STATUS_NO_MEMORY, args->position, "out of memory");
    tensor->storage = *values[0]->as.storage;
    tensor->offset = values[1]->as.integer;
    int n_strides = 0;
    enum status status = take_integers(source, values[2], tensor->shape, &tensor->n_dims, "shape");
    if (!status)
        status = take_integers(source, values[3], tensor->stride, &n_strides, "stride");
    if (!status && n_strides != tensor->n_dims)
        status =
            pickle_fail(source, STATUS_BAD_FORMAT, args->position,
                        "a tensor has %d dimensions, but %d strides", tensor->n_dims, n_strides);
    result->kind = PICKLE_TENSOR;
    result->as.tensor = tensor;
    return status;
}

/* _rebuild_parameter(data, requires_grad, hooks[, state]): the tensor itself. */
static enum status call_rebuild_parameter(const struct pickle_source *source,
                                          const struct pickle_value *args,
                                          struct pickle_value *result)
{
    if (args->as.items.count < 3 || args->as.items.count > 4 ||
        args->as.items.values[0]->kind != PICKLE_TENSOR)
        return bad_call(source, args, "_rebuild_parameter is not called with a tensor and 2 more");
    result->kind = PICKLE_TENSOR;
    result->as.tensor = args->as.items.values[0]->as.tensor;
    return STATUS_OK;
}

#define STORAGE(name, dtype, bytes)                                                                \
    {                                                                                              \
        "torch", name "Storage", NULL, DTYPE_##dtype, bytes                                        \
    }
#define CALLABLE(module, name, call)                                                               \
    {                                                                                              \
        module, name, call, DTYPE_OTHER, 0                                                         \
    }
#define CONSTANT(name)                                                                             \
    {                                                                                              \
        "torch", name, NULL, DTYPE_OTHER, 0                                                        \
    }

static const struct pickle_global globals[] = {
    CALLABLE("collections", "OrderedDict", call_ordered_dict),
    CALLABLE("torch._utils", "_rebuild_tensor_v2", call_rebuild_tensor),
    CALLABLE("torch._utils", "_rebuild_parameter", call_rebuild_parameter),
    CALLABLE("torch._utils", "_rebuild_parameter_with_state", call_rebuild_parameter),
    CALLABLE("torch", "Size", call_opaque),
    CALLABLE("torch", "device", call_opaque),
    STORAGE("Float", F32, 4),
    STORAGE("BFloat16", BF16, 2),
    STORAGE("Half", F16, 2),
    STORAGE("Double", OTHER, 8),
    STORAGE("Long", OTHER, 8),
    STORAGE("Int", OTHER, 4),
    STORAGE("Short", OTHER, 2),
    STORAGE("Char", OTHER, 1),
    STORAGE("Byte", OTHER, 1),
    STORAGE("Bool", OTHER, 1),
    STORAGE("ComplexFloat", OTHER, 8),
    STORAGE("ComplexDouble", OTHER, 16),
    CONSTANT("float32"),
    CONSTANT("bfloat16"),
    CONSTANT("float16"),
    CONSTANT("float64"),
    CONSTANT("int64"),
    CONSTANT("int32"),
};

static int equals(struct pickle_string string, const char *text)
{
    return strlen(text) == string.length && memcmp(text, string.data, string.length) == 0;
}

/* What a terminal can show of a name. */
static void printable(char *out, size_t size, struct pickle_string string)
{
    size_t length = string.length < size - 1 ? string.length : size - 1;
    for (size_t i = 0; i < length; i++)
        out[i] = string.data[i] >= 0x20 && string.data[i] < 0x7F ? string.data[i] : '?';
    out[length] = '\0';
}

enum status pickle_find_global(const struct pickle_source *source, size_t position,
                               struct pickle_string module, struct pickle_string name,
                               const struct pickle_global **out)
{
    for (size_t i = 0; i < sizeof globals / sizeof globals[0]; i++)
        if (equals(module, globals[i].module) && equals(name, globals[i].name)) {
            *out = &globals[i];
            return STATUS_OK;
        }
    char module_text[80], name_text[80];
    printable(module_text, sizeof module_text, module);
    printable(name_text, sizeof name_text, name);
    return pickle_fail(source, STATUS_BAD_FORMAT, position,
                       "the pickle asks for %s.%s, which is not among the few names that weights "
                       "need; nothing was executed",
                       module_text, name_text);
}

/* ("storage", type, key, location, number of elements) */
enum status pickle_make_storage(const struct pickle_source *source, const struct pickle_value *id,
                                struct pickle_value *result)
{
    const struct pickle_value *const *values = id->as.items.values;
    if (id->kind != PICKLE_TUPLE || id->as.items.count != 5 || values[0]->kind != PICKLE_STRING ||
        !equals(values[0]->as.string, "storage"))
        return bad_call(source, id, "a persistent id is not a storage with 5 parts");
    if (values[1]->kind != PICKLE_GLOBAL || values[1]->as.global->element_bytes == 0)
        return bad_call(source, id, "a storage has no type of storage");
    if (values[2]->kind != PICKLE_STRING)
        return bad_call(source, id, "the key of a storage is not a string");
    if (values[4]->kind != PICKLE_INT || values[4]->as.integer < 0)
        return bad_call(source, id, "the size of a storage is not a whole number from 0 on");
    struct pickle_storage *storage = arena_alloc_small(source->arena, 1, sizeof *storage);
    if (!storage)
        return pickle_fail(source, STATUS_NO_MEMORY, id->position, "out of memory");
    storage->type = values[1]->as.global;
    storage->key = values[2]->as.string;
    storage->elements = values[4]->as.integer;
    result->kind = PICKLE_STORAGE;
    result->as.storage = storage;
    return STATUS_OK;
}
