"""The miniature's tokenizer: GPT-NeoX's pipeline with at most 1,000 entries."""

import json
import os
import random

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

import questions as Q
from scene import COLOUR_NAMES, KINDS, MAKERS, TEXTS

SPECIALS = ("<|endoftext|>", "<|padding|>")
SPACE_RUNS = range(24, 1, -1)
MERGED = 960                     # entries before the runs of spaces


def corpus(seed=5, scenes=400):
    """Prompts and answers of every family."""
    rng = random.Random(seed)
    lines = ["Yes", "No", "True", "False", "Unanswerable", "unanswerable"] * 60
    lines += [w for w in TEXTS for _ in range(3)] + [", " + w for w in TEXTS for _ in range(3)]
    for s in range(scenes):
        for style, make in MAKERS.items():
            scene = make(s)
            if not scene.objects:
                continue
            some = [Q.presence(scene, rng), Q.vqa(scene, rng), Q.vqa(scene, rng), Q.gqa(scene, rng), Q.gqa(scene, rng),
                    Q.vizwiz(scene, rng)]
            some += [Q.relation(scene, rng) for _ in range(3)] if style == "plain" else []
            some += [Q.text(scene, rng, None), Q.text(scene, rng, Q.ocr_tokens(scene, rng))] if scene.text else []
            for q in some:
                if q:
                    lines += [Q.prompt(q), q.answer]
    for r in Q.RELATIONS:
        lines += [f" is {r} the"] * 40
    for c in COLOUR_NAMES:
        for k in KINDS:
            lines += [f"The {c} {k} is {Q.a(k)}, {Q.plural(k)}.", c, k] * 3
    return lines


def build():
    tok = Tokenizer(models.BPE())
    tok.normalizer = normalizers.NFC()
    tok.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tok.decoder = decoders.ByteLevel(add_prefix_space=False)
    tok.post_processor = processors.ByteLevel(add_prefix_space=False, trim_offsets=True)
    trainer = trainers.BpeTrainer(vocab_size=MERGED, special_tokens=list(SPECIALS), show_progress=False,
                                  initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()))
    plain = [piece for line in corpus() for piece in line.split(SPECIALS[0])]
    tok.train_from_iterator(plain, trainer)
    tok.add_tokens([AddedToken(" " * n, normalized=True) for n in SPACE_RUNS])
    for word in ("Yes", "No", "True", "False", *map(chr, range(65, 91))):
        assert len(tok.encode(word).ids) == 1, word
    assert tok.token_to_id(SPECIALS[0]) == 0 and tok.token_to_id(SPECIALS[1]) == 1
    assert tok.get_vocab_size() <= 1000
    return tok


def write(tok, directory):
    tok.save(os.path.join(directory, "tokenizer.json"))
    config = {"add_prefix_space": False, "bos_token": SPECIALS[0], "clean_up_tokenization_spaces": True,
              "eos_token": SPECIALS[0], "model_max_length": 2048, "pad_token": SPECIALS[0],
              "tokenizer_class": "GPTNeoXTokenizer", "unk_token": SPECIALS[0]}
    special = {k: SPECIALS[0] for k in ("bos_token", "eos_token", "pad_token", "unk_token")}
    for name, value in (("tokenizer_config.json", config), ("special_tokens_map.json", special)):
        with open(os.path.join(directory, name), "w") as f:
            json.dump(value, f, indent=1)
            f.write("\n")


class Pieces:
    """Encodes lists of pieces, each piece from a cache."""

    def __init__(self, tok):
        self.tok, self.cache = tok, {}

    def __call__(self, piece):
        ids = self.cache.get(piece)
        if ids is None:
            ids = self.cache[piece] = self.tok.encode(piece).ids
        return ids
