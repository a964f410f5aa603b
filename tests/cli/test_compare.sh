# compare and power: runs that differ, runs that do not, and runs that cannot be compared.
. tests/cli/lib.sh

a_worse_run_is_told() {
    two_runs 50 10
    expect 0 compare a b --flips 2
    says out "98.04 %" # 8 of 408 wrong
    says out "90.20 %" # 40 of 408
    says out "-7.84"
    says out " worse "
    says out "right to wrong"
    says out "True (0.900)"
    says out "picture"
    says out "mini-bench/vsr/images/"
    [ "$(grep -c '^right to wrong' out)" -eq 2 ]
    expect 0 compare b a --flips 0
    says out " better "
    says out "+7.84"
    says_not out "to wrong"
}
test_that a_worse_run_is_told

a_small_difference_is_inconclusive() {
    two_runs 50 45
    expect 0 compare a b
    says out "inconclusive"
    says out "detectable"
    # No answer differs: there is nothing that the permutation could flip.
    answer_all b 50
    expect 0 compare a b --json
    says out '"p": 1,'
    says out '"difference": 0,'
    says out '"low": null'
    says out '"verdict": "inconclusive"'
}
test_that a_small_difference_is_inconclusive

the_numbers_are_those_of_the_answers() {
    two_runs 50 10
    expect 0 compare a b --json --flips 1000
    says out '"samples": 408'
    says out '"right_in_first_only": 32'
    says out '"right_in_second_only": 0'
    says out '"ignores_clusters": true'
    says out '"n": 32'
    says out '"differ_in": null'
    [ "$(grep -c '"first_answer"' out)" -eq 32 ]
    grep '"difference"' out | grep -q -- '-0.0784313725490'
    # 2 (1/2)^32, both tails of 32 coins: the exact McNemar test.
    says out '"p": 4.65661287307739'
}
test_that the_numbers_are_those_of_the_answers

threads_and_repetition_change_nothing() {
    two_runs 9 10
    OMP_NUM_THREADS=1 "$MAMBENCH" compare a b --json --seed 3 >one
    OMP_NUM_THREADS=3 "$MAMBENCH" compare a b --json --seed 3 >three
    cmp one three
    "$MAMBENCH" compare a b --json --seed 4 --draws 999 >other
    ! cmp -s one other
}
test_that threads_and_repetition_change_nothing

failed_samples_count_as_wrong_and_are_shown() {
    two_runs 50 50
    answer_all b 50 3
    expect 4 compare a b
    says out "Failed samples count as wrong"
    says out "(failed: the picture is torn)"
    says out "-0.25"
    expect 4 compare a b --json
    says out '"failed": 1'
}
test_that failed_samples_count_as_wrong_and_are_shown

three_runs_are_held_against_the_first() {
    two_runs 50 10
    cp -r a c
    answer_all c 12
    expect 0 compare a b c --format md
    [ "$(grep -c '| worse' out)" -eq 2 ]
    says out "2 comparisons"
    says out "| ---"
}
test_that three_runs_are_held_against_the_first

folders_are_joined_by_protocol() {
    mkdir x y
    for side in x y; do
        "$MAMBENCH" run --model baseline:yes --task vsr@triml,pope@triml \
            --data "$DATA/vsr" --data "$DATA/pope" --out "$side" --quiet >out 2>err
    done
    expect 0 compare x y
    says out "pope@triml"
    says out "vsr@triml"
    says out "2 comparisons"
    rm -r x/vsr@triml
    expect 0 compare x y
    says out "Not compared: vsr@triml is in y and not in x."
    rm -r y/pope@triml
    expect 3 compare x y
    says err "nothing to compare"
}
test_that folders_are_joined_by_protocol

what_differs_is_refused_unless_told() {
    baseline a
    baseline b --limit 300
    expect 3 compare a b
    says err "108 are only in the first"
    says err "--allow-different-samples"
    expect 0 compare a b --allow-different-samples
    says out "300"
    says out "Caution"
    cp -r a c
    awk '/"prompts"/ { inside = 1 }
         inside && /"sha256"/ { sub(/: "./, ": \"x"); inside = 0 } { print }' \
        a/manifest.json >c/manifest.json
    expect 3 compare a c
    says err "differ in the prompts"
    expect 0 compare a c --allow-different-prompts
    says out "differ in the prompts"
    "$MAMBENCH" run --model baseline:yes --task vsr@triml --data "$DATA/vsr" --out d --quiet \
        >out 2>err
    expect 3 compare a d
    says err "--allow-different-data"
    expect 3 compare a d --allow-different-data
    says err "have no sample in common"
}
test_that what_differs_is_refused_unless_told

