#include "engine/card/shards.h"

#include "engine/base/file.h"
#include "engine/base/json.h"
#include "engine/base/text.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* How transformers stores a checkpoint, in its order of preference (src/transformers/
 * modeling_utils.py, from_pretrained, @v4.37.2): one file, or shards stem-0000i-of-0000n.ext. */
static const struct format {
    const char *single, *index, *stem, *extension;
} formats[] = {
    {"model.safetensors", "model.safetensors.index.json", "model-", ".safetensors"},
    {"pytorch_model.bin", "pytorch_model.bin.index.json", "pytorch_model-", ".bin"},
};
enum { N_FORMATS = sizeof formats / sizeof formats[0] };

/* A name of a file, or one that is longer and in none. */
enum { MAX_NAME = 2 * TENSOR_MAX_NAME_BYTES };

static enum status no_memory(const char *place, struct error *err)
{
    return fail(err, STATUS_NO_MEMORY, "out of memory while opening %s", place);
}

/* "folder/name", or the name alone for "". */
static const char *inside(const char *folder, const char *name, struct arena *arena)
{
    return path_join(arena, folder, name);
}

static bool exists(const char *directory, const char *name, struct arena *arena)
{
    const char *path = name ? path_join(arena, directory, name) : NULL;
    return path && file_exists(path);
}

void shards_close(struct shards *shards)
{
    for (size_t i = 0; i < shards->n; i++)
        tensor_file_close(shards->files[i]);
    shards->n = 0;
}

static enum status add_file(struct shards *out, const char *directory, const char *name,
                            struct arena *arena, struct error *err)
{
    const char *path = name ? path_join(arena, directory, name) : NULL;
    if (!path)
        return no_memory(directory, err);
    enum status status = tensor_file_open(&out->files[out->n], path, err);
    if (status)
        return status;
    out->names[out->n++] = name;
    return STATUS_OK;
}

enum status shards_open_file(struct shards *out, const char *directory, const char *name,
                             struct arena *arena, struct error *err)
{
    *out = (struct shards){.n = 0};
    enum status status = add_file(out, directory, name, arena, err);
    if (!status)
        out->place = out->files[0]->path;
    return status;
}

/* What an index says: {"weight_map": {tensor: shard}}. */
struct index {
    const char *place;
    const cJSON *weights;
    const char *shards[CARD_MAX_FILES];
    size_t n_shards;
    struct string_map map; /* tensor to shard */
};

static bool is_plain_name(const char *name)
{
    return name[0] != '\0' && name[0] != '.' && !strchr(name, '/');
}

/* The number of a shard, which joins the others if it is new; -1 where there is no room. */
static int shard_number(struct index *index, const char *name)
{
    for (size_t i = 0; i < index->n_shards; i++)
        if (strcmp(index->shards[i], name) == 0)
            return (int)i;
    if (index->n_shards == CARD_MAX_FILES)
        return -1;
    index->shards[index->n_shards] = name;
    return (int)index->n_shards++;
}

static enum status read_entry(struct index *index, const cJSON *item, struct error *err)
{
    if (!cJSON_IsString(item) || !is_plain_name(item->valuestring))
        return fail(err, STATUS_BAD_FORMAT,
                    "%s: weight_map: \"%.200s\" is not in a file beside the index", index->place,
                    item->string);
    int shard = shard_number(index, item->valuestring);
    if (shard < 0)
        return fail(err, STATUS_UNSUPPORTED, "%s: more than %d shards", index->place,
                    CARD_MAX_FILES);
    if (string_map_add(&index->map, item->string, strlen(item->string), shard, NULL))
        return STATUS_OK;
    return arena_failed(index->map.arena)
               ? no_memory(index->place, err)
               : fail(err, STATUS_BAD_FORMAT, "%s: weight_map names \"%.200s\" twice", index->place,
                      item->string);
}

static enum status read_index(struct index *index, const cJSON *root, struct error *err)
{
    const cJSON *item;
    enum status status = json_get(root, "weight_map", index->place, &index->weights, err);
    if (!status && (!cJSON_IsObject(index->weights) || !index->weights->child))
        status = fail(err, STATUS_BAD_FORMAT,
                      "%s: \"weight_map\" is not an object that names tensors", index->place);
    if (status)
        return status;
    cJSON_ArrayForEach(item, index->weights)
    {
        status = read_entry(index, item, err);
        if (status)
            return status;
    }
    return STATUS_OK;
}

static bool is_stranger(const struct index *index, const struct format *format, const char *file)
{
    if (!text_starts_with(file, format->stem) || !text_ends_with(file, format->extension) ||
        !strstr(file, "-of-"))
        return false;
    for (size_t i = 0; i < index->n_shards; i++)
        if (strcmp(index->shards[i], file) == 0)
            return false;
    return true;
}

