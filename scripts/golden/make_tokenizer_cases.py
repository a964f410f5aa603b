#!/usr/bin/env python3
"""Makes tests/data/tokenizer: two tiny byte-level BPE tokenizers and what the library says of them.

    python3 scripts/golden/make_tokenizer_cases.py        (needs `tokenizers`; made with 0.23.3)

neox.json is laid out as GPT-NeoX-20B's file (NFC, special tokens first, runs of spaces as added
tokens, merges as strings), gpt2.json as CodeGen's (no normaliser, special token behind the
vocabulary, runs of spaces and tabs, merges as pairs).  Both are trained on the text below.
"""
import json
import pathlib
import random

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers
from tokenizers import processors, trainers

OUT = pathlib.Path(__file__).resolve().parents[2] / "tests" / "data" / "tokenizer"

TEXT = """
Is there a dog in the image? Answer the question using a single word or phrase. Yes, there is a
dog lying under the wooden table. No, I don't see it. What colour is the cat's bowl? It's red, and
the other one isn't. We've counted 12 apples, 345 pears and 6789 grapes; they're on the shelf. She
said: "I'm sure you'll find them", but he'd rather not. The quick brown fox jumps over the lazy
dog. How many people are standing in front of the building? There are two of them. Describe the
picture in detail: a man is riding a horse along the beach while the sun sets behind the hills.
True or False? The bottle is left of the cup. (A) north (B) south (C) east (D) west
def answer(question, image):
    tokens = [tokenizer.encode(question), image]
    return model.generate(tokens, max_new_tokens=10)
The user asks and the assistant answers. user: <image> assistant: the the the the image image
caf\u00e9 na\u00efve r\u00e9sum\u00e9 \u00fcber stra\u00dfe \u00e9t\u00e9 \u00e0 la carte
\u0433\u0434\u0435 \u0441\u043e\u0431\u0430\u043a\u0430 \u0438 \u043a\u043e\u0448\u043a\u0430
\u4f60\u597d \u4e16\u754c \u4f60\u597d \u56fe\u50cf
""" * 3

