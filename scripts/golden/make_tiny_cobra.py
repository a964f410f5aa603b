#!/usr/bin/env python3
"""Writes three tiny random Cobras in the official layout with what they compute, tests/data/engine.

    python3 scripts/golden/make_tiny_cobra.py
    python3 scripts/golden/make_tiny_cobra.py --verify SHARED

The second form writes nothing: it holds the mathematics below to the reference fixtures of SHARED.
Needs torch, safetensors, tokenizers and Pillow (written with torch 2.15.0, Pillow 13.0.0).

The values come from plain formulas in double (Cobra @4b81082, timm 0.9.10, mamba_ssm 1.2.2), the
position tables from torch's own resampling in float.  `tolerance` is what the same formulas lose
when parameters and everything between two operations are rounded to bfloat16.
"""
import hashlib
import json
import math
import os
import sys

import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer

ROOT = os.path.join(os.path.dirname(__file__), "..", "..")
OUT = os.path.join(ROOT, "tests", "data", "engine")
TOKENIZER = os.path.join(ROOT, "tests", "data", "tokenizer", "neox.json")
IMAGENET = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
HALF = ([0.5] * 3, [0.5] * 3)
TEMPLATES = {
    "zephyr": ("<|user|>\n", "<|endoftext|>\n<|assistant|>\n"),
    "in-out": ("In: ", "\nOut: "),
}
CONV = 4


# The picture.

def resize(image, width, height):
    """Rows first, then columns, as Pillow 10 does; Pillow 13 may take the columns first."""
    return image.resize((width, image.height), Image.BICUBIC).resize((width, height), Image.BICUBIC)


def resized(image, mode, size, mean):
    """The bytes that are normalised: resize-naive, resize-crop or letterbox."""
    if mode == "resize-naive":
        return resize(image, size, size)
    if mode == "letterbox":
        longer = max(image.size)
        pad = [int((longer - side) / 2) for side in image.size]
        canvas = Image.new("RGB", (image.width + 2 * pad[0], image.height + 2 * pad[1]),
                           tuple(int(m * 255) for m in mean))
        canvas.paste(image, tuple(pad))
        image = canvas
    width, height = image.size
    if width <= height:
        image = resize(image, size, int(size * height / width))
    else:
        image = resize(image, int(size * width / height), size)
    left, top = (int(round((side - size) / 2.0)) for side in image.size)
    return image.crop((left, top, left + size, top + size))


def normalised(image, mean, std):
    """[3, size, size] in float, each step rounded as torchvision does."""
    data = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8)
    data = data.reshape(image.height, image.width, 3).permute(2, 0, 1)
    mean, std = (torch.tensor(v, dtype=torch.float32).view(3, 1, 1) for v in (mean, std))
    return (data.to(torch.float32) / 255.0 - mean) / std


# The model, in double; q rounds what passes between two operations.

