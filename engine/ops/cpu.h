/* engine/ops/cpu.h - what the cpu_*.c files share.  Each of them is compiled once per instruction
 * set (-DLEVEL=...); ops_cpu.c collects their functions in the table of that level.
 *
 * Rows, heads or channels are split among threads; each output is computed by the same instructions
 * whichever thread has it and whatever stands beside it. */
#ifndef MAMBENCH_ENGINE_OPS_CPU_H
#define MAMBENCH_ENGINE_OPS_CPU_H

#include "engine/base/float16.h"
#include "engine/ops/ops.h"
#include "engine/ops/vector.h"

#include <assert.h>
#include <math.h>
#include <omp.h>

#ifndef LEVEL
#define LEVEL sse2
#endif
#define CPU_JOIN2(name, level) cpu_##name##_##level
#define CPU_JOIN(name, level) CPU_JOIN2(name, level)
/* The name of an operation of this level: cpu_rms_norm_avx2. */
#define CPU(name) CPU_JOIN(name, LEVEL)

/* An operation has the type of its member in struct ops. */
#define CPU_OPERATION(name) __typeof__(*((struct ops *)0)->name) CPU(name)

CPU_OPERATION(rms_norm);
CPU_OPERATION(gated_rms_norm);
CPU_OPERATION(layer_norm);
CPU_OPERATION(activate);
CPU_OPERATION(silu_multiply);
CPU_OPERATION(add_scaled);
CPU_OPERATION(average_reversed);
CPU_OPERATION(copy_rows);
CPU_OPERATION(reverse_rows);
CPU_OPERATION(embed_f32);
CPU_OPERATION(embed_bf16);
CPU_OPERATION(patches);
CPU_OPERATION(attention);
CPU_OPERATION(rotary_table);
CPU_OPERATION(rotate);
CPU_OPERATION(cache_rows);
CPU_OPERATION(causal_conv_silu);
CPU_OPERATION(selective_scan);
CPU_OPERATION(ssd_scan);
CPU_OPERATION(ssd_scratch);
CPU_OPERATION(average_pool);
CPU_OPERATION(depthwise_conv);
CPU_OPERATION(mean_rows);
CPU_OPERATION(scale_columns);
CPU_OPERATION(panel_product);
CPU_OPERATION(add_row);
CPU_OPERATION(round_rows);
CPU_OPERATION(quantise_rows);
CPU_OPERATION(scale_sums);

/* Below this much work a parallel region costs more than it saves, and far more on a machine where
 * something else holds a core: values touched, rows of a convolution's vectors, vectors of a scan's
 * states, and multiplications of attention. */
enum {
    PARALLEL_VALUES = 1 << 15,
    PARALLEL_CONV_ROWS = 1 << 14,
    PARALLEL_SCAN_STATES = 1 << 12,
    PARALLEL_PRODUCTS = 1 << 20
};

/* Where there is much to do, runs call - the function itself, with its own arguments - on all
 * threads and returns; inside, each thread takes its share in an `omp for`.  Else the function goes
 * on alone.  Not `omp parallel for if (much)`: libgomp allocates and frees a team for every region
 * of one thread, between two tokens too. */
#define SPREAD(much, call)                                                                         \
    do {                                                                                           \
        if ((much) && omp_get_level() == 0 && omp_get_max_threads() > 1) {                         \
            _Pragma("omp parallel") call;                                                          \
            return;                                                                                \
        }                                                                                          \
    } while (0)

static inline int min_int(int a, int b)
{
    return a < b ? a : b;
}

/* Rows that Mamba-2's scan takes at once (cpu_ssd.c). */
enum { CPU_SSD_CHUNK = 16 };

/* ssd_scan() as the plain recurrence at every length, which the chunks are measured against. */
extern __typeof__(*((struct ops *)0)->ssd_scan) cpu_ssd_recurrence_sse2, cpu_ssd_recurrence_avx2,
    cpu_ssd_recurrence_avx512;

/* Rows of all spans together. */
static inline long total_rows(const struct span *spans, size_t n_spans)
{
    long rows = 0;
    for (size_t i = 0; i < n_spans; i++)
        rows += spans[i].n_rows;
    return rows;
}

#endif
