#!/bin/sh
# What the profiler finds, counted: check_profiler.sh MAMBENCH PART...
#     same       two identical configurations, TIMES times: how often it says "no difference shown"
#     slower     11 layers against 10, TIMES times: how often it says so
#     neighbour  a busy loop on one core for half of the run: the verdict must be NOISY
#     overhead   timing on against off, in turn: the interval must contain 0, the clock cost under 1 %
#     stages     every preset at bf16 on random weights: what no stage accounts for, under 2 %
# It needs a quiet machine; `make check-profiler` runs all of it.
set -eu

MAMBENCH=$1
shift
TIMES=${TIMES:-20}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT INT TERM
bad=0

# model NAME LAYERS: a LLaMA decoder of width 1024 whose layers are nearly all of its time.
model() {
    mkdir -p "$folder/$1"
    sed -e "/\"language_model\"/,\$ { s/\"layers\": [0-9]*/\"layers\": $2/
            s/\"width\": [0-9]*/\"width\": 1024/; s/\"heads\": [0-9]*/\"heads\": 16/
            s/\"kv_heads\": [0-9]*/\"kv_heads\": 16/; s/\"head_dim\": [0-9]*/\"head_dim\": 64/
            s/\"mlp_width\": [0-9]*/\"mlp_width\": 2816/; s/\"rope_dims\": [0-9]*/\"rope_dims\": 64/ }" \
        -e 's/"out_width": [0-9]*/"out_width": 1024/' -e '/"tokenizer":/d' \
        examples/mini-llama/model.json >"$folder/$1/model.json"
}

# compare A B SEED: the line that compares them.
compare() {
    "$MAMBENCH" profile --model "$folder/$1,$folder/$2" --random-weights --depth 256 \
        --prompt-tokens 8 --new-tokens 8 --seed "$3" --quiet | grep ' against '
}

# many A B VERDICT LEAST: counts how often the comparison ends so.
many() {
    found=0
    for i in $(seq "$TIMES"); do
        line=$(compare "$1" "$2" "$i")
        echo "  $line"
        case $line in
        *": $3") found=$((found + 1)) ;;
        esac
    done
    echo "$3: $found of $TIMES (at least $4 of 20 wanted)"
    [ $((found * 20)) -ge $(($4 * TIMES)) ] || bad=1
}

same() {
    model a 10
    model b 10
    many a b "no difference shown" 19
}

slower() {
    model a 10
    model b 11
    many a b SLOWER 18
}

neighbour() {
    model a 10
    seconds=8
    "$MAMBENCH" profile --model "$folder/a" --random-weights --depth 256 --prompt-tokens 8 \
        --new-tokens 8 --seconds $seconds --warm-up 3 --quiet >"$folder/out" &
    measuring=$!
    sleep 7
    timeout $seconds sh -c 'while :; do :; done' &
    wait $measuring
    grep verdict "$folder/out"
    grep -q 'verdict:.*NOISY' "$folder/out" || bad=1
    wait
}

overhead() {
    model a 10
    "$MAMBENCH" profile --model "$folder/a" --random-weights --overhead --seconds 10 --quiet \
        >"$folder/out"
    line=$(grep ' against ' "$folder/out")
    echo "$line"
    grep clock: "$folder/out" | head -n 1
    echo "$line" | sed 's/.*(95 % \([^ ]*\) to \([^)]*\)).*/\1 \2/' |
        awk '{ exit !($1 <= 0 && $2 >= 0) }' || bad=1
    grep clock: "$folder/out" | head -n 1 | sed 's/.*ns, \([0-9.]*\) %.*/\1/' |
        awk '{ exit !($1 < 1) }' || bad=1
}

stages() {
    for preset in $("$MAMBENCH" model list); do
        "$MAMBENCH" profile --model "$preset" --random-weights --new-tokens 4 --runs 1 --seconds 0 \
            --warm-up 0 --quiet >"$folder/out" || {
            bad=1
            grep ERROR "$folder/out"
            continue
        }
        line=$(grep unattributed "$folder/out")
        echo "$preset: $line"
        echo "$line" | awk '{ exit !($3 < 2) }' || bad=1
    done
}

for part in "${@:-same}"; do
    echo "$part:"
    "$part"
done
[ "$bad" -eq 0 ] && echo "check_profiler: as it must be"
exit "$bad"
