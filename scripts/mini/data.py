"""Training data made on the fly: worker processes draw scenes and ask questions.

Every image carries SHORT_Q questions of at most SHORT_T tokens and LONG_Q of at
most LONG_T, so that a batch is two rectangles and nothing is wasted.
"""

import mmap
import random
import time

import torch
import torch.multiprocessing as mp

import questions as Q
from scene import GRID, L_COLUMNS, MAKERS, SIDE, dense_labels, render
import scene as S
from tokenizer import Pieces

SHORT_Q, SHORT_T = 12, 36
LONG_Q, LONG_T = 8, 52
TARGETS = 4                        # answer tokens and the end token
MENTIONS = 2
BINS = 16                          # places are told in 7-pixel steps
FAMILIES = ("presence", "relation", "vqa", "gqa", "vizwiz", "text")
CHUNK = 128                        # images a worker hands over at a time
EVAL_SEED = 1 << 59                # training seeds lie below, benchmark seeds above

TRAIN_STYLES = (("plain", .8), ("text", .1), ("photo", .1))


def shapes():
    """name -> (shape of one image's entry, dtype)"""
    out = {"image": ((SIDE, SIDE, 3), torch.uint8), "labels": ((GRID * GRID, L_COLUMNS), torch.uint8)}
    for tag, q, t in (("short", SHORT_Q, SHORT_T), ("long", LONG_Q, LONG_T)):
        out[tag + "_ids"] = ((q, t), torch.int16)
        out[tag + "_pos"] = ((q, TARGETS), torch.int16)         # position whose logits give the target
        out[tag + "_tgt"] = ((q, TARGETS), torch.int16)         # -1: none
        out[tag + "_men"] = ((q, MENTIONS), torch.int16)        # -1: none
        out[tag + "_obj"] = ((q, MENTIONS, 6), torch.uint8)     # exists, x, y, size, flags, place known
        out[tag + "_fam"] = ((q,), torch.uint8)                 # 255: no question
    return out


def ask(scene, rng):
    """Questions for the two rectangles (None: nothing to ask)."""
    if not scene.objects or scene.unreadable:
        return [None] * SHORT_Q, [Q.vizwiz(scene, rng) for _ in range(LONG_Q)]
    short = [Q.presence(scene, rng) for _ in range(3)]
    if scene.style == "text":
        short += [Q.text(scene, rng, None) for _ in range(3)]
        long = [Q.text(scene, rng, Q.ocr_tokens(scene, rng)) for _ in range(4)]
        long += [Q.vizwiz(scene, rng) for _ in range(2)]
    elif scene.style == "photo":
        long = [Q.vizwiz(scene, rng) for _ in range(LONG_Q)]
    else:
        long = [Q.relation(scene, rng) for _ in range(LONG_Q)]
    while len(short) < SHORT_Q:
        short.append(Q.vqa(scene, rng) if len(short) % 2 else Q.gqa(scene, rng))
    while len(long) < LONG_Q:
        long.append(Q.relation(scene, rng))
    return short, long


def object_target(scene, mention):
    """What the helper head must tell behind a mention."""
    what = mention[0]
    if what == "none":
        return (0, 0, 0, 0, 0, 0)
    if what == "kind":
        found = [i for i, o in enumerate(scene.objects) if o.kind == mention[1]]
        if len(found) != 1:
            return (len(found) > 0, 0, 0, 0, 0, 0)
        i = found[0]
    else:
        i = mention[1]
    o = scene.objects[i]
    flags = 0
    for kind, a, b in scene.pairs:
        flags |= S.FLAGS[kind][0] * (a == i) | S.FLAGS[kind][1] * (b == i)
    clip = lambda v: min(max(v, 0), SIDE - 1) * BINS // SIDE
    return (1, clip(o.x), clip(o.y), o.size == "large", flags, 1)


def fill(entry, i, tag, scene, questions, encode, length):
    ids_out, pos, tgt = entry[tag + "_ids"][i], entry[tag + "_pos"][i], entry[tag + "_tgt"][i]
    men, obj, fam = entry[tag + "_men"][i], entry[tag + "_obj"][i], entry[tag + "_fam"][i]
    ids_out[:], pos[:], tgt[:], men[:], obj[:], fam[:] = 1, 0, -1, -1, 0, 255
    for k, q in enumerate(questions):
        if q is None:
            continue
        ids, mentions = [], []
        for piece, mention in Q.prompt_pieces(q):
            ids += encode(piece)
            if mention is not None:
                mentions.append((len(ids) - 1, object_target(scene, mention)))
        answer = encode(q.answer) + [0]
        if len(ids) + len(answer) - 1 > length or len(answer) > TARGETS:
            continue
        first = len(ids) - 1
        ids += answer[:-1]
        ids_out[k, :len(ids)] = ids
        pos[k, :len(answer)] = range(first, first + len(answer))
        tgt[k, :len(answer)] = answer
        for m, (at, values) in enumerate(mentions[:MENTIONS]):
            men[k, m] = at
            obj[k, m] = values
        fam[k] = FAMILIES.index(q.family)


