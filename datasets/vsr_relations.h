/* datasets/vsr_relations.h - the meta-category of each spatial relation of VSR. */
#ifndef MAMBENCH_DATASETS_VSR_RELATIONS_H
#define MAMBENCH_DATASETS_VSR_RELATIONS_H

#include <stddef.h>

/* "Projective" for "behind"; NULL for a relation that has none ("congruent").
 * Reference: cambridgeltl/visual-spatial-reasoning@b27a0af
 * analysis_scripts/rel_meta_category_dict.txt; "among" is listed twice there and the script keeps
 * the last. */
const char *vsr_category(const char *relation);

/* Entries of the table, the one that is listed twice counted twice: what the official script prints
 * as "# rel". */
size_t vsr_n_entries(void);

#endif
