"""Writes a Cobra-3B release of random weights at full size, as the authors' files lie: a bf16
checkpoint (a ZIP of more than 4 GiB, as torch.save writes it) and f32 towers.  Standard library
only.

    python3 tests/bench/write_cobra.py DIRECTORY [LAYERS]

The weights are noise: what is measured on them is loading.
"""
import array
import json
import os
import pickle
import random
import struct
import sys
import zipfile

WIDTH, INNER, STATE, RANK, VOCABULARY = 2560, 5120, 16, 160, 50280
BLOCK = 1 << 22  # values; longer tensors repeat them


def noise():
    """BLOCK floats within (-0.03, 0.03), and the same in bf16, as bytes."""
    rng = random.Random(1)
    values = array.array("f", (rng.random() * 0.06 - 0.03 for _ in range(BLOCK // 16)))
    f32 = values.tobytes() * 16
    halves = bytearray(len(values) * 2)
    raw = values.tobytes()
    halves[0::2], halves[1::2] = raw[2::4], raw[3::4]
    return f32, bytes(halves) * 16


F32, BF16 = noise()


def pieces(block, value_bytes, count):
    """The bytes of so many values, in blocks."""
    left = count * value_bytes
    while left > 0:
        yield block[:left] if left < len(block) else block
        left -= len(block)


def size(shape):
    n = 1
    for dim in shape:
        n *= dim
    return n


def mamba(layers):
    """Names and shapes below model.llm_backbone."""
    yield "llm.backbone.embedding.weight", (VOCABULARY, WIDTH)
    for i in range(layers):
        layer = f"llm.backbone.layers.{i}."
        yield layer + "mixer.A_log", (INNER, STATE)
        yield layer + "mixer.D", (INNER,)
        yield layer + "mixer.in_proj.weight", (2 * INNER, WIDTH)
        yield layer + "mixer.conv1d.weight", (INNER, 1, 4)
        yield layer + "mixer.conv1d.bias", (INNER,)
        yield layer + "mixer.x_proj.weight", (RANK + 2 * STATE, INNER)
        yield layer + "mixer.dt_proj.weight", (INNER, RANK)
        yield layer + "mixer.dt_proj.bias", (INNER,)
        yield layer + "mixer.out_proj.weight", (WIDTH, INNER)
        yield layer + "norm.weight", (WIDTH,)
    yield "llm.backbone.norm_f.weight", (WIDTH,)
    yield "llm.lm_head.weight", (VOCABULARY, WIDTH)


def projector(vision):
    for name, n_out, n_in in ((0, 4 * vision, vision), (2, WIDTH, 4 * vision), (4, WIDTH, WIDTH)):
        yield f"projector.{name}.weight", (n_out, n_in)
        yield f"projector.{name}.bias", (n_out,)


def tower(prefix, width, blocks, mlp, positions, registers):
    """timm's Vision Transformer; registers and LayerScale are DINOv2's."""
    if registers:
        yield prefix + "cls_token", (1, 1, width)
        yield prefix + "reg_token", (1, registers, width)
    yield prefix + "pos_embed", (1, positions, width)
    yield prefix + "patch_embed.proj.weight", (width, 3, 14, 14)
    yield prefix + "patch_embed.proj.bias", (width,)
    for i in range(blocks):
        block = f"{prefix}blocks.{i}."
        for norm in ("norm1", "norm2"):
            yield f"{block}{norm}.weight", (width,)
            yield f"{block}{norm}.bias", (width,)
        for name, n_out, n_in in (("attn.qkv", 3 * width, width), ("attn.proj", width, width),
                                  ("mlp.fc1", mlp, width), ("mlp.fc2", width, mlp)):
            yield f"{block}{name}.weight", (n_out, n_in)
            yield f"{block}{name}.bias", (n_out,)
        if registers:
            yield block + "ls1.gamma", (width,)
            yield block + "ls2.gamma", (width,)
    yield prefix + "norm.weight", (width,)
    yield prefix + "norm.bias", (width,)


def write_safetensors(path, tensors):
    header, offset = {}, 0
    tensors = list(tensors)
    for name, shape in tensors:
        n = 4 * size(shape)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [offset, offset + n]}
        offset += n
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, shape in tensors:
            for piece in pieces(F32, 4, size(shape)):
                file.write(piece)


class Storage:
    """A bf16 storage by its number: the pickler writes it as torch.save does."""

    def __init__(self, key, count):
        self.key, self.count = str(key), count


class Global:
    """A name that the reader knows; pickled as that name."""

    def __init__(self, module, name):
        self.module, self.name = module, name


class Tensor:
    def __init__(self, storage, shape):
        self.storage, self.shape = storage, shape


class Pickler(pickle._Pickler):  # the one in Python can write names of modules that are not here
    dispatch = dict(pickle._Pickler.dispatch)

    def persistent_id(self, value):
        if isinstance(value, Storage):
            return ("storage", Global("torch", "BFloat16Storage"), value.key, "cpu", value.count)
        return None

    def save_global_name(self, value):
        self.write(pickle.GLOBAL + f"{value.module}\n{value.name}\n".encode())

    def save_tensor(self, value):
        strides, step = [], 1
        for dim in reversed(value.shape):
            strides.insert(0, step)
            step *= dim
        self.save_global_name(Global("torch._utils", "_rebuild_tensor_v2"))
        self.save((value.storage, 0, tuple(value.shape), tuple(strides), False, {}))
        self.write(pickle.REDUCE)

    dispatch[Global] = save_global_name
    dispatch[Tensor] = save_tensor


def write_checkpoint(path, parts):
    storages, tree = [], {}
    for part, tensors in parts.items():
        tree[part] = {}
        for name, shape in tensors:
            storage = Storage(len(storages), size(shape))
            storages.append(storage)
            tree[part][name] = Tensor(storage, shape)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        with archive.open("checkpoint/data.pkl", "w") as file:
            Pickler(file, protocol=2).dump({"model": tree})
        archive.writestr("checkpoint/byteorder", "little")
        for storage in storages:
            with archive.open(f"checkpoint/data/{storage.key}", "w", force_zip64=True) as file:
                for piece in pieces(BF16, 2, storage.count):
                    file.write(piece)
        archive.writestr("checkpoint/version", "3\n")


def main():
    root, layers = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 64
    for folder in ("checkpoints", "dino", "siglip"):
        os.makedirs(os.path.join(root, folder), exist_ok=True)
    write_safetensors(f"{root}/dino/model.safetensors", tower("", 1024, 24, 4096, 1369, 4))
    write_safetensors(f"{root}/siglip/open_clip_model.safetensors",
                      tower("visual.trunk.", 1152, 27, 4304, 729, 0))
    write_checkpoint(f"{root}/checkpoints/latest-checkpoint.pt",
                     {"projector": projector(1024 + 1152), "llm_backbone": mamba(layers)})
    with open(f"{root}/config.json", "w", encoding="utf-8") as file:
        json.dump({"model": {"model_id": "cobra+3b", "arch_specifier": "no-align+fused-gelu-mlp",
                             "vision_backbone_id": "dinosiglip-vit-so-384px",
                             "llm_backbone_id": "mamba-2.8b-zephyr",
                             "image_resize_strategy": "resize-naive"}}, file, indent=2)
    tokenizer = os.path.join(os.path.dirname(__file__), "../../examples/mini-cobra/tokenizer.json")
    with open(tokenizer, "rb") as file, open(f"{root}/tokenizer.json", "wb") as copy:
        copy.write(file.read())


main()
