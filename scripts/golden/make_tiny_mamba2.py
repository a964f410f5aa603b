#!/usr/bin/env python3
"""Writes a tiny Mamba-2 language model, tiny ML-Mamba connectors and their values to
tests/data/mamba2/.

    python3 scripts/golden/make_tiny_mamba2.py

Plain PyTorch in double precision, the recurrence row after row: no chunks, no fused step.  Needs
torch, safetensors, transformers (written with torch 2.15.0, safetensors 0.8.0, transformers 5.23.0);
the language model is compared with transformers' Mamba2ForCausalLM, which was written by others.

Order of operations: Dao & Gu 2024 (arXiv 2405.21060) and mamba_ssm v2.0.4 modules/mamba2.py:272-390;
the connector: arXiv 2407.19832 section 3.2.3 and the fork's models/mixer_seq_simple.py:232-316.
"""
import math
import os

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from transformers import Mamba2Config, Mamba2ForCausalLM

OUT = os.path.join(os.path.dirname(__file__), "..", "..", "tests", "data", "mamba2")

# The same numbers stand in tests/mamba2_data.h.
WIDTH, INNER, HEAD, STATE, TAPS, LAYERS, VOCABULARY = 12, 24, 6, 10, 4, 2, 24
HEADS, CHANNELS = INNER // HEAD, INNER + 2 * STATE
COLUMNS = 2 * INNER + 2 * STATE + HEADS
IN_WIDTH, HIDDEN, BLOCKS, EPS = 10, 20, 2, 1e-5
# Around the borders of chunks of 16, 32 and 64 rows.
LENGTHS = sorted({1} | {n for q in (16, 32, 64) for n in (q - 1, q, q + 1, 2 * q + 3)})
GRID = 8  # side of the picture for the other tails

generator = torch.Generator().manual_seed(2405)


def normal(*shape, scale=1.0, centre=0.0):
    """float32, as stored."""
    return (centre + scale * torch.randn(*shape, generator=generator)).float()


def uniform(n, low, high):
    return low + (high - low) * torch.rand(n, generator=generator)


# ------------------------------------------------------------------ weights

def matrix(out, into):
    return normal(out, into, scale=into ** -0.5)


def direction(prefix, suffix):
    steps = uniform(HEADS, math.log(0.01), math.log(0.8)).exp()
    return {
        f"{prefix}conv1d{suffix}.weight": normal(CHANNELS, 1, TAPS, scale=0.5),
        f"{prefix}conv1d{suffix}.bias": normal(CHANNELS, scale=0.2),
        f"{prefix}dt_bias{suffix}": steps.expm1().log().float(),
        f"{prefix}A_log{suffix}": uniform(HEADS, 0.2, 4.0).log().float(),
        f"{prefix}D{suffix}": normal(HEADS, scale=0.3, centre=1),
    }


def mixer(prefix):
    return {
        f"{prefix}in_proj.weight": matrix(COLUMNS, WIDTH),
        **direction(prefix, ""),
        f"{prefix}norm.weight": normal(INNER, scale=0.3, centre=1),
        f"{prefix}out_proj.weight": matrix(WIDTH, INNER),
    }


def linear(name, out, into):
    return {f"{name}.weight": matrix(out, into), f"{name}.bias": normal(out, scale=0.2)}


def norm(name, bias):
    weights = {f"{name}.weight": normal(WIDTH, scale=0.3, centre=1)}
    if bias:
        weights[f"{name}.bias"] = normal(WIDTH, scale=0.2)
    return weights


def language_model():
    weights = {"backbone.embedding.weight": normal(VOCABULARY, WIDTH)}
    for i in range(LAYERS):
        at = f"backbone.layers.{i}."
        weights |= {**norm(at + "norm", False), **mixer(at + "mixer.")}
    weights |= norm("backbone.norm_f", False)
    return weights


