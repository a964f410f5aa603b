"""The miniature benchmark: six synthetic data sets in the official file formats.

    python3 bench.py --out ../../examples/mini-bench        # all six
    python3 bench.py --out DIR pope vsr                     # some of them

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

import gqa_logic
import questions as Q
from scene import COLOUR_NAMES, KINDS, MAKERS, TEST_SEED_BASE, TEXTS, render

NOTE = "synthetic: scenes of coloured shapes drawn by scripts/mini, not photographs"
POPE_IMAGES, VSR_IMAGES, VSR_STATEMENTS = 100, 150, 408
VQA_IMAGES, VQA_QUESTIONS = 90, 5
GQA_IMAGES, GQA_QUESTIONS = 50, 12          # of the balanced kind; what follows from them comes on top
VIZWIZ_IMAGES, TEXT_IMAGES = 240, 200


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
        return _scenes(task, "plain", VQA_IMAGES if task == "vqav2" else GQA_IMAGES)
    if task == "vizwiz":
        return _scenes(task, "photo", VIZWIZ_IMAGES)
    return _scenes(task, "text", TEXT_IMAGES)


TASKS = ("pope", "vsr", "vqav2", "gqa", "vizwiz", "textvqa")


def digests():
    """Fingerprints of all benchmark scenes, for the trainer to avoid."""
    return {s.digest() for task in TASKS for s in scenes(task)}


def save(scene, path):
    """A PNG, or a JPEG where the official set has such names."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    image = Image.fromarray(render(scene)[0])
    if path.endswith(".jpg"):
        image.save(path, "JPEG", quality=92, subsampling=0)
    else:
        image.save(path, "PNG", optimize=True)


def note(out, task):
    """The loaders carry this line to every score."""
    with open(os.path.join(out, task, "NOTE"), "w") as f:
        f.write(NOTE + "\n")


def dump(value, path):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        json.dump(value, f)


def dump_lines(values, path):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        for v in values:
            f.write(json.dumps(v) + "\n")


NUMBER_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
SYNONYMS = {"top left": "upper left", "top right": "upper right", "bottom left": "lower left", "bottom": "below",
            "bottom right": "lower right", "center": "middle", "left": "on left", "right": "on right", "top": "above",
            "large": "big", "small": "little", "circle": "disc", "cross": "plus sign", "ring": "donut"}


def spelling(answer, rng):
    """As one annotator types it: mostly plain, now and then with an article, a word for a number, a full stop."""
    draw = rng.random()
    if draw < 0.06 and answer.isdigit() and int(answer) < len(NUMBER_WORDS):
        return NUMBER_WORDS[int(answer)]
    if draw < 0.06 and answer in KINDS:
        return Q.a(answer)
    if draw < 0.08:
        return answer + "."
    if draw < 0.10:
        return answer.capitalize()
    return answer


def ten(answer, others, rng):
    """Ten annotators: on most questions none to two disagree, on some three to six; those who do use a synonym,
    or see something else."""
    away = rng.choices((0, 1, 2, 3, 4, 6), (40, 24, 16, 9, 7, 4))[0]
    out = [spelling(answer, rng) for _ in range(10)]
    for k in rng.sample(range(10), away):
        synonym = SYNONYMS.get(answer)
        out[k] = synonym if synonym and rng.random() < 0.5 else rng.choice(others)
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
    note(out, "pope")
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
    note(out, "vsr")
    return [v for _, v in records]


# ---------------------------------------------------------------- VQAv2

VQA_OTHERS = {"yes/no": ["yes", "no"], "number": [str(n) for n in range(8)]}


def distinct(ask, n, tries=200):
    """n questions of different texts, fewer where the scene has not so many."""
    found = {}
    for _ in range(tries):
        q = ask()
        found.setdefault(q.text, q)
        if len(found) == n:
            break
    return list(found.values())


def vqa_others(q):
    if q.facts["type"] == "where is the":
        return ["left", "right", "top", "bottom", "center", "top left", "bottom right"]
    if q.facts["type"] == "what size is the":
        return ["large", "small", "medium"]
    return VQA_OTHERS.get(q.facts["answer_type"], list(COLOUR_NAMES))