class Math:
    """Formulas on weights that were read from the files."""

    def __init__(self, hparams, parts, params_bf16=False, activations_bf16=False):
        def stored(x):
            x = x.to(torch.float32)
            return (x.to(torch.bfloat16) if params_bf16 else x).to(torch.float64)

        self.h = hparams
        self.w = {part: {k: stored(v) for k, v in tensors.items()}
                  for part, tensors in parts.items()}
        self.raw = parts
        self.params_bf16 = params_bf16
        self.q = ((lambda x: x.to(torch.float32).to(torch.bfloat16).to(torch.float64))
                  if activations_bf16 else lambda x: x)

    def linear(self, part, name, x, bias=True):
        y = self.q(x) @ self.w[part][name + ".weight"].flatten(1).T
        return self.q(y + self.w[part][name + ".bias"] if bias else y)

    def norm(self, part, name, x, eps):
        width = x.shape[-1]
        return F.layer_norm(x, (width,), self.w[part][name + ".weight"],
                            self.w[part][name + ".bias"], eps)

    def positions(self, tower, grid):
        table = self.raw[tower["name"]]["pos_embed"].to(torch.float32)
        side = math.isqrt(table.shape[1])
        if side != grid:
            table = table.reshape(1, side, side, -1).permute(0, 3, 1, 2)
            table = F.interpolate(table, size=(grid, grid), mode="bicubic", antialias=True)
            table = table.permute(0, 2, 3, 1).reshape(1, grid * grid, -1)
        return (table.to(torch.bfloat16) if self.params_bf16 else table)[0].to(torch.float64)

    def tower(self, tower, pixels):
        part, q, eps = tower["name"], self.q, tower["eps"]
        weight = self.w[part]["patch_embed.proj.weight"]
        patch, heads = weight.shape[2], tower["heads"]
        x = F.conv2d(q(pixels.to(torch.float64))[None], weight,
                     self.w[part]["patch_embed.proj.bias"], stride=patch)
        grid = x.shape[2]
        x = q(q(x[0].flatten(1).T) + self.positions(tower, grid))
        prefix = [self.w[part][k][0] for k in ("cls_token", "reg_token") if k in self.w[part]]
        x = torch.cat(prefix + [x])
        for i in range(tower["layers_run"]):
            name = f"blocks.{i}."
            scales = [self.w[part].get(f"{name}ls{k}.gamma", torch.ones((), dtype=torch.float64))
                      for k in (1, 2)]
            qkv = self.linear(part, name + "attn.qkv", self.norm(part, name + "norm1", x, eps))
            query, key, value = (t.reshape(len(x), heads, -1).transpose(0, 1)
                                 for t in qkv.chunk(3, dim=1))
            a = (query @ key.transpose(1, 2) / math.sqrt(query.shape[2])).softmax(-1) @ value
            a = self.linear(part, name + "attn.proj", q(a.transpose(0, 1).flatten(1)))
            x = q(x + q(a * scales[0]))
            m = self.linear(part, name + "mlp.fc1", self.norm(part, name + "norm2", x, eps))
            m = self.linear(part, name + "mlp.fc2", q(F.gelu(m)))
            x = q(x + q(m * scales[1]))
        return x[sum(len(p) for p in prefix):]

    def connector(self, x):
        numbers = sorted({int(k.split(".")[1]) for k in self.w["projector"]
                          if k.split(".")[1].isdigit() and "peg" not in k})
        for i, number in enumerate(numbers):
            x = self.linear("projector", f"projector.{number}", self.q(F.gelu(x)) if i else x)
        if "projector.4.peg.0.weight" not in self.w["projector"]:
            return x
        side, width = math.isqrt(len(x)), x.shape[1]
        x = self.q(F.adaptive_avg_pool2d(x.T.reshape(1, width, side, side), 14))
        y = F.conv2d(x, self.w["projector"]["projector.4.peg.0.weight"],
                     self.w["projector"]["projector.4.peg.0.bias"], padding=1, groups=width)
        return self.q(self.q(y) + x)[0].flatten(1).T

    def embed(self, ids):
        return self.w["llm"]["backbone.embedding.weight"][ids]

    def new_state(self):
        lm = self.h["lm"]
        return [(torch.zeros(lm["d_inner"], CONV, dtype=torch.float64),
                 torch.zeros(lm["d_inner"], lm["d_state"], dtype=torch.float64))
                for _ in range(lm["layers"])]

    def rms(self, x, weight):
        return x / torch.sqrt((x * x).mean(-1, keepdim=True) + self.h["lm"]["eps"]) * weight

    def mixer(self, name, u, state):
        """One layer on rows u; the state is (conv, ssm), the new one is returned."""
        lm, w, q = self.h["lm"], self.w["llm"], self.q
        rank, depth = lm["dt_rank"], lm["d_state"]
        x, z = self.linear("llm", name + "in_proj", u, bias=False).chunk(2, dim=1)
        past = torch.cat([state[0], x.T], dim=1)
        taps = w[name + "conv1d.weight"][:, 0]
        x = torch.stack([(past[:, t + 1:t + 1 + CONV] * taps).sum(1) for t in range(len(u))])
        x = q(F.silu(x + w[name + "conv1d.bias"]))
        dt, B, C = self.linear("llm", name + "x_proj", x, bias=False).split([rank, depth, depth], 1)
        dt = self.linear("llm", name + "dt_proj", dt, bias=False)
        dt = F.softplus(dt + w[name + "dt_proj.bias"])
        A, D, h, rows = -torch.exp(w[name + "A_log"]), w[name + "D"], state[1], []
        for t in range(len(u)):
            h = torch.exp(dt[t][:, None] * A) * h + (dt[t] * x[t])[:, None] * B[t]
            rows.append(h @ C[t] + D * x[t])
        y = q(torch.stack(rows) * F.silu(z))
        return self.linear("llm", name + "out_proj", y, bias=False), (past[:, -CONV:], q(h))

    def lm(self, rows, state):
        """Logits behind the last row, and the state."""
        r, new = rows, []
        for i in range(self.h["lm"]["layers"]):
            name = f"backbone.layers.{i}."
            u = self.q(self.rms(r, self.w["llm"][name + "norm.weight"]))
            m, after = self.mixer(name + "mixer.", u, state[i])
            r, new = r + m, new + [after]
        last = self.q(self.rms(r[-1:], self.w["llm"]["backbone.norm_f.weight"]))
        return self.q(last @ self.w["llm"]["backbone.embedding.weight"].T)[0], new

    def features(self, tensors):
        return [self.tower(t, p) for t, p in zip(self.h["towers"], tensors)]

    def run(self, tensors, prompt, steps, forced=None):
        """Everything: features, image rows, logits of every step, ids, the state after the prompt.
        forced: the ids to feed, instead of the own ones."""
        towers = self.features(tensors)
        rows = self.connector(torch.cat(towers, dim=1))
        logits, state = self.lm(torch.cat([rows, self.embed(prompt)]), self.new_state())
        after, all_logits, ids = state, [logits], []
        while True:
            ids.append(int(logits.argmax()))
            fed = forced[len(ids) - 1] if forced else ids[-1]
            if len(ids) == steps or (not forced and fed == self.h["lm"]["eos"]):
                break
            logits, state = self.lm(self.embed([fed]), state)
            all_logits.append(logits)
        return {"towers": towers, "rows": rows, "logits": torch.stack(all_logits), "ids": ids,
                "state": after}


