#include "engine/models/lm.h"

extern const struct lm_family lm_mamba, lm_mamba2, lm_llama, lm_phi;

const struct lm_family *const lm_families[] = {
    &lm_mamba, &lm_mamba2, &lm_llama, &lm_phi, NULL,
};
