# gate --ab: two commands in turn.  The profiles are invented, so that no verdict depends on a clock.
. tests/cli/lib.sh

# row TEST E2E: a row of `mambench profile -o json` whose runs took E2E ns, a fifth of it to the first
# token.
row() {
    printf '{"build_commit": "x", "test": "%s", "model_filename": "m", "n_threads": 1, ' "$1"
    printf '"n_depth": %s, "batch": 1, "precision": "bf16", "prompt_tokens": 8, ' "${3:-64}"
    printf '"new_tokens": 5, "timed_stages": true, "samples_ns": [%s, %s], ' "$2" $(($2 + 7))
    printf '"samples_ttft_ns": [%s, %s], ' $(($2 / 5)) $(($2 / 4))
    printf '"samples_tpot_ns": [%s, %s]}' $(($2 / 5)) $(($2 / 4))
}
profile_of() {
    printf '['
    row question "$1"
    printf ']\n'
}

# A command that prints another profile at each start: line N of the file, and the last for good.
cat_lines() {
    echo "n=\$(cat $1.n 2>/dev/null || echo 1); sed -n \"\${n}p\" $1 | grep . || tail -n 1 $1;" \
        "echo \$((n + 1)) >$1.n"
}

a_slowdown_fails_once_it_is_confirmed() {
    profile_of 100000 >a
    profile_of 110000 >b
    expect 1 gate --ab "cat a" "cat b"
    says out "SLOWER: B against A, TTFT +10.0 %"
    says out "10 fresh pairs confirm it"
    says out "Measured again, order by seed 1"
    says out "bf16, 1 thread, batch 1, behind 64, prompt of 8, 5 new"
    expect 0 gate --ab "cat b" "cat a"
    says out "PASSED: 10 pairs show no slowdown over 5 %"
    expect 0 gate --ab "cat a" "cat a"
    expect 0 gate --ab "cat a" "cat b" --effect 15
    expect 1 gate --ab "cat a" "cat b" --metric e2e --pairs 6 --json
    says out '"exit_code": 1'
    says out '"metric": "e2e"'
    says out '"percent": 10'
    [ "$(grep -c '"verdict": "SLOWER"' out)" -eq 2 ]
}
test_that a_slowdown_fails_once_it_is_confirmed

what_is_not_confirmed_passes_with_a_note() {
    profile_of 100000 >a
    # The rehearsal and ten starts are slow, those of the confirmation are not.
    for i in 1 2 3 4 5 6 7 8 9 10 11; do profile_of 120000; done >b
    profile_of 100000 >>b
    expect 0 gate --ab "cat a" "$(cat_lines b)"
    says out "PASSED: the first pairs showed"
    says out "+20.0 %"
    says out "do not confirm it"
    [ "$(cat b.n)" -eq 22 ]
}
test_that what_is_not_confirmed_passes_with_a_note

what_is_too_noisy_is_inconclusive() {
    profile_of 100000 >a
    for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do
        profile_of 80000
        profile_of 130000
    done >b
    expect 6 gate --ab "cat a" "$(cat_lines b)"
    says out "INCONCLUSIVE"
    says err "10 pairs do not decide: going on to 30"
    [ "$(cat b.n)" -eq 32 ] # a rehearsal and thirty
}
test_that what_is_too_noisy_is_inconclusive

what_cannot_be_measured_is_no_verdict() {
    profile_of 100000 >a
    expect 3 gate --ab "cat a" "exit 7"
    says err "'exit 7' ended with exit code 7"
    expect 3 gate --ab "cat a" "no-such-command --at-all"
    says err "exit code 127"
    says err "not found"
    expect 3 gate --ab "echo went wrong >&2; exit 1" "cat a"
    says err "went wrong"
    expect 3 gate --ab 'kill -9 $$' "cat a"
    says err "killed by signal 9"
    head -c 200 a >torn
    expect 3 gate --ab "cat a" "cat torn"
    says err "what B prints"
    sed 's/100000/-5/' a >negative
    expect 3 gate --ab "cat a" "cat negative"
    says err "no positive number"
    echo "Hello" >text
    expect 3 gate --ab "cat a" "cat text"
    says err "A prints a profile and B does not"
    expect 3 gate --ab "cat text" "cat text" --metric e2e
    says err "print no profile"
    [ ! -s out ]
}
test_that what_cannot_be_measured_is_no_verdict