what_cannot_be_compared_is_no_verdict() {
    two_runs 50 10
    expect 2 compare
    expect 2 compare a
    says err "two runs or more"
    expect 2 compare a a
    says err "are the same run"
    expect 2 compare a ./b/../a
    expect 2 compare a b b
    expect 2 compare a b --draws 10
    expect 3 compare a nowhere
    cp b/predictions.jsonl kept
    : >b/predictions.jsonl
    expect 3 compare a b
    says err "the run is unfinished"
    head -n 400 kept >b/predictions.jsonl
    expect 3 compare a b
    says err "was not answered"
    sed '5s/\[.*\]/[null, null]/' kept >b/predictions.jsonl
    expect 3 compare a b
    says err "not a number"
    sed '5s/\[.*\]/[NaN, NaN]/' kept >b/predictions.jsonl
    expect 3 compare a b
    says err "line 5"
    sed '5s/"probabilities".*/"text": "True"}/' kept >b/predictions.jsonl
    expect 3 compare a b
    says err "no probabilities"
    rm b/scores.json
    expect 3 compare a b
    mkdir both
    cp -r a both/one
    cp -r a both/two
    expect 2 compare a both
    says err "are both runs of vsr@triml"
}
test_that what_cannot_be_compared_is_no_verdict

power_tells_what_a_sample_can_show() {
    two_runs 50 10
    expect 0 power a --difference 2
    says out "98.04 %"
    says out "correlated with 0"
    expect 0 power a b --json --difference 1
    says out '"paired": true'
    says out '"assumed_correlation": null'
    # The detectable difference of the pair is the one that compare prints.
    grep '"detectable"' out >power
    "$MAMBENCH" compare a b --json | grep '"detectable"' >compare
    [ "$(tr -d ' ,' <power)" = "$(tr -d ' ,' <compare)" ]
}
test_that power_tells_what_a_sample_can_show

reports_print_what_power_says_of_two_unrelated_runs() {
    baseline a
    expect 0 power a --json
    power=$(sed -n 's/.*"detectable": \([0-9.]*\).*/\1/p' out)
    expect 0 report a --format csv
    awk -F'","' -v power="$power" 'NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; next }
        $column["headline"] == 1 {
            d = $column["detectable"] / $column["scale"]
            print power, d
            # By the interval: Student where power takes the normal distribution.
            right = d >= power && d < 1.02 * power
        }
        END { exit !right }' out
    says a/report.md detectable
    says a/report.md "second, unrelated run"
}
test_that reports_print_what_power_says_of_two_unrelated_runs

power_refuses_what_has_no_answer() {
    two_runs 50 10
    expect 2 power
    expect 2 power a b a
    expect 2 power a a
    expect 2 power a --difference 0
    expect 2 power a --difference nan
    expect 2 power a --correlation 1
    expect 2 power a b --correlation 0.5
    : >b/predictions.jsonl
    expect 3 power b
    expect 3 power a b
    answer_all b 1000 # all right: nothing varies
    expect 0 power b --json
    says out '"samples_needed": null'
}
test_that power_refuses_what_has_no_answer

