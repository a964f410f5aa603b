/* tests/mamba2_model.h - the language models of the Mamba-2 tests. */
#ifndef MAMBENCH_TESTS_MAMBA2_MODEL_H
#define MAMBENCH_TESTS_MAMBA2_MODEL_H

#include "tests/lm_model.h"
#include "tests/mamba2_data.h"

static const char *const lm_paths[] = {MAMBA2_DATA "lm.safetensors", NULL};

static inline struct card_lm tiny_card(void)
{
    return (struct card_lm){.family = "mamba2",
                            .width = WIDTH,
                            .layers = LAYERS,
                            .vocabulary = VOCABULARY,
                            .eps = 1e-5,
                            .inner_width = INNER,
                            .state_size = STATE_SIZE,
                            .conv_width = TAPS,
                            .head_dim = HEAD_DIM};
}

/* Large enough for operations to use several threads. */
static inline struct card_lm larger_card(void)
{
    return (struct card_lm){.family = "mamba2",
                            .width = 64,
                            .layers = 2,
                            .vocabulary = 50,
                            .eps = 1e-5,
                            .inner_width = 128,
                            .state_size = 32,
                            .conv_width = 4,
                            .head_dim = 16};
}

#endif
