/* engine/formats/pytorch.c - what torch.save writes: a ZIP with a pickle and a member a storage.
 *
 * Follows pytorch/torch/serialization.py (_save, _load): members PREFIX/data.pkl,
 * PREFIX/byteorder and PREFIX/data/KEY, PREFIX being the same for all. */
#include "engine/formats/pickle.h"
#include "engine/formats/pytorch_zip.h"
#include "engine/formats/tensor_file.h"

#include <stdio.h>
#include <string.h>

/* A dict that contains itself, or one shared so often that walking it would not end. */
enum { MAX_DEPTH = 32, MAX_ENTRIES = 1 << 20, MAX_KEY_BYTES = 64 };

struct walk {
    struct tensor_file *file;
    struct zip_archive zip;
    const char *prefix; /* "archive/" */
    const char *place;  /* "model.pt: archive/data.pkl" */
    struct error *err;
    char name[TENSOR_MAX_NAME_BYTES + 1]; /* of the container or tensor at hand */
    size_t name_bytes;
    size_t capacity; /* of file->tensors */
    size_t n_entries;
};

static int is_zip(const unsigned char *data, size_t size)
{
    return size >= 4 && memcmp(data, "PK\3\4", 4) == 0;
}

static int recognise(const unsigned char *data, size_t size)
{
    int is_pickle = size >= 2 && data[0] == 0x80 && data[1] >= 2 && data[1] <= 5;
    return is_zip(data, size) || is_pickle;
}

static enum status no_memory(const struct walk *walk)
{
    return fail(walk->err, STATUS_NO_MEMORY, "%s: out of memory while listing tensors",
                walk->file->path);
}

static enum status bad_tensor(const struct walk *walk, const char *what)
{
    return fail(walk->err, STATUS_BAD_FORMAT, "%s: tensor %.300s: %s", walk->file->path, walk->name,
                what);
}

/* The member that holds the storage, of exactly the size that the pickle tells. */
static enum status find_storage(const struct walk *walk, const struct pickle_storage *storage,
                                const struct zip_member **member)
{
    char name[1024];
    size_t length = storage->key.length;
    if (length == 0 || length > MAX_KEY_BYTES || memchr(storage->key.data, '\0', length))
        return bad_tensor(walk, "the key of its storage is empty, too long or holds a NUL");
    snprintf(name, sizeof name, "%sdata/%.*s", walk->prefix, (int)length, storage->key.data);
    *member = zip_find(&walk->zip, name);
    if (!*member)
        return fail(walk->err, STATUS_BAD_FORMAT,
                    "%s: tensor %.300s: the archive has no member for its storage %.*s",
                    walk->file->path, walk->name, (int)length, storage->key.data);
    size_t element_bytes = storage->type->element_bytes;
    if ((*member)->size_bytes % element_bytes != 0 ||
        (*member)->size_bytes / element_bytes != (uint64_t)storage->elements)
        return fail(walk->err, STATUS_BAD_FORMAT,
                    "%s: tensor %.200s: a %s of %lld elements, but member %.120s has %zu bytes",
                    walk->file->path, walk->name, storage->type->name, (long long)storage->elements,
                    (*member)->name, (*member)->size_bytes);
    return STATUS_OK;
}

/* Whether every element lies in the storage. */
static enum status check_reach(const struct walk *walk, const struct pickle_tensor *tensor)
{
    size_t elements = 0;
    if (!tensor_shape_fits(tensor->shape, tensor->n_dims, &elements))
        return bad_tensor(walk, "the product of its shape overflows");
    if (tensor->offset > tensor->storage.elements)
        return bad_tensor(walk, "it begins behind the end of its storage");
    if (elements == 0)
        return STATUS_OK;
    int64_t last = tensor->offset;
    for (int i = 0; i < tensor->n_dims; i++) {
        int64_t way;
        if (__builtin_mul_overflow(tensor->shape[i] - 1, tensor->stride[i], &way) ||
            __builtin_add_overflow(last, way, &last))
            return bad_tensor(walk, "its strides overflow");
    }
    if (last >= tensor->storage.elements)
        return fail(walk->err, STATUS_BAD_FORMAT,
                    "%s: tensor %.300s: its last element is number %lld of a storage of %lld",
                    walk->file->path, walk->name, (long long)last,
                    (long long)tensor->storage.elements);
    /* Otherwise a few bytes of file could ask for any amount of memory. */
    if (elements > (uint64_t)tensor->storage.elements)
        return fail(walk->err, STATUS_UNSUPPORTED,
                    "%s: tensor %.300s: %zu elements out of a storage of %lld: it was saved "
                    "expanded, with elements repeated",
                    walk->file->path, walk->name, elements, (long long)tensor->storage.elements);
    return STATUS_OK;
}

