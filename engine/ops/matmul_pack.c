/* engine/ops/matmul_pack.c - plain weights into the layout that the library wants for large
 * products.
 *
 * Where that layout is panels.h's, each thread reads the rows of a panel into memory of its own and
 * turns them; elsewhere the library's reorder does it from a plain copy of this one matrix.  In f32
 * without AVX-512 the library's results depend on the number of rows (gemm:jit), so that weights
 * lie in panels for our own product. */
#include "engine/base/float16.h"
#include "engine/base/pages.h"
#include "engine/ops/onednn.h"

#include <float.h>
#include <math.h>
#include <omp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64 };

/* Whether blocks of the library's layout are panels: 16 words' inputs, 64 outputs, the inputs of a
 * word side by side. */
static bool lies_in_panels(const dnnl_memory_desc_t *md, enum matmul_type type,
                           struct panels *panels)
{
    const dnnl_blocking_desc_t *b = &md->format_desc.blocking;
    int per_word = (int)(sizeof(uint32_t) / onednn_value_bytes(type));
    dnnl_dim_t block = 16 * PANEL_OUTPUTS * per_word;
    bool blocks = md->format_kind == dnnl_blocked && md->extra.flags == 0 && md->offset0 == 0 &&
                  b->inner_nblks == (per_word > 1 ? 3 : 2) && b->inner_idxs[0] == 0 &&
                  b->inner_blks[0] == 16 && b->inner_idxs[1] == 1 &&
                  b->inner_blks[1] == PANEL_OUTPUTS &&
                  (per_word == 1 || (b->inner_idxs[2] == 0 && b->inner_blks[2] == per_word));
    panels->padded_words = (int)(md->padded_dims[0] / per_word);
    panels->word_values = per_word;
    return blocks && b->strides[0] == block &&
           b->strides[1] == md->padded_dims[0] / (16 * per_word) * block;
}

/* Asks which layout the library wants for the weights of a large product. */
static dnnl_status_t choose_layout(struct linear *linear)
{
    struct linear_layout *layout = linear->layout;
    dnnl_primitive_desc_t description;
    const struct onednn_shape large = {.type = linear->type,
                                       .rows = ONEDNN_LARGE,
                                       .n_in = linear->n_in,
                                       .n_out = linear->n_out,
                                       .has_bias = onednn_adds_bias(linear)};
    dnnl_status_t result = onednn_describe(&description, &large);
    if (result != dnnl_success)
        return result;
    layout->weights = *dnnl_primitive_desc_query_md(description, dnnl_query_weights_md, 0);
    layout->panels = (struct panels){.n_in = linear->n_in, .n_out = linear->n_out};
    layout->in_panels = lies_in_panels(&layout->weights, linear->type, &layout->panels);
    layout->ours = !layout->in_panels && linear->type == MATMUL_F32;
    if (layout->ours) {
        layout->in_panels = true;
        layout->panels.padded_words = linear->n_in;
    }
    linear->packed_bytes = layout->in_panels ? panels_bytes(&layout->panels)
                                             : dnnl_memory_desc_get_size(&layout->weights);
    dnnl_primitive_desc_destroy(description);
    return dnnl_success;
}

/* The nearest integer of a magnitude up to 127: adding 1.5 * 2^23 rounds to it, ties to even, and
 * leaves it in the low bits. */
static inline int8_t nearest(float value)
{
    return (int8_t)bits_from_float(value + 12582912.0F);
}

/* A row of floats to int8; to may begin where from does.  A row with a NaN or an infinity gets a
 * NaN as its scale, so that what it gives is no number either. */
static void quantise_row(int8_t *to, const float *from, size_t width, float *scale, int *sum)
{
    float largest = 0;
    int strange = 0, total = 0;
#pragma omp simd reduction(max : largest)
    for (size_t c = 0; c < width; c++) {
        float magnitude = fabsf(from[c]);
        largest = magnitude > largest ? magnitude : largest;
    }
#pragma omp simd reduction(+ : strange)
    for (size_t c = 0; c < width; c++)
        strange += !(fabsf(from[c]) <= FLT_MAX);
    float steps = !strange && largest > 1e-36F ? 127 / largest : 0;
    for (size_t c = 0; c < width; c++)
        to[c] = strange ? 0 : nearest(from[c] * steps);
#pragma omp simd reduction(+ : total)
    for (size_t c = 0; c < width; c++)
        total += to[c];
    *scale = strange ? NAN : steps > 0 ? largest / 127 : 0;
    *sum = total;
}

/* n rows of floats to int8, in place. */
static void quantise_weights(const struct linear *linear, int first, int n, void *rows)
{
    size_t width = (size_t)linear->n_in;
    for (int r = 0; r < n; r++) {
        int sum;
        quantise_row((int8_t *)rows + (size_t)r * width, (const float *)rows + (size_t)r * width,
                     width, &linear->scale[first + r], &sum);
        linear->offset[first + r] = 128 * sum;
    }
}

/* The plain rows [first, first + n) in the weights' type. */
static void read_rows(const struct linear *linear, const struct linear_source *source, int first,
                      int n, void *rows)
{
    source->read(source->context, first, n, rows);
    if (linear->type == MATMUL_INT8)
        quantise_weights(linear, first, n, rows);
}

/* Bytes of a plain value as the source gives it. */
static size_t source_bytes(enum matmul_type type)
{
    return type == MATMUL_BF16 ? sizeof(uint16_t) : sizeof(float);
}

