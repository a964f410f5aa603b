#!/usr/bin/env python3
"""Writes tests/data/metrics/statistics.json: statistics as other programs compute them.

    pip install scipy statsmodels scikit-learn
    make_statistics_cases.py > tests/data/metrics/statistics.json

mcnemar      scipy.stats.binomtest, and the same from exact fractions
holm         statsmodels.stats.multitest.multipletests
exact        scipy.stats.permutation_test over all sign flips of the images' sums
drawn        the sign flips that SplitMix64's bits say, in numpy
difference   statsmodels OLS on a constant, errors clustered by image, t with G - 1 degrees
power        scipy.stats.norm
sums         F1 of resampled clusters: draws from SplitMix64, numpy.percentile
medians      numpy.median of the resampled pairs
apart        the same of two samples that are resampled by themselves
swap         scipy.stats.permutation_test of the ratio of medians, and the draws in numpy
ranking      scikit-learn's areas and F1 with the draws as sample weights
quantile     scipy.stats.norm.ppf
dprime       d' and c from scipy.stats.norm.ppf of log-linearly corrected rates, resampled as sums
calibration  scikit-learn's calibration_curve(strategy="quantile"), ECE from its bins with numpy
roc          scikit-learn's roc_curve
"""

import json
import warnings
from fractions import Fraction
from math import comb

import numpy as np
import statsmodels.api as sm
from scipy import stats
from sklearn import metrics
from sklearn.calibration import calibration_curve
from statsmodels.stats.multitest import multipletests

MASK = (1 << 64) - 1


class SplitMix:
    def __init__(self, seed):
        self.state = seed

    def skip(self, n):
        self.state = (self.state + n * 0x9E3779B97F4A7C15) & MASK

    def bits(self):
        self.skip(1)
        z = self.state
        z = ((z ^ z >> 30) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ z >> 27) * 0x94D049BB133111EB) & MASK
        return z ^ z >> 31


def mcnemar(a, b):
    n, k = a + b, min(a, b)
    exact = min(Fraction(1), 2 * sum(Fraction(comb(n, i), 2 ** n) for i in range(k + 1)))
    return {"a": a, "b": b, "exact": float(exact),
            "scipy": stats.binomtest(a, n, 0.5).pvalue if n else 1.0}


def holm(p):
    return {"p": p, "adjusted": list(multipletests(p, method="holm")[1])}


def sums(rng, n, soft):
    """Differences of n images that all differ."""
    d = rng.integers(-4, 6, n) + 0.0
    d[d == 0] = 1
    return list(np.round(d / (10 / 3 if soft else 1), 1) if soft else d)


def exact(d):
    result = stats.permutation_test((np.array(d),), lambda x, axis: np.sum(x, axis=axis),
                                    permutation_type="samples", n_resamples=np.inf,
                                    vectorized=True)
    return {"d": d, "p": float(result.pvalue)}