def read_parts(directory, files):
    """The weights as the files hold them, prefixes taken away."""
    model = torch.load(os.path.join(directory, files["checkpoint"]), weights_only=True)["model"]
    parts = {"projector": model["projector"],
             "llm": {k.removeprefix("llm."): v for k, v in model["llm_backbone"].items()}}
    for name in ("dino", "siglip"):
        if name not in files:
            continue
        tensors = load_file(os.path.join(directory, files[name]))
        prefix = "visual.trunk." if "visual.trunk.pos_embed" in tensors else ""
        parts[name] = {k.removeprefix(prefix): v for k, v in tensors.items()
                       if k.startswith(prefix)}
    return parts


# Random weights.

class Noise:
    def __init__(self, seed):
        self.generator = torch.Generator().manual_seed(seed)

    def __call__(self, *shape, scale=1.0, centre=0.0):
        return centre + scale * torch.randn(*shape, generator=self.generator)


def tower_weights(noise, tower, patch):
    """A timm ViT of one block more than is run; its last block and norm are never read."""
    width, mlp = tower["width"], tower["mlp"]
    out = {"pos_embed": noise(1, tower["native_grid"] ** 2, width, scale=0.5),
           "patch_embed.proj.weight": noise(width, 3, patch, patch, scale=(3 * patch ** 2) ** -0.5),
           "patch_embed.proj.bias": noise(width, scale=0.2),
           "norm.weight": noise(width, centre=1, scale=0.1), "norm.bias": noise(width, scale=0.1)}
    if tower["cls_token"]:
        out["cls_token"] = noise(1, 1, width)
        out["reg_token"] = noise(1, tower["registers"], width)
    for i in range(tower["layers_in_file"]):
        name = f"blocks.{i}."
        shapes = {"attn.qkv": (3 * width, width), "attn.proj": (width, width),
                  "mlp.fc1": (mlp, width), "mlp.fc2": (width, mlp)}
        for key, (n_out, n_in) in shapes.items():
            out[f"{name}{key}.weight"] = noise(n_out, n_in, scale=1.3 * n_in ** -0.5)
            out[f"{name}{key}.bias"] = noise(n_out, scale=0.2)
        for key in ("norm1", "norm2"):
            out[f"{name}{key}.weight"] = noise(width, centre=1, scale=0.2)
            out[f"{name}{key}.bias"] = noise(width, scale=0.2)
        for key in ("ls1.gamma", "ls2.gamma") if tower["layer_scale"] else ():
            out[name + key] = noise(width, centre=0.8, scale=0.3)
    return out


