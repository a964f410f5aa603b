#!/usr/bin/env python3
"""Writes what is in the pictures of the miniature VSR, for the tests.

    python3 scenes.py > ../../tests/data/study/vsr_scenes.json

By picture: every object's name, centre and radius in pixels, and the pairs that were built: the
first of them is inside the second, hides part of it, or touches it.
"""

import json

import bench


def main():
    pictures = {f"{i + 1:012d}.png": {"objects": [[o.name, o.x, o.y, o.r] for o in s.objects],
                                      "pairs": s.pairs}
                for i, s in enumerate(bench.scenes("vsr"))}
    lines = [json.dumps(k) + ": " + json.dumps(v) for k, v in pictures.items()]
    print("{\n" + ",\n".join(lines) + "\n}")


main()
