"""Synthetic scenes: a seeded description, its picture and its dense labels.

A scene is 112x112 pixels: a background, 1-7 coloured shapes, sometimes a sign
with a word or a number, sometimes blur or darkness. Everything is drawn from
one integer seed with Python's own generator, so a seed means the same scene on
every machine. Seeds of training and test scenes come from disjoint ranges, and
`digest` lets the trainer check that no test scene occurs in training.
"""

import functools
import hashlib
import math
import random
from dataclasses import dataclass, field

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

SIDE = 112
PATCH = 14
GRID = SIDE // PATCH

# In order of frequency: the first are the popular ones.
KINDS = ("circle", "square", "triangle", "star", "diamond", "cross", "ring",
         "hexagon", "heart", "oval", "moon", "arrow", "pentagon", "flower")
KIND_WEIGHTS = [1.0 / (1.5 + i) ** 0.9 for i in range(len(KINDS))]
# Kinds that like each other's company: these make adversarial negatives hard.
THEMES = (("circle", "ring", "oval"), ("square", "diamond", "cross"),
          ("triangle", "arrow", "pentagon"), ("star", "moon", "circle"),
          ("heart", "flower", "star"), ("hexagon", "pentagon", "square"))
COLOURS = {"red": (214, 40, 40), "green": (40, 150, 60), "blue": (40, 80, 215),
           "yellow": (244, 216, 50), "orange": (244, 134, 24),
           "purple": (140, 56, 176), "black": (22, 22, 24), "white": (246, 246, 244)}
COLOUR_NAMES = tuple(COLOURS)
WORDS = ("STOP", "OPEN", "EXIT", "CAFE", "TAXI", "BANK", "HELP", "SALE", "PARK",
         "SHOP", "BUS", "ZOO", "GYM", "INN", "PUB", "MILK", "TEA", "RICE", "SOUP",
         "FISH", "MEAT", "CORN", "SALT", "WINE", "GOLD", "NORTH", "SOUTH", "EAST",
         "WEST", "HOTEL")
TEXTS = WORDS + tuple(str(n) for n in range(10, 100))

CONVEX = ("circle", "square", "diamond", "hexagon", "pentagon", "oval")
CONTAINERS = ("circle", "square", "hexagon", "ring", "pentagon")

TEST_SEED_BASE = 1 << 60       # test seeds lie above, training seeds below

# 5x7 letters and digits, a row a number, most significant bit left.
GLYPHS = {
    "A": (14, 17, 17, 31, 17, 17, 17), "B": (30, 17, 17, 30, 17, 17, 30),
    "C": (14, 17, 16, 16, 16, 17, 14), "D": (30, 17, 17, 17, 17, 17, 30),
    "E": (31, 16, 16, 30, 16, 16, 31), "F": (31, 16, 16, 30, 16, 16, 16),
    "G": (14, 17, 16, 23, 17, 17, 15), "H": (17, 17, 17, 31, 17, 17, 17),
    "I": (14, 4, 4, 4, 4, 4, 14), "J": (1, 1, 1, 1, 17, 17, 14),
    "K": (17, 18, 20, 24, 20, 18, 17), "L": (16, 16, 16, 16, 16, 16, 31),
    "M": (17, 27, 21, 21, 17, 17, 17), "N": (17, 25, 21, 19, 17, 17, 17),
    "O": (14, 17, 17, 17, 17, 17, 14), "P": (30, 17, 17, 30, 16, 16, 16),
    "Q": (14, 17, 17, 17, 21, 18, 13), "R": (30, 17, 17, 30, 20, 18, 17),
    "S": (15, 16, 16, 14, 1, 1, 30), "T": (31, 4, 4, 4, 4, 4, 4),
    "U": (17, 17, 17, 17, 17, 17, 14), "V": (17, 17, 17, 17, 17, 10, 4),
    "W": (17, 17, 17, 21, 21, 27, 17), "X": (17, 17, 10, 4, 10, 17, 17),
    "Y": (17, 17, 10, 4, 4, 4, 4), "Z": (31, 1, 2, 4, 8, 16, 31),
    "0": (14, 17, 19, 21, 25, 17, 14), "1": (4, 12, 4, 4, 4, 4, 14),
    "2": (14, 17, 1, 6, 8, 16, 31), "3": (30, 1, 1, 14, 1, 1, 30),
    "4": (2, 6, 10, 18, 31, 2, 2), "5": (31, 16, 30, 1, 1, 17, 14),
    "6": (14, 16, 16, 30, 17, 17, 14), "7": (31, 1, 2, 4, 8, 8, 8),
    "8": (14, 17, 17, 14, 17, 17, 14), "9": (14, 17, 17, 15, 1, 1, 14),
}