def lm_weights(noise, lm):
    width, inner, depth, rank = lm["d_model"], lm["d_inner"], lm["d_state"], lm["dt_rank"]
    out = {"backbone.embedding.weight": noise(lm["vocab_rows"], width, scale=0.6),
           "backbone.norm_f.weight": noise(width, centre=1, scale=0.2)}
    for i in range(lm["layers"]):
        name = f"backbone.layers.{i}."
        out[name + "norm.weight"] = noise(width, centre=1, scale=0.2)
        name += "mixer."
        out[name + "A_log"] = torch.log(torch.arange(1.0, depth + 1)).repeat(inner, 1) \
            + noise(inner, depth, scale=0.1)
        out[name + "D"] = noise(inner, centre=1, scale=0.2)
        out[name + "conv1d.weight"] = noise(inner, 1, CONV, scale=0.5)
        out[name + "conv1d.bias"] = noise(inner, scale=0.2)
        out[name + "in_proj.weight"] = noise(2 * inner, width, scale=1.2 * width ** -0.5)
        out[name + "x_proj.weight"] = noise(rank + 2 * depth, inner, scale=1.5 * inner ** -0.5)
        out[name + "dt_proj.weight"] = noise(inner, rank, scale=rank ** -0.5)
        out[name + "dt_proj.bias"] = noise(inner, centre=-2, scale=1)
        out[name + "out_proj.weight"] = noise(width, inner, scale=1.2 * inner ** -0.5)
    return out


def connector_weights(noise, kind, n_in, hidden, width):
    sizes = {"gelu-mlp": [(n_in, hidden), (hidden, width)],
             "fused-gelu-mlp": [(n_in, hidden), (hidden, width), (width, width)],
             "fused-ldpnet": [(n_in, hidden), (hidden, width)]}[kind]
    out = {}
    for i, (a, b) in enumerate(sizes):
        out[f"projector.{2 * i}.weight"] = noise(b, a, scale=1.5 * a ** -0.5)
        out[f"projector.{2 * i}.bias"] = noise(b, scale=0.2)
    if kind == "fused-ldpnet":
        out["projector.4.peg.0.weight"] = noise(width, 1, 3, 3, scale=0.3)
        out["projector.4.peg.0.bias"] = noise(width, scale=0.2)
    return out


# The variants.  Sizes are odd on purpose: head sizes that are no powers of two, unused borders, a
# DINO table of another grid.

def tower_hparams(name, width, heads, mlp, layers, native_grid, grid):
    dino = name == "dino"
    mean, std = IMAGENET if dino else HALF
    return {"name": name, "width": width, "layers_in_file": layers + 1, "layers_run": layers,
            "heads": heads, "mlp": mlp, "eps": 1e-6, "activation": "gelu_erf",
            "layer_scale": dino, "cls_token": dino, "registers": 2 if dino else 0,
            "native_grid": native_grid, "grid": grid, "mean": mean, "std": std,
            "rescale": "torchvision"}


