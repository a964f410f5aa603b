#include "engine/ops/matmul.h"

#include "engine/base/pages.h"
#include "engine/base/random.h"
#include "engine/ops/onednn.h"
#include "engine/ops/row_product.h"

#include <assert.h>
#include <omp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { WORD_BYTES = sizeof(uint32_t) };

/* One prepared product: a shape, its primitive, and memory objects whose pointers are set anew for
 * every call. */
struct product {
    int rows, n_in, n_out;
    enum matmul_type type;
    bool adds_bias;
    dnnl_primitive_t primitive;
    dnnl_memory_t x, weights, y, bias; /* bias NULL where the library adds none */
    row_product *alone;                /* one row: our own kernel; NULL: the library's */
    int chunk;                         /* inputs that it sums apart */
};

struct matmul {
    const struct ops *ops;
    dnnl_stream_t stream;
    struct product *products;
    size_t n_products, capacity;
    void *rows; /* x, packed densely in the weights' type, padded rows zero */
    size_t rows_bytes;
    float *row_scale; /* of int8 rows */
    int row_scales;
    bool failed;
};

enum status matmul_open(struct matmul **out, const struct ops *ops, struct error *err)
{
    struct matmul *matmul = calloc(1, sizeof *matmul);
    if (!matmul || !onednn_engine() ||
        dnnl_stream_create(&matmul->stream, onednn_engine(), dnnl_stream_default_flags)) {
        free(matmul);
        return fail(err, STATUS_NO_MEMORY, "out of memory while preparing matrix products");
    }
    matmul->ops = ops;
    *out = matmul;
    return STATUS_OK;
}

static void product_release(struct product *product)
{
    dnnl_primitive_destroy(product->primitive);
    dnnl_memory_destroy(product->x);
    dnnl_memory_destroy(product->weights);
    dnnl_memory_destroy(product->y);
    dnnl_memory_destroy(product->bias);
}

void matmul_close(struct matmul *matmul)
{
    if (!matmul)
        return;
    for (size_t i = 0; i < matmul->n_products; i++)
        product_release(&matmul->products[i]);
    dnnl_stream_destroy(matmul->stream);
    free(matmul->products);
    free(matmul->rows);
    free(matmul->row_scale);
    free(matmul);
}

static struct product *find_product(const struct matmul *matmul, const struct linear *linear,
                                    int rows)
{
    for (size_t i = 0; i < matmul->n_products; i++) {
        struct product *p = &matmul->products[i];
        if (p->rows == rows && p->n_in == linear->n_in && p->n_out == linear->n_out &&
            p->type == linear->type && p->adds_bias == onednn_adds_bias(linear))
            return p;
    }
    return NULL;
}

/* Makes the primitive and its memory objects. */
static dnnl_status_t product_create(struct product *product, const struct linear *linear)
{
    dnnl_primitive_desc_t description;
    const struct onednn_shape shape = {.type = product->type,
                                       .rows = product->rows,
                                       .n_in = product->n_in,
                                       .n_out = product->n_out,
                                       .has_bias = product->adds_bias,
                                       .weights = &linear->layout->weights};
    dnnl_status_t result = onednn_describe(&description, &shape);
    if (result != dnnl_success)
        return result;
    dnnl_engine_t engine = onednn_engine();
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
    if (result == dnnl_success && product->adds_bias)
        result = dnnl_memory_create(
            &product->bias, dnnl_primitive_desc_query_md(description, dnnl_query_weights_md, 1),
            engine, DNNL_MEMORY_NONE);
    dnnl_primitive_desc_destroy(description);
    return result;
}

/* Products so small that waking a second thread costs more than it saves: few weights to read, few
 * multiplications to do. */
static bool is_small(const struct product *product)
{
    size_t weights = (size_t)product->n_in * (size_t)product->n_out;
    return weights < 1 << 18 && weights * (size_t)product->rows < 1 << 23;
}

static dnnl_status_t run_library(const struct matmul *matmul, const struct product *product,
                                 const struct linear *linear, void *x, void *y)
{
    dnnl_exec_arg_t args[] = {{DNNL_ARG_SRC, product->x},
                              {DNNL_ARG_WEIGHTS, product->weights},
                              {DNNL_ARG_DST, product->y},
                              {DNNL_ARG_BIAS, product->bias}};
    if (product->adds_bias)
        dnnl_memory_set_data_handle(product->bias, linear->bias);
    dnnl_memory_set_data_handle(product->x, x);
    dnnl_memory_set_data_handle(product->weights, linear->packed);
    dnnl_memory_set_data_handle(product->y, y);
    int threads = omp_get_max_threads();
    bool alone = threads > 1 && is_small(product);
    if (alone)
        omp_set_num_threads(1);
    dnnl_status_t result =
        dnnl_primitive_execute(product->primitive, matmul->stream, 3 + product->adds_bias, args);
    if (result == dnnl_success)
        result = dnnl_stream_wait(matmul->stream);
    if (alone)
        omp_set_num_threads(threads);
    return result;
}

