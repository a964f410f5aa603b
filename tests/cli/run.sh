#!/bin/sh
# Runs every test of the command line and closes with "N passed, N failed, N skipped".
# From the repository root:  MAMBENCH=build/mambench sh tests/cli/run.sh [FILE...]
set -u

MAMBENCH=$(readlink -f "${MAMBENCH:-build/mambench}")
ROOT=$(pwd)
RESULTS=$(mktemp -d)
export MAMBENCH ROOT RESULTS
trap 'rm -rf "$RESULTS"' EXIT INT TERM
: >"$RESULTS/log"

[ $# -gt 0 ] || set -- tests/cli/test_*.sh
for file in "$@"; do
    echo "$(basename "$file" .sh):"
    sh "$file" || echo "F $file ended with an error" >>"$RESULTS/log"
done
passed=$(grep -c '^P ' "$RESULTS/log")
failed=$(grep -c '^F ' "$RESULTS/log")
skipped=$(grep -c '^S ' "$RESULTS/log")
grep '^F ' "$RESULTS/log" | sed 's/^F /FAILED: /'
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
