#include "eval/model_options.h"

#include <inttypes.h>
#include <limits.h>

const char *const precision_choices[] = {"f32", "bf16", "int8", NULL};
const char *const kernel_choices[] = {"reference", "sse2", "avx2", "avx512", NULL};

enum status option_int(const struct options *options, const char *name, int *out, struct error *err)
{
    uint64_t value = option_count(options, name);
    if (value > INT_MAX)
        return fail(err, STATUS_USAGE, "--%s %" PRIu64 ": the largest is %d", name, value, INT_MAX);
    *out = (int)value;
    return STATUS_OK;
}

enum status option_seed(const struct options *options, uint64_t *out, struct error *err)
{
    const uint64_t largest = (UINT64_C(1) << 53) - 1;
    uint64_t value = option_count(options, "seed");
    if (value > largest)
        return fail(err, STATUS_USAGE, "--seed %" PRIu64 ": the largest is %" PRIu64, value,
                    largest);
    *out = value;
    return STATUS_OK;
}

/* More than any machine has; beyond some ten thousand the OpenMP library itself falls over. */
enum { MAX_THREADS = 1024 };

enum status model_options_read(const struct options *options, struct engine_options *out,
                               struct error *err)
{
    engine_options_init(out);
    enum status status = precision_parse(option_text(options, "precision"), &out->precision, err);
    if (!status)
        status = option_int(options, "threads", &out->threads, err);
    if (!status && out->threads > MAX_THREADS)
        status = fail(err, STATUS_USAGE, "--threads %d: at most %d are possible", out->threads,
                      MAX_THREADS);
    if (!status)
        status = option_seed(options, &out->seed, err);
    out->kernels = option_text(options, "kernels");
    out->random_weights = option_flag(options, "random-weights");
    return status;
}
