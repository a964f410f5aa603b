# Suites: cells, what fails, what goes on, what is written and refused.
. tests/cli/lib.sh

# write_suite FILE: two models on two benchmarks of the tests, from tests/data/cli.
write_suite() {
    cat >"$1" <<JSON
{
  "suite": 1, "name": "tiny", "model-root": "$DATA", "data-root": "$DATA",
  "settings": {"random-weights": true, "threads": 1},
  "models": [{"model": "$DATA/tiny", "name": "tiny", "precision": "f32"}, "baseline:yes"],
  "tasks": ["pope@triml", {"task": "vsr@triml", "limit": 7}]
}
JSON
}

a_suite_fills_one_directory_a_cell() {
    write_suite s.json
    expect 0 run s.json --out x
    for cell in tiny/pope@triml tiny/vsr@triml baseline-yes/pope@triml baseline-yes/vsr@triml; do
        [ -s "x/$cell/scores.json" ] && [ -s "x/$cell/report.md" ]
    done
    [ "$(wc -l <x/tiny/vsr@triml/predictions.jsonl)" -eq 7 ]
    says out "pope@triml"
    says out "7 of 18"
    says out "best floor"
    [ "$(grep -c '"state": "finished"' x/suite.json)" -eq 4 ]
    expect 0 report x
    says out "# 4 runs"
}
test_that a_suite_fills_one_directory_a_cell

a_cell_is_what_its_own_command_line_gives() {
    write_suite s.json
    expect 0 run s.json --out x
    expect 0 run --model "$DATA/tiny" --random-weights --precision f32 --task vsr@triml \
        --limit 7 --data "$DATA/vsr" --out y
    cmp x/tiny/vsr@triml/predictions.jsonl y/predictions.jsonl
    cmp x/tiny/vsr@triml/scores.json y/scores.json
}
test_that a_cell_is_what_its_own_command_line_gives

a_report_of_a_suite_tells_what_is_unfinished() {
    write_suite s.json
    expect 0 run s.json --out x
    rm x/tiny/vsr@triml/scores.json
    expect 4 report x
    says out "# 3 runs"
    says err "x/tiny/vsr@triml"
    expect 3 report x/tiny/vsr@triml
    rm x/*/*/scores.json
    expect 3 report x
}
test_that a_report_of_a_suite_tells_what_is_unfinished

a_signal_in_a_scenario_ends_the_suite() {
    write_suite s.json
    sed -i "s|\"suite\": 1,|\"suite\": 1, \"scenarios\": [{\"scenario\": \"cobra-table3\", \"image\": \"$DATA/vsr/images/000000000001.png\"}],|" s.json
    "$MAMBENCH" run s.json --out x >out 2>err &
    pid=$!
    until grep -q measuring err; do sleep 0.05; done
    kill -TERM "$pid"
    code=0
    wait "$pid" || code=$?
    [ "$code" -eq 143 ] || { echo "code $code"; cat err; return 1; }
    says err "to go on:"
    [ ! -e x/tiny/cobra-table3/profile.json ]
    expect 0 run s.json --out x
    says out "tokens/s"
}
test_that a_signal_in_a_scenario_ends_the_suite

values_tell_where_they_come_from() {
    write_suite s.json
    expect 0 run s.json --out x --cell tiny/vsr@triml --seed 3
    [ ! -e x/baseline-yes ]
    says x/tiny/vsr@triml/manifest.json '"origin": "s.json: tasks[1]"'
    says x/tiny/vsr@triml/manifest.json '"origin": "s.json: models[0]"'
    says x/tiny/vsr@triml/manifest.json '"origin": "s.json: settings"'
    says x/tiny/vsr@triml/manifest.json '"origin": "command line"'
    expect 0 run s.json --out y --cell tiny/vsr@triml --limit 3
    [ "$(wc -l <y/tiny/vsr@triml/predictions.jsonl)" -eq 3 ]
}
test_that values_tell_where_they_come_from

a_failed_cell_stops_no_other() {
    write_suite s.json
    sed -i 's/"baseline:yes"/"no-such-model", "baseline:yes"/; s/"tasks": \[/"tasks": ["gqa@triml", /' s.json
    sed -i 's/"random-weights": true, //; s/"precision": "f32"/"random-weights": true/' s.json
    expect 3 run s.json --out x
    [ -s x/tiny/pope@triml/scores.json ] && [ -s x/baseline-yes/vsr@triml/scores.json ]
    says out "failed (1)"
    says out "gqa: no such folder"
    [ "$(grep -c 'gqa: no such folder' err)" -eq 1 ]
    [ "$(grep -c '"state": "failed"' x/suite.json)" -eq 5 ]
    says err "no-such-model"
    head -n 1 err | grep -q 'no such folder\|no-such-model' # before anything was asked
}
test_that a_failed_cell_stops_no_other

