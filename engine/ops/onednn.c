#include "engine/ops/onednn.h"

#include <stdint.h>
#include <stdio.h>

/* Of the product that is described to users. */
enum { LARGE_WIDTH = 1024 };

dnnl_engine_t onednn_engine(void)
{
    static dnnl_engine_t engine;
    if (!engine && dnnl_engine_create(&engine, dnnl_cpu, 0) != dnnl_success)
        engine = NULL;
    return engine;
}

/* The library's types of rows, weights and results. */
static const struct {
    const char *name;
    dnnl_data_type_t x, w, y;
    size_t bytes;
    dnnl_cpu_isa_t isa; /* that does it in hardware; 0: any */
} types[MATMUL_TYPES] = {
    [MATMUL_F32] = {"f32", dnnl_f32, dnnl_f32, dnnl_f32, sizeof(float), (dnnl_cpu_isa_t)0},
    [MATMUL_BF16] = {"bf16", dnnl_bf16, dnnl_bf16, dnnl_f32, sizeof(uint16_t),
                     dnnl_cpu_isa_avx512_core_bf16},
    [MATMUL_INT8] = {"int8", dnnl_u8, dnnl_s8, dnnl_s32, sizeof(int8_t),
                     dnnl_cpu_isa_avx512_core_vnni},
};

dnnl_data_type_t onednn_weight_type(enum matmul_type type)
{
    return types[type].w;
}

size_t onednn_value_bytes(enum matmul_type type)
{
    return types[type].bytes;
}

const char *matmul_type_name(enum matmul_type type)
{
    return types[type].name;
}

bool matmul_has(enum matmul_type type)
{
    dnnl_cpu_isa_t isa = dnnl_get_effective_cpu_isa(), wanted = types[type].isa;
    return (isa & wanted) == wanted;
}

enum status onednn_failed(dnnl_status_t result, const char *what, struct error *err)
{
    if (result == dnnl_out_of_memory)
        return fail(err, STATUS_NO_MEMORY, "out of memory in oneDNN while %s", what);
    return fail(err, STATUS_UNSUPPORTED, "oneDNN cannot do this on this CPU: %s (status %d)", what,
                (int)result);
}

dnnl_status_t onednn_describe(dnnl_primitive_desc_t *out, const struct onednn_shape *shape)
{
    enum matmul_type type = shape->type;
    dnnl_dims_t x_dims = {shape->rows, shape->n_in}, w_dims = {shape->n_in, shape->n_out};
    dnnl_dims_t y_dims = {shape->rows, shape->n_out}, bias_dims = {1, shape->n_out};
    dnnl_memory_desc_t x, w, y, bias;
    dnnl_matmul_desc_t product;
    dnnl_status_t result = dnnl_memory_desc_init_by_tag(&x, 2, x_dims, types[type].x, dnnl_ab);
    if (result == dnnl_success)
        result = dnnl_memory_desc_init_by_tag(&w, 2, w_dims, types[type].w, dnnl_format_tag_any);
    if (result == dnnl_success)
        result = dnnl_memory_desc_init_by_tag(&y, 2, y_dims, types[type].y, dnnl_ab);
    if (result == dnnl_success)
        result = dnnl_memory_desc_init_by_tag(&bias, 2, bias_dims, dnnl_f32, dnnl_ab);
    if (result == dnnl_success)
        result = dnnl_matmul_desc_init(&product, &x, shape->weights ? shape->weights : &w,
                                       shape->has_bias ? &bias : NULL, &y);
    if (result == dnnl_success)
        result = dnnl_primitive_desc_create(out, &product, NULL, onednn_engine(), NULL);
    return result;
}

const char *matmul_describe(enum matmul_type type)
{
    static char texts[MATMUL_TYPES][96];
    const dnnl_version_t *version = dnnl_version();
    const char *implementation = "unavailable";
    dnnl_primitive_desc_t description = NULL;
    const struct onednn_shape large = {
        .type = type, .rows = ONEDNN_LARGE, .n_in = LARGE_WIDTH, .n_out = LARGE_WIDTH};
    if (onednn_engine() && onednn_describe(&description, &large) == dnnl_success)
        dnnl_primitive_desc_query(description, dnnl_query_impl_info_str, 0, &implementation);
    snprintf(texts[type], sizeof texts[type], "oneDNN %d.%d.%d %s", version->major, version->minor,
             version->patch, implementation);
    dnnl_primitive_desc_destroy(description);
    return texts[type];
}
