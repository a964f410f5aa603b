# explain: runs that differ in one thing, and the stage that says so.
. tests/cli/lib.sh

VSR=$ROOT/examples/mini-bench/vsr
COBRA=$ROOT/examples/mini-cobra
PROTOCOLS=$ROOT/datasets/protocols
DAMAGE=$(dirname "$MAMBENCH")/tests/damage_weights

# ask MODEL DATA DIR OPTION...: a real run on the first captions of a miniature VSR.
N=60
ask() {
    model=$1 data=$2 directory=$3
    shift 3
    expect 0 run --model "$model" --task vsr@triml --data "$data" --limit $N --out "$directory" \
        --quiet "$@"
}

# run_a: the miniature's own run, `a`; it is asked once.
run_a() {
    [ -d "$RESULTS/explained" ] || ask "$COBRA" "$VSR" "$RESULTS/explained"
    cp -r "$RESULTS/explained" a
}

# copy_model: the miniature in `model`, with a model.json that can be changed.
copy_model() {
    cp -r "$COBRA" model
    expect 0 model init model
}

# captions_with TEXT: how many of the asked are about it.
captions_with() {
    awk -v text="$1" 'NR == FNR { has[NR - 1] = index($0, text) > 0; next }
        { split($0, part, "\""); n += has[part[4]] } END { print n + 0 }' \
        "$VSR/zeroshot/test.jsonl" a/predictions.jsonl
}

# stage NAME MEMBER: a stage's number, of the JSON in `out`.
stage() {
    awk -v stage="\"$1\"," -v member="\"$2\":" '
        $1 == "\"stage\":" { inside = $2 == stage }
        inside && $1 == member { sub(/,$/, "", $2); print $2; exit }' out
}

# adds_up: the stages' samples and net points are all there are, and won and lost the net.
adds_up() {
    awk '
        function number() { sub(/,$/, "", $2); return $2 }
        $1 == "\"difference\":" { difference = number() }
        $1 == "\"samples\":" && !total { total = number(); next }
        $1 == "\"samples\":" { samples += number() }
        $1 == "\"won\":" || $1 == "\"lost\":" { moved += number() }
        $1 == "\"net\":" { net += number() }
        END {
            printf "samples %d of %d, net %.15f, moved %.15f, difference %.15f\n", samples, total,
                net, moved, difference
            gap = net - difference; other = moved - difference
            exit !(total > 0 && samples == total && gap * gap < 1e-28 && other * other < 1e-28)
        }' out
}

# first_is STAGE: explains a and b; STAGE is the first difference, and all adds up.
first_is() {
    expect 0 explain a b --json
    says out "\"first_difference\": \"$1\""
    adds_up
}

the_same_in_another_way_does_not_differ() {
    run_a
    ask "$COBRA" "$VSR" b --threads 1 --batch 3
    first_is none
    says out '"settings": []'
    [ "$(stage none samples)" -eq $N ]
    [ "$(stage logits not_told)" -eq 0 ]
    expect 0 explain a b
    says out "No difference is found in any of the $N samples."
    says out "No setting of the manifests differs."
}
test_that the_same_in_another_way_does_not_differ

a_damaged_layer_is_seen_in_the_logits() {
    copy_model
    # One of a tower's five layers: the pixels are what reaches it.
    "$DAMAGE" "$COBRA/dino/model.safetensors" model/dino/model.safetensors blocks.2. 1 1
    run_a
    ask model "$VSR" b
    first_is logits
    [ "$(stage logits samples)" -eq $N ]
    [ "$(stage logits changed)" -gt 0 ]
    says out '"most_points": "logits"'
    says out "\"model's files\""
    expect 0 explain a b
    says out "The first difference is in the logits"
    says out "points come from samples whose logits are the first to differ"
    says out "Logits of the first token differ in $N of $N samples; the choices' by "
}
test_that a_damaged_layer_is_seen_in_the_logits

another_precision_is_seen_in_the_logits() {
    run_a
    ask "$COBRA" "$VSR" b --precision f32
    first_is logits
    says out '"name": "precision"'
    says out '"first": "bf16"'
    [ "$(stage logits samples)" -gt $((N - 10)) ]
}
test_that another_precision_is_seen_in_the_logits

