/* datasets/vizwiz.h - what only VizWiz tells of a question. */
#ifndef MAMBENCH_DATASETS_VIZWIZ_H
#define MAMBENCH_DATASETS_VIZWIZ_H

#include <stdbool.h>

/* sample.facts of VizWiz; NULL where the split's answers are not public. */
struct vizwiz_facts {
    bool is_answerable;
};

#endif