@dataclass
class Object:
    kind: str
    colour: str
    size: str           # "small" or "large"
    x: int
    y: int
    r: int
    rot: int            # degrees
    rgb: tuple

    @property
    def name(self):
        return f"{self.colour} {self.kind}"


@dataclass
class Scene:
    seed: int
    style: str                                     # plain, text or photo
    background: tuple
    objects: list                                  # in drawing order
    pairs: list = field(default_factory=list)      # (type, i, j): i hides/is inside/touches j
    text: tuple = None                             # (string, x, y, scale, ink, paper)
    damage: tuple = ("none", 0)                    # (none|blur|dark, strength)

    @property
    def unreadable(self):
        return self.damage[0] != "none" and self.damage[1] >= 5

    def kinds(self):
        return {o.kind for o in self.objects}

    def digest(self):
        """A short fingerprint of everything that is drawn; the seed is not part of it."""
        what = (self.background, [vars(o) for o in self.objects], self.text, self.damage)
        return hashlib.blake2b(repr(what).encode(), digest_size=8).hexdigest()


# ---------------------------------------------------------------- shapes

def _regular(n, turn=0.0, inner=None):
    """Corners of a regular polygon, or of a star when an inner radius is given."""
    points = []
    steps = n if inner is None else 2 * n
    for i in range(steps):
        radius = 1.0 if inner is None or i % 2 == 0 else inner
        a = math.radians(turn) + 2 * math.pi * i / steps - math.pi / 2
        points.append((radius * math.cos(a), radius * math.sin(a)))
    return points


def _curve(f, n=48):
    return [f(2 * math.pi * i / n) for i in range(n)]


OUTLINES = {
    "circle": _curve(lambda a: (math.cos(a), math.sin(a))),
    "oval": _curve(lambda a: (math.cos(a), 0.58 * math.sin(a))),
    "square": [(-.82, -.82), (.82, -.82), (.82, .82), (-.82, .82)],
    "diamond": [(0, -1), (.72, 0), (0, 1), (-.72, 0)],
    "triangle": [(0, -.95), (.95, .75), (-.95, .75)],
    "star": _regular(5, inner=0.42),
    "hexagon": _regular(6, turn=30),
    "pentagon": _regular(5),
    "cross": [(-.32, -1), (.32, -1), (.32, -.32), (1, -.32), (1, .32), (.32, .32),
              (.32, 1), (-.32, 1), (-.32, .32), (-1, .32), (-1, -.32), (-.32, -.32)],
    "heart": _curve(lambda a: (0.98 * math.sin(a) ** 3,
                               -0.06 * (13 * math.cos(a) - 5 * math.cos(2 * a)
                                        - 2 * math.cos(3 * a) - math.cos(4 * a)) - .08)),
    "arrow": [(-1, -.28), (.1, -.28), (.1, -.8), (1, 0), (.1, .8), (.1, .28), (-1, .28)],
    "flower": _curve(lambda a: ((.72 + .28 * math.cos(6 * a)) * math.cos(a),
                                (.72 + .28 * math.cos(6 * a)) * math.sin(a)), 96),
}


def _turned(points, degrees):
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return [(c * x - s * y, s * x + c * y) for x, y in points]


@functools.lru_cache(maxsize=None)
def mask(kind, r, rot):
    """Coverage 0..255 of a shape in a square tile whose centre is its centre."""
    half, ss = r + 2, 4
    tile = Image.new("L", (2 * half * ss, 2 * half * ss), 0)
    draw = ImageDraw.Draw(tile)
    c, R = half * ss, r * ss

    def disc(x, y, radius, value):
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=value)

    if kind == "ring":
        disc(c, c, R, 255)
        disc(c, c, 0.6 * R, 0)
    elif kind == "moon":
        disc(c, c, R, 255)
        dx, dy = _turned([(0.5, -0.15)], rot)[0]
        disc(c + dx * R, c + dy * R, 0.8 * R, 0)
    else:
        draw.polygon([(c + R * x, c + R * y) for x, y in _turned(OUTLINES[kind], rot)], fill=255)
    return np.asarray(tile.reduce(ss))


def reach(kind, r, rot, angle):
    """Distance from a convex shape's centre to its edge in a direction."""
    points = [(r * x, r * y) for x, y in _turned(OUTLINES[kind], rot)]
    ux, uy = math.cos(angle), math.sin(angle)
    for (x0, y0), (x1, y1) in zip(points, points[1:] + points[:1]):
        ex, ey = x1 - x0, y1 - y0
        det = ux * ey - uy * ex
        if abs(det) < 1e-9:
            continue
        along = (x0 * ey - y0 * ex) / det
        where = (x0 * uy - y0 * ux) / det
        if along > 0 and -1e-9 <= where <= 1 + 1e-9:
            return along
    return r


