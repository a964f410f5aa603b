/* engine/selftest_compare.c - values against a fixture's, and how far they may be apart. */
#include "engine/selftest_fixture.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Bounds of an f32 engine, relative to the largest reference value or to the sum of squares. */
static const double feature_bound = 2e-5, sum_bound = 1e-5;

static void report(struct fixture *f, const char *name, double deviation, double bound, bool ok,
                   const char *detail)
{
    struct check_result result = {name, deviation, bound, detail, ok};
    check_add(f->report, &result);
}

void fixture_report_equal(struct fixture *f, const char *name, bool ok, const char *detail)
{
    report(f, name, NAN, NAN, ok, detail);
}

void fixture_report_bound(struct fixture *f, const char *name, double deviation, double bound,
                          const char *detail)
{
    report(f, name, deviation, bound, deviation <= bound, detail);
}

/* "prefix: name" in the fixture's arena; prefix may be empty. */
const char *fixture_label(struct fixture *f, const char *prefix, const char *name)
{
    const char *text = arena_printf(&f->arena, "%s%s%s", prefix, prefix[0] ? ": " : "", name);
    return text ? text : name;
}

void fixture_compare_text(struct fixture *f, const char *name, const char *got, const char *want)
{
    bool ok = strcmp(got, want) == 0;
    char detail[160];
    snprintf(detail, sizeof detail, "got '%.60s', expected '%.60s'", got, want);
    fixture_report_equal(f, name, ok, ok ? NULL : detail);
}

void fixture_compare_ids(struct fixture *f, const char *name, const int *ids, size_t n,
                         const cJSON *want)
{
    size_t i = 0;
    const cJSON *item;
    char detail[96] = "";
    cJSON_ArrayForEach(item, want)
    {
        if (!detail[0] && (i >= n || ids[i] != item->valueint))
            snprintf(detail, sizeof detail, "id %zu is %d, expected %d", i, i < n ? ids[i] : -1,
                     item->valueint);
        i++;
    }
    if (!detail[0] && i != n)
        snprintf(detail, sizeof detail, "%zu ids, expected %zu", n, i);
    fixture_report_equal(f, name, !detail[0], detail[0] ? detail : NULL);
}

/* Sums of got against the summary; each in double. */
void fixture_compare_sums(struct fixture *f, const char *name, const float *got, size_t n,
                          const cJSON *summary, double scale)
{
    double sum = 0, sumsq = 0;
    for (size_t i = 0; i < n; i++) {
        sum += got[i];
        sumsq += (double)got[i] * got[i];
    }
    double want_sum = json_number_or(summary, "sum", NAN);
    double want_sumsq = json_number_or(summary, "sumsq", NAN);
    fixture_report_bound(f, fixture_label(f, name, "sum"), fabs(sum - want_sum),
                         scale * sum_bound * sqrt((double)n * want_sumsq), "|delta|");
    fixture_report_bound(f, fixture_label(f, name, "sumsq"), fabs(sumsq - want_sumsq),
                         scale * sum_bound * want_sumsq, "|delta|");
}

double fixture_array_difference(const float *got, size_t n, const cJSON *want, double *largest)
{
    double difference = 0;
    size_t i = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, want)
    {
        if (i == n)
            return INFINITY;
        double delta = fabs((double)got[i++] - item->valuedouble);
        difference = isnan(delta) ? INFINITY : fmax(difference, delta);
        *largest = fmax(*largest, fabs(item->valuedouble));
    }
    return difference;
}

enum status fixture_read_reference(struct fixture *f, const char *tensor_name, size_t n,
                                   float **values)
{
    *values = NULL;
    const struct tensor_view *tensor =
        f->tensors && tensor_name ? tensor_file_find(f->tensors, tensor_name) : NULL;
    if (!tensor)
        return STATUS_OK;
    if (tensor_elements(tensor) != n)
        return fail(f->err, STATUS_MISMATCH, "%s: %s has %zu values, %zu are expected",
                    f->tensors->path, tensor_name, tensor_elements(tensor), n);
    *values = arena_alloc(&f->arena, n, sizeof **values);
    if (!*values)
        return fail(f->err, STATUS_NO_MEMORY, "out of memory while checking a fixture");
    return tensor_read(f->tensors, tensor, DTYPE_F32, *values, f->err);
}

/* Rows [rows, columns] against their summary and, where it is there, the whole tensor. */
enum status fixture_compare_rows(struct fixture *f, const char *name, const float *got, int rows,
                                 int columns, const struct reference *want)
{
    size_t n = (size_t)rows * (size_t)columns;
    float *all;
    double largest = 0, difference = 0, error = 0, norm = 0;
    enum status status = fixture_read_reference(f, want->tensor, n, &all);
    if (status)
        return status;
    for (size_t i = 0; all && i < n; i++) {
        double delta = (double)got[i] - all[i];
        largest = fmax(largest, fabs((double)all[i]));
        difference = isnan(delta) ? INFINITY : fmax(difference, fabs(delta));
        error += delta * delta;
        norm += (double)all[i] * all[i];
    }
    const cJSON *first = json_find(want->summary, "first8"),
                *last = json_find(want->summary, "last8");
    int tail = cJSON_GetArraySize(last);
    double ends = fixture_array_difference(got, n, first, &largest);
    if ((size_t)tail <= n)
        ends = fmax(ends,
                    fixture_array_difference(got + n - (size_t)tail, (size_t)tail, last, &largest));
    if (f->exact) {
        fixture_report_bound(f, fixture_label(f, name, "max"), fmax(difference, ends),
                             feature_bound * largest,
                             all ? "max |delta|, all values" : "max |delta|, first and last 8");
        fixture_compare_sums(f, name, got, n, want->summary, 1);
    } else if (all) {
        fixture_report_bound(f, fixture_label(f, name, "relative L2"), sqrt(error / norm),
                             f->row_bound, "L2");
    }
    return STATUS_OK;
}

void fixture_compare_logits(struct fixture *f, const char *name, const float *got,
                            const cJSON *want)
{
    double largest = 0, error = 0;
    int n = f->engine->lm->vocabulary, i = 0;
    if (cJSON_GetArraySize(want) != n) {
        fixture_report_equal(f, name, false, "the reference has another number of logits");
        return;
    }
    fixture_report_bound(f, fixture_label(f, name, "max"),
                         fixture_array_difference(got, (size_t)n, want, &largest), f->logit_bound,
                         "max |delta|");
    if (f->exact)
        return;
    const cJSON *bf16 = json_find(json_find(f->root, "tolerance"), "bf16"), *item;
    cJSON_ArrayForEach(item, want)
    {
        double delta = (double)got[i++] - item->valuedouble;
        error += delta * delta;
    }
    fixture_report_bound(f, fixture_label(f, name, "rms"), sqrt(error / n),
                         f->logit_factor * json_number_or(bf16, "logits_rms", 0), "rms");
}
