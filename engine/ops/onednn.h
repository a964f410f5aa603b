/* engine/ops/onednn.h - what matmul*.c share of oneDNN 2.x; not for others. */
#ifndef MAMBENCH_ENGINE_OPS_ONEDNN_H
#define MAMBENCH_ENGINE_OPS_ONEDNN_H

#include "engine/ops/matmul.h"
#include "engine/ops/panels.h"

#include <oneapi/dnnl/dnnl.h>

struct linear_layout {
    dnnl_memory_desc_t weights;
    bool in_panels; /* the weights lie as panels.h says; else as the library wants */
    bool ours;      /* products of any number of rows are ops->panel_product(): f32 where the
                       library's differ with the number of rows */
    struct panels panels;
};

/* Rows of a large product: its wishes decide how weights lie. */
enum { ONEDNN_LARGE = 768 };

/* The process's one CPU engine; NULL if there is none. */
dnnl_engine_t onednn_engine(void);

dnnl_data_type_t onednn_weight_type(enum matmul_type type);

/* Bytes of a weight, which are those of a row's value. */
size_t onednn_value_bytes(enum matmul_type type);

/* A product to describe.  weights NULL lets the library choose their layout. */
struct onednn_shape {
    enum matmul_type type;
    int rows, n_in, n_out;
    bool has_bias; /* [1, n_out] in f32; not of int8 */
    const dnnl_memory_desc_t *weights;
};

dnnl_status_t onednn_describe(dnnl_primitive_desc_t *out, const struct onednn_shape *shape);

/* Whether the library adds the bias: of int8 it is added behind the scales. */
static inline bool onednn_adds_bias(const struct linear *linear)
{
    return linear->bias && linear->type != MATMUL_INT8;
}

/* The sentence for a failure while doing what. */
enum status onednn_failed(dnnl_status_t result, const char *what, struct error *err);

#endif