def fill_image(entry, i, seed, style, encode):
    scene = MAKERS[style](seed)
    rng = random.Random(seed ^ 0x5EED)
    image, owner = render(scene)
    entry["image"][i] = image
    entry["labels"][i] = dense_labels(scene, owner)
    short, long = ask(scene, rng)
    fill(entry, i, "short", scene, short, encode, SHORT_T)
    fill(entry, i, "long", scene, long, encode, LONG_T)
    return scene


def blank(n, shared=False):
    """Zeroed tensors; shared ones lie in anonymous memory that forked processes see too."""
    out = {}
    for k, (s, d) in shapes().items():
        t = torch.zeros((n, *s), dtype=d)
        if shared:
            t = torch.frombuffer(mmap.mmap(-1, t.nbytes), dtype=d).view(t.shape)
        out[k] = t
    return out


def style_of(rng, styles):
    return rng.choices([s for s, _ in styles], [w for _, w in styles])[0]


def fixed_set(n, tok, styles=TRAIN_STYLES, base=EVAL_SEED):
    """A reproducible set for learning curves; neither training nor benchmark."""
    out = blank(n)
    arrays = {k: t.numpy() for k, t in out.items()}
    encode = Pieces(tok)
    for i in range(n):
        fill_image(arrays, i, base + i, style_of(random.Random(i), styles), encode)
    return out


def _work(worker, slots, free, ready, tok, forbidden, seed, styles):
    torch.set_num_threads(1)
    encode = Pieces(tok)
    rng = random.Random(seed * 1000 + worker)
    count = (seed << 44) + (worker << 34)
    while True:
        slot = free.get()
        if slot is None:
            return
        arrays = {k: t.numpy() for k, t in slots[slot].items()}
        i = 0
        while i < CHUNK:
            count += 1
            if fill_image(arrays, i, count, style_of(rng, styles), encode).digest() in forbidden:
                continue                      # a test scene: draw another one over it
            i += 1
        ready.put(slot)


class Pool:
    """A ring of images and questions on the training device, refilled while training runs."""

    def __init__(self, capacity, workers, tok, forbidden, seed, styles=TRAIN_STYLES):
        self.capacity, self.filled, self.at, self.made = capacity // CHUNK * CHUNK, 0, 0, 0
        context = mp.get_context("fork")
        self.slots = [blank(CHUNK, shared=True) for _ in range(2 * workers)]
        self.free, self.ready = context.SimpleQueue(), context.SimpleQueue()
        for i in range(len(self.slots)):
            self.free.put(i)
        self.processes = [context.Process(target=_work, daemon=True, args=(
            w, self.slots, self.free, self.ready, tok, forbidden, seed, styles)) for w in range(workers)]
        for p in self.processes:
            p.start()

    def attach(self, device):
        """Called after the workers were forked: CUDA must not be touched before."""
        self.device = device
        self.data = {k: torch.zeros((self.capacity, *s), dtype=d, device=device) for k, (s, d) in shapes().items()}
        self.bound = torch.zeros((), device=device)
        self.staging, self.stream = blank(CHUNK), None
        if device == "cuda":
            self.staging = {k: t.pin_memory() for k, t in self.staging.items()}
            self.stream = torch.cuda.Stream()

    def take(self):
        """Waits for one chunk and puts it into the ring, on a stream of its own."""
        slot = self.ready.get()
        for k, t in self.slots[slot].items():
            self.staging[k].copy_(t)
        self.free.put(slot)
        with torch.cuda.stream(self.stream):
            for k, t in self.staging.items():
                self.data[k][self.at:self.at + CHUNK].copy_(t, non_blocking=True)
            self.at = (self.at + CHUNK) % self.capacity
            self.filled = min(self.capacity, self.filled + CHUNK)
            self.made += CHUNK
            self.bound.fill_(self.filled)
        if self.stream:
            self.stream.synchronize()

    def refill(self, stop, rate):
        """Fills the ring as fast as workers can, then replaces `rate` images a second."""
        while not stop.is_set():
            self.take()
            if self.filled == self.capacity:
                time.sleep(CHUNK / rate)

    def batch(self, n, keys):
        """n random entries; no host value is used, so that a CUDA graph can replay it."""
        index = (torch.rand(n, device=self.device) * self.bound).long().clamp(max=self.capacity - 1)
        return {k: self.data[k][index] for k in keys}

    def close(self):
        for p in self.processes:
            p.terminate()
