#!/usr/bin/env python3
"""Writes tiny random vision towers, projectors and what PyTorch computes from them.

    python3 scripts/golden/make_tiny_vision.py tests/data/vision

weights.safetensors holds the towers (Transformers' CLIPVisionModel and SiglipVisionModel, timm's
VisionTransformer as CLIP) and the projectors (MobileVLM's from torchvision's InvertedResidual and
timm's LayerNormAct2d), expected.safetensors their outputs in float on the inputs of noise().
preprocess.json holds hashes of what CLIPImageProcessor makes of formula pictures, centre-cropped
and expanded to a square as LLaVA does.  Embeddings are kept small so that a wrong epsilon shows.

Needs torch, torchvision, timm, transformers, safetensors and Pillow up to 12 (Pillow 13 resizes
many tall pictures columns first); written with 2.15.0, 0.29.2, 1.0.31, 5.23.0, 0.8.0, 12.0.0.
"""
import hashlib
import json
import os
import sys
from functools import partial

import numpy as np
import PIL
import timm
import torch
from PIL import Image
from safetensors.torch import save_file
from timm.layers.norm_act import LayerNormAct2d
from torch import nn
from torchvision.models.mobilenetv3 import InvertedResidual, InvertedResidualConfig
from transformers import (CLIPImageProcessorPil, CLIPVisionConfig, CLIPVisionModel,
                          SiglipVisionConfig, SiglipVisionModel)

CLIP = ([0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711])
HALF = ([0.5] * 3, [0.5] * 3)


def noise(*shape):
    """Floats in [-1, 1) from a hash of the index; tests/test_vit.c has the same."""
    x = np.arange(np.prod(shape), dtype=np.uint32)
    with np.errstate(over="ignore"):
        x = x * np.uint32(0x9E3779B1)
        x = (x ^ (x >> np.uint32(15))) * np.uint32(0x85EBCA77)
        x = x ^ (x >> np.uint32(13))
    return torch.from_numpy((x >> np.uint32(8)).astype(np.float32) * 2.0**-23 - 1).reshape(shape)


def randomise(module, generator):
    """Every parameter: matrices that keep the variance, norms around 1, biases around 0."""
    for name, value in module.named_parameters():
        spread, centre = 0.3, 0.0
        if value.dim() >= 2:
            spread = 1.2 / (value[0].numel() ** 0.5)
        elif name.endswith("weight"):
            centre = 1.0
        if "embed" in name or "cls_token" in name or name.endswith("block.0.0.weight"):
            spread *= 0.05
        if "pre_layrnorm" in name or "norm_pre" in name:
            spread, centre = 0.02, 0.05 * centre
        with torch.no_grad():
            value.copy_(centre + spread * torch.randn(value.shape, generator=generator))


# The towers; each file has one block more than is run.

def clip():
    config = CLIPVisionConfig(hidden_size=24, intermediate_size=40, num_hidden_layers=3,
                              num_attention_heads=3, image_size=28, patch_size=7,
                              hidden_act="quick_gelu", layer_norm_eps=1e-5)
    model = CLIPVisionModel(config)
    return model, lambda x: model(x, output_hidden_states=True).hidden_states[-2][0, 1:]


def siglip():
    config = SiglipVisionConfig(hidden_size=20, intermediate_size=36, num_hidden_layers=3,
                                num_attention_heads=4, image_size=31, patch_size=7,
                                hidden_act="gelu_pytorch_tanh", layer_norm_eps=1e-6,
                                vision_use_head=False)
    model = SiglipVisionModel(config)
    return model, lambda x: model(x, output_hidden_states=True).hidden_states[-2][0]


def timm_clip():
    class QuickGELU(nn.Module):
        def forward(self, x):
            return x * torch.sigmoid(1.702 * x)

    model = timm.models.vision_transformer.VisionTransformer(
        img_size=28, patch_size=7, embed_dim=16, depth=2, num_heads=2, mlp_ratio=1.5,
        pre_norm=True, act_layer=QuickGELU, norm_layer=partial(nn.LayerNorm, eps=1e-5),
        num_classes=0)
    return model, lambda x: model.get_intermediate_layers(x, n={0})[0][0]


# The projectors.

class DepthwiseAndIdentity(nn.Module):
    """MobileVLM's position generator."""

    def __init__(self, width):
        super().__init__()
        self.peg = nn.Sequential(nn.Conv2d(width, width, 3, 1, 1, groups=width))

    def forward(self, x):
        return self.peg(x) + x


def to_grid(x):
    side = int(len(x) ** 0.5)
    return x.T.reshape(1, -1, side, side)


def to_rows(x):
    return x[0].flatten(1).T


def mlp(*widths):
    parts = []
    for a, b in zip(widths, widths[1:]):
        parts += [nn.Linear(a, b), nn.GELU()]
    return nn.Sequential(*parts[:-1])


def ldpnet(width_in, width):
    """mlp.1 and mlp.3, mb_block.1 and mb_block.2, as in the release."""
    def block(stride):
        config = InvertedResidualConfig(width, 3, width, width, True, "HS", stride, 1, 1)
        norm = partial(LayerNormAct2d, act_layer=None, apply_act=False, eps=1e-5)
        return InvertedResidual(config, norm_layer=norm)

    model = nn.ModuleDict({
        "mlp": nn.Sequential(nn.Identity(), nn.Linear(width_in, width), nn.GELU(),
                             nn.Linear(width, width)),
        "mb_block": nn.Sequential(nn.Identity(), block(1), block(2))})
    return model, lambda x: to_rows(model["mb_block"](to_grid(model["mlp"](x))))