static enum status reserve_tensor(struct walk *walk)
{
    struct tensor_file *file = walk->file;
    if (file->n_tensors == TENSOR_FILE_MAX_TENSORS)
        return fail(walk->err, STATUS_UNSUPPORTED, "%s: more than %d tensors", file->path,
                    TENSOR_FILE_MAX_TENSORS);
    if (file->n_tensors < walk->capacity)
        return STATUS_OK;
    size_t capacity = walk->capacity ? walk->capacity * 2 : 64;
    struct tensor_view *tensors = arena_alloc(&file->arena, capacity, sizeof *tensors);
    if (!tensors)
        return no_memory(walk);
    if (file->n_tensors > 0)
        memcpy(tensors, file->tensors, file->n_tensors * sizeof *tensors);
    file->tensors = tensors;
    walk->capacity = capacity;
    return STATUS_OK;
}

static enum status add_tensor(struct walk *walk, const struct pickle_tensor *tensor)
{
    const struct zip_member *member = NULL;
    enum status status = find_storage(walk, &tensor->storage, &member);
    if (!status)
        status = check_reach(walk, tensor);
    if (!status)
        status = reserve_tensor(walk);
    if (status)
        return status;
    struct tensor_file *file = walk->file;
    struct tensor_view *view = &file->tensors[file->n_tensors];
    const struct pickle_global *type = tensor->storage.type;
    view->name = arena_copy(&file->arena, walk->name, walk->name_bytes);
    if (!view->name)
        return no_memory(walk);
    view->dtype = type->dtype;
    view->dtype_name = type->name;
    view->n_dims = tensor->n_dims;
    memcpy(view->shape, tensor->shape, sizeof view->shape);
    memcpy(view->stride, tensor->stride, sizeof view->stride);
    view->data = member->data + (size_t)tensor->offset * type->element_bytes;
    file->n_tensors++;
    return STATUS_OK;
}

/* Adds "." and the key, a string or an integer, to the name at hand. */
static enum status enter(struct walk *walk, const struct pickle_value *key)
{
    char digits[32];
    struct pickle_string part = key->as.string;
    if (key->kind == PICKLE_INT) {
        int length = snprintf(digits, sizeof digits, "%lld", (long long)key->as.integer);
        part = (struct pickle_string){digits, (size_t)length};
    } else if (key->kind != PICKLE_STRING) {
        return fail(walk->err, STATUS_UNSUPPORTED,
                    "%s, byte %u: a tensor or dict whose key is neither a string nor an integer",
                    walk->place, key->position);
    }
    size_t dot = walk->name_bytes > 0;
    if (part.length > TENSOR_MAX_NAME_BYTES - dot ||
        walk->name_bytes > TENSOR_MAX_NAME_BYTES - dot - part.length)
        return fail(walk->err, STATUS_BAD_FORMAT, "%s, byte %u: a name of more than %d bytes",
                    walk->place, key->position, TENSOR_MAX_NAME_BYTES);
    if (part.length > 0 && memchr(part.data, '\0', part.length))
        return fail(walk->err, STATUS_BAD_FORMAT, "%s, byte %u: a name with a NUL character",
                    walk->place, key->position);
    if (dot)
        walk->name[walk->name_bytes++] = '.';
    memcpy(walk->name + walk->name_bytes, part.data, part.length);
    walk->name_bytes += part.length;
    walk->name[walk->name_bytes] = '\0';
    return STATUS_OK;
}

static enum status walk_dict(struct walk *walk, const struct pickle_value *dict, int depth)
{
    if (depth == MAX_DEPTH)
        return fail(walk->err, STATUS_BAD_FORMAT, "%s, byte %u: dicts nested deeper than %d",
                    walk->place, dict->position, MAX_DEPTH);
    const struct pickle_items *items = &dict->as.items;
    for (uint32_t i = 0; i + 1 < items->count; i += 2) {
        if (++walk->n_entries > MAX_ENTRIES)
            return fail(walk->err, STATUS_BAD_FORMAT, "%s, byte %u: more than %d dict entries",
                        walk->place, dict->position, MAX_ENTRIES);
        const struct pickle_value *value = items->values[i + 1];
        if (value->kind != PICKLE_DICT && value->kind != PICKLE_TENSOR)
            continue;
        size_t saved = walk->name_bytes;
        enum status status = enter(walk, items->values[i]);
        if (!status)
            status = value->kind == PICKLE_DICT ? walk_dict(walk, value, depth + 1)
                                                : add_tensor(walk, value->as.tensor);
        if (status)
            return status;
        walk->name_bytes = saved;
        walk->name[saved] = '\0';
    }
    return STATUS_OK;
}

