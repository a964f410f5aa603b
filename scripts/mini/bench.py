"""The miniature benchmark: six synthetic data sets in the official file formats.

    python3 bench.py --out ../../examples/mini-bench pope vsr
    python3 bench.py --out DIR                              # all six

POPE's negatives follow POPE's own rules: random absent kinds, the most frequent
absent kinds, and those that most often occur together with what is there.
"""

import argparse
import functools
import itertools
import json
import os
import random
from collections import Counter

from PIL import Image

import questions as Q
from scene import COLOUR_NAMES, KINDS, MAKERS, TEST_SEED_BASE, TEXTS, render

NOTE = "synthetic miniature benchmark, drawn by scripts/mini"
POPE_IMAGES, VSR_IMAGES, VSR_STATEMENTS, OTHER_IMAGES = 100, 150, 408, 60


def _scenes(task, style, n, fits=lambda s: True):
    """The first n fitting scenes of the task's own range of test seeds."""
    base = TEST_SEED_BASE + (("pope", "vsr", "vqav2", "gqa", "vizwiz", "textvqa").index(task) << 40)
    found = []
    for i in itertools.count():
        s = MAKERS[style](base + i)
        if s.objects and fits(s):
            found.append(s)
            if len(found) == n:
                return found


@functools.lru_cache(maxsize=None)
def scenes(task):
    if task == "pope":
        return _scenes(task, "plain", POPE_IMAGES, lambda s: len(s.kinds()) >= 3)
    if task == "vsr":
        return _scenes(task, "plain", VSR_IMAGES, lambda s: len(s.objects) >= 3)
    if task in ("vqav2", "gqa"):
        return _scenes(task, "plain", OTHER_IMAGES)
    return _scenes(task, "photo" if task == "vizwiz" else "text", OTHER_IMAGES)


TASKS = ("pope", "vsr", "vqav2", "gqa", "vizwiz", "textvqa")


def digests():
    """Fingerprints of all benchmark scenes, for the trainer to avoid."""
    return {s.digest() for task in TASKS for s in scenes(task)}


def save(scene, path):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    Image.fromarray(render(scene)[0]).save(path, "PNG", optimize=True)


def dump(value, path):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        json.dump(value, f)


def dump_lines(values, path):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        for v in values:
            f.write(json.dumps(v) + "\n")


def ten(answer, others, rng):
    """Ten annotators, of whom now and then one or two disagree."""
    out = [answer] * 10
    for _ in range(rng.choice((0, 0, 0, 1, 2))):
        out[rng.randrange(10)] = rng.choice(others)
    return out


# ---------------------------------------------------------------- POPE

def pope(out):
    rng = random.Random(61)
    pictures = scenes("pope")
    frequency, together = Counter(), {k: Counter() for k in KINDS}
    for s in pictures:
        for k in s.kinds():
            frequency[k] += 1
            for other in s.kinds() - {k}:
                together[k][other] += 1
    rank = {k: (-frequency[k], KINDS.index(k)) for k in KINDS}
    files = {"random": [], "popular": [], "adversarial": []}
    for number, s in enumerate(pictures):
        name = f"COCO_val2014_{number + 1:012d}.png"
        save(s, os.path.join(out, "pope/val2014", name))
        have = sorted(s.kinds(), key=KINDS.index)
        yes = rng.sample(have, 3)
        absent = [k for k in KINDS if k not in have]
        no = {"random": rng.sample(absent, 3), "popular": sorted(absent, key=rank.get)[:3], "adversarial": []}
        for k in yes:
            mates = [m for m in sorted(absent, key=lambda m: (-together[k][m], rank[m])) if m not in no["adversarial"]]
            no["adversarial"].append(mates[0])
        for split, lines in files.items():
            for y, n in zip(yes, no[split]):
                for kind, label in ((y, "yes"), (n, "no")):
                    lines.append({"question_id": len(lines) + 1, "image": name,
                                  "text": f"Is there {Q.a(kind)} in the image?", "label": label})
    for split, lines in files.items():
        dump_lines(lines, os.path.join(out, f"pope/coco_pope_{split}.json"))
    return files


