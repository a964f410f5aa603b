#!/usr/bin/env python3
"""Writes tiny LLaMA and Phi language models and their values to tests/data/decoders/.

    python3 scripts/golden/make_tiny_decoders.py

The values are those of transformers' LlamaForCausalLM and PhiForCausalLM in float32 on the CPU.
Needs torch, safetensors, transformers (written with torch 2.15.0, safetensors 0.8.0, transformers
5.23.0); a second run writes the same bytes.

Every parameter is noise, norms and biases too.  Embeddings are as small as released ones, so that
the eps of the first norm counts.
"""
import os

import torch
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM, PhiConfig, PhiForCausalLM

OUT = os.path.join(os.path.dirname(__file__), "..", "..", "tests", "data", "decoders")

# The same numbers stand in tests/decoder_models.h.
LAYERS, VOCABULARY, ROWS = 2, 23, 71  # more than one tile of 64 keys
COMMON = dict(num_hidden_layers=LAYERS, vocab_size=VOCABULARY, max_position_embeddings=128,
              pad_token_id=0, bos_token_id=1, eos_token_id=2, tie_word_embeddings=False,
              attention_dropout=0.0, attn_implementation="eager")
LLAMA = dict(COMMON, hidden_size=18, intermediate_size=28)
PHI = dict(COMMON, hidden_size=20, intermediate_size=36, hidden_act="gelu_new",
           layer_norm_eps=1e-5, qk_layernorm=False, resid_pdrop=0.0, embd_pdrop=0.0)


def rope(theta, **more):
    return dict(rope_type="default", rope_theta=theta, **more)


def llama(heads, kv_heads, head_dim, eps, theta):
    config = LlamaConfig(**LLAMA, num_attention_heads=heads, num_key_value_heads=kv_heads,
                         head_dim=head_dim, rms_norm_eps=eps, rope_parameters=rope(theta))
    return LlamaForCausalLM(config), head_dim, theta


def phi(heads, kv_heads, rope_dims):
    head_dim = PHI["hidden_size"] // heads
    config = PhiConfig(**PHI, num_attention_heads=heads, num_key_value_heads=kv_heads,
                       rope_parameters=rope(10000.0, partial_rotary_factor=0.4))
    return PhiForCausalLM(config), rope_dims, 10000.0


def noise(name, shape, generator):
    values = torch.randn(shape, generator=generator)
    if len(shape) == 1:
        return 0.3 * values + (1.0 if name.endswith("norm.weight") else 0.0)
    if "embed_tokens" in name:
        return 0.01 * values
    # Scores that differ, so that attention is far from an average.
    sharp = 1.4 if "q_proj" in name or "k_proj" in name else 1.0
    return sharp * shape[1] ** -0.5 * values


def fill(model, seed):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            parameter.copy_(noise(name, parameter.shape, generator))
    return torch.randint(VOCABULARY, (ROWS,), generator=generator)


def fuse(weights, heads):
    """Rows [head][q, k, v][head_dim] in one matrix, as transformers 4.36 stored Phi."""
    fused = {name: value for name, value in weights.items() if "_proj." not in name}
    for i in range(LAYERS):
        at = f"model.layers.{i}.self_attn."
        for kind in ("weight", "bias"):
            parts = [weights[f"{at}{which}_proj.{kind}"] for which in "qkv"]
            parts = [part.reshape(heads, -1, *part.shape[1:]) for part in parts]
            fused[f"{at}query_key_value.{kind}"] = torch.cat(parts, 1).flatten(0, 1)
    return fused


def save(tensors, name):
    save_file({key: value.detach().float().contiguous() for key, value in tensors.items()},
              os.path.join(OUT, f"{name}.safetensors"))


def write(name, seed, built, head_bias=True, fused=False, frequencies=False):
    model, rope_dims, theta = built
    model.eval()
    ids = fill(model, seed)
    inverse = model.model.rotary_emb.inv_freq
    assert torch.equal(inverse, 1 / theta ** (torch.arange(0, rope_dims, 2).float() / rope_dims))
    if not head_bias:
        torch.nn.init.zeros_(model.lm_head.bias)
    with torch.no_grad():
        result = model(ids[None], use_cache=True)
    weights = dict(model.state_dict())
    if not head_bias:
        del weights["lm_head.bias"]
    if fused:
        weights = fuse(weights, model.config.num_attention_heads)
    if frequencies:  # some files have a table that readers ignore: here it is wrong
        for i in range(LAYERS):
            weights[f"model.layers.{i}.self_attn.rotary_emb.inv_freq"] = torch.ones_like(inverse)
    expected = {"ids": ids, "logits": result.logits[0]}
    for i, layer in enumerate(result.past_key_values.layers):
        expected |= {f"k.{i}": layer.keys[0], f"v.{i}": layer.values[0]}
    save(weights, name)
    save(expected, f"{name}-expected")


def main():
    os.makedirs(OUT, exist_ok=True)
    torch.set_num_threads(1)
    write("llama-mha", 1, llama(3, 3, 6, 1e-6, 10000.0), frequencies=True)
    write("llama-gqa", 2, llama(6, 2, 8, 1e-5, 500.0))
    write("phi-split", 3, phi(2, 2, 4))
    write("phi-gqa", 4, phi(4, 2, 2), head_bias=False)
    write("phi-fused", 5, phi(2, 2, 4), head_bias=False, fused=True)


if __name__ == "__main__":
    main()
