#!/usr/bin/env python3
"""Writes tests/data/metrics/intervals.json: intervals computed another way than the program does.

    make_interval_cases.py > tests/data/metrics/intervals.json

wilson      the two roots p of (k/n - p)^2 = z^2 p (1 - p) / n, solved numerically
student     the root t of P(T <= t) = p, the density integrated numerically
beta        mpmath.betainc, regularized
yes_no      a small data set; each score as a function of a weight per image, theta(w); the error
            is sqrt(G / (G - 1) * sum over images of (d theta / d w_c at w = 1)^2), the derivatives
            taken numerically (the infinitesimal jackknife, which for means and ratios of sums is
            the linearised cluster-robust error), times t(0.975, G - 1)
"""

import json
import random

import mpmath as mp

mp.mp.dps = 40
Z = mp.sqrt(2) * mp.erfinv(mp.mpf(95) / 100)


def wilson(k, n):
    rate = mp.mpf(k) / n
    roots = mp.polyroots([1 + Z ** 2 / n, -(2 * rate + Z ** 2 / n), rate ** 2], maxsteps=500)
    return min(mp.re(r) for r in roots), max(mp.re(r) for r in roots)


def student(p, df):
    df = mp.mpf(df)
    front = mp.gamma((df + 1) / 2) / (mp.sqrt(df * mp.pi) * mp.gamma(df / 2))
    density = lambda x: front * (1 + x * x / df) ** (-(df + 1) / 2)
    cdf = lambda t: mp.mpf(1) / 2 + mp.quad(density, [0, t / 2, t])
    guess = mp.sqrt(2) * mp.erfinv(2 * mp.mpf(p) - 1)
    if df == 1:
        guess = mp.tan(mp.pi * (mp.mpf(p) - mp.mpf(1) / 2))
    return mp.findroot(lambda t: cdf(t) - mp.mpf(p), guess)


def make_samples():
    rng = random.Random(5)
    samples = []
    for image in range(9):
        for split in ("adversarial", "popular", "random"):
            for k in range(rng.randint(1, 4)):
                label = rng.choice(["yes", "no"])
                right = rng.random() < (0.9 if image % 3 else 0.4)
                says = label if right else {"yes": "no", "no": "yes"}[label]
                samples.append({"image": "i%d" % image, "split": split, "label": label,
                                "text": says.capitalize()})
    order = {"adversarial": 0, "popular": 1, "random": 2}
    samples.sort(key=lambda s: order[s["split"]])
    return samples


def statistic(name, samples, weights):
    w = lambda keep: mp.fsum(weights[s["image"]] for s in samples if keep(s))
    yes = lambda s: s["text"] == "Yes"
    true = lambda s: s["label"] == "yes"
    tp, fp = w(lambda s: yes(s) and true(s)), w(lambda s: yes(s) and not true(s))
    fn, tn = w(lambda s: not yes(s) and true(s)), w(lambda s: not yes(s) and not true(s))
    if name == "accuracy":
        return (tp + tn) / (tp + fp + tn + fn)
    if name == "precision":
        return tp / (tp + fp)
    if name == "recall":
        return tp / (tp + fn)
    if name == "yes-ratio":
        return (tp + fp) / (tp + fp + tn + fn)
    p, r = tp / (tp + fp), tp / (tp + fn)
    return 2 * p * r / (p + r)


def interval(theta, images, everything):
    ones = {image: mp.mpf(1) for image in everything}
    value = theta(ones)
    squares = mp.mpf(0)
    for image in images:
        def along(w):
            weights = dict(ones)
            weights[image] = w
            return theta(weights)
        squares += mp.diff(along, mp.mpf(1)) ** 2
    count = mp.mpf(len(images))
    half = student(mp.mpf("0.975"), count - 1) * mp.sqrt(count / (count - 1) * squares)
    return value, max(value - half, mp.mpf(0)), min(value + half, mp.mpf(1))


def in_ratio(name, sample):
    if name == "precision":
        return sample["text"] == "Yes"
    if name == "recall":
        return sample["label"] == "yes"
    if name == "f1":
        return sample["text"] == "Yes" or sample["label"] == "yes"
    return True


def yes_no():
    samples = make_samples()
    names = ("accuracy", "precision", "recall", "f1", "yes-ratio")
    splits = ("adversarial", "popular", "random")
    scores = {}
    everything = {s["image"] for s in samples}
    images_of = lambda name, part: sorted({s["image"] for s in part if in_ratio(name, s)})
    for name in names:
        parts = {split: [s for s in samples if s["split"] == split] for split in splits}
        parts["pooled"] = samples
        for prefix, part in parts.items():
            kept = [s for s in part if in_ratio(name, s)]
            if len({s["image"] for s in kept}) == len(kept):
                continue  # one sample an image: the program uses Wilson there
            scores[prefix + "/" + name] = interval(
                lambda w: statistic(name, part, w), images_of(name, part), everything)
        scores["mean/" + name] = interval(
            lambda w: mp.fsum(statistic(name, parts[s], w) for s in splits) / 3,
            images_of(name, samples), everything)
    return {"samples": samples,
            "scores": {k: [float(x) for x in v] for k, v in scores.items()}}


def main():
    cases = {
        "wilson": [dict(zip(("k", "n", "low", "high"), (k, n) + tuple(map(float, wilson(k, n)))))
                   for k, n in ((0, 1), (1, 1), (0, 10), (10, 10), (1, 10), (7, 13), (629, 1222),
                                (1, 3000), (2999, 3000), (7750, 8910))],
        "student": [{"p": p, "df": df, "t": float(student(mp.mpf(str(p)), df))}
                    for p in (0.975, 0.95, 0.6, 0.025) for df in (1, 2, 3, 5, 10, 30, 499, 5000)],
        "beta": [{"a": a, "b": b, "x": x,
                  "value": float(mp.betainc(a, b, 0, mp.mpf(x), regularized=True))}
                 for a, b in ((0.5, 0.5), (1, 3), (250, 0.5), (7.5, 2)) for x in (0.01, 0.5, 0.97)],
        "yes_no": yes_no(),
    }
    print(json.dumps(cases, indent=0))


main()