/* Our own kernel for one row, and the bias; threads share out the outputs. */
static void run_alone(const struct matmul *matmul, const struct product *product,
                      const struct linear *linear, const void *x, void *y)
{
    const struct panels *panels = &linear->layout->panels;
    int groups = (linear->n_out + ROW_GROUP - 1) / ROW_GROUP;
    if (is_small(product) || omp_get_max_threads() == 1) {
        /* No region of one thread: libgomp would allocate a team for it. */
        product->alone(y, x, panels, linear->packed, 0, groups, product->chunk);
    } else {
#pragma omp parallel
        {
            long n = omp_get_num_threads(), i = omp_get_thread_num();
            product->alone(y, x, panels, linear->packed, (int)(groups * i / n),
                           (int)(groups * (i + 1) / n), product->chunk);
        }
    }
    if (product->adds_bias)
        matmul->ops->add_row(y, linear->bias, 1, linear->n_out);
}

/* x, packed densely in the weights' type, padded rows zero, with what int8 needs besides; of f32
 * that lies so already, x itself. */
static void *pack_rows(struct matmul *matmul, const struct linear *linear, const float *x,
                       size_t x_stride, int rows, int padded)
{
    const struct ops *ops = matmul->ops;
    size_t row_bytes = (size_t)linear->n_in * onednn_value_bytes(linear->type);
    if (linear->type == MATMUL_F32 && x_stride == (size_t)linear->n_in && rows == padded)
        return (void *)(uintptr_t)x;
    if (linear->type == MATMUL_BF16)
        ops->round_rows(matmul->rows, x, x_stride, rows, linear->n_in);
    else if (linear->type == MATMUL_INT8)
        ops->quantise_rows(matmul->rows, matmul->row_scale, x, x_stride, rows, linear->n_in);
    else
        ops->copy_rows(matmul->rows, (size_t)linear->n_in, x, x_stride, rows, linear->n_in);
    memset((char *)matmul->rows + (size_t)rows * row_bytes, 0,
           (size_t)(padded - rows) * row_bytes + WORD_BYTES);
    return matmul->rows;
}

/* Inputs and both results of a trial. */
struct trial {
    float *x, *want, *got;
};

static bool trial_open(struct trial *trial, const struct linear *linear)
{
    struct random_stream random = {1};
    size_t n_in = (size_t)linear->n_in, n_out = (size_t)linear->n_out;
    trial->x = malloc(n_in * sizeof *trial->x);
    trial->want = malloc(n_out * sizeof *trial->want);
    trial->got = malloc(n_out * sizeof *trial->got);
    for (size_t i = 0; trial->x && i < n_in; i++)
        trial->x[i] = (float)random_uniform(&random) - 0.5F;
    return trial->x && trial->want && trial->got;
}

static void trial_close(struct trial *trial)
{
    free(trial->x);
    free(trial->want);
    free(trial->got);
}

/* Whether the library's results can tell one order of summing from another: most of them are sums,
 * not zero or the bias alone. */
static bool is_telling(const struct linear *linear, const float *want)
{
    size_t n = (size_t)linear->n_out, sums = 0;
    for (size_t i = 0; i < n; i++)
        sums += want[i] != (onednn_adds_bias(linear) ? linear->bias[i] : 0);
    return sums > n / 2;
}

/* Sets product->alone if our kernel, summing chunks of some length apart, gives the library's bits
 * on random inputs. */
static dnnl_status_t try_chunks(struct matmul *matmul, struct product *product,
                                const struct linear *linear, row_product *kernel,
                                struct trial *trial)
{
    static const int chunks[] = {1024, 512, 256, 128, 64, 0};
    size_t n_out = (size_t)linear->n_out;
    void *x = pack_rows(matmul, linear, trial->x, (size_t)linear->n_in, 1, 1);
    dnnl_status_t result = run_library(matmul, product, linear, x, trial->want);
    if (result != dnnl_success || !is_telling(linear, trial->want))
        return result;
    for (const int *chunk = chunks; *chunk; chunk++) {
        product->alone = kernel;
        product->chunk = *chunk;
        run_alone(matmul, product, linear, x, trial->got);
        if (memcmp(trial->got, trial->want, n_out * sizeof *trial->got) == 0)
            return result;
    }
    product->alone = NULL;
    return result;
}