rows_are_joined_by_configuration() {
    { printf '['; row question 100000 64; printf ','; row question 900000 512; printf ']'; } >a
    { printf '['; row question 900000 512; printf ','; row question 100000 32; printf ']'; } >b
    expect 3 gate --ab "cat a" "cat b"
    says err "B does not print what A does: "
    says err "behind 64,"
    # What only B prints is new, and held against nothing.
    { printf '['; row question 900000 512; printf ']'; } >d
    expect 0 gate --ab "cat d" "cat b"
    says out "behind 512"
    says_not out "behind 32,"
    says out "Not compared: of A's 1 rows and B's 2, 1 are of one configuration"
    { printf '['; row question 100000 32; printf ']'; } >c
    expect 3 gate --ab "cat a" "cat c"
    # A row that a later start lacks.
    tr -d '\n' <b >lines
    echo >>lines
    cat c >>lines
    expect 3 gate --ab "cat d" "$(cat_lines lines)"
    says err "lacks the"
}
test_that rows_are_joined_by_configuration

a_real_profile_can_be_read() {
    profile="$MAMBENCH profile --model $DATA/tiny --random-weights --precision f32 --runs 2 \
        --seconds 0 --warm-up 0 --quiet --threads 1 --no-limits -o json"
    set +e
    "$MAMBENCH" gate --ab "$profile" "$profile" --pairs 7 --effect 400 >out 2>err
    code=$?
    set -e
    [ "$code" -eq 0 ] || [ "$code" -eq 6 ]
    says out TTFT
    says out TPOT
    says out E2E
}
test_that a_real_profile_can_be_read

any_command_has_time_and_memory() {
    # 40 MB more: kept in an array, not only touched.
    small='awk "BEGIN { a[1] = 1 }"'
    large='awk "BEGIN { for (i = 0; i < 400000; i++) a[i] = i }"'
    expect 1 gate --ab "$small" "$large" --metric rss
    says out "peak memory"
    # A profile's printer has them, too: what it prints is then not read.
    profile_of 100000 >a
    expect 0 gate --ab "cat a" "head -c 200 a" --metric rss --effect 100
    expect 1 gate --ab "sleep 0.01" "sleep 0.3" --metric wall --pairs 6
    says out "time"
}
test_that any_command_has_time_and_memory

what_is_asked_must_make_sense() {
    profile_of 100000 >a
    expect 2 gate --ab "cat a"
    says err "two commands"
    expect 2 gate --ab "cat a" "cat a" "cat a"
    expect 2 gate --ab "cat a" ""
    expect 2 gate --ab "cat a" "cat a" --pairs 5
    expect 2 gate --ab "cat a" "cat a" --level 0
    expect 2 gate --ab "cat a" "cat a" --level 0.001 --pairs 6
    says err "6 pairs cannot show anything at a level of 0.001"
    expect 2 gate --ab "cat a" "cat a" --effect=-1
    expect 2 gate --ab "cat a" "cat a" --metric speed
    says err "'speed' is none of"
    expect 2 gate --ab "cat a" "cat a" --metric e2e,wall
}
test_that what_is_asked_must_make_sense

a_signal_ends_it_without_a_verdict() {
    "$MAMBENCH" gate --ab "echo >started; sleep 0.5" "sleep 0.5" >out 2>err &
    gate=$!
    wait_for started $gate
    kill -TERM $gate
    set +e
    wait $gate
    code=$?
    set -e
    [ "$code" -eq 143 ]
    [ ! -s out ]
}
test_that a_signal_ends_it_without_a_verdict
