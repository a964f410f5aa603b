#!/bin/sh
# What `mambench gate --ab` finds, counted: check_gate.sh MAMBENCH PART...
#     same       two identical models, TIMES gate runs, confirmation included: at most 2 of 40 may fail
#     slower     11 layers against 10, TIMES times: at least 36 of 40 must fail
# The machine may be shared and noisy: that is what the gate is for.  To run it in portions, set FIRST
# (the first seed), and LOG, a file that keeps a line a run: what counts then is all of it.
set -eu

MAMBENCH=$1
shift
TIMES=${TIMES:-40}
FIRST=${FIRST:-1}
PAIRS=${PAIRS:-10}
folder=$(mktemp -d)
LOG=${LOG:-$folder/log}
trap 'rm -rf "$folder"' EXIT INT TERM
bad=0

. scripts/layered_model.sh

model() {
    layered_model "$folder/$1" "$2" 6
}

# command_of NAME: one start, the way a user would write it.  Its runs are of a few milliseconds, so that
# the fastest of them had the core to itself, and many; one thread waits for no other.
export OMP_NUM_THREADS=1
command_of() {
    echo "$MAMBENCH profile --model $folder/$1 --random-weights --depth 64 --prompt-tokens 4" \
        "--new-tokens 4 --threads 1 --runs 60 --seconds 0 --warm-up 0 --no-limits --quiet -o json"
}

# many PART A B: runs the gate TIMES times and keeps a line of each.
many() {
    for seed in $(seq "$FIRST" $((FIRST + TIMES - 1))); do
        start=$(date +%s)
        code=0
        "$MAMBENCH" gate --ab "$(command_of "$2")" "$(command_of "$3")" --pairs "$PAIRS" \
            --seed "$seed" >"$folder/out" 2>"$folder/err" || code=$?
        echo "$1: exit $code, seed $seed, $(($(date +%s) - start)) s:" \
            "$(tail -n 1 "$folder/out")$(grep '^mambench' "$folder/err" || true)" | tee -a "$LOG"
    done
}

# count PART CODE: lines of the log that ended so.
count() {
    grep -c "^$1: exit $2," "$LOG" || true
}

told() {
    n=$(grep -c "^$1: " "$LOG" || true)
    echo "$1: of $n gate runs $(count "$1" 0) passed, $(count "$1" 1) failed," \
        "$(count "$1" 6) were inconclusive"
    [ $(($(count "$1" 0) + $(count "$1" 1) + $(count "$1" 6))) -eq "$n" ] || bad=1
}

same() {
    model a 10
    model b 10
    many same a b
    told same
    [ $((40 * $(count same 1))) -le $((2 * n)) ] || bad=1
}

slower() {
    model a 10
    model b 11
    many slower a b
    told slower
    [ $((10 * $(count slower 1))) -ge $((9 * n)) ] || bad=1
}

for part in "${@:-same}"; do
    "$part"
done
[ "$bad" -eq 0 ] && echo "check_gate: as it must be"
exit "$bad"
