/* engine/weights.h - a part's tensors by name, with an exact shape, or a clear error.
 *
 * The tensors come from the files of a model directory or, for `--random-weights`, from a seeded
 * generator, so that every model opens through the same code. */
#ifndef MAMBENCH_ENGINE_WEIGHTS_H
#define MAMBENCH_ENGINE_WEIGHTS_H

#include "engine/base/arena.h"
#include "engine/base/error.h"
#include "engine/card.h"
#include "engine/formats/tensor_file.h"
#include "engine/ops/matmul.h"

#include <stdbool.h>
#include <stdint.h>

enum { WEIGHTS_MAX_FILES = CARD_MAX_FILES };

/* The open files of a model; several parts may share one file. */
struct weight_files {
    struct tensor_file *files[WEIGHTS_MAX_FILES];
    const char *names[WEIGHTS_MAX_FILES];
    size_t n_files;
};

struct weights {
    const struct card_weights *part; /* which files, which prefix */
    struct weight_files *files;      /* NULL: random */
    uint64_t seed;
    bool counting;         /* nothing is read or packed: names bind, parameters are counted */
    enum matmul_type type; /* of matrices; vectors are always float */
    char scope[64];        /* stands between the prefix and every name */
    struct arena *arena;   /* keeps vectors and position tables */
    size_t parameters;     /* counted as they are bound */
    size_t packed_bytes;
    size_t table_bytes; /* of those, embedding tables: a token reads one row */
};

/* Opens every file of the card's parts.  Errors: those of tensor_file_open(). */
enum status weight_files_open(struct weight_files *files, const struct card *card,
                              struct arena *arena, struct error *err);
void weight_files_close(struct weight_files *files);

/* Sets the scope for the names that follow, "backbone.layers.7." for instance; "" leaves it. */
void weights_enter(struct weights *weights, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Whether the part has a tensor called prefix + scope + name; random weights have every tensor. */
bool weights_have(const struct weights *weights, const char *name);

/* MISMATCH, naming the file, if the part has a tensor called prefix + scope + name after all: what
 * a model has and the card leaves out would change its answers silently. */
enum status weights_absent(const struct weights *weights, const char *name, struct error *err);

/* Reads prefix + scope + name into new memory of the arena.  Its shape must be the given one,
 * dimensions of size one left out of both.  Counted as parameters.  Errors: NOT_FOUND, MISMATCH
 * (both shapes are named), NO_MEMORY. */
enum status weights_floats(struct weights *weights, const char *name, const int *shape, int n_dims,
                           float **out, struct error *err);

/* The same of a matrix [rows, columns], transposed: [columns, rows].  What the file has behind the
 * first dimension counts as columns (a depthwise convolution's [channels, 1, 3, 3]). */
enum status weights_transposed(struct weights *weights, const char *name, int rows, int columns,
                               float **out, struct error *err);

/* A vector of n floats. */
enum status weights_vector(struct weights *weights, const char *name, int n, float **out,
                           struct error *err);

/* A layer norm's [width] vectors: name + ".weight" and name + ".bias". */
struct norm {
    const float *weight, *bias;
};
enum status weights_norm(struct weights *weights, const char *name, int width, struct norm *out,
                         struct error *err);

/* Packs prefix + scope + name + ".weight" [n_out, n_in] and, if has_bias, ".bias" [n_out]; an empty
 * name stands for "weight" and "bias" themselves.  The weight may have more dimensions with the
 * same product behind the first (a convolution's [n_out, 3, 14, 14]).  The caller releases *out
 * with linear_release(). */
enum status weights_linear(struct weights *weights, const char *name, int n_out, int n_in,
                           bool has_bias, struct linear *out, struct error *err);

/* A matrix whose rows come from several tensors of a file, names[0]'s first: q, k and v as one
 * product.  n_out: rows of each. */
enum status weights_linear_joined(struct weights *weights, const char *const *names,
                                  const int *n_out, int n_names, int n_in, bool has_bias,
                                  struct linear *out, struct error *err);

/* A matrix whose row r is row order[r] of the file's; order: [n_out]. */
enum status weights_linear_reordered(struct weights *weights, const char *name, const int *order,
                                     int n_out, int n_in, bool has_bias, struct linear *out,
                                     struct error *err);

/* An embedding table; one of the two pointers is set, none where weights are counted. */
struct embedding {
    int rows, width;
    float *f32; /* [rows, width] */
    unsigned short *bf16;
};

/* Reads a table.  The caller releases it. */
enum status weights_embedding(struct weights *weights, const char *name, int rows, int width,
                              struct embedding *out, struct error *err);

/* Reads a table and packs it as the head that is tied to it; counted once.  Where the file holds
 * both names, head_name wins, as when the reference loads them. */
enum status weights_tied_embedding(struct weights *weights, const char *name, const char *head_name,
                                   int rows, int width, struct embedding *out, struct linear *head,
                                   struct error *err);
void embedding_release(struct embedding *embedding);

#endif