# ---------------------------------------------------------------- VSR

def vsr(out):
    """Statements with as many true as false ones in every relation."""
    rng = random.Random(71)
    pictures = scenes("vsr")
    used = [0] * len(pictures)
    order = [(r, label) for r in Q.RELATIONS for label in (True, False)] * 100
    per = VSR_STATEMENTS // (2 * len(Q.RELATIONS))
    order = order[:2 * len(Q.RELATIONS) * per]
    said, records = set(), []
    for r, label in order:
        tries = sorted(range(len(pictures)), key=lambda i: (used[i], rng.random()))
        for i in tries:
            found = [p for p in Q.statements(pictures[i], r, label) if (i, r, p) not in said]
            if not found:
                continue
            if not label and r in ("inside", "contains", "surrounding", "touching") and len(records) % 4 < 2:
                built = {(a, b) for _, a, b in pictures[i].pairs} | {(b, a) for _, a, b in pictures[i].pairs}
                found = [p for p in found if p in built] or found
            pair = rng.choice(found)
            said.add((i, r, pair))
            used[i] += 1
            a, b = (pictures[i].objects[k].name for k in pair)
            verb = "" if r == "contains" else "is "
            records.append((i, {"image": f"{i + 1:012d}.png", "image_link": f"synthetic/{i + 1:012d}.png",
                                "caption": f"The {a} {verb}{r} the {b}.", "label": int(label), "relation": r,
                                "subj": a, "obj": b, "annotator_id": 0,
                                "vote_true_validator_id": "[1]" if label else "[]",
                                "vote_false_validator_id": "[]" if label else "[1]"}))
            break
    rng.shuffle(records)
    for i in sorted({i for i, _ in records}):
        save(pictures[i], os.path.join(out, "vsr/images", f"{i + 1:012d}.png"))
    dump_lines([v for _, v in records], os.path.join(out, "vsr/zeroshot/test.jsonl"))
    return [v for _, v in records]


# ---------------------------------------------------------------- VQAv2

def vqav2(out):
    rng = random.Random(21)
    questions, annotations = [], []
    for number, s in enumerate(scenes("vqav2")):
        image = number + 1
        save(s, os.path.join(out, "vqav2/val2014", f"COCO_val2014_{image:012d}.png"))
        for k, q in enumerate([Q.vqa(s, rng) for _ in range(4)]):
            qid = image * 1000 + k
            answer = q.answer.lower() if q.facts["answer_type"] == "yes/no" else q.answer
            others = {"yes/no": ["yes", "no"], "number": [str(n) for n in range(8)],
                      "other": list(COLOUR_NAMES)}[q.facts["answer_type"]]
            questions.append({"image_id": image, "question": q.text, "question_id": qid})
            annotations.append({"question_type": q.facts["type"], "multiple_choice_answer": answer,
                                "answers": [{"answer": v, "answer_confidence": "yes", "answer_id": i + 1}
                                            for i, v in enumerate(ten(answer, others, rng))],
                                "image_id": image, "answer_type": q.facts["answer_type"], "question_id": qid})
    head = {"info": {"description": NOTE, "version": "1.0", "year": 2026}, "license": {"name": "see the repository"},
            "data_type": "mscoco", "data_subtype": "val2014"}
    dump({**head, "task_type": "Open-Ended", "questions": questions},
         os.path.join(out, "vqav2/v2_OpenEnded_mscoco_val2014_questions.json"))
    dump({**head, "annotations": annotations}, os.path.join(out, "vqav2/v2_mscoco_val2014_annotations.json"))
    return questions


# ---------------------------------------------------------------- GQA

