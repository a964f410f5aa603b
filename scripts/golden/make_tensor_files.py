#!/usr/bin/env python3
"""Writes the small weight files of tests/data/tensor_file/ and what PyTorch reads from them.

    python3 scripts/golden/make_tensor_files.py [SHARED]

Needs torch and safetensors (written with torch 2.15.0, safetensors 0.8.0).  With SHARED, the folder
of shared reference data, also writes shared_sums.json: the tensors of every weight file there.
"""
import json
import os
import pickle
import sys
import zipfile
from collections import OrderedDict

import torch
from safetensors.torch import load_file, save_file

OUT = os.path.join(os.path.dirname(__file__), "..", "..", "tests", "data", "tensor_file")
FLOATS = (torch.float32, torch.float16, torch.bfloat16)


def flatten(tree, prefix=""):
    """Dotted names, dicts joined; what is neither dict nor tensor is left out."""
    for key, value in tree.items():
        name = f"{prefix}.{key}" if prefix else str(key)
        if isinstance(value, dict):
            yield from flatten(value, name)
        elif isinstance(value, torch.Tensor):
            yield name, value


def special_values():
    """Halfway cases of bfloat16, subnormals, infinities, a NaN and the largest numbers."""
    bits = [0x3F808000, 0x3F818000, 0x3F808001, 0x00000001, 0x80000001, 0x7F800000, 0xFF800000,
            0x7FC00000, 0x7F7FFFFF, 0x80000000, 0x33800000, 0x477FE000]
    return torch.tensor([b - (1 << 32) if b >> 31 else b for b in bits],
                        dtype=torch.int32).view(torch.float32)


def sound_tree():
    torch.manual_seed(1)
    base = torch.randn(6, 8)
    shared = torch.randn(3, 4)
    module = torch.nn.Linear(3, 2)
    return {
        "model": {
            "projector": OrderedDict([("projector.0.weight", torch.randn(4, 3)),
                                      ("projector.0.bias", torch.randn(4))]),
            "llm_backbone": module.state_dict(),  # has _metadata: a BUILD
        },
        "transposed": base.t(),
        "view": base[1:5:2, 2:7:3],
        "column": base[:, 3],
        "permuted": torch.randn(2, 3, 2, 2).permute(3, 1, 0, 2),
        "tied.a": shared,
        "tied.b": shared,
        "tied.row": shared[1],
        "scalar": torch.tensor(2.5),
        "empty": torch.empty(0, 3),
        "parameter": torch.nn.Parameter(torch.randn(2, 2)),
        "half": torch.randn(5).half(),
        "half_view": torch.randn(4, 5).half()[:, ::2],
        "bfloat": torch.randn(2, 3).bfloat16(),
        "bfloat_view": torch.randn(4, 3).bfloat16().t(),
        "special": special_values(),
        "long": torch.arange(3),
        "flags": torch.tensor([True, False]),
        "double": torch.randn(2).double(),
        "step": 1 << 40, "rate": 1.5, "note": "text", "none": None, "yes": True,
        "list": [1, "x", None, (2, 3), torch.ones(1)], "size": torch.Size([1, 2]),
        "dtype": torch.float16, "device": torch.device("cpu"),
        0: {"by_number": torch.ones(2)},
    }


def bits16(tensor):
    """A NaN keeps its upper bits: PyTorch's own vector code makes 0xFFFF of every NaN."""
    halves = tensor.bfloat16().contiguous().view(torch.int16).flatten().tolist()
    nan = tensor.isnan().flatten().tolist()
    return [full >> 16 | 0x40 if n else half & 0xFFFF
            for half, full, n in zip(halves, bits32(tensor), nan)]


def bits32(tensor):
    return [b & 0xFFFFFFFF for b in
            tensor.float().contiguous().view(torch.int32).flatten().tolist()]


def expected(tensors):
    """Shape and, for floating-point tensors, the bits as float32 and as bfloat16."""
    rows = []
    for name, tensor in tensors:
        tensor = tensor.detach()
        row = {"name": name, "shape": list(tensor.shape)}
        if tensor.dtype in FLOATS:
            row["f32"] = bits32(tensor)
            row["bf16"] = bits16(tensor)
        rows.append(row)
    return rows


