/* engine/ops/compute.h - what a computation runs with: operations, products, scratch memory.
 *
 * One per session, so that loaded models stay read-only.  Scratch memory is reserved before a run
 * and handed out as a stack, so that nothing is allocated while rows are computed. */
#ifndef MAMBENCH_ENGINE_OPS_COMPUTE_H
#define MAMBENCH_ENGINE_OPS_COMPUTE_H

#include "engine/base/error.h"
#include "engine/ops/matmul.h"
#include "engine/ops/ops.h"

#include <stddef.h>

struct compute {
    const struct ops *ops;
    struct matmul *matmul;
    int threads;
    float *scratch;
    size_t scratch_floats, taken_floats;
};

/* The caller closes it with compute_close().  Errors: NO_MEMORY. */
enum status compute_open(struct compute *compute, const struct ops *ops, int threads,
                         struct error *err);
void compute_close(struct compute *compute);

/* Floats that compute_take(rows, width) uses: padding of rows and alignment included. */
size_t compute_need(int rows, int width);

/* Makes room for so many floats in all; only while nothing is taken. */
enum status compute_reserve(struct compute *compute, size_t floats, struct error *err);

/* A scratch matrix [ops_padded_rows(rows), width], contents undefined; it must have been reserved.
 * It is given back by compute_release() with the value that taken_floats had before. */
float *compute_take(struct compute *compute, int rows, int width);
void compute_release(struct compute *compute, size_t taken_before);

/* Sets the number of threads that the next operations use, for this process. */
void compute_use_threads(const struct compute *compute);

/* Threads that this process may use: its CPU affinity, and no more than a cgroup allows. */
int compute_available_threads(void);

#endif
