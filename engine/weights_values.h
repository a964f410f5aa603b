/* engine/weights_values.h - a tensor's values in pieces, from a file or from the generator: what
 * weights.c and weights_matrix.c share, not for others. */
#ifndef MAMBENCH_ENGINE_WEIGHTS_VALUES_H
#define MAMBENCH_ENGINE_WEIGHTS_VALUES_H

#include "engine/weights.h"

enum { WEIGHTS_MAX_NAME = 256 };

/* Values of one tensor, from wherever they come, in pieces: from a file, or from the generator. */
struct values {
    enum dtype to; /* F32 or BF16 */
    const struct tensor_file *file;
    const struct tensor_view *tensor; /* NULL: random */
    uint64_t seed;
    float centre, spread;
};

/* Finds the tensor of this name and shape; what follows cannot fail.  Errors: NOT_FOUND, MISMATCH,
 * UNSUPPORTED (not numbers). */
enum status weights_open_values(const struct weights *weights, const char *name, const int *shape,
                                int n_dims, enum dtype to, struct values *out, struct error *err);
/* Values [first, first + n) in row-major order; on any thread. */
void weights_read_range(const struct values *values, size_t first, size_t n, void *out);
/* Drops the file's pages. */
void weights_close_values(const struct values *values);

/* A whole tensor of this name and shape, on all threads. */
enum status weights_read_values(struct weights *weights, const char *name, const int *shape,
                                int n_dims, enum dtype to, void *out, struct error *err);

/* Whether it is there, before memory is taken for it.  Errors: NOT_FOUND, MISMATCH. */
enum status weights_check_shape(const struct weights *weights, const char *name, const int *shape,
                                int n_dims, struct error *err);

/* "q_proj.weight"; of an empty name "weight" itself.  Returns out. */
const char *weights_member(char out[WEIGHTS_MAX_NAME], const char *name, const char *which);

enum status weights_no_memory(const char *name, struct error *err);

#endif