# ---------------------------------------------------------------- descriptions

def _tone(rng):
    base = rng.randint(100, 190)
    return tuple(max(0, min(255, base + rng.randint(-26, 26))) for _ in range(3))


def _background(rng):
    a = _tone(rng)
    shift = rng.choice((-1, 1)) * rng.randint(10, 26)
    b = tuple(max(0, min(255, v + shift)) for v in a)
    style = rng.choice(("solid", "gradient", "stripes", "checks", "blocks"))
    if style == "gradient":
        return (style, a, _tone(rng), rng.choice("hvd"))
    if style in ("stripes", "checks"):
        return (style, a, b, rng.randint(4, 16), rng.choice("hvd"))
    if style == "blocks":
        return (style, a, rng.randint(4, 9), rng.choice((4, 7, 8, 14)), rng.getrandbits(32))
    return (style, a)


def _rgb(colour, rng):
    return tuple(max(0, min(255, v + rng.randint(-14, 14))) for v in COLOURS[colour])


def _rotation(kind, rng):
    turn = rng.choice((-10, -5, 0, 5, 10))
    if kind == "arrow":
        turn += rng.choice((0, 90, 180, 270))
    return turn


class _Builder:
    """Places objects one after the other; names (colour and kind) stay unique."""

    def __init__(self, rng):
        self.rng = rng
        self.theme = rng.choice(THEMES)
        self.objects, self.pairs = [], []

    def kind(self, among=KINDS):
        rng = self.rng
        liked = [k for k in self.theme if k in among]
        if liked and rng.random() < 0.55:
            return rng.choice(liked)
        return rng.choices(among, [KIND_WEIGHTS[KINDS.index(k)] for k in among])[0]

    def make(self, x, y, r, among=KINDS, size=None, avoid=()):
        rng = self.rng
        taken = {(o.kind, o.colour) for o in self.objects}
        for _ in range(20):
            kind = self.kind(among)
            colour = rng.choice(COLOUR_NAMES)
            if (kind, colour) not in taken and colour not in avoid:
                return Object(kind, colour, size or ("small" if r < 13 else "large"),
                              x, y, r, _rotation(kind, rng), _rgb(colour, rng))
        return None

    def free(self, x, y, r, gap=3):
        return (r <= x <= SIDE - r and r <= y <= SIDE - r and
                all(math.hypot(x - o.x, y - o.y) >= r + o.r + gap for o in self.objects))

    def spot(self, r, tries=40):
        rng = self.rng
        for _ in range(tries):
            x, y = rng.randint(r, SIDE - r), rng.randint(r, SIDE - r)
            if self.free(x, y, r):
                return x, y
        return None

    def single(self):
        rng = self.rng
        r = rng.randint(8, 10) if rng.random() < 0.5 else rng.randint(15, 19)
        at = self.spot(r)
        if at:
            o = self.make(*at, r)
            if o:
                self.objects.append(o)

    def inside(self):
        """A small object within a large one."""
        rng = self.rng
        r = rng.randint(22, 27)
        at = self.spot(r)
        if not at:
            return
        outer = self.make(*at, r, among=CONTAINERS)
        if not outer:
            return
        self.objects.append(outer)
        wobble = 2 if outer.kind == "ring" else 4
        inner = self.make(outer.x + rng.randint(-wobble, wobble), outer.y + rng.randint(-wobble, wobble),
                          rng.randint(8, 10), avoid=(outer.colour,))
        if inner:
            self.objects.append(inner)
            self.pairs.append(("inside", len(self.objects) - 1, len(self.objects) - 2))

    def beside(self, hides):
        """Two objects that touch, or of which the second hides part of the first."""
        rng = self.rng
        r = rng.randint(15, 19)
        at = self.spot(r)
        if not at:
            return
        among = KINDS if hides else CONVEX
        first = self.make(*at, r, among=among)
        if not first:
            return
        for _ in range(25):
            s = rng.randint(13, 18) if hides or rng.random() < 0.6 else rng.randint(9, 10)
            second = self.make(0, 0, s, among=among, avoid=(first.colour,))
            if not second or (second.kind == first.kind and second.colour == first.colour):
                continue
            angle = rng.uniform(0, 2 * math.pi)
            if hides:
                d = rng.uniform(0.55, 0.75) * (r + s)
            else:
                d = (reach(first.kind, r, first.rot, angle)
                     + reach(second.kind, s, second.rot, angle + math.pi) - 1.0)
            x, y = round(first.x + d * math.cos(angle)), round(first.y + d * math.sin(angle))
            if self.free(x, y, s):      # first is not in the list yet
                second.x, second.y = x, y
                self.objects += [first, second]
                self.pairs.append(("hides" if hides else "touches",
                                   len(self.objects) - 1, len(self.objects) - 2))
                return
        self.objects.append(first)


