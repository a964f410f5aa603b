# score, task, ask, model, selftest, doctor.
. tests/cli/lib.sh

baselines_are_the_floors() {
    for name in yes no majority random; do
        expect 0 run --model "baseline:$name" --task vsr@triml --data "$DATA/vsr" --out "$name"
        [ ! -e "$name/timings.jsonl" ]
        value=$(sed -n '/"name": "accuracy"/,/"value"/s/.*"value": \(.*\),/\1/p' "$name/scores.json" | head -n 1)
        grep -A1 "\"name\": \"baseline:$name\"" yes/scores.json | grep -qF "\"value\": $value"
    done
}
test_that baselines_are_the_floors

score_alone_makes_the_same_reports() {
    expect 0 run --model baseline:random --task pope@triml --data "$DATA/pope" --out x
    cp -r x before
    rm x/scores.json x/report.md x/report.csv
    expect 0 score x
    for file in scores.json report.md report.csv; do cmp "before/$file" "x/$file"; done
    cp -r "$DATA/pope" changed
    sed 's/bird/dog/' "$DATA/pope/coco_pope_random.json" >changed/coco_pope_random.json
    expect 3 score x --data changed
    says err "are not those of the run"
}
test_that score_alone_makes_the_same_reports

the_csv_has_as_many_fields_in_every_line() {
    command -v python3 >/dev/null || skip "python3 is not installed"
    expect 0 run --model baseline:random --task pope@triml --data "$DATA/pope" --out 'x,"y'
    expect 0 report 'x,"y' --format csv
    python3 - <<'END'
import csv
rows = list(csv.reader(open("out", newline="")))
assert len(rows) > 5 and len({len(row) for row in rows}) == 1, rows
assert rows[1][0] == 'x,"y', rows[1]
assert [row[9] for row in rows].count("1") == 1
END
}
test_that the_csv_has_as_many_fields_in_every_line

markdown_tables_have_as_many_cells_in_every_line() {
    # shellcheck disable=SC2086
    expect 0 run $TINY --task vsr@triml --data "$DATA/vsr" --out x --no-reuse
    awk -F'|' '/^\|/ { if (n && NF != n) { print; bad = 1 } n = NF; w = length($0);
        if (width && w != width) { print "not aligned: " $0; bad = 1 } width = w; next }
        { n = 0; width = 0 } END { exit bad }' x/report.md
    says x/report.md "time to first token"
    says x/report.md "n<64"
    says x/report.md "tokens/s"
}
test_that markdown_tables_have_as_many_cells_in_every_line

a_task_shows_the_exact_prompt() {
    expect 0 task list
    says out "pope@triml"
    expect 0 task show pope@triml --data "$DATA/pope" --sample 0 --model "$DATA/tiny" --random-weights
    says out "Answer the question using a single word or phrase."
    says out "<|user|>"
    says out "<|assistant|>"
    expect 2 task show pope@triml --data "$DATA/pope" --sample 1000
    says err "72 samples"
    expect 2 task show pope@nobody
}
test_that a_task_shows_the_exact_prompt

ask_prints_the_answer_and_nothing_else() {
    picture=$DATA/vsr/images/000000000001.png
    tiny="--model $DATA/tiny --random-weights"
    # shellcheck disable=SC2086
    expect 0 ask $tiny --image "$picture" --max-new-tokens 4 "Is there a cat?"
    [ "$(wc -l <out)" -eq 1 ]
    says err "first token after"
    cp out greedy
    # shellcheck disable=SC2086
    expect 0 ask $tiny --image "$picture" --max-new-tokens 4 --top-k 1 --quiet "Is there a cat?"
    cmp greedy out
    # shellcheck disable=SC2086
    expect 0 ask $tiny --image "$picture" --choices Yes,No "Is there a cat?"
    awk '$1 == "Yes" || $1 == "No" { n++; sum += $2 } END { exit !(n == 2 && sum > 0.99999 && sum < 1.00001) }' out
    # shellcheck disable=SC2086
    expect 0 ask $tiny --image "$picture" --temperature 1 --seed 5 --max-new-tokens 8 "Is there a cat?"
    cp out sampled
    # shellcheck disable=SC2086
    expect 0 ask $tiny --image "$picture" --temperature 1 --seed 5 --max-new-tokens 8 "Is there a cat?"
    cmp sampled out
    # shellcheck disable=SC2086
    expect 2 ask $tiny --image "$picture" --temperature 0 "Is there a cat?"
    # shellcheck disable=SC2086
    expect 2 ask $tiny --image "$picture" --top-p 1.5 "Is there a cat?"
    # shellcheck disable=SC2086
    expect 3 ask $tiny --image nowhere.png "Is there a cat?"
    says err "nowhere.png"
}
test_that ask_prints_the_answer_and_nothing_else

