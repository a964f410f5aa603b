/* tests/golden_weights.h - tensors from a formula, and outputs known by a few of their values:
 * v = off + sc * sin(0.1 + 1.7 i + 0.3 h), h = (sum of the name's bytes) mod 97. */
#ifndef MAMBENCH_TESTS_GOLDEN_WEIGHTS_H
#define MAMBENCH_TESTS_GOLDEN_WEIGHTS_H

#include "tests/check.h"

#include "engine/base/text.h"

#include <math.h>
#include <unistd.h>

static inline int golden_ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

static inline double golden_offset(const char *name)
{
    static const struct {
        const char *end;
        double offset;
    } ends[] = {
        {"norm.weight", 1}, {"norm1.weight", 1},  {"norm2.weight", 1}, {"norm_f.weight", 1},
        {"gamma", 1},       {"dt_proj.bias", -1}, {"dt_bias", -1},     {"dt_bias_b", -1},
        {"A_log", 0.5},     {"A_log_b", 0.5},
    };
    const char *dot = strrchr(name, '.');
    const char *last = dot ? dot + 1 : name;
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
        if (golden_ends_with(name, ends[i].end))
            return ends[i].offset;
    return strcmp(last, "D") == 0 || strcmp(last, "D_b") == 0 ? 1 : 0;
}

/* The tensor called name with its n values; inputs have sc = 1 and off = 0.  Freed by the caller.
 */
static inline float *golden(const char *name, size_t n, int as_input)
{
    unsigned h = 0;
    for (const char *c = name; *c; c++)
        h += (unsigned char)*c;
    h %= 97;
    double off = as_input ? 0 : golden_offset(name), sc = as_input ? 1 : 0.2;
    float *values = malloc(n * sizeof *values);
    assert_non_null(values);
    for (size_t i = 0; i < n; i++)
        values[i] = (float)(off + sc * sin(0.1 + 1.7 * (double)i + 0.3 * h));
    return values;
}

/* What is known of an output. */
struct expectation {
    double first[6], last, sum, sumsq;
};

static inline void assert_output(const char *what, const float *got, size_t n,
                                 const struct expectation *want, double bound)
{
    double sum = 0, sumsq = 0;
    for (size_t i = 0; i < n; i++) {
        sum += got[i];
        sumsq += (double)got[i] * got[i];
    }
    for (int i = 0; i < 6; i++)
        if (!(fabs(got[i] - want->first[i]) <= bound))
            fail_msg("%s: value %d is %.9g, not %.9g", what, i, (double)got[i], want->first[i]);
    if (!(fabs(got[n - 1] - want->last) <= bound))
        fail_msg("%s: the last value is %.9g, not %.9g", what, (double)got[n - 1], want->last);
    if (!(fabs(sum - want->sum) <= bound * (double)n))
        fail_msg("%s: the sum is %.9g, not %.9g", what, sum, want->sum);
    if (!(fabs(sumsq - want->sumsq) <= bound * (double)n))
        fail_msg("%s: the sum of squares is %.9g, not %.9g", what, sumsq, want->sumsq);
}

/* A safetensors file in the making. */
struct golden_file {
    struct text header, data;
    char path[32]; /* once written */
};

static inline void golden_file_init(struct golden_file *file)
{
    text_init(&file->header);
    text_init(&file->data);
    text_add(&file->header, "{");
}

/* Appends prefix + name with the values that name has alone.  shape: "16,3"; n: its product. */
static inline void golden_file_add(struct golden_file *file, const char *prefix, const char *name,
                                   const char *shape, size_t n)
{
    float *values = golden(name, n, 0);
    size_t start = file->data.length;
    text_add_bytes(&file->data, (const char *)values, n * sizeof *values);
    text_addf(&file->header, "%s\"%s%s\":{\"dtype\":\"F32\",\"shape\":[%s],\"data_offsets\":",
              file->header.length > 1 ? "," : "", prefix, name, shape);
    text_addf(&file->header, "[%zu,%zu]}", start, file->data.length);
    free(values);
}

/* Writes a temporary file; the caller removes file->path. */
static inline void golden_file_write(struct golden_file *file)
{
    text_add(&file->header, "}");
    uint64_t length = file->header.length;
    strcpy(file->path, "/tmp/mambench-test-XXXXXX");
    int fd = mkstemp(file->path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, &length, sizeof length), sizeof length);
    assert_int_equal(write(fd, file->header.data, file->header.length), file->header.length);
    assert_int_equal(write(fd, file->data.data, file->data.length), file->data.length);
    close(fd);
    text_release(&file->header);
    text_release(&file->data);
}

#endif
