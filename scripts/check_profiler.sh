#!/bin/sh
# What the profiler finds, counted: check_profiler.sh MAMBENCH PART...
#     same       two identical configurations, TIMES times: how often it says "no difference shown"
#     slower     11 layers against 10, TIMES times: how often it says so
#     neighbour  a busy loop on one core for half of the run: the verdict must be NOISY
#     overhead   timing on against off, in turn: the interval must contain 0, the clock cost under 1 %
#     stages     every preset at bf16 on random weights: what no stage accounts for, under 2 %; bytes
#                of weights, state and cache against those of the published shapes
# It needs a quiet machine; `make check-profiler` runs all of it.
set -eu

MAMBENCH=$1
shift
TIMES=${TIMES:-20}
FIRST=${FIRST:-1} # seed of the first
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT INT TERM
bad=0

. scripts/layered_model.sh

model() {
    layered_model "$folder/$1" "$2" 16
}

# compare A B SEED: the line that compares them.  One thread: what else runs has the other cores, and
# threads that wait for each other would turn a small disturbance into a large one.
compare() {
    "$MAMBENCH" profile --model "$folder/$1,$folder/$2" --random-weights --depth 256 \
        --prompt-tokens 8 --new-tokens 8 --threads 1 --warm-up 5 --seed "$3" --quiet | grep ' against '
}

# many A B VERDICT LEAST: counts how often the comparison ends so.
many() {
    found=0
    for i in $(seq "$FIRST" $((FIRST + TIMES - 1))); do
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

# What the published shapes come to: parameters as released (a tower's pooling head, where the
# release does without, left out), bytes of a recurrent state in f32, bytes a position of keys and
# values in bf16.
presets() {
    cat <<'END'
cobra+3b 3532837744 26214400 0
cobra-one-epoch+3b 3532837744 26214400 0
cobra-siglip+3b 3190840688 26214400 0
cobra-ldpnet+3b 3526307184 26214400 0
cobra-base+3b 3532837744 26214400 0
mlmamba+3b 3603707696 173277184 0
llava-v1.5-7b 7062902784 0 524288
llava-phi-3b 3092371456 0 327680
tinyllava-3.1b 3186888224 0 327680
tinyllava-phi-2-siglip-3.1b 3217417280 0 327680
tinyllava-1.5b - 0 22528
mobilevlm-1.7b 1686742016 0 196608
mobilevlm-3b 3033981696 0 327680
mobilevlm-v2-1.7b 1674121216 0 196608
mobilevlm-v2-3b 3014273536 0 327680
END
}

# field NAME: of the JSON line in out.
field() {
    sed 's/.*"'"$1"'": "*\([^,"}]*\).*/\1/' "$folder/out"
}

# The total of `model show`: used parameters and their MiB in bf16.
shown() {
    "$MAMBENCH" model show "$1" | awk -v column="$2" '$1 == "total" { print $column }'
}

# one PRESET PARAMETERS STATE PER_POSITION
one() {
    "$MAMBENCH" profile --model "$1" --random-weights --new-tokens 4 --runs 1 --seconds 0 \
        --warm-up 0 --quiet -o jsonl >"$folder/all" || {
        bad=1
        sed 's/.*"error": /  /' "$folder/all" | tail -n 1
        return
    }
    grep '"test": "question"' "$folder/all" >"$folder/out"
    positions=$(($(field image_tokens) + $(field prompt_tokens) + $(field new_tokens) - 1))
    awk -v name="$1" -v missing="$(field unattributed)" -v state="$(field state_bytes)" \
        -v state_wanted="$3" -v cache="$(field kv_bytes)" -v per="$4" -v positions="$positions" \
        -v released="$(shown "$1" 2)" -v released_wanted="$2" -v weights="$(field weight_bytes)" \
        -v counted="$(shown "$1" 5)" 'BEGIN {
            mib = weights / 1048576
            printf "%s: unattributed %.3f %%, parameters %s, weights %.1f MiB (%.3f of %s in bf16), ",
                name, 100 * missing, released, mib, mib / counted, counted
            printf "state %d, cache %d (%d a position)\n", state, cache, cache / positions
            exit !(missing < 0.02 && state == state_wanted && cache == per * positions &&
                   (released == released_wanted || released_wanted == "-") &&
                   mib / counted >= 1 && mib / counted < 1.06)
        }' || {
        echo "  not as it must be: parameters $2, state $3, a position $4 bytes"
        bad=1
    }
}

stages() {
    presets >"$folder/presets"
    "$MAMBENCH" model list | while read -r preset _; do
        grep -q "^$preset " "$folder/presets" || echo "  $preset: no published shape is known here"
    done
    while read -r preset parameters state per_position; do
        one "$preset" "$parameters" "$state" "$per_position"
    done <"$folder/presets"
}

for part in "${@:-same}"; do
    echo "$part:"
    "$part"
done
[ "$bad" -eq 0 ] && echo "check_profiler: as it must be"
exit "$bad"
