/* tests/systems_data.h - runs and profiles for tests of tables and figures, made in memory.
 * Invented numbers: nothing was measured. */
#ifndef MAMBENCH_TESTS_SYSTEMS_DATA_H
#define MAMBENCH_TESTS_SYSTEMS_DATA_H

#include "reports/systems.h"

#include <math.h>

struct made_run {
    struct run_record record;
    struct score scores[2];
    struct run_floor floors[2];
};

/* A run of 200 samples about 100 pictures whose headline is value +- 0.02. */
static inline void make_run(struct made_run *run, const char *model, const char *hash,
                            const char *protocol, double value)
{
    *run = (struct made_run){
        .scores = {{"accuracy", value, 1, 200, value - 0.02, value + 0.02, INTERVAL_CLUSTER, NULL},
                   {"relation/left of/accuracy", value, 1, 50, value - 0.1, value + 0.1,
                    INTERVAL_CLUSTER, NULL}},
        .floors = {{"baseline:no", 0.4}, {"baseline:yes", 0.5}},
    };
    run->record = (struct run_record){
        .path = "runs/x",
        .protocol = protocol,
        .protocol_title = "as it is asked",
        .protocol_hash = "0123456789abcdef",
        .protocol_version = 1,
        .n_samples = 200,
        .n_images = 100,
        .n_in_dataset = 200,
        .model = model,
        .model_hash = hash,
        .family = "mamba",
        .precision = "bf16",
        .parameters = 4803350,
        .image_tokens = 64,
        .state_bytes = 245760,
        .scores = run->scores,
        .n_scores = 2,
        .floors = run->floors,
        .n_floors = 2,
    };
}

/* A question of 256 tokens in seconds. */
static inline struct profile_point make_point(const char *model, const char *hash,
                                              const char *precision, double seconds)
{
    return (struct profile_point){
        .model = model,
        .model_hash = hash,
        .precision = precision,
        .family = "mamba",
        .scenario = "cobra-table3",
        .verdict = "ok",
        .threads = 2,
        .batch = 1,
        .image_tokens = 64,
        .prompt_tokens = 6,
        .new_tokens = 256,
        .parameters = 4803350,
        .e2e_ns = seconds * 1e9,
        .e2e_low_ns = seconds * 0.99e9,
        .e2e_high_ns = seconds * 1.01e9,
        .ttft_ns = seconds * 0.1e9,
        .ttft_low_ns = seconds * 0.099e9,
        .ttft_high_ns = seconds * 0.101e9,
        .tpot_ns = seconds * 0.0035e9,
        .tokens_per_s = 256 / seconds,
        .weight_bytes = 1e7,
        .activation_bytes = 1e6,
        .state_bytes = 245760,
        .cache_bytes = 0,
        .peak_bytes = 6e7,
    };
}

#endif
