"""Trains a miniature: towers on dense labels, then connector and language model.

    python3 train.py --out DIR --towers 2 --lm 6          # minutes
    python3 train.py --out DIR --resume DIR --lm 9        # go on with the language model
    python3 train.py --out DIR --decoder llama --towers-from ../../examples/mini-cobra --steps 11340

Writes DIR/towers.pt (unless they come from an example), DIR/language.pt and DIR/curve.csv, now and then and at the end.
"""

import argparse
import csv
import json
import math
import os
import threading
import time

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import nn

import bench
import data
import model as M
import scene as S
import systems
import tokenizer

HEADS = {"kind": 1 + len(S.KINDS), "colour": 1 + len(S.COLOURS), "size": 3, "x": 28, "y": 28, "flags": 5,
         "centre": 2, "text": 1 + len(S.TEXTS), "damage": 2}
TAP = 4                                   # the helper head reads the stream after this layer
HELPER = {"exists": 2, "x": data.BINS, "y": data.BINS, "size": 2, "flags": 5}


class Helper(nn.Module):
    """LayerNorm and one linear map to several groups of logits; only for training."""

    def __init__(self, width, groups):
        super().__init__()
        self.groups = groups
        self.norm = nn.LayerNorm(width)
        self.out = nn.Linear(width, sum(groups.values()))

    def forward(self, x):
        return dict(zip(self.groups, self.out(self.norm(x.float())).split(list(self.groups.values()), -1)))


def bits(v, n=5):
    return (v[..., None] >> torch.arange(n, device=v.device) & 1).float()


def masked(loss, keep):
    return (loss * keep).sum() / keep.sum().clamp(min=1)


def ce(logits, target):
    return F.cross_entropy(logits.flatten(0, -2).float(), target.flatten(), reduction="none").view(target.shape)


# ---------------------------------------------------------------- towers

