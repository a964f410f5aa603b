#include "engine/ops/compute.h"

#include <assert.h>
#include <math.h>
#include <omp.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { ALIGNMENT = 64, ALIGNED_FLOATS = ALIGNMENT / sizeof(float) };

enum status compute_open(struct compute *compute, const struct ops *ops, int threads,
                         struct error *err)
{
    *compute = (struct compute){.ops = ops, .threads = threads};
    return matmul_open(&compute->matmul, ops, err);
}

void compute_close(struct compute *compute)
{
    matmul_close(compute->matmul);
    free(compute->scratch);
    *compute = (struct compute){0};
}

size_t compute_need(int rows, int width)
{
    size_t floats = (size_t)ops_padded_rows(rows) * (size_t)width;
    return (floats + ALIGNED_FLOATS - 1) / ALIGNED_FLOATS * ALIGNED_FLOATS;
}

enum status compute_reserve(struct compute *compute, size_t floats, struct error *err)
{
    assert(compute->taken_floats == 0);
    if (floats <= compute->scratch_floats)
        return STATUS_OK;
    if (floats > SIZE_MAX / sizeof(float) - ALIGNED_FLOATS)
        return fail(err, STATUS_NO_MEMORY, "the activations do not fit in memory");
    size_t rounded = (floats + ALIGNED_FLOATS - 1) / ALIGNED_FLOATS * ALIGNED_FLOATS;
    float *scratch = aligned_alloc(ALIGNMENT, rounded * sizeof *scratch);
    if (!scratch)
        return fail(err, STATUS_NO_MEMORY, "out of memory for %zu bytes of activations",
                    rounded * sizeof *scratch);
    free(compute->scratch);
    compute->scratch = scratch;
    compute->scratch_floats = rounded;
    return STATUS_OK;
}

float *compute_take(struct compute *compute, int rows, int width)
{
    size_t need = compute_need(rows, width);
    assert(need <= compute->scratch_floats - compute->taken_floats);
    float *matrix = compute->scratch + compute->taken_floats;
    compute->taken_floats += need;
    return matrix;
}

void compute_release(struct compute *compute, size_t taken_before)
{
    assert(taken_before <= compute->taken_floats);
    compute->taken_floats = taken_before;
}

void compute_use_threads(const struct compute *compute)
{
    if (omp_get_max_threads() != compute->threads)
        omp_set_num_threads(compute->threads);
}

/* The CPU quota of cgroup v2 in whole CPUs, rounded up; a large number where there is none. */
static int cgroup_threads(void)
{
    FILE *file = fopen("/sys/fs/cgroup/cpu.max", "r");
    double quota = 0, period = 0;
    int n = file ? fscanf(file, "%lf %lf", &quota, &period) : 0;
    if (file)
        fclose(file);
    return n == 2 && quota > 0 && period > 0 ? (int)ceil(quota / period) : 1 << 16;
}

int compute_available_threads(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    int affinity = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    int quota = cgroup_threads();
    int threads = affinity < quota ? affinity : quota;
    return threads > 0 ? threads : 1;
}