def connector():
    weights = linear("mlp.0", WIDTH, IN_WIDTH)
    for i in range(BLOCKS):
        at = f"bidirectional_mamba.layers.{i}."
        weights |= {**mixer(at + "mixer."), **direction(at + "mixer.", "_b"), **norm(at + "norm", True)}
        for name in ("w1", "w2", "w3"):
            weights |= linear(f"{at}mlp.{name}", WIDTH, WIDTH)
    return weights | norm("bidirectional_mamba.norm_f", True)


def tails():
    at = "projector.projector"
    two = {**linear(f"{at}.0", HIDDEN, WIDTH), **linear(f"{at}.2", WIDTH, HIDDEN)}
    return {
        "linear": linear(at, WIDTH, WIDTH),
        "gelu-mlp": two,
        "fused-gelu-mlp": two | linear(f"{at}.4", WIDTH, WIDTH),
        "fused-ldpnet": two | {f"{at}.4.peg.0.weight": normal(WIDTH, 1, 3, 3, scale=0.4),
                               f"{at}.4.peg.0.bias": normal(WIDTH, scale=0.2)},
    }


# ------------------------------------------------------------------ mathematics

def rms(x, weight):
    return x / (x.pow(2).mean(-1, keepdim=True) + EPS).sqrt() * weight


def ssd(p, weights, at, suffix=""):
    """Rows of in_proj to rows of out_proj's input, and the states conv [channels, taps] and
    ssm [heads * head_dim, state] behind each row."""
    get = lambda name: weights[f"{at}{name}"]
    z, xbc, dt = p.split([INNER, CHANNELS, HEADS], -1)
    padded = torch.cat([torch.zeros(TAPS, CHANNELS, dtype=p.dtype), xbc])
    taps = get(f"conv1d{suffix}.weight")[:, 0]
    a = -get(f"A_log{suffix}").exp()
    s = torch.zeros(HEADS, HEAD, STATE, dtype=p.dtype)
    rows, conv_states, ssm_states = [], [], []
    for t in range(len(p)):
        window = padded[t + 1:t + 1 + TAPS].T
        c = F.silu((window * taps).sum(1) + get(f"conv1d{suffix}.bias"))
        x, b, cc = c[:INNER].reshape(HEADS, HEAD), c[INNER:INNER + STATE], c[INNER + STATE:]
        step = F.softplus(dt[t] + get(f"dt_bias{suffix}"))
        s = (step * a).exp()[:, None, None] * s + (step[:, None] * x)[..., None] * b
        rows.append(((s * cc).sum(-1) + get(f"D{suffix}")[:, None] * x).reshape(INNER))
        conv_states.append(window)
        ssm_states.append(s.reshape(INNER, STATE))
    y = rms(torch.stack(rows) * F.silu(z), get("norm.weight"))
    return y, conv_states, ssm_states


def run_language_model(weights, ids):
    """Logits of every row, and a list of (conv, ssm) lists a layer."""
    x = weights["backbone.embedding.weight"][ids]
    states = []
    for i in range(LAYERS):
        at = f"backbone.layers.{i}."
        p = rms(x, weights[at + "norm.weight"]) @ weights[at + "mixer.in_proj.weight"].T
        y, conv, ssm = ssd(p, weights, at + "mixer.")
        x = x + y @ weights[at + "mixer.out_proj.weight"].T
        states.append((conv, ssm))
    x = rms(x, weights["backbone.norm_f.weight"])
    return x @ weights["backbone.embedding.weight"].T, states


def apply(weights, name, x):
    return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def layer_norm(weights, name, x):
    return F.layer_norm(x, (WIDTH,), weights[f"{name}.weight"], weights[f"{name}.bias"], EPS)


def run_blocks(weights, x):
    for i in range(BLOCKS):
        at = f"bidirectional_mamba.layers.{i}."
        p = x @ weights[at + "mixer.in_proj.weight"].T
        f, b = ssd(p, weights, at + "mixer.")[0], ssd(p.flip(0), weights, at + "mixer.", "_b")[0]
        x = x + (f + b.flip(0)) / 2 @ weights[at + "mixer.out_proj.weight"].T
        u = layer_norm(weights, at + "norm", x)
        gated = F.silu(apply(weights, at + "mlp.w1", u)) * apply(weights, at + "mlp.w2", u)
        x = x + apply(weights, at + "mlp.w3", gated)
    return layer_norm(weights, "bidirectional_mamba.norm_f", x)