def tower_loss(out, lab):
    lab = lab.long()
    kind = lab[..., S.L_KIND]
    on = (kind > 0).float()
    clear = 1 - lab[..., S.L_DAMAGE].float()             # nothing can be told from a spoilt picture
    total = masked(ce(out["kind"], kind), clear) + ce(out["centre"], lab[..., S.L_CENTRE]).mul(clear).mean()
    total = total + masked(ce(out["colour"], lab[..., S.L_COLOUR]), on * clear)
    total = total + 0.5 * masked(ce(out["size"], lab[..., S.L_SIZE]), on * clear)
    for name, column in (("x", S.L_X), ("y", S.L_Y)):
        total = total + 0.5 * masked(ce(out[name], lab[..., column] // 4), on * clear)
    flags = F.binary_cross_entropy_with_logits(out["flags"].float(), bits(lab[..., S.L_FLAGS]), reduction="none").mean(-1)
    total = total + 2 * masked(flags, on * clear)
    text = lab[..., S.L_TEXT]
    total = total + 0.5 * masked(ce(out["text"], text), (text > 0).float()) + 0.2 * ce(out["text"], text).mean()
    return total + 0.2 * ce(out["damage"], lab[..., S.L_DAMAGE]).mean()


@torch.no_grad()
def tower_report(towers, heads, fixed):
    """Accuracies of the two towers' heads on the fixed set."""
    hits = {}
    for i in range(0, len(fixed["image"]), 256):
        images, lab = fixed["image"][i:i + 256], fixed["labels"][i:i + 256].long()
        clear = lab[..., S.L_DAMAGE] == 0
        on = (lab[..., S.L_KIND] > 0) & clear
        for tag, tower, stats in towers:
            out = heads[tag](tower(M.normalise(images, stats)))
            for name, column, where in (("kind", S.L_KIND, on), ("colour", S.L_COLOUR, on), ("size", S.L_SIZE, on),
                                        ("text", S.L_TEXT, lab[..., S.L_TEXT] > 0), ("damage", S.L_DAMAGE, on | ~on),
                                        ("centre", S.L_CENTRE, on)):
                good = out[name].argmax(-1) == lab[..., column]
                hits.setdefault(f"{tag}.{name}", []).append((good & where).sum() / where.sum().clamp(min=1))
            off = (out["x"].argmax(-1) * 4 + 2 - lab[..., S.L_X]).abs().float()
            hits.setdefault(f"{tag}.x_error", []).append((off * on).sum() / on.sum().clamp(min=1))
            good = ((out["flags"] > 0) == (bits(lab[..., S.L_FLAGS]) > 0)).all(-1)
            hits.setdefault(f"{tag}.flags", []).append((good & on).sum() / on.sum().clamp(min=1))
    return {k: round(torch.stack(v).mean().item(), 4) for k, v in hits.items()}


# ---------------------------------------------------------------- language model

def answer(net, helper, states, batch, tag, device, fast):
    """Loss parts and exact-match hits of one rectangle of questions."""
    ids = batch[tag + "_ids"].long()
    b, q, t = ids.shape
    rows = net.llm.embed(ids.view(b * q, t))
    r, _, tapped = net.llm(rows, states, fork=q, fast=fast, tap=TAP)
    pos, tgt = batch[tag + "_pos"].long().view(b * q, -1), batch[tag + "_tgt"].long().view(b * q, -1)
    at = r.gather(1, pos[..., None].expand(-1, -1, r.shape[-1]))
    with torch.autocast(device, enabled=False):
        logits = net.llm.logits(at)
    keep = (tgt >= 0).float()
    loss = masked(ce(logits, tgt.clamp(min=0)), keep)
    hit = ((logits.argmax(-1) == tgt) | (tgt < 0)).all(-1)

    men = batch[tag + "_men"].long().view(b * q, -1)
    obj = batch[tag + "_obj"].long().view(b * q, men.shape[1], -1)
    said = tapped.gather(1, men.clamp(min=0)[..., None].expand(-1, -1, r.shape[-1]))
    with torch.autocast(device, enabled=False):
        out = helper(said)
    there = (men >= 0).float()
    known = there * obj[..., 5]
    aux = masked(ce(out["exists"], obj[..., 0]), there) + 0.5 * masked(ce(out["size"], obj[..., 3]), known)
    aux = aux + masked(ce(out["x"], obj[..., 1]), known) + masked(ce(out["y"], obj[..., 2]), known)
    flags = F.binary_cross_entropy_with_logits(out["flags"], bits(obj[..., 4]), reduction="none").mean(-1)
    aux = aux + 2 * masked(flags, known)
    near = ((out["x"].argmax(-1) - obj[..., 1]).abs() <= 1) & ((out["y"].argmax(-1) - obj[..., 2]).abs() <= 1)
    place = (near * known).sum() / known.sum().clamp(min=1)
    return loss, aux, hit.view(b, q), place


@torch.no_grad()
def lm_report(net, helper, fixed, device, fast, amp):
    """Exact-match accuracy a family, and how often the helper head places a mention rightly."""
    good, seen, places = torch.zeros(8), torch.zeros(8), []
    for i in range(0, len(fixed["image"]), 128):
        batch = {k: v[i:i + 128] for k, v in fixed.items()}
        with torch.autocast(device, torch.bfloat16, enabled=amp):
            states = net.see(net.features(batch["image"]), fast)
            for tag in ("short", "long"):
                _, _, hit, place = answer(net, helper, states, batch, tag, device, fast)
                fam = batch[tag + "_fam"].long().clamp(max=7)
                good += torch.bincount(fam.flatten(), hit.flatten().float(), 8).cpu()
                seen += torch.bincount(fam.flatten(), minlength=8).cpu()
                places.append(place)
    report = {f: round((good[k] / seen[k].clamp(min=1)).item(), 4) for k, f in enumerate(data.FAMILIES)}
    report["place"] = round(torch.stack(places).mean().item(), 4)
    return report


# ---------------------------------------------------------------- the loop

def groups(parameters, decay):
    """Weight decay for matrices only; A_log, D, biases, norms and embeddings go without."""
    named = [(n, p) for n, p in parameters if p.requires_grad]
    flat = [p for n, p in named if p.ndim < 2 or "A_log" in n or "embed" in n or "token" in n or "conv1d" in n]
    ids = {id(p) for p in flat}
    return [{"params": [p for _, p in named if id(p) not in ids], "weight_decay": decay},
            {"params": flat, "weight_decay": 0.0}]


def uncompiled(report):
    """Reports have other shapes than steps: nothing is compiled for them."""
    with torch.compiler.set_stance("force_eager"):
        return report()


class Curve:
    def __init__(self, path):
        self.path, self.rows, self.start = path, [], time.time()

    def add(self, phase, step, loss, report):
        row = {"seconds": round(time.time() - self.start, 1), "phase": phase, "step": step, "loss": round(loss, 4)}
        print(" ".join(f"{k}={v}" for k, v in {**row, **report}.items()), flush=True)
        self.rows += [{**row, "metric": k, "value": v} for k, v in report.items()]
        with open(self.path, "w", newline="") as f:
            w = csv.DictWriter(f, ["seconds", "phase", "step", "loss", "metric", "value"])
            w.writeheader()
            w.writerows(self.rows)


def run(minutes, step, params, rate, pool, report, save, curve, phase, warm=200, every=20.0, end_rate=0.0,
        decay=0.05, betas=(0.9, 0.98), graph=True, steps=0):
    """Until the time is up, or `steps` are made; the rate falls along a cosine of the share spent.

    On a GPU the whole step is captured once as a CUDA graph and replayed."""
    cuda = torch.cuda.is_available()
    lr = torch.tensor(0.0, device="cuda" if cuda else "cpu")
    optimiser = torch.optim.AdamW(groups(params, decay), lr=lr, betas=betas, fused=cuda, capturable=cuda)
    flat = [p for g in optimiser.param_groups for p in g["params"]]

    def whole():
        optimiser.zero_grad(set_to_none=True)
        loss = step()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(flat, 1.0)
        optimiser.step()
        return loss.detach()

    replay = None
    if cuda and graph:
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):                          # at rate 0: compiles kernels, makes moments
                whole()
        torch.cuda.current_stream().wait_stream(side)
        replay = torch.cuda.CUDAGraph()
        optimiser.zero_grad(set_to_none=True)
        with torch.cuda.graph(replay, capture_error_mode="thread_local"):   # the pool refills meanwhile
            captured = whole()
    start, last, n, apart = time.time(), time.time(), 0, 0.0
    while True:
        done = n / steps if steps else (time.time() - start) / (60 * minutes)
        if done >= 1:
            break
        now = end_rate + (rate - end_rate) * 0.5 * (1 + math.cos(math.pi * done))
        lr.fill_(now * min(1.0, (n + 1) / warm))
        if replay:
            replay.replay()
            loss = captured
        else:
            loss = whole()
        n += 1
        if n % 10 == 0:
            busy = loss.item()                         # also keeps the queue of launches short
            if not math.isfinite(busy):
                raise SystemExit(f"{phase}: loss is {busy} at step {n}")
        if time.time() - last > every:
            began = time.time()
            curve.add(phase, n, loss.item(), uncompiled(report))
            save()
            last = time.time()
            apart += last - began
    final = loss.item()                                # waits for the last step
    spent = time.time() - start - apart
    curve.add(phase, n, final, {**uncompiled(report), "images_made": pool.made, "seconds_in_steps": round(spent, 1)})
    save()


def arguments():
    p = argparse.ArgumentParser()
    p.add_argument("--out", required=True)
    p.add_argument("--resume")
    p.add_argument("--decoder", choices=systems.SYSTEMS, default="mamba")
    p.add_argument("--towers-from", help="an example whose towers and tokenizer are used")
    p.add_argument("--towers", type=float, default=0, help="minutes for the towers")
    p.add_argument("--lm", type=float, default=0, help="minutes for connector and language model")
    p.add_argument("--steps", type=int, default=0, help="steps for connector and language model, in place of minutes")
    p.add_argument("--workers", type=int, default=14)
    p.add_argument("--pool", type=int, default=120_000)
    p.add_argument("--least", type=int, default=1, help="images in the pool before the first step")
    p.add_argument("--tower-batch", type=int, default=512)
    p.add_argument("--batch", type=int, default=128)
    p.add_argument("--rate", type=float, default=1.5e-3)
    p.add_argument("--end-rate", type=float, default=1e-5)
    p.add_argument("--warm", type=int, default=200)
    p.add_argument("--aux", type=float, default=0.5)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--eval", type=int, default=1024)
    p.add_argument("--every", type=float, default=20, help="seconds between reports")
    p.add_argument("--refill", type=float, default=4000, help="new images a second once the pool is full")
    p.add_argument("--no-graph", action="store_true")
    p.add_argument("--compile", action="store_true", help="compile the layers of mamba2 and llama")
    p.add_argument("--fp32", action="store_true", help="language model without bf16 autocast")
    a = p.parse_args()
    if a.compile and a.decoder == "mamba":
        p.error("--compile is for mamba2 and llama; mamba has kernels of its own")
    return a


def tower_phase(a, net, heads, pool, fixed, curve, save, device, fast):
    towers = (("dino", net.dino, M.IMAGENET), ("siglip", net.siglip, M.HALF))

    def step():
        b = pool.batch(a.tower_batch, ("image", "labels"))
        with torch.autocast(device, torch.bfloat16, enabled=fast):
            outs = [heads[tag](tower(M.normalise(b["image"], stats))) for tag, tower, stats in towers]
        return sum(tower_loss(out, b["labels"]) for out in outs)

    params = [(f"{t}.{n}", q) for t, m in (("dino", net.dino), ("siglip", net.siglip)) for n, q in m.named_parameters()
              if not n.startswith((f"blocks.{m.s.depth - 1}.", "norm."))]
    run(a.towers, step, params + list(heads.named_parameters()), 1.5e-3, pool,
        lambda: tower_report(towers, heads, fixed), save, curve, "towers", every=a.every, graph=not a.no_graph)


def language_phase(a, net, helper, pool, fixed, curve, save, device, fast):
    keys = [k for k in data.shapes() if k != "labels"]

    def step():
        b = pool.batch(a.batch, keys)
        with torch.autocast(device, torch.bfloat16, enabled=fast):
            with torch.no_grad():
                features = net.features(b["image"])
        with torch.autocast(device, torch.bfloat16, enabled=fast and not a.fp32):
            states = net.see(features.float() if a.fp32 else features, fast)
            total = 0.0
            for tag in ("short", "long"):
                loss, aux, _, _ = answer(net, helper, states, b, tag, device, fast)
                total = total + loss + a.aux * aux
        return total

    params = [*net.named_parameters(), *helper.named_parameters()]             # the towers' want no gradient
    run(a.lm, step, params, a.rate, pool, lambda: lm_report(net, helper, fixed, device, fast, fast), save, curve, "lm",
        warm=a.warm, end_rate=a.end_rate, every=a.every, graph=not a.no_graph, steps=a.steps)


def resume(net, helper, directory, device):
    for name in ("towers.pt", "language.pt"):
        path = os.path.join(directory, name)
        if os.path.exists(path):
            saved = torch.load(path, map_location=device)
            net.load_state_dict(saved["net"], strict=False)
            if "helper" in saved:
                helper.load_state_dict(saved["helper"])


def main():
    a = arguments()
    os.makedirs(a.out, exist_ok=True)
    tok = Tokenizer.from_file(os.path.join(a.towers_from, "tokenizer.json")) if a.towers_from else tokenizer.build()
    pool = data.Pool(a.pool, a.workers, tok, bench.digests(), a.seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    fast = device == "cuda"
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    torch.manual_seed(a.seed)
    net = systems.miniature(a.decoder, tok.get_vocab_size()).to(device)
    heads = nn.ModuleDict({"dino": Helper(M.DINO.width, HEADS), "siglip": Helper(M.SIGLIP.width, HEADS)}).to(device)
    helper = Helper(net.llm.s.d_model, HELPER).to(device)
    print("parameters", M.parameters(net), "vocabulary", tok.get_vocab_size(), flush=True)
    if a.towers_from:
        with open(os.path.join(a.towers_from, "model_facts.json")) as f:
            systems.load_towers(net, a.towers_from, json.load(f))
    if a.compile:
        net.fuse()
    if a.resume:
        resume(net, helper, a.resume, device)
    pool.attach(device)
    fixed = {k: v.to(device) for k, v in data.fixed_set(a.eval, tok).items()}
    while pool.made < a.least:
        pool.take()
    stop = threading.Event()
    threading.Thread(target=pool.refill, args=(stop, a.refill), daemon=True).start()
    curve = Curve(os.path.join(a.out, "curve.csv"))
    in_towers = ("dino.", "siglip.")

    def save_towers():
        part = {k: v for k, v in net.state_dict().items() if k.startswith(in_towers)}
        torch.save({"net": part}, os.path.join(a.out, "towers.pt"))

    def save_language():
        part = {k: v for k, v in net.state_dict().items() if not k.startswith(in_towers)}
        torch.save({"net": part, "helper": helper.state_dict()}, os.path.join(a.out, "language.pt"))

    if a.towers:
        tower_phase(a, net, heads, pool, fixed, curve, save_towers, device, fast)
    if not a.towers_from:
        save_towers()
    for q in (*net.dino.parameters(), *net.siglip.parameters()):
        q.requires_grad_(False)
    if a.lm or a.steps:
        language_phase(a, net, helper, pool, fixed, curve, save_language, device, fast)
    save_language()
    stop.set()
    pool.close()
    os._exit(0)                               # the refilling thread may wait for a worker that is gone


if __name__ == "__main__":
    main()
