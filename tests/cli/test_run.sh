# The evaluation loop: order, resume, failures, unwritable output.
. tests/cli/lib.sh

run_vsr() {
    # shellcheck disable=SC2086
    expect "$1" run $TINY --task vsr@triml --data "${3:-$DATA/vsr}" --out "$2"
}

a_run_directory_is_complete() {
    run_vsr 0 x
    for file in manifest.json predictions.jsonl timings.jsonl scores.json report.md report.csv; do
        [ -s "x/$file" ]
    done
    [ "$(wc -l <x/predictions.jsonl)" -eq 18 ]
    [ "$(wc -l <x/timings.jsonl)" -eq 18 ]
    says_not x/predictions.jsonl '_ns'
    says out "x/report.md"
    says out "floors"
    says x/manifest.json '"random_weights": true'
    says x/report.md "random"
    says x/manifest.json '"origin": "command line"'
    says x/manifest.json 'Respond with \"True\" or \"False\" directly.'
}
test_that a_run_directory_is_complete

the_samples_of_an_image_follow_each_other() {
    run_vsr 0 x
    grep -o '"image": "[^"]*"' x/predictions.jsonl >images
    [ "$(uniq images | wc -l)" -eq 6 ]
    [ "$(grep -c '"image_reused": false' x/timings.jsonl)" -eq 6 ]
}
test_that the_samples_of_an_image_follow_each_other

threads_do_not_change_predictions() {
    run_vsr 0 x
    # shellcheck disable=SC2086
    expect 0 run $TINY --threads 1 --task vsr@triml --data "$DATA/vsr" --out y
    cmp x/predictions.jsonl y/predictions.jsonl
}
test_that threads_do_not_change_predictions

a_log_cut_anywhere_is_completed_to_the_same_bytes() {
    run_vsr 0 whole
    size=$(wc -c <whole/predictions.jsonl)
    for bytes in 0 1 $((size / 3)) $((size / 2)) $((size - 2)) $((size - 1)) "$size"; do
        cp -r whole cut
        rm cut/scores.json cut/report.md
        head -c "$bytes" whole/predictions.jsonl >cut/predictions.jsonl
        head -c "$((bytes + 7))" whole/timings.jsonl >cut/timings.jsonl
        run_vsr 0 cut
        cmp whole/predictions.jsonl cut/predictions.jsonl
        cmp whole/scores.json cut/scores.json
        [ -s cut/report.md ]
        rm -r cut
    done
}
test_that a_log_cut_anywhere_is_completed_to_the_same_bytes

# The trained miniatures, whose decoders are Mamba, Mamba-2 and a Transformer.
every_decoder_answers_the_same_after_a_cut_and_on_one_thread() {
    for model in mini-cobra mini-ml-mamba mini-llama; do
        run="run --model $ROOT/examples/$model --task pope@llava --data $ROOT/examples/mini-bench/pope"
        # shellcheck disable=SC2086
        expect 0 $run --limit 150 --quiet --out "$model"
        cp -r "$model" "$model-cut"
        size=$(wc -c <"$model/predictions.jsonl")
        head -c $((size / 3)) "$model/predictions.jsonl" >"$model-cut/predictions.jsonl"
        # shellcheck disable=SC2086
        expect 0 $run --limit 150 --quiet --threads 1 --out "$model-cut"
        cmp "$model/predictions.jsonl" "$model-cut/predictions.jsonl"
    done
}
test_that every_decoder_answers_the_same_after_a_cut_and_on_one_thread

zeroes_at_the_end_of_the_log_are_cut_off() {
    run_vsr 0 whole
    cp -r whole cut
    head -n 5 whole/predictions.jsonl >cut/predictions.jsonl
    { head -c 200 /dev/zero; echo; } >>cut/predictions.jsonl
    run_vsr 0 cut
    cmp whole/predictions.jsonl cut/predictions.jsonl
}
test_that zeroes_at_the_end_of_the_log_are_cut_off

a_run_killed_again_and_again_gives_the_same_bytes() {
    many_captions 600
    run_vsr 0 whole many
    kills=0
    for delay in 0.05 0.12 0.2 0.1 0.15 0.3; do
        # shellcheck disable=SC2086
        "$MAMBENCH" run $TINY --sync every --task vsr@triml --data many --out killed >/dev/null 2>&1 &
        pid=$!
        sleep "$delay"
        kill -9 "$pid" 2>/dev/null && kills=$((kills + 1))
        wait "$pid" 2>/dev/null || true
    done
    run_vsr 0 killed many
    [ "$kills" -gt 0 ]
    cmp whole/predictions.jsonl killed/predictions.jsonl
    cmp whole/scores.json killed/scores.json
}
test_that a_run_killed_again_and_again_gives_the_same_bytes