def plain_scene(seed):
    rng = random.Random(seed)
    build = _Builder(rng)
    background = _background(rng)
    for special in rng.choices(((), ("inside",), ("hides",), ("touches",), ("inside", "hides"),
                                ("hides", "touches")), (30, 18, 18, 14, 10, 10))[0]:
        if special == "inside":
            build.inside()
        else:
            build.beside(special == "hides")
    want = rng.randint(2, 6)
    for _ in range(3):
        while len(build.objects) < want and len(build.objects) < 7:
            before = len(build.objects)
            build.single()
            if len(build.objects) == before:
                break
    return Scene(seed, "plain", background, build.objects, build.pairs)


def text_scene(seed):
    """A sign with a word or a number, and up to three objects."""
    rng = random.Random(seed)
    build = _Builder(rng)
    background = _background(rng)
    string = rng.choice(WORDS) if rng.random() < 0.5 else str(rng.randint(10, 99))
    scale = 2 if len(string) > 3 or rng.random() < 0.5 else 3
    w, h = 6 * scale * len(string) + scale, 9 * scale
    x, y = rng.randint(2, SIDE - w - 2), rng.randint(2, SIDE - h - 2)
    dark, light = rng.randint(0, 50), rng.randint(215, 255)
    ink, paper = ((dark,) * 3, (light,) * 3) if rng.random() < 0.6 else ((light,) * 3, (dark,) * 3)
    for _ in range(rng.randint(1, 3)):
        for _ in range(20):
            r = rng.randint(8, 10) if rng.random() < 0.5 else rng.randint(15, 19)
            at = build.spot(r)
            if at and (at[0] + r < x - 1 or at[0] - r > x + w + 1 or at[1] + r < y - 1 or at[1] - r > y + h + 1):
                o = build.make(*at, r)
                if o:
                    build.objects.append(o)
                break
    return Scene(seed, "text", background, build.objects, [], (string, x, y, scale, ink, paper))


def photo_scene(seed):
    """One object close by, often badly photographed: cut off, blurred or dark."""
    rng = random.Random(seed)
    build = _Builder(rng)
    background = _background(rng)
    r = rng.randint(24, 34)
    cut = 16 if rng.random() < 0.4 else 0
    lo, hi = r - cut, SIDE - r + cut
    o = build.make(rng.randint(lo, hi), rng.randint(lo, hi), r, size="large")
    u = rng.random()
    if u < 0.35:
        damage = ("none", 0)
    elif u < 0.5:
        damage = ("blur", 1)
    elif u < 0.6:
        damage = ("dark", 2)
    elif u < 0.8:
        damage = ("blur", rng.randint(11, 15))
    else:
        damage = ("dark", rng.randint(6, 8))
    return Scene(seed, "photo", background, [o], [], None, damage)


MAKERS = {"plain": plain_scene, "text": text_scene, "photo": photo_scene}


# ---------------------------------------------------------------- pictures and labels

_RAMP = np.arange(SIDE, dtype=np.int32)