def gqa(out):
    rng = random.Random(31)
    records, choices = {}, {}
    for number, s in enumerate(scenes("gqa")):
        image = f"n{number + 1:06d}"
        save(s, os.path.join(out, "gqa/images", image + ".png"))
        for q in (Q.gqa(s, rng) for _ in range(4)):
            qid = f"{len(records) + 1:08d}"
            f = q.facts
            answer = q.answer.lower()
            subject = next((m for _, m in q.pieces if m), None)
            argument = (s.objects[subject[1]].kind if subject[0] == "obj" else subject[1]) if subject else "scene"
            semantic = [{"operation": op, "dependencies": [i - 1] if i else [], "argument": argument if not i else "?"}
                        for i, op in enumerate(f["steps"])]
            records[qid] = {
                "semantic": semantic, "entailed": [qid], "equivalent": [qid], "question": q.text, "imageId": image,
                "isBalanced": True, "groups": {"global": None, "local": f"{f['detailed']}-{argument}"},
                "answer": answer, "semanticStr": "->".join(f"{v['operation']}: {v['argument']}" for v in semantic),
                "annotations": {"answer": {}, "question": {}, "fullAnswer": {}},
                "types": {"detailed": f["detailed"], "semantic": f["semantic"], "structural": f["structural"]},
                "fullAnswer": answer.capitalize() + "."}
            valid = ["yes", "no"] if answer in ("yes", "no") else list(COLOUR_NAMES) + list(KINDS) + [answer]
            choices[qid] = {"valid": valid, "plausible": valid}
    dump(records, os.path.join(out, "gqa/testdev_balanced_questions.json"))
    dump(choices, os.path.join(out, "gqa/testdev_choices.json"))
    return records


# ---------------------------------------------------------------- VizWiz

def vizwiz(out):
    rng = random.Random(41)
    records = []
    for number, s in enumerate(scenes("vizwiz")):
        name = f"VizWiz_val_{number:08d}.png"
        save(s, os.path.join(out, "vizwiz/val", name))
        q = Q.vizwiz(s, rng)
        answers = ten(q.answer, ["unanswerable", "unsuitable", *COLOUR_NAMES], rng)
        records.append({"image": name, "question": q.text,
                        "answers": [{"answer": v, "answer_confidence": "yes"} for v in answers],
                        "answer_type": q.facts["answer_type"], "answerable": int(q.answer != "unanswerable")})
    dump(records, os.path.join(out, "vizwiz/val.json"))
    return records


# ---------------------------------------------------------------- TextVQA

def textvqa(out):
    rng = random.Random(51)
    records, ocr, lines = [], [], []
    for number, s in enumerate(scenes("textvqa")):
        image = f"{number + 1:016x}"
        save(s, os.path.join(out, "textvqa/train_images", image + ".png"))
        tokens = Q.ocr_tokens(s, rng)
        q = Q.text(s, rng, tokens)
        records.append({"question": q.text.lower(), "image_id": image, "image_classes": [],
                        "flickr_original_url": "", "flickr_300k_url": "", "image_width": 112, "image_height": 112,
                        "answers": [v.lower() for v in ten(q.answer, list(TEXTS), rng)],
                        "question_tokens": q.text.lower().rstrip("?").split(), "question_id": 34602 + number,
                        "set_name": "val"})
        ocr.append({"image_id": image, "ocr_tokens": tokens, "ocr_info": []})
        lines.append({"question_id": image, "image": image + ".png", "text":
                      f"{q.text}\nReference OCR token: {', '.join(tokens)}{Q.SHORT}", "category": "default"})
    head = {"dataset_type": "val", "dataset_name": "textvqa", "dataset_version": "0.5.1"}
    dump({**head, "data": records}, os.path.join(out, "textvqa/TextVQA_0.5.1_val.json"))
    dump({**head, "dataset_version": "0.2", "data": ocr}, os.path.join(out, "textvqa/TextVQA_Rosetta_OCR_v0.2_val.json"))
    dump_lines(lines, os.path.join(out, "textvqa/llava_textvqa_val_v051_ocr.jsonl"))
    return records


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--out", required=True)
    p.add_argument("tasks", nargs="*")
    a = p.parse_args()
    for task in a.tasks or TASKS:
        made = globals()[task](a.out)
        n = sum(map(len, made.values())) if task == "pope" else len(made)
        print(f"{task}: {len(scenes(task))} images, {n} questions")


if __name__ == "__main__":
    main()
