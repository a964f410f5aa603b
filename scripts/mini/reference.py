"""The reference: reads an exported miniature from its files and answers the benchmark, in fp32 on the CPU.

    python3 reference.py --model ../../examples/mini-cobra --bench ../../examples/mini-bench
    python3 reference.py --fixture DIR        # checks the modules against a fixture's reference.json

Any of the three systems: model_facts.json tells which. Fixtures: Cobra's and ML-Mamba's as a whole, of
LLaVA's and MobileVLM's the LLaMA part behind the image rows in reference.safetensors.
Writes into the model's folder: reference_answers.jsonl (POPE and VSR, one line a question) and
reference_scores.json, and of the four benchmarks with open answers reference_open.jsonl, short lines with the
greedy ids and the least margin of their steps.
"""

import argparse
import glob
import json
import os
from collections import defaultdict

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file
from tokenizers import Tokenizer

import model_llama
import questions as Q
import systems

MAX_NEW = 8


def read_image(path, side):
    image = Image.open(path).convert("RGB")
    if image.size != (side, side):
        image = image.resize((side, side), Image.Resampling.BICUBIC)
    return torch.from_numpy(np.array(image))[None]


@torch.no_grad()
def answer(llm, states, rows, most=MAX_NEW):
    """Logits behind the prompt and the greedy ids, from a copy of the states that precede its rows."""
    out, margins, steps = [], [], []
    while True:
        r, states, _ = llm(rows, states)
        steps.append(llm.logits(r[:, -1])[0])
        top = steps[-1].topk(2).values
        margins.append((top[0] - top[1]).item())
        out.append(int(steps[-1].argmax()))
        if out[-1] == 0 or len(out) == most:
            return steps, out, margins
        rows = llm.embed(torch.tensor([out[-1:]]))


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


def loaded(*path):
    with open(os.path.join(*path)) as f:
        return json.load(f)


def open_bench(directory):
    """(task, id, image path, message) of every question with an open answer, as TRI's harness puts it; of TextVQA
    as Cobra does, the OCR line in front."""
    for v in loaded(directory, "vqav2/v2_OpenEnded_mscoco_val2014_questions.json")["questions"]:
        yield ("vqav2", str(v["question_id"]),
               os.path.join(directory, f"vqav2/val2014/COCO_val2014_{v['image_id']:012d}.jpg"), v["question"] + Q.SHORT)
    for qid, v in loaded(directory, "gqa/testdev_balanced_questions.json").items():
        yield "gqa", qid, os.path.join(directory, f"gqa/images/{v['imageId']}.jpg"), v["question"] + Q.SHORT
    for i, v in enumerate(loaded(directory, "vizwiz/val.json")):
        yield "vizwiz", str(i), os.path.join(directory, "vizwiz/val", v["image"]), v["question"] + Q.VIZWIZ
    questions = loaded(directory, "textvqa/TextVQA_0.5.1_val.json")["data"]
    for v, line in zip(questions, lines(os.path.join(directory, "textvqa/textvqa_val_v051_ocr.jsonl"))):
        asked, tokens = line["text"].split("\nReference OCR token: ")
        yield ("textvqa", str(v["question_id"]), os.path.join(directory, f"textvqa/train_images/{v['image_id']}.jpg"),
               f"Reference OCR token: {tokens}\n{asked}{Q.SHORT}")


def answer_open(net, facts, tok, directory, path):
    """Writes reference_open.jsonl."""
    seen, least = None, 1e9
    with open(path, "w") as f:
        for task, qid, image, message in open_bench(directory):
            if image != seen:
                with torch.no_grad():
                    states = net.see(net.features(read_image(image, facts["image_size"])))
                seen = image
            ids = tok.encode(Q.USER + message.strip() + Q.TURN).ids
            _, out, margins = answer(net.llm, states, net.llm.embed(torch.tensor([ids])))
            least = min(least, *margins)
            f.write(json.dumps({"task": task, "id": qid, "prompt_tokens": len(ids), "greedy_ids": out,
                                "least_margin": round(min(margins), 5),
                                "greedy": tok.decode(out, skip_special_tokens=True).strip()}) + "\n")
    print(f"open answers: least margin of a step {least:.4f}")


def llama_of(directory, lm):
    """The language model of a LLaVA-style folder of .bin files."""
    files = {}
    for path in sorted(glob.glob(os.path.join(directory, "pytorch_model*.bin"))):
        files.update(torch.load(path, map_location="cpu"))
    llm = model_llama.Llama(systems.Llama.size(lm))
    llm.load_state_dict({k: files[k].float() for k in llm.state_dict()})
    return llm


def fixture(directory):
    with open(os.path.join(directory, "reference.json")) as f:
        ref = json.load(f)
    values = load_file(os.path.join(directory, "reference.safetensors"))
    ids, facts = ref["prompt"]["ids"], ref["hparams"]
    with torch.no_grad():
        if facts["lm"]["kind"] == "llama":
            llm, at = llama_of(directory, facts["lm"]), ids.index(-200)
            before, after = (llm.embed(torch.tensor([part])) for part in (ids[:at], ids[at + 1:]))
            states = llm(torch.cat([before, values["connector.output"][None]], 1))[1]
        else:
            net = systems.load(directory, facts)
            llm, after = net.llm, net.llm.embed(torch.tensor([ids]))
            features = net.features(read_image(os.path.join(directory, ref["files"]["image"]), facts["image_size"]))
            rows = net.connect(features)
            print("image rows: largest difference", (rows - values["connector.output"]).abs().max().item())
            states = llm(rows)[1]
        want = ref["greedy"]["ids"]
        steps, out, _ = answer(llm, states, after, len(want))
    far = (torch.stack(steps) - values["logits_per_step"][:len(steps)]).abs().max().item()
    print(f"logits of {len(steps)} steps: largest difference {far:.2e}")
    print("greedy ids", "equal" if out == want else f"differ: {out} {want}")
    assert far < 1e-4 and out == want


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--model")
    p.add_argument("--bench")
    p.add_argument("--fixture")
    p.add_argument("--open", action="store_true", help="only the benchmarks with open answers")
    p.add_argument("--limit", type=int, default=0, help="images, for a quick look")
    a = p.parse_args()
    torch.set_num_threads(2)
    if a.fixture:
        fixture(a.fixture)
        return
    with open(os.path.join(a.model, "model_facts.json")) as f:
        facts = json.load(f)
    net = systems.load(a.model, facts)
    tok = Tokenizer.from_file(os.path.join(a.model, facts.get("tokenizer", "tokenizer.json")))
    if not a.limit:
        answer_open(net, facts, tok, a.bench, os.path.join(a.model, "reference_open.jsonl"))
    if a.open:
        return
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
                known[key] = answer(net.llm, states, net.llm.embed(torch.tensor([ids])))
            steps, out, margins = known[key]
            pair = steps[0][[tok.encode(n).ids[0] for n in names]]
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
