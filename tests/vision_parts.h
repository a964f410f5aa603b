/* tests/vision_parts.h - towers and connectors opened from files, and their references. */
#ifndef MAMBENCH_TESTS_VISION_PARTS_H
#define MAMBENCH_TESTS_VISION_PARTS_H

#include "tests/check.h"

#include "engine/base/json.h"
#include "engine/ops/compute.h"
#include "engine/weights.h"

#include <math.h>

#define VISION_DATA "tests/data/vision"

/* The files of one part, open. */
struct part {
    struct arena arena;
    struct card_weights where;
    struct weight_files files;
    struct weights weights;
};

/* files: names relative to directory, NULL at the end. */
static inline void part_open(struct part *part, const char *directory, const char *const *files,
                             const char *prefix, enum matmul_type type)
{
    static struct card card;
    struct error err = {""};
    *part = (struct part){.where = {.prefix = prefix}};
    arena_init(&part->arena);
    while (files[part->where.n_files]) {
        part->where.files[part->where.n_files] = files[part->where.n_files];
        part->where.n_files += 1;
    }
    card = (struct card){.directory = directory, .connector = {.weights = part->where}};
    assert_ok(weight_files_open(&part->files, &card, &part->arena, &err), err);
    part->weights = (struct weights){
        .part = &part->where, .files = &part->files, .type = type, .arena = &part->arena};
}

/* The tiny parts of tests/data/vision; prefix: whose. */
static inline void part_open_tiny(struct part *part, const char *prefix, enum matmul_type type)
{
    static const char *const files[] = {"weights.safetensors", NULL};
    part_open(part, VISION_DATA, files, prefix, type);
}

static inline void part_close(struct part *part)
{
    weight_files_close(&part->files);
    arena_release(&part->arena);
}

/* Lets an opening fail and starts over in an empty arena. */
static inline void part_reset(struct part *part)
{
    arena_release(&part->arena);
    arena_init(&part->arena);
    part->weights.parameters = part->weights.packed_bytes = 0;
}

/* A whole tensor as floats; freed by the caller. */
static inline float *read_tensor(const char *path, const char *name, size_t n)
{
    struct tensor_file *file = NULL;
    struct error err = {""};
    assert_ok(tensor_file_open(&file, path, &err), err);
    const struct tensor_view *tensor = tensor_file_find(file, name);
    if (!tensor)
        fail_msg("%s: no tensor %s", path, name);
    assert_int_equal(tensor_elements(tensor), n);
    float *values = malloc(n * sizeof *values);
    assert_non_null(values);
    assert_ok(tensor_read(file, tensor, DTYPE_F32, values, &err), err);
    tensor_file_close(file);
    return values;
}

static inline float *expected_tensor(const char *name, size_t n)
{
    return read_tensor(VISION_DATA "/expected.safetensors", name, n);
}

/* Floats in [-1, 1) from a hash of the index; scripts/golden/make_tiny_vision.py has the same. */
static inline float *noise(size_t n)
{
    float *values = malloc(n * sizeof *values);
    assert_non_null(values);
    for (size_t i = 0; i < n; i++) {
        uint32_t x = (uint32_t)i * 0x9E3779B1u;
        x = (x ^ x >> 15) * 0x85EBCA77u;
        x ^= x >> 13;
        values[i] = (float)(x >> 8) * 0x1p-23f - 1.0f;
    }
    return values;
}

/* The largest difference, in units of the largest value of want. */
static inline double distance(const float *got, const float *want, size_t n)
{
    double largest = 0, apart = 0;
    for (size_t i = 0; i < n; i++) {
        double difference = fabs((double)got[i] - (double)want[i]);
        largest = fmax(largest, fabs((double)want[i]));
        if (!(difference <= apart))
            apart = difference;
    }
    return apart / largest;
}

static inline void assert_close(const char *what, const char *level, const float *got,
                                const float *want, size_t n, double bound)
{
    double apart = distance(got, want, n);
    if (!(apart <= bound))
        fail_msg("%s, %s: %.3g of the largest value apart, %.3g is allowed", what, level, apart,
                 bound);
}

/* A number of parameters that a part's tensors with this prefix have, whose names do not contain
 * `unread` (NULL: all are read). */
static inline size_t count_parameters(const struct part *part, const char *unread)
{
    size_t n = 0;
    for (size_t f = 0; f < part->files.n_files; f++)
        for (size_t i = 0; i < part->files.files[f]->n_tensors; i++) {
            const struct tensor_view *tensor = &part->files.files[f]->tensors[i];
            size_t prefix = strlen(part->where.prefix);
            if (strncmp(tensor->name, part->where.prefix, prefix) == 0 &&
                !(unread && strstr(tensor->name + prefix, unread)))
                n += tensor_elements(tensor);
        }
    return n;
}

/* reference.json of a fixture; the caller deletes it. */
static inline cJSON *read_reference(const char *folder)
{
    char path[4096];
    cJSON *root = NULL;
    struct error err = {""};
    snprintf(path, sizeof path, "%s/reference.json", folder);
    assert_ok(json_read(&root, path, &err), err);
    return root;
}

#endif