TYPED = [
    "", "a", " ", "  ", "   ", "\n", "\t", "\r", "\r\n", "\n\n", "\n \n", " \n", "\n ", "\t\t", "\t ",
    "Hello world", " Hello", "Hello ", "  Hello  ", "a  b   c    d", "Yes", "No", " Yes", "yes", "A",
    "<|user|>\nWhat is going on in this image?<|endoftext|>\n<|assistant|>\n",
    "In: What is this?\nOut: ", "<image>\nIs there a dog?",
    "<|endoftext|>", "<|endoftext|><|endoftext|>", "<|padding|>", "a<|endoftext|>b",
    " <|endoftext|> ", "  <|endoftext|>  ", "<|endoftext|", "|endoftext|>", "<<|endoftext|>>",
    "<|endoftext|><|padding|>x", "<|ENDOFTEXT|>", "<| endoftext |>", "e\u0301<|endoftext|>\u0301e",
    "I'm don't WE'LL it's", "'s't're've'm'll'd", "'S'T'RE'VE'M'LL'D", "it's's", "''s", "' s", " 's",
    "they'rent", "'re're", "'r", "'l", "'v", "'", "''", "'''", "don\u2019t", "I'", "x'y", "'dd", "'lll",
    "rock'n'roll", "a'll b'd c'm", " 'tis", "'\u00e9", "'\n", "' '", "\"'t\"",
    "123", "123 4567 3.14", " 1", "1 2 3", "12ab34", "1,234.56", "\u0661\u0662\u0663", "\u0967\u0968\u0969 12",
    "\u00bd \u00b2\u00b3", "\u2167 \u2460\u2461", "\u4e00\u4e8c\u4e09", "\U0001d7d8\U0001d7d9", "\u0e51\u0e52x",
    "x\u00b2", "1\u00b2", "\u0bf0", "5\u20ac", "100%", "#1", "-1", "1e-5", "0x1F",
    "caf\u00e9", "cafe\u0301", "caf\u00e9 cafe\u0301", "e\u0301\u0301", "\u00e9\u0301", "e\u0323\u0301", "e\u0301\u0323",
    "a\u0308\u0323", "\u1e69", "s\u0323\u0307", "s\u0307\u0323", "\u00c5 \u212b A\u030a", "\u1100\u1161\u11a8",
    "\u1112\u1161\u11ab\u1100\u1173\u11af", "\ud55c\uae00", "\u110b\u1161", "\u0915\u093c", "\u0958", "\u2126",
    "\u0344", "\u0340\u0341", "\u0374", "\u037e", "\u0387", "\u1fef", "\u2000\u2001", "\u2329\u232a", "\uf900", "\ufa10",
    "\U0001d15e", "\U0002f800", "\u0301abc", "\u0301", " \u0301", "  \u0301", "a \u0301b", "\u0f73", "\u0f71\u0f72",
    "\u05e9\u05bc\u05c1", "\ufb2c", "\u3099\u304b", "\u304b\u3099", "\u30cf\u309a", "q\u0307\u0323",
    "o\u0302\u0301", "\u1ed1", "\u1ecd\u0302", "\u0226\u0304", "\u0627\u0653", "\u064b\u0651\u064e",
    "e\u089b\u0301", "e\u0301\u089b", "q\u0323\u1df6\u0323\u0301e\u0301", "a\u07fd\u0301\u0323", "\U00011935\U00011930", "\U00011938",
    "a" + "\u0301\u0323" * 12, "a" + "\u0301\u0323" * 40 + "b",
    "\u4f60\u597d", "\u4f60\u597d \u4e16\u754c", "\u65e5\u672c\u8a9e\u3001\u30c6\u30b9\u30c8\u3002", "\uff21\uff22\uff23 \uff11\uff12",
    "\u043f\u0440\u0438\u0432\u0435\u0442 \u043c\u0438\u0440", "\u0437\u0434\u0435\u0441\u044c-\u0442\u0430\u043c",
    "\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd", "\u0645\u0631\u062d\u0628\u0627 \u0628\u0627\u0644\u0639\u0627\u0644\u0645",
    "\u200f\u05d0\u200e", "\u202babc\u202c", "\u0928\u092e\u0938\u094d\u0924\u0947", "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35",
    "\U0001f600", "\U0001f600\U0001f601", " \U0001f600", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f1e9\U0001f1ea",
    "\U0001f44d\U0001f3fd", "\u2764\ufe0f", "\u2639", "a\U0001f600b", "#\ufe0f\u20e3", "\U0001f3f4\U000e0067\U000e007f",
    "\u00a0", "a\u00a0b", "\u00a0\u00a0a", " \u00a0", "\u00a0 ", "\u00a0 a", "\u3000", "\u3000a", "\u2003\u2003b",
    "\u200b", "a\u200bb", "\ufeff", "\ufeffa", "\u180e", " \u180e", "\u180e a", "a\u180eb", "\u180e\u180e1", "\u2028x\u2029",
    "\u0085", "a\u0085b", "\u0085\u0085a", "\u1680a", "\u202f1", "\u205f ", "\u00ad", "a\u00adb", "\ufffd", "\ufffe", "\U0010ffff",
    "\ue000", "\U000f0000x", "\u0001", "\u0001\u0002", "a\u0007b", "\u001b[0m", "\u007f", "\u0080\u0081", "\u001c", " \u001f a",
    "\u000b\u000c", "a\u000bb", "\u000c\n", "\u0378", "a\u0378", "\u2fe0\u2fe1",
    "\u31350 \U00031350\U00031351", "\U00011f02\U00011f04", "x\U0001e4d0", "1\U0001e4f0", "\U00013460a", "\U000105c0", "\U00010d40\U00010d41",
    "\U0002ebf0", "\U00016d40 \U00016d70", "\u1c89\u1c8a", "\ua7cb", "\U0001ccf0", "\U0001e5f0", "\U0002b739", "\U0001342f",
    "\U0001d400\U0001d401", "\u02b0\u02b1", "\u00aa\u00ba", "\u00b5", "\u1d2c", "\u2c6f", "\u16ee", "\u3007", "\u2cfd", "\U00010900",
    "...", "?!", "a.b", "a . b", " .", "-- --", "(a)", "[x]{y}", "a_b", "__init__", "@user", "a@b.c", "http://a.b/c?d=e&f",
    "C:\\dir\\file", "\\n", "\"quoted\"", "`code`", "$5.00", "a+b=c", "<b>x</b>", "~", "^", "a|b", "|>", "<|", "\u20ac5", "\u00a3\u00a5",
    "line\n\nnext", "\n  indented", "\tx", "\t\t\tx", "x\t\ty", "tab\tx", " \t \t", "a\n\n\nb", "a \n b", "a  \n  b", "\r\n\r\nx",
    "trailing   ", "trailing\n", "trailing \n", "trailing\n ", "   lead", "\n\n   lead", "if x:\n    y\n        z\n",
    "a ab abc abcd", "the the", "thethethe", "TheThe", "tHe", "imageimage", "questionsquestions", "antidis", "zzzz", "qxqxqx",
    "\u0130i", "\u00df\u1e9e", "\ufb01", "\u01c4", "a\u0300\u0315\u05ae", "\u0149", "x" * 70, "the" * 40, "ab" * 33, "1" * 30, "!" * 30,
    "a" * 300, " a" * 50, "\u00e9" * 40, "\U0001f600" * 10, ". " * 20, "'s" * 20, "\n" * 10, "\t" * 40, " \n" * 10, "  \n" * 6,
]
TYPED += ["x" + " " * n + "y" for n in (1, 2, 3, 22, 23, 24, 25, 26, 31, 32, 40, 48, 49, 71)]
TYPED += [" " * n for n in (4, 5, 23, 24, 25, 47, 48, 60)] + [" " * n + "\n" + " " * n for n in (1, 2, 24)]
TYPED += ["x" + "\t" * n + "y" for n in (2, 3, 8, 9, 10, 11, 19)]

