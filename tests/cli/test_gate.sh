# gate and history: what fails, what passes, what is no verdict, and what CI is told.
. tests/cli/lib.sh

# answers DIR EVERY: a run on the miniature VSR with synthetic answers, scored.
answers() {
    [ -d "$1" ] || cp -r run "$1"
    answer_all "$1" "$2"
    "$MAMBENCH" score "$1" >score.out 2>score.err
}

# three_runs: `a`, 8 of 408 wrong; `same`, as good; `bad`, 40 wrong.
three_runs() {
    baseline run
    answers a 50
    answers same 50
    answers bad 10
}

recorded() {
    three_runs
    expect 0 gate --update --baseline base.json a
    says err "recorded 1 of a"
}

# edit PART REPLACEMENT: base.json with the first such part replaced, into edited.json.
edit() {
    sed "0,\\|$1|s||$2|" base.json >edited.json
    ! cmp -s base.json edited.json
}

a_worse_run_fails_and_an_equal_one_passes() {
    recorded
    expect 0 gate --baseline base.json same
    says out "gate: passed: 1 check"
    says out "98.04"
    expect 1 gate --baseline base.json bad
    says out "gate: FAILED: 1 of 1 checks: vsr@triml credit"
    says out "-7.84 points; allowed is a drop of 0.5"
    says out "paired permutation by image"
    # Better is fine, and so is the run that was recorded.
    answers good 1000
    expect 0 gate --baseline base.json good
    expect 0 gate --baseline base.json a
}
test_that a_worse_run_fails_and_an_equal_one_passes

a_run_is_a_baseline_too() {
    three_runs
    expect 0 gate --baseline a same
    expect 1 gate --baseline a bad
    says out "-7.84 points"
    expect 0 gate --baseline a --allowed-drop 8 bad
    # The file pairs as the run does.
    expect 0 gate --update --baseline base.json a
    "$MAMBENCH" gate --baseline a bad --json | grep '"p"' >one
    "$MAMBENCH" gate --baseline base.json bad --json | grep '"p"' >two
    cmp one two
    "$MAMBENCH" compare a bad --json | grep '"p":' | head -n 1 | tr -d ' ' >three
    tr -d ' ' <one | cmp - three
    expect 2 gate --baseline a a
    says err "held against itself"
}
test_that a_run_is_a_baseline_too

what_chance_could_do_is_inconclusive() {
    recorded
    answers worse 38 # 10 wrong: 0.49 points, and with the allowed drop at 0.1 an effect
    edit '"allowed_drop": 0.5' '"allowed_drop": 0.1'
    expect 6 gate --baseline edited.json worse
    says out "gate: inconclusive"
    says out "chance could do that"
    expect 0 gate --baseline edited.json worse --inconclusive pass
    expect 1 gate --baseline edited.json worse --inconclusive fail
    expect 0 gate --baseline base.json worse
}
test_that what_chance_could_do_is_inconclusive

floors_and_ceilings() {
    recorded
    edit '"allowed_drop": 0.5' '"floor": 0.95'
    expect 0 gate --baseline edited.json a
    expect 1 gate --baseline edited.json bad
    says out "floor 95"
    edit '"allowed_drop": 0.5' '"floor": 0.91'
    expect 6 gate --baseline edited.json bad # 90.20 %, whose interval holds 91 %
    edit '"allowed_drop": 0.5' '"ceiling": 0.95'
    expect 1 gate --baseline edited.json a
    # A score that is not the mean of the credits is not paired.
    edit '"credit": {' '"relation/left of/accuracy": {"allowed_drop": 0}, "credit": {'
    expect 3 gate --baseline edited.json a
    says err "nothing is recorded of it"
    expect 0 gate --update --baseline edited.json a
    expect 0 gate --baseline edited.json a --json
    says out '"method": "intervals of the two, unpaired"'
}
test_that floors_and_ceilings

update_keeps_what_is_written_by_hand() {
    recorded
    edit '"allowed_drop": 0.5' '"allowed_drop": 0.7, "floor": 0.5'
    sed 's/"gate": 1,/"gate": 1, "about": "ours", "level": 0.01,/' edited.json >ours.json
    expect 0 gate --update --baseline ours.json bad
    says ours.json '"allowed_drop": 0.7'
    says ours.json '"floor": 0.5'
    says ours.json '"about": "ours"'
    says ours.json '"level": 0.01'
    for key in mambench model model_sha256 protocol_sha256 data_sha256 prompts_sha256 machine \
        measured samples_sha256; do
        says ours.json "\"$key\""
    done
    expect 0 gate --baseline ours.json bad
    expect 0 gate --baseline ours.json a
    expect 2 gate --update --baseline a bad
    expect 5 gate --update --baseline no/where.json a
    expect 2 gate --update --baseline ours.json --junit x.xml a
    expect 2 gate --baseline ours.json --pairs 9 a
    says err "pairs is one of --ab"
    expect 2 gate --ab true true --allowed-rise 3
    says err "no --allowed-rise beside it"
}
test_that update_keeps_what_is_written_by_hand