model_init_does_not_replace_a_card() {
    cp -r "$DATA/tiny" m
    expect 2 model init m
    says err "--force"
    expect 0 model list
    says out "cobra+3b"
    expect 0 model show cobra+3b
    echo '{"format": 1' >m/model.json
    expect 3 model show m
    says err "model.json"
}
test_that model_init_does_not_replace_a_card

selftest_says_no_with_exit_code_1() {
    cat >good.json <<'END'
{"pope_text": [{"in": "No.", "official": "no", "llava": "no"}]}
END
    sed 's/"official": "no"/"official": "yes"/' good.json >bad.json
    expect 0 selftest --cases good.json
    says out "0 failed"
    expect 1 selftest --cases bad.json
    says out "FAIL"
    echo '[' >broken.json
    expect 3 selftest --cases broken.json
}
test_that selftest_says_no_with_exit_code_1

tokenizer_cases_need_their_tokenizer() {
    printf '%s\n' '{"raw": [{"text": "a", "neox": [66]}, {"text": "\n", "neox": [200]}]}' >good.json
    sed 's/66/67/' good.json >bad.json
    expect 2 selftest --cases good.json
    says err "--tokenizer is needed"
    expect 0 selftest --cases good.json --tokenizer "$ROOT/tests/data/tokenizer/neox.json"
    says out "2 ok, 0 failed"
    expect 1 selftest --cases bad.json --tokenizer "$ROOT/tests/data/tokenizer/neox.json"
    says out "1 ok, 1 failed"
}
test_that tokenizer_cases_need_their_tokenizer

a_model_is_tested_on_this_machine() {
    expect 0 selftest --model "$DATA/tiny" --random-weights
    says out "0 failed"
    says_not out "FAIL"
}
test_that a_model_is_tested_on_this_machine

doctor_names_what_will_be_chosen() {
    expect 0 doctor
    says out "kernels chosen"
    says out "precision chosen"
    says out "disk free here"
}
test_that doctor_names_what_will_be_chosen

shared() {
    [ -n "${SHARED:-}" ] || skip "needs SHARED=DIR"
}

real_llava_answers_give_the_reference_counts() {
    shared
    expect 0 score --task pope@llava --format llava --json \
        --predictions "$SHARED/data/pope/pope_llava15_13b.jsonl"
    for count in random/tp:1182 random/fp:31 random/tn:1379 random/fn:318 popular/fp:59 \
        popular/tn:1441 adversarial/fp:117 adversarial/tn:1383; do
        grep -A1 "\"name\": \"${count%:*}\"" out | grep -qF "\"value\": ${count#*:},"
    done
    expect 0 score --task pope@llava --format llava --json --data "$SHARED/data/pope/2910" \
        --predictions "$SHARED/data/pope/pope_llava15_13b.jsonl"
    grep -A1 '"name": "random/tp"' out | grep -qF '"value": 1182,'
}
test_that real_llava_answers_give_the_reference_counts

real_answers_are_scored_under_every_protocol_in_one_table() {
    shared
    answers=$SHARED/data/pope/pope_llava15_13b.jsonl
    expect 0 score --tasks pope@llava,pope@lmms-eval,pope@triml,pope@official,pope@vlmevalkit \
        --predictions "$answers"
    says out "pope@llava       mean/f1    0.8595"
    says out "pope@lmms-eval   pooled/f1  0.8593"
    says out "pope@vlmevalkit  pooled/f1   85.93"
    says out "pope@triml: the answer to adversarial/1 has no probabilities"
    expect 2 score --tasks pope@triml,pope:v2@triml --predictions "$answers"
    says err "ask different questions"
    expect 3 score --task pope@triml --predictions "$answers"
    says err "has no probabilities"
    sed 's/^{"question_id": \([0-9]*\), "category": "\([a-z]*\)", "split_question_id": \([0-9]*\)/{"id": "\2\/\3"/' \
        "$answers" >plain.jsonl
    expect 0 score --task pope@llava --format jsonl --predictions plain.jsonl --data "$SHARED/data/pope/2910"
    says out "headline: mean/f1 0.8595"
}
test_that real_answers_are_scored_under_every_protocol_in_one_table

