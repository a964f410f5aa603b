#!/usr/bin/env python3
"""Writes metrics/unicode_tables.c from a file of CPython's character tables:

    make_unicode_tables.py SHARED/data/unicode_tables.json > metrics/unicode_tables.c

The tables are those of CPython 3.11 (Unicode 14.0): str.lower(), str.isspace(), the regular
expression \\d, and the two properties behind the final sigma.
"""

import json
import sys


def rows(items, per_line):
    lines = []
    for start in range(0, len(items), per_line):
        lines.append("    " + " ".join(items[start:start + per_line]))
    return "\n".join(lines)


def ranges(name, table):
    items = ["{0x%04X, 0x%04X}," % (first, last) for first, last in table]
    print("\nconst struct unicode_range %s[] = {\n%s\n};" % (name, rows(items, 4)))
    print("const size_t n_%s = sizeof %s / sizeof %s[0];" % (name, name, name))


def main():
    with open(sys.argv[1]) as file:
        tables = json.load(file)
    assert tables["lower_multi_char"] == {"304": [0x69, 0x307]}  # written out in python_text.c
    print("/* Written by scripts/golden/make_unicode_tables.py: do not edit.")
    print(" * CPython %s, Unicode %s. */" % (tables["python"].split()[0], tables["unicode"]))
    print("/* clang-format off */")
    print('#include "metrics/unicode_tables.h"')
    ranges("unicode_spaces", tables["whitespace_str_split_strip"])
    ranges("unicode_digits", tables["re_digit_d"])
    ranges("unicode_cased", tables["cased_not_ignorable"])
    ranges("unicode_case_ignorable", tables["case_ignorable"])
    items = ["{0x%04X, 0x%04X, %d, %d}," % tuple(run)
             for run in tables["lower_runs_first_last_step_delta"]]
    print("\nconst struct unicode_lower_run unicode_lower[] = {\n%s\n};" % rows(items, 3))
    print("const size_t n_unicode_lower = sizeof unicode_lower / sizeof unicode_lower[0];")


main()
