#!/bin/sh
# Runs the given CMocka programs and the command-line tests, and closes with one line:
#     N passed, N failed, N skipped
set -u

# Threads that wait must not spin: a test is short, and other programs may hold a core.
export OMP_WAIT_POLICY=passive

[ -n "${SHARED:-}" ] || echo "tests on the shared data are skipped: SHARED is not set"
passed=0 failed=0 skipped=0
log=$(mktemp)
# What programs remember between runs stays out of the user's own cache.
XDG_CACHE_HOME=$(mktemp -d)
export XDG_CACHE_HOME
trap 'rm -rf "$log" "$XDG_CACHE_HOME"' EXIT

# Runs a CMocka program under a label and counts its tests.
run_program() {
    label=$1 program=$2
    "$program" >"$log" 2>&1
    status=$?
    ok=$(grep -c '^\[       OK \]' "$log")
    bad=$(sed -n 's/^\[  FAILED  \] \([0-9]*\) test(s), listed below:.*/\1/p' "$log")
    skip=$(sed -n 's/^\[  SKIPPED \] \([0-9]*\) test(s), listed below:.*/\1/p' "$log")
    bad=${bad:-0} skip=${skip:-0}
    if [ "$status" -ne 0 ]; then
        [ "$bad" -gt 0 ] || bad=1
        cat "$log"
        echo "FAILED: $label (exit $status)"
    fi
    grep '^\[ SKIPPED  \]' "$log"
    echo "  $label: $ok passed, $bad failed, $skip skipped"
    passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + skip))
}

for program in "$@"; do
    run_program "$(basename "$program")" "$program"
done

# Matrix products as on a CPU without AVX-512: other layouts, other code.
export ONEDNN_MAX_CPU_ISA=AVX2
for program in "$@"; do
    case $program in
    */test_matmul | */test_allocations | */test_engine | */test_families)
        run_program "$(basename "$program"), products without AVX-512" "$program"
        ;;
    esac
done
unset ONEDNN_MAX_CPU_ISA

if [ -x tests/cli/run.sh ] || [ -f tests/cli/run.sh ]; then
    MAMBENCH="${BUILD:-build}/mambench" sh tests/cli/run.sh >"$log" 2>&1
    status=$?
    line=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$log" | tail -n 1)
    if [ "$status" -ne 0 ] || [ -z "$line" ]; then
        cat "$log"
    else
        grep -i 'skipped' "$log" | grep -v "$line"
    fi
    echo "  command line: ${line:-did not finish}"
    ok=$(printf '%s' "$line" | sed -n 's/^\([0-9]*\) passed.*/\1/p')
    bad=$(printf '%s' "$line" | sed -n 's/.* \([0-9]*\) failed.*/\1/p')
    skip=$(printf '%s' "$line" | sed -n 's/.* \([0-9]*\) skipped.*/\1/p')
    [ -n "$line" ] || bad=1
    [ "$status" -eq 0 ] || [ "${bad:-0}" -gt 0 ] || bad=1
    passed=$((passed + ${ok:-0})) failed=$((failed + ${bad:-0})) skipped=$((skipped + ${skip:-0}))
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
