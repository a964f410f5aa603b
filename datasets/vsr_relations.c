#include "datasets/vsr_relations.h"

#include <string.h>

static const struct {
    const char *category;
    const char *relations[32]; /* up to the first NULL */
} categories[] = {
    {"Adjacency",
     {"adjacent to", "alongside", "at the side of", "at the right side of", "at the left side of",
      "attached to", "at the back of", "ahead of", "against", "at the edge of"}},
    {"Directional",
     {"off", "past", "toward", "down", "deep down", "up", "away from", "along", "around", "from",
      "into", "to", "across", "across from", "through", "down from"}},
    {"Orientation", {"facing", "facing away from", "parallel to", "perpendicular to"}},
    {"Projective",
     {"on top of", "beneath", "beside", "behind", "left of", "right of", "under", "in front of",
      "below", "above", "over", "in the middle of"}},
    {"Proximity", {"by", "close to", "near", "far from", "far away from"}},
    {"Topological",
     {"connected to", "detached from", "has as a part", "part of", "contains", "within", "at", "on",
      "in", "with", "surrounding", "among", "consists of", "out of", "between", "inside", "outside",
      "touching"}},
    {"Unallocated", {"beyond", "next to", "opposite to", "after", "among", "enclosed by"}},
};
enum { N_CATEGORIES = sizeof categories / sizeof categories[0] };

const char *vsr_category(const char *relation)
{
    for (size_t i = N_CATEGORIES; i-- > 0;)
        for (size_t j = 0; categories[i].relations[j]; j++)
            if (strcmp(categories[i].relations[j], relation) == 0)
                return categories[i].category;
    return NULL;
}

size_t vsr_n_entries(void)
{
    size_t n = 0;
    for (size_t i = 0; i < N_CATEGORIES; i++)
        for (size_t j = 0; categories[i].relations[j]; j++)
            n += 1;
    return n;
}
