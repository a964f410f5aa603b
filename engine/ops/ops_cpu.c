/* engine/ops/ops_cpu.c - the table of the fast operations, compiled once per instruction set. */
#include "engine/ops/cpu.h"

#define TABLE_JOIN2(level) ops_cpu_##level
#define TABLE_JOIN(level) TABLE_JOIN2(level)
#define TEXT2(level) #level
#define TEXT(level) TEXT2(level)

extern const struct ops TABLE_JOIN(LEVEL);
const struct ops TABLE_JOIN(LEVEL) = {
    .name = TEXT(LEVEL),
    .rms_norm = CPU(rms_norm),
    .gated_rms_norm = CPU(gated_rms_norm),
    .layer_norm = CPU(layer_norm),
    .activate = CPU(activate),
    .silu_multiply = CPU(silu_multiply),
    .add_scaled = CPU(add_scaled),
    .average_reversed = CPU(average_reversed),
    .copy_rows = CPU(copy_rows),
    .reverse_rows = CPU(reverse_rows),
    .embed_f32 = CPU(embed_f32),
    .embed_bf16 = CPU(embed_bf16),
    .patches = CPU(patches),
    .attention = CPU(attention),
    .rotary_table = CPU(rotary_table),
    .rotate = CPU(rotate),
    .cache_rows = CPU(cache_rows),
    .causal_conv_silu = CPU(causal_conv_silu),
    .selective_scan = CPU(selective_scan),
    .ssd_scan = CPU(ssd_scan),
    .ssd_scratch = CPU(ssd_scratch),
    .average_pool = CPU(average_pool),
    .depthwise_conv = CPU(depthwise_conv),
    .mean_rows = CPU(mean_rows),
    .scale_columns = CPU(scale_columns),
    .panel_product = CPU(panel_product),
    .add_row = CPU(add_row),
    .round_rows = CPU(round_rows),
    .quantise_rows = CPU(quantise_rows),
    .scale_sums = CPU(scale_sums),
    .ssd_chunk = CPU_SSD_CHUNK,
};