static enum status choose_row_kernel(struct matmul *matmul, struct product *product,
                                     const struct linear *linear, struct error *err)
{
    static row_product *(*const kernels[MATMUL_TYPES])(void) = {
        [MATMUL_F32] = row_product_f32,
        [MATMUL_BF16] = row_product_bf16,
        [MATMUL_INT8] = row_product_int8,
    };
    row_product *kernel = linear->layout->in_panels ? kernels[product->type]() : NULL;
    struct trial trial = {NULL, NULL, NULL};
    dnnl_status_t result = dnnl_success;
    if (kernel)
        result = trial_open(&trial, linear) ? try_chunks(matmul, product, linear, kernel, &trial)
                                            : dnnl_out_of_memory;
    trial_close(&trial);
    return result == dnnl_success ? STATUS_OK : onednn_failed(result, "trying a product", err);
}

/* Room for so many rows of this linear. */
static enum status reserve_rows(struct matmul *matmul, const struct linear *linear, int rows,
                                struct error *err)
{
    size_t bytes = (size_t)rows * (size_t)linear->n_in * onednn_value_bytes(linear->type);
    bytes += WORD_BYTES; /* one row is read in whole words */
    if (bytes > matmul->rows_bytes) {
        void *memory = pages_alloc(bytes);
        if (!memory)
            return fail(err, STATUS_NO_MEMORY, "out of memory for %zu bytes of activations", bytes);
        free(matmul->rows);
        matmul->rows = memory;
        matmul->rows_bytes = bytes;
    }
    if (linear->type == MATMUL_INT8 && rows > matmul->row_scales) {
        float *scales = realloc(matmul->row_scale, (size_t)rows * sizeof *scales);
        if (!scales)
            return fail(err, STATUS_NO_MEMORY, "out of memory for the scales of %d rows", rows);
        matmul->row_scale = scales;
        matmul->row_scales = rows;
    }
    return STATUS_OK;
}

static enum status grow_products(struct matmul *matmul, struct error *err)
{
    if (matmul->n_products < matmul->capacity)
        return STATUS_OK;
    size_t capacity = matmul->capacity ? 2 * matmul->capacity : 32;
    struct product *products = realloc(matmul->products, capacity * sizeof *products);
    if (!products)
        return fail(err, STATUS_NO_MEMORY, "out of memory while preparing matrix products");
    matmul->products = products;
    matmul->capacity = capacity;
    return STATUS_OK;
}

enum status linear_prepare(struct matmul *matmul, const struct linear *linear, int rows,
                           struct error *err)
{
    int padded = ops_padded_rows(rows);
    if (linear->layout->ours || find_product(matmul, linear, padded))
        return STATUS_OK;
    enum status status = reserve_rows(matmul, linear, padded, err);
    if (!status)
        status = grow_products(matmul, err);
    if (status)
        return status;
    struct product product = {.rows = padded,
                              .n_in = linear->n_in,
                              .n_out = linear->n_out,
                              .type = linear->type,
                              .adds_bias = onednn_adds_bias(linear)};
    dnnl_status_t result = product_create(&product, linear);
    if (result != dnnl_success) {
        product_release(&product);
        return onednn_failed(result, "preparing a matrix product", err);
    }
    status = padded == 1 ? choose_row_kernel(matmul, &product, linear, err) : STATUS_OK;
    if (status)
        product_release(&product);
    else
        matmul->products[matmul->n_products++] = product;
    return status;
}

/* The library's product or, of one row, our own kernel. */
static void run_packed(struct matmul *matmul, const struct linear *linear, const float *x,
                       size_t x_stride, float *y, int rows)
{
    int padded = ops_padded_rows(rows);
    const struct product *product = find_product(matmul, linear, padded);
    assert(product);
    void *packed = pack_rows(matmul, linear, x, x_stride, rows, padded);
    if (product->alone)
        run_alone(matmul, product, linear, packed, y);
    else if (run_library(matmul, product, linear, packed, y) != dnnl_success)
        matmul->failed = true; /* the library's own allocation: whoever uses y asks */
    if (linear->type == MATMUL_INT8)
        matmul->ops->scale_sums(y, matmul->row_scale, linear->offset, linear->scale, linear->bias,
                                rows, linear->n_out);
}

void linear_run(struct matmul *matmul, const struct linear *linear, const float *x, size_t x_stride,
                float *y, int rows)
{
    const struct linear_layout *layout = linear->layout;
    if (!layout->ours) {
        run_packed(matmul, linear, x, x_stride, y, rows);
        return;
    }
    matmul->ops->panel_product(y, x, x_stride, &layout->panels, linear->packed, rows);
    if (linear->bias)
        matmul->ops->add_row(y, linear->bias, rows, linear->n_out);
}

bool matmul_failed(const struct matmul *matmul)
{
    return matmul->failed;
}

bool linear_has_row_kernel(const struct matmul *matmul, const struct linear *linear)
{
    const struct product *product = find_product(matmul, linear, 1);
    return linear->layout->ours || (product && product->alone);
}
