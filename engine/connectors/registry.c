#include "engine/connectors/connector.h"

#include <string.h>

extern const struct connector_kind connector_linear, connector_gelu_mlp, connector_fused_gelu_mlp,
    connector_fused_ldpnet, connector_ldpnet, connector_ldpnetv2, connector_mamba2_scan;

const struct connector_kind *const connector_kinds[] = {
    &connector_linear, &connector_gelu_mlp, &connector_fused_gelu_mlp, &connector_fused_ldpnet,
    &connector_ldpnet, &connector_ldpnetv2, &connector_mamba2_scan,    NULL,
};

int connector_square(int n)
{
    int side = 0;
    while ((long)side * side < n)
        side++;
    return (long)side * side == n ? side : 0;
}

const struct connector_kind *connector_kind_find(const char *name)
{
    for (const struct connector_kind *const *kind = connector_kinds; *kind; kind++)
        if (strcmp((*kind)->name, name) == 0)
            return *kind;
    return NULL;
}
