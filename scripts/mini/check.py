"""Checks of the generator and the writers; seconds, no GPU.

    python3 check.py [../../examples/mini-bench]     # with a folder: it must be what bench.py writes
"""

import filecmp
import json
import os
import random
import sys
import tempfile

import bench
import questions as Q
import tokenizer
from scene import GRID, MAKERS, PATCH, SIDE, L_KIND, dense_labels, render


def read(*path, many=False):
    with open(os.path.join(*path)) as f:
        return [json.loads(v) for v in f] if many else json.load(f)


def scenes_are_pure():
    for style, make in MAKERS.items():
        for seed in range(40):
            a, b = make(seed), make(seed)
            image, owner = render(a)
            assert a.digest() == b.digest() and (image == render(b)[0]).all(), (style, seed)
            assert image.shape == (SIDE, SIDE, 3) and len({o.name for o in a.objects}) == len(a.objects)
            labels = dense_labels(a, owner)
            for p in range(GRID * GRID):
                y, x = p // GRID * PATCH, p % GRID * PATCH
                assert not labels[p, L_KIND] or owner[y:y + PATCH, x:x + PATCH].any()


def pieces_are_whole_prompts():
    tok, rng = tokenizer.build(), random.Random(3)
    encode = tokenizer.Pieces(tok)
    for seed in range(150):
        for style, make in MAKERS.items():
            s = make(seed)
            if not s.objects:
                continue
            asked = [Q.presence(s, rng), Q.vqa(s, rng), Q.gqa(s, rng), Q.vizwiz(s, rng), Q.relation(s, rng)]
            if s.text:
                asked += [Q.text(s, rng, None), Q.text(s, rng, Q.ocr_tokens(s, rng))]
            for q in filter(None, asked):
                assert [i for p, _ in Q.prompt_pieces(q) for i in encode(p)] == tok.encode(Q.prompt(q)).ids
                assert tok.decode(encode(q.answer)) == q.answer


def statements_are_true():
    """Relations hold as geometry says, and opposites disagree."""
    opposite = (("left of", "right of"), ("above", "below"), ("near", "far from"))
    for seed in range(300):
        s = MAKERS["plain"](seed)
        n = len(s.objects)
        for i in range(n):
            for j in range(n):
                if i == j:
                    continue
                for a, b in opposite:
                    va, vb = Q.holds(s, a, i, j), Q.holds(s, b, i, j)
                    assert (va is None) == (vb is None) and (va is None or va != vb)
                assert Q.holds(s, "inside", i, j) == Q.holds(s, "contains", j, i)
                assert Q.holds(s, "behind", i, j) == Q.holds(s, "in front of", j, i)
                if Q.holds(s, "left of", i, j):
                    assert s.objects[i].x < s.objects[j].x


