/* engine/ops/reference.h - the functions of the reference_*.c files: the operations as mathematics,
 * sums in double, libm, no blocking.
 *
 * They are the specification; the fast kernels are tested against them. */
#ifndef MAMBENCH_ENGINE_OPS_REFERENCE_H
#define MAMBENCH_ENGINE_OPS_REFERENCE_H

#include "engine/ops/ops.h"

/* An operation has the type of its member in struct ops. */
#define REFERENCE_OPERATION(name) __typeof__(*((struct ops *)0)->name) reference_##name

REFERENCE_OPERATION(rms_norm);
REFERENCE_OPERATION(gated_rms_norm);
REFERENCE_OPERATION(layer_norm);
REFERENCE_OPERATION(activate);
REFERENCE_OPERATION(silu_multiply);
REFERENCE_OPERATION(add_scaled);
REFERENCE_OPERATION(average_reversed);
REFERENCE_OPERATION(copy_rows);
REFERENCE_OPERATION(reverse_rows);
REFERENCE_OPERATION(embed_f32);
REFERENCE_OPERATION(embed_bf16);
REFERENCE_OPERATION(patches);
REFERENCE_OPERATION(attention);
REFERENCE_OPERATION(rotary_table);
REFERENCE_OPERATION(rotate);
REFERENCE_OPERATION(cache_rows);
REFERENCE_OPERATION(causal_conv_silu);
REFERENCE_OPERATION(selective_scan);
REFERENCE_OPERATION(ssd_scan);
REFERENCE_OPERATION(ssd_scratch);
REFERENCE_OPERATION(average_pool);
REFERENCE_OPERATION(depthwise_conv);
REFERENCE_OPERATION(mean_rows);
REFERENCE_OPERATION(scale_columns);
REFERENCE_OPERATION(panel_product);
REFERENCE_OPERATION(add_row);
REFERENCE_OPERATION(round_rows);
REFERENCE_OPERATION(quantise_rows);
REFERENCE_OPERATION(scale_sums);

double reference_silu(double x);
/* PyTorch's softplus: the identity above 20. */
double reference_softplus(double v);

#endif
