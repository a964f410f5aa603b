#!/bin/sh
# The demo: a trained miniature Cobra answers the miniature POPE and VSR.
#     demo.sh MAMBENCH OUT
set -eu

mambench=$1 out=$2
model=examples/mini-cobra bench=examples/mini-bench

echo "A miniature Cobra (both towers, connector, Mamba) answers the miniature POPE:"
"$mambench" run --model "$model" --task pope@triml --data "$bench/pope" --out "$out/pope"
echo
echo "... and the miniature VSR:"
"$mambench" run --model "$model" --task vsr@triml --data "$bench/vsr" --out "$out/vsr"
echo
"$mambench" report "$out/pope" "$out/vsr" --format md >"$out/report.md"
echo "Report on both: $out/report.md"
