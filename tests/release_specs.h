/* tests/release_specs.h - the tiny releases, a row a layout, and the cards that they must give. */
#ifndef MAMBENCH_TESTS_RELEASE_SPECS_H
#define MAMBENCH_TESTS_RELEASE_SPECS_H

#include "tests/releases.h"

#define TOKENIZER "tests/data/tokenizer/"

/* CLIP: width 8, patches of 2 on a grid of 3, MLP 12. */
static const struct pattern clip_tensors[] = {
    {"embeddings.class_embedding", {8}},
    {"embeddings.patch_embedding.weight", {8, 3, 2, 2}},
    {"embeddings.position_embedding.weight", {10, 8}},
    {"embeddings.position_ids", {1, 10}},
    {"pre_layrnorm.weight", {8}},
    {"pre_layrnorm.bias", {8}},
    {"encoder.layers.#.layer_norm1.weight", {8}},
    {"encoder.layers.#.layer_norm1.bias", {8}},
    {"encoder.layers.#.self_attn.q_proj.weight", {8, 8}},
    {"encoder.layers.#.self_attn.q_proj.bias", {8}},
    {"encoder.layers.#.self_attn.k_proj.weight", {8, 8}},
    {"encoder.layers.#.self_attn.k_proj.bias", {8}},
    {"encoder.layers.#.self_attn.v_proj.weight", {8, 8}},
    {"encoder.layers.#.self_attn.v_proj.bias", {8}},
    {"encoder.layers.#.self_attn.out_proj.weight", {8, 8}},
    {"encoder.layers.#.self_attn.out_proj.bias", {8}},
    {"encoder.layers.#.layer_norm2.weight", {8}},
    {"encoder.layers.#.layer_norm2.bias", {8}},
    {"encoder.layers.#.mlp.fc1.weight", {12, 8}},
    {"encoder.layers.#.mlp.fc1.bias", {12}},
    {"encoder.layers.#.mlp.fc2.weight", {8, 12}},
    {"encoder.layers.#.mlp.fc2.bias", {8}},
    {"post_layernorm.weight", {8}},
    {"post_layernorm.bias", {8}},
    {NULL, {0}},
};

/* SigLIP: the same without cls token and first norm, with a bias of the patches. */
static const struct pattern siglip_tensors[] = {
    {"embeddings.patch_embedding.weight", {8, 3, 2, 2}},
    {"embeddings.patch_embedding.bias", {8}},
    {"embeddings.position_embedding.weight", {9, 8}},
    {"encoder.layers.#.layer_norm1.weight", {8}},
    {"encoder.layers.#.layer_norm1.bias", {8}},
    {"encoder.layers.#.self_attn.q_proj.weight", {8, 8}},
    {"encoder.layers.#.self_attn.q_proj.bias", {8}},
    {"encoder.layers.#.self_attn.k_proj.weight", {8, 8}},
    {"encoder.layers.#.self_attn.k_proj.bias", {8}},
    {"encoder.layers.#.self_attn.v_proj.weight", {8, 8}},
    {"encoder.layers.#.self_attn.v_proj.bias", {8}},
    {"encoder.layers.#.self_attn.out_proj.weight", {8, 8}},
    {"encoder.layers.#.self_attn.out_proj.bias", {8}},
    {"encoder.layers.#.layer_norm2.weight", {8}},
    {"encoder.layers.#.layer_norm2.bias", {8}},
    {"encoder.layers.#.mlp.fc1.weight", {12, 8}},
    {"encoder.layers.#.mlp.fc1.bias", {12}},
    {"encoder.layers.#.mlp.fc2.weight", {8, 12}},
    {"encoder.layers.#.mlp.fc2.bias", {8}},
    {"post_layernorm.weight", {8}},
    {"post_layernorm.bias", {8}},
    {NULL, {0}},
};