def run_tail(kind, weights, x):
    at = "projector.projector"
    if kind == "linear":
        return apply(weights, at, x)
    x = apply(weights, f"{at}.2", F.gelu(apply(weights, f"{at}.0", x)))
    if kind == "fused-gelu-mlp":
        x = apply(weights, f"{at}.4", F.gelu(x))
    if kind == "fused-ldpnet":
        side = math.isqrt(len(x))
        x = F.adaptive_avg_pool2d(x.T.reshape(1, WIDTH, side, side), 14)
        peg = F.conv2d(x, weights[f"{at}.4.peg.0.weight"], weights[f"{at}.4.peg.0.bias"],
                       padding=1, groups=WIDTH)
        x = (peg + x).reshape(WIDTH, -1).T
    return x


def run_connector(weights, tail_kind, tail, features):
    return run_tail(tail_kind, tail, run_blocks(weights, F.gelu(apply(weights, "mlp.0", features))))


def double(weights):
    return {name: value.double() for name, value in weights.items()}


def compare_with_transformers(weights, ids, logits):
    config = Mamba2Config(
        hidden_size=WIDTH, expand=INNER // WIDTH, head_dim=HEAD, num_heads=HEADS, state_size=STATE,
        n_groups=1, conv_kernel=TAPS, num_hidden_layers=LAYERS, vocab_size=VOCABULARY,
        layer_norm_epsilon=EPS, use_bias=False, use_conv_bias=True, hidden_act="silu",
        tie_word_embeddings=True, chunk_size=64, pad_token_id=0, bos_token_id=0, eos_token_id=0)
    model = Mamba2ForCausalLM(config).eval()
    renamed = {name.replace("backbone.embedding.", "backbone.embeddings."): value
               for name, value in weights.items()}
    missing, unexpected = model.load_state_dict(renamed, strict=False)
    assert not unexpected and missing == ["lm_head.weight"], (missing, unexpected)
    model.tie_weights()
    with torch.no_grad():
        other = model(torch.tensor([ids]), use_cache=False).logits[0].double()
    difference = (other - logits).abs().max().item()
    print(f"transformers: logits differ by {difference:.2e}, the largest is {logits.abs().max():.2f}")
    assert difference < 5e-5


def main():
    os.makedirs(OUT, exist_ok=True)
    save = lambda tensors, name: save_file(
        {key: value.float().contiguous() for key, value in tensors.items()},
        os.path.join(OUT, f"{name}.safetensors"))
    expected = {}

    lm = language_model()
    ids = torch.randint(VOCABULARY, (LENGTHS[-1],), generator=generator).tolist()
    logits, states = run_language_model(double(lm), ids)
    compare_with_transformers(lm, ids, logits)
    expected |= {"ids": torch.tensor(ids), "logits": logits}
    for n in LENGTHS:
        for i, (conv, ssm) in enumerate(states):
            expected[f"conv.{i}.{n}"] = conv[n - 1]
            expected[f"ssm.{i}.{n}"] = ssm[n - 1]
    save(lm, "lm")

    scan, tail = connector(), tails()
    features = normal(LENGTHS[-1], IN_WIDTH)
    expected |= {"features": features}
    for n in LENGTHS:
        expected[f"rows.fused-gelu-mlp.{n}"] = run_connector(
            double(scan), "fused-gelu-mlp", double(tail["fused-gelu-mlp"]), features[:n].double())
    # One patch: pooling makes more rows than came in.
    for kind, n in (("linear", GRID ** 2), ("gelu-mlp", GRID ** 2), ("fused-ldpnet", GRID ** 2),
                    ("fused-ldpnet", 1)):
        expected[f"rows.{kind}.{n}"] = run_connector(
            double(scan), kind, double(tail[kind]), features[:n].double())
    save(scan, "connector")
    for kind, weights in tail.items():
        save(weights, kind)
    save(expected, "expected")


if __name__ == "__main__":
    main()
