"""The towers, and Cobra, in plain PyTorch, with the official tensor names.

Two timm-style vision towers whose second-to-last block is tapped, the
fused-gelu-mlp projector and a Mamba-1 language model that reads 64 image rows
and then text. Without a GPU this file is the fp32 reference; with `fast=True`
the convolution and the scan go through the kernels in scan.py. The other two
decoders stand behind the same towers: model_mamba2.py and model_llama.py.
"""

import functools
import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
HALF = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


@dataclass
class TowerSize:
    width: int
    depth: int
    heads: int
    mlp: int
    grid: int
    patch: int = 14
    registers: int = 0
    prefix: bool = False            # class token and registers
    layer_scale: bool = False


@dataclass
class LMSize:
    d_model: int
    layers: int
    vocab_rows: int
    d_state: int = 16
    d_conv: int = 4
    expand: int = 2

    @property
    def d_inner(self):
        return self.expand * self.d_model

    @property
    def dt_rank(self):
        return math.ceil(self.d_model / 16)


DINO = TowerSize(width=128, depth=6, heads=4, mlp=512, grid=8, registers=4, prefix=True, layer_scale=True)
SIGLIP = TowerSize(width=128, depth=6, heads=2, mlp=int(128 * 3.7362), grid=8)


# ---------------------------------------------------------------- towers

class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x):
        b, n, w = x.shape
        q, k, v = self.qkv(x).view(b, n, 3, self.heads, w // self.heads).permute(2, 0, 3, 1, 4)
        return self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, n, w))


class Scale(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.gamma = nn.Parameter(torch.full((width,), 0.5))

    def forward(self, x):
        return x * self.gamma


class MLP(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x)))


class Block(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.norm1 = nn.LayerNorm(s.width, eps=1e-6)
        self.attn = Attention(s.width, s.heads)
        self.norm2 = nn.LayerNorm(s.width, eps=1e-6)
        self.mlp = MLP(s.width, s.mlp)
        self.ls1 = Scale(s.width) if s.layer_scale else nn.Identity()
        self.ls2 = Scale(s.width) if s.layer_scale else nn.Identity()

    def forward(self, x):
        x = x + self.ls1(self.attn(self.norm1(x)))
        return x + self.ls2(self.mlp(self.norm2(x)))


class PatchEmbed(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.proj = nn.Conv2d(3, s.width, s.patch, s.patch)

    def forward(self, pixels):
        """The convolution as one matrix product over unfolded patches (c, ky, kx)."""
        p = self.proj.kernel_size[0]
        gh, gw = pixels.shape[2] // p, pixels.shape[3] // p
        x = pixels[:, :, :gh * p, :gw * p].unflatten(3, (gw, p)).unflatten(2, (gh, p))
        x = x.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)
        return F.linear(x, self.proj.weight.flatten(1), self.proj.bias)


class Tower(nn.Module):
    """Holds `depth` blocks; the features are the output of block depth-2, without the final norm."""

    def __init__(self, s):
        super().__init__()
        self.s = s
        if s.prefix:
            self.cls_token = nn.Parameter(torch.randn(1, 1, s.width) * 0.02)
            self.reg_token = nn.Parameter(torch.randn(1, s.registers, s.width) * 0.02)
        self.pos_embed = nn.Parameter(torch.randn(1, s.grid * s.grid, s.width) * 0.1)
        self.patch_embed = PatchEmbed(s)
        self.blocks = nn.ModuleList(Block(s) for _ in range(s.depth))
        self.norm = nn.LayerNorm(s.width, eps=1e-6)

    def forward(self, pixels):
        x = self.patch_embed(pixels) + self.pos_embed
        skip = 0
        if self.s.prefix:
            b = x.shape[0]
            x = torch.cat([self.cls_token.expand(b, -1, -1), self.reg_token.expand(b, -1, -1), x], 1)
            skip = 1 + self.s.registers
        for block in self.blocks[:-1]:
            x = block(x)
        return x[:, skip:]


@functools.lru_cache(maxsize=None)
def _constants(stats, device):
    return tuple(torch.tensor(v, device=device).view(3, 1, 1) for v in stats)


def normalise(images, stats):
    """uint8 [B,H,W,3] -> [B,3,H,W], in the order of torchvision's ToTensor and Normalize."""
    mean, std = _constants(stats, images.device)
    return (images.permute(0, 3, 1, 2).float() / 255.0 - mean) / std


# ---------------------------------------------------------------- language model

class RMSNorm(nn.Module):
    def __init__(self, d, eps=1e-5):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(d)), eps

    def forward(self, x):
        return F.rms_norm(x, self.weight.shape, self.weight, self.eps)


def plain_conv(x, weight, bias, before):
    """Causal depthwise convolution and SiLU; `before` are the three rows that precede x."""
    full = torch.cat([before, x], 1)
    n = x.shape[1]
    out = bias + sum(full[:, w:w + n] * weight[:, 0, w] for w in range(4))
    return F.silu(out)


def plain_scan(x, dt, A_log, B, C, D, dt_bias, z, h):
    """The recurrence of Mamba-1, row after row; returns the gated output and the last state."""
    delta = F.softplus(dt + dt_bias)
    A = -torch.exp(A_log)
    rows = []
    for t in range(x.shape[1]):
        d, u = delta[:, t], x[:, t]
        h = torch.exp(d[..., None] * A) * h + (d * u)[..., None] * B[:, t, None, :]
        rows.append((h * C[:, t, None, :]).sum(-1) + D * u)
    return torch.stack(rows, 1) * F.silu(z), h


