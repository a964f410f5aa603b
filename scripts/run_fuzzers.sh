#!/bin/sh
# Runs each fuzz target for a bounded time:  run_fuzzers.sh FOLDER SECONDS TARGET...
# Seeds, where there are any, lie in tests/fuzz/seeds/<name> or tests/data/<name>.
set -eu

folder=$1 seconds=$2
shift 2
corpus=$(mktemp -d)
trap 'rm -rf "$corpus"' EXIT
for target in "$@"; do
    mkdir -p "$corpus/$target"
    seeds=
    for dir in "tests/fuzz/seeds/${target#fuzz_}" "tests/data/${target#fuzz_}"; do
        [ ! -d "$dir" ] || seeds="$seeds $dir"
    done
    # shellcheck disable=SC2086
    if ! "$folder/$target" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=4096 -max_len=65536 \
        -print_final_stats=0 -artifact_prefix="$corpus/$target-" "$corpus/$target" $seeds \
        >"$corpus/log" 2>&1; then
        tail -n 40 "$corpus/log"
        echo "fuzz: $target FAILED"
        exit 1
    fi
    echo "fuzz: $target: $(grep -oE '^#[0-9]+' "$corpus/log" | tail -n 1 | tr -d '#') inputs, no failure"
done
