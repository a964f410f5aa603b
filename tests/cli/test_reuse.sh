# Questions computed together, pictures read once: no answer may change by a byte.
. tests/cli/lib.sh

# all_ways OPTION...: the same run in every way that must not matter; whole is one at a time.
all_ways() {
    rm -rf whole other
    expect 0 run "$@" --out whole --no-reuse
    for way in "--batch 1" "--batch 3" "--batch 0" "--memory 1K" "--threads 1" \
        "--threads 1 --no-reuse"; do
        # shellcheck disable=SC2086
        expect 0 run "$@" $way --out other
        cmp whole/predictions.jsonl other/predictions.jsonl
        cmp whole/scores.json other/scores.json
        rm -rf other
    done
}

bench=$ROOT/examples/mini-bench

every_miniature_answers_the_same_in_any_batch() {
    for model in mini-cobra mini-ml-mamba mini-llama; do
        for task in pope@triml pope@llava; do
            all_ways --model "$ROOT/examples/$model" --task "$task" --data "$bench/pope" --limit 60
        done
    done
}
test_that every_miniature_answers_the_same_in_any_batch

every_precision_answers_the_same_in_any_batch() {
    for precision in f32 int8; do
        for model in mini-cobra mini-ml-mamba mini-llama; do
            all_ways --model "$ROOT/examples/$model" --precision "$precision" --task pope@llava \
                --data "$bench/pope" --limit 40
        done
    done
}
test_that every_precision_answers_the_same_in_any_batch

every_fixture_answers_the_same_in_any_batch() {
    [ -n "${SHARED:-}" ] || { echo "needs SHARED=DIR"; return 77; }
    for model in "$SHARED"/fixtures/*/; do
        all_ways --model "$model" --task pope@llava --data "$DATA/pope" --max-new-tokens 4 --limit 24
    done
}
test_that every_fixture_answers_the_same_in_any_batch

what_was_together_is_told() {
    expect 0 run --model "$ROOT/examples/mini-cobra" --task pope@triml --data "$bench/pope" --out x \
        --limit 54
    says x/report.md "computed together"
    says_not x/report.md "time to first token"
    says x/timings.jsonl '"repeated": true'
    [ "$(wc -l <x/timings.jsonl)" -eq 54 ]
    [ "$(grep -c '"image_reused": false' x/timings.jsonl)" -eq 3 ]
    expect 0 run --model "$ROOT/examples/mini-cobra" --task pope@triml --data "$bench/pope" --out y \
        --limit 54 --no-reuse
    says y/report.md "time to first token"
    says_not y/timings.jsonl '"repeated"'
    [ "$(grep -c '"image_reused": false' y/timings.jsonl)" -eq 54 ]
}
test_that what_was_together_is_told

a_bad_picture_fails_its_own_questions_in_a_block() {
    cp -r "$DATA/pope" pope
    picture=$(ls pope/val2014 | sed -n 3p)
    echo nothing >"pope/val2014/$picture"
    # shellcheck disable=SC2086
    expect 4 run $TINY --task pope@triml --data pope --out x
    # shellcheck disable=SC2086
    expect 4 run $TINY --task pope@triml --data pope --out y --no-reuse
    cmp x/predictions.jsonl y/predictions.jsonl
    failed=$(grep -c '"error"' x/predictions.jsonl)
    [ "$failed" -eq "$(grep -c "$picture" pope/coco_pope_*.json | awk -F: '{ n += $2 } END { print n }')" ]
}
test_that a_bad_picture_fails_its_own_questions_in_a_block

progress_for_machines_is_json() {
    expect 0 run --model "$DATA/tiny" --random-weights --task vsr@triml --data "$DATA/vsr" \
        --out x --progress json
    says err '"done": 18, "total": 18, "failed": 0'
    grep '"task"' err | tail -n 1 >line
    says line '"pictures_read": 6, "pictures_reused": 12'
    # shellcheck disable=SC2086
    expect 2 run $TINY --task vsr@triml --data "$DATA/vsr" --out y --progress loud
    # shellcheck disable=SC2086
    expect 2 run $TINY --task vsr@triml --data "$DATA/vsr" --out y --memory lots
    says err "a size such as"
}
test_that progress_for_machines_is_json