def repack(source, target, change, compression=zipfile.ZIP_STORED):
    """Copies a torch archive; change(name, data) returns the new data, or None to leave out."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", compression) as new:
        for info in old.infolist():
            data = change(info.filename, old.read(info))
            if data is not None:
                new.writestr(zipfile.ZipInfo(info.filename), data, compression)


class Global:
    """Pickles as the call of any global, without importing it."""

    def __init__(self, function, *args):
        self.function, self.args = function, args

    def __reduce__(self):
        return self.function, self.args


def write_pickles(path):
    tree = sound_tree()
    torch.save(tree, path("sound.pt"))
    torch.save(tree, path("protocol5.pt"), pickle_protocol=5)
    small = OrderedDict(weight=torch.arange(6.0).reshape(2, 3), bias=torch.ones(2).bfloat16())
    torch.save(small, path("small.pt"))
    torch.save(small, path("legacy.pt"), _use_new_zipfile_serialization=False)
    torch.serialization.set_crc32_options(False)
    torch.save(small, path("no_crc.pt"))
    torch.serialization.set_crc32_options(True)
    torch.save(torch.ones(2), path("bare_tensor.pt"))
    torch.save({"a": torch.ones(1).expand(1000)}, path("expanded.pt"))
    torch.save({"a.b": torch.ones(1), "a": {"b": torch.ones(2)}}, path("two_names.pt"))
    with zipfile.ZipFile(path("small.pt")) as archive:
        prefix = archive.namelist()[0].split("/")[0]
    repack(path("small.pt"), path("compressed.pt"), lambda n, d: d, zipfile.ZIP_DEFLATED)
    repack(path("small.pt"), path("big_endian.pt"),
           lambda n, d: b"big" if n.endswith("byteorder") else d)
    repack(path("small.pt"), path("no_storage.pt"),
           lambda n, d: None if n.endswith("data/1") else d)
    repack(path("small.pt"), path("short_storage.pt"),
           lambda n, d: d[:-4] if n.endswith("data/0") else d)
    with zipfile.ZipFile(path("plain.zip"), "w") as archive:
        archive.writestr(zipfile.ZipInfo("readme/hello.txt"), "hello")
    for name, value in (("system", Global(os.system, "echo executed")), ("eval", Global(eval, "1"))):
        data = pickle.dumps({"a": value}, protocol=2)
        with zipfile.ZipFile(path(f"{name}.pt"), "w") as archive:
            archive.writestr(zipfile.ZipInfo(f"{prefix}/data.pkl"), data)
            archive.writestr(zipfile.ZipInfo(f"{prefix}/version"), "3\n")


def write_safetensors(path):
    torch.manual_seed(2)
    tensors = {
        "model.weight": torch.randn(3, 4), "model.bias": torch.randn(3).bfloat16(),
        "half": torch.randn(2, 2).half(), "scalar": torch.tensor(-1.25),
        "empty": torch.empty(0, 2), "special": special_values(), "ids": torch.arange(5),
        "mask": torch.tensor([True, False, True]), "double": torch.randn(2).double(),
        "h\u00e9": torch.ones(1),
    }
    save_file(tensors, path("sound.safetensors"), metadata={"format": "pt"})
    save_file({"a": torch.arange(4.0).reshape(2, 2), "b": torch.ones(3).half()},
              path("small.safetensors"))


def shared_sums(shared):
    root = os.path.join(shared, "fixtures")
    files = {}
    for folder, _, names in sorted(os.walk(root)):
        for name in sorted(names):
            path = os.path.join(folder, name)
            if name.endswith(".safetensors"):
                tensors = sorted(load_file(path).items())
            elif name.endswith((".pt", ".bin")):
                tensors = list(flatten(torch.load(path, weights_only=True)))
            else:
                continue
            floats = [t.double() for _, t in tensors if t.dtype in FLOATS]
            files[os.path.relpath(path, root)] = {
                "tensors": len(tensors), "floats": len(floats),
                "elements": sum(t.numel() for t in floats),
                "sum": sum(t.sum().item() for t in floats),
                "sumsq": sum((t * t).sum().item() for t in floats),
            }
    return files


def main():
    os.makedirs(OUT, exist_ok=True)

    def path(name):
        return os.path.join(OUT, name)

    write_pickles(path)
    write_safetensors(path)
    golden = {}
    for name in ("sound.pt", "protocol5.pt", "small.pt", "no_crc.pt"):
        # Files made above: protocol 5 needs the full unpickler.
        golden[name] = expected(flatten(torch.load(path(name), weights_only=False)))
    for name in ("sound.safetensors", "small.safetensors"):
        golden[name] = expected(load_file(path(name)).items())
    with open(path("expected.json"), "w") as out:
        json.dump(golden, out, separators=(",", ":"))
        out.write("\n")
    if len(sys.argv) > 1:
        with open(path("shared_sums.json"), "w") as out:
            json.dump(shared_sums(sys.argv[1]), out, indent=1)
            out.write("\n")


if __name__ == "__main__":
    main()