a_suite_goes_on_where_it_was_killed() {
    write_suite s.json
    expect 0 run s.json --out whole
    for delay in 0.01 0.03 0.05 0.1; do
        "$MAMBENCH" run s.json --out cut --sync every >/dev/null 2>&1 &
        pid=$!
        sleep "$delay"
        kill -9 "$pid" 2>/dev/null || true
        wait "$pid" || true
    done
    expect 0 run s.json --out cut
    for cell in tiny/pope@triml tiny/vsr@triml baseline-yes/pope@triml; do
        cmp "whole/$cell/predictions.jsonl" "cut/$cell/predictions.jsonl"
        cmp "whole/$cell/scores.json" "cut/$cell/scores.json"
    done
}
test_that a_suite_goes_on_where_it_was_killed

limits_and_scenarios_are_dimensions() {
    write_suite s.json
    sed -i "s|\"suite\": 1,|\"suite\": 1, \"limits\": [2, {\"slim\": 4}], \"scenarios\": [{\"scenario\": \"cobra-table3\", \"image\": \"$DATA/vsr/images/000000000001.png\"}],|" s.json
    sed -i 's/, {"task": "vsr@triml", "limit": 7}//' s.json
    expect 0 run s.json --out x
    [ "$(wc -l <x/tiny/pope@triml-limit2/predictions.jsonl)" -eq 2 ]
    [ -s x/tiny/pope@triml-slim4/scores.json ]
    says out "tokens/s"
    [ "$(grep -c '"decode"' x/tiny/cobra-table3/profile.json)" -ge 11 ]
    [ ! -e x/baseline-yes/cobra-table3 ]
    cp x/tiny/cobra-table3/profile.json before
    expect 0 run s.json --out x
    cmp before x/tiny/cobra-table3/profile.json
    expect 0 run s.json --list
    says out "tiny/pope@triml-slim4"
}
test_that limits_and_scenarios_are_dimensions

refuses() {
    printf '%s' "$1" >s.json
    expect "$2" run s.json --out x
    says err "$3"
    [ ! -e x ]
}

bad_suites_are_refused() {
    refuses '{' 3 "s.json"
    refuses '[]' 3 "s.json"
    refuses '{"suite": 2, "name": "a", "models": ["b"], "tasks": ["pope@triml"]}' 3 "version 2"
    refuses '{"suite": 1, "name": "a", "models": [], "tasks": ["pope@triml"]}' 3 "models is empty"
    refuses '{"suite": 1, "name": "a", "models": ["b"]}' 3 "tasks"
    refuses '{"suite": 1, "name": "a", "modles": []}' 3 "modles"
    refuses '{"suite": 1, "name": "a", "models": [3], "tasks": ["pope@triml"]}' 3 "models[0]"
    refuses '{"suite": 1, "name": "a", "models": ["b"], "tasks": ["pope@nobody"]}' 3 "pope@nobody"
    refuses '{"suite": 1, "name": "a", "models": ["b", "b"], "tasks": ["pope@triml"]}' 3 "twice"
    refuses '{"suite": 1, "name": "a", "models": ["b"], "limits": ["3"], "tasks": ["pope@triml"]}' \
        3 "limits[0] is neither"
    refuses '{"suite": 1, "name": "a", "models": [{"model": "b", "data": "c"}],
        "tasks": ["pope@triml"]}' 3 "'data' cannot stand here"
    refuses '{"suite": 1, "name": "a", "models": ["b"], "settings": {"shard": "1/2"},
        "tasks": ["pope@triml"]}' 3 "'shard' cannot stand here"
    refuses '{"suite": 1, "name": "a", "models": [".."], "tasks": ["pope@triml"]}' 3 "name of a cell"
    refuses '{"suite": 1, "name": "a", "models": [{"model": "b", "precission": "f32"}],
        "tasks": ["pope@triml"]}' 3 "models[0]: unknown option --precission"
    refuses '{"suite": 1, "name": "a", "models": [{"model": "b", "precision": "f31"}],
        "tasks": ["pope@triml"]}' 3 "choose one of"
    refuses '{"suite": 1, "name": "a", "models": ["b"], "settings": {"out": "c"},
        "tasks": ["pope@triml"]}' 3 "'out' cannot stand here"
    refuses '{"suite": 1, "name": "a", "models": ["b"], "tasks": ["pope@triml"],
        "scenarios": [{"scenario": "none", "image": "x.png"}]}' 3 "scenarios[0]"
    expect 3 run none.json --out x
    says err "none.json"
    write_suite s.json
    expect 2 run s.json --out x --task pope@triml
    expect 2 run s.json --out x --cell tiny/none
    expect 2 run s.json s.json --out x
    expect 2 run --list --model baseline:yes --task pope@triml --data "$DATA/pope"
}
test_that bad_suites_are_refused

the_shipped_suites_name_what_there_is() {
    for name in demo ci paper-six; do
        expect 0 run "$ROOT/suites/$name.json" --list
    done
    says out "cobra-3b/textvqa@cobra"
    grep -o '^[^/ ]*-[^/ ]*/' out | sort -u | tr -d / >models
    expect 0 model list
    cp out presets
    while read -r name; do
        expect 0 model show --json "$name"
    done <models
}
test_that the_shipped_suites_name_what_there_is
