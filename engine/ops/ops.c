#include "engine/ops/ops.h"

#include <stdio.h>
#include <string.h>

extern const struct ops ops_reference, ops_cpu_x86_64, ops_cpu_avx2, ops_cpu_avx512;

const struct ops *const ops_all[] = {
    &ops_reference, &ops_cpu_x86_64, &ops_cpu_avx2, &ops_cpu_avx512, NULL,
};

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
