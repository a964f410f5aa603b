/* tests/releases.h - tiny releases in the official layouts, written by a test that may damage them.
 *
 * The tensors are zeros: what counts is names, shapes, files and configs.  Weight files are
 * safetensors whatever they are called: readers go by content. */
#ifndef MAMBENCH_TESTS_RELEASES_H
#define MAMBENCH_TESTS_RELEASES_H

#include "tests/model_copy.h"

#include "engine/base/json.h"
#include "engine/formats/tensor_file.h"

enum { RELEASE_MAX_TENSORS = 256, RELEASE_MAX_PARTS = 6, RELEASE_MAX_FILES = 8 };

/* '#' in a name stands for the number of a layer. */
struct pattern {
    const char *name;
    int shape[4]; /* up to the first 0 */
};

/* Tensors behind one prefix, in one weight file. */
struct release_part {
    const char *prefix;
    const struct pattern *patterns; /* NULL name ends */
    int layers;
    const char *file;
};

struct release_file {
    const char *name;
    const char *text;   /* NULL: a copy of */
    const char *source; /* this file */
};

struct release_spec {
    const char *name; /* of the directory too */
    struct release_part parts[RELEASE_MAX_PARTS];
    struct release_file files[RELEASE_MAX_FILES];
};

struct release_tensor {
    const char *name, *file;
    int shape[4];
    const char *index_file; /* where the index says it is; NULL: not in the index */
};

/* A release in memory, and where it is written. */
struct release {
    struct model_copy copy;
    const struct release_spec *spec;
    struct release_tensor tensors[RELEASE_MAX_TENSORS];
    size_t n;
};

static inline void release_add(struct release *r, const struct release_part *part,
                               const struct pattern *pattern, int layer)
{
    struct release_tensor *tensor = &r->tensors[r->n++];
    const char *mark = strchr(pattern->name, '#');
    assert_true(r->n <= RELEASE_MAX_TENSORS);
    tensor->name = mark ? arena_printf(&r->copy.arena, "%s%.*s%d%s", part->prefix,
                                       (int)(mark - pattern->name), pattern->name, layer, mark + 1)
                        : arena_printf(&r->copy.arena, "%s%s", part->prefix, pattern->name);
    tensor->file = tensor->index_file = part->file;
    memcpy(tensor->shape, pattern->shape, sizeof tensor->shape);
}

/* Takes a directory and lists the tensors; nothing is written yet. */
static inline void release_make(struct release *r, const struct release_spec *spec)
{
    *r = (struct release){.spec = spec};
    arena_init(&r->copy.arena);
    strcpy(r->copy.path, "/tmp/mambench-release-XXXXXX");
    assert_non_null(mkdtemp(r->copy.path));
    for (const struct release_part *part = spec->parts; part->patterns; part++)
        for (const struct pattern *pattern = part->patterns; pattern->name; pattern++)
            for (int i = 0; i < (strchr(pattern->name, '#') ? part->layers : 1); i++)
                release_add(r, part, pattern, i);
}

static inline struct release_tensor *release_tensor(struct release *r, const char *name)
{
    for (size_t i = 0; i < r->n; i++)
        if (strcmp(r->tensors[i].name, name) == 0)
            return &r->tensors[i];
    fail_msg("%s has no tensor %s", r->spec->name, name);
    return NULL;
}

static inline size_t release_bytes(const struct release_tensor *tensor)
{
    size_t bytes = sizeof(float);
    for (int i = 0; i < 4 && tensor->shape[i]; i++)
        bytes *= (size_t)tensor->shape[i];
    return bytes;
}

/* Written without file_write(), which syncs every time. */
static inline void release_put(struct release *r, const char *name, const char *data, size_t size)
{
    struct error err = {""};
    const char *path = model_copy_path(&r->copy, name);
    assert_ok(directory_create(path_directory(&r->copy.arena, path), &err), err);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static inline void release_write_weights(struct release *r, const char *name)
{
    struct text header, data;
    size_t offset = 0;
    text_init(&header);
    text_init(&data);
    for (size_t i = 0; i < r->n; i++) {
        const struct release_tensor *tensor = &r->tensors[i];
        if (!tensor->file || strcmp(tensor->file, name) != 0)
            continue;
        text_add(&header, header.length ? ", " : "{");
        json_add_string(&header, tensor->name);
        text_add(&header, ": {\"dtype\": \"F32\", \"shape\": [");
        for (int k = 0; k < 4 && tensor->shape[k]; k++)
            text_addf(&header, "%s%d", k ? ", " : "", tensor->shape[k]);
        text_addf(&header, "], \"data_offsets\": [%zu, %zu]}", offset,
                  offset + release_bytes(tensor));
        offset += release_bytes(tensor);
    }
    text_add(&header, "}");
    for (int i = 0; i < 8; i++)
        text_add_char(&data, (char)(unsigned char)(header.length >> 8 * i));
    text_add_bytes(&data, header.data, header.length);
    char *zeros = calloc(offset + 1, 1);
    assert_non_null(zeros);
    text_add_bytes(&data, zeros, offset);
    assert_false(header.failed || data.failed);
    release_put(r, name, data.data, data.length);
    free(zeros);
    text_release(&header);
    text_release(&data);
}

/* The index that belongs to a shard, or NULL where the file is whole. */
static inline const char *release_index_of(const char *file)
{
    if (!strstr(file, "-of-"))
        return NULL;
    return strstr(file, ".bin") ? "pytorch_model.bin.index.json" : "model.safetensors.index.json";
}

static inline void release_write_index(struct release *r)
{
    const char *name = NULL;
    struct text text;
    text_init(&text);
    for (size_t i = 0; i < r->n; i++) {
        const struct release_tensor *tensor = &r->tensors[i];
        if (!tensor->index_file || !release_index_of(tensor->index_file))
            continue;
        name = release_index_of(tensor->index_file);
        text_add(&text, text.length ? ",\n  " : "{\"metadata\": {}, \"weight_map\": {\n  ");
        json_add_string(&text, tensor->name);
        text_add(&text, ": ");
        json_add_string(&text, tensor->index_file);
    }
    text_add(&text, "}}\n");
    assert_false(text.failed);
    if (name)
        release_put(r, name, text.data, text.length);
    text_release(&text);
}

static inline void release_write(struct release *r)
{
    for (size_t i = 0; i < r->n; i++) {
        bool first = r->tensors[i].file != NULL;
        for (size_t k = 0; first && k < i; k++)
            first = !r->tensors[k].file || strcmp(r->tensors[k].file, r->tensors[i].file) != 0;
        if (first)
            release_write_weights(r, r->tensors[i].file);
    }
    release_write_index(r);
    for (const struct release_file *file = r->spec->files; file->name; file++) {
        char *data = NULL;
        size_t size = file->text ? strlen(file->text) : 0;
        struct error err = {""};
        if (!file->text)
            assert_ok(file_read(file->source, &r->copy.arena, &data, &size, &err), err);
        release_put(r, file->name, file->text ? file->text : data, size);
    }
}

static inline void release_remove(struct release *r)
{
    model_copy_remove(&r->copy);
}

#endif
