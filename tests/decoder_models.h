/* tests/decoder_models.h - the Transformer decoders of the tests: the tiny ones of
 * tests/data/decoders/ (scripts/golden/make_tiny_decoders.py), larger ones of noise, the released
 * ones at full size. */
#ifndef MAMBENCH_TESTS_DECODER_MODELS_H
#define MAMBENCH_TESTS_DECODER_MODELS_H

#include "tests/lm_model.h"

#define DECODER_DATA "tests/data/decoders/"

/* The same numbers stand in the script. */
enum { ROWS = 71 };

struct tiny_decoder {
    const char *weights, *expected;
    size_t n_tensors;
    struct card_lm card;
};

enum { LLAMA_MHA, LLAMA_GQA, PHI_SPLIT, PHI_GQA, PHI_FUSED, N_TINY };

static const struct tiny_decoder tiny_decoders[N_TINY] = {
    [LLAMA_MHA] = {DECODER_DATA "llama-mha.safetensors",
                   DECODER_DATA "llama-mha-expected.safetensors",
                   3 + 2 * (9 + 1), /* a table of frequencies in each layer, which is wrong */
                   {.family = "llama",
                    .width = 18,
                    .layers = 2,
                    .vocabulary = 23,
                    .eps = 1e-6,
                    .heads = 3,
                    .kv_heads = 3,
                    .head_dim = 6,
                    .mlp_width = 28,
                    .rope_dims = 6,
                    .rope_theta = 10000}},
    [LLAMA_GQA] = {DECODER_DATA "llama-gqa.safetensors",
                   DECODER_DATA "llama-gqa-expected.safetensors",
                   3 + 2 * 9,
                   {.family = "llama",
                    .width = 18,
                    .layers = 2,
                    .vocabulary = 23,
                    .eps = 1e-5,
                    .heads = 6,
                    .kv_heads = 2,
                    .head_dim = 8,
                    .mlp_width = 28,
                    .rope_dims = 8,
                    .rope_theta = 500}},
    [PHI_SPLIT] = {DECODER_DATA "phi-split.safetensors",
                   DECODER_DATA "phi-split-expected.safetensors",
                   5 + 2 * 14,
                   {.family = "phi",
                    .width = 20,
                    .layers = 2,
                    .vocabulary = 23,
                    .eps = 1e-5,
                    .heads = 2,
                    .kv_heads = 2,
                    .head_dim = 10,
                    .mlp_width = 36,
                    .rope_dims = 4,
                    .rope_theta = 10000,
                    .head_bias = true}},
    [PHI_GQA] = {DECODER_DATA "phi-gqa.safetensors",
                 DECODER_DATA "phi-gqa-expected.safetensors",
                 4 + 2 * 14,
                 {.family = "phi",
                  .width = 20,
                  .layers = 2,
                  .vocabulary = 23,
                  .eps = 1e-5,
                  .heads = 4,
                  .kv_heads = 2,
                  .head_dim = 5,
                  .mlp_width = 36,
                  .rope_dims = 2,
                  .rope_theta = 10000}},
    [PHI_FUSED] = {DECODER_DATA "phi-fused.safetensors",
                   DECODER_DATA "phi-fused-expected.safetensors",
                   4 + 2 * 10,
                   {.family = "phi",
                    .width = 20,
                    .layers = 2,
                    .vocabulary = 23,
                    .eps = 1e-5,
                    .heads = 2,
                    .kv_heads = 2,
                    .head_dim = 10,
                    .mlp_width = 36,
                    .rope_dims = 4,
                    .rope_theta = 10000}},
};

/* Large enough for operations to use several threads, with heads of 32 and 80. */
static const struct card_lm larger_decoders[] = {
    {.family = "llama",
     .width = 64,
     .layers = 2,
     .vocabulary = 50,
     .eps = 1e-5,
     .heads = 8,
     .kv_heads = 4,
     .head_dim = 32,
     .mlp_width = 112,
     .rope_dims = 32,
     .rope_theta = 10000},
    {.family = "phi",
     .width = 64,
     .layers = 2,
     .vocabulary = 50,
     .eps = 1e-5,
     .heads = 4,
     .kv_heads = 4,
     .head_dim = 80,
     .mlp_width = 112,
     .rope_dims = 32,
     .rope_theta = 10000,
     .head_bias = true},
};
enum { N_LARGER = sizeof larger_decoders / sizeof larger_decoders[0] };

/* The released ones, and what is known of them: parameters, and bytes of keys and values a token
 * in f32 (2 * layers * kv_heads * head_dim * 4). */
struct full_decoder {
    const char *name;
    size_t parameters, token_bytes;
    struct card_lm card;
};

#define FULL_LLAMA(w, l, h, kv, d, m, e)                                                           \
    {                                                                                              \
        .family = "llama", .width = (w), .layers = (l), .vocabulary = 32000, .eps = (e),           \
        .heads = (h), .kv_heads = (kv), .head_dim = (d), .mlp_width = (m), .rope_dims = (d),       \
        .rope_theta = 10000                                                                        \
    }
#define FULL_PHI(bias)                                                                             \
    {                                                                                              \
        .family = "phi", .width = 2560, .layers = 32, .vocabulary = 51200, .eps = 1e-5,            \
        .heads = 32, .kv_heads = 32, .head_dim = 80, .mlp_width = 10240, .rope_dims = 32,          \
        .rope_theta = 10000, .head_bias = (bias)                                                   \
    }

static const struct full_decoder full_decoders[] = {
    {"Vicuna-7B", 6738415616, 1048576, FULL_LLAMA(4096, 32, 32, 32, 128, 11008, 1e-5)},
    {"MobileLLaMA-1.4B", 1364297728, 393216, FULL_LLAMA(2048, 24, 16, 16, 128, 5632, 1e-6)},
    {"MobileLLaMA-2.7B", 2701560320, 655360, FULL_LLAMA(2560, 32, 32, 32, 80, 6912, 1e-6)},
    {"TinyLlama-1.1B", 1100048384, 45056, FULL_LLAMA(2048, 22, 32, 4, 64, 5632, 1e-5)},
    {"Phi-2", 2779683840, 655360, FULL_PHI(true)},
    {"Phi-2 without head bias", 2779632640, 655360, FULL_PHI(false)},
};
enum { N_FULL = sizeof full_decoders / sizeof full_decoders[0] };

#endif
