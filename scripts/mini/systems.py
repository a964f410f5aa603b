"""The three miniatures: what differs between them outside their arithmetic.

To add a decoder: write a model_*.py whose class is a model.System, and add an entry to SYSTEMS.
An entry has the miniature's sizes, the parts of its checkpoint, its facts and its configurations.
"""

import os
from collections import OrderedDict

import torch
import torch.nn.functional as F
from safetensors.torch import load_file

import model as M
import model_llama
import model_mamba2
from scene import SIDE


class Mamba1:
    """Cobra."""
    arch, tied = "no-align+fused-gelu-mlp", True
    model_id, llm_id = "cobra+mini", "mamba-2.8b-zephyr"
    # part of the checkpoint -> prefix of its names, prefix of the module's names
    parts = {"projector": ("", "projector."), "llm_backbone": ("llm.", "llm.")}

    @staticmethod
    def miniature(vocab_rows):
        return M.Cobra(M.DINO, M.SIGLIP, M.LMSize(192, 8, vocab_rows))

    @staticmethod
    def from_facts(towers, facts):
        lm = facts["lm"]
        return M.Cobra(*towers, M.LMSize(lm["d_model"], lm["layers"], lm["vocab_rows"], lm["d_state"], lm["d_conv"],
                                         lm["d_inner"] // lm["d_model"]))

    @staticmethod
    def connector(net):
        return {}

    @staticmethod
    def lm(s, tokens):
        return {"kind": "mamba1", "d_model": s.d_model, "layers": s.layers, "d_inner": s.d_inner,
                "d_conv": s.d_conv, "d_state": s.d_state, "dt_rank": s.dt_rank, "vocab_rows": s.vocab_rows,
                "tokens": tokens, "eps": 1e-5, "tied_head": True, "eos": 0}

    @staticmethod
    def lm_config(s, tokens):
        return {"d_model": s.d_model, "n_layer": s.layers, "vocab_size": tokens, "ssm_cfg": {}, "rms_norm": True,
                "residual_in_fp32": True, "fused_add_norm": True, "pad_vocab_size_multiple": 8}


class Mamba2:
    """ML-Mamba."""
    arch, tied = "no-align+fused-gelu-mlp", True
    model_id, llm_id = "mlmamba+mini", "mamba2-mini"
    parts = {"mlp": ("", "mlp."), "bidirectional_mamba": ("", "bidirectional_mamba."), "projector": ("", "projector."),
             "llm_backbone": ("", "llm.")}

    @staticmethod
    def miniature(vocab_rows):
        return model_mamba2.MLMamba(M.DINO, M.SIGLIP, model_mamba2.Mamba2Size(176, 8, vocab_rows))

    @staticmethod
    def from_facts(towers, facts):
        lm = facts["lm"]
        assert lm["ngroups"] == 1 and not lm["norm_before_gate"]
        return model_mamba2.MLMamba(*towers, model_mamba2.Mamba2Size(
            lm["d_model"], lm["layers"], lm["vocab_rows"], lm["d_state"], lm["headdim"], lm["d_conv"],
            lm["d_inner"] // lm["d_model"]), facts["connector"]["blocks"])

    @staticmethod
    def connector(net):
        return {"chain": ["mlp", "bidirectional_mamba", "projector"], "layer_norm_eps": 1e-5,
                "blocks": len(net.bidirectional_mamba.layers)}

    @staticmethod
    def lm(s, tokens):
        return {"kind": "mamba2", "d_model": s.d_model, "layers": s.layers, "d_inner": s.d_inner, "d_conv": s.d_conv,
                "vocab_rows": s.vocab_rows, "tokens": tokens, "eps": 1e-5, "tied_head": True, "eos": 0,
                "d_state": s.d_state, "headdim": s.headdim, "nheads": s.heads, "ngroups": 1, "chunk": 256,
                "gated_norm_eps": 1e-5, "norm_before_gate": False}

    @staticmethod
    def lm_config(s, tokens):
        return {"d_model": s.d_model, "d_intermediate": 0, "n_layer": s.layers, "vocab_size": tokens,
                "ssm_cfg": {"layer": "Mamba2", "headdim": s.headdim, "d_state": s.d_state}, "attn_layer_idx": [],
                "attn_cfg": {}, "rms_norm": True, "residual_in_fp32": True, "fused_add_norm": True,
                "pad_vocab_size_multiple": 16, "tie_embeddings": True}


class Llama:
    """A Transformer in Prismatic's layout."""
    arch, tied = "no-align+gelu-mlp", False
    model_id, llm_id = "llama+mini", "llama-mini-zephyr"
    parts = {"projector": ("", "projector."), "llm_backbone": ("llm.", "llm.")}

    @staticmethod
    def miniature(vocab_rows):
        return model_llama.LlamaSystem(M.DINO, M.SIGLIP, model_llama.LlamaSize(160, 8, vocab_rows, 5, 5, 32, 384))

    @staticmethod
    def from_facts(towers, facts):
        return model_llama.LlamaSystem(*towers, Llama.size(facts["lm"]))

    @staticmethod
    def size(lm):
        assert lm["rope_dims"] == lm["head_dim"]
        return model_llama.LlamaSize(lm["width"], lm["layers"], lm["vocab_rows"], lm["heads"], lm["kv_heads"],
                                     lm["head_dim"], lm["mlp"], lm["rope_theta"], lm["eps"])

    @staticmethod
    def connector(net):
        return {}

    @staticmethod
    def lm(s, tokens):
        return {"kind": "llama", "width": s.d_model, "layers": s.layers, "heads": s.heads, "kv_heads": s.kv_heads,
                "head_dim": s.head_dim, "mlp": s.mlp, "rope_theta": s.theta, "rope_dims": s.head_dim, "eps": s.eps,
                "activation": "silu", "vocab_rows": s.vocab_rows, "tokens": tokens, "tied_head": False, "eos": 0,
                "head_bias": False}

    @staticmethod
    def lm_config(s, tokens):
        return {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu",
                "hidden_size": s.d_model, "intermediate_size": s.mlp, "num_hidden_layers": s.layers,
                "num_attention_heads": s.heads, "num_key_value_heads": s.kv_heads, "head_dim": s.head_dim,
                "max_position_embeddings": 2048, "rms_norm_eps": s.eps, "rope_theta": s.theta, "rope_scaling": None,
                "tie_word_embeddings": False, "vocab_size": s.vocab_rows, "eos_token_id": 0}


SYSTEMS = {"mamba": Mamba1, "mamba2": Mamba2, "llama": Llama}
KINDS = {"mamba1": Mamba1, "mamba2": Mamba2, "llama": Llama}


def miniature(decoder, tokens):
    """Vocabulary rows are the tokens rounded up to a multiple of 8."""
    return SYSTEMS[decoder].miniature(-(-tokens // 8) * 8)


def pack(system, state):
    """The checkpoint's `model`: a part each for everything but the towers."""
    parts = {}
    for part, (there, here) in system.parts.items():
        parts[part] = OrderedDict((there + k[len(here):], v) for k, v in state.items() if k.startswith(here))
    if system.tied:                                    # the official code writes the tied head twice
        llm, prefix = parts["llm_backbone"], system.parts["llm_backbone"][0]
        llm[prefix + "lm_head.weight"] = llm[prefix + "backbone.embedding.weight"].clone()
    return parts


def unpack(system, parts):
    """The module's names again, without the towers, in fp32."""
    state = {}
    for part, (there, here) in system.parts.items():
        state.update({here + k[len(there):]: v.float() for k, v in parts[part].items() if k.startswith(there)})
    if system.tied:
        head, table = state.pop("llm.lm_head.weight"), state["llm.backbone.embedding.weight"]
        assert (head == table).all()
    return state


def load_towers(net, directory, facts):
    """Both towers from the files that the facts name, in fp32, on the grid that the facts want."""
    for tower, t, default in zip((net.dino, net.siglip), facts["towers"],
                                 (("dino/model.safetensors", ""),
                                  ("siglip/open_clip_model.safetensors", "visual.trunk."))):
        prefix = t.get("prefix", default[1])
        file = load_file(os.path.join(directory, t.get("file", default[0])))
        state = {k[len(prefix):]: v.float() for k, v in file.items() if k.startswith(prefix) and "attn_pool" not in k}
        grid, native = facts["grid"], round(state["pos_embed"].shape[1] ** 0.5)
        if native != grid:
            pos = state["pos_embed"].view(1, native, native, -1).permute(0, 3, 1, 2)
            pos = F.interpolate(pos, (grid, grid), mode="bicubic", antialias=True, align_corners=False)
            state["pos_embed"] = pos.permute(0, 2, 3, 1).reshape(1, grid * grid, -1)
        tower.load_state_dict(state)


def load(directory, facts):
    """A whole system in fp32 from its released layout; sizes from model_facts.json or a fixture's hparams."""
    towers = [M.TowerSize(t["width"], t["layers_in_file"], t["heads"], t["mlp"], facts["grid"], facts["patch_size"],
                          t["registers"], t["cls_token"], t["layer_scale"]) for t in facts["towers"]]
    system = KINDS[facts["lm"]["kind"]]
    net = system.from_facts(towers, facts)
    load_towers(net, directory, facts)
    saved = torch.load(os.path.join(directory, "checkpoints/latest-checkpoint.pt"), map_location="cpu")["model"]
    missing, unexpected = net.load_state_dict(unpack(system, saved), strict=False)
    assert not unexpected and all(k.startswith(("dino.", "siglip.")) for k in missing), (missing, unexpected)
    return net.eval()


def run_config(system):
    """config.json of a run; what does not apply to a miniature is left out."""
    return {
        "model": {"model_id": system.model_id, "type": system.model_id, "arch_specifier": system.arch,
                  "vision_backbone_id": "dinosiglip-vit-so-384px", "image_resize_strategy": "resize-naive",
                  "llm_backbone_id": system.llm_id, "llm_max_length": 2048},
        "run_id": "synthetic-scenes+" + system.model_id, "stage": "finetune", "seed": 2,
        "dataset": {"dataset_id": "synthetic-scenes", "type": "synthetic-scenes"}}


def tower_facts(name, kind, s, stats, file, prefix):
    return {"name": name, "kind": kind, "file": file, "prefix": prefix, "width": s.width,
            "layers_in_file": s.depth, "layers_run": s.depth - 1, "heads": s.heads, "head_dim": s.width // s.heads,
            "mlp": s.mlp, "eps": 1e-6, "activation": "gelu_erf", "layer_scale": s.layer_scale,
            "cls_token": s.prefix, "registers": s.registers, "native_grid": s.grid, "grid": s.grid,
            "final_norm": False, "drop_leading": 0, "mean": list(stats[0]), "std": list(stats[1]),
            "rescale": "torchvision"}


def facts(system, net, tokens, shared=""):
    """Sizes that tensor shapes do not tell, in the terms of the reference fixtures.

    `shared` is the path of the example whose towers and tokenizer are used, with a slash at its end."""
    return {
        "image_size": SIDE, "patch_size": M.DINO.patch, "grid": M.DINO.grid, "unused_border_px": 0,
        "image_tokens": M.DINO.grid ** 2, "resize": "resize-naive",
        "towers": [tower_facts("dino", "timm-dinov2-reg4", M.DINO, M.IMAGENET, shared + "dino/model.safetensors", ""),
                   tower_facts("siglip", "timm-siglip", M.SIGLIP, M.HALF,
                               shared + "siglip/open_clip_model.safetensors", "visual.trunk.")],
        "connector": {"arch_specifier": system.arch, "activation": "gelu_erf", "in": net.width,
                      "out": net.llm.s.d_model, **system.connector(net)},
        "lm": system.lm(net.llm.s, tokens),
        "prompt": "zephyr", "sequence": "image rows first, then the text rows; no BOS",
        **({"tokenizer": shared + "tokenizer.json"} if shared else {}),
        "storage": "bfloat16", "parameters": M.parameters(net)}