/* A tower as timm has it: grid 3, patches of 2. */
static const struct pattern timm_tensors[] = {
    {"pos_embed", {1, 9, 8}},         {"patch_embed.proj.weight", {8, 3, 2, 2}},
    {"patch_embed.proj.bias", {8}},   {"blocks.#.norm1.weight", {8}},
    {"blocks.#.norm1.bias", {8}},     {"blocks.#.attn.qkv.weight", {24, 8}},
    {"blocks.#.attn.qkv.bias", {24}}, {"blocks.#.attn.proj.weight", {8, 8}},
    {"blocks.#.attn.proj.bias", {8}}, {"blocks.#.norm2.weight", {8}},
    {"blocks.#.norm2.bias", {8}},     {"blocks.#.mlp.fc1.weight", {12, 8}},
    {"blocks.#.mlp.fc1.bias", {12}},  {"blocks.#.mlp.fc2.weight", {8, 12}},
    {"blocks.#.mlp.fc2.bias", {8}},   {NULL, {0}},
};

/* LLaMA: width 16, heads of 4, four of queries and two of keys, MLP 24. */
#define LLAMA_ROWS 278
static const struct pattern llama_tensors[] = {
    {"model.embed_tokens.weight", {LLAMA_ROWS, 16}},
    {"model.layers.#.input_layernorm.weight", {16}},
    {"model.layers.#.self_attn.q_proj.weight", {16, 16}},
    {"model.layers.#.self_attn.k_proj.weight", {8, 16}},
    {"model.layers.#.self_attn.v_proj.weight", {8, 16}},
    {"model.layers.#.self_attn.o_proj.weight", {16, 16}},
    {"model.layers.#.self_attn.rotary_emb.inv_freq", {2}},
    {"model.layers.#.post_attention_layernorm.weight", {16}},
    {"model.layers.#.mlp.gate_proj.weight", {24, 16}},
    {"model.layers.#.mlp.up_proj.weight", {24, 16}},
    {"model.layers.#.mlp.down_proj.weight", {16, 24}},
    {"model.norm.weight", {16}},
    {"lm_head.weight", {LLAMA_ROWS, 16}},
    {NULL, {0}},
};

/* Phi: width 16, two heads of 8, MLP 20; the head's bias is a part of its own. */
#define PHI_ROWS 480
#define PHI_FIRST                                                                                  \
    {"model.embed_tokens.weight", {PHI_ROWS, 16}},                                                 \
        {"model.layers.#.input_layernorm.weight", {16}},                                           \
        {"model.layers.#.input_layernorm.bias", {16}},                                             \
        {"model.layers.#.self_attn.dense.weight", {16, 16}},                                       \
        {"model.layers.#.self_attn.dense.bias", {16}},                                             \
        {"model.layers.#.mlp.fc1.weight", {20, 16}}, {"model.layers.#.mlp.fc1.bias", {20}},        \
        {"model.layers.#.mlp.fc2.weight", {16, 20}}, {"model.layers.#.mlp.fc2.bias", {16}},        \
        {"model.final_layernorm.weight", {16}}, {"model.final_layernorm.bias", {16}},              \
    {                                                                                              \
        "lm_head.weight",                                                                          \
        {                                                                                          \
            PHI_ROWS, 16                                                                           \
        }                                                                                          \
    }
static const struct pattern phi_tensors[] = {
    PHI_FIRST,
    {"model.layers.#.self_attn.q_proj.weight", {16, 16}},
    {"model.layers.#.self_attn.q_proj.bias", {16}},
    {"model.layers.#.self_attn.k_proj.weight", {16, 16}},
    {"model.layers.#.self_attn.k_proj.bias", {16}},
    {"model.layers.#.self_attn.v_proj.weight", {16, 16}},
    {"model.layers.#.self_attn.v_proj.bias", {16}},
    {NULL, {0}},
};
static const struct pattern phi_fused_tensors[] = {
    PHI_FIRST,
    {"model.layers.#.self_attn.query_key_value.weight", {48, 16}},
    {"model.layers.#.self_attn.query_key_value.bias", {48}},
    {NULL, {0}},
};
static const struct pattern head_bias[] = {{"lm_head.bias", {PHI_ROWS}}, {NULL, {0}}};