an_interruption_ends_with_the_command_that_resumes() {
    many_captions 5000
    for signal in INT:130 TERM:143; do
        # A background job of a shell without job control ignores SIGINT: env puts it back.
        # shellcheck disable=SC2086
        env --default-signal=INT "$MAMBENCH" run $TINY --force --task vsr@triml --data many \
            --out "x" >out 2>err &
        pid=$!
        wait_for x/predictions.jsonl "$pid"
        kill -"${signal%:*}" "$pid"
        set +e
        wait "$pid"
        code=$?
        set -e
        [ "$code" -eq "${signal#*:}" ] || { echo "code $code"; cat err; return 1; }
        says err "to go on:"
        grep -A1 'to go on:' err | tail -n 1 >resume
        says resume "run --model"
        says_not resume "--force"
        [ "$(tail -c 1 x/predictions.jsonl | od -An -c | tr -d ' ')" = '\n' ]
        says x/manifest.json '"outcome": "interrupted"'
        [ ! -e x/scores.json ]
        rm -r x
    done
}
test_that an_interruption_ends_with_the_command_that_resumes

a_run_killed_before_its_first_line_is_begun_again() {
    mkdir x
    : >x/predictions.jsonl
    run_vsr 0 x
    cp x/predictions.jsonl whole
    : >x/predictions.jsonl
    run_vsr 0 x
    cmp whole x/predictions.jsonl
}
test_that a_run_killed_before_its_first_line_is_begun_again

another_run_in_the_directory_is_refused() {
    run_vsr 0 x
    cp x/predictions.jsonl before
    # shellcheck disable=SC2086
    expect 2 run $TINY --task vsr@triml --data "$DATA/vsr" --out x --limit 5
    says err "--limit"
    # shellcheck disable=SC2086
    expect 2 run $TINY --task vsr@triml --data "$DATA/vsr" --out x --precision f32
    says err "the precision"
    # shellcheck disable=SC2086
    expect 2 run $TINY --task pope@triml --data "$DATA/pope" --out x
    says err "the protocol"
    expect 2 run --model baseline:yes --task vsr@triml --data "$DATA/vsr" --out x
    says err "the model"
    cp -r "$DATA/vsr" changed
    sed 's/touching/around/' "$DATA/vsr/zeroshot/test.jsonl" >changed/zeroshot/test.jsonl
    run_vsr 2 x changed
    says err "the annotation files"
    cmp before x/predictions.jsonl
    expect 0 run --model baseline:yes --task vsr@triml --data "$DATA/vsr" --out x --force
    says x/manifest.json '"name": "baseline:yes"'
    [ ! -e y ] && mkdir y && cp before y/predictions.jsonl
    run_vsr 2 y
    says err "no manifest.json"
}
test_that another_run_in_the_directory_is_refused

a_damaged_line_in_the_log_is_named() {
    run_vsr 0 x
    sed '3s/"id"/"di"/' x/predictions.jsonl >damaged
    cp damaged x/predictions.jsonl
    run_vsr 3 x
    says err "predictions.jsonl: line 3"
    sed '2d' damaged | sed 's/"di"/"id"/' >x/predictions.jsonl
    run_vsr 3 x
    says err "where"
    expect 3 score x --data nowhere
    echo '{' >x/manifest.json
    run_vsr 3 x
    says err "manifest.json"
}
test_that a_damaged_line_in_the_log_is_named

a_missing_picture_fails_its_samples_only() {
    cp -r "$DATA/vsr" data
    rm data/images/000000000002.png
    : >data/images/000000000003.png
    head -c 60 "$DATA/vsr/images/000000000004.png" >data/images/000000000004.png
    run_vsr 4 x data
    [ "$(wc -l <x/predictions.jsonl)" -eq 18 ]
    [ "$(grep -c '"error"' x/predictions.jsonl)" -eq 9 ]
    grep '000000000002' x/predictions.jsonl | grep -q 'No such file'
    says x/scores.json '"failed": 9'
    says x/report.md "9 failed (counted as wrong)"
    says x/report.md "## Failures"
    says out "9 failed"
    expect 4 report x
    run_vsr 4 x data
}
test_that a_missing_picture_fails_its_samples_only

a_warning_about_a_picture_is_counted() {
    command -v python3 >/dev/null || skip "python3 is not installed"
    cp -r "$DATA/vsr" data
    python3 - <<'END'
import struct, zlib
def chunk(kind, data):
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))
rows = b"".join(b"\0" + struct.pack(">8H", *(x * 8191 for x in range(8))) for y in range(8))
with open("data/images/000000000001.png", "wb") as f:
    f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 16, 0, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