def vqav2(out):
    rng = random.Random(21)
    questions, annotations = [], []
    for number, s in enumerate(scenes("vqav2")):
        image = number + 1
        save(s, os.path.join(out, "vqav2/val2014", f"COCO_val2014_{image:012d}.jpg"))
        for k, q in enumerate(distinct(lambda: Q.vqa(s, rng), VQA_QUESTIONS)):
            qid = image * 1000 + k
            answer = q.answer.lower() if q.facts["answer_type"] == "yes/no" else q.answer
            questions.append({"image_id": image, "question": q.text, "question_id": qid})
            annotations.append({"question_type": q.facts["type"], "multiple_choice_answer": answer,
                                "answers": [{"answer": v, "answer_confidence": rng.choice(("yes", "yes", "maybe")),
                                             "answer_id": i + 1}
                                            for i, v in enumerate(ten(answer, vqa_others(q), rng))],
                                "image_id": image, "answer_type": q.facts["answer_type"], "question_id": qid})
    head = {"info": {"description": NOTE, "version": "1.0", "year": 2026}, "license": {"name": "see the repository"},
            "data_type": "mscoco", "data_subtype": "val2014"}
    dump({**head, "task_type": "Open-Ended", "questions": questions},
         os.path.join(out, "vqav2/v2_OpenEnded_mscoco_val2014_questions.json"))
    dump({**head, "annotations": annotations}, os.path.join(out, "vqav2/v2_mscoco_val2014_annotations.json"))
    note(out, "vqav2")
    return questions


# ---------------------------------------------------------------- GQA

GLOBAL_GROUPS = {"verify color": "color", "choose color": "color", "query name": "shape"}


def gqa_record(scene, image, q, balanced):
    answer = q.answer.lower()
    steps, about = gqa_logic.program(scene, q), q.facts["about"][0]
    told = "->".join(f"{v['operation']}: {v['argument']}".rstrip(": ") + f" {list(v['dependencies'])}"
                     for v in steps).replace(" []", "")
    return {"semantic": steps, "entailed": [], "equivalent": [], "question": q.text, "imageId": image,
            "isBalanced": balanced,
            "groups": {"global": GLOBAL_GROUPS.get(about), "local": f"{q.facts['detailed']}-{gqa_logic.subject(scene, q)}"},
            "answer": answer, "semanticStr": told, "annotations": {"answer": {}, "question": {}, "fullAnswer": {}},
            "types": {"detailed": q.facts["detailed"], "semantic": q.facts["semantic"],
                      "structural": q.facts["structural"]},
            "fullAnswer": answer.capitalize() + "."}


def gqa_image(scene, image, rng, records):
    """The balanced questions about a picture, and those that follow from them."""
    by_text = {}

    def add(q, balanced):
        if q.text not in by_text:
            qid = f"{len(records) + 1:08d}"
            records[qid] = gqa_record(scene, image, q, balanced)
            by_text[q.text] = qid
        assert records[by_text[q.text]]["answer"] == q.answer.lower(), q.text
        return by_text[q.text]

    asked = distinct(lambda: Q.gqa(scene, rng), GQA_QUESTIONS)
    ids = [add(q, True) for q in asked]
    for qid, q in zip(ids, asked):
        same, further = gqa_logic.follow(scene, q, rng)
        same, further = [add(v, False) for v in same], [add(v, False) for v in further]
        records[qid]["equivalent"] = [qid] + same
        records[qid]["entailed"] = [qid] + same + further
    for qid in by_text.values():
        for key in ("entailed", "equivalent"):
            records[qid][key] = records[qid][key] or [qid]


def gqa_choices(records):
    """valid: answers of the question's kind; plausible: those that its group is seen to have."""
    seen = {}
    for r in records.values():
        seen.setdefault(r["groups"]["local"], set()).add(r["answer"])
    kinds = (("yes", "no"), ("left", "right"), ("above", "below"), COLOUR_NAMES, KINDS)
    return {qid: {"valid": list(next(k for k in kinds if r["answer"] in k)),
                  "plausible": sorted(seen[r["groups"]["local"]])} for qid, r in records.items()}


