"""What follows from a GQA-style question with its answer, and the question as a functional program."""

import questions as Q
from scene import COLOUR_NAMES, KINDS

FLAT = {"left": ("left", "right"), "right": ("left", "right"), "above": ("above", "below"), "below": ("above", "below")}
OTHER = {"left": "right", "right": "left", "above": "below", "below": "above"}


def phrase(direction):
    return f"to the {direction} of" if direction in ("left", "right") else direction


def _ask(text, answer, structural, semantic, detailed, about):
    return Q.Question("gqa", Q.say(text), answer, {"structural": structural, "semantic": semantic,
                                                   "detailed": detailed, "about": about})


def _verify_place(scene, i, j, asked, yes):
    p, q = scene.objects[i].name, scene.objects[j].name
    return _ask(f"Is the {p} {phrase(asked)} the {q}?", "Yes" if yes else "No", "verify", "rel", "existRelS",
                ("place", i, j, asked))


def _choose_place(scene, i, j, truth):
    first, second = FLAT[truth]
    p, q = scene.objects[i].name, scene.objects[j].name
    words = "to the left or to the right of" if first == "left" else "above or below"
    return _ask(f"Is the {p} {words} the {q}?", truth, "choose", "rel", "relChooser", ("place", i, j, None))


def _verify_colour(scene, i, asked):
    o = scene.objects[i]
    return _ask(f"Is the {o.kind} {asked}?", "Yes" if asked == o.colour else "No", "verify", "attr", "verifyAttr",
                ("verify color", i, asked))


def _exist(kinds, both, yes):
    first, second = (Q.a(k) for k in kinds)
    text = f"Is there both {first} and {second}?" if both else f"Is there either {first} or {second}?"
    return _ask(text, "Yes" if yes else "No", "logical", "obj", "existAnd" if both else "existOr",
                ("exist", tuple(kinds), both))


def _same(scene, i, j, what, yes):
    p, q = scene.objects[i].name, scene.objects[j].name
    return _ask(f"Do the {p} and the {q} have the same {what}?", "Yes" if yes else "No", "compare", "attr", "twoSame",
                ("same", i, j, what))


def follow(scene, question, rng):
    """(questions that say the same, further questions that follow), each with its answer."""
    about, answer = question.facts["about"], question.answer
    yes, kind = answer == "Yes", about[0]
    if kind == "place":
        _, i, j, asked = about
        if asked is None:
            truth = answer
            return [], [_verify_place(scene, i, j, truth, True), _verify_place(scene, j, i, OTHER[truth], True),
                        _verify_place(scene, i, j, OTHER[truth], False)]
        same = [_verify_place(scene, j, i, OTHER[asked], yes)]
        return same, [_choose_place(scene, i, j, asked), _verify_place(scene, i, j, OTHER[asked], False)] if yes else []
    if kind == "verify color":
        if not yes:
            return [], []
        other = rng.choice([c for c in COLOUR_NAMES if c != about[2]])
        return [], [_verify_colour(scene, about[1], other)]
    if kind == "choose color":
        colour, other = answer, next(c for c in about[2] if c != answer)
        return [], [_verify_colour(scene, about[1], colour), _verify_colour(scene, about[1], other)]
    if kind == "query name":
        other = rng.choice([k for k in KINDS if k != answer])
        return [], [_exist((answer, other), False, True)]
    if kind == "exist":
        _, kinds, both = about
        same = [_exist(kinds[::-1], both, yes)]
        return same, [_exist(kinds, not both, yes)] if both == yes else []
    if kind == "same":
        return [_same(scene, about[2], about[1], about[3], yes)], []
    return [], []


def program(scene, question):
    """The question as GQA writes it: operations with an argument and the steps they use."""
    about, names = question.facts["about"], [f"{o.name} ({k})" for k, o in enumerate(scene.objects)]
    kind = about[0]

    def steps(*found):
        return [{"operation": op, "dependencies": list(uses), "argument": argument} for op, argument, uses in found]

    if kind == "place":
        _, i, j, asked = about
        if asked:
            return steps(("select", names[j], ()), ("verify rel", f"{names[i]},{phrase(asked)},s", (0,)))
        first, second = FLAT[question.answer]
        return steps(("select", names[j], ()),
                     ("choose rel", f"{names[i]},{phrase(first)}|{phrase(second)},s", (0,)))
    if kind == "verify color":
        return steps(("select", names[about[1]], ()), ("verify color", about[2], (0,)))
    if kind == "choose color":
        return steps(("select", names[about[1]], ()), ("choose color", "|".join(about[2]), (0,)))
    if kind == "query name":
        return steps(("select", f"object ({about[1]})", ()),
                     ("filter color", scene.objects[about[1]].colour, (0,)), ("query", "name", (1,)))
    if kind == "exist":
        first, second = about[1]
        return steps(("select", first, ()), ("exist", "?", (0,)), ("select", second, ()), ("exist", "?", (2,)),
                     ("and" if about[2] else "or", "", (1, 3)))
    if kind == "same":
        return steps(("select", names[about[1]], ()), ("select", names[about[2]], ()),
                     (f"same {about[3]}", "", (0, 1)))
    return steps(("select", about[1], ()), ("exist", "?", (0,)))


def subject(scene, question):
    """What the question is about, for GQA's groups."""
    about = question.facts["about"]
    if about[0] in ("presence",):
        return about[1]
    if about[0] == "exist":
        return about[1][0]
    return scene.objects[about[1]].kind