one_other_picture_is_seen_in_its_pixels() {
    cp -r "$VSR" vsr
    cp vsr/images/000000000064.png vsr/images/000000000143.png
    run_a
    ask "$COBRA" vsr b
    first_is pixels
    [ "$(stage pixels samples)" -eq "$(captions_with '"image": "000000000143')" ]
    [ "$(stage logits samples)" -eq 0 ]
    says out '"settings": []'
}
test_that one_other_picture_is_seen_in_its_pixels

another_resize_is_seen_in_all_pixels() {
    copy_model
    sed -i 's/"resize-naive"/"letterbox"/; s/\[0.5, 0.5, 0.5\]/[0.5, 0.4, 0.5]/' model/model.json
    run_a
    ask model "$VSR" b
    first_is pixels
    [ "$(stage pixels samples)" -eq $N ]
    says out "\"model's files\""
}
test_that another_resize_is_seen_in_all_pixels

another_template_is_seen_in_the_prompts() {
    copy_model
    sed -i 's/"zephyr"/"in-out"/' model/model.json
    run_a
    ask model "$VSR" b
    first_is prompt
    [ "$(stage prompt samples)" -eq $N ]
    says out '"name": "first prompt"'
    expect 0 explain a b
    says out "The first difference is in the prompts ($N of $N samples)"
    # The digest is the beginning of the SHA-256 of what is asked.
    prompt=$(sed -n 's/.*"first": "\(<|user|>.*\)".*/\1/p' a/manifest.json | sed 's/\\"/"/g')
    digest=$(printf "$prompt" | sha256sum | cut -c 1-16)
    head -n 1 a/predictions.jsonl >line
    says line "\"digest\": \"$digest "
}
test_that another_template_is_seen_in_the_prompts

another_tokenizer_is_seen_in_the_ids() {
    copy_model
    # Without one merge, " surrounding" is two tokens.
    at=$(grep -n '"Ġsurround",' model/tokenizer.json | cut -d : -f 1)
    sed -i "$((at - 1)),$((at + 2))d" model/tokenizer.json
    run_a
    ask model "$VSR" b
    first_is ids
    [ "$(stage ids samples)" -eq "$(captions_with surrounding)" ]
    [ "$(stage none samples)" -gt $((N / 2)) ]
}
test_that another_tokenizer_is_seen_in_the_ids

fewer_tokens_are_seen_in_the_answers() {
    for run in a "b --max-new-tokens 1"; do
        # shellcheck disable=SC2086
        expect 0 run --model "$COBRA" --task vqav2@triml --data "$ROOT/examples/mini-bench/vqav2" \
            --quiet --limit $N --out $run
    done
    first_is answer
    [ "$(stage logits samples)" -eq 0 ]
    [ "$(stage answer changed)" -gt 0 ] # "bottom" for "bottom right"
    says out '"name": "new tokens at most"'
    # The prompts are those that the reference implementation was asked.
    grep '"task": "vqav2"' "$COBRA/reference_open.jsonl" | sed -n \
        's/.*"id": "\([0-9]*\)".*"prompt_sha256": "\([0-9a-f]*\)".*/\1 \2/p' | sort >reference
    sed -n 's/^{"id": "\([0-9]*\)".*"digest": "\([0-9a-f]*\) .*/\1 \2/p' a/predictions.jsonl |
        sort >ours
    [ "$(comm -12 reference ours | wc -l)" -eq $N ]
}
test_that fewer_tokens_are_seen_in_the_answers

another_scorer_is_seen_behind_the_same_reading() {
    pope=$ROOT/examples/mini-bench/pope
    expect 0 run --model "$COBRA" --task pope@triml --data "$pope" --limit $N --out a --quiet
    # The other one compares with the label as it is written: "Yes" is not "yes".
    sed 's/yes-no-likelihood/true-false-likelihood/; s/"version": 1/"version": 2/
        s/"headline": "final.accuracy"/"headline": "accuracy"/' \
        "$PROTOCOLS/pope@triml.json" >pope.json
    expect 0 run --model "$COBRA" --task ./pope.json --data "$pope" --limit $N --out b --quiet
    cmp a/predictions.jsonl b/predictions.jsonl
    first_is scorer
    [ "$(stage scorer samples)" -gt $((N / 2)) ]
    [ "$(stage scorer samples)" -eq "$(stage scorer changed)" ]
    says out '"name": "scorer"'
    says out '"name": "version of the protocol"'
    expect 0 explain a b
    says out "points come from samples whose answers are read the same and counted differently"
}
test_that another_scorer_is_seen_behind_the_same_reading

another_reading_is_seen_in_the_parse() {
    gqa=$ROOT/examples/mini-bench/gqa
    expect 0 run --model "$COBRA" --task gqa@triml --data "$gqa" --out a --quiet --limit $N
    # One of the scorers makes lower case of the answer, the other takes it as it is.
    sed 's/gqa-triml/gqa-official/' "$PROTOCOLS/gqa@triml.json" >gqa.json
    expect 0 run --model "$COBRA" --task ./gqa.json --data "$gqa" --out b --quiet --limit $N
    first_is parse
    [ "$(stage parse samples)" -eq "$(grep -c '"text": "[^"]*[A-Z]' a/predictions.jsonl)" ]
    [ "$(stage parse changed)" -gt 0 ]
    says out '"most_points": "parse"'
}
test_that another_reading_is_seen_in_the_parse

another_label_is_seen_in_the_scorer() {
    cp -r "$VSR" vsr
    sed -i '5s/"label": 1/"label": 0/; 5t; 5s/"label": 0/"label": 1/' vsr/zeroshot/test.jsonl
    run_a
    ask "$COBRA" vsr b
    first_is scorer
    [ "$(stage scorer samples)" -eq 1 ]
    says out '"name": "annotation files"'
}
test_that another_label_is_seen_in_the_scorer

what_is_not_recorded_is_said() {
    run_a
    ask "$COBRA" "$VSR" b --precision int8
    # As an older version wrote it.
    sed -i 's/, "digest": "[^"]*"//' b/predictions.jsonl
    expect 0 explain a b --json
    adds_up
    [ "$(stage pixels not_told)" -eq $N ]
    [ "$(stage prompt not_told)" -eq 0 ] # the manifests' hashes tell
    # The choices' logits are recorded all the same.
    [ "$(stage logits samples)" -gt $((N - 10)) ]
    [ "$(stage logits may_be_earlier)" -eq "$(stage logits samples)" ]
    expect 0 explain a b
    says out "Not told apart, for the files do not hold it (b has no digests): pixels, ids"
    for run in a b; do
        sed -i 's/, "digest": "[^"]*"//; s/, "logits": [^]]*\]//' $run/predictions.jsonl
    done
    first_is answer
    expect 0 explain a b --format md
    says out "a has no digests, b has no digests"
    says out "| ---"
}
test_that what_is_not_recorded_is_said

baselines_are_explained_by_their_answers() {
    for name in a:yes b:no; do
        expect 0 run --model "baseline:${name#*:}" --task vsr@triml --data "$VSR" \
            --out "${name%:*}" --quiet
    done
    first_is answer
    [ "$(stage answer samples)" -eq 408 ] # half of the captions are true
    says out '"difference": 0,'
    expect 0 explain a b --examples 2
    says out "the scores are equal"
    says out "2 of the 408 samples whose answers are the first to differ"
    says_not a/predictions.jsonl digest
}
test_that baselines_are_explained_by_their_answers

folders_are_explained_by_protocol() {
    mkdir x y
    for side in x y; do
        "$MAMBENCH" run --model baseline:yes --task vsr@triml,pope@triml \
            --data "$DATA/vsr" --data "$DATA/pope" --out "$side" --quiet >out 2>err
    done
    expect 0 explain x y
    says out "pope@triml"
    says out "vsr@triml"
    rm -r x/vsr@triml
    expect 0 explain x y
    says out "Not explained: vsr@triml is in y and not in x."
    rm -r y/pope@triml
    expect 3 explain x y
    says err "nothing to explain"
}
test_that folders_are_explained_by_protocol

a_torn_picture_fails_in_the_pixels() {
    cp -r "$VSR" vsr
    echo torn >vsr/images/000000000143.png
    run_a
    expect 4 run --model "$COBRA" --task vsr@triml --data vsr --limit $N --out b --quiet
    expect 4 explain a b --json
    says out '"first_difference": "pixels"'
    adds_up
    expect 4 explain a b
    says out "(failed: "
    says out "Failed samples count as wrong."
    # A failure in both runs is no difference.
    cp -r b c
    expect 4 explain b c --json
    says out '"first_difference": "none"'
}
test_that a_torn_picture_fails_in_the_pixels

what_cannot_be_explained_is_refused() {
    run_a
    cp -r a b
    expect 2 explain
    expect 2 explain a
    says err "two runs are expected"
    expect 2 explain a b b
    expect 2 explain a a
    says err "are the same run"
    expect 2 explain a b --format loud
    expect 3 explain a nowhere
    expect 0 run --model "$COBRA" --task vsr@triml --data "$VSR" --limit 30 --out c --quiet
    expect 3 explain a c
    says err "--allow-different-samples"
    expect 0 explain a c --allow-different-samples
    says out "No difference is found in any of the 30 samples."
    cp b/predictions.jsonl kept
    head -n 50 kept >b/predictions.jsonl
    expect 3 explain a b
    says err "was not answered"
    sed '5s/"digest": "./"digest": "x/' kept >b/predictions.jsonl
    expect 3 explain a b
    says err "line 5: \"digest\" is not 4 times 16 digits"
    sed '5s/"logits": \[[^]]*\]/"logits": [1]/' kept >b/predictions.jsonl
    expect 3 explain a b
    says err 'line 5: 1 "logits" beside 2'
    cp kept b/predictions.jsonl
    echo '{' >b/manifest.json
    expect 3 explain a b
    rm b/scores.json
    expect 3 explain a b
}
test_that what_cannot_be_explained_is_refused
