/* tests/weights_part.h - a part's weights opened for a test, expected tensors and their bounds. */
#ifndef MAMBENCH_TESTS_WEIGHTS_PART_H
#define MAMBENCH_TESTS_WEIGHTS_PART_H

#include "tests/check.h"

#include "engine/base/file.h"
#include "engine/weights.h"

#include <math.h>
#include <unistd.h>

/* The files of one part, or none for random weights. */
struct part {
    struct card_weights card;
    struct weight_files files;
    struct arena arena;
    struct weights weights;
};

static inline void part_close(struct part *part)
{
    weight_files_close(&part->files);
    arena_release(&part->arena);
}

/* paths: NULL-terminated.  To be closed after a failure too. */
static inline enum status part_open(struct part *part, const char *const *paths, const char *prefix,
                                    enum matmul_type type, struct error *err)
{
    *part = (struct part){.card.prefix = prefix};
    arena_init(&part->arena);
    enum status status = STATUS_OK;
    for (size_t i = 0; !status && paths[i]; i++) {
        status = tensor_file_open(&part->files.files[i], paths[i], err);
        part->card.files[part->card.n_files++] = paths[i];
        part->files.names[i] = paths[i];
        part->files.n_files += !status;
    }
    part->weights = (struct weights){.part = &part->card,
                                     .files = paths[0] ? &part->files : NULL,
                                     .type = type,
                                     .arena = &part->arena,
                                     .seed = 7};
    return status;
}

/* A tensor of an open file as floats; freed by the caller. */
static inline float *tensor_floats(const struct tensor_file *file, const char *name, size_t n)
{
    struct error err = {""};
    const struct tensor_view *view = tensor_file_find(file, name);
    if (!view || tensor_elements(view) != n)
        fail_msg("%s: no tensor %s of %zu values", file->path, name, n);
    float *values = malloc(n * sizeof *values);
    assert_non_null(values);
    assert_ok(tensor_read(file, view, DTYPE_F32, values, &err), err);
    return values;
}

/* The data's tensor "<base>.<n>". */
static inline float *expected_floats(const struct tensor_file *file, const char *base, int n,
                                     size_t values)
{
    char name[96];
    snprintf(name, sizeof name, "%s.%d", base, n);
    return tensor_floats(file, name, values);
}

static inline struct tensor_file *open_expected(const char *path)
{
    struct error err = {""};
    struct tensor_file *file = NULL;
    assert_ok(tensor_file_open(&file, path, &err), err);
    return file;
}

/* Largest difference, of the largest wanted value. */
static inline void assert_near(const char *what, const float *got, const float *want, size_t n,
                               double bound)
{
    double largest = 0, difference = 0;
    size_t worst = 0;
    for (size_t i = 0; i < n; i++) {
        double d = fabs((double)got[i] - want[i]);
        largest = fmax(largest, fabs(want[i]));
        if (!(d <= difference)) /* a NaN is the worst of all */
            difference = isnan(d) ? INFINITY : d, worst = i;
    }
    if (!(difference <= bound * largest))
        fail_msg("%s: value %zu is %.9g, not %.9g: off by %.3g of the largest", what, worst,
                 (double)got[worst], (double)want[worst], difference / largest);
}

/* The differences' length, of the wanted values' length. */
static inline void assert_close_on_the_whole(const char *what, const float *got, const float *want,
                                             size_t n, double bound)
{
    double sum = 0, differences = 0;
    for (size_t i = 0; i < n; i++) {
        sum += (double)want[i] * want[i];
        differences += ((double)got[i] - want[i]) * ((double)got[i] - want[i]);
    }
    if (!(sqrt(differences) <= bound * sqrt(sum)))
        fail_msg("%s: off by %.3g of the whole", what, sqrt(differences / sum));
}

/* A copy of a file in which every tensor of this name has another; the caller removes it. */
static inline void write_without(const char *source, const char *name, char path[32])
{
    struct error err = {""};
    struct arena arena;
    char *data, quoted[128];
    size_t size;
    arena_init(&arena);
    assert_ok(file_read(source, &arena, &data, &size, &err), err);
    int n = snprintf(quoted, sizeof quoted, "\"%s\"", name);
    char *at = memmem(data, size, quoted, (size_t)n);
    assert_non_null(at);
    at[n - 2] = '#';
    strcpy(path, "/tmp/mambench-test-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, size), size);
    close(fd);
    arena_release(&arena);
}

#endif
