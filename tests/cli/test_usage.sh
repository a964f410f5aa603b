# Options, help, man page, completion and exit codes.
. tests/cli/lib.sh

the_version_is_printed() {
    expect 0 --version
    says out "mambench "
    [ "$(wc -l <out)" -eq 1 ]
    [ ! -s err ]
}
test_that the_version_is_printed

no_command_is_wrong_usage() {
    expect 2
    [ ! -s out ]
    says err "a command is expected"
}
test_that no_command_is_wrong_usage

an_unknown_command_gets_a_suggestion() {
    expect 2 rnu
    says err "did you mean 'run'?"
}
test_that an_unknown_command_gets_a_suggestion

an_unknown_option_gets_a_suggestion() {
    expect 2 run --modle x
    says err "mambench run: unknown option --modle; did you mean --model?"
}
test_that an_unknown_option_gets_a_suggestion

wrong_values_are_wrong_usage() {
    expect 2 run --model baseline:yes --task vsr@triml --data "$DATA/vsr" --limit many
    says err "--limit many: a whole number"
    expect 2 run --model baseline:yes --task vsr@triml --data "$DATA/vsr" --precision f64
    says err "choose one of f32, bf16"
    expect 2 run --model baseline:yes --task vsr@triml --data
    says err "--data needs an argument: DIR"
    expect 2 run --model baseline:yes --task vsr@triml --data "$DATA/vsr" --sync never
    says err "--sync never"
    expect 2 run --model baseline:maybe --task vsr@triml --data "$DATA/vsr"
    says err "baseline:majority"
    expect 2 run --model baseline:yes --task vsr@nobody --data "$DATA/vsr"
    says err "vsr@nobody"
    expect 2 run --model baseline:yes --task vsr@triml --data "$DATA/vsr" --sample-id 99
    says err "no sample '99'"
    expect 2 run --model baseline:yes --task vsr@triml,pope@triml --data "$DATA/vsr"
    says err "one --data per task"
    expect 2 run --model baseline:yes --task vsr@triml
    says err "--data is needed"
    expect 2 run --task vsr@triml --data "$DATA/vsr"
    says err "--model is needed"
    expect 2 report
    expect 2 task
    expect 2 model show
    expect 2 selftest
    expect 2 ask --model x "question"
    expect 2 score --task pope@llava
    [ ! -d runs ]
}
test_that wrong_values_are_wrong_usage

options_take_their_argument_in_every_way() {
    expect 0 run --model=baseline:yes --task=vsr@triml -d "$DATA/vsr" -oa -n3 -q
    expect 0 run -m baseline:yes --task vsr@triml --data "$DATA/vsr" --out b --limit 3 --quiet
    cmp a/predictions.jsonl b/predictions.jsonl
    [ "$(wc -l <a/predictions.jsonl)" -eq 3 ]
    expect 2 run --quiet=yes
    says err "--quiet takes no argument"
    expect 2 run --out a --out b
    says err "--out is given twice"
}
test_that options_take_their_argument_in_every_way

missing_data_is_exit_code_3() {
    expect 3 run --model baseline:yes --task vsr@triml --data nowhere --out x
    says err "nowhere"
    expect 3 run --model nowhere --task vsr@triml --data "$DATA/vsr" --out x
    says err "nowhere"
    expect 3 report nowhere
    expect 3 score nowhere
    expect 3 model show nowhere
    expect 3 selftest --fixture nowhere
    expect 3 selftest --cases nowhere
    [ ! -e x ]
}
test_that missing_data_is_exit_code_3