def gqa(out):
    rng = random.Random(31)
    records = {}
    for number, s in enumerate(scenes("gqa")):
        image = f"n{number + 1:06d}"
        save(s, os.path.join(out, "gqa/images", image + ".jpg"))
        gqa_image(s, image, rng, records)
    balanced = {k: v for k, v in records.items() if v["isBalanced"]}
    dump(balanced, os.path.join(out, "gqa/testdev_balanced_questions.json"))
    dump(records, os.path.join(out, "gqa/testdev_all_questions.json"))
    dump(gqa_choices(records), os.path.join(out, "gqa/testdev_choices.json"))
    note(out, "gqa")
    return balanced


# ---------------------------------------------------------------- VizWiz

def vizwiz_answers(q, rng):
    """Ten annotators; where a picture is degraded some still try, and some call it unsuitable."""
    if q.answer != "unanswerable":
        return ten(q.answer, ["unanswerable", "unsuitable", *COLOUR_NAMES], rng)
    tried = rng.choices((0, 1, 2, 4), (50, 25, 15, 10))[0]
    out = [rng.choices(("unanswerable", "unsuitable"), (4, 1))[0] for _ in range(10)]
    for k in rng.sample(range(10), tried):
        out[k] = rng.choice([*COLOUR_NAMES, *KINDS])
    return out


def vizwiz(out):
    rng = random.Random(41)
    records = []
    for number, s in enumerate(scenes("vizwiz")):
        name = f"VizWiz_val_{number:08d}.jpg"
        save(s, os.path.join(out, "vizwiz/val", name))
        q = Q.vizwiz(s, rng)
        answers = vizwiz_answers(q, rng)
        records.append({"image": name, "question": q.text,
                        "answers": [{"answer": v, "answer_confidence": rng.choice(("yes", "yes", "maybe", "no"))}
                                    for v in answers],
                        "answer_type": q.facts["answer_type"], "answerable": int(q.answer != "unanswerable")})
    dump(records, os.path.join(out, "vizwiz/val.json"))
    note(out, "vizwiz")
    return records


# ---------------------------------------------------------------- TextVQA

def textvqa(out):
    """One question a sign, on every third sign two; OCR tokens as LLaVA's, TRI's and the benchmark's own files."""
    rng = random.Random(51)
    records, ocr, llava, tri = [], [], [], []
    for number, s in enumerate(scenes("textvqa")):
        image = f"{number + 1:016x}"
        save(s, os.path.join(out, "textvqa/train_images", image + ".jpg"))
        tokens = Q.ocr_tokens(s, rng)
        ocr.append({"image_id": image, "ocr_tokens": tokens, "ocr_info": []})
        for q in distinct(lambda: Q.text(s, rng, tokens), 2 if number % 3 == 0 else 1):
            records.append({"question": q.text.lower(), "image_id": image, "image_classes": [],
                            "flickr_original_url": "", "flickr_300k_url": "", "image_width": 112,
                            "image_height": 112, "answers": [v.lower() for v in ten(q.answer, list(TEXTS), rng)],
                            "question_tokens": q.text.lower().rstrip("?").split(),
                            "question_id": 34602 + len(records), "set_name": "val"})
            asked = f"{q.text}\nReference OCR token: {', '.join(tokens)}"
            llava.append({"question_id": image, "image": image + ".jpg", "text": asked + Q.SHORT,
                          "category": "default"})
            tri.append({"text": asked})
    head = {"dataset_type": "val", "dataset_name": "textvqa", "dataset_version": "0.5.1"}
    dump({**head, "data": records}, os.path.join(out, "textvqa/TextVQA_0.5.1_val.json"))
    dump({**head, "dataset_version": "0.2", "data": ocr}, os.path.join(out, "textvqa/TextVQA_Rosetta_OCR_v0.2_val.json"))
    dump_lines(llava, os.path.join(out, "textvqa/llava_textvqa_val_v051_ocr.jsonl"))
    dump_lines(tri, os.path.join(out, "textvqa/textvqa_val_v051_ocr.jsonl"))
    note(out, "textvqa")
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