END
    run_vsr 0 x data
    [ "$(grep -c '"warning"' x/predictions.jsonl)" -eq 3 ]
    says x/scores.json '"warned": 3'
    says x/report.md "Samples with a warning about their picture: 3 "
}
test_that a_warning_about_a_picture_is_counted

output_that_cannot_be_written_is_told() {
    echo "in the way" >file
    run_vsr 5 file/x
    says err "cannot create the directory"
    mkdir -p x/predictions.jsonl
    # shellcheck disable=SC2086
    expect 5 run $TINY --task vsr@triml --data "$DATA/vsr" --out x --force
    says err "x/predictions.jsonl"
}
test_that output_that_cannot_be_written_is_told

a_full_disk_keeps_what_was_written() {
    many_captions 600
    # A limit on the size of files stands for the full disk.
    set +e
    # shellcheck disable=SC2086
    (ulimit -f 128; "$MAMBENCH" run $TINY --task vsr@triml --data many --out x >out 2>err)
    code=$?
    set -e
    [ "$code" -eq 5 ] || { echo "code $code"; cat err; return 1; }
    says err "cannot write x/"
    lines=$(wc -l <x/predictions.jsonl)
    [ "$lines" -gt 10 ]
    [ "$(tail -c 1 x/predictions.jsonl | od -An -c | tr -d ' ')" = '\n' ]
    run_vsr 0 x many
    run_vsr 0 whole many
    cmp x/predictions.jsonl whole/predictions.jsonl
}
test_that a_full_disk_keeps_what_was_written

a_lost_directory_is_told() {
    many_captions 20000
    # shellcheck disable=SC2086
    "$MAMBENCH" run $TINY --sync every --task vsr@triml --data many --out x >out 2>err &
    pid=$!
    wait_for x/predictions.jsonl "$pid"
    rm -r x || rm -rf x # where a file was made meanwhile
    code=0
    wait "$pid" || code=$?
    [ "$code" -eq 5 ] || { echo "code $code"; cat err; return 1; }
    says err "was removed while it was being written"
}
test_that a_lost_directory_is_told

two_processes_do_not_write_one_log() {
    many_captions 20000
    # shellcheck disable=SC2086
    "$MAMBENCH" run $TINY --task vsr@triml --data many --out x >/dev/null 2>&1 &
    pid=$!
    wait_for x/predictions.jsonl "$pid"
    run_vsr 2 x many
    says err "another mambench"
    kill "$pid"
    wait "$pid" || true
}
test_that two_processes_do_not_write_one_log

the_limit_is_a_prefix_of_the_whole_run() {
    run_vsr 0 whole
    # shellcheck disable=SC2086
    expect 0 run $TINY --task vsr@triml --data "$DATA/vsr" --out part --limit 5
    head -n 5 whole/predictions.jsonl | cmp - part/predictions.jsonl
    says part/report.md "5 of the 18 samples"
    # shellcheck disable=SC2086
    expect 0 run $TINY --task vsr@triml --data "$DATA/vsr" --out one --sample-id 7
    grep '"id": "7"' whole/predictions.jsonl | cmp - one/predictions.jsonl
    expect 0 score part one
}
test_that the_limit_is_a_prefix_of_the_whole_run

several_tasks_make_several_runs() {
    # shellcheck disable=SC2086
    expect 0 run $TINY --task pope@triml,vsr@triml --data-root "$DATA" --out both
    [ -s both/pope@triml/report.md ] && [ -s both/vsr@triml/report.md ]
    expect 0 report both
    says out "# 2 runs"
    # shellcheck disable=SC2086
    expect 0 run $TINY --task pope@triml --task vsr@triml --data "$DATA/pope" --data "$DATA/vsr" \
        --out other
    cmp both/pope@triml/predictions.jsonl other/pope@triml/predictions.jsonl
    expect 0 report both other
    says out "# 4 runs"
    # shellcheck disable=SC2086
    expect 0 run $TINY --task pope@llava --data "$DATA/pope" --out llava
    expect 0 report both/pope@triml llava
    says out "cannot be compared"
}
test_that several_tasks_make_several_runs

the_reader_of_the_log_takes_crlf() {
    run_vsr 0 x
    cp x/scores.json before
    sed 's/$/\r/' x/predictions.jsonl >crlf
    cp crlf x/predictions.jsonl
    expect 0 score x
    cmp before x/scores.json
    head -c -2 crlf | head -c -1 >x/predictions.jsonl
    expect 4 score x
}
test_that the_reader_of_the_log_takes_crlf

a_full_line_without_a_newline_is_done_again() {
    run_vsr 0 whole
    cp -r whole x
    head -c -1 whole/predictions.jsonl >x/predictions.jsonl
    run_vsr 0 x
    cmp whole/predictions.jsonl x/predictions.jsonl
}
test_that a_full_line_without_a_newline_is_done_again