real_vsr_has_629_true_captions() {
    shared
    expect 0 run --model baseline:yes --task vsr@triml --data "$SHARED/data/vsr" --out x
    says out "51.47 %"
    says x/report.md "629 of 1222 right"
    awk 'BEGIN { for (i = 0; i < 1222; i++) print 1 }' >preds.txt
    expect 0 score --task vsr@triml --format official --predictions preds.txt \
        --data "$SHARED/data/vsr"
    says out "headline: accuracy 0.5147"
    expect 0 run --model baseline:yes --task vsr:random@triml --data "$SHARED/data/vsr" --out r
    says r/report.md "1181 of 2195 right"
}
test_that real_vsr_has_629_true_captions

slim_is_tris_own_subset() {
    shared
    expect 0 run --model baseline:yes --task pope@triml --data "$SHARED/data/pope/2910" --slim 7 \
        --out x
    [ "$(wc -l <x/predictions.jsonl)" -eq 21 ]
    for split in adversarial popular random; do
        [ "$(grep -c "\"$split/" x/predictions.jsonl)" -eq 7 ]
    done
    says x/manifest.json '"slim": 7'
    expect 0 score x
    expect 2 run --model baseline:yes --task pope@triml --data "$SHARED/data/pope/2910" --slim 8 \
        --out x
    says err "--slim"
    expect 2 run --model baseline:yes --task vsr@triml --data "$SHARED/data/vsr" --slim 8 --out y
    says err "no subsets of VSR"
}
test_that slim_is_tris_own_subset

where_the_reference_stops_there_is_a_reason_and_no_score() {
    printf '{"id": "random/%d", "label": "yes", "text": "No"}\n' 1 2 3 >all-no.jsonl
    expect 3 score --task pope@llava --format jsonl --predictions all-no.jsonl
    says err "pope@llava: no mean/f1: undefined in a group"
    expect 0 score --task pope@lmms-eval --format jsonl --predictions all-no.jsonl
    says out "headline: pooled/f1 0.0000"
}
test_that where_the_reference_stops_there_is_a_reason_and_no_score

gqa_is_run_and_scored() {
    expect 0 run --model baseline:no --task gqa:testdev-all@official --data "$ROOT/tests/data/gqa" \
        --out x
    says x/scores.json '"name": "consistency"'
    says x/scores.json '"name": "structural/query/accuracy"'
    cat >answers.json <<'END'
[{"questionId": "201307251", "prediction": "no"}, {"questionId": "201640614", "prediction": "Woman."}]
END
    expect 4 score --tasks gqa@official,gqa@llava,gqa@triml,gqa@lmms-eval,gqa@vlmevalkit \
        --format official --predictions answers.json --data "$ROOT/tests/data/gqa"
    says out "gqa@official    accuracy    4.76"
    says out "gqa@llava       accuracy    9.52"
    says out "19 failed samples count as wrong"
    expect 0 task show gqa@llava --data "$ROOT/tests/data/gqa" --sample-id 201640614
    says out "Who is wearing the dress?"
    says out "Answer the question using a single word or phrase."
    expect 2 score --task gqa@llava --format oracle --predictions answers.json
    says err "there is: llava, triml, lmms-eval, vlmevalkit, jsonl, official"
}
test_that gqa_is_run_and_scored

real_cases_are_equal() {
    shared
    expect 0 selftest --cases "$SHARED/data/metric_cases.json"
}
test_that real_cases_are_equal