class Mixer(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.s = s
        d, c, n, r = s.d_model, s.d_inner, s.d_state, s.dt_rank
        self.in_proj = nn.Linear(d, 2 * c, bias=False)
        self.conv1d = nn.Conv1d(c, c, s.d_conv, groups=c)
        self.x_proj = nn.Linear(c, r + 2 * n, bias=False)
        self.dt_proj = nn.Linear(r, c)
        self.A_log = nn.Parameter(torch.log(torch.arange(1, n + 1).float()).repeat(c, 1))
        self.D = nn.Parameter(torch.ones(c))
        self.out_proj = nn.Linear(c, d, bias=False)
        with torch.no_grad():
            dt = torch.exp(torch.rand(c) * (math.log(0.1) - math.log(1e-3)) + math.log(1e-3))
            self.dt_proj.bias.copy_(dt + torch.log(-torch.expm1(-dt)))
            nn.init.uniform_(self.dt_proj.weight, -r ** -0.5, r ** -0.5)
            self.out_proj.weight.div_(math.sqrt(s.layers))

    def forward(self, u, state, fork, fast):
        s = self.s
        x, z = self.in_proj(u).split(s.d_inner, -1)
        if state is None:
            state = (x.new_zeros(x.shape[0] // fork, 3, s.d_inner),
                     torch.zeros(x.shape[0] // fork, s.d_inner, s.d_state, device=x.device))
        before, h = state
        if fast:
            import scan
            xc = scan.conv_silu(x, before, self.conv1d.weight, self.conv1d.bias, fork)
        else:
            before = before.repeat_interleave(fork, 0)
            xc = plain_conv(x, self.conv1d.weight, self.conv1d.bias, before)
        low, B, C = self.x_proj(xc).split((s.dt_rank, s.d_state, s.d_state), -1)
        dt = F.linear(low, self.dt_proj.weight)
        if fast:
            y, h = scan.selective_scan(x=xc, dt=dt, A_log=self.A_log, B=B, C=C, D=self.D,
                                       dt_bias=self.dt_proj.bias, z=z, h0=h, fork=fork)
            tail = x[:, -3:]
        else:
            y, h = plain_scan(xc, dt, self.A_log, B, C, self.D, self.dt_proj.bias, z, h.repeat_interleave(fork, 0))
            tail = torch.cat([before, x], 1)[:, -3:]
        return self.out_proj(y), (tail, h)


class Layer(nn.Module):
    def __init__(self, s, mixer):
        super().__init__()
        self.norm = RMSNorm(s.d_model)
        self.mixer = mixer(s)

    def forward(self, r, state, fork, fast):
        out, state = self.mixer(self.norm(r), state, fork, fast)
        return r + out.float(), state


class Backbone(nn.Module):
    def __init__(self, s, mixer):
        super().__init__()
        self.embedding = nn.Embedding(s.vocab_rows, s.d_model)
        self.layers = nn.ModuleList(Layer(s, mixer) for _ in range(s.layers))
        self.norm_f = RMSNorm(s.d_model)
        nn.init.normal_(self.embedding.weight, std=0.02)


class Mamba(nn.Module):
    """Names as in a Cobra checkpoint without the `llm.` prefix; the head is the embedding."""

    def __init__(self, s, mixer=Mixer):
        super().__init__()
        self.s = s
        self.backbone = Backbone(s, mixer)

    def embed(self, ids):
        return self.backbone.embedding(ids)

    def forward(self, rows, states=None, fork=1, fast=False, tap=None):
        """Rows of one segment -> residual stream, states after it, residual after layer `tap`.

        With fork > 1 there are `fork` sequences for every state, next to one another."""
        r, after, tapped = rows.float(), [], None
        for i, layer in enumerate(self.backbone.layers):
            r, state = layer(r, None if states is None else states[i], fork, fast)
            after.append(state)
            if tap == i:
                tapped = r
        return r, after, tapped

    def logits(self, r):
        return F.linear(self.backbone.norm_f(r), self.backbone.embedding.weight)


class Projector(nn.Module):
    """fused-gelu-mlp: V -> 4V -> d -> d."""

    def __init__(self, v, d):
        super().__init__()
        self.projector = nn.Sequential(nn.Linear(v, 4 * v), nn.GELU(), nn.Linear(4 * v, d), nn.GELU(), nn.Linear(d, d))

    def forward(self, x):
        return self.projector(x)


class System(nn.Module):
    """The two towers; what follows them has a `connect` (features -> image rows) and an `llm`."""

    def __init__(self, dino, siglip):
        super().__init__()
        self.dino, self.siglip = Tower(dino), Tower(siglip)
        self.width = dino.width + siglip.width

    def features(self, images):
        """uint8 [B,H,W,3] -> [B,patches,V], DINO's columns first."""
        return torch.cat([self.dino(normalise(images, IMAGENET)), self.siglip(normalise(images, HALF))], -1)

    def fuse(self):
        """For training: compiles what is between the matrix products of every layer."""
        for layer in self.repeated():
            layer.compile(dynamic=False)

    def see(self, features, fast=False):
        """The language model's states after the image rows."""
        return self.llm(self.connect(features, fast), fast=fast)[1]


class Cobra(System):
    def __init__(self, dino, siglip, lm):
        super().__init__(dino, siglip)
        self.projector = Projector(self.width, lm.d_model)
        self.llm = Mamba(lm)

    def connect(self, features, fast=False):
        return self.projector(features)


def parameters(model):
    """Counted as stored, a tied head once."""
    return sum(p.numel() for p in model.parameters())