def lm_hparams(width, layers, inner, depth, rank):
    return {"d_model": width, "layers": layers, "d_inner": inner, "d_conv": CONV, "d_state": depth,
            "dt_rank": rank, "vocab_rows": 504, "eps": 1e-5, "eos": 0}


VARIANTS = [
    {"name": "cobra", "first_seed": 100, "patch": 6, "image_size": 22, "resize": "resize-crop",
     "towers": [tower_hparams("dino", 12, 2, 20, 2, 5, 3),
                tower_hparams("siglip", 14, 2, 18, 2, 3, 3)],
     "kind": "fused-gelu-mlp", "hidden": 40, "lm": lm_hparams(16, 2, 32, 6, 3),
     "llm_id": "mamba-2.8b-zephyr", "template": "zephyr", "llm_max_length": 2048,
     "head": "written twice", "dtype": torch.float32, "tower_dtype": torch.float32,
     "vision_id": "dinosiglip-vit-so-384px", "picture": (37, 26), "stops": "length",
     "question": "Is there a dog in the image?\nAnswer the question using a single word or phrase."},
    {"name": "cobra-siglip", "first_seed": 200, "patch": 6, "image_size": 20, "resize": "letterbox",
     "towers": [tower_hparams("siglip", 10, 2, 12, 1, 3, 3)],
     "kind": "gelu-mlp", "hidden": 12, "lm": lm_hparams(12, 1, 24, 5, 2),
     "llm_id": "mamba-2.8b-slimpj", "template": "in-out", "llm_max_length": 700,
     "head": "left out", "dtype": torch.bfloat16, "tower_dtype": torch.bfloat16,
     "vision_id": "siglip-vit-so400m-20px", "picture": (21, 34), "stops": "eos",
     "question": "  What is <image>this?\n"},
    {"name": "cobra-ldpnet", "first_seed": 300, "patch": 4, "image_size": 63,
     "resize": "resize-naive",
     "towers": [tower_hparams("dino", 9, 3, 12, 1, 18, 15),
                tower_hparams("siglip", 10, 2, 12, 1, 15, 15)],
     "kind": "fused-ldpnet", "hidden": 24, "lm": lm_hparams(12, 2, 24, 4, 2),
     "llm_id": "mamba-2.8b-zephyr", "template": "zephyr", "llm_max_length": 2048,
     "head": "shares one storage", "dtype": torch.float32, "tower_dtype": torch.bfloat16,
     "vision_id": "dinosiglip-vit-so-384px", "picture": (50, 71), "stops": "length",
     "question": "How many people are there?"},
]
STEPS = 8
FILES = {"config": "config.json", "checkpoint": "checkpoints/latest-checkpoint.pt",
         "tokenizer": "tokenizer.json", "image": "input.png"}


def tower_file(name, n_towers):
    if name == "dino":
        return "dino/model.safetensors"
    return "siglip/open_clip_model.safetensors" if n_towers == 2 else "siglip/model.safetensors"


def variant_files(variant):
    towers = {t["name"]: tower_file(t["name"], len(variant["towers"])) for t in variant["towers"]}
    return FILES | towers


def variant_weights(variant, seed):
    noise, lm = Noise(seed), variant["lm"]
    parts = {t["name"]: {k: v.to(variant["tower_dtype"])
                         for k, v in tower_weights(noise, t, variant["patch"]).items()}
             for t in variant["towers"]}
    n_in = sum(t["width"] for t in variant["towers"])
    parts["projector"] = connector_weights(noise, variant["kind"], n_in, variant["hidden"],
                                           lm["d_model"])
    parts["llm"] = lm_weights(noise, lm)
    for part in ("projector", "llm"):
        parts[part] = {k: v.to(variant["dtype"]) for k, v in parts[part].items()}
    return parts