PIECES = ["the", " the", "a", "B", " ", "  ", "\n", "\t", "'s", "'", "1", "23", ".", "?", "\u00e9", "e\u0301",
          "\u0323", "\u0301", "\u4f60", "\u0431", "\U0001f600", "\u00a0", "\u180e", "\u200d", "<|endoftext|>", "<|", "|>", "\u1100",
          "\u1161", "\u11a8", "\u0663", "\u00bd", "image", "-", "_", "\r", "\u3000"]

BYTES = [b"\xff", b"a\xffb", b"\xc3", b"\xc3(", b"\xe4\xbd", b"\xe4\xbd\xa0\xe5", b"\xe4\xbda", b"\xf0\x9f\x98", b"\xf0\x9f",
         b"\xf0\x9fx", b"\xed\xa0\x80", b"\xed\xa0\xbd\xed\xb8\x80", b"\xc0\x80", b"\xc1\xbf", b"\xf4\x90\x80\x80", b"\xf5\x80",
         b"\xe0\x80\x80", b"\x80\x80 \x80", b"the\xc3 image\xe9", b"\x00", b"a\x00b", b" \x00\x00 ", b"<|endoftext|>\xff<|endoftext|>",
         b"\xcc", b"e\xcc\x81\xcc", b"\xfe\xff", b"\xf8\x88\x80\x80\x80"]

CLEAN = ["", " ", "a", "  a  ", "Yes .", "Yes . No ?", "a , b !", " .", ". . .", "it 's", "do n't", "I 'm", "we 've", "they 're", "a ' b",
         "a ' ' b", " ' ", "' '", " n't .", "a  .  b", " 's 's", "he 'll", "a ' s", "x 'm 've 're n't", "a .' .", " ,,  ,", "it ' s n't .",
         "\t\n a \x0b\x0c\r", "\x1c\x1d\x1e\x1fa\x1c", "\x85a\x85", "\xa0a\xa0", "\u1680a\u2000", "\u2028a\u2029", "\u202fa\u205f\u3000",
         "\u200ba\u200b", "\ufeffa", "\u180ea\u180e", "a\x00 .\x00", "caf\u00e9 .", "\u4f60\u597d ?", " \u3000 ", "\n\n", "a\n.", " ' . '"]