/* Refuses shards on disk that the index does not name: parts of another checkpoint. */
static enum status check_strangers(const struct index *index, const struct format *format,
                                   const char *path, struct error *err)
{
    char stranger[256] = "";
    DIR *folder = opendir(path);
    if (!folder)
        return fail(err, STATUS_IO, "cannot list %s: %s", path, strerror(errno));
    for (const struct dirent *entry; (entry = readdir(folder));)
        if (is_stranger(index, format, entry->d_name) &&
            (!stranger[0] || strcmp(entry->d_name, stranger) < 0))
            snprintf(stranger, sizeof stranger, "%s", entry->d_name);
    closedir(folder);
    return stranger[0] ? fail(err, STATUS_MISMATCH, "%s: it does not name the shard %s beside it",
                              index->place, stranger)
                       : STATUS_OK;
}

/* Each tensor of the index is in its shard. */
static enum status check_named(const struct index *index, const struct shards *shards,
                               struct error *err)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, index->weights)
    {
        size_t shard = (size_t)string_map_get(&index->map, item->string, strlen(item->string), 0);
        if (!tensor_file_find(shards->files[shard], item->string))
            return fail(err, STATUS_MISMATCH, "%s: the tensor %.200s is not in %s", index->place,
                        item->string, shards->names[shard]);
    }
    return STATUS_OK;
}

/* Each tensor of a shard is named, and for this shard. */
static enum status check_unnamed(const struct index *index, const struct shards *shards,
                                 struct error *err)
{
    for (size_t f = 0; f < shards->n; f++)
        for (size_t i = 0; i < shards->files[f]->n_tensors; i++) {
            const char *name = shards->files[f]->tensors[i].name;
            if (string_map_get(&index->map, name, strlen(name), -1) != (int64_t)f)
                return fail(err, STATUS_MISMATCH, "%s: it does not name the tensor %.200s of %s",
                            index->place, name, shards->names[f]);
        }
    return STATUS_OK;
}

static enum status open_named(struct shards *out, const struct index *index, const char *directory,
                              const char *folder, struct arena *arena, struct error *err)
{
    for (size_t i = 0; i < index->n_shards; i++) {
        const char *copy = arena_string(arena, index->shards[i]);
        const char *name = copy ? inside(folder, copy, arena) : NULL;
        bool there = exists(directory, name, arena);
        if (arena_failed(arena))
            return no_memory(index->place, err);
        if (!there)
            return fail(err, STATUS_NOT_FOUND, "%s: the shard %s is missing", index->place, name);
        enum status status = add_file(out, directory, name, arena, err);
        if (status)
            return status;
    }
    return STATUS_OK;
}

static enum status open_indexed(struct shards *out, const cJSON *root, const char *directory,
                                const char *folder, const struct format *format,
                                struct arena *arena, struct error *err)
{
    struct arena scratch;
    struct index index = {.place = out->place};
    const char *path = folder[0] ? path_join(arena, directory, folder) : directory;
    if (!path)
        return no_memory(out->place, err);
    arena_init(&scratch);
    string_map_init(&index.map, &scratch);
    enum status status = read_index(&index, root, err);
    if (!status)
        status = check_strangers(&index, format, path, err);
    if (!status)
        status = open_named(out, &index, directory, folder, arena, err);
    if (!status)
        status = check_named(&index, out, err);
    if (!status)
        status = check_unnamed(&index, out, err);
    arena_release(&scratch);
    return status;
}

static enum status open_index(struct shards *out, const char *directory, const char *folder,
                              const struct format *format, struct arena *arena, struct error *err)
{
    const char *name = inside(folder, format->index, arena);
    cJSON *root = NULL;
    out->place = name ? path_join(arena, directory, name) : NULL;
    if (!out->place)
        return no_memory(directory, err);
    enum status status = json_read(&root, out->place, err);
    if (!status)
        status = open_indexed(out, root, directory, folder, format, arena, err);
    cJSON_Delete(root);
    return status;
}

bool shards_exist(const char *directory, const char *folder, struct arena *arena)
{
    for (size_t i = 0; i < N_FORMATS; i++)
        if (exists(directory, inside(folder, formats[i].single, arena), arena) ||
            exists(directory, inside(folder, formats[i].index, arena), arena))
            return true;
    return false;
}

/* Opens what the format has in the folder; *found tells whether it has anything. */
static enum status open_format(struct shards *out, const struct format *format,
                               const char *directory, const char *folder, struct arena *arena,
                               bool *found, struct error *err)
{
    const char *single = inside(folder, format->single, arena);
    *found = exists(directory, single, arena);
    if (*found)
        return shards_open_file(out, directory, single, arena, err);
    *found = exists(directory, inside(folder, format->index, arena), arena);
    return *found ? open_index(out, directory, folder, format, arena, err) : STATUS_OK;
}

