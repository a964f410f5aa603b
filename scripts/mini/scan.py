"""Triton kernels for training: causal convolution with SiLU, and Mamba-1's scan.

Both take the state that precedes the segment, one for every `fork` neighbouring
sequences, and give gradients to it. All arithmetic is fp32 whatever the inputs.
`python3 scan.py` compares values and gradients with the plain versions in
model.py and prints timings (TRITON_INTERPRET=1 runs it without a GPU).
"""

import torch
import triton
import triton.language as tl

BLOCK, WARPS = 32, 1          # channels a program, warps a program
CONV_BLOCK = 128
CHUNK = 4                     # the backward scan recomputes states four rows at a time


# ---------------------------------------------------------------- convolution

@triton.jit
def _conv_fwd(x, before, weight, bias, out, T, C, fork, sx, BC: tl.constexpr):
    s = tl.program_id(0).to(tl.int64)
    c = tl.program_id(1) * BC + tl.arange(0, BC)
    ok = c < C
    w0 = tl.load(weight + c * 4, ok, 0.)
    w1 = tl.load(weight + c * 4 + 1, ok, 0.)
    w2 = tl.load(weight + c * 4 + 2, ok, 0.)
    w3 = tl.load(weight + c * 4 + 3, ok, 0.)
    b = tl.load(bias + c, ok, 0.)
    p = before + (s // fork) * 3 * C + c
    a0 = tl.load(p, ok, 0.).to(tl.float32)
    a1 = tl.load(p + C, ok, 0.).to(tl.float32)
    a2 = tl.load(p + 2 * C, ok, 0.).to(tl.float32)
    for t in range(T):
        a3 = tl.load(x + (s * T + t) * sx + c, ok, 0.).to(tl.float32)
        v = b + w0 * a0 + w1 * a1 + w2 * a2 + w3 * a3
        tl.store(out + (s * T + t) * C + c, v * tl.sigmoid(v), ok)
        a0 = a1
        a1 = a2
        a2 = a3


@triton.jit
def _conv_row(x, before, s, t, T, C, fork, sx, c, ok):
    """Row t of the sequence; rows -3..-1 are the ones before it."""
    at = t + c * 0
    inner = tl.load(x + (s * T + t) * sx + c, ok & (at >= 0), 0.).to(tl.float32)
    outer = tl.load(before + ((s // fork) * 3 + t + 3) * C + c, ok & (at < 0), 0.).to(tl.float32)
    return inner + outer


@triton.jit
def _conv_bwd(x, before, weight, bias, dout, dx, dbefore, dweight, dbias, T, C, fork, sx, BC: tl.constexpr):
    s = tl.program_id(0).to(tl.int64)
    c = tl.program_id(1) * BC + tl.arange(0, BC)
    ok = c < C
    w0 = tl.load(weight + c * 4, ok, 0.)
    w1 = tl.load(weight + c * 4 + 1, ok, 0.)
    w2 = tl.load(weight + c * 4 + 2, ok, 0.)
    w3 = tl.load(weight + c * 4 + 3, ok, 0.)
    b = tl.load(bias + c, ok, 0.)
    # p1, p2, p3: what later rows have given so far to the rows t, t-1, t-2
    p1, p2, p3 = tl.zeros((BC,), tl.float32), tl.zeros((BC,), tl.float32), tl.zeros((BC,), tl.float32)
    d0, d1, d2 = tl.zeros((BC,), tl.float32), tl.zeros((BC,), tl.float32), tl.zeros((BC,), tl.float32)
    d3, db = tl.zeros((BC,), tl.float32), tl.zeros((BC,), tl.float32)
    a3 = _conv_row(x, before, s, T - 1, T, C, fork, sx, c, ok)
    a2 = _conv_row(x, before, s, T - 2, T, C, fork, sx, c, ok)
    a1 = _conv_row(x, before, s, T - 3, T, C, fork, sx, c, ok)
    for i in range(T):
        t = T - 1 - i
        a0 = _conv_row(x, before, s, t - 3, T, C, fork, sx, c, ok)
        v = b + w0 * a0 + w1 * a1 + w2 * a2 + w3 * a3
        sig = tl.sigmoid(v)
        g = tl.load(dout + (s * T + t) * C + c, ok, 0.).to(tl.float32) * sig * (1. + v * (1. - sig))
        tl.store(dx + (s * T + t) * C + c, w3 * g + p1, ok)
        p1 = w2 * g + p2
        p2 = w1 * g + p3
        p3 = w0 * g
        d0 += g * a0
        d1 += g * a1
        d2 += g * a2
        d3 += g * a3
        db += g
        a3 = a2
        a2 = a1
        a1 = a0
    p = dbefore + s * 3 * C + c
    tl.store(p + 2 * C, p1, ok)
    tl.store(p + C, p2, ok)
    tl.store(p, p3, ok)
    q = dweight + (s * C + c) * 4
    tl.store(q, d0, ok)
    tl.store(q + 1, d1, ok)
    tl.store(q + 2, d2, ok)
    tl.store(q + 3, d3, ok)
    tl.store(dbias + s * C + c, db, ok)


class _Conv(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, before, weight, bias, fork):
        S, T, C = x.shape
        before = before.contiguous()
        out = torch.empty(S, T, C, dtype=x.dtype, device=x.device)
        assert x.stride(2) == 1 and x.stride(0) == T * x.stride(1) and T >= 3
        _conv_fwd[(S, triton.cdiv(C, CONV_BLOCK))](x, before, weight, bias, out, T, C, fork, x.stride(1),
                                                   BC=CONV_BLOCK, num_warps=2)
        ctx.save_for_backward(x, before, weight, bias)
        ctx.fork = fork
        return out

    @staticmethod
    def backward(ctx, dout):
        x, before, weight, bias = ctx.saved_tensors
        S, T, C = x.shape
        dout = dout.contiguous()
        f32 = dict(dtype=torch.float32, device=x.device)
        dx = torch.empty(S, T, C, dtype=x.dtype, device=x.device)
        dbefore, dweight, dbias = torch.empty(S, 3, C, **f32), torch.empty(S, C, 4, **f32), torch.empty(S, C, **f32)
        _conv_bwd[(S, triton.cdiv(C, CONV_BLOCK))](x, before, weight, bias, dout, dx, dbefore, dweight, dbias, T, C,
                                                   ctx.fork, x.stride(1), BC=CONV_BLOCK, num_warps=2)
        dbefore = dbefore.view(-1, ctx.fork, 3, C).sum(1).to(before.dtype)
        return dx, dbefore, dweight.sum(0).view_as(weight), dbias.sum(0), None


def conv_silu(x, before, weight, bias, fork):
    return _Conv.apply(x, before, weight, bias, fork)


# ---------------------------------------------------------------- scan

@triton.jit
def _softplus(v):
    return tl.where(v > 20., v, tl.log(1. + tl.exp(tl.minimum(v, 20.))))


@triton.jit
def _load_row(x, dt, B, row, sb, C, c, n, ok, bias, BC: tl.constexpr):
    u = tl.load(x + row * C + c, ok, 0.).to(tl.float32)
    v = tl.load(dt + row * C + c, ok, 0.).to(tl.float32) + bias
    k = tl.load(B + row * sb + n).to(tl.float32)
    return u, v, k


@triton.jit
def _scan_fwd(x, dt, B, Cm, z, A_log, D, dt_bias, h0, y, hT, keep, T, C, fork, sb, sz,
              N: tl.constexpr, BC: tl.constexpr, CHUNK: tl.constexpr, SAVE: tl.constexpr):
    s = tl.program_id(0).to(tl.int64)
    c = tl.program_id(1) * BC + tl.arange(0, BC)
    n = tl.arange(0, N)
    ok = c < C
    cn = c[:, None] * N + n[None, :]
    okn = ok[:, None] & (n[None, :] < N)
    A = -tl.exp(tl.load(A_log + cn, okn, 0.))
    skip = tl.load(D + c, ok, 0.)
    bias = tl.load(dt_bias + c, ok, 0.)
    h = tl.load(h0 + (s // fork) * C * N + cn, okn, 0.)
    for k in range(T // CHUNK):
        if SAVE:
            tl.store(keep + (s * (T // CHUNK) + k) * C * N + cn, h, okn)
        for j in tl.static_range(CHUNK):
            row = s * T + k * CHUNK + j
            u, v, key = _load_row(x, dt, B, row, sb, C, c, n, ok, bias, BC)
            q = tl.load(Cm + row * sb + n).to(tl.float32)
            g = tl.load(z + row * sz + c, ok, 0.).to(tl.float32)
            d = _softplus(v)
            h = tl.exp(d[:, None] * A) * h + (d * u)[:, None] * key[None, :]
            out = tl.sum(h * q[None, :], 1) + skip * u
            tl.store(y + row * C + c, out * g * tl.sigmoid(g), ok)
    tl.store(hT + s * C * N + cn, h, okn)


@triton.jit
def _again(h, x, dt, B, row, sb, C, c, n, ok, bias, A, BC: tl.constexpr):
    u, v, key = _load_row(x, dt, B, row, sb, C, c, n, ok, bias, BC)
    d = _softplus(v)
    return tl.exp(d[:, None] * A) * h + (d * u)[:, None] * key[None, :]


@triton.jit
def _back(gh, dA, dD, dbias, h, h1, x, dt, B, Cm, z, dy, dx, ddt, dB, dC, dz, row, part, sb, sz, C, c, n, ok,
          skip, bias, A, N: tl.constexpr, BC: tl.constexpr):
    """One row backwards: h before it, h1 after it, gh the gradient of h1 from later rows."""
    u, v, key = _load_row(x, dt, B, row, sb, C, c, n, ok, bias, BC)
    q = tl.load(Cm + row * sb + n).to(tl.float32)
    g = tl.load(z + row * sz + c, ok, 0.).to(tl.float32)
    do = tl.load(dy + row * C + c, ok, 0.).to(tl.float32)
    d = _softplus(v)
    out = tl.sum(h1 * q[None, :], 1) + skip * u
    sig = tl.sigmoid(g)
    tl.store(dz + row * C + c, do * out * sig * (1. + g * (1. - sig)), ok)
    do = do * g * sig
    tl.store(dC + (part + row) * N + n, tl.sum(do[:, None] * h1, 0))
    gh = gh + do[:, None] * q[None, :]
    gk = tl.sum(gh * key[None, :], 1)
    tl.store(dB + (part + row) * N + n, tl.sum(gh * (d * u)[:, None], 0))
    tl.store(dx + row * C + c, do * skip + d * gk, ok)
    a = tl.exp(d[:, None] * A)
    ga = gh * a
    gah = ga * h
    gv = (tl.sum(gah * A, 1) + u * gk) * tl.sigmoid(v)
    tl.store(ddt + row * C + c, gv, ok)
    return ga, dA + gah * d[:, None], dD + do * u, dbias + gv


@triton.jit
def _scan_bwd(x, dt, B, Cm, z, A_log, D, dt_bias, keep, dy, dhT, dx, ddt, dB, dC, dz, dA_log, dD_out, dbias_out, dh0,
              S, T, C, sb, sz, N: tl.constexpr, BC: tl.constexpr, CHUNK: tl.constexpr, HAS_DHT: tl.constexpr):
    s = tl.program_id(0).to(tl.int64)
    block = tl.program_id(1)
    c = block * BC + tl.arange(0, BC)
    n = tl.arange(0, N)
    ok = c < C
    cn = c[:, None] * N + n[None, :]
    okn = ok[:, None] & (n[None, :] < N)
    A = -tl.exp(tl.load(A_log + cn, okn, 0.))
    skip = tl.load(D + c, ok, 0.)
    bias = tl.load(dt_bias + c, ok, 0.)
    part = block.to(tl.int64) * S * T
    if HAS_DHT:
        gh = tl.load(dhT + s * C * N + cn, okn, 0.)
    else:
        gh = tl.zeros((BC, N), tl.float32)
    dA = tl.zeros((BC, N), tl.float32)
    dD = tl.zeros((BC,), tl.float32)
    db = tl.zeros((BC,), tl.float32)
    for i in range(T // CHUNK):
        k = T // CHUNK - 1 - i
        row = s * T + k * CHUNK
        h0 = tl.load(keep + (s * (T // CHUNK) + k) * C * N + cn, okn, 0.)
        h1 = _again(h0, x, dt, B, row, sb, C, c, n, ok, bias, A, BC)
        h2 = _again(h1, x, dt, B, row + 1, sb, C, c, n, ok, bias, A, BC)
        h3 = _again(h2, x, dt, B, row + 2, sb, C, c, n, ok, bias, A, BC)
        h4 = _again(h3, x, dt, B, row + 3, sb, C, c, n, ok, bias, A, BC)
        gh, dA, dD, db = _back(gh, dA, dD, db, h3, h4, x, dt, B, Cm, z, dy, dx, ddt, dB, dC, dz, row + 3, part, sb, sz,
                               C, c, n, ok, skip, bias, A, N, BC)
        gh, dA, dD, db = _back(gh, dA, dD, db, h2, h3, x, dt, B, Cm, z, dy, dx, ddt, dB, dC, dz, row + 2, part, sb, sz,
                               C, c, n, ok, skip, bias, A, N, BC)
        gh, dA, dD, db = _back(gh, dA, dD, db, h1, h2, x, dt, B, Cm, z, dy, dx, ddt, dB, dC, dz, row + 1, part, sb, sz,
                               C, c, n, ok, skip, bias, A, N, BC)
        gh, dA, dD, db = _back(gh, dA, dD, db, h0, h1, x, dt, B, Cm, z, dy, dx, ddt, dB, dC, dz, row, part, sb, sz,
                               C, c, n, ok, skip, bias, A, N, BC)
    tl.store(dA_log + s * C * N + cn, dA * A, okn)
    tl.store(dD_out + s * C + c, dD, ok)
    tl.store(dbias_out + s * C + c, db, ok)
    tl.store(dh0 + s * C * N + cn, gh, okn)


class _Scan(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, dt, A_log, B, C, D, dt_bias, z, h0, fork):
        S, T, c = x.shape
        N = A_log.shape[1]
        x, dt, h0 = x.contiguous(), dt.contiguous(), h0.contiguous()
        assert T % CHUNK == 0 and B.stride() == C.stride() and B.stride(0) == T * B.stride(1)
        assert z.stride(2) == B.stride(2) == 1 and z.stride(0) == T * z.stride(1)
        y = torch.empty_like(x)
        f32 = dict(dtype=torch.float32, device=x.device)
        hT = torch.empty(S, c, N, **f32)
        save = any(ctx.needs_input_grad)
        keep = torch.empty(S, T // CHUNK, c, N, **f32) if save else hT
        grid = (S, triton.cdiv(c, BLOCK))
        _scan_fwd[grid](x, dt, B, C, z, A_log, D, dt_bias, h0, y, hT, keep, T, c, fork, B.stride(1), z.stride(1),
                        N=N, BC=BLOCK, CHUNK=CHUNK, SAVE=save, num_warps=WARPS)
        ctx.save_for_backward(x, dt, A_log, B, C, D, dt_bias, z, keep)
        ctx.fork = fork
        ctx.set_materialize_grads(False)
        return y, hT

    @staticmethod
    def backward(ctx, dy, dhT):
        x, dt, A_log, B, C, D, dt_bias, z, keep = ctx.saved_tensors
        S, T, c = x.shape
        N = A_log.shape[1]
        dy = torch.zeros_like(x) if dy is None else dy.contiguous()
        f32 = dict(dtype=torch.float32, device=x.device)
        grid = (S, triton.cdiv(c, BLOCK))
        dx, ddt, dz = torch.empty_like(x), torch.empty_like(dt), torch.empty(S, T, c, dtype=z.dtype, device=x.device)
        dB, dC = torch.empty(grid[1], S, T, N, **f32), torch.empty(grid[1], S, T, N, **f32)
        dA, dh0 = torch.empty(S, c, N, **f32), torch.empty(S, c, N, **f32)
        dD, dbias = torch.empty(S, c, **f32), torch.empty(S, c, **f32)
        _scan_bwd[grid](x, dt, B, C, z, A_log, D, dt_bias, keep, dy, dy if dhT is None else dhT.contiguous(),
                        dx, ddt, dB, dC, dz, dA, dD, dbias, dh0, S, T, c, B.stride(1), z.stride(1),
                        N=N, BC=BLOCK, CHUNK=CHUNK, HAS_DHT=dhT is not None, num_warps=WARPS)
        return (dx, ddt, dA.sum(0), dB.sum(0).to(B.dtype), dC.sum(0).to(C.dtype), dD.sum(0), dbias.sum(0), dz,
                dh0.view(-1, ctx.fork, c, N).sum(1), None)


def selective_scan(x, dt, A_log, B, C, D, dt_bias, z, h0, fork):
    """Gated output [S,T,C] and the state after the segment [S,C,N]."""
    return _Scan.apply(x, dt, A_log, B, C, D, dt_bias, z, h0, fork)


# ---------------------------------------------------------------- self-test

def _check(device, S=6, T=8, C=40, N=16, fork=3):
    import model
    torch.manual_seed(1)
    make = lambda *shape: torch.randn(*shape, device=device, dtype=torch.float32)
    leaves = dict(xz=make(S, T, 2 * C), before=make(S // fork, 3, C), w=make(C, 1, 4), b=make(C), dt=make(S, T, C),
                  BC=make(S, T, 2 * N + 3), A_log=make(C, N) * .3, D=make(C), bias=make(C) - 1, h0=make(S // fork, C, N))
    r1, r2 = make(S, T, C), make(S, C, N)
    grads = []
    for fast in (False, True):
        v = {k: t.clone().requires_grad_() for k, t in leaves.items()}
        x, z = v["xz"].split(C, -1)
        _, B, Cm = v["BC"].split((3, N, N), -1)
        if fast:
            xc = conv_silu(x, v["before"], v["w"], v["b"], fork)
            y, h = selective_scan(xc, v["dt"], v["A_log"], B, Cm, v["D"], v["bias"], z, v["h0"], fork)
        else:
            xc = model.plain_conv(x, v["w"], v["b"], v["before"].repeat_interleave(fork, 0))
            y, h = model.plain_scan(xc, v["dt"], v["A_log"], B, Cm, v["D"], v["bias"], z,
                                    v["h0"].repeat_interleave(fork, 0))
        ((y * r1).sum() + (h * r2).sum()).backward()
        grads.append({"y": y.detach(), "h": h.detach(), **{k: t.grad for k, t in v.items()}})
    worst = 0.0
    for k in grads[0]:
        e = (grads[0][k] - grads[1][k]).norm() / grads[0][k].norm()
        worst = max(worst, e.item())
        print(f"  {k:7s} relative difference {e.item():.2e}")
    assert worst < 1e-4, worst


def _time(fn, n=10):
    for _ in range(3):
        fn()
    torch.cuda.synchronize()
    a, b = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    a.record()
    for _ in range(n):
        fn()
    b.record()
    torch.cuda.synchronize()
    return a.elapsed_time(b) / n


def main():
    global BLOCK, WARPS
    device = "cuda" if torch.cuda.is_available() else "cpu"
    _check(device)
    if device == "cpu":
        return
    _check(device, S=24, T=64, C=384, fork=1)
    S, T, C, N, fork = 1536, 36, 384, 16, 12
    for dtype in (torch.float32, torch.bfloat16):
        for BLOCK, WARPS in ((32, 1), (64, 1), (64, 2), (128, 4)):
            x = torch.randn(S, T, C, device=device, dtype=dtype, requires_grad=True)
            dt = torch.randn(S, T, C, device=device, dtype=dtype, requires_grad=True)
            z = torch.randn(S, T, C, device=device, dtype=dtype, requires_grad=True)
            B = torch.randn(S, T, N, device=device, dtype=dtype, requires_grad=True)
            Cm = torch.randn(S, T, N, device=device, dtype=dtype, requires_grad=True)
            A = torch.randn(C, N, device=device, requires_grad=True)
            D, bias = torch.randn(C, device=device, requires_grad=True), torch.randn(C, device=device, requires_grad=True)
            h0 = torch.randn(S // fork, C, N, device=device, requires_grad=True)
            f = lambda: selective_scan(x, dt, A, B, Cm, D, bias, z, h0, fork)[0]
            fwd = _time(f)
            both = _time(lambda: f().backward(x.detach()))
            print(f"  scan {dtype} block {BLOCK} warps {WARPS}: forward {fwd:.2f} ms, with backward {both:.2f} ms")
        w, b = torch.randn(C, 1, 4, device=device, requires_grad=True), torch.randn(C, device=device, requires_grad=True)
        before = torch.randn(S // fork, 3, C, device=device, dtype=dtype, requires_grad=True)
        f = lambda: conv_silu(x, before, w, b, fork)
        print(f"  conv {dtype}: forward {_time(f):.2f} ms, with backward {_time(lambda: f().backward(x.detach())):.2f} ms")


if __name__ == "__main__":
    main()
