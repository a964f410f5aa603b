#!/bin/sh
# The demo: three trained miniatures answer the miniature POPE and VSR - Cobra (Mamba), ML-Mamba
# (Mamba-2) and a Transformer (LLaMA) on the same towers, data, tokenizer and number of steps.
#     demo.sh MAMBENCH OUT
set -eu

mambench=$1 out=$2
bench=examples/mini-bench

rm -rf "$out"
for model in mini-cobra mini-ml-mamba mini-llama; do
    echo "== $model answers the miniature POPE, under two protocols:"
    "$mambench" run --model "examples/$model" --task pope@triml,pope@llava --data "$bench/pope" \
        --out "$out/$model"
    echo
    echo "== $model answers the miniature VSR:"
    "$mambench" run --model "examples/$model" --task vsr@triml --data "$bench/vsr" \
        --out "$out/$model/vsr@triml"
    echo
done
runs=
for task in pope@triml pope@llava vsr@triml; do
    for model in mini-cobra mini-ml-mamba mini-llama; do
        runs="$runs $out/$model/$task"
    done
done
echo "== The three side by side:"
# shellcheck disable=SC2086 # names without spaces
"$mambench" report --format summary $runs
# shellcheck disable=SC2086
"$mambench" report --format md $runs >"$out/report.md"
echo "The whole report: $out/report.md"
