# The profiler's command line: outputs, error rows, exit codes.  Nothing here depends on times.
. tests/cli/lib.sh

NO_THREADS="--random-weights --precision f32 --runs 2 --seconds 0 --warm-up 0 --quiet"
QUICK="$NO_THREADS --threads 1"

a_profile_names_stages_and_limits() {
    expect 0 profile --model "$DATA/tiny" $QUICK
    for part in "read file" "prompt rows" unattributed "first token (TTFT)" "n<64" "n<662" \
        "memory read" "SSM state" "few runs" "random weights"; do
        says out "$part"
    done
    [ ! -s err ]
}
test_that a_profile_names_stages_and_limits

a_sweep_is_cartesian_and_an_error_is_a_row() {
    expect 4 profile --model "$DATA/tiny" $NO_THREADS --threads 1,9999 --batch 1,2 --depth 0,64 -o csv
    [ "$(wc -l <out)" -eq $((1 + 4 * 3 + 4)) ]
    [ "$(grep -c '"error"' out)" -eq 4 ]
    says out "9999 threads, but this process may use"
    says out '"64"'
}
test_that a_sweep_is_cartesian_and_an_error_is_a_row

every_format_prints() {
    for format in table csv json jsonl md; do
        expect 0 profile --model "$DATA/tiny" $QUICK -o $format
        [ -s out ]
    done
    expect 0 profile --model "$DATA/tiny" $QUICK -o jsonl
    [ "$(wc -l <out)" -eq 3 ]
    says out '"samples_ns"'
    expect 0 profile --model "$DATA/tiny" $QUICK -o md --depth 32
    says out "tg15 @ d32"
}
test_that every_format_prints

raw_times_go_to_files() {
    expect 0 profile --model "$DATA/tiny" $QUICK --out run --trace trace.json --overhead
    says run/profile.json '"model_sha256"'
    says run/profile.json '"differ_in": "timing"'
    says trace.json '"traceEvents"'
    expect 5 profile --model "$DATA/tiny" $QUICK --trace no/such/folder/trace.json
    says err "no/such/folder/trace.json"
    [ ! -s out ]
}
test_that raw_times_go_to_files

what_does_not_fit_is_an_error_row() {
    expect 4 profile --model "$DATA/tiny" $QUICK --memory 1K -o csv
    says out "memory may be used"
    expect 4 profile --model "$DATA/tiny" $QUICK --memory 1G --batch 64,65
    says out "at most 64 sequences"
}
test_that what_does_not_fit_is_an_error_row

a_missing_model_stops_no_other() {
    expect 3 profile --model "no-such-model,$DATA/tiny" $QUICK -o csv
    says out "no-such-model"
    says out '"question"'
    expect 3 profile --model cobra-3b --runs 1
    says err "preset without weights"
}
test_that a_missing_model_stops_no_other

models_that_do_not_fit_together_run_in_blocks() {
    expect 0 profile --model "$DATA/tiny,$DATA/tiny" --random-weights --precision f32 --threads 1 \
        --runs 3 --seconds 0 --warm-up 0 --memory 2M -o csv
    says err "block 3 of 3"
    expect 0 profile --model "$DATA/tiny,$DATA/tiny" --random-weights --threads 1 --runs 12 --seconds 0 --warm-up 0 --quiet
    says out "against"
    says out "12 pairs"
}
test_that models_that_do_not_fit_together_run_in_blocks

wrong_sweeps_are_wrong_usage() {
    for option in "--depth -1" "--depth 5x" "--threads 0" "--threads 1,-2" "--batch 0" "--batch ," \
        "--precision bf17" "--runs 0" "--seconds -1" "--prompt-tokens 0" "--new-tokens 0" \
        "--scenario nobody" "--depth 99999999999" "--compare x" "--scenario cobra-table3 --depth 5"; do
        expect 2 profile --model "$DATA/tiny" --random-weights $option
        [ -s err ] && [ ! -s out ]
    done
    expect 2 profile
    expect 2 profile --model "$DATA/tiny" extra
}
test_that wrong_sweeps_are_wrong_usage

scenarios_are_named() {
    expect 0 profile --model "$DATA/tiny" --random-weights --precision f32 --threads 1 --seconds 0 \
        --warm-up 0 --quiet --scenario single-stream
    says out "MLPerf early stopping, p90: "
    says out "p99: n<662, no estimate from 64 runs"
    expect 0 profile --model "$DATA/tiny" $QUICK --scenario cobra-table3
    says out "256 tokens / E2E"
}
test_that scenarios_are_named

limits_need_not_be_probed() {
    expect 0 profile --model "$DATA/tiny" $QUICK --no-limits
    says out "limits were not probed"
    says_not out "% of memory"
    says_not out nan
    expect 0 profile --model "$DATA/tiny" $QUICK --no-limits -o json
    says out '"decode_of_limit": null'
    says out '"samples_ttft_ns"'
    says out '"samples_tpot_ns"'
}
test_that limits_need_not_be_probed
