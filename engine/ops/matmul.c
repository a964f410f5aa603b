#include "engine/ops/matmul.h"

#include "engine/base/float16.h"
#include "engine/ops/ops.h"

#include <assert.h>
#include <omp.h>
#include <oneapi/dnnl/dnnl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64, LAYOUT_ROWS = 768 };

struct linear_layout {
    dnnl_memory_desc_t weights;
};

/* One prepared product: a shape, its primitive, and memory objects whose pointers are set anew for
 * every call. */
struct product {
    int rows, n_in, n_out;
    enum matmul_type type;
    dnnl_primitive_t primitive;
    dnnl_memory_t x, weights, y;
};

struct matmul {
    dnnl_stream_t stream;
    struct product *products;
    size_t n_products, capacity;
    void *scratch; /* x, packed densely in the weights' type, padded rows zero */
    size_t scratch_bytes;
    bool failed;
};

/* The process's one CPU engine. */
static dnnl_engine_t cpu_engine(void)
{
    static dnnl_engine_t engine;
    if (!engine && dnnl_engine_create(&engine, dnnl_cpu, 0) != dnnl_success)
        engine = NULL;
    return engine;
}

static dnnl_data_type_t data_type(enum matmul_type type)
{
    return type == MATMUL_BF16 ? dnnl_bf16 : dnnl_f32;
}

static size_t value_bytes(enum matmul_type type)
{
    return type == MATMUL_BF16 ? sizeof(uint16_t) : sizeof(float);
}

static enum status library_failed(dnnl_status_t result, const char *what, struct error *err)
{
    if (result == dnnl_out_of_memory)
        return fail(err, STATUS_NO_MEMORY, "out of memory in oneDNN while %s", what);
    return fail(err, STATUS_UNSUPPORTED, "oneDNN cannot do this on this CPU: %s (status %d)", what,
                (int)result);
}

/* The primitive for a shape; weights NULL lets the library choose their layout. */
static dnnl_status_t describe_product(dnnl_primitive_desc_t *out, enum matmul_type type, int rows,
                                      int n_in, int n_out, const dnnl_memory_desc_t *weights)
{
    dnnl_dims_t x_dims = {rows, n_in}, w_dims = {n_in, n_out}, y_dims = {rows, n_out};
    dnnl_memory_desc_t x, w, y;
    dnnl_matmul_desc_t product;
    dnnl_status_t result = dnnl_memory_desc_init_by_tag(&x, 2, x_dims, data_type(type), dnnl_ab);
    if (result == dnnl_success)
        result = dnnl_memory_desc_init_by_tag(&w, 2, w_dims, data_type(type), dnnl_format_tag_any);
    if (result == dnnl_success)
        result = dnnl_memory_desc_init_by_tag(&y, 2, y_dims, dnnl_f32, dnnl_ab);
    if (result == dnnl_success)
        result = dnnl_matmul_desc_init(&product, &x, weights ? weights : &w, NULL, &y);
    if (result == dnnl_success)
        result = dnnl_primitive_desc_create(out, &product, NULL, cpu_engine(), NULL);
    return result;
}

/* Asks which layout the library wants for the weights of a large product. */
static dnnl_status_t choose_layout(struct linear *linear)
{
    dnnl_primitive_desc_t description;
    dnnl_status_t result = describe_product(&description, linear->type, LAYOUT_ROWS, linear->n_in,
                                            linear->n_out, NULL);
    if (result != dnnl_success)
        return result;
    const dnnl_memory_desc_t *chosen =
        dnnl_primitive_desc_query_md(description, dnnl_query_weights_md, 0);
    linear->layout->weights = *chosen;
    linear->packed_bytes = dnnl_memory_desc_get_size(chosen);
    dnnl_primitive_desc_destroy(description);
    return dnnl_success;
}

