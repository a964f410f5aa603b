#include "engine/vision/encoder.h"

#include <string.h>

extern const struct encoder_kind encoder_vit;

const struct encoder_kind *const encoder_kinds[] = {
    &encoder_vit,
    NULL,
};

const struct encoder_kind *encoder_kind_find(const char *name)
{
    for (const struct encoder_kind *const *kind = encoder_kinds; *kind; kind++)
        if (strcmp((*kind)->name, name) == 0)
            return *kind;
    return NULL;
}
