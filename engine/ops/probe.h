/* engine/ops/probe.h - what this machine can do right now: read memory, multiply matrices.
 *
 * Machines are shared and their speed moves, so that a speed is told as a share of what a probe
 * reached in the same run, moments before or after.  Both use all threads that OpenMP is set to. */
#ifndef MAMBENCH_ENGINE_OPS_PROBE_H
#define MAMBENCH_ENGINE_OPS_PROBE_H

#include "engine/base/error.h"
#include "engine/ops/matmul.h"

#include <stddef.h>

/* Reading memory: 512 MiB, far more than a cache holds, on huge pages like the weights. */
struct read_probe {
    unsigned char *memory;
    unsigned sum; /* so that the reading cannot be left out */
};

/* The caller closes it.  Errors: NO_MEMORY. */
enum status read_probe_open(struct read_probe *probe, struct error *err);
void read_probe_close(struct read_probe *probe);
/* Bytes a second, of adding up all of it once. */
double read_probe_run(struct read_probe *probe);

/* The library's bare product of 780 rows, 2560 inputs and 10240 outputs (Mamba-2.8B's in_proj), of
 * random values that are in the weights' type already. */
struct product_probe;

/* The caller closes it.  Errors: NO_MEMORY, UNSUPPORTED. */
enum status product_probe_open(struct product_probe **out, enum matmul_type type,
                               struct error *err);
void product_probe_close(struct product_probe *probe);
/* Operations a second (two a multiplication), of so many products. */
double product_probe_run(const struct product_probe *probe, int repeats);

#endif