/* Mamba-2: width 16, inner width 32 in heads of 8, state 4. */
static const struct pattern mamba2_tensors[] = {
    {"backbone.embedding.weight", {512, 16}},
    {"backbone.layers.#.norm.weight", {16}},
    {"backbone.layers.#.mixer.in_proj.weight", {76, 16}},
    {"backbone.layers.#.mixer.conv1d.weight", {40, 1, 4}},
    {"backbone.layers.#.mixer.conv1d.bias", {40}},
    {"backbone.layers.#.mixer.dt_bias", {4}},
    {"backbone.layers.#.mixer.A_log", {4}},
    {"backbone.layers.#.mixer.D", {4}},
    {"backbone.layers.#.mixer.norm.weight", {32}},
    {"backbone.layers.#.mixer.out_proj.weight", {16, 32}},
    {"backbone.norm_f.weight", {16}},
    {"lm_head.weight", {512, 16}},
    {NULL, {0}},
};

/* ML-Mamba's connector: the same mixer in both directions. */
static const struct pattern scan_tensors[] = {
    {"mlp.0.weight", {16, 16}},
    {"mlp.0.bias", {16}},
    {"bidirectional_mamba.layers.#.norm.weight", {16}},
    {"bidirectional_mamba.layers.#.norm.bias", {16}},
    {"bidirectional_mamba.layers.#.mixer.in_proj.weight", {76, 16}},
    {"bidirectional_mamba.layers.#.mixer.conv1d.weight", {40, 1, 4}},
    {"bidirectional_mamba.layers.#.mixer.conv1d.bias", {40}},
    {"bidirectional_mamba.layers.#.mixer.conv1d_b.weight", {40, 1, 4}},
    {"bidirectional_mamba.layers.#.mixer.conv1d_b.bias", {40}},
    {"bidirectional_mamba.layers.#.mixer.dt_bias", {4}},
    {"bidirectional_mamba.layers.#.mixer.A_log", {4}},
    {"bidirectional_mamba.layers.#.mixer.D", {4}},
    {"bidirectional_mamba.layers.#.mixer.dt_bias_b", {4}},
    {"bidirectional_mamba.layers.#.mixer.A_log_b", {4}},
    {"bidirectional_mamba.layers.#.mixer.D_b", {4}},
    {"bidirectional_mamba.layers.#.mixer.norm.weight", {32}},
    {"bidirectional_mamba.layers.#.mixer.out_proj.weight", {16, 32}},
    {"bidirectional_mamba.layers.#.mlp.w1.weight", {16, 16}},
    {"bidirectional_mamba.layers.#.mlp.w1.bias", {16}},
    {"bidirectional_mamba.layers.#.mlp.w2.weight", {16, 16}},
    {"bidirectional_mamba.layers.#.mlp.w2.bias", {16}},
    {"bidirectional_mamba.layers.#.mlp.w3.weight", {16, 16}},
    {"bidirectional_mamba.layers.#.mlp.w3.bias", {16}},
    {"bidirectional_mamba.norm_f.weight", {16}},
    {"bidirectional_mamba.norm_f.bias", {16}},
    {"projector.projector.0.weight", {64, 16}},
    {"projector.projector.0.bias", {64}},
    {"projector.projector.2.weight", {16, 64}},
    {"projector.projector.2.bias", {16}},
    {"projector.projector.4.weight", {16, 16}},
    {"projector.projector.4.bias", {16}},
    {NULL, {0}},
};