static enum status fill_panels(struct linear *linear, const struct linear_source *source,
                               struct error *err)
{
    const struct panels *panels = &linear->layout->panels;
    int n_panels = panels_count(panels), threads = omp_get_max_threads();
    size_t piece = PANEL_OUTPUTS * (size_t)linear->n_in * source_bytes(linear->type);
    piece = (piece + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    threads = threads < n_panels ? threads : n_panels;
    unsigned char *rows = aligned_alloc(ALIGNMENT, (size_t)threads * piece);
    if (!rows)
        return fail(err, STATUS_NO_MEMORY, "out of memory while packing weights");
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int p = 0; p < n_panels; p++) {
        unsigned char *mine = rows + (size_t)omp_get_thread_num() * piece;
        int first = p * PANEL_OUTPUTS, left = linear->n_out - first;
        int n = left < PANEL_OUTPUTS ? left : PANEL_OUTPUTS;
        read_rows(linear, source, first, n, mine);
        panel_fill(panels, (uint32_t *)linear->packed + (size_t)p * panel_words(panels), mine, n);
    }
    free(rows);
    return STATUS_OK;
}

/* Copies the plain weights into the chosen layout. */
static dnnl_status_t reorder(struct linear *linear, void *weights)
{
    dnnl_dims_t dims = {linear->n_in, linear->n_out};
    dnnl_memory_desc_t plain;
    dnnl_engine_t engine = onednn_engine();
    dnnl_memory_t from = NULL, to = NULL;
    dnnl_primitive_desc_t description = NULL;
    dnnl_primitive_t primitive = NULL;
    dnnl_stream_t stream = NULL;
    dnnl_status_t result =
        dnnl_memory_desc_init_by_tag(&plain, 2, dims, onednn_weight_type(linear->type), dnnl_ba);
    if (result == dnnl_success)
        result = dnnl_memory_create(&from, &plain, engine, weights);
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

static enum status pack_by_library(struct linear *linear, const struct linear_source *source,
                                   struct error *err)
{
    size_t values = (size_t)linear->n_out * (size_t)linear->n_in;
    void *plain = malloc(values * source_bytes(linear->type));
    if (!plain)
        return fail(err, STATUS_NO_MEMORY, "out of memory while packing weights");
    read_rows(linear, source, 0, linear->n_out, plain);
    dnnl_status_t result = reorder(linear, plain);
    free(plain);
    return result == dnnl_success ? STATUS_OK : onednn_failed(result, "packing weights", err);
}

/* Memory for weights and what int8 needs besides. */
static enum status take_memory(struct linear *linear, struct error *err)
{
    size_t n = (size_t)linear->n_out;
    bool int8 = linear->type == MATMUL_INT8;
    linear->packed = pages_alloc(linear->packed_bytes);
    linear->scale = int8 ? malloc(n * sizeof *linear->scale) : NULL;
    linear->offset = int8 ? malloc(n * sizeof *linear->offset) : NULL;
    if (!linear->packed || (int8 && (!linear->scale || !linear->offset)))
        return fail(err, STATUS_NO_MEMORY, "out of memory for %zu bytes of weights",
                    linear->packed_bytes);
    return STATUS_OK;
}

static enum status pack_into(struct linear *linear, const struct linear_source *source,
                             const float *bias, struct error *err)
{
    size_t n = (size_t)linear->n_out;
    linear->layout = calloc(1, sizeof *linear->layout);
    linear->bias = bias ? malloc(n * sizeof *linear->bias) : NULL;
    if (!linear->layout || (bias && !linear->bias))
        return fail(err, STATUS_NO_MEMORY, "out of memory for weights");
    if (bias)
        memcpy(linear->bias, bias, n * sizeof *bias);
    if (!onednn_engine())
        return fail(err, STATUS_UNSUPPORTED, "oneDNN has no CPU engine on this machine");
    dnnl_status_t result = choose_layout(linear);
    if (result != dnnl_success)
        return onednn_failed(result, "choosing a weight layout", err);
    enum status status = take_memory(linear, err);
    if (status)
        return status;
    status = linear->layout->in_panels ? fill_panels(linear, source, err)
                                       : pack_by_library(linear, source, err);
    if (linear->type == MATMUL_INT8)
        linear->packed_bytes +=
            (size_t)linear->n_out * (sizeof *linear->scale + sizeof *linear->offset);
    return status;
}

enum status linear_pack_from(struct linear *linear, enum matmul_type type,
                             const struct linear_source *source, const float *bias, int n_in,
                             int n_out, struct error *err)
{
    *linear = (struct linear){.n_in = n_in, .n_out = n_out, .type = type};
    enum status status = pack_into(linear, source, bias, err);
    if (status)
        linear_release(linear);
    return status;
}

/* Weights in memory. */
struct plain {
    const unsigned char *weights;
    size_t row_bytes;
};

static void read_plain(const void *context, int first, int n, void *rows)
{
    const struct plain *plain = context;
    memcpy(rows, plain->weights + (size_t)first * plain->row_bytes, (size_t)n * plain->row_bytes);
}

enum status linear_pack(struct linear *linear, enum matmul_type type, const void *weights,
                        const float *bias, int n_in, int n_out, struct error *err)
{
    struct plain plain = {weights, (size_t)n_in * source_bytes(type)};
    struct linear_source source = {read_plain, &plain};
    return linear_pack_from(linear, type, &source, bias, n_in, n_out, err);
}

void linear_release(struct linear *linear)
{
    free(linear->packed);
    free(linear->bias);
    free(linear->scale);
    free(linear->offset);
    free(linear->layout);
    *linear = (struct linear){0};
}
