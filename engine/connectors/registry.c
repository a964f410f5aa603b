#include "engine/connectors/connector.h"

#include <string.h>

extern const struct connector_kind connector_linear, connector_gelu_mlp, connector_fused_gelu_mlp,
    connector_fused_ldpnet;

const struct connector_kind *const connector_kinds[] = {
    &connector_linear,
    &connector_gelu_mlp,
    &connector_fused_gelu_mlp,
    &connector_fused_ldpnet,
    NULL,
};

const struct connector_kind *connector_kind_find(const char *name)
{
    for (const struct connector_kind *const *kind = connector_kinds; *kind; kind++)
        if (strcmp((*kind)->name, name) == 0)
            return *kind;
    return NULL;
}
