"""Six families of questions about a scene, with Cobra's prompts around them.

A question's text is kept as pieces that begin at word boundaries, because the
tokenizer splits there too: the trainer encodes pieces from a cache. A piece may
mention an object; the trainer then also asks a helper head, right behind that
piece, whether the object exists and where it is (training only).
"""

from dataclasses import dataclass, field

from scene import COLOUR_NAMES, KINDS, KIND_WEIGHTS, SIDE, TEXTS

SHORT = "\nAnswer the question using a single word or phrase."
VIZWIZ = "\nWhen the provided information is insufficient, respond with 'Unanswerable'." + SHORT
TURN = "<|endoftext|>\n<|assistant|>\n"
USER = "<|user|>\n"
VSR_HEAD = 'Based on the image, is this statement "True" or "False"?'
VSR_TAIL = '\nRespond with "True" or "False" directly.'

LARGE_APART = 58        # centres at least this far apart are far, at most NEAR near
NEAR = 40
STEP = 12               # least difference for left, right, above, below

# Relations of the statements, with VSR's meta-categories.
RELATIONS = {
    "left of": "Projective", "right of": "Projective", "above": "Projective",
    "below": "Projective", "under": "Projective", "in front of": "Projective",
    "behind": "Projective", "at the left side of": "Adjacency",
    "at the right side of": "Adjacency", "inside": "Topological",
    "contains": "Topological", "surrounding": "Topological", "touching": "Topological",
    "near": "Proximity", "close to": "Proximity", "far from": "Proximity",
    "away from": "Directional",
}
DIRECTION = {"left of": (1, 0), "at the left side of": (1, 0), "right of": (-1, 0),
             "at the right side of": (-1, 0), "above": (0, 1), "below": (0, -1), "under": (0, -1)}


@dataclass
class Question:
    family: str                     # presence, relation, vqa, gqa, vizwiz, text
    pieces: list                    # [(text, mention or None)]; mention: ("obj", i) | ("kind", k) | ("none",)
    answer: str
    facts: dict = field(default_factory=dict)

    @property
    def text(self):
        return "".join(p for p, _ in self.pieces)


def a(noun):
    return ("an " if noun[0] in "aeiou" else "a ") + noun


def say(*parts):
    """Pieces from strings and (string, mention) pairs."""
    return [p if isinstance(p, tuple) else (p, None) for p in parts]


# ---------------------------------------------------------------- POPE

def presence(scene, rng, kind=None):
    """Is there a KIND in the image?  Half yes; the absent ones are drawn evenly."""
    have = scene.kinds()
    if kind is None:
        if have and rng.random() < 0.5:
            kind = rng.choice(sorted(have))
        else:
            kind = rng.choice([k for k in KINDS if k not in have])
    noun = a(kind)
    head = "Is there " + noun[:len(noun) - len(kind) - 1]
    return Question("presence", say(head, (" " + kind, ("kind", kind)), " in the image?"),
                    "Yes" if kind in have else "No", {"kind": kind})


# ---------------------------------------------------------------- VSR

def holds(scene, relation, i, j):
    """True, False, or None where the picture does not decide it clearly."""
    p, q = scene.objects[i], scene.objects[j]
    dx, dy = q.x - p.x, q.y - p.y
    far = (dx * dx + dy * dy) ** 0.5
    if relation in DIRECTION:
        ux, uy = DIRECTION[relation]
        along = ux * dx + uy * dy
        return True if along >= STEP else False if along <= -STEP else None
    if relation in ("near", "close to", "far from", "away from"):
        close = True if far <= NEAR else False if far >= LARGE_APART else None
        return close if close is None or relation in ("near", "close to") else not close
    pairs = {(k, x, y) for k, x, y in scene.pairs}
    if relation in ("inside", "contains", "surrounding"):
        if relation != "inside":
            i, j = j, i
        return True if ("inside", i, j) in pairs else None if ("hides", i, j) in pairs else False
    if relation in ("in front of", "behind"):
        if relation == "behind":
            i, j = j, i
        return True if ("hides", i, j) in pairs else False if ("hides", j, i) in pairs else None
    if relation == "touching":
        if ("touches", i, j) in pairs or ("touches", j, i) in pairs:
            return True
        return False if far - p.r - q.r >= 10 else None
    raise ValueError(relation)


