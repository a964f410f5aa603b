#!/bin/sh
# Fails if a folder includes something that its arrow does not reach:
#     eval -> reports -> metrics -> datasets -> engine/base,  eval -> engine -> engine/base
set -eu

bad=0
check() { # folder, allowed prefixes as an extended regular expression
    found=$(grep -rnE '^[[:space:]]*#[[:space:]]*include[[:space:]]+"' "$1" --include='*.[ch]' |
        grep -vE "\"($2)" || true)
    if [ -n "$found" ]; then
        printf '%s\n' "$found" "check-includes: $1 may include only: $2" >&2
        bad=1
    fi
}

check engine/base 'engine/base/'
check engine 'engine/'
check datasets 'datasets/|engine/base/'
check metrics 'metrics/|datasets/|engine/base/'
check reports 'reports/|metrics/|datasets/|engine/base/'
check eval 'eval/|reports/|metrics/|datasets/|engine/'

# Engine parts below the assembly do not know the boundary above them.
for part in base formats image tokenizer ops; do
    if grep -nE '"engine/(engine|session|card|selftest)\.h"' engine/$part/*.[ch] >&2; then
        echo "check-includes: engine/$part includes the engine's upper layer" >&2
        bad=1
    fi
done
[ "$bad" -eq 0 ] && echo "check-includes: the arrows hold"
exit "$bad"