/* Copies the plain weights into the chosen layout. */
static dnnl_status_t reorder(struct linear *linear, const void *weights)
{
    dnnl_dims_t dims = {linear->n_in, linear->n_out};
    dnnl_memory_desc_t plain;
    dnnl_engine_t engine = cpu_engine();
    dnnl_memory_t from = NULL, to = NULL;
    dnnl_primitive_desc_t description = NULL;
    dnnl_primitive_t primitive = NULL;
    dnnl_stream_t stream = NULL;
    dnnl_status_t result =
        dnnl_memory_desc_init_by_tag(&plain, 2, dims, data_type(linear->type), dnnl_ba);
    if (result == dnnl_success)
        result = dnnl_memory_create(&from, &plain, engine, (void *)(uintptr_t)weights);
    if (result == dnnl_success)
        result = dnnl_memory_create(&to, &linear->layout->weights, engine, linear->packed);
    if (result == dnnl_success)
        result = dnnl_reorder_primitive_desc_create(&description, &plain, engine,
                                                    &linear->layout->weights, engine, NULL);
    if (result == dnnl_success)
        result = dnnl_primitive_create(&primitive, description);
    if (result == dnnl_success)
        result = dnnl_stream_create(&stream, engine, dnnl_stream_default_flags);
    if (result == dnnl_success) {
        dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
        result = dnnl_primitive_execute(primitive, stream, 2, args);
    }
    if (result == dnnl_success)
        result = dnnl_stream_wait(stream);
    dnnl_stream_destroy(stream);
    dnnl_primitive_destroy(primitive);
    dnnl_primitive_desc_destroy(description);
    dnnl_memory_destroy(from);
    dnnl_memory_destroy(to);
    return result;
}