def files_have_official_fields(d):
    for split in ("random", "popular", "adversarial"):
        v = read(d, f"pope/coco_pope_{split}.json", many=True)
        assert [x["question_id"] for x in v] == list(range(1, len(v) + 1))
        assert [x["label"] for x in v] == ["yes", "no"] * (len(v) // 2)
        for x, s in zip(v[::6], bench.scenes("pope")):
            for y in v[x["question_id"] - 1:x["question_id"] + 5]:
                assert y["image"] == x["image"] and (y["text"].split()[3] in s.kinds()) == (y["label"] == "yes")
    v = read(d, "vsr/zeroshot/test.jsonl", many=True)
    assert 2 * sum(x["label"] for x in v) == len(v) and len({(x["image"], x["caption"]) for x in v}) == len(v)
    assert {x["relation"] for x in v} == set(Q.RELATIONS)
    for x in v:
        s = bench.scenes("vsr")[int(x["image"][:12]) - 1]
        names = [o.name for o in s.objects]
        truth = Q.holds(s, x["relation"], names.index(x["subj"]), names.index(x["obj"]))
        assert truth is bool(x["label"]) and os.path.exists(os.path.join(d, "vsr/images", x["image"]))


def vqa_like_files_have_official_fields(d):
    q = read(d, "vqav2/v2_OpenEnded_mscoco_val2014_questions.json")
    a = read(d, "vqav2/v2_mscoco_val2014_annotations.json")
    assert {"info", "task_type", "data_type", "data_subtype", "license", "questions"} == set(q)
    assert [x["question_id"] for x in q["questions"]] == [x["question_id"] for x in a["annotations"]]
    assert all([y["answer_id"] for y in x["answers"]] == list(range(1, 11)) for x in a["annotations"])
    assert any(len({y["answer"] for y in x["answers"]}) > 2 for x in a["annotations"])
    w = read(d, "vizwiz/val.json")
    assert all(len(x["answers"]) == 10 and x["answerable"] == (x["answer_type"] != "unanswerable") for x in w)
    assert 0.2 < sum(x["answerable"] for x in w) / len(w) < 0.8
    t = read(d, "textvqa/TextVQA_0.5.1_val.json")["data"]
    o = read(d, "textvqa/TextVQA_Rosetta_OCR_v0.2_val.json")["data"]
    m = read(d, "textvqa/llava_textvqa_val_v051_ocr.jsonl", many=True)
    tri = read(d, "textvqa/textvqa_val_v051_ocr.jsonl", many=True)
    assert [x["image_id"] for x in t] == [x["question_id"] for x in m] and len(t) == len(tri)
    assert {x["image_id"] for x in t} == {x["image_id"] for x in o} and len(t) > len(o)
    assert all(x["text"] == y["text"] + Q.SHORT for x, y in zip(m, tri))
    assert all(len(x["answers"]) == 10 for x in t) and all(x["text"].count("\n") == 2 for x in m)


def truth(scene, question):
    """The answer to a GQA-style question, found from its program and the scene alone."""
    done = []
    objects = scene.objects
    for step in question["semantic"]:
        op, argument, uses = step["operation"], step["argument"], [done[i] for i in step["dependencies"]]
        if op == "select":
            name, _, index = argument.rstrip(")").partition(" (")
            done.append([int(index)] if index else [i for i, o in enumerate(objects) if o.kind == name])
        elif op == "exist":
            done.append(len(uses[0]) > 0)
        elif op in ("and", "or"):
            done.append(all(uses) if op == "and" else any(uses))
        elif op.startswith("same "):
            what = {"same color": "colour", "same size": "size"}[op]
            done.append(getattr(objects[uses[0][0]], what) == getattr(objects[uses[1][0]], what))
        elif op == "verify color":
            done.append(objects[uses[0][0]].colour == argument)
        elif op == "choose color":
            done.append(objects[uses[0][0]].colour)
        elif op == "filter color":
            done.append([i for i, o in enumerate(objects) if o.colour == argument])
        elif op == "query":
            done.append(objects[uses[0][0]].kind)
        else:
            other, words, _ = argument.split(",")
            p, q = objects[int(other.rsplit("(", 1)[1][:-1])], objects[uses[0][0]]
            held = {"to the left of": p.x < q.x, "to the right of": p.x > q.x, "above": p.y < q.y, "below": p.y > q.y}
            if op == "verify rel":
                done.append(held[words])
            else:
                done.append(next(w for w in words.split("|") if held[w]))
    last = done[-1]
    if isinstance(last, bool):
        return "yes" if last else "no"
    return {"to the left of": "left", "to the right of": "right"}.get(last, last)


def gqa_follows_from_its_scenes(d):
    every, balanced = (read(d, f"gqa/testdev_{tier}_questions.json") for tier in ("all", "balanced"))
    choices = read(d, "gqa/testdev_choices.json")
    assert {k for k, v in every.items() if v["isBalanced"]} == set(balanced) and set(choices) == set(every)
    assert {x["types"]["structural"] for x in every.values()} == {"verify", "query", "choose", "logical", "compare"}
    linked = 0
    for qid, x in every.items():
        scene = bench.scenes("gqa")[int(x["imageId"][1:]) - 1]
        assert truth(scene, x) == x["answer"], x
        assert x["answer"] in choices[qid]["valid"] and x["answer"] in choices[qid]["plausible"]
        assert qid in x["entailed"] and qid in x["equivalent"] and set(x["equivalent"]) <= set(x["entailed"])
        assert all(every[e]["imageId"] == x["imageId"] for e in x["entailed"])
        assert os.path.exists(os.path.join(d, "gqa/images", x["imageId"] + ".jpg"))
        linked += len(x["entailed"]) > 1
    assert linked > len(balanced) / 2


def training_is_apart(n=3000):
    tests = bench.digests()
    assert len(tests) == sum(len(bench.scenes(t)) for t in bench.TASKS)
    assert not tests & {MAKERS["plain"]((2 << 44) + i).digest() for i in range(n)}


def main():
    scenes_are_pure()
    pieces_are_whole_prompts()
    statements_are_true()
    training_is_apart()
    with tempfile.TemporaryDirectory() as d:
        for task in bench.TASKS:
            getattr(bench, task)(d)
        files_have_official_fields(d)
        vqa_like_files_have_official_fields(d)
        gqa_follows_from_its_scenes(d)
        if len(sys.argv) > 1:
            for root, _, names in os.walk(sys.argv[1]):
                for name in names:
                    path = os.path.join(root, name)
                    if name.lower().startswith("readme"):
                        continue
                    twin = os.path.join(d, os.path.relpath(path, sys.argv[1]))
                    assert filecmp.cmp(path, twin, shallow=False), path
    print("all checks passed")


if __name__ == "__main__":
    main()
