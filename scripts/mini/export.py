"""Writes a trained checkpoint in Cobra's released layout, every tensor in bf16.

    python3 export.py --checkpoint DIR --out ../../examples/mini-cobra
"""

import argparse
import json
import os
from collections import OrderedDict

import torch
from safetensors.torch import save_file

import model as M
import tokenizer
from scene import SIDE


def write_json(value, path):
    with open(path, "w") as f:
        json.dump(value, f, indent=1)
        f.write("\n")


def run_config():
    """config.json of a Cobra run; what does not apply to the miniature is left out."""
    return {
        "model": {"model_id": "cobra+mini", "type": "cobra+mini", "arch_specifier": "no-align+fused-gelu-mlp",
                  "vision_backbone_id": "dinosiglip-vit-so-384px", "image_resize_strategy": "resize-naive",
                  "llm_backbone_id": "mamba-2.8b-zephyr", "llm_max_length": 2048},
        "run_id": "synthetic-scenes+cobra+mini", "stage": "finetune", "seed": 2,
        "dataset": {"dataset_id": "synthetic-scenes", "type": "synthetic-scenes"}}


def cfg(mean, std, crop):
    return {"custom_load": False, "input_size": [3, SIDE, SIDE], "fixed_input_size": True, "interpolation": "bicubic",
            "crop_pct": crop, "crop_mode": "center", "mean": list(mean), "std": list(std), "num_classes": 0,
            "pool_size": None, "first_conv": "patch_embed.proj", "classifier": "head"}


def dino_config():
    s = M.DINO
    return {"architecture": "vit_large_patch14_reg4_dinov2", "num_classes": 0, "num_features": s.width,
            "global_pool": "token",
            "model_args": {"img_size": SIDE, "patch_size": s.patch, "embed_dim": s.width, "depth": s.depth,
                           "num_heads": s.heads, "mlp_ratio": s.mlp / s.width, "init_values": 1e-05,
                           "reg_tokens": s.registers, "no_embed_class": True},
            "pretrained_cfg": {"tag": "mini", **cfg(*M.IMAGENET, 1.0)}}


def siglip_config():
    s = M.SIGLIP
    return {"model_cfg": {"embed_dim": s.width, "custom_text": True,
                          "vision_cfg": {"image_size": SIDE, "timm_model_name": "vit_so400m_patch14_siglip_384",
                                         "timm_model_pretrained": False, "timm_pool": "map", "timm_proj": "none",
                                         "timm_model_args": {"img_size": SIDE, "patch_size": s.patch,
                                                             "embed_dim": s.width, "depth": s.depth,
                                                             "num_heads": s.heads, "mlp_ratio": 3.7362,
                                                             "class_token": False, "global_pool": "map"}}},
            "preprocess_cfg": {"mean": list(M.HALF[0]), "std": list(M.HALF[1]), "interpolation": "bicubic",
                               "resize_mode": "squash"}}


def lm_config(s, tokens):
    return {"d_model": s.d_model, "n_layer": s.layers, "vocab_size": tokens, "ssm_cfg": {}, "rms_norm": True,
            "residual_in_fp32": True, "fused_add_norm": True, "pad_vocab_size_multiple": 8}


def facts(net, tokens):
    """Sizes that tensor shapes do not tell, in the terms of the reference fixtures."""
    def tower(name, kind, s, stats, files):
        return {"name": name, "kind": kind, "file": files[0], "prefix": files[1], "width": s.width,
                "layers_in_file": s.depth, "layers_run": s.depth - 1, "heads": s.heads, "head_dim": s.width // s.heads,
                "mlp": s.mlp, "eps": 1e-6, "activation": "gelu_erf", "layer_scale": s.layer_scale,
                "cls_token": s.prefix, "registers": s.registers, "native_grid": s.grid, "grid": s.grid,
                "final_norm": False, "drop_leading": 0, "mean": list(stats[0]), "std": list(stats[1]),
                "rescale": "torchvision"}
    lm = net.llm.s
    return {
        "image_size": SIDE, "patch_size": M.DINO.patch, "grid": M.DINO.grid, "unused_border_px": 0,
        "image_tokens": M.DINO.grid ** 2, "resize": "resize-naive",
        "towers": [tower("dino", "timm-dinov2-reg4", M.DINO, M.IMAGENET, ("dino/model.safetensors", "")),
                   tower("siglip", "timm-siglip", M.SIGLIP, M.HALF,
                         ("siglip/open_clip_model.safetensors", "visual.trunk."))],
        "connector": {"arch_specifier": "no-align+fused-gelu-mlp", "activation": "gelu_erf",
                      "in": M.DINO.width + M.SIGLIP.width, "out": lm.d_model},
        "lm": {"kind": "mamba1", "d_model": lm.d_model, "layers": lm.layers, "d_inner": lm.d_inner,
               "d_conv": lm.d_conv, "d_state": lm.d_state, "dt_rank": lm.dt_rank, "vocab_rows": lm.vocab_rows,
               "tokens": tokens, "eps": 1e-5, "tied_head": True, "eos": 0},
        "prompt": "zephyr", "sequence": "image rows first, then the text rows; no BOS",
        "storage": "bfloat16", "parameters": M.parameters(net)}


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--checkpoint", required=True, help="folder with towers.pt and language.pt")
    p.add_argument("--out", required=True)
    a = p.parse_args()
    tok = tokenizer.build()
    net = M.miniature(-(-tok.get_vocab_size() // 8) * 8)
    state = {}
    for name in ("towers.pt", "language.pt"):
        state.update(torch.load(os.path.join(a.checkpoint, name), map_location="cpu")["net"])
    net.load_state_dict(state)
    state = {k: v.to(torch.bfloat16).contiguous() for k, v in net.state_dict().items()}

    def part(prefix, new=""):
        return {new + k[len(prefix):]: v for k, v in state.items() if k.startswith(prefix)}

    for d in ("dino", "siglip", "llm", "checkpoints"):
        os.makedirs(os.path.join(a.out, d), exist_ok=True)
    save_file(part("dino."), os.path.join(a.out, "dino/model.safetensors"), {"format": "pt"})
    save_file(part("siglip.", "visual.trunk."), os.path.join(a.out, "siglip/open_clip_model.safetensors"),
              {"format": "pt"})
    llm = OrderedDict(part("llm.", "llm."))
    llm["llm.lm_head.weight"] = llm["llm.backbone.embedding.weight"].clone()     # Cobra writes the tied head twice
    torch.save({"model": {"projector": OrderedDict(part("projector.")), "llm_backbone": llm}},
               os.path.join(a.out, "checkpoints/latest-checkpoint.pt"))
    write_json(run_config(), os.path.join(a.out, "config.json"))
    write_json(dino_config(), os.path.join(a.out, "dino/config.json"))
    write_json(siglip_config(), os.path.join(a.out, "siglip/open_clip_config.json"))
    write_json(lm_config(net.llm.s, tok.get_vocab_size()), os.path.join(a.out, "llm/config.json"))
    write_json(facts(net, tok.get_vocab_size()), os.path.join(a.out, "model_facts.json"))
    tokenizer.write(tok, a.out)
    print("parameters", M.parameters(net))


if __name__ == "__main__":
    main()