static size_t round_up(size_t bytes)
{
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static enum status pack_into(struct linear *linear, const void *weights, const float *bias,
                             struct error *err)
{
    size_t bias_bytes = (size_t)linear->n_out * sizeof *bias;
    linear->layout = calloc(1, sizeof *linear->layout);
    if (!linear->layout)
        return fail(err, STATUS_NO_MEMORY, "out of memory for weights");
    if (!cpu_engine())
        return fail(err, STATUS_UNSUPPORTED, "oneDNN has no CPU engine on this machine");
    dnnl_status_t result = choose_layout(linear);
    if (result != dnnl_success)
        return library_failed(result, "choosing a weight layout", err);
    linear->packed = aligned_alloc(ALIGNMENT, round_up(linear->packed_bytes));
    linear->bias = bias ? malloc(bias_bytes) : NULL;
    if (!linear->packed || (bias && !linear->bias))
        return fail(err, STATUS_NO_MEMORY, "out of memory for %zu bytes of weights",
                    linear->packed_bytes);
    if (bias)
        memcpy(linear->bias, bias, bias_bytes);
    result = reorder(linear, weights);
    return result == dnnl_success ? STATUS_OK : library_failed(result, "packing weights", err);
}

enum status linear_pack(struct linear *linear, enum matmul_type type, const void *weights,
                        const float *bias, int n_in, int n_out, struct error *err)
{
    *linear = (struct linear){.n_in = n_in, .n_out = n_out, .type = type};
    enum status status = pack_into(linear, weights, bias, err);
    if (status)
        linear_release(linear);
    return status;
}

void linear_release(struct linear *linear)
{
    free(linear->packed);
    free(linear->bias);
    free(linear->layout);
    *linear = (struct linear){0};
}

enum status matmul_open(struct matmul **out, struct error *err)
{
    struct matmul *matmul = calloc(1, sizeof *matmul);
    if (!matmul || !cpu_engine() ||
        dnnl_stream_create(&matmul->stream, cpu_engine(), dnnl_stream_default_flags)) {
        free(matmul);
        return fail(err, STATUS_NO_MEMORY, "out of memory while preparing matrix products");
    }
    *out = matmul;
    return STATUS_OK;
}

static void product_release(struct product *product)
{
    dnnl_primitive_destroy(product->primitive);
    dnnl_memory_destroy(product->x);
    dnnl_memory_destroy(product->weights);
    dnnl_memory_destroy(product->y);
}

void matmul_close(struct matmul *matmul)
{
    if (!matmul)
        return;
    for (size_t i = 0; i < matmul->n_products; i++)
        product_release(&matmul->products[i]);
    dnnl_stream_destroy(matmul->stream);
    free(matmul->products);
    free(matmul->scratch);
    free(matmul);
}

static struct product *find_product(struct matmul *matmul, const struct linear *linear, int rows)
{
    for (size_t i = 0; i < matmul->n_products; i++) {
        struct product *p = &matmul->products[i];
        if (p->rows == rows && p->n_in == linear->n_in && p->n_out == linear->n_out &&
            p->type == linear->type)
            return p;
    }
    return NULL;
}

/* Makes the primitive and its three memory objects. */
static dnnl_status_t product_create(struct product *product, const struct linear *linear)
{
    dnnl_primitive_desc_t description;
    dnnl_status_t result =
        describe_product(&description, product->type, product->rows, product->n_in, product->n_out,
                         &linear->layout->weights);
    if (result != dnnl_success)
        return result;
    dnnl_engine_t engine = cpu_engine();
    const dnnl_memory_desc_t *x = dnnl_primitive_desc_query_md(description, dnnl_query_src_md, 0);
    const dnnl_memory_desc_t *y = dnnl_primitive_desc_query_md(description, dnnl_query_dst_md, 0);
    result = dnnl_primitive_create(&product->primitive, description);
    if (result == dnnl_success)
        result = dnnl_memory_create(&product->x, x, engine, DNNL_MEMORY_NONE);
    if (result == dnnl_success)
        result = dnnl_memory_create(&product->y, y, engine, DNNL_MEMORY_NONE);
    if (result == dnnl_success)
        result = dnnl_memory_create(&product->weights, &linear->layout->weights, engine,
                                    DNNL_MEMORY_NONE);
    dnnl_primitive_desc_destroy(description);
    return result;
}

static enum status grow_scratch(struct matmul *matmul, size_t bytes, struct error *err)
{
    if (bytes <= matmul->scratch_bytes)
        return STATUS_OK;
    void *scratch = aligned_alloc(ALIGNMENT, round_up(bytes));
    if (!scratch)
        return fail(err, STATUS_NO_MEMORY, "out of memory for %zu bytes of activations", bytes);
    free(matmul->scratch);
    matmul->scratch = scratch;
    matmul->scratch_bytes = bytes;
    return STATUS_OK;
}

enum status linear_prepare(struct matmul *matmul, const struct linear *linear, int rows,
                           struct error *err)
{
    int padded = ops_padded_rows(rows);
    if (find_product(matmul, linear, padded))
        return STATUS_OK;
    enum status status = grow_scratch(
        matmul, (size_t)padded * (size_t)linear->n_in * value_bytes(linear->type), err);
    if (status)
        return status;
    if (matmul->n_products == matmul->capacity) {
        size_t capacity = matmul->capacity ? 2 * matmul->capacity : 32;
        struct product *products = realloc(matmul->products, capacity * sizeof *products);
        if (!products)
            return fail(err, STATUS_NO_MEMORY, "out of memory while preparing matrix products");
        matmul->products = products;
        matmul->capacity = capacity;
    }
    struct product product = {padded, linear->n_in, linear->n_out, linear->type,
                              NULL,   NULL,         NULL,          NULL};
    dnnl_status_t result = product_create(&product, linear);
    if (result != dnnl_success) {
        product_release(&product);
        return library_failed(result, "preparing a matrix product", err);
    }
    matmul->products[matmul->n_products++] = product;
    return STATUS_OK;
}

/* Rows of x into the scratch memory, dense and in the weights' type; padded rows are zero. */
static void copy_rows(struct matmul *matmul, const struct linear *linear, const float *x,
                      size_t x_stride, int rows, int padded)
{
    size_t width = (size_t)linear->n_in, row_bytes = width * value_bytes(linear->type);
    char *to = matmul->scratch;
#pragma omp parallel for if ((size_t)rows * width > 1 << 15)
    for (int r = 0; r < padded; r++) {
        const float *from = x + (size_t)r * x_stride;
        void *row = to + (size_t)r * row_bytes;
        if (r >= rows) {
            memset(row, 0, row_bytes);
        } else if (linear->type == MATMUL_F32) {
            memcpy(row, from, row_bytes);
        } else {
            uint16_t *half = row;
#pragma omp simd
            for (size_t c = 0; c < width; c++)
                half[c] = bf16_from_float(from[c]);
        }
    }
}

/* Products so small that waking a second thread costs more than it saves: few weights to read, few
 * multiplications to do. */
static bool is_small(const struct product *product)
{
    size_t weights = (size_t)product->n_in * (size_t)product->n_out;
    return weights < 1 << 18 && weights * (size_t)product->rows < 1 << 23;
}

static dnnl_status_t execute(struct matmul *matmul, const struct product *product)
{
    dnnl_exec_arg_t args[] = {{DNNL_ARG_SRC, product->x},
                              {DNNL_ARG_WEIGHTS, product->weights},
                              {DNNL_ARG_DST, product->y}};
    int threads = omp_get_max_threads();
    bool alone = threads > 1 && is_small(product);
    if (alone)
        omp_set_num_threads(1);
    dnnl_status_t result = dnnl_primitive_execute(product->primitive, matmul->stream, 3, args);
    if (result == dnnl_success)
        result = dnnl_stream_wait(matmul->stream);
    if (alone)
        omp_set_num_threads(threads);
    return result;
}

void linear_run(struct matmul *matmul, const struct linear *linear, const float *x, size_t x_stride,
                float *y, int rows)
{
    int padded = ops_padded_rows(rows);
    struct product *product = find_product(matmul, linear, padded);
    assert(product);
    copy_rows(matmul, linear, x, x_stride, rows, padded);
    dnnl_memory_set_data_handle(product->x, matmul->scratch);
    dnnl_memory_set_data_handle(product->weights, linear->packed);
    dnnl_memory_set_data_handle(product->y, y);
    dnnl_status_t result = execute(matmul, product);
    /* The only failure left is the library's own allocation: whoever uses y asks matmul_failed().
     */
    matmul->failed = matmul->failed || result != dnnl_success;
    if (!linear->bias)
        return;
#pragma omp parallel for if ((long)rows * linear->n_out > 1 << 15)
    for (int r = 0; r < rows; r++) {
        float *row = y + (size_t)r * (size_t)linear->n_out;
        for (int c = 0; c < linear->n_out; c++)
            row[c] += linear->bias[c];
    }
}

bool matmul_failed(const struct matmul *matmul)
{
    return matmul->failed;
}

bool matmul_has_bf16(void)
{
    dnnl_cpu_isa_t isa = dnnl_get_effective_cpu_isa();
    return (isa & dnnl_cpu_isa_avx512_core_bf16) == dnnl_cpu_isa_avx512_core_bf16;
}

const char *matmul_describe(enum matmul_type type)
{
    static char texts[2][96];
    char *text = texts[type == MATMUL_BF16];
    const dnnl_version_t *version = dnnl_version();
    const char *implementation = "unavailable";
    dnnl_primitive_desc_t description = NULL;
    if (cpu_engine() &&
        describe_product(&description, type, LAYOUT_ROWS, 1024, 1024, NULL) == dnnl_success)
        dnnl_primitive_desc_query(description, dnnl_query_impl_info_str, 0, &implementation);
    snprintf(text, sizeof texts[0], "oneDNN %d.%d.%d %s", version->major, version->minor,
             version->patch, implementation);
    dnnl_primitive_desc_destroy(description);
    return text;
}