def ldpnetv2(width_in, hidden, width):
    model = nn.ModuleDict({"mlp": nn.ModuleDict({"mlp": mlp(width_in, hidden, width)}),
                           "peg": DepthwiseAndIdentity(width)})
    pool = nn.AdaptiveAvgPool2d(12)
    return model, lambda x: to_rows(model["peg"](pool(to_grid(model["mlp"]["mlp"](x)))))


def fused_ldpnet(width_in, hidden, width):
    model = nn.ModuleDict({"0": nn.Linear(width_in, hidden), "2": nn.Linear(hidden, width),
                           "4": DepthwiseAndIdentity(width)})
    pool, gelu = nn.AdaptiveAvgPool2d(14), nn.GELU()
    return model, lambda x: to_rows(model["4"](pool(to_grid(model["2"](gelu(model["0"](x)))))))


def plain(model):
    return model, model


def modules():
    """Name, prefix in the file, (module, function), shape of the input."""
    yield "clip", "clip.vision_model.", clip(), (1, 3, 28, 28)
    yield "siglip", "siglip.", siglip(), (1, 3, 31, 31)
    yield "timm", "timm.", timm_clip(), (1, 3, 28, 28)
    yield "linear", "linear.", plain(nn.Linear(24, 20)), (10, 24)
    yield "gelu-mlp", "gelu-mlp.", plain(mlp(24, 16, 20)), (10, 24)
    yield "fused-gelu-mlp", "fused-gelu-mlp.", plain(mlp(24, 16, 20, 20)), (10, 24)
    yield "fused-ldpnet", "fused-ldpnet.", fused_ldpnet(24, 20, 16), (17 * 17, 24)
    yield "ldpnet", "ldpnet.model.", ldpnet(24, 40), (7 * 7, 24)
    yield "ldpnetv2", "ldpnetv2.", ldpnetv2(24, 20, 16), (25 * 25, 24)


def write_modules(folder):
    generator = torch.Generator().manual_seed(5)
    weights, expected = {}, {}
    for name, prefix, (module, function), shape in modules():
        module.eval()
        randomise(module, generator)
        with torch.no_grad():
            expected[name] = function(noise(*shape)).contiguous().clone()
        for key, value in module.state_dict().items():
            if value.is_floating_point() and "post_layernorm" not in key:
                weights[prefix + key] = value.contiguous().clone()
        print(name, tuple(expected[name].shape), float(expected[name].abs().max()))
    save_file(weights, os.path.join(folder, "weights.safetensors"))
    save_file(expected, os.path.join(folder, "expected.safetensors"))


# The picture.

def generated(width, height):
    """(7x + 13y + 29c + 5 (xy mod 11)) mod 256."""
    y, x, c = np.mgrid[0:height, 0:width, 0:3]
    return Image.fromarray(((7 * x + 13 * y + 29 * c + 5 * ((x * y) % 11)) % 256).astype(np.uint8))


def expanded(image, mean):
    """A square of the mean colour with the picture in its middle."""
    side = max(image.size)
    square = Image.new("RGB", (side, side), tuple(int(m * 255) for m in mean))
    square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    return square


def digest(array):
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def processed(image, size, norm):
    """Hashes of the resized bytes, of the tensor, and of the tensor rounded to fp16 and back."""
    processor = CLIPImageProcessorPil(size={"shortest_edge": size}, image_mean=norm[0],
                                      crop_size={"height": size, "width": size}, image_std=norm[1])
    levels = processor(image, do_normalize=False, do_rescale=False,
                       return_tensors="np")["pixel_values"][0]
    assert levels.min() >= 0 and levels.max() <= 255
    tensor = processor(image, return_tensors="np")["pixel_values"][0].astype(np.float32)
    return {"resized": digest(levels.astype(np.uint8).transpose(1, 2, 0)),
            "tensor": digest(tensor),
            "half": digest(tensor.astype(np.float16).astype(np.float32))}


SHAPES = [(97, 61, 62), (61, 97, 62), (100, 61, 62), (64, 67, 62), (67, 64, 62), (65, 62, 62),
          (62, 69, 62), (62, 62, 62), (300, 200, 384), (201, 133, 224), (500, 333, 336), (3, 4, 7),
          (1, 1, 5), (2, 1, 6), (1, 400, 14), (400, 1, 14), (1, 4000, 8), (7, 2900, 30)]


def write_pictures(folder):
    rows = []
    for width, height, size in SHAPES:
        image = generated(width, height)
        for name, norm in (("clip", CLIP), ("half", HALF)):
            rows.append({"width": width, "height": height, "size": size, "mean": norm[0],
                         "std": norm[1], "crop": processed(image, size, norm),
                         "pad": processed(expanded(image, norm[0]), size, norm)})
    with open(os.path.join(folder, "preprocess.json"), "w") as out:
        out.write("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")


def main():
    if int(PIL.__version__.split(".")[0]) > 12:
        sys.exit("make_tiny_vision.py: needs Pillow 12 or older")
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    write_modules(folder)
    write_pictures(folder)


main()
