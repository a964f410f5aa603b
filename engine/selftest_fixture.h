/* engine/selftest_fixture.h - comparing with a reference fixture; what selftest_fixture.c and
 * selftest_compare.c share, not for others. */
#ifndef MAMBENCH_ENGINE_SELFTEST_FIXTURE_H
#define MAMBENCH_ENGINE_SELFTEST_FIXTURE_H

#include "engine/base/json.h"
#include "engine/formats/tensor_file.h"
#include "engine/selftest.h"
#include "engine/session.h"

/* A bf16 engine may lose this many times what the reference loses in bf16. */
#define FIXTURE_BF16_FACTOR 1.5
/* And the logits of an int8 decoder, whose steps are a 127th of a row's largest value and not a
 * 256th of each value: measured 0.9 to 4.2 times, a wrong scale or offset is beyond 20. */
#define FIXTURE_INT8_FACTOR 8.0

/* A check on its way. */
struct fixture {
    const char *directory;
    const cJSON *root;
    struct arena arena;
    struct card card;
    struct engine *engine;
    struct session *session;
    struct tensor_file *tensors; /* reference.safetensors; NULL if there is none */
    bool exact;                  /* f32: tight bounds, equal ids */
    double logit_factor;         /* times the reference's own loss in bf16; not of f32 */
    double logit_bound;          /* max |delta| of logits */
    double row_bound;            /* relative L2 of image rows, bf16 only */
    struct check_report *report;
    struct error *err;
};

/* What values are compared with. */
struct reference {
    const cJSON *summary; /* shape, first8, last8, sum, sumsq; or an array of all values */
    const char *tensor;   /* name in reference.safetensors, or NULL */
};

/* Something that is equal or not; detail (may be NULL) says what differs. */
void fixture_report_equal(struct fixture *f, const char *name, bool ok, const char *detail);

/* A deviation against its bound; a NaN is no deviation that is within one. */
void fixture_report_bound(struct fixture *f, const char *name, double deviation, double bound,
                          const char *detail);

/* "prefix: name" in the fixture's arena; prefix may be empty. */
const char *fixture_label(struct fixture *f, const char *prefix, const char *name);

/* Two strings. */
void fixture_compare_text(struct fixture *f, const char *name, const char *got, const char *want);

/* n token ids against an array of numbers. */
void fixture_compare_ids(struct fixture *f, const char *name, const int *ids, size_t n,
                         const cJSON *want);

/* Sum and sum of squares of n values, in double, against a summary; the bounds times scale. */
void fixture_compare_sums(struct fixture *f, const char *name, const float *got, size_t n,
                          const cJSON *summary, double scale);

/* Largest difference between got [n] and an array of numbers, infinite for a NaN or a longer array;
 * *largest grows to the largest reference value. */
double fixture_array_difference(const float *got, size_t n, const cJSON *want, double *largest);

/* A whole tensor of reference.safetensors in the arena, NULL where there is none; n values. */
enum status fixture_read_reference(struct fixture *f, const char *tensor_name, size_t n,
                                   float **values);

/* Rows [rows, columns] against their summary and, where it is there, the whole tensor. */
enum status fixture_compare_rows(struct fixture *f, const char *name, const float *got, int rows,
                                 int columns, const struct reference *want);

/* Logits [vocabulary] against an array: the largest difference and, in bf16, the root mean square.
 */
void fixture_compare_logits(struct fixture *f, const char *name, const float *got,
                            const cJSON *want);

#endif
