#include "engine/ops/probe.h"

#include "engine/base/clock.h"
#include "engine/base/float16.h"
#include "engine/base/pages.h"
#include "engine/base/random.h"
#include "engine/ops/onednn.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    READ_BYTES = 512 << 20,
    READ_PIECE = 1 << 20,
    PROBE_ROWS = 780,
    PROBE_IN = 2560,
    PROBE_OUT = 10240
};

enum status read_probe_open(struct read_probe *probe, struct error *err)
{
    *probe = (struct read_probe){.memory = pages_alloc(READ_BYTES)};
    if (!probe->memory)
        return fail(err, STATUS_NO_MEMORY, "out of memory for the %d bytes of the read probe",
                    READ_BYTES);
#pragma omp parallel for schedule(static)
    for (long at = 0; at < READ_BYTES; at += READ_PIECE)
        memset(probe->memory + at, (int)(at / READ_PIECE), READ_PIECE);
    return STATUS_OK;
}

void read_probe_close(struct read_probe *probe)
{
    free(probe->memory);
    *probe = (struct read_probe){NULL, 0};
}

/* The sum of a piece's words, in enough chains that the additions do not wait for each other.  What
 * comes next is asked for as the kernels ask for weights: without that a core alone reads less. */
static unsigned sum_piece(const unsigned char *memory)
{
    enum { CHAINS = 64, AHEAD = 8192 };
    unsigned sums[CHAINS] = {0}, words[CHAINS], sum = 0;
    for (size_t at = 0; at < READ_PIECE; at += sizeof words) {
        for (size_t line = 0; line < sizeof words; line += 64)
            __builtin_prefetch(memory + at + line + AHEAD, 0, 0);
        memcpy(words, memory + at, sizeof words);
        for (int i = 0; i < CHAINS; i++)
            sums[i] += words[i];
    }
    for (int i = 0; i < CHAINS; i++)
        sum += sums[i];
    return sum;
}

double read_probe_run(struct read_probe *probe)
{
    unsigned sum = 0;
    int64_t start = clock_ns();
#pragma omp parallel for schedule(static) reduction(+ : sum)
    for (long at = 0; at < READ_BYTES; at += READ_PIECE)
        sum += sum_piece(probe->memory + at);
    probe->sum += sum;
    return READ_BYTES / ((double)(clock_ns() - start) * 1e-9);
}

struct product_probe {
    enum matmul_type type;
    struct linear linear;
    dnnl_primitive_t primitive;
    dnnl_stream_t stream;
    dnnl_memory_t x, w, y;
    void *rows;
    float *result;
};

/* Random values in the type that a source gives (floats of int8). */
static void read_random(const void *context, int first, int n, void *rows)
{
    const enum matmul_type *type = context;
    struct random_stream random = {(uint64_t)first + 1};
    for (size_t i = 0; i < (size_t)n * PROBE_IN; i++) {
        float value = (float)random_uniform(&random) - 0.5F;
        if (*type == MATMUL_BF16)
            ((uint16_t *)rows)[i] = bf16_from_float(value);
        else
            ((float *)rows)[i] = value;
    }
}

/* The rows in the product's type: of int8 bytes around 128. */
static void fill_rows(struct product_probe *probe)
{
    struct random_stream random = {7};
    read_random(&probe->type, 0, probe->type == MATMUL_INT8 ? 0 : PROBE_ROWS, probe->rows);
    for (size_t i = 0; probe->type == MATMUL_INT8 && i < (size_t)PROBE_ROWS * PROBE_IN; i++)
        ((uint8_t *)probe->rows)[i] = (uint8_t)(random_bits(&random) >> 56);
}

static dnnl_status_t make_primitive(struct product_probe *probe)
{
    dnnl_primitive_desc_t description;
    dnnl_engine_t engine = onednn_engine();
    const dnnl_memory_desc_t *weights = &probe->linear.layout->weights;
    const struct onednn_shape shape = {.type = probe->type,
                                       .rows = PROBE_ROWS,
                                       .n_in = PROBE_IN,
                                       .n_out = PROBE_OUT,
                                       .weights = weights};
    dnnl_status_t result = onednn_describe(&description, &shape);
    if (result != dnnl_success)
        return result;
    const dnnl_memory_desc_t *x = dnnl_primitive_desc_query_md(description, dnnl_query_src_md, 0);
    const dnnl_memory_desc_t *y = dnnl_primitive_desc_query_md(description, dnnl_query_dst_md, 0);
    result = dnnl_primitive_create(&probe->primitive, description);
    if (result == dnnl_success)
        result = dnnl_stream_create(&probe->stream, engine, dnnl_stream_default_flags);
    if (result == dnnl_success)
        result = dnnl_memory_create(&probe->x, x, engine, probe->rows);
    if (result == dnnl_success)
        result = dnnl_memory_create(&probe->w, weights, engine, probe->linear.packed);
    if (result == dnnl_success)
        result = dnnl_memory_create(&probe->y, y, engine, probe->result);
    dnnl_primitive_desc_destroy(description);
    return result;
}

static enum status probe_fill(struct product_probe *probe, struct error *err)
{
    struct linear_source source = {read_random, &probe->type};
    enum status status =
        linear_pack_from(&probe->linear, probe->type, &source, NULL, PROBE_IN, PROBE_OUT, err);
    if (status)
        return status;
    probe->rows = pages_alloc((size_t)PROBE_ROWS * PROBE_IN * sizeof(float));
    probe->result = pages_alloc((size_t)PROBE_ROWS * PROBE_OUT * sizeof *probe->result);
    if (!probe->rows || !probe->result)
        return fail(err, STATUS_NO_MEMORY, "out of memory for the product probe");
    fill_rows(probe);
    dnnl_status_t result = make_primitive(probe);
    return result == dnnl_success ? STATUS_OK : onednn_failed(result, "preparing a probe", err);
}

enum status product_probe_open(struct product_probe **out, enum matmul_type type, struct error *err)
{
    struct product_probe *probe = calloc(1, sizeof *probe);
    if (!probe)
        return fail(err, STATUS_NO_MEMORY, "out of memory for the product probe");
    probe->type = type;
    enum status status = probe_fill(probe, err);
    if (status) {
        product_probe_close(probe);
        return status;
    }
    product_probe_run(probe, 1);
    *out = probe;
    return STATUS_OK;
}

void product_probe_close(struct product_probe *probe)
{
    if (!probe)
        return;
    dnnl_primitive_destroy(probe->primitive);
    dnnl_stream_destroy(probe->stream);
    dnnl_memory_destroy(probe->x);
    dnnl_memory_destroy(probe->w);
    dnnl_memory_destroy(probe->y);
    linear_release(&probe->linear);
    free(probe->rows);
    free(probe->result);
    free(probe);
}

double product_probe_run(const struct product_probe *probe, int repeats)
{
    dnnl_exec_arg_t args[] = {
        {DNNL_ARG_SRC, probe->x}, {DNNL_ARG_WEIGHTS, probe->w}, {DNNL_ARG_DST, probe->y}};
    int64_t start = clock_ns();
    for (int i = 0; i < repeats; i++)
        dnnl_primitive_execute(probe->primitive, probe->stream, 3, args);
    dnnl_stream_wait(probe->stream);
    double seconds = (double)(clock_ns() - start) * 1e-9;
    return repeats * 2.0 * PROBE_ROWS * PROBE_IN * PROBE_OUT / seconds;
}