def statements(scene, relation, label):
    """All ordered pairs for which the relation clearly has this truth value.

    Where the true pairs come from built pairs, half of the false ones do too
    (turned round), or the words alone would tell."""
    n = len(scene.objects)
    found = [(i, j) for i in range(n) for j in range(n)
             if i != j and holds(scene, relation, i, j) is label]
    if label is False and relation in ("inside", "contains", "surrounding"):
        special = {(i, j) for k, i, j in scene.pairs if k == "inside"}
        special |= {(j, i) for i, j in special}
        turned = [p for p in found if p in special]
        found = found + turned * (len(found) // max(1, len(turned)))
    return found


def relation(scene, rng, rel=None, label=None):
    """A statement about two objects, or None if the scene offers none."""
    for _ in range(6):
        r = rel or rng.choice(_RELATION_NAMES)
        value = label if label is not None else rng.random() < 0.5
        found = statements(scene, r, value)
        if not found:
            continue
        if label is None and not statements(scene, r, not value) and rng.random() < 0.8:
            continue          # keep scenes from giving the truth value away
        i, j = rng.choice(found)
        p, q = scene.objects[i].name, scene.objects[j].name
        verb = "" if r in ("contains",) else " is"
        return Question("relation", say(" The", (" " + p, ("obj", i)), verb + " " + r + " the",
                                        (" " + q, ("obj", j)), "."),
                        "True" if value else "False",
                        {"relation": r, "subj": p, "obj": q, "label": int(value)})
    return None


_RELATION_NAMES = tuple(RELATIONS)


# ---------------------------------------------------------------- VQAv2 and GQA

def place(o):
    rows, columns = ("top", "", "bottom"), ("left", "", "right")
    row = rows[min(2, max(0, 3 * o.y // SIDE))]
    column = columns[min(2, max(0, 3 * o.x // SIDE))]
    return (row + " " + column).strip() or "center"


def _refer(scene, i, rng):
    """A name that only object i has: its kind or colour alone where that is enough."""
    o = scene.objects[i]
    names = [o.name]
    if sum(p.kind == o.kind for p in scene.objects) == 1:
        names.append(o.kind)
    return (" " + rng.choice(names), ("obj", i))


def _sole(scene, what):
    values = [getattr(o, what) for o in scene.objects]
    return [i for i, v in enumerate(values) if values.count(v) == 1]


def vqa(scene, rng):
    """Colour, place, number, size and yes/no questions."""
    n = len(scene.objects)
    for _ in range(8):
        which = rng.random()
        i = rng.randrange(n)
        o = scene.objects[i]
        if which < 0.22:
            sole = _sole(scene, "kind")
            if sole:
                i = rng.choice(sole)
                o = scene.objects[i]
                return Question("vqa", say("What color is the", (" " + o.kind, ("obj", i)), "?"), o.colour,
                                {"type": "what color is the", "answer_type": "other"})
        elif which < 0.55:
            return Question("vqa", say("Where is the", _refer(scene, i, rng), "?"), place(o),
                            {"type": "where is the", "answer_type": "other"})
        elif which < 0.75:
            sort = rng.random()
            if sort < 0.5:
                k = rng.choice(KINDS) if rng.random() < 0.3 else o.kind
                count, what = sum(p.kind == k for p in scene.objects), (" " + plural(k), ("kind", k))
            elif sort < 0.85:
                count, what = sum(p.colour == o.colour for p in scene.objects), (f" {o.colour} objects", None)
            else:
                count, what = n, (" objects", None)
            return Question("vqa", say("How many", what, " are there?"), str(count),
                            {"type": "how many", "answer_type": "number"})
        elif which < 0.87:
            if rng.random() < 0.5:
                return Question("vqa", say("Is there a", (" " + o.name, ("obj", i)), "?"), "Yes",
                                {"type": "is there a", "answer_type": "yes/no"})
            kind, colour = o.kind, rng.choice(COLOUR_NAMES)
            if rng.random() < 0.4:
                kind, colour = rng.choice(KINDS), o.colour
            if all((p.kind, p.colour) != (kind, colour) for p in scene.objects):
                return Question("vqa", say("Is there a", (f" {colour} {kind}", ("none",)), "?"), "No",
                                {"type": "is there a", "answer_type": "yes/no"})
        else:
            return Question("vqa", say("What size is the", _refer(scene, i, rng), "?"), o.size,
                            {"type": "what size is the", "answer_type": "other"})
    return presence_vqa(scene, rng)


def presence_vqa(scene, rng):
    q = presence(scene, rng)
    q.family, q.facts = "vqa", {"type": "is there a", "answer_type": "yes/no"}
    return q


def plural(kind):
    return {"cross": "crosses"}.get(kind, kind + "s")


def gqa(scene, rng):
    """The five structural types of GQA: verify, query, choose, logical, compare."""
    n = len(scene.objects)

    def give(pieces, answer, structural, semantic, detailed, about):
        return Question("gqa", say(*pieces), answer, {"structural": structural, "semantic": semantic,
                                                      "detailed": detailed, "about": about})

    for _ in range(10):
        which = rng.random()
        i = rng.randrange(n)
        j = rng.randrange(n)
        p, q = scene.objects[i], scene.objects[j]
        if which < 0.45:                                  # places of two objects
            if i == j:
                continue
            flat = rng.random() < 0.5
            d = (q.x - p.x) if flat else (q.y - p.y)
            if abs(d) < STEP:
                continue
            first, second = ("left", "right") if flat else ("above", "below")
            truth = first if d > 0 else second
            if rng.random() < 0.5:
                words = (" to the left or to the right of the" if flat else " above or below the")
                return give(("Is the", _refer(scene, i, rng), words, _refer(scene, j, rng), "?"), truth,
                            "choose", "rel", "relChooser", ("place", i, j, None))
            asked = rng.choice((first, second))
            words = f" to the {asked} of the" if flat else f" {asked} the"
            return give(("Is the", _refer(scene, i, rng), words, _refer(scene, j, rng), "?"),
                        "Yes" if asked == truth else "No", "verify", "rel", "existRelS", ("place", i, j, asked))
        if which < 0.55:
            asked = p.colour if rng.random() < 0.5 else rng.choice([c for c in COLOUR_NAMES if c != p.colour])
            if i not in _sole(scene, "kind"):
                continue
            return give(("Is the", (" " + p.kind, ("obj", i)), f" {asked}?"), "Yes" if asked == p.colour else "No",
                        "verify", "attr", "verifyAttr", ("verify color", i, asked))
        if which < 0.67:
            sole = _sole(scene, "colour")
            if not sole:
                continue
            i = rng.choice(sole)
            p = scene.objects[i]
            return give(("What shape is the", (f" {p.colour} object", ("obj", i)), "?"), p.kind,
                        "query", "obj", "directOf", ("query name", i))
        if which < 0.76:
            if i not in _sole(scene, "kind"):
                continue
            other = rng.choice([c for c in COLOUR_NAMES if c != p.colour])
            pair = [p.colour, other]
            rng.shuffle(pair)
            return give(("Is the", (" " + p.kind, ("obj", i)), f" {pair[0]} or {pair[1]}?"), p.colour,
                        "choose", "attr", "chooseAttr", ("choose color", i, tuple(pair)))
        if which < 0.9:
            have = sorted(scene.kinds())
            pick = [rng.choice(have) if rng.random() < 0.6 else rng.choices(KINDS, KIND_WEIGHTS)[0] for _ in "ab"]
            if pick[0] == pick[1]:
                continue
            both = rng.random() < 0.5
            here = [k in have for k in pick]
            noun = [a(k) for k in pick]
            art = [w[:len(w) - len(k) - 1] for w, k in zip(noun, pick)]
            return give((("Is there both " if both else "Is there either ") + art[0],
                         (" " + pick[0], ("kind", pick[0])), (" and " if both else " or ") + art[1],
                         (" " + pick[1], ("kind", pick[1])), "?"),
                        "Yes" if (all(here) if both else any(here)) else "No",
                        "logical", "obj", "existAnd" if both else "existOr", ("exist", tuple(pick), both))
        if i == j:
            continue
        same = rng.choice(("color", "size"))
        yes = (p.colour == q.colour) if same == "color" else (p.size == q.size)
        if not yes and same == "color" and rng.random() < 0.6:
            continue
        return give(("Do the", _refer(scene, i, rng), " and the", _refer(scene, j, rng), f" have the same {same}?"),
                    "Yes" if yes else "No", "compare", "attr", "twoSame", ("same", i, j, same))
    q = presence(scene, rng)
    return Question("gqa", q.pieces, q.answer, {"structural": "verify", "semantic": "obj", "detailed": "exist",
                                                "about": ("presence", q.facts["kind"])})


# ---------------------------------------------------------------- VizWiz and TextVQA

def vizwiz(scene, rng):
    """One object, hand-held: what is it, what colour is it, what does it say?"""
    o = scene.objects[0] if scene.objects else None
    sort = rng.random()
    bad = scene.unreadable
    if scene.text and sort < 0.4:
        return Question("vizwiz", say(rng.choice(("What does this say?", "What does the sign say?"))),
                        scene.text[0], {"answer_type": "other"})
    if sort < 0.5 or not o:
        question = rng.choice(("What is this?", "What shape is this?", "Can you tell me what this is?"))
        answer = o.kind if o and not bad and len(scene.objects) == 1 else "unanswerable"
    elif sort < 0.85:
        question = rng.choice(("What color is this?", "Can you tell me what color this is?"))
        answer = o.colour if not bad and len(scene.objects) == 1 else "unanswerable"
    else:
        question = rng.choice(("What does this say?", "What does the sign say?"))
        answer = scene.text[0] if scene.text and not bad else "unanswerable"
    return Question("vizwiz", say(question), answer,
                    {"answer_type": "unanswerable" if answer == "unanswerable" else "other"})


def ocr_tokens(scene, rng):
    """What an OCR program may have read: nothing, the sign, the sign misread, more."""
    tokens = []
    if scene.text and rng.random() < 0.8:
        word = scene.text[0]
        if rng.random() < 0.15:
            word = rng.choice([t for t in TEXTS if len(t) == len(word)])
        tokens.append(word)
    while rng.random() < 0.2:
        tokens.insert(rng.randrange(len(tokens) + 1), rng.choice(TEXTS))
    return tokens


def text(scene, rng, ocr):
    """Read the sign; ocr is a list of tokens, or None for the bare question."""
    word = scene.text[0]
    asks = ["What does the sign say?", "What is written on the sign?", "What is on the sign?"]
    asks.append("What number is shown?" if word.isdigit() else "What word is shown?")
    q = Question("text", say(rng.choice(asks)), word, {"ocr": ocr})
    return q


# ---------------------------------------------------------------- prompts

def user_message(q):
    """What the Cobra harness puts between the user tag and the end of the turn."""
    return "".join(p for p, _ in message_pieces(q))


def message_pieces(q):
    if q.family == "relation":
        return [(VSR_HEAD, None)] + q.pieces + [(VSR_TAIL, None)]
    if q.family == "vizwiz":
        return q.pieces + [(VIZWIZ, None)]
    if q.family == "text" and q.facts["ocr"] is not None:
        return [("Reference OCR token: " + ", ".join(q.facts["ocr"]), None), ("\n" + q.text, None), (SHORT, None)]
    return q.pieces + [(SHORT, None)]


def prompt_pieces(q):
    pieces = message_pieces(q)
    last = pieces[-1]
    return [(USER, None)] + pieces[:-1] + [(last[0] + TURN, last[1])]


def prompt(q):
    return "".join(p for p, _ in prompt_pieces(q))