def write_json(path, value):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file, indent=1)
        file.write("\n")


def write_tower(directory, variant, tower, tensors):
    path = os.path.join(directory, variant_files(variant)[tower["name"]])
    os.makedirs(os.path.dirname(path), exist_ok=True)
    arguments = {"img_size": variant["image_size"], "num_heads": tower["heads"]}
    if path.endswith("open_clip_model.safetensors"):
        tensors = {"visual.trunk." + k: v for k, v in tensors.items()}
        tensors["visual.trunk.attn_pool.latent"] = torch.zeros(1, 1, tower["width"])
        tensors["logit_scale"] = torch.tensor(1.0)
        write_json(os.path.join(os.path.dirname(path), "open_clip_config.json"),
                   {"model_cfg": {"vision_cfg": {"image_size": variant["image_size"],
                                                 "timm_model_args": arguments}}})
    else:
        write_json(os.path.join(os.path.dirname(path), "config.json"), {"model_args": arguments})
    save_file({k: v.contiguous() for k, v in tensors.items()}, path)


def write_checkpoint(directory, variant, parts):
    llm = {"llm." + k: v for k, v in parts["llm"].items()}
    table = parts["llm"]["backbone.embedding.weight"]
    if variant["head"] == "written twice":
        llm["llm.lm_head.weight"] = table.clone()
    elif variant["head"] == "shares one storage":
        llm["llm.lm_head.weight"] = table
    os.makedirs(os.path.join(directory, "checkpoints"), exist_ok=True)
    torch.save({"model": {"projector": parts["projector"], "llm_backbone": llm}},
               os.path.join(directory, FILES["checkpoint"]))


def write_files(directory, variant, parts):
    for tower in variant["towers"]:
        write_tower(directory, variant, tower, parts[tower["name"]])
    write_checkpoint(directory, variant, parts)
    write_json(os.path.join(directory, "config.json"), {
        "model": {"model_id": variant["name"] + "-tiny",
                  "arch_specifier": "no-align+" + variant["kind"],
                  "vision_backbone_id": variant["vision_id"],
                  "llm_backbone_id": variant["llm_id"],
                  "image_resize_strategy": variant["resize"],
                  "llm_max_length": variant["llm_max_length"]}})
    with open(TOKENIZER, encoding="utf-8") as source:
        text = source.read()
    with open(os.path.join(directory, "tokenizer.json"), "w", encoding="utf-8") as file:
        file.write(text)


