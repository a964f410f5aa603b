"""A LLaMA language model behind the same towers and a two-layer projector, in plain PyTorch.

Tensor names as Prismatic writes them. The same lines are the fp32 reference on the CPU and
what is trained; the image's keys and values are computed once and shared by its questions.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

import model as M


@dataclass
class LlamaSize:
    d_model: int
    layers: int
    vocab_rows: int
    heads: int
    kv_heads: int
    head_dim: int
    mlp: int
    theta: float = 10000.0
    eps: float = 1e-5


def rotation(s, first, n, device):
    """cos and sin [n, head_dim] of the positions from `first` on; frequencies and angles in fp32."""
    i = torch.arange(0, s.head_dim, 2, dtype=torch.float32, device=device)
    frequency = 1.0 / s.theta ** (i / s.head_dim)
    angle = torch.arange(first, first + n, dtype=torch.float32, device=device)[:, None] * frequency
    angle = torch.cat([angle, angle], -1)
    return angle.cos(), angle.sin()


def rotate(x, cos, sin):
    x = x.float()
    a, b = x.chunk(2, -1)
    return x * cos + torch.cat([-b, a], -1) * sin


class Attention(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.s = s
        self.q_proj = nn.Linear(s.d_model, s.heads * s.head_dim, bias=False)
        self.k_proj = nn.Linear(s.d_model, s.kv_heads * s.head_dim, bias=False)
        self.v_proj = nn.Linear(s.d_model, s.kv_heads * s.head_dim, bias=False)
        self.o_proj = nn.Linear(s.heads * s.head_dim, s.d_model, bias=False)

    def forward(self, x, state, fork, turn, mask):
        s = self.s
        q, k, v = (project(x).unflatten(-1, (-1, s.head_dim)).transpose(1, 2)
                   for project in (self.q_proj, self.k_proj, self.v_proj))
        q, k = rotate(q, *turn).to(v.dtype), rotate(k, *turn).to(v.dtype)
        if state is not None:
            k, v = (torch.cat([old.repeat_interleave(fork, 0), new], 2) for old, new in zip(state, (k, v)))
        keys, values = (t.repeat_interleave(s.heads // s.kv_heads, 1) for t in (k, v))
        y = F.scaled_dot_product_attention(q, keys, values, attn_mask=mask)
        return self.o_proj(y.transpose(1, 2).flatten(2)), (k, v)


class MLP(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.gate_proj = nn.Linear(s.d_model, s.mlp, bias=False)
        self.up_proj = nn.Linear(s.d_model, s.mlp, bias=False)
        self.down_proj = nn.Linear(s.mlp, s.d_model, bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.self_attn = Attention(s)
        self.mlp = MLP(s)
        self.input_layernorm = M.RMSNorm(s.d_model, s.eps)
        self.post_attention_layernorm = M.RMSNorm(s.d_model, s.eps)
        with torch.no_grad():
            for out in (self.self_attn.o_proj, self.mlp.down_proj):
                out.weight.div_(math.sqrt(2 * s.layers))

    def forward(self, r, state, fork, turn, mask):
        out, state = self.self_attn(self.input_layernorm(r), state, fork, turn, mask)
        r = r + out.float()
        return r + self.mlp(self.post_attention_layernorm(r)).float(), state


class Stack(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.embed_tokens = nn.Embedding(s.vocab_rows, s.d_model)
        self.layers = nn.ModuleList(Layer(s) for _ in range(s.layers))
        self.norm = M.RMSNorm(s.d_model, s.eps)
        nn.init.normal_(self.embed_tokens.weight, std=0.02)


class Llama(nn.Module):
    """Names as in a Prismatic checkpoint without the `llm.` prefix; the head is not tied."""

    def __init__(self, s):
        super().__init__()
        self.s = s
        self.model = Stack(s)
        self.lm_head = nn.Linear(s.d_model, s.vocab_rows, bias=False)
        nn.init.normal_(self.lm_head.weight, std=0.02)

    def embed(self, ids):
        return self.model.embed_tokens(ids)

    def forward(self, rows, states=None, fork=1, fast=False, tap=None):
        """As Mamba's: rows of one segment -> residual stream, keys and values of all rows so far, tapped stream."""
        r, after, tapped = rows.float(), [], None
        n, past = r.shape[1], 0 if states is None else states[0][0].shape[2]
        turn = rotation(self.s, past, n, r.device)
        mask = torch.ones(n, past + n, dtype=torch.bool, device=r.device).tril(past)
        for i, layer in enumerate(self.model.layers):
            r, state = layer(r, None if states is None else states[i], fork, turn, mask)
            after.append(state)
            if tap == i:
                tapped = r
        return r, after, tapped

    def logits(self, r):
        return self.lm_head(self.model.norm(r))


class Projector(nn.Module):
    """gelu-mlp: V -> d -> d."""

    def __init__(self, v, d):
        super().__init__()
        self.projector = nn.Sequential(nn.Linear(v, d), nn.GELU(), nn.Linear(d, d))

    def forward(self, x):
        return self.projector(x)


class LlamaSystem(M.System):
    def __init__(self, dino, siglip, lm):
        super().__init__(dino, siglip)
        self.projector = Projector(self.width, lm.d_model)
        self.llm = Llama(lm)

    def repeated(self):
        return self.llm.model.layers

    def connect(self, features, fast=False):
        return self.projector(features)
