"""The reference: reads an exported miniature from its files and answers the benchmark, in fp32 on the CPU.

    python3 reference.py --model ../../examples/mini-cobra --bench ../../examples/mini-bench
    python3 reference.py --fixture DIR        # checks model.py against a Cobra fixture's reference.json

Writes reference_answers.jsonl (one line a question) and reference_scores.json into the model's folder.
"""

import argparse
import json
import os
from collections import defaultdict

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file
from tokenizers import Tokenizer

import model as M
import questions as Q

MAX_NEW = 8


def load(directory, facts):
    """A Cobra in fp32 from the released layout; sizes from model_facts.json or a fixture's hparams."""
    towers = []
    for t in facts["towers"]:
        towers.append(M.TowerSize(t["width"], t["layers_in_file"], t["heads"], t["mlp"], facts["grid"],
                                  facts["patch_size"], t["registers"], t["cls_token"], t["layer_scale"]))
    lm = facts["lm"]
    net = M.Cobra(*towers, M.LMSize(lm["d_model"], lm["layers"], lm["vocab_rows"], lm["d_state"], lm["d_conv"],
                                    lm["d_inner"] // lm["d_model"]))
    dino = load_file(os.path.join(directory, "dino/model.safetensors"))
    siglip = load_file(os.path.join(directory, "siglip/open_clip_model.safetensors"))
    trunk = "visual.trunk."
    siglip = {k[len(trunk):]: v for k, v in siglip.items() if k.startswith(trunk) and "attn_pool" not in k}
    grid, native = facts["grid"], round(dino["pos_embed"].shape[1] ** 0.5)
    if native != grid:
        pos = dino["pos_embed"].float().view(1, native, native, -1).permute(0, 3, 1, 2)
        pos = torch.nn.functional.interpolate(pos, (grid, grid), mode="bicubic", antialias=True, align_corners=False)
        dino["pos_embed"] = pos.permute(0, 2, 3, 1).reshape(1, grid * grid, -1)
    saved = torch.load(os.path.join(directory, "checkpoints/latest-checkpoint.pt"), map_location="cpu")["model"]
    llm = {k[4:]: v for k, v in saved["llm_backbone"].items() if k.startswith("llm.")}
    assert torch.equal(llm.pop("lm_head.weight"), llm["backbone.embedding.weight"])
    net.dino.load_state_dict({k: v.float() for k, v in dino.items()})
    net.siglip.load_state_dict({k: v.float() for k, v in siglip.items()})
    net.projector.load_state_dict({k: v.float() for k, v in saved["projector"].items()})
    net.llm.load_state_dict({k: v.float() for k, v in llm.items()})
    return net.eval()


def read_image(path, side):
    image = Image.open(path).convert("RGB")
    if image.size != (side, side):
        image = image.resize((side, side), Image.Resampling.BICUBIC)
    return torch.from_numpy(np.array(image))[None]


@torch.no_grad()
def answer(net, states, ids):
    """Logits behind the prompt and the greedy ids, one question from a copy of the image's states."""
    r, states, _ = net.llm(net.llm.embed(torch.tensor([ids])), states)
    first = logits = net.llm.logits(r[:, -1])[0]
    out, margins = [], []
    while True:
        top = logits.topk(2).values
        margins.append((top[0] - top[1]).item())
        out.append(int(logits.argmax()))
        if out[-1] == 0 or len(out) == MAX_NEW:
            return first, out, margins
        r, states, _ = net.llm(net.llm.embed(torch.tensor([out[-1:]])), states)
        logits = net.llm.logits(r[:, -1])[0]


def lines(path):
    with open(path) as f:
        return [json.loads(line) for line in f]


def bench(directory):
    """(task, id, image path, message, candidates, truth, relation) of every question."""
    for split in ("random", "popular", "adversarial"):
        for v in lines(os.path.join(directory, f"pope/coco_pope_{split}.json")):
            yield (f"pope/{split}", v["question_id"], os.path.join(directory, "pope/val2014", v["image"]),
                   v["text"] + Q.SHORT, ("Yes", "No"), v["label"] == "yes", None)
    for i, v in enumerate(lines(os.path.join(directory, "vsr/zeroshot/test.jsonl"))):
        yield ("vsr", i, os.path.join(directory, "vsr/images", v["image"]),
               f"{Q.VSR_HEAD} {v['caption']}{Q.VSR_TAIL}", ("True", "False"), v["label"] == 1, v["relation"])


def fixture(directory):
    with open(os.path.join(directory, "reference.json")) as f:
        ref = json.load(f)
    net = load(directory, ref["hparams"])
    with torch.no_grad():
        features = net.features(read_image(os.path.join(directory, ref["files"]["image"]), ref["hparams"]["image_size"]))
        logits, ids, _ = answer(net, net.see(features), ref["prompt"]["ids"])
    print("logits: largest difference", (logits - torch.tensor(ref["logits"])).abs().max().item())
    want = ref["greedy"]["ids"][:len(ids)]
    print("greedy ids", "equal" if ids == want else f"differ: {ids} {want}")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--model")
    p.add_argument("--bench")
    p.add_argument("--fixture")
    p.add_argument("--limit", type=int, default=0, help="images, for a quick look")
    a = p.parse_args()
    torch.set_num_threads(2)
    if a.fixture:
        return fixture(a.fixture)
    with open(os.path.join(a.model, "model_facts.json")) as f:
        facts = json.load(f)
    net = load(a.model, facts)
    tok = Tokenizer.from_file(os.path.join(a.model, "tokenizer.json"))
    by_image = defaultdict(list)
    for order, item in enumerate(bench(a.bench)):
        by_image[item[2]].append((order, item))
    results = {}
    known = {}
    for number, (path, items) in enumerate(by_image.items()):
        if a.limit and number >= a.limit:
            break
        with torch.no_grad():
            states = net.see(net.features(read_image(path, facts["image_size"])))
        for order, (task, qid, _, message, names, truth, relation) in items:
            ids = tok.encode(Q.USER + message.strip() + Q.TURN).ids
            key = (path, tuple(ids))                     # POPE repeats its yes-questions in all three files
            if key not in known:
                known[key] = answer(net, states, ids)
            logits, out, margins = known[key]
            pair = logits[[tok.encode(n).ids[0] for n in names]]
            results[order] = {
                "task": task, "id": qid, "image": os.path.basename(path), "prompt_ids": ids, "candidates": names,
                "logits": [round(v, 5) for v in pair.tolist()], "p": [round(v, 6) for v in pair.softmax(0).tolist()],
                "margin": round((pair[0] - pair[1]).item(), 5), "choice": names[0 if pair[0] >= pair[1] else 1],
                "greedy_ids": out, "greedy": tok.decode(out, skip_special_tokens=True).strip(),
                "greedy_margins": [round(v, 5) for v in margins], "truth": names[0 if truth else 1],
                **({"relation": relation} if relation else {})}
    rows = [results[k] for k in sorted(results)]
    with open(os.path.join(a.model, "reference_answers.jsonl"), "w") as f:
        for r in rows:
            f.write(json.dumps(r) + "\n")
    scores = {}
    for r in rows:
        for name in (r["task"], f"vsr/{r['relation']}") if "relation" in r else (r["task"],):
            s = scores.setdefault(name, {"n": 0, "right": 0, "said_first": 0, "truth_first": 0, "least_margin": 1e9,
                                         "greedy_same": 0})
            s["n"] += 1
            s["right"] += r["choice"] == r["truth"]
            s["said_first"] += r["choice"] == r["candidates"][0]
            s["truth_first"] += r["truth"] == r["candidates"][0]
            s["greedy_same"] += r["greedy"] == r["choice"]
            s["least_margin"] = min(s["least_margin"], abs(r["margin"]))
    for name, s in scores.items():
        floor = max(s["truth_first"], s["n"] - s["truth_first"]) / s["n"]
        s["accuracy"], s["always_first"] = round(s["right"] / s["n"], 4), round(s["truth_first"] / s["n"], 4)
        s["majority"] = round(floor, 4)
        print(f"{name:28s} n {s['n']:4d}  accuracy {s['accuracy']:.4f}  majority {floor:.4f}  "
              f"greedy equal {s['greedy_same']}  least margin {s['least_margin']:.3f}")
    with open(os.path.join(a.model, "reference_scores.json"), "w") as f:
        json.dump(scores, f, indent=1)
        f.write("\n")


if __name__ == "__main__":
    main()
