"""ML-Mamba in plain PyTorch: a Mamba-2 language model behind the bidirectional scan connector.

Tensor names as released. The state is read off row after row, which is the fp32 reference;
with `fast=True` a segment is one masked product per head (the "quadratic" form of the state
space duality). `python3 model_mamba2.py` compares both.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

import model as M


@dataclass
class Mamba2Size:
    d_model: int
    layers: int
    vocab_rows: int
    d_state: int = 64
    headdim: int = 32
    d_conv: int = 4
    expand: int = 2

    @property
    def d_inner(self):
        return self.expand * self.d_model

    @property
    def heads(self):
        return self.d_inner // self.headdim

    @property
    def conv_dim(self):
        return self.d_inner + 2 * self.d_state


# ---------------------------------------------------------------- state space duality

def recurrence(x, delta, A, B, C, h):
    """x [S,T,H,P], delta [S,T,H], A [H], B and C [S,T,N], h [S,H,P,N]: outputs and the last state."""
    rows = []
    for t in range(x.shape[1]):
        d = delta[:, t, :, None]
        h = torch.exp(d * A[:, None])[..., None] * h + (d * x[:, t])[..., None] * B[:, t, None, None, :]
        rows.append((h * C[:, t, None, None, :]).sum(-1))
    return torch.stack(rows, 1), h


def quadratic(x, delta, A, B, C, h, fork):
    """The same from `fork` neighbouring sequences for every state; their last states only for fork 1."""
    s, t, heads, p = x.shape
    past = (delta * A).cumsum(1).transpose(1, 2)                          # [S,H,T]
    later = torch.ones(t, t, dtype=torch.bool, device=x.device).triu(1)
    decay = (past[..., :, None] - past[..., None, :]).masked_fill(later, -math.inf).exp()
    given = (delta[..., None] * x).transpose(1, 2)                        # [S,H,T,P]
    y = (decay * (C @ B.transpose(1, 2))[:, None]) @ given
    old = C.reshape(s // fork, fork * t, -1) @ h.permute(0, 3, 1, 2).flatten(2)
    y = y + old.view(s, t, heads, p).transpose(1, 2) * past.exp()[..., None]
    if fork > 1:
        return y.transpose(1, 2), None
    left = (past[..., -1:] - past).exp()[..., None] * given
    return y.transpose(1, 2), past[..., -1].exp()[..., None, None] * h + left.transpose(2, 3) @ B[:, None]


def ssd(zx, before, h, conv, dt_bias, A_log, D, s, fork, fast):
    """Convolution and scan of one direction: what the gate multiplies, and both states after it."""
    _, x, dt = zx.split((s.d_inner, s.conv_dim, s.heads), -1)
    before = before.repeat_interleave(fork, 0)
    xc = M.plain_conv(x, conv.weight, conv.bias, before)
    tail = torch.cat([before, x], 1)[:, -3:]
    with torch.autocast(zx.device.type, enabled=False):
        x, B, C = xc.float().split((s.d_inner, s.d_state, s.d_state), -1)
        x = x.unflatten(-1, (s.heads, s.headdim))
        delta, A = F.softplus(dt.float() + dt_bias), -torch.exp(A_log)
        if fast:
            y, h = quadratic(x, delta, A, B, C, h, fork)
        else:
            y, h = recurrence(x, delta, A, B, C, h.repeat_interleave(fork, 0))
        return (y + D[:, None] * x).flatten(2), tail, h


def gated(norm, y, z):
    """The gate comes before the norm."""
    return norm(y * F.silu(z.float()))


def start(s, n, like):
    """What precedes the first row."""
    return (like.new_zeros(n, 3, s.conv_dim),
            torch.zeros(n, s.heads, s.headdim, s.d_state, device=like.device))


class Mixer2(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.s = s
        self.in_proj = nn.Linear(s.d_model, s.d_inner + s.conv_dim + s.heads, bias=False)
        self.out_proj = nn.Linear(s.d_inner, s.d_model, bias=False)
        self.norm = M.RMSNorm(s.d_inner)
        self.direction("")
        with torch.no_grad():
            self.out_proj.weight.div_(math.sqrt(s.layers))

    def direction(self, suffix):
        s = self.s
        dt = torch.exp(torch.rand(s.heads) * (math.log(0.1) - math.log(1e-3)) + math.log(1e-3))
        setattr(self, "conv1d" + suffix, nn.Conv1d(s.conv_dim, s.conv_dim, s.d_conv, groups=s.conv_dim))
        setattr(self, "dt_bias" + suffix, nn.Parameter(dt + torch.log(-torch.expm1(-dt))))
        setattr(self, "A_log" + suffix, nn.Parameter(torch.log(torch.rand(s.heads) * 15 + 1)))
        setattr(self, "D" + suffix, nn.Parameter(torch.ones(s.heads)))

    def project(self, u, fast):
        """z, x, B, C and dt side by side; matrix products are much faster on whole multiples of 8 columns."""
        weight, rows = self.in_proj.weight, len(self.in_proj.weight)
        return F.linear(u, F.pad(weight, (0, 0, 0, -rows % 8)) if fast else weight)[..., :rows]

    def scan(self, zx, state, fork, fast, suffix=""):
        conv, dt_bias, A_log, D = (getattr(self, name + suffix) for name in ("conv1d", "dt_bias", "A_log", "D"))
        return ssd(zx, *state, conv, dt_bias, A_log, D, self.s, fork, fast)

    def forward(self, u, state, fork, fast):
        zx = self.project(u, fast)
        y, tail, h = self.scan(zx, start(self.s, len(u) // fork, zx) if state is None else state, fork, fast)
        return self.out_proj(gated(self.norm, y, zx[..., :self.s.d_inner])), (tail, h)


# ---------------------------------------------------------------- connector

class BothWays(Mixer2):
    """One projection in and out and one gated norm, two scans that meet in their mean."""

    def __init__(self, s):
        super().__init__(s)
        self.direction("_b")

    def forward(self, u, fast):
        zx = self.project(u, fast)
        total = 0.0
        for suffix, flip in (("", lambda v: v), ("_b", lambda v: v.flip(1))):
            way = flip(zx)
            y, _, _ = self.scan(way, start(self.s, len(u), zx), 1, fast, suffix)
            total = total + flip(gated(self.norm, y, way[..., :self.s.d_inner]))
        return self.out_proj(total / 2)


class SwiGLU(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.w1, self.w2, self.w3 = nn.Linear(d, d), nn.Linear(d, d), nn.Linear(d, d)

    def forward(self, x):
        return self.w3(F.silu(self.w1(x)) * self.w2(x))


class ScanBlock(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.mixer = BothWays(s)
        self.norm = nn.LayerNorm(s.d_model, eps=1e-5)
        self.mlp = SwiGLU(s.d_model)

    def forward(self, x, fast):
        x = x + self.mixer(x, fast)                     # no norm before the mixer
        return x + self.mlp(self.norm(x))


class ScanConnector(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.layers = nn.ModuleList(ScanBlock(s) for _ in range(s.layers))
        self.norm_f = nn.LayerNorm(s.d_model, eps=1e-5)

    def forward(self, x, fast=False):
        for layer in self.layers:
            x = layer(x, fast)
        return self.norm_f(x)


class MLMamba(M.System):
    def __init__(self, dino, siglip, lm, blocks=2):
        super().__init__(dino, siglip)
        d = lm.d_model
        self.mlp = nn.Sequential(nn.Linear(self.width, d), nn.GELU())
        self.bidirectional_mamba = ScanConnector(
            Mamba2Size(d, blocks, lm.vocab_rows, lm.d_state, lm.headdim, lm.d_conv, lm.expand))
        self.projector = M.Projector(d, d)
        self.llm = M.Mamba(lm, Mixer2)

    def repeated(self):
        return [*self.bidirectional_mamba.layers, *self.llm.backbone.layers]

    def connect(self, features, fast=False):
        return self.projector(self.bidirectional_mamba(self.mlp(features), fast))


# ---------------------------------------------------------------- self-test

def main():
    """The quadratic form against the recurrence, in double precision: values and gradients."""
    torch.manual_seed(1)
    make = lambda *shape: torch.randn(*shape, dtype=torch.float64)
    s, t, heads, p, n = 6, 9, 3, 5, 7
    worst = 0.0
    for fork in (1, 3):
        leaves = [make(s, t, heads, p), make(s, t, heads), make(heads), make(s, t, n), make(s, t, n),
                  make(s // fork, heads, p, n)]
        r1, r2 = make(s, t, heads, p), make(s, heads, p, n)
        results = []
        for fast in (False, True):
            x, raw, a, B, C, h = (v.clone().requires_grad_() for v in leaves)
            delta, A = F.softplus(raw), -torch.exp(a)
            y, last = (quadratic(x, delta, A, B, C, h, fork) if fast
                       else recurrence(x, delta, A, B, C, h.repeat_interleave(fork, 0)))
            ((y * r1).sum() + ((last * r2).sum() if fork == 1 else 0.0)).backward()
            results.append([y] + [v.grad for v in (x, raw, a, B, C, h)])
        worst = max(worst, *((u - v).abs().max().item() for u, v in zip(*results)))
    print(f"quadratic form and recurrence differ by at most {worst:.1e}")
    assert worst < 1e-11


if __name__ == "__main__":
    main()
