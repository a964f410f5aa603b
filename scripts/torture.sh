#!/bin/bash
# Runs that are killed, and runs whose disk fills: nothing may be lost, nothing doubled.
#     torture.sh MAMBENCH [KILLS [FULL_DISKS]]
# Each of KILLS runs is killed with SIGKILL at a random moment and started again; each of FULL_DISKS
# runs meets a full disk, gets room, and is started again.  Predictions and scores must then be those
# of an undisturbed run, byte for byte.  A disk that fills is a small tmpfs, for which one must be
# root; otherwise a limit on the size of files stands for it, and that is said.
set -euo pipefail

mambench=$(readlink -f "$1") kills=${2:-50} disks=${3:-5}
work=$(mktemp -d)
disk=$work/disk
cleanup() {
    mountpoint -q "$disk" 2>/dev/null && umount "$disk"
    rm -rf "$work"
}
trap cleanup EXIT

# run OUT: the trained miniature on half of the miniature POPE, in blocks of a few questions.
# Replaces the shell it runs in, so that $! is its own.
become_run() {
    exec "$mambench" run --model examples/mini-cobra --task pope@llava --data examples/mini-bench/pope \
        --limit 500 --batch 8 --quiet --out "$1"
}
run() { (become_run "$1"); }

# same OUT WHAT: the run is the undisturbed one.
same() {
    cmp "$work/whole/predictions.jsonl" "$1/predictions.jsonl"
    cmp "$work/whole/scores.json" "$1/scores.json"
}

# milliseconds BELOW: a random number.
milliseconds() { echo $(((RANDOM * 32768 + RANDOM) % $1)); }

RANDOM=${SEED:-1}
start=$(date +%s%N)
run "$work/whole" >/dev/null
whole_ms=$((($(date +%s%N) - start) / 1000000))

hit=0 torn=0
for _ in $(seq "$kills"); do
    rm -rf "$work/x"
    become_run "$work/x" >/dev/null 2>&1 &
    pid=$!
    sleep "$(printf '0.%03d' $(($(milliseconds "$whole_ms") % 1000)))"
    kill -9 "$pid" 2>/dev/null && hit=$((hit + 1))
    wait "$pid" 2>/dev/null || true
    if [ -s "$work/x/predictions.jsonl" ] && [ ! -e "$work/x/scores.json" ]; then
        torn=$((torn + 1))
    fi
    run "$work/x" >/dev/null
    same "$work/x"
done
echo "torture: $hit of $kills runs killed ($torn with some answers and no scores), all as undisturbed"
[ "$hit" -ge $((kills / 2)) ] || {
    echo "torture: too few runs were still alive when they were killed"
    exit 1
}

mkdir "$disk"
for i in $(seq "$disks"); do
    kib=$((24 + $(milliseconds 80)))
    code=0
    if mount -t tmpfs -o "size=${kib}k" tmpfs "$disk" 2>/dev/null; then
        what="a tmpfs of $kib KiB"
        run "$disk/x" >/dev/null 2>"$work/err" || code=$?
        mount -o remount,size=64m "$disk"
        out=$disk/x
    else
        what="a limit of $kib KiB on files (no root: no tmpfs)"
        (ulimit -f "$((kib * 2))" && run "$work/limited" >/dev/null 2>"$work/err") || code=$?
        out=$work/limited
    fi
    [ "$code" -eq 5 ] || {
        echo "torture: $what: exit code $code, expected 5"
        cat "$work/err"
        exit 1
    }
    lines=$(wc -l <"$out/predictions.jsonl" 2>/dev/null || echo 0)
    run "$out" >/dev/null
    same "$out"
    echo "torture: disk $i, $what: $lines answers kept, $(tail -n 1 "$work/err" | cut -c1-100)"
    if mountpoint -q "$disk"; then umount "$disk"; else rm -rf "$out"; fi
done
echo "torture: passed"
