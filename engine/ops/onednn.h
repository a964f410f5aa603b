/* engine/ops/onednn.h - what matmul*.c share of oneDNN 2.x; not for others. */
#ifndef MAMBENCH_ENGINE_OPS_ONEDNN_H
#define MAMBENCH_ENGINE_OPS_ONEDNN_H

#include "engine/ops/matmul.h"
#include "engine/ops/panels.h"

#include <oneapi/dnnl/dnnl.h>

struct linear_layout {
    dnnl_memory_desc_t weights;
    bool in_panels; /* the library's layout is panels.h's */
    struct panels panels;
};

/* The process's one CPU engine; NULL if there is none. */
dnnl_engine_t onednn_engine(void);

dnnl_data_type_t onednn_weight_type(enum matmul_type type);

/* Bytes of a weight, which are those of a row's value. */
size_t onednn_value_bytes(enum matmul_type type);

/* The primitive for a shape; weights NULL lets the library choose their layout. */
dnnl_status_t onednn_describe(dnnl_primitive_desc_t *out, enum matmul_type type, int rows, int n_in,
                              int n_out, const dnnl_memory_desc_t *weights);

/* The sentence for a failure while doing what. */
enum status onednn_failed(dnnl_status_t result, const char *what, struct error *err);

#endif