def picture(size, seed):
    """Smooth colours with a few hard edges."""
    image = Image.new("RGB", size)
    image.putdata([((7 * x + 3 * y + seed) % 256, (x * y + 40) % 256, 230 if (x // 9 + y // 7) % 2
                    else (5 * y) % 200) for y in range(size[1]) for x in range(size[0])])
    return image


# reference.json.

def rounded(values):
    return [float(f"{v:.9g}") for v in values]


def sums(x):
    x = x.to(torch.float64)
    return {"sum": float(f"{x.sum():.9g}"), "sumsq": float(f"{(x * x).sum():.9g}")}


def summary(x):
    return {"shape": list(x.shape), "first8": rounded(x[0][:8].tolist()),
            "last8": rounded(x[-1][-8:].tolist())} | sums(x)


def sha256(image):
    return hashlib.sha256(image.tobytes()).hexdigest()


def loss(reference, hparams, parts, tensors, prompt, activations):
    """What bfloat16 loses: of parameters only, or of activations too."""
    other = Math(hparams, parts, True, activations)
    got = other.run(tensors, prompt, len(reference["ids"]), reference["ids"])
    delta = got["logits"] - reference["logits"]
    rows = (got["rows"] - reference["rows"]).norm() / reference["rows"].norm()
    return {"logits_max_abs": float(delta[0].abs().max()),
            "logits_rms": float((delta[0] ** 2).mean().sqrt()),
            "all_steps_max_abs": float(delta.abs().max()), "image_rows_rel_l2": float(rows),
            "same_argmax": sum(a == b for a, b in zip(got["ids"], reference["ids"])),
            "of": len(reference["ids"])}


def margins(logits):
    top = logits.topk(2, dim=1).values
    return (top[:, 0] - top[:, 1]).tolist()


def suits(result, variant):
    """Seeds are tried until greedy decoding ends as wanted, with clear margins."""
    ids, eos = result["ids"], variant["lm"]["eos"]
    if min(margins(result["logits"])) < 0.05:
        return False
    if variant["stops"] == "eos":
        return ids[-1] == eos and 3 <= len(ids) < STEPS
    return eos not in ids and len(set(ids)) >= 4


def prompt_of(variant):
    before, after = TEMPLATES[variant["template"]]
    return before + variant["question"].replace("<image>", "").strip() + after


def tokenizer_cases(tokenizer):
    texts = ["", "Yes", "a  b", "caf\u00e9 cafe\u0301", "<|endoftext|>x", "It's 2024!\n\nOK   "]
    return [{"text": t, "ids": tokenizer.encode(t, add_special_tokens=False).ids} for t in texts]


def greedy_of(tokenizer, result, eos):
    specials = (0, 1)
    ids = [i for i in result["ids"] if i not in specials]
    data = b"".join(token_bytes(tokenizer, i) for i in ids)
    text = data.decode("utf-8", errors="replace")
    for old, new in ((" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"),
                     (" n't", "n't"), (" 'm", "'m"), (" 's", "'s"), (" 've", "'ve"),
                     (" 're", "'re")):
        text = text.replace(old, new)
    return {"ids": result["ids"], "stopped_by": "eos" if result["ids"][-1] == eos else "length",
            "max_new_tokens": STEPS, "margins": rounded(margins(result["logits"])),
            "bytes_hex": data.hex(), "text": text.strip(),
            "logits_last_step": rounded(result["logits"][-1].tolist())}


def token_bytes(tokenizer, index):
    """The bytes of one entry, by GPT-2's table of printable stand-ins."""
    token = tokenizer.id_to_token(index)
    if token is None:
        return b""
    if set(token) == {" "}:
        return token.encode()
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    table = {chr(b): b for b in plain}
    table |= {chr(256 + n): b for n, b in enumerate(b for b in range(256) if b not in plain)}
    return bytes(table[c] for c in token)


def state_of(result):
    return [{"layer": i, "conv": {"shape": list(conv.shape)} | sums(conv),
             "ssm": {"shape": list(ssm.shape)} | sums(ssm)}
            for i, (conv, ssm) in enumerate(result["state"])]


def make_variant(variant):
    directory = os.path.join(OUT, variant["name"])
    os.makedirs(directory, exist_ok=True)
    tokenizer = Tokenizer.from_file(TOKENIZER)
    prompt = prompt_of(variant)
    ids = tokenizer.encode(prompt, add_special_tokens=False).ids
    image = picture(variant["picture"], variant["first_seed"])
    small = [resized(image, variant["resize"], variant["image_size"], t["mean"])
             for t in variant["towers"]]
    tensors = [normalised(s, t["mean"], t["std"]) for s, t in zip(small, variant["towers"])]
    hparams = {"image_size": variant["image_size"], "patch_size": variant["patch"],
               "resize": variant["resize"], "towers": variant["towers"], "lm": variant["lm"]}
    seed = variant["first_seed"]
    while True:
        parts = variant_weights(variant, seed)
        result = Math(hparams, parts).run(tensors, ids, STEPS)
        if suits(result, variant):
            break
        seed += 1
    image.save(os.path.join(directory, "input.png"), optimize=True)
    write_files(directory, variant, parts)
    result = Math(hparams, read_parts(directory, variant_files(variant))).run(tensors, ids, STEPS)
    first = result["logits"][0]
    choice = [tokenizer.encode(s, add_special_tokens=False).ids[0] for s in ("Yes", "No")]
    reference = {
        "format": 1, "name": variant["name"], "family": "cobra", "seed": seed,
        "files": variant_files(variant), "hparams": hparams,
        "prompt": {"template": variant["template"], "question": variant["question"],
                   "text": prompt, "ids": ids},
        "tokenizer_cases": tokenizer_cases(tokenizer),
        "image": {"file": "input.png", "width": image.width, "height": image.height,
                  "rgb_sha256": sha256(image)},
        "preprocess": {
            "mode": variant["resize"], "resized_sha256": sha256(small[0]),
            "tensors": [{"name": t["name"], "first16": rounded(p.flatten()[:16].tolist())} | sums(p)
                        for t, p in zip(variant["towers"], tensors)]},
        "vision": {t["name"]: summary(x) for t, x in zip(variant["towers"], result["towers"])}
        | {"features": summary(torch.cat(result["towers"], dim=1))},
        "connector": {"output": summary(result["rows"])},
        "logits": rounded(first.tolist()),
        "choice": {"strings": ["Yes", "No"], "ids": choice,
                   "p": rounded(first[choice].softmax(0).tolist())},
        "greedy": greedy_of(tokenizer, result, variant["lm"]["eos"]),
        "state_after_prompt": state_of(result),
        "tolerance": {"fp32_logits_abs": 1e-4,
                      "bf16": loss(result, hparams, parts, tensors, ids, True),
                      "bf16_weights_only": loss(result, hparams, parts, tensors, ids, False)},
    }
    write_json(os.path.join(directory, "reference.json"), reference)
    whole = {"vision.features": torch.cat(result["towers"], dim=1),
             "connector.output": result["rows"], "logits_per_step": result["logits"]}
    save_file({k: v.to(torch.float32).contiguous() for k, v in whole.items()},
              os.path.join(directory, "reference.safetensors"))
    print(variant["name"], "seed", seed, "ids", result["ids"], reference["tolerance"])


# The same mathematics against fixtures that others made.

def verify(shared):
    worst = 0.0
    for name in ("cobra", "cobra-siglip", "cobra-ldpnet"):
        directory = os.path.join(shared, "fixtures", name)
        with open(os.path.join(directory, "reference.json"), encoding="utf-8") as file:
            want = json.load(file)
        h = want["hparams"]
        image = Image.open(os.path.join(directory, want["files"]["image"])).convert("RGB")
        small = resized(image, h["resize"], h["image_size"], h["towers"][0]["mean"])
        assert sha256(small) == want["preprocess"]["resized_sha256"]
        tensors = [normalised(small, t["mean"], t["std"]) for t in h["towers"]]
        model = Math(h, read_parts(directory, want["files"]))
        got = model.run(tensors, want["prompt"]["ids"], want["greedy"]["max_new_tokens"])
        delta = float((got["logits"][0] - torch.tensor(want["logits"],
                                                       dtype=torch.float64)).abs().max())
        all_steps = load_file(os.path.join(directory, "reference.safetensors"))["logits_per_step"]
        steps = float((got["logits"] - all_steps.to(torch.float64)).abs().max())
        assert got["ids"] == want["greedy"]["ids"]
        mine = loss(got, h, model.raw, tensors, want["prompt"]["ids"], True)
        print(f"{name}: logits {delta:.2e}, every step {steps:.2e}; bf16 {mine['logits_max_abs']:.3f}"
              f" (fixture {want['tolerance']['bf16']['logits_max_abs']:.3f})")
        worst = max(worst, delta, steps)
    sys.exit(0 if worst <= 1e-4 else f"logits differ by {worst}")


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "--verify":
        verify(sys.argv[2])
    for each in VARIANTS:
        make_variant(each)