CLEAN_BYTES = [b"\xff .", b"a \xe4\xbd", b" \xf0\x9f\x98 ?", b"\xc2 ", b"\xc2\xa0\xc2", b"\xed\xa0\x80!", b"ok \xe2\x80"]
CLEAN_UP = [(" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"), (" 's", "'s"),
            (" 've", "'ve"), (" 're", "'re")]


def train(normalizer, specials, vocab_size):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=vocab_size, special_tokens=specials, show_progress=False,
                                  initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.train_from_iterator(TEXT.splitlines(keepends=True), trainer)
    return tokenizer


def make_neox():
    tokenizer = train(normalizers.NFC(), ["<|endoftext|>", "<|padding|>"], 480)
    tokenizer.add_tokens([AddedToken(" " * n, normalized=True) for n in range(24, 1, -1)])
    data = json.loads(tokenizer.to_str())
    data["model"]["merges"] = [" ".join(pair) for pair in data["model"]["merges"]]
    return data


def make_gpt2():
    tokenizer = train(None, [], 420)
    tokenizer.add_special_tokens([AddedToken("<|endoftext|>", normalized=False, special=True)])
    tokenizer.add_tokens([AddedToken(" " * n, normalized=True) for n in range(31, 1, -1)])
    tokenizer.add_tokens([AddedToken("\t" * n, normalized=True) for n in range(9, 1, -1)])
    # Told apart from the rest of the pipeline: not special, and matched on the raw text.
    tokenizer.add_tokens([AddedToken("<image>", normalized=False), AddedToken("\u00e9\u0301", normalized=False),
                          AddedToken("\u4f60\u597d!", normalized=True)])
    return json.loads(tokenizer.to_str())


def strings():
    rng = random.Random(7)
    made = ["".join(rng.choice(PIECES) for _ in range(rng.randint(2, 14))) for _ in range(60)]
    return list(dict.fromkeys(TYPED + made))


def clean(data, clean_up):
    text = data.decode("utf-8", "replace")
    for old, new in CLEAN_UP if clean_up else []:
        text = text.replace(old, new)
    return text.strip().encode()


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    rng = random.Random(11)
    cases = {"encode": [], "bytes": [], "decode": [], "clean": []}
    tokenizers = {}
    for name, data in (("neox", make_neox()), ("gpt2", make_gpt2())):
        text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
        (OUT / f"{name}.json").write_text(text + "\n", encoding="utf-8")
        tokenizers[name] = Tokenizer.from_str(text)
    for text in strings():
        cases["encode"].append({"text": text, **{n: t.encode(text).ids for n, t in tokenizers.items()}})
    for data in BYTES:
        text = data.decode("utf-8", "replace")
        cases["bytes"].append({"hex": data.hex(), **{n: t.encode(text).ids for n, t in tokenizers.items()}})
    for name, tokenizer in tokenizers.items():
        size = tokenizer.get_vocab_size()
        for length in [1] * 20 + [4] * 20 + [12] * 20:
            ids = [rng.randrange(size + 20) for _ in range(length)]
            cases["decode"].append({"tokenizer": name, "ids": ids,
                                    "text_hex": tokenizer.decode(ids, skip_special_tokens=True).encode().hex()})
    for data in [text.encode() for text in CLEAN] + CLEAN_BYTES:
        for clean_up in (True, False):
            cases["clean"].append({"hex": data.hex(), "clean_up": clean_up, "text_hex": clean(data, clean_up).hex()})
    lines = ",\n".join(f'"{key}": [\n' + ",\n".join(json.dumps(row) for row in rows) + "\n]" for key, rows in cases.items())
    (OUT / "cases.json").write_text("{\n" + lines + "\n}\n")
    print({key: len(rows) for key, rows in cases.items()}, {n: t.get_vocab_size() for n, t in tokenizers.items()})


if __name__ == "__main__":
    main()