reference_fixtures_pass() {
    shared
    for reference in "$SHARED"/fixtures/*/reference.json; do
        expect 0 selftest --fixture "$(dirname "$reference")" --precision f32
        says_not out FAIL
        expect 0 selftest --fixture "$(dirname "$reference")" --precision bf16
    done
}
test_that reference_fixtures_pass

prompts_of_textvqa_differ_in_where_the_ocr_tokens_stand() {
    expect 0 task show textvqa@cobra --data "$ROOT/tests/data/textvqa" --sample 0
    sed '1,/^user turn:/d' out >turn
    printf '%s\n' "Reference OCR token: DAKOTA, DIGITAL" "What is the brand of this camera?" \
        "Answer the question using a single word or phrase." | cmp - turn
    expect 0 task show textvqa@triml-pure --data "$ROOT/tests/data/textvqa" --sample 0
    sed '1,/^user turn:/d' out >turn
    printf '%s\n' "What is the brand of this camera?" \
        "Answer the question using a single word or phrase." | cmp - turn
    expect 2 task show textvqa@nobody
}
test_that prompts_of_textvqa_differ_in_where_the_ocr_tokens_stand

a_run_on_vqav2_is_scored_and_submitted() {
    # shellcheck disable=SC2086
    expect 4 run --model "$DATA/tiny" --random-weights --task vqav2@triml \
        --data "$ROOT/tests/data/vqav2" --out x
    says out "0.00 %"
    says x/report.md "4 failed samples count as wrong"
    expect 4 submit x --out x.json
    says err "4 questions have no answer"
    [ "$(cat x.json)" = '[{"question_id": 101000, "answer": ""}, {"question_id": 101001, "answer": ""}, {"question_id": 203000, "answer": ""}, {"question_id": 203002, "answer": ""}]' ]
}
test_that a_run_on_vqav2_is_scored_and_submitted

open_answers_have_floors() {
    expect 0 run --model baseline:majority --task vqav2@official --data "$ROOT/tests/data/vqav2" \
        --out x
    says out "majority 32.50 %"
    says x/scores.json '"name": "baseline:majority"'
    says x/report.md "baseline:majority 32.50 %, baseline:random"
    expect 3 run --model baseline:majority --task vqav2@llava --data "$ROOT/tests/data/vqav2" --out y
    says err "are not public"
}
test_that open_answers_have_floors

a_result_file_that_the_server_would_refuse_gets_no_score() {
    echo '[{"question_id": 101000, "answer": "yes"}]' >short.json
    expect 3 score --task vqav2@official --format evalai --predictions short.json \
        --data "$ROOT/tests/data/vqav2"
    says err "3 questions have no answer, the first is question_id 101001"
    [ ! -s out ]
    echo '{"question_id": 8000, "text": "Yes"}' >test-dev.jsonl
    expect 3 score --task vqav2@llava --predictions test-dev.jsonl --data "$ROOT/tests/data/vqav2"
    says err "are not public"
}
test_that a_result_file_that_the_server_would_refuse_gets_no_score

a_submission_on_test_dev_covers_test() {
    echo '{"question_id": 8000, "text": "The dog."}' >answers.jsonl
    expect 0 submit --task vqav2@llava --predictions answers.jsonl --data "$ROOT/tests/data/vqav2"
    says err "2 questions of test were not asked"
    [ "$(cat out)" = '[{"question_id": 7000, "answer": ""}, {"question_id": 8000, "answer": "dog"}, {"question_id": 9000, "answer": ""}]' ]
    echo '{"question_id": 1, "text": "x"}' >answers.jsonl
    expect 3 submit --task vizwiz@llava --predictions answers.jsonl --data "$ROOT/tests/data/vizwiz"
    says err "image VizWiz_test_00000000.jpg has no answer"
    expect 4 submit --task vizwiz@llava --predictions answers.jsonl --empty-for-missing \
        --data "$ROOT/tests/data/vizwiz"
    expect 2 submit
    expect 2 submit --predictions answers.jsonl
    printf '{"question_id": %d, "text": "Unanswerable"}\n' 0 1 2 >answers.jsonl
    expect 0 submit --task vizwiz@llava --predictions answers.jsonl --answerability \
        --data "$ROOT/tests/data/vizwiz"
    says out '[{"image": "VizWiz_test_00000000.jpg", "answerable": 0.0}, {"image"'
    echo '{"question_id": 8000, "text": "Unanswerable"}' >answers.jsonl
    expect 2 submit --task vqav2@llava --predictions answers.jsonl --answerability \
        --data "$ROOT/tests/data/vqav2"
}
test_that a_submission_on_test_dev_covers_test

# Counted from the file alone: of 173 questions with yes as answer that entail others, 65.3 % of these
# are yes, too, a question; all that a no entails is a no.
who_answers_blindly_contradicts_himself_on_the_miniature_gqa() {
    for word in yes no; do
        expect 0 run --model "baseline:$word" --task gqa:testdev-all@triml \
            --data "$ROOT/examples/mini-bench/gqa" --out "$word"
        grep -A 3 '"name": "consistency"' "$word/scores.json" >"$word.consistency"
    done
    says yes.consistency '"value": 65.317919'
    says yes.consistency '"n": 173'
    says no.consistency '"value": 100,'
    says no.consistency '"n": 137'
}
test_that who_answers_blindly_contradicts_himself_on_the_miniature_gqa

two_word_benchmarks_are_submitted_line_by_line() {
    bench="$ROOT/examples/mini-bench"
    expect 0 run --model baseline:yes --task vsr@triml --data "$bench/vsr" --out v
    expect 0 submit v --out preds.txt
    [ "$(sort -u preds.txt)" = 1 ] && [ "$(wc -l <preds.txt)" -eq 408 ]
    expect 0 run --model baseline:no --task pope@llava --data "$bench/pope" --out p
    expect 2 submit p
    says err "a file for each split"
    expect 0 submit p --split popular
    [ "$(wc -l <out)" -eq 600 ]
    says out '"answer": "No"'
}
test_that two_word_benchmarks_are_submitted_line_by_line