/* Everything up to the first "/" of the first member, as PyTorch's own reader takes it. */
static enum status find_prefix(struct walk *walk)
{
    const char *first = walk->zip.members[0].name;
    const char *slash = strchr(first, '/');
    if (!slash)
        return fail(walk->err, STATUS_BAD_FORMAT,
                    "%s: a ZIP file, but not one of torch.save: member %.200s lies in no folder",
                    walk->file->path, first);
    walk->prefix = arena_copy(&walk->file->arena, first, (size_t)(slash - first) + 1);
    if (!walk->prefix)
        return no_memory(walk);
    return STATUS_OK;
}

static enum status check_byte_order(const struct walk *walk)
{
    char name[1024];
    snprintf(name, sizeof name, "%sbyteorder", walk->prefix);
    const struct zip_member *member = zip_find(&walk->zip, name);
    if (member && (member->size_bytes != 6 || memcmp(member->data, "little", 6) != 0))
        return fail(walk->err, STATUS_UNSUPPORTED,
                    "%s: member %s does not say \"little\": only little-endian weights are read",
                    walk->file->path, name);
    return STATUS_OK;
}

static enum status find_pickle(struct walk *walk, const struct zip_member **member)
{
    char name[1024];
    snprintf(name, sizeof name, "%sdata.pkl", walk->prefix);
    *member = zip_find(&walk->zip, name);
    if (!*member)
        return fail(walk->err, STATUS_BAD_FORMAT,
                    "%s: a ZIP file, but not one of torch.save: there is no member %s",
                    walk->file->path, name);
    /* 0: torch.serialization.set_crc32_options(False) leaves the checksums out. */
    uint32_t crc32 = zip_crc32((*member)->data, (*member)->size_bytes);
    if ((*member)->crc32 != 0 && (*member)->crc32 != crc32)
        return fail(walk->err, STATUS_BAD_FORMAT,
                    "%s: member %s is damaged: its checksum is %08x, but should be %08x",
                    walk->file->path, name, crc32, (*member)->crc32);
    walk->place = arena_printf(&walk->file->arena, "%s: %s", walk->file->path, name);
    return walk->place ? STATUS_OK : no_memory(walk);
}

static enum status read_archive(struct walk *walk, struct arena *scratch)
{
    const struct zip_member *member = NULL;
    const struct pickle_value *root = NULL;
    enum status status =
        zip_list(&walk->zip, &walk->file->map, walk->file->path, scratch, walk->err);
    if (!status)
        status = find_prefix(walk);
    if (!status)
        status = check_byte_order(walk);
    if (!status)
        status = find_pickle(walk, &member);
    if (status)
        return status;
    struct pickle_source source = {member->data, member->size_bytes, walk->place, scratch,
                                   walk->err};
    status = pickle_read(&source, &root);
    if (status)
        return status;
    if (root->kind != PICKLE_DICT)
        return fail(walk->err, STATUS_UNSUPPORTED,
                    "%s: it holds something else than a dict of tensors", walk->file->path);
    return walk_dict(walk, root, 0);
}

static enum status parse(struct tensor_file *file, struct error *err)
{
    if (!is_zip(file->map.data, file->map.size_bytes))
        return fail(err, STATUS_UNSUPPORTED,
                    "%s: a PyTorch file of the old form, before ZIP (or a bare pickle): convert "
                    "it with torch.save(torch.load(PATH, weights_only=True), NEW_PATH) in PyTorch "
                    "1.6 or later",
                    file->path);
    struct walk walk = {.file = file, .err = err};
    struct arena scratch;
    arena_init(&scratch);
    enum status status = read_archive(&walk, &scratch);
    arena_release(&scratch);
    return status;
}

extern const struct tensor_format tensor_format_pytorch;
const struct tensor_format tensor_format_pytorch = {"pytorch", recognise, parse};