numbers_alone_are_not_paired() {
    recorded
    awk '/"credits": \[/ { skip = 1 } !skip { print } skip && /\]/ { skip = 0 }' base.json |
        awk '/"levels": \[/ { skip = 1 } !skip { print } skip && /\]/ { skip = 0 }' |
        awk 'NR > 1 { sub(/[ ]*$/, "", last); if ($1 ~ /^[}]/) sub(/,$/, "", last); print last }
             { last = $0 } END { print last }' >numbers.json
    says_not numbers.json '"credits"'
    expect 1 gate --baseline numbers.json bad
    says out "numbers only"
    says out "unpaired"
    expect 0 gate --baseline numbers.json same
}
test_that numbers_alone_are_not_paired

a_baseline_that_contradicts_itself_is_refused() {
    recorded
    refuse() { # PART REPLACEMENT SENTENCE
        edit "$1" "$2"
        expect 3 gate --baseline edited.json a
        says err "$3"
        says_not out "passed"
    }
    refuse '"gate": 1' '"gate": 2' "version 2 of the schema"
    refuse '"gate": 1' '"gates": 1' "is not a baseline of mambench gate"
    refuse '"allowed_drop": 0.5' '"floor": 1.5' "floor is 1.5; it lies from 0 to 1"
    refuse '"allowed_drop": 0.5' '"allowed_drop": -1' "allowed_drop is -1"
    refuse '"allowed_drop": 0.5' '"floor": 0.9, "ceiling": 0.8' "above the ceiling"
    refuse '"allowed_drop": 0.5' '"allowed_dorp": 0.5' 'unknown key "allowed_dorp"'
    refuse '"allowed_drop": 0.5' '"allowed_drop": "0.5"' "is not a number"
    refuse '"allowed_drop": 0.5' '"most": 5' 'unknown key "most"'
    refuse '"allowed_drop": 0.5' '"floor": 0.5, "floor": 0.6' "twice"
    refuse '"allowed_drop": 0.5' '' "asks nothing"
    refuse '"credit": {$' '"acuracy": {' "has no score 'acuracy'; did you mean 'accuracy'?"
    refuse '"vsr@triml"' '"vsr@tirml"' "vsr@t"
    refuse '"vsr@triml"' '"pope@triml"' "which none of the runs answers"
    refuse '"checks": {' '"chekcs": {' "chekcs"
    refuse '"gate": 1,' '"gate": 1, "level": 2,' "level is a number"
    refuse '"gate": 1,' '"gate": 1, "strict": true,' 'unknown key "strict"'
    refuse '"gate": 1,' '"gate": 1 ' "edited.json"
    refuse '"prompts_sha256": "' '"prompts_sha256": "0' "on other prompts"
    refuse '"protocol_sha256": "' '"protocol_sha256": "0' "on other protocol's file"
    refuse '"samples_sha256": "' '"samples_sha256": "0' "on other samples"
}
test_that a_baseline_that_contradicts_itself_is_refused

bad_runs_are_no_verdict() {
    recorded
    expect 2 gate
    says err "--baseline is missing"
    expect 2 gate --baseline base.json
    says err "a run directory is expected"
    expect 2 gate --baseline base.json --draws 5 a
    expect 2 gate --baseline base.json --allowed-drop -1 a
    expect 2 gate --baseline base.json --allowed-drop nan a
    expect 2 gate --baseline base.json --task pope@triml a
    expect 3 gate --baseline nowhere.json a
    expect 3 gate --baseline base.json nowhere
    expect 2 gate --baseline base.json a same
    says err "both runs of vsr@triml"
    baseline short --limit 300
    expect 3 gate --baseline base.json short
    says err "on other samples"
    expect 3 gate --baseline a short
    # Stale scores, none, NaN, no answers, NaN in an answer.
    cp -r bad other
    cp a/scores.json other/
    expect 3 gate --baseline base.json other
    says err "is not that of the predictions"
    sed '0,/"value": [0-9.]*/s//"value": null/' a/scores.json >other/scores.json
    cp a/predictions.jsonl other/
    expect 3 gate --baseline base.json other
    says err "is not a number"
    sed '0,/"value": [0-9.]*/s//"value": NaN/' a/scores.json >other/scores.json
    expect 3 gate --baseline base.json other
    cp a/scores.json other/
    : >other/predictions.jsonl
    expect 3 gate --baseline base.json other
    says err "unfinished"
    sed '5s/\[.*\]/[null, null]/' a/predictions.jsonl >other/predictions.jsonl
    expect 3 gate --baseline base.json other
    says err "not a number"
    cp a/predictions.jsonl other/
    expect 0 gate --baseline base.json other
    rm other/scores.json
    expect 4 gate --baseline base.json other
    says err "has no scores.json: finish the run"
    cp a/scores.json other/
    sed 's/"outcome": "finished"/"outcome": "interrupted"/' a/manifest.json >other/manifest.json
    expect 4 gate --baseline base.json other
    says err "unfinished (interrupted)"
}
test_that bad_runs_are_no_verdict