# speed DIR HOST "SHA E2E DEPTH"...: DIR/profile.json with a row each, of twenty invented runs.
speed() {
    mkdir -p "$1"
    {
        echo "{\"profile\": 1, \"command\": \"mambench profile\", \"seed\": 0, "
        echo "\"measured\": \"2026-01-01T00:00:0${SECOND:-0}Z\","
        echo "\"machine\": {\"cpu\": \"a CPU\", \"host\": \"$2\", \"MHz before\": \"${SECOND:-0}\"},"
        echo "\"rows\": ["
    } >"$1/profile.json"
    out=$1/profile.json comma=
    shift 2
    for row in "$@"; do
        set -- $row
        awk -v comma="$comma" -v sha="$1" -v e2e="$2" -v depth="$3" 'BEGIN {
            printf "%s{\"test\": \"question\", \"model_filename\": \"m-%s\", ", comma, sha
            printf "\"model_sha256\": \"%s\", \"precision\": \"bf16\", \"n_threads\": 1, ", sha
            printf "\"batch\": 1, \"n_depth\": %d, \"prompt_tokens\": 8, \"new_tokens\": 3, ", depth
            printf "\"timed_stages\": true, \"runs_ns\": ["
            for (i = 0; i < 20; i++) {
                t = e2e + (i * 7 % 20) * 1000
                printf "%s{\"block\": 0, \"round\": %d, \"e2e\": %d, \"ttft\": %d, ", \
                    i ? ", " : "", i, t, t / 2
                printf "\"gaps\": [%d, %d]}", t / 4, t / 4
            }
            print "]}"
        }' >>"$out"
        comma=,
    done
    echo "]}" >>"$out"
}

latencies_stand_side_by_side() {
    two_runs 50 10
    speed a here "x 1000000 0" "x 3000000 512"
    SECOND=1 speed b here "y 1100000 0"
    hash=$(sed -n '/"model"/,/}/s/.*"sha256": "\([^"]*\)".*/\1/p' a/manifest.json | head -n 1)
    sed -i "s/\"model_sha256\": \"[xy]\"/\"model_sha256\": \"$hash\"/" a/profile.json b/profile.json
    expect 0 compare a b
    says out " worse "
    says out "run / A"
    says out "TTFT"
    says out "TPOT"
    says out "1.01 ms"
    says out "1.11 ms"
    says out "1.099"
    says out "apart"
    says out "Measured apart"
    says_not out "different machines"
    says_not out "behind 512" # b did not measure it
    expect 0 compare a b --json
    says out '"measured_in_turn": false'
    says out '"ratio": 1.099'
    expect 0 compare a b --format md
    says out "| E2E"
    # Another machine is said aloud; its clock and load are not.
    SECOND=1 speed b there "$hash 1100000 0"
    expect 0 compare a b
    says out "measured on different machines: host (here; there)"
    # So is a profile of another model, which is not compared.
    speed b here "another 1100000 0"
    expect 0 compare a b
    says out "measured other models"
    says_not out "run / A"
}
test_that latencies_stand_side_by_side

one_profile_of_both_is_paired() {
    mkdir fast slow
    speed fast here "f 1000000 0"
    speed slow here "s 1100000 0"
    expect 0 compare fast slow
    says out "1.099"
    says out "in turn, 20 pairs" # the same command and second: one measurement in two places
    expect 0 compare fast slow --json
    says out '"measured_in_turn": true'
    says out '"comparisons": []'
    SECOND=1 speed slow here "s 1100000 512"
    expect 3 compare fast slow
    says err "no configuration in common"
    expect 3 compare fast nowhere
}
test_that one_profile_of_both_is_paired

a_shared_profile_knows_the_runs_by_their_models() {
    two_runs 50 10
    hash=$(sed -n '/"model"/,/}/s/.*"sha256": "\([^"]*\)".*/\1/p' a/manifest.json | head -n 1)
    sed -i "s/$hash/another/" b/manifest.json
    speed both here "$hash 1000000 0" "another 1200000 0"
    expect 0 compare a b --profile both
    says out "in turn, 20 pairs"
    says out "1.198"
    expect 3 compare a b --profile nowhere
    says err "nowhere holds no profile.json"
}
test_that a_shared_profile_knows_the_runs_by_their_models

a_damaged_profile_is_refused() {
    two_runs 50 10
    speed b here "y 1100000 0"
    head -c 500 b/profile.json >a/profile.json
    expect 3 compare a b
    says err "a/profile.json"
    sed 's/"e2e": [0-9]*/"e2e": 0/' b/profile.json >a/profile.json
    expect 3 compare a b
    says err "no positive number"
    sed 's/"profile": 1/"profile": "no"/' b/profile.json >a/profile.json
    expect 3 compare a b
    says err "is no profile"
}
test_that a_damaged_profile_is_refused
