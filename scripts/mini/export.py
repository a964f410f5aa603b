"""Writes a trained checkpoint in its system's released layout, every tensor in bf16.

    python3 export.py --checkpoint DIR --out ../../examples/mini-cobra
    python3 export.py --checkpoint DIR --decoder mamba2 --shared ../mini-cobra --out ../../examples/mini-ml-mamba

With --shared the towers and the tokenizer are those of another example: its path seen from --out.
"""

import argparse
import json
import os

import torch
from safetensors.torch import save_file

import model as M
import systems
import tokenizer
from scene import SIDE


def write_json(value, path):
    with open(path, "w") as f:
        json.dump(value, f, indent=1)
        f.write("\n")


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


def write_towers(state, out):
    def part(prefix, new=""):
        return {new + k[len(prefix):]: v for k, v in state.items() if k.startswith(prefix)}

    for d in ("dino", "siglip"):
        os.makedirs(os.path.join(out, d), exist_ok=True)
    save_file(part("dino."), os.path.join(out, "dino/model.safetensors"), {"format": "pt"})
    save_file(part("siglip.", "visual.trunk."), os.path.join(out, "siglip/open_clip_model.safetensors"),
              {"format": "pt"})
    write_json(dino_config(), os.path.join(out, "dino/config.json"))
    write_json(siglip_config(), os.path.join(out, "siglip/open_clip_config.json"))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--checkpoint", required=True, help="folder with language.pt and, without --shared, towers.pt")
    p.add_argument("--out", required=True)
    p.add_argument("--decoder", choices=systems.SYSTEMS, default="mamba")
    p.add_argument("--shared", default="")
    a = p.parse_args()
    tok = tokenizer.build()
    system = systems.SYSTEMS[a.decoder]
    net = systems.miniature(a.decoder, tok.get_vocab_size())
    state = {}
    for name in ("language.pt",) if a.shared else ("towers.pt", "language.pt"):
        state.update(torch.load(os.path.join(a.checkpoint, name), map_location="cpu")["net"])
    missing, unexpected = net.load_state_dict(state, strict=False)
    assert not unexpected and all(a.shared and k.startswith(("dino.", "siglip.")) for k in missing), missing
    state = {k: v.to(torch.bfloat16).contiguous() for k, v in net.state_dict().items()}

    for d in ("llm", "checkpoints"):
        os.makedirs(os.path.join(a.out, d), exist_ok=True)
    torch.save({"model": systems.pack(system, state)}, os.path.join(a.out, "checkpoints/latest-checkpoint.pt"))
    if not a.shared:
        write_towers(state, a.out)
        tokenizer.write(tok, a.out)
    write_json(systems.run_config(system), os.path.join(a.out, "config.json"))
    write_json(system.lm_config(net.llm.s, tok.get_vocab_size()), os.path.join(a.out, "llm/config.json"))
    shared = a.shared.rstrip("/") + "/" if a.shared else ""
    write_json(systems.facts(system, net, tok.get_vocab_size(), shared), os.path.join(a.out, "model_facts.json"))
    print("parameters", M.parameters(net))


if __name__ == "__main__":
    main()