failed_samples_are_no_verdict() {
    recorded
    answer_all bad 10 3
    set +e
    "$MAMBENCH" score bad >out 2>err
    set -e
    expect 4 gate --baseline base.json bad --junit gate.xml
    says err "1 of 408 samples failed"
    says gate.xml "<error message="
    says_not gate.xml "<failure"
    expect 4 gate --update --baseline new.json bad
    [ ! -e new.json ]
    expect 4 gate --baseline bad a
}
test_that failed_samples_are_no_verdict

junit_and_github() {
    recorded
    export GITHUB_STEP_SUMMARY="$PWD/summary"
    expect 1 gate --baseline base.json bad --junit gate.xml --ci github
    says gate.xml '<testsuite name="vsr@triml" tests="1" failures="1" errors="0" skipped="0">'
    says gate.xml '<failure type="allowed_drop" message="vsr@triml credit FAILED'
    says out "::error file=base.json,title=vsr@triml%3A credit::vsr@triml credit FAILED: 90.20 %25, was 98.04"
    says out "::notice file=base.json,title=mambench gate::gate: FAILED"
    says summary "| vsr@triml | credit |"
    expect 0 gate --baseline base.json a --junit ok.xml --ci github --json
    says ok.xml 'failures="0"'
    says_not out "::notice"
    says err "::notice file=base.json,title=mambench gate::gate: passed"
    [ "$(grep -c '^### ' summary)" -eq 2 ]
    expect 3 gate --baseline nowhere.json a --junit error.xml --ci github
    says error.xml '<error message="'
    says out "::error title=mambench gate::gate: no verdict: "
    if command -v xmllint >/dev/null; then
        xmllint --noout gate.xml ok.xml error.xml
    fi
    expect 5 gate --baseline base.json a --junit no/where.xml
}
test_that junit_and_github

bisect_understands_the_exit_codes() {
    recorded
    expect 0 gate --bisect --baseline base.json a
    expect 1 gate --bisect --baseline base.json bad
    expect 125 gate --bisect --baseline nowhere.json a
    expect 125 gate --bisect --baseline base.json --no-such-option a
    expect 125 gate --bisect
    rm a/scores.json
    expect 125 gate --bisect --baseline base.json a
}
test_that bisect_understands_the_exit_codes

# One of a tower's five layers gets noise as large as its weights; the other tower sees as before.
a_damaged_layer_is_found() {
    bench=$ROOT/examples/mini-bench
    cp -r "$ROOT/examples/mini-cobra" damaged
    "$(dirname "$MAMBENCH")/tests/damage_weights" \
        "$ROOT/examples/mini-cobra/dino/model.safetensors" damaged/dino/model.safetensors \
        blocks.2. 1 1
    for model in "$ROOT/examples/mini-cobra" damaged; do
        "$MAMBENCH" run --model "$model" --task vsr@triml,pope@triml --data-root "$bench" \
            --limit 300 --out "runs/$(basename "$model")" --quiet >out 2>err
    done
    "$MAMBENCH" run --model "$ROOT/examples/mini-cobra" --task vsr@triml --data-root "$bench" \
        --limit 300 --threads 1 --batch 3 --out runs/again --quiet >out 2>err
    expect 0 gate --update --baseline base.json runs/mini-cobra
    expect 0 gate --baseline base.json runs/mini-cobra
    expect 0 gate --baseline base.json --task vsr@triml runs/again
    expect 0 gate --baseline runs/mini-cobra/vsr@triml runs/again
    expect 1 gate --baseline base.json runs/damaged
    says out "gate: FAILED: 2 of 2 checks"
    says out "vsr@triml credit"
    says out "pope@triml credit"
    expect 1 gate --baseline runs/mini-cobra runs/damaged
    expect 3 gate --baseline base.json runs/damaged/vsr@triml
    says err "pope@triml, which none of the runs answers"
    expect 1 gate --baseline base.json --task vsr@triml runs/damaged/vsr@triml
}
test_that a_damaged_layer_is_found

