#!/bin/sh
# The demo: a trained miniature Cobra answers the miniature POPE and VSR.
#     demo.sh MAMBENCH OUT
set -eu

mambench=$1 out=$2
model=examples/mini-cobra bench=examples/mini-bench

rm -rf "$out"
echo "A trained miniature Cobra answers the miniature POPE, under two protocols:"
"$mambench" run --model "$model" --task pope@triml,pope@llava --data "$bench/pope" --out "$out"
echo
echo "... and the miniature VSR:"
"$mambench" run --model "$model" --task vsr@triml --data "$bench/vsr" --out "$out/vsr@triml"
echo
"$mambench" report "$out/pope@triml" "$out/pope@llava" "$out/vsr@triml" --format md >"$out/report.md"
echo "One report on all three: $out/report.md"
