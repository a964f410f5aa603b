#include "datasets/dataset.h"

extern const struct dataset_kind dataset_gqa, dataset_pope, dataset_textvqa, dataset_vizwiz,
    dataset_vqav2, dataset_vsr;

const struct dataset_kind *const dataset_kinds[] = {
    &dataset_gqa, &dataset_pope, &dataset_textvqa, &dataset_vizwiz, &dataset_vqav2,
    &dataset_vsr, NULL,
};