static const struct pattern mlp_tensors[] = {
    {"0.weight", {16, 8}}, {"0.bias", {16}}, {"2.weight", {16, 16}}, {"2.bias", {16}}, {NULL, {0}},
};
static const struct pattern two_tower_mlp_tensors[] = {
    {"0.weight", {16, 16}}, {"0.bias", {16}}, {"2.weight", {16, 16}}, {"2.bias", {16}}, {NULL, {0}},
};
static const struct pattern linear_tensors[] = {
    {"weight", {16, 8}},
    {"bias", {16}},
    {NULL, {0}},
};
static const struct pattern ldpv2_tensors[] = {
    {"mlp.mlp.0.weight", {16, 8}},
    {"mlp.mlp.0.bias", {16}},
    {"mlp.mlp.2.weight", {16, 16}},
    {"mlp.mlp.2.bias", {16}},
    {"peg.peg.0.bias", {16}},
    {"peg.peg.0.weight", {16, 1, 3, 3}},
    {NULL, {0}},
};
#define LDP_BLOCK(b)                                                                               \
    {"mb_block." #b ".block.0.0.weight", {16, 1, 3, 3}},                                           \
        {"mb_block." #b ".block.0.1.weight", {16}}, {"mb_block." #b ".block.0.1.bias", {16}},      \
        {"mb_block." #b ".block.1.fc1.weight", {8, 16, 1, 1}},                                     \
        {"mb_block." #b ".block.1.fc1.bias", {8}},                                                 \
        {"mb_block." #b ".block.1.fc2.weight", {16, 8, 1, 1}},                                     \
        {"mb_block." #b ".block.1.fc2.bias", {16}},                                                \
        {"mb_block." #b ".block.2.0.weight", {16, 16, 1, 1}},                                      \
        {"mb_block." #b ".block.2.1.weight", {16}},                                                \
    {                                                                                              \
        "mb_block." #b ".block.2.1.bias",                                                          \
        {                                                                                          \
            16                                                                                     \
        }                                                                                          \
    }
static const struct pattern ldp_tensors[] = {
    {"mlp.1.weight", {16, 8}},
    {"mlp.1.bias", {16}},
    {"mlp.3.weight", {16, 16}},
    {"mlp.3.bias", {16}},
    LDP_BLOCK(1),
    LDP_BLOCK(2),
    {NULL, {0}},
};

/* Configs, as they stand in the releases as far as they matter. */
#define LLAMA_NUMBERS                                                                              \
    "\"hidden_act\": \"silu\", \"hidden_size\": 16, \"intermediate_size\": 24, "                   \
    "\"max_position_embeddings\": 4096, \"num_attention_heads\": 4, \"num_hidden_layers\": 2, "    \
    "\"num_key_value_heads\": 2, \"rms_norm_eps\": 1e-05, \"rope_scaling\": null, "                \
    "\"vocab_size\": 278, \"bos_token_id\": 1, \"eos_token_id\": 2"
#define PHI_NUMBERS                                                                                \
    "\"hidden_act\": \"gelu_new\", \"hidden_size\": 16, \"intermediate_size\": 20, "               \
    "\"layer_norm_eps\": 1e-05, \"max_position_embeddings\": 2048, \"num_attention_heads\": 2, "   \
    "\"num_hidden_layers\": 2, \"partial_rotary_factor\": 0.6, \"qk_layernorm\": false, "          \
    "\"rope_theta\": 10000.0, \"vocab_size\": 480"
#define LLAVA_KEYS                                                                                 \
    "\"image_aspect_ratio\": \"pad\", \"mm_vision_select_layer\": -2, "                            \
    "\"mm_vision_select_feature\": \"patch\", \"mm_use_im_start_end\": false"
#define CLIP_NUMBERS                                                                               \
    "\"hidden_size\": 8, \"num_hidden_layers\": 3, \"num_attention_heads\": 2, "                   \
    "\"image_size\": 6, \"patch_size\": 2, \"hidden_act\": \"quick_gelu\", "                       \
    "\"layer_norm_eps\": 1e-05"
#define SIGLIP_NUMBERS                                                                             \
    "\"model_type\": \"siglip_vision_model\", \"hidden_size\": 8, \"num_hidden_layers\": 3, "      \
    "\"num_attention_heads\": 2, \"image_size\": 7, \"patch_size\": 2, "                           \
    "\"hidden_act\": \"gelu_pytorch_tanh\", \"layer_norm_eps\": 1e-06"
#define PROCESSOR                                                                                  \
    "{\"crop_size\": 6, \"image_mean\": [0.48145466, 0.4578275, 0.40821073], "                     \
    "\"image_std\": [0.26862954, 0.26130258, 0.27577711], \"resample\": 3, \"size\": 6}"
#define FACTORY_CONFIG(text, vision)                                                               \
    "{\"architectures\": [\"TinyLlavaForConditionalGeneration\"], \"connector_type\": "            \
    "\"mlp2x_gelu\", \"image_aspect_ratio\": \"square\", \"vision_feature_layer\": -2, "           \
    "\"vision_feature_select_strategy\": \"patch\", \"tokenizer_model_max_length\": 3072, "        \
    "\"text_config\": " text ", \"vision_config\": " vision "}"
#define RUN_CONFIG(arch, vision, llm)                                                              \
    "{\"model\": {\"model_id\": \"tiny\", \"arch_specifier\": \"" arch                             \
    "\", \"vision_backbone_id\": \"" vision "\", \"llm_backbone_id\": \"" llm                      \
    "\", \"image_resize_strategy\": \"resize-naive\", \"llm_max_length\": 2048}}"

#define SHARD1 "model-00001-of-00002.safetensors"
#define SHARD2 "model-00002-of-00002.safetensors"
#define BIN1 "pytorch_model-00001-of-00002.bin"
#define BIN2 "pytorch_model-00002-of-00002.bin"
#define WHOLE "model.safetensors"
#define LATEST "checkpoints/latest-checkpoint.pt"

static const struct release_spec release_specs[] = {
    {"llava-1.5",
     {{"", llama_tensors, 2, BIN1},
      {"model.mm_projector.", mlp_tensors, 0, BIN2},
      {"vision_model.", clip_tensors, 3, "clip/model.safetensors"}},
     {{"config.json",
       "{\"architectures\": [\"LlavaLlamaForCausalLM\"], \"mm_projector_type\": \"mlp2x_gelu\", "
       "\"mm_vision_tower\": \"openai/clip-vit-large-patch14-336\", " LLAVA_KEYS ", " LLAMA_NUMBERS
       "}",
       NULL},
      {"clip/config.json", "{\"vision_config\": {" CLIP_NUMBERS "}}", NULL},
      {"clip/preprocessor_config.json", PROCESSOR, NULL},
      {"tokenizer_config.json", "{\"add_bos_token\": true, \"model_max_length\": 2048}", NULL},
      {"tokenizer.json", NULL, TOKENIZER "llama.json"}}},
    {"llava-phi",
     {{"", phi_tensors, 2, WHOLE},
      {"", head_bias, 0, WHOLE},
      {"model.mm_projector.", mlp_tensors, 0, WHOLE},
      {"model.vision_tower.vision_model.", clip_tensors, 3, WHOLE}},
     {{"config.json",
       "{\"architectures\": [\"LlavaPhiForCausalLM\"], \"bos_token_id\": 1, \"eos_token_id\": 2, "
       "\"image_aspect_ratio\": \"pad\", \"vision_config\": {\"mm_projector\": "
       "{\"mm_projector_type\": \"mlp2x_gelu\"}, \"vision_tower\": {\"mm_vision_select_layer\": "
       "-2, " CLIP_NUMBERS "}}, " PHI_NUMBERS "}",
       NULL},
      {"preprocessor_config.json", PROCESSOR, NULL},
      {"tokenizer.json", NULL, TOKENIZER "gpt2.json"}}},
    {"llava-phi-fused",
     {{"", phi_fused_tensors, 2, SHARD1},
      {"", head_bias, 0, SHARD2},
      {"model.mm_projector.", mlp_tensors, 0, SHARD2},
      {"model.vision_tower.vision_model.", clip_tensors, 3, SHARD2}},
     {{"config.json",
       "{\"architectures\": [\"LlavaPhiForCausalLM\"], \"bos_token_id\": 1, \"eos_token_id\": 2, "
       "\"image_aspect_ratio\": \"square\", \"vision_config\": {\"mm_projector\": "
       "{\"mm_projector_type\": \"mlp2x_gelu\"}, \"vision_tower\": {" CLIP_NUMBERS
       "}}, " PHI_NUMBERS "}",
       NULL},
      {"tokenizer.json", NULL, TOKENIZER "gpt2.json"}}},
    {"tinyllava-legacy",
     {{"", phi_tensors, 2, SHARD1},
      {"model.mm_projector.", mlp_tensors, 0, SHARD1},
      {"model.vision_tower.vision_tower.vision_model.", siglip_tensors, 2, SHARD2}},
     {{"config.json",
       "{\"architectures\": [\"TinyLlavaPhiForCausalLM\"], \"mm_projector_type\": \"mlp2x_gelu\", "
       "\"mm_vision_tower\": \"bczhou/TinyLLaVA-3.1B-SigLIP\", \"tokenizer_model_max_length\": "
       "3072, " LLAVA_KEYS ", " PHI_NUMBERS "}",
       NULL},
      {"TinyLLaVA-3.1B-SigLIP/config.json", "{" SIGLIP_NUMBERS "}", NULL},
      {"tokenizer.json", NULL, TOKENIZER "gpt2.json"}}},
    {"tinyllava-llama",
     {{"", llama_tensors, 2, "pytorch_model.bin"},
      {"model.mm_projector.", linear_tensors, 0, "pytorch_model.bin"},
      {"", siglip_tensors, 2, "vision_tower/model.safetensors"}},
     {{"config.json",
       "{\"architectures\": [\"TinyLlavaLlamaForCausalLM\"], \"mm_projector_type\": \"linear\", "
       "\"mm_vision_tower\": \"bczhou/TinyLLaVA-1.5B-SigLIP\", \"tokenizer_model_max_length\": "
       "3072, " LLAVA_KEYS ", " LLAMA_NUMBERS "}",
       NULL},
      {"vision_tower/config.json", "{" SIGLIP_NUMBERS "}", NULL},
      {"tokenizer.json", NULL, TOKENIZER "llama.json"}}},
    {"factory-merged",
     {{"language_model.", phi_tensors, 2, WHOLE},
      {"language_model.", head_bias, 0, WHOLE},
      {"connector._connector.", mlp_tensors, 0, WHOLE},
      {"vision_tower._vision_tower.vision_model.", siglip_tensors, 3, WHOLE}},
     {{"config.json",
       FACTORY_CONFIG("{\"model_type\": \"phi\", " PHI_NUMBERS "}", "{" SIGLIP_NUMBERS "}"), NULL},
      {"tokenizer.json", NULL, TOKENIZER "gpt2.json"}}},
    {"factory-split",
     {{"", llama_tensors, 2, "language_model/pytorch_model.bin"},
      {"_connector.", mlp_tensors, 0, "connector/pytorch_model.bin"},
      {"", clip_tensors, 3, "vision_tower/pytorch_model.bin"}},
     {{"config.json", FACTORY_CONFIG("{}", "{}"), NULL},
      {"language_model/config.json", "{\"model_type\": \"llama\", " LLAMA_NUMBERS "}", NULL},
      {"vision_tower/config.json", "{" CLIP_NUMBERS "}", NULL},
      {"tokenizer.json", NULL, TOKENIZER "llama.json"}}},
    {"mobilevlm-v1",
     {{"", llama_tensors, 2, "pytorch_model.bin"},
      {"model.mm_projector.model.", ldp_tensors, 0, "pytorch_model.bin"},
      {"model.vision_tower.vision_tower.vision_model.", clip_tensors, 3, "pytorch_model.bin"},
      {"vision_model.", clip_tensors, 3, "openai/clip-vit-large-patch14-336/pytorch_model.bin"}},
     {{"config.json",
       "{\"architectures\": [\"MobileLlamaForCausalLM\"], \"mm_projector_type\": \"ldpnet\", "
       "\"max_sequence_length\": 2048, \"mm_vision_tower\": "
       "\"openai/clip-vit-large-patch14-336\", " LLAVA_KEYS ", " LLAMA_NUMBERS "}",
       NULL},
      {"openai/clip-vit-large-patch14-336/config.json", "{\"vision_config\": {" CLIP_NUMBERS "}}",
       NULL},
      {"tokenizer.json", NULL, TOKENIZER "llama.json"}}},
    {"mobilevlm-v2",
     {{"", llama_tensors, 2, "pytorch_model.bin"},
      {"model.mm_projector.", ldpv2_tensors, 0, "pytorch_model.bin"},
      {"model.vision_tower.vision_tower.vision_model.", clip_tensors, 3, "pytorch_model.bin"}},
     {{"config.json",
       "{\"architectures\": [\"MobileLlamaForCausalLM\"], \"mm_projector_type\": \"ldpnetv2\", "
       "\"max_sequence_length\": 2048, \"mm_vision_tower\": "
       "\"openai/clip-vit-large-patch14-336\", " LLAVA_KEYS ", " LLAMA_NUMBERS "}",
       NULL},
      {"clip/config.json", "{\"vision_config\": {" CLIP_NUMBERS "}}", NULL},
      {"tokenizer.json", NULL, TOKENIZER "llama.json"}}},
    {"ml-mamba",
     {{"model.llm_backbone.", mamba2_tensors, 2, "latest-checkpoint.pt"},
      {"model.", scan_tensors, 2, "latest-checkpoint.pt"},
      {"", timm_tensors, 3, "dino/model.safetensors"},
      {"visual.trunk.", timm_tensors, 2, "siglip/open_clip_model.safetensors"}},
     {{"config.json", RUN_CONFIG("no-align+fused-gelu-mlp", "dinosiglip-vit-so-6px", "mamba2-2.7b"),
       NULL},
      {"dino/config.json", "{\"model_args\": {\"num_heads\": 2}}", NULL},
      {"siglip/open_clip_config.json",
       "{\"model_cfg\": {\"vision_cfg\": {\"image_size\": 6, \"timm_model_args\": {\"num_heads\": "
       "4}}}}",
       NULL},
      {"tokenizer.json", NULL, TOKENIZER "neox.json"}}},
    {"prismatic-llama",
     {{"model.llm_backbone.llm.", llama_tensors, 2, LATEST},
      {"model.projector.projector.", two_tower_mlp_tensors, 0, LATEST},
      {"", timm_tensors, 3, "dino/model.safetensors"},
      {"visual.trunk.", timm_tensors, 2, "siglip/open_clip_model.safetensors"}},
     {{"config.json", RUN_CONFIG("no-align+gelu-mlp", "dinosiglip-vit-so-6px", "llama-zephyr"),
       NULL},
      {"llm/config.json", "{" LLAMA_NUMBERS "}", NULL},
      {"dino/config.json", "{\"model_args\": {\"num_heads\": 2}}", NULL},
      {"siglip/config.json", "{\"model_args\": {\"num_heads\": 4}}", NULL},
      {"tokenizer.json", NULL, TOKENIZER "llama.json"}}},
};
enum { N_RELEASES = sizeof release_specs / sizeof release_specs[0] };

static inline const struct release_spec *release_spec(const char *name)
{
    for (size_t i = 0; i < N_RELEASES; i++)
        if (strcmp(release_specs[i].name, name) == 0)
            return &release_specs[i];
    fail_msg("there is no release %s", name);
    return NULL;
}

#endif
