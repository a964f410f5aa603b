#include "engine/ops/ops.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

extern const struct ops ops_reference, ops_cpu_sse2, ops_cpu_avx2, ops_cpu_avx512;

const struct ops *const ops_all[] = {
    &ops_reference, &ops_cpu_sse2, &ops_cpu_avx2, &ops_cpu_avx512, NULL,
};

/* The canonical name of a function is the first of its rows. */
static const struct {
    const char *name;
    enum activation activation;
} activations[] = {
    {"gelu_erf", ACTIVATION_GELU_ERF},
    {"gelu_tanh", ACTIVATION_GELU_TANH},
    {"gelu_quick", ACTIVATION_GELU_QUICK},
    {"silu", ACTIVATION_SILU},
    {"relu", ACTIVATION_RELU},
    {"hardsigmoid", ACTIVATION_HARDSIGMOID},
    {"hardswish", ACTIVATION_HARDSWISH},
    {"gelu", ACTIVATION_GELU_ERF},
    {"gelu_pytorch_tanh", ACTIVATION_GELU_TANH},
    {"gelu_new", ACTIVATION_GELU_TANH},
    {"quick_gelu", ACTIVATION_GELU_QUICK},
};
enum { N_ACTIVATIONS = sizeof activations / sizeof activations[0] };

const char *activation_name(enum activation activation)
{
    int i = 0;
    assert(activation < ACTIVATION_N);
    while (activations[i].activation != activation)
        i++;
    return activations[i].name;
}

enum status activation_parse(const char *name, enum activation *out, struct error *err)
{
    char names[256] = "";
    for (int i = 0; i < N_ACTIVATIONS; i++) {
        if (strcmp(activations[i].name, name) == 0) {
            *out = activations[i].activation;
            return STATUS_OK;
        }
        size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s%s", used ? ", " : "", activations[i].name);
    }
    return fail(err, STATUS_UNSUPPORTED, "there is no activation '%s'; there are: %s", name, names);
}

int ops_runs_here(const struct ops *ops)
{
    if (ops == &ops_cpu_avx512)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
    if (ops == &ops_cpu_avx2)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    return 1;
}

enum status ops_find(const struct ops **out, const char *name, struct error *err)
{
    char names[128] = "";
    const struct ops *found = NULL;
    for (const struct ops *const *each = ops_all; *each; each++) {
        size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s%s", used ? ", " : "", (*each)->name);
        if (name ? strcmp((*each)->name, name) == 0 : ops_runs_here(*each))
            found = *each;
    }
    if (!found)
        return fail(err, STATUS_NOT_FOUND, "there are no kernels called '%s'; there are: %s", name,
                    names);
    if (!ops_runs_here(found))
        return fail(err, STATUS_UNSUPPORTED, "this CPU cannot run the %s kernels", found->name);
    *out = found;
    return STATUS_OK;
}