def drawn(d, n_draws, seed):
    d = np.array(d)
    words = (len(d) + 63) // 64
    stream, hits = SplitMix(seed), 0
    for _ in range(n_draws):
        signs = [stream.bits() for _ in range(words)]
        minus = np.array([signs[i // 64] >> (i % 64) & 1 for i in range(len(d))])
        hits += abs(np.sum(np.where(minus, -d, d))) >= abs(d.sum()) - 1e-9
    return {"d": list(d), "n_draws": n_draws, "seed": seed, "p": (1 + int(hits)) / (1 + n_draws)}


def difference(rng, n_images, soft):
    image, d = [], []
    for i in range(n_images):
        for _ in range(rng.integers(1, 6)):
            image.append(i)
            d.append(float(np.round(rng.uniform(-1, 1), 1)) if soft else float(rng.integers(-1, 2)))
    fit = sm.OLS(d, np.ones(len(d))).fit(cov_type="cluster", cov_kwds={"groups": image},
                                         use_t=True)
    low, high = fit.conf_int(0.05)[0]
    return {"image": image, "d": d, "mean": float(fit.params[0]), "error": float(fit.bse[0]),
            "low": float(low), "high": float(high)}


def power(difference, error, n):
    z = stats.norm.ppf(0.975) + stats.norm.ppf(0.8)
    return {"difference": difference, "error": error, "n": n,
            "power": float(stats.norm.sf(stats.norm.ppf(0.975) - difference / error)),
            "detectable": float(z * error), "images": float(n * (z * error / difference) ** 2)}


def weights(n, resample, seed):
    stream, w = SplitMix(seed), np.zeros(n, dtype=int)
    stream.skip(resample * ((n + 1) // 2))
    for i in range(0, n, 2):
        bits = stream.bits()
        w[(bits & 0xFFFFFFFF) * n >> 32] += 1
        if i + 1 < n:
            w[(bits >> 32) * n >> 32] += 1
    return w


def percentiles(values):
    return [float(x) for x in np.percentile(values, [2.5, 97.5])]


def bootstrap_sums(rng, n, n_resamples, seed):
    size = rng.integers(1, 6, n)
    y = rng.binomial(size, 0.7) * 2.0
    x = y + rng.binomial(size, 0.4)
    values = []
    for r in range(n_resamples):
        w = weights(n, r, seed)
        values.append((w @ y) / (w @ x))
    return {"y": list(y), "x": list(x), "n_resamples": n_resamples, "seed": seed,
            "interval": percentiles(values)}


def bootstrap_medians(rng, n, n_resamples, seed):
    a = rng.lognormal(0, 0.2, n)
    b = a * rng.lognormal(0.1, 0.1, n)
    values = []
    for r in range(n_resamples):
        w = weights(n, r, seed)
        values.append(np.median(np.repeat(b, w)) / np.median(np.repeat(a, w)))
    return {"a": list(a), "b": list(b), "n_resamples": n_resamples, "seed": seed,
            "ratio": float(np.median(b) / np.median(a)), "interval": percentiles(values)}


def bootstrap_apart(rng, n_a, n_b, n_resamples, seed):
    a, b = rng.lognormal(0, 0.2, n_a), rng.lognormal(0.1, 0.3, n_b)
    second = SplitMix(seed)
    second.skip(n_resamples * ((n_a + 1) // 2))
    values = []
    for r in range(n_resamples):
        w_a, w_b = weights(n_a, r, seed), weights(n_b, r, second.state)
        values.append(np.median(np.repeat(b, w_b)) / np.median(np.repeat(a, w_a)))
    return {"a": list(a), "b": list(b), "n_resamples": n_resamples, "seed": seed,
            "ratio": float(np.median(b) / np.median(a)), "interval": percentiles(values)}


def log_ratio(a, b, axis=-1):
    """Of the medians; where it is the same, the sum of signs decides."""
    ratio = np.abs(np.log(np.median(b, axis=axis)) - np.log(np.median(a, axis=axis)))
    return ratio + 1e-9 * np.abs(np.sign(b - a).sum(axis=axis))


def swap(rng, n, seed, digits=15):
    """Exact up to 14 pairs; beyond, 9,999 draws: a word of bits for 64 pairs, the lowest first."""
    a = rng.lognormal(0, 0.2, n)
    b = a * rng.lognormal(0.05, 0.2, n)
    a, b = np.round(a, digits), np.round(b, digits)
    if n <= 14:
        p = stats.permutation_test((a, b), log_ratio, permutation_type="samples", vectorized=True,
                                   n_resamples=np.inf, alternative="greater").pvalue
    else:
        stream, far = SplitMix(seed), 0
        for _ in range(9999):
            words = [stream.bits() for _ in range((n + 63) // 64)]
            flip = np.array([words[i // 64] >> i % 64 & 1 for i in range(n)], bool)
            far += log_ratio(np.where(flip, b, a), np.where(flip, a, b)) >= log_ratio(a, b) - 1e-12
        p = (1 + far) / 10000
    return {"a": list(a), "b": list(b), "seed": seed, "p": float(p)}


def bootstrap_ranking(rng, n_images, n_resamples, seed):
    image = np.repeat(np.arange(n_images), rng.integers(1, 5, n_images))
    label = rng.integers(0, 2, len(image))
    score = np.round(np.clip(rng.normal(0.3 + 0.4 * label, 0.3), 0, 1), 2)
    # The program numbers images in the order of falling scores: the draws are by that number.
    order = np.argsort(-score, kind="stable")
    image, label, score = image[order], label[order], score[order]
    number = {}
    cluster = np.array([number.setdefault(i, len(number)) for i in image])
    areas = []
    for r in range(n_resamples):
        w = weights(n_images, r, seed)[cluster]
        on = w > 0
        areas.append((metrics.roc_auc_score(label[on], score[on], sample_weight=w[on]),
                      metrics.average_precision_score(label[on], score[on], sample_weight=w[on]),
                      metrics.f1_score(label[on], score[on] > 0.5, sample_weight=w[on])))
    return {"image": image.tolist(), "label": label.tolist(), "score": score.tolist(),
            "n_resamples": n_resamples, "seed": seed,
            "intervals": [percentiles([a[k] for a in areas]) for k in range(3)]}


def detection(hits, signals, alarms, noises):
    hit = stats.norm.ppf((hits + 0.5) / (signals + 1))
    alarm = stats.norm.ppf((alarms + 0.5) / (noises + 1))
    return float(hit - alarm), float(-(hit + alarm) / 2)


def dprime(rng, n, n_resamples, seed):
    """Images with signals, noises, or both; the last has neither."""
    signals = rng.integers(0, 4, n)
    noises = np.maximum(rng.integers(0, 4, n), signals == 0)
    counts = np.array([rng.binomial(signals, 0.8), signals, rng.binomial(noises, 0.15), noises])
    total = counts.sum(axis=1)
    values = [detection(*(counts @ weights(n, r, seed))) for r in range(n_resamples)]
    d, c = detection(*total)
    return {"hits": counts[0].tolist() + [0], "signals": counts[1].tolist() + [0],
            "alarms": counts[2].tolist() + [0], "noises": counts[3].tolist() + [0],
            "n_resamples": n_resamples, "seed": seed, "dprime": d, "criterion": c,
            "intervals": [percentiles([v[k] for v in values]) for k in range(2)]}


def judged(rng, n, digits):
    """Labels and probabilities of yes, rounded so that some repeat."""
    label = rng.integers(0, 2, n)
    p = 1 / (1 + np.exp(-rng.normal(3 * label - 1.2, 1.5)))
    return label, np.round(p, digits)


def calibration(rng, n, digits, n_bins):
    label, p = judged(rng, n, digits)
    share, mean = calibration_curve(label, p, n_bins=n_bins, strategy="quantile")
    # The same bins' sizes, which the function does not give.
    edges = np.percentile(p, np.linspace(0, 1, n_bins + 1) * 100)
    sizes = np.bincount(np.searchsorted(edges[1:-1], p), minlength=n_bins)
    sizes = sizes[sizes > 0]
    gaps = np.abs(share - mean)
    return {"label": label.tolist(), "p": p.tolist(), "n_bins": n_bins, "sizes": sizes.tolist(),
            "share": share.tolist(), "mean": mean.tolist(),
            "error": float(gaps @ sizes / n), "largest": float(gaps.max())}


def roc(rng, n, digits):
    label, p = judged(rng, n, digits)
    alarm, hit, threshold = metrics.roc_curve(label, p)
    return {"label": label.tolist(), "p": p.tolist(), "alarm": alarm.tolist(),
            "hit": hit.tolist(), "threshold": threshold[1:].tolist()}


def main():
    warnings.simplefilter("ignore")
    rng = np.random.default_rng(7)
    cases = {
        "mcnemar": [mcnemar(a, b) for a, b in
                    ((0, 0), (0, 1), (1, 1), (0, 5), (3, 4), (4, 3), (2, 12), (10, 30), (61, 60),
                     (80, 121), (500, 431), (1200, 1350), (5, 400), (9000, 8600))],
        "holm": [holm(p) for p in ([0.03], [0.01, 0.04], [0.04, 0.01, 0.03, 0.005],
                                   [0.2, 0.2, 0.2], [0.9, 0.5, 0.6], [0.001] * 3 + [0.02, 1.0])],
        "exact": [exact(sums(rng, n, soft)) for n in (2, 3, 7, 8, 9, 13, 16)
                  for soft in (False, True)],
        "drawn": [drawn(sums(rng, n, soft), 300, seed) for n, soft, seed in
                  ((21, False, 0), (64, True, 5), (65, False, 9), (130, True, 2 ** 53 - 11))],
        "difference": [difference(rng, n, soft) for n in (2, 5, 40) for soft in (False, True)],
        "power": [power(d, e, n) for d, e, n in ((0.02, 0.0071, 500), (0.004, 0.01, 715),
                                                 (0.05, 0.0071, 500), (1.5, 0.6, 398))],
        "sums": [bootstrap_sums(rng, n, 200, seed) for n, seed in ((2, 1), (41, 0), (90, 2 ** 40))],
        "medians": [bootstrap_medians(rng, n, 200, seed) for n, seed in ((2, 1), (21, 3), (64, 4))],
        "ranking": [bootstrap_ranking(rng, n, 200, seed) for n, seed in ((31, 0), (60, 77))],
        "apart": [bootstrap_apart(rng, n_a, n_b, 200, seed)
                  for n_a, n_b, seed in ((2, 3, 1), (21, 12, 3), (10, 64, 2 ** 40))],
        "swap": [swap(rng, n, seed) for n, seed in ((2, 0), (7, 0), (10, 0), (13, 0),
                                                    (15, 4), (70, 2 ** 33))] +
                [swap(rng, 9, 0, 1), swap(rng, 20, 1, 1)],
    }
    rng = np.random.default_rng(8)
    cases |= {
        "quantile": [{"p": p, "z": float(stats.norm.ppf(p))} for p in
                     (1e-300, 1e-20, 3.1e-7, 0.0001, 0.02, 0.025, 0.31, 0.4999999, 0.5, 0.5000001,
                      0.7, 0.841, 0.975, 0.9998333888703765, 1 - 1e-9)],
        "dprime": [dprime(rng, n, 200, seed) for n, seed in ((12, 1), (25, 0), (120, 2 ** 40))],
        "calibration": [calibration(rng, n, digits, n_bins) for n, digits, n_bins in
                        ((1, 9, 10), (7, 9, 10), (100, 9, 10), (101, 9, 10), (333, 9, 15),
                         (250, 1, 10), (397, 2, 20), (60, 0, 4))],
        "roc": [roc(rng, n, digits) for n, digits in ((9, 9), (40, 9), (200, 2), (90, 1), (30, 0))],
    }
    print(json.dumps(cases, indent=0))


main()
