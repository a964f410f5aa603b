/* eval/profile_memory.c - what a configuration takes, by kind. */
#include "eval/machine.h"
#include "eval/profile.h"

double profile_state_bytes(const struct engine_info *info, const struct profile_row *row)
{
    int prompt = row->prompt_tokens > 0 ? row->prompt_tokens : row->prompt_rows;
    double positions = (double)row->depth + row->image_tokens + prompt + row->new_tokens;
    return row->batch *
           ((double)info->state_bytes + positions * (double)info->cache_bytes_per_token);
}

void profile_count_memory(struct profile_cell *cell)
{
    struct profile_row *row = cell->row;
    row->activation_bytes = row->conv_bytes = row->ssm_bytes = row->cache_bytes = 0;
    for (int b = 0; b < row->batch; b++) {
        struct session_memory memory;
        session_memory(cell->sessions[b], &memory);
        row->activation_bytes += (double)memory.activation_bytes;
        row->conv_bytes += (double)memory.conv_bytes;
        row->ssm_bytes += (double)memory.ssm_bytes;
        row->cache_bytes += (double)memory.cache_bytes;
    }
    row->peak_bytes = machine_peak_bytes();
}