speed_is_gated_on_the_same_machine() {
    "$MAMBENCH" profile --model "$DATA/tiny" --random-weights --precision f32 --threads 1 \
        --runs 12 --seconds 0 --warm-up 1 --quiet --out now >out 2>err || {
        cat err
        return 1
    }
    # What a noisy machine says of itself is another matter.
    sed 's/"verdict": "[^"]*"/"verdict": "ok"/' now/profile.json >p && mv p now/profile.json
    expect 0 gate --update --baseline base.json now
    says base.json '"e2e_ms"'
    says base.json '"governor"'
    expect 0 gate --baseline base.json now
    expect 0 gate --baseline base.json now --json
    says out '"rule": "allowed_rise"'
    # Half the time, as recorded: a rise of 100 %.
    awk '/"e2e_ms": \[/ { inside = 1 } inside && /^ *[0-9.]+,?$/ { sub(/[0-9.]+/, $1 / 2) }
         /\]/ { inside = 0 } { print }' base.json >faster.json
    expect 1 gate --baseline faster.json now
    says out "allowed is a rise of 10 %"
    sed 's/"verdict": "ok"/"verdict": "NOISY"/' now/profile.json >p && mkdir noisy && mv p noisy/profile.json
    expect 6 gate --baseline faster.json noisy
    says out "the profile calls itself NOISY; mambench gate --ab"
    # A noisy baseline could hide a rise: nothing is decided by it.
    sed 's/"profile": "ok"/"profile": "NOISY"/' base.json >doubtful.json
    expect 6 gate --baseline doubtful.json now
    says out "the recorded profile calls itself NOISY"
    sed 's/"profile": 1,/"profile": 99,/' now/profile.json >p && mkdir later && mv p later/profile.json
    expect 3 gate --baseline base.json later
    sed 's/"allowed_rise": 10/"most": 0.001, "allowed_rise": 10/' base.json >most.json
    expect 1 gate --baseline most.json now
    says out "most 0.001"
    sed 's/"e2e_ms": {/"peak_mib": {"most": 1}, "e2e_ms": {/' base.json >bytes.json
    expect 1 gate --baseline bytes.json now
    says out "peak_mib"
    sed 's/"cpu": "[^"]*"/"cpu": "another"/' faster.json >elsewhere.json
    expect 6 gate --baseline elsewhere.json now
    says out "and was another"
    says out "mambench gate --ab"
    sed 's/"batch 1, /"batch 2, /; s/batch 1,/batch 2,/' base.json >absent.json
    expect 3 gate --baseline absent.json now
    sed 's/"allowed_rise": 10/"allowed_rise": -10/' base.json >wrong.json
    expect 3 gate --baseline wrong.json now
    sed 's/"e2e_ms": {/"e3e_ms": {/' base.json >wrong.json
    expect 3 gate --baseline wrong.json now
    says err "nothing called 'e3e_ms' was measured"
    expect 0 gate --update --baseline again.json now
    cp -r now before
    expect 0 gate --baseline before now
}
test_that speed_is_gated_on_the_same_machine

history_keeps_each_run_once() {
    three_runs
    expect 0 history --file h.jsonl --commit one a
    says err "1 of 1 runs appended"
    says out "98.04 %"
    expect 0 history --file h.jsonl --commit two a
    says err "0 of 1 runs appended"
    cp -r a copy
    "$MAMBENCH" score copy >out 2>err
    expect 0 history --file h.jsonl copy a
    [ "$(wc -l <h.jsonl)" -eq 1 ]
    expect 0 history --file h.jsonl --commit two bad
    [ "$(wc -l <h.jsonl)" -eq 2 ]
    says out "-7.84"
    says out "█▁"
    expect 0 history --file h.jsonl --json
    says out '"commit": "two"'
    expect 3 history --file h.jsonl --metric nothing
    expect 3 history --file h.jsonl --task pope@triml
    expect 3 history --file none.jsonl
    expect 3 history --file h.jsonl nowhere
}
test_that history_keeps_each_run_once

history_names_damaged_lines() {
    three_runs
    expect 0 history --file h.jsonl --commit one a
    printf '{"history": 1, "run": "torn' >>h.jsonl
    cp h.jsonl kept
    expect 3 history --file h.jsonl
    says err "h.jsonl, line 2"
    says out "98.04 %"
    expect 3 history --file h.jsonl bad
    says err "nothing is appended"
    cmp h.jsonl kept
    printf '{"history": 2, "run": "x", "commit": "c", "date": "d", "task": "t", "model": "m"}\n[]\n' >h.jsonl
    expect 3 history --file h.jsonl
    says err "newer mambench"
    says err "line 2"
}
test_that history_names_damaged_lines