help_man_page_and_completion_agree() {
    expect 0 --help
    commands=$(awk '/^commands:/ { on = 1; next } /^$/ { on = 0 } on { print $1 }' out)
    [ "$(echo "$commands" | wc -l)" -ge 9 ]
    "$MAMBENCH" help --man >man
    "$MAMBENCH" help --completion bash >completion
    for command in $commands; do
        expect 0 "$command" --help
        mv out "help.$command"
        expect 0 help "$command"
        cmp out "help.$command"
        grep -q "^.SS \"mambench $command" man
        grep -o -e '--[a-z][a-z-]*' "help.$command" | sort -u >options.help
        # The man page's section of this command: from its .SS to the next.
        awk -v c="mambench $command" '/^\.S[SH]/ { on = index($0, "\"" c) > 0 } on' man |
            sed 's/\\-/-/g' | grep -o -e '--[a-z][a-z-]*' | sort -u >options.man
        echo --help | sort -u - options.man | diff options.help -
        source_options=$(bash -c '. ./completion; COMP_WORDS=(mambench "$1" --); COMP_CWORD=2;
            _mambench; printf "%s\n" "${COMPREPLY[@]}"' bash "$command" | sort -u)
        # Help and notes may mention an option of another kind; the table may not hold more.
        for option in $source_options; do grep -qxF -e "$option" options.help; done
        awk '/^options:/ { on = 1; next } /^$/ { on = 0 } on' "help.$command" |
            grep -oE '^  (-[a-z], |    )--[a-z-]+' | grep -oE -e '--[a-z-]+' | sort -u >table
        echo "$source_options" | diff table -
    done
}
test_that help_man_page_and_completion_agree

the_man_page_is_sound_roff() {
    command -v groff >/dev/null || skip "groff is not installed"
    "$MAMBENCH" help --man >man
    groff -man -Tascii -ww -z man 2>warnings
    [ ! -s warnings ] || { cat warnings; return 1; }
}
test_that the_man_page_is_sound_roff

the_completion_offers_words_and_choices() {
    "$MAMBENCH" help --completion bash >completion
    cat >try.sh <<'END'
. ./completion
COMP_WORDS=(mambench task s); COMP_CWORD=2; _mambench; echo "${COMPREPLY[*]}"
COMP_WORDS=(mambench run --precision b); COMP_CWORD=3; _mambench; echo "${COMPREPLY[*]}"
COMP_WORDS=(mambench sel); COMP_CWORD=1; _mambench; echo "${COMPREPLY[*]}"
END
    bash try.sh >out
    printf 'show\nbf16\nselftest\n' | diff - out
}
test_that the_completion_offers_words_and_choices

a_full_disk_behind_stdout_is_told() {
    [ -e /dev/full ] || skip "there is no /dev/full"
    for arguments in --version --help "help --man" "task list" doctor "model list" \
        "task show pope@triml"; do
        set +e
        # shellcheck disable=SC2086
        "$MAMBENCH" $arguments >/dev/full 2>err
        code=$?
        set -e
        [ "$code" -eq 5 ] || { echo "$arguments: $code"; return 1; }
        says err "cannot write to standard output: No space left on device"
    done
    set +e
    "$MAMBENCH" run --model baseline:yes --task vsr@triml --data "$DATA/vsr" --out x >/dev/full 2>err
    code=$?
    set -e
    [ "$code" -eq 5 ]
    [ -s x/report.md ]
    set +e
    "$MAMBENCH" report x >/dev/full 2>err
    code=$?
    set -e
    [ "$code" -eq 5 ]
}
test_that a_full_disk_behind_stdout_is_told

json_is_json() {
    command -v python3 >/dev/null || skip "python3 is not installed"
    expect 0 run --model baseline:random --task vsr@triml --data "$DATA/vsr" --out x --json
    python3 -m json.tool out >/dev/null
    for arguments in "task list --json" "task show vsr@triml --data $DATA/vsr --json" \
        "model list --json" "model show cobra+3b --json" "doctor --json" "report x --json" \
        "score x --json"; do
        # shellcheck disable=SC2086
        expect 0 $arguments
        python3 -m json.tool out >/dev/null
    done
    python3 -m json.tool x/manifest.json >/dev/null
    python3 -m json.tool x/scores.json >/dev/null
}
test_that json_is_json