enum status shards_open(struct shards *out, const char *directory, const char *folder,
                        struct arena *arena, struct error *err)
{
    enum status status = STATUS_OK;
    bool found = false;
    *out = (struct shards){.n = 0};
    for (size_t i = 0; !found && !status && i < N_FORMATS; i++)
        status = open_format(out, &formats[i], directory, folder, arena, &found, err);
    if (arena_failed(arena))
        status = no_memory(directory, err);
    else if (!status && !found)
        status =
            fail(err, STATUS_NOT_FOUND,
                 "%s%s%s: there are no weights: %s or %s is expected, or either in shards with "
                 "an index",
                 directory, folder[0] ? "/" : "", folder, formats[0].single, formats[1].single);
    if (status)
        shards_close(out);
    return status;
}

/* Names and shapes. */

const struct tensor_view *shards_find(const struct shards *shards, const char *prefix,
                                      const char *name, const struct tensor_file **file)
{
    char full[MAX_NAME];
    if ((size_t)snprintf(full, sizeof full, "%s%s", prefix, name) >= sizeof full)
        return NULL;
    for (size_t i = 0; i < shards->n; i++) {
        const struct tensor_view *tensor = tensor_file_find(shards->files[i], full);
        if (tensor && file)
            *file = shards->files[i];
        if (tensor)
            return tensor;
    }
    return NULL;
}

bool shards_have(const struct shards *shards, const char *prefix, const char *name)
{
    return shards_find(shards, prefix, name, NULL) != NULL;
}

enum status shards_prefix(const struct shards *shards, const char *end, struct arena *arena,
                          const char **prefix, struct error *err)
{
    *prefix = NULL;
    for (size_t f = 0; f < shards->n; f++)
        for (size_t i = 0; i < shards->files[f]->n_tensors; i++) {
            const char *name = shards->files[f]->tensors[i].name;
            size_t length = strlen(name) - (text_ends_with(name, end) ? strlen(end) : 0);
            if (!text_ends_with(name, end) || (length > 0 && name[length - 1] != '.'))
                continue;
            if (*prefix)
                return fail(err, STATUS_MISMATCH, "%s: both %.200s%s and %.200s are there",
                            shards->place, *prefix, end, name);
            *prefix = arena_copy(arena, name, length);
            if (!*prefix)
                return no_memory(shards->place, err);
        }
    return STATUS_OK;
}

enum status shards_dimension(const struct shards *shards, const char *prefix, const char *name,
                             int i, int *size, struct error *err)
{
    const struct tensor_file *file = NULL;
    const struct tensor_view *tensor = shards_find(shards, prefix, name, &file);
    if (!tensor)
        return fail(err, STATUS_NOT_FOUND, "%s: the tensor %s%s is missing", shards->place, prefix,
                    name);
    if (i >= tensor->n_dims || tensor->shape[i] < 1 || tensor->shape[i] > CARD_MAX_IDS)
        return fail(err, STATUS_MISMATCH, "%s: %s%s has an unexpected shape", file->path, prefix,
                    name);
    *size = (int)tensor->shape[i];
    return STATUS_OK;
}

/* The N of a name that is start, then N, then a dot; -1 for other names. */
static int layer_of(const char *name, const char *start)
{
    int number = 0, digits = 0;
    if (!text_starts_with(name, start))
        return -1;
    for (name += strlen(start); *name >= '0' && *name <= '9' && digits < 9; name++, digits++)
        number = number * 10 + (*name - '0');
    return digits > 0 && *name == '.' ? number : -1;
}

enum status shards_layers(const struct shards *shards, const char *prefix, const char *stem, int *n,
                          struct error *err)
{
    bool seen[CARD_MAX_LAYERS] = {false};
    char start[MAX_NAME];
    int last = -1;
    snprintf(start, sizeof start, "%s%s", prefix, stem);
    for (size_t f = 0; f < shards->n; f++)
        for (size_t i = 0; i < shards->files[f]->n_tensors; i++) {
            int layer = layer_of(shards->files[f]->tensors[i].name, start);
            if (layer >= CARD_MAX_LAYERS)
                return fail(err, STATUS_UNSUPPORTED, "%s: %s%d: at most %d layers are read",
                            shards->place, start, layer, CARD_MAX_LAYERS);
            if (layer >= 0)
                seen[layer] = true;
            last = layer > last ? layer : last;
        }
    if (last < 0)
        return fail(err, STATUS_MISMATCH, "%s: there are no layers %s0, %s1, ...", shards->place,
                    start, start);
    for (int layer = 0; layer < last; layer++)
        if (!seen[layer])
            return fail(err, STATUS_MISMATCH, "%s: layer %s%d is missing, %s%d is there",
                        shards->place, start, layer, start, last);
    *n = last + 1;
    return STATUS_OK;
}

static bool holds(const struct tensor_file *file, const char *prefix)
{
    for (size_t i = 0; i < file->n_tensors; i++)
        if (text_starts_with(file->tensors[i].name, prefix))
            return true;
    return false;
}

void shards_assign(const struct shards *shards, const char *prefix, struct card_weights *out)
{
    out->prefix = prefix;
    out->n_files = 0;
    for (size_t i = 0; i < shards->n; i++)
        if (holds(shards->files[i], prefix))
            out->files[out->n_files++] = shards->names[i];
}
