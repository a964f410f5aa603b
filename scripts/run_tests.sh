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

for program in "$@"; do
    name=$(basename "$program")
    "$program" >"$log" 2>&1
    status=$?
    ok=$(grep -c '^\[       OK \]' "$log")
    bad=$(sed -n 's/^\[  FAILED  \] \([0-9]*\) test(s), listed below:.*/\1/p' "$log")
    skip=$(sed -n 's/^\[  SKIPPED \] \([0-9]*\) test(s), listed below:.*/\1/p' "$log")
    bad=${bad:-0} skip=${skip:-0}
    if [ "$status" -ne 0 ]; then
        [ "$bad" -gt 0 ] || bad=1
        cat "$log"
        echo "FAILED: $name (exit $status)"
    fi
    grep '^\[ SKIPPED  \]' "$log"
    echo "  $name: $ok passed, $bad failed, $skip skipped"
    passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + skip))
done

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
