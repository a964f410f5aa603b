#include "engine/models/lm.h"

#include <string.h>

extern const struct lm_family lm_mamba;

const struct lm_family *const lm_families[] = {
    &lm_mamba,
    NULL,
};

const struct lm_family *lm_family_find(const char *name)
{
    for (const struct lm_family *const *family = lm_families; *family; family++)
        if (strcmp((*family)->name, name) == 0)
            return *family;
    return NULL;
}

void lm_embed(const struct lm *lm, const struct compute *compute, const int *ids, int n, float *y)
{
    const struct embedding *table = &lm->embedding;
    if (table->bf16)
        compute->ops->embed_bf16(y, table->bf16, ids, n, lm->width);
    else
        compute->ops->embed_f32(y, table->f32, ids, n, lm->width);
}

void lm_logits(const struct lm *lm, struct compute *compute, const float *x, int rows,
               float *logits)
{
    linear_run(compute->matmul, &lm->embedding.head, x, (size_t)lm->width, logits, rows);
}