def _paint_background(spec):
    style, a = spec[0], np.array(spec[1], np.int32)
    if style == "solid":
        return np.broadcast_to(a, (SIDE, SIDE, 3)).copy()
    if style == "blocks":
        _, _, amount, cell, seed = spec
        n = -(-SIDE // cell)
        noise = np.frombuffer(random.Random(seed).randbytes(n * n), np.uint8).astype(np.int32)
        noise = (noise.reshape(n, n) % (2 * amount + 1)) - amount
        noise = noise.repeat(cell, 0).repeat(cell, 1)[:SIDE, :SIDE]
        return np.clip(a + noise[..., None], 0, 255)
    b = np.array(spec[2], np.int32)
    way = spec[-1]
    if style == "gradient":
        t = _RAMP[None, :] + 0 * _RAMP[:, None] if way == "h" else _RAMP[:, None] + 0 * _RAMP[None, :]
        if way == "d":
            t = (_RAMP[None, :] + _RAMP[:, None]) // 2
        t = (t // 4 * 4)[..., None]                    # in steps: small files
        return a + (b - a) * t // SIDE
    width = spec[3]
    if style == "checks":
        odd = (_RAMP[None, :] // width + _RAMP[:, None] // width) % 2
    elif way == "h":
        odd = (_RAMP[:, None] // width + 0 * _RAMP[None, :]) % 2
    elif way == "v":
        odd = (_RAMP[None, :] // width + 0 * _RAMP[:, None]) % 2
    else:
        odd = ((_RAMP[None, :] + _RAMP[:, None]) // width) % 2
    return np.where(odd[..., None] == 1, b, a)


def _window(x, y, half):
    """The part of a tile centred at x, y that lies on the canvas."""
    x0, y0 = x - half, y - half
    cx0, cy0, cx1, cy1 = max(x0, 0), max(y0, 0), min(x + half, SIDE), min(y + half, SIDE)
    return (slice(cy0, cy1), slice(cx0, cx1)), (slice(cy0 - y0, cy1 - y0), slice(cx0 - x0, cx1 - x0))


def render(scene):
    """The picture (uint8 HxWx3) and the map of owners: 0 or 1 + index of the topmost object."""
    image = _paint_background(scene.background).astype(np.int32)
    owner = np.zeros((SIDE, SIDE), np.uint8)
    for i, o in enumerate(scene.objects):
        m = mask(o.kind, o.r, o.rot)
        there, here = _window(o.x, o.y, m.shape[0] // 2)
        cover = m[here].astype(np.int32)[..., None]
        image[there] = (image[there] * (255 - cover) + np.array(o.rgb, np.int32) * cover + 127) // 255
        owner[there][cover[..., 0] > 127] = i + 1
    if scene.text:
        string, x, y, scale, ink, paper = scene.text
        image[y:y + 9 * scale, x:x + 6 * scale * len(string) + scale] = paper
        for k, ch in enumerate(string):
            for row, bits in enumerate(GLYPHS[ch]):
                for col in range(5):
                    if bits >> (4 - col) & 1:
                        py, px = y + (1 + row) * scale, x + scale + (6 * k + col) * scale
                        image[py:py + scale, px:px + scale] = ink
    image = image.astype(np.uint8)
    how, strength = scene.damage
    if how == "blur":
        image = np.asarray(Image.fromarray(image).filter(ImageFilter.GaussianBlur(strength)))
    elif how == "dark":
        image = (image.astype(np.int32) * (2 if strength >= 5 else 10) // (2 * strength + 8)).astype(np.uint8)
    return image, owner


FLAGS = {"hides": (1, 2), "inside": (4, 8), "touches": (16, 16)}
# columns of the dense labels
L_KIND, L_COLOUR, L_SIZE, L_X, L_Y, L_FLAGS, L_CENTRE, L_TEXT, L_DAMAGE, L_COLUMNS = range(10)


def dense_labels(scene, owner):
    """One row a patch: what the object seen there is and where its centre lies."""
    n = len(scene.objects)
    lab = np.zeros((GRID * GRID, L_COLUMNS), np.uint8)
    flags = [0] * n
    for kind, i, j in scene.pairs:
        flags[i] |= FLAGS[kind][0]
        flags[j] |= FLAGS[kind][1]
    cells = owner.reshape(GRID, PATCH, GRID, PATCH)
    share = np.stack([(cells == i + 1).sum((1, 3)).reshape(-1) for i in range(n)]) if n else None
    if n:
        best = share.argmax(0)
        has = share.max(0) >= 24
        centre = {}
        for i, o in enumerate(scene.objects):
            p = min(o.y, SIDE - 1) // PATCH * GRID + min(o.x, SIDE - 1) // PATCH
            if share[i, p] >= 12:                      # also small ones on a patch border
                best[p], has[p] = i, True
                centre[p] = True
        for p in np.nonzero(has)[0]:
            o = scene.objects[best[p]]
            lab[p, :L_TEXT] = (1 + KINDS.index(o.kind), 1 + COLOUR_NAMES.index(o.colour),
                               1 + (o.size == "large"), min(max(o.x, 0), SIDE - 1), min(max(o.y, 0), SIDE - 1),
                               flags[best[p]], p in centre)
    if scene.text:
        string, x, y, scale, *_ = scene.text
        w, h = 6 * scale * len(string) + scale, 9 * scale
        lab.reshape(GRID, GRID, L_COLUMNS)[y // PATCH:(y + h - 1) // PATCH + 1,
                                           x // PATCH:(x + w - 1) // PATCH + 1, L_TEXT] = 1 + TEXTS.index(string)
    lab[:, L_DAMAGE] = 1 if scene.unreadable else 0
    return lab
