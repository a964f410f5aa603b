/* tests/mamba2_data.h - the tiny Mamba-2 model and connectors of tests/data/mamba2/
 * (scripts/golden/make_tiny_mamba2.py). */
#ifndef MAMBENCH_TESTS_MAMBA2_DATA_H
#define MAMBENCH_TESTS_MAMBA2_DATA_H

#include "tests/weights_part.h"

#include "engine/ops/ops.h"

#define MAMBA2_DATA "tests/data/mamba2/"

/* The same numbers stand in the script. */
enum {
    WIDTH = 12,
    INNER = 24,
    HEAD_DIM = 6,
    STATE_SIZE = 10,
    TAPS = 4,
    LAYERS = 2,
    VOCABULARY = 24,
    IN_WIDTH = 10,
    HIDDEN = 20,
    BLOCKS = 2,
    LONGEST = 131
};

/* Rows around the borders of chunks that the data has values for. */
static const int lengths[] = {1, 15, 16, 17, 31, 32, 33, 35, 63, 64, 65, 67, LONGEST};
enum { N_LENGTHS = sizeof lengths / sizeof lengths[0] };

/* Fails if a kernel's chunk is one whose borders the data does not meet. */
static inline void assert_borders_are_covered(const struct ops *ops)
{
    int q = ops->ssd_chunk > 1 ? ops->ssd_chunk : 64, borders[] = {q - 1, q, q + 1, 2 * q + 3};
    for (size_t b = 0; b < sizeof borders / sizeof borders[0]; b++) {
        int known = 0;
        for (int i = 0; i < N_LENGTHS; i++)
            known |= lengths[i] == borders[b];
        if (!known)
            fail_msg("%s: no values for %d rows; add chunks of %d to make_tiny_mamba2.py",
                     ops->name, borders[b], q);
    }
}

#endif
