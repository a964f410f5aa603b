#include "datasets/dataset.h"

extern const struct dataset_kind dataset_pope, dataset_vsr;
extern const struct dataset_kind dataset_vqav2, dataset_vizwiz, dataset_textvqa;

const struct dataset_kind *const dataset_kinds[] = {
    &dataset_pope, &dataset_vsr, &dataset_vqav2, &dataset_vizwiz, &dataset_textvqa, NULL,
};
