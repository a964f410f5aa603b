# study: hallucination on POPE, spatial relations on VSR, and answers kept by `score --out`.
. tests/cli/lib.sh

# The miniatures of the examples, with synthetic answers.
POPE=$ROOT/examples/mini-bench/pope
VSR=$ROOT/examples/mini-bench/vsr

# cell FILE COLUMN NAME=VALUE...: what a csv has in a column of the only row where all names have
# these values.
cell() {
    file=$1
    column=$2
    shift 2
    awk -v column="$column" -v where="$*" '
        {
            line = $0
            n = 0
            while (line != "") { # all fields are quoted
                match(line, /^"([^"]|"")*",?/)
                field = substr(line, 2, RLENGTH - 2)
                sub(/"$/, "", field)
                line = substr(line, RLENGTH + 1)
                fields[++n] = field
            }
            if (NR == 1) {
                for (i = 1; i <= n; i++)
                    at[fields[i]] = i
                next
            }
            n_where = split(where, conditions, " ")
            for (i = 1; i <= n_where; i++) {
                split(conditions[i], pair, "=")
                gsub(/_/, " ", pair[2])
                if (fields[at[pair[1]]] != pair[2])
                    next
            }
            print fields[at[column]]
            rows++
        }
        END { exit rows != 1 }' "$file" || echo "(not one row: $file $*)"
}

# is VALUE FILE COLUMN NAME=VALUE...
is() {
    expected=$1
    shift
    found=$(cell "$@")
    [ "$found" = "$expected" ] || {
        echo "$*: '$found', expected '$expected'"
        return 1
    }
}

# baseline DIR NAME TASK DATA: a finished run without a model.
baseline() {
    "$MAMBENCH" run --model "baseline:$2" --task "$3" --data "$4" --out "$1" --quiet >out 2>err
}

# answer_vsr DIR DATA EVERY [FAILED]: the right answer to every caption but each EVERY-th (0: to
# all), with sample FAILED failed.
answer_vsr() {
    awk -v every="$3" -v failed="${4:--1}" '{
        right = index($0, "\"label\": 1") > 0
        if (every > 0 && (NR - 1) % every == every - 1)
            right = !right
        match($0, /[0-9]+\.png/)
        printf "{\"id\": \"%d\", \"image\": \"%s\", ", NR - 1, substr($0, RSTART, RLENGTH)
        if (NR - 1 == failed)
            print "\"error\": \"the picture is torn\"}"
        else
            print "\"probabilities\": [" (right ? "0.9, 0.1" : "0.1, 0.9") "]}"
    }' "$2/zeroshot/test.jsonl" >"$1/predictions.jsonl"
}

always_yes_has_every_false_alarm() {
    baseline yes yes pope@triml "$POPE"
    expect 0 study hallucination yes --out o
    says out "Answers by split"
    says out "1800 questions, 880 of them distinct"
    says out "counted from the questions labelled yes: 100 pictures, 14 objects"
    says out "synthetic"
    is 600 o/answers.csv n questions=random
    is 300 o/answers.csv false_alarms questions=random
    is 1 o/answers.csv false_alarm_rate questions=pooled
    is 1 o/answers.csv yes_ratio questions=pooled
    is 880 o/answers.csv n questions=distinct
    is 300 o/answers.csv labelled_yes questions=distinct
    # d' is 0 where both rates are the same: the distinct questions have unequal numbers of both.
    is 0 o/answers.csv dprime questions=pooled
    is 0.5 o/probabilities.csv auroc questions=pooled
    is 0.5 o/probabilities.csv auprc questions=pooled
    is 0.5 o/probabilities.csv ece questions=pooled # 1 said, half are
    is 1 o/probabilities.csv bins questions=pooled
    is 1800 o/reliability.csv n questions=pooled
    is 51 o/objects.csv n_yes object=circle
    head -n 1 o/roc.csv >columns
    says columns '"run","model","questions","threshold","false_alarm_rate","hit_rate"'
    head -n 1 o/reliability.csv >columns
    says columns '"bin","n","p_low","p_high","mean_p","share_yes","share_yes_low","share_yes_high"'
    says o/study.md "## Answers by split"
}
test_that always_yes_has_every_false_alarm

hallucinated_objects_are_those_answered_yes() {
    baseline no no pope@triml "$POPE"
    cp no/predictions.jsonl before
    # Yes to each question for a circle that is not there, and to all that is there.
    for split in adversarial popular random; do
        awk -v name="$split" '{ print name, $0 }' "$POPE/coco_pope_$split.json"
    done >questions
    awk 'FNR == NR {
            match($0, /"question_id": [0-9]+/)
            id = $1 "/" substr($0, RSTART + 15, RLENGTH - 15)
            yes[id] = index($0, "\"label\": \"yes\"") || index($0, "a circle")
            next
        }
        {
            match($0, /"id": "[^"]*"/)
            id = substr($0, RSTART + 7, RLENGTH - 8)
            sub(/"probabilities": \[.*\]/,
                "\"probabilities\": " (yes[id] ? "[0.75, 0.25]" : "[0.25, 0.75]"))
            print
        }' questions before >no/predictions.jsonl
    expect 0 study hallucination no --out o --examples 2
    is 1 o/answers.csv hit_rate questions=pooled
    is 1 o/objects.csv false_alarm_rate object=circle
    is 0 o/objects.csv false_alarm_rate object=ring
    is 1 o/hallucinated.csv hit_rate object=circle
    [ "$(wc -l <o/hallucinated.csv)" -eq 2 ]
    [ "$(wc -l <o/examples.csv)" -eq 3 ]
    says o/examples.csv '"Is there a circle in the image?","Yes","0.75"'
    says o/examples.csv "COCO_val2014_"
    # The circle is the most frequent: all false alarms are of its band.
    is 0 o/frequency.csv false_alarm_rate band=rare
    grep -c '"0.75","0.75"' o/reliability.csv >count
    [ "$(cat count)" -ge 1 ]
}
test_that hallucinated_objects_are_those_answered_yes

company_is_counted_in_coco() {
    baseline yes yes pope@triml "$POPE"
    cat >instances.json <<'END'
{"images": [{"id": 1, "file_name": "COCO_val2014_000000000001.png"}, {"id": 2, "file_name": "other.png"}],
 "annotations": [{"image_id": 1, "category_id": 5}, {"image_id": 2, "category_id": 5},
                 {"image_id": 2, "category_id": 6}],
 "categories": [{"id": 5, "name": "heart"}, {"id": 6, "name": "ring"}]}
END
    expect 0 study hallucination yes --coco instances.json --out o
    says out "counted from instances.json: 2 pictures, 2 objects"
    says out "ask for an object that the source does not know"
    # A ring is not there; a heart is, and of the two pictures with one, one has a ring.
    is 0.5 o/cooccurrence.csv company_low band=often
    is 2 o/objects.csv pictures object=heart
    expect 3 study hallucination yes --coco nowhere.json
    says err "nowhere.json"
    echo '{"images": []}' >instances.json
    expect 3 study hallucination yes --coco instances.json
    says err "categories"
}
test_that company_is_counted_in_coco

answers_of_other_programs_become_a_run() {
    awk 'BEGIN { for (i = 1; i <= 600; i++) for (s = 0; s < 3; s++)
        printf "{\"id\": \"%s/%d\", \"text\": \"%s\"}\n", s == 0 ? "random" : s == 1 ? "popular" : "adversarial",
               i, i % 2 ? "Yes" : i % 8 ? "No" : "Yes, there is" }' >answers.jsonl
    expect 0 score --task pope@llava --format jsonl --predictions answers.jsonl --data "$POPE" \
        --out run --name somebody
    cp out scored
    expect 0 report run --format md
    says out "somebody"
    expect 0 study hallucination run --out o
    says out "somebody"
    is "" o/probabilities.csv auroc questions=pooled
    is "" o/probabilities.csv ece questions=distinct
    [ "$(wc -l <o/roc.csv)" -eq 1 ]
    is 0.25 o/answers.csv false_alarm_rate questions=random
    is somebody o/runs.csv name
    says run/manifest.json '"imported"'
    says run/manifest.json '"baseline": false'
    # What is kept scores as it did.
    expect 0 score run --json
    says out '"pooled/accuracy"'
    grep -F "$(awk '$1 == "pooled/accuracy" { print $2 }' scored)" run/report.md >found
    # It is not written over, and needs its questions.
    expect 2 score --task pope@llava --format jsonl --predictions answers.jsonl --data "$POPE" --out run
    says err "holds a run already"
    expect 2 score --task pope@llava --format jsonl --predictions answers.jsonl --out other
    expect 2 score --tasks pope@llava,pope@official --format jsonl --predictions answers.jsonl \
        --data "$POPE" --out other
    expect 2 score run --out other
    [ ! -e other ]
}
test_that answers_of_other_programs_become_a_run

missing_imported_answers_have_failed() {
    awk 'BEGIN { for (i = 1; i <= 100; i++) for (s = 0; s < 3; s++)
        printf "{\"id\": \"%s/%d\", \"text\": \"%s\"}\n", s == 0 ? "random" : s == 1 ? "popular" : "adversarial",
               i, i % 4 == 1 ? "Yes" : "No" }' >answers.jsonl
    expect 4 score --task pope@llava --format jsonl --predictions answers.jsonl --data "$POPE" --out run
    says run/predictions.jsonl "the imported file has no answer"
    expect 4 study hallucination run --out o
    is 1500 o/answers.csv failed questions=pooled
    is 0.25 o/answers.csv yes_ratio questions=random # of answers
    is 0.5 o/answers.csv hit_rate questions=random
    is 0.125 o/answers.csv accuracy questions=random # of all: 25 + 50 of 600
    says out "Failed samples count as wrong"
}
test_that missing_imported_answers_have_failed

runs_are_held_against_the_first() {
    baseline a yes vsr@triml "$VSR"
    cp -r a b
    answer_vsr a "$VSR" 50
    answer_vsr b "$VSR" 7
    expect 0 study spatial a b --out o
    is lower o/tests.csv verdict family=answers subset=all quantity=accuracy
    is 408 o/tests.csv n family=answers subset=all quantity=accuracy
    [ "$(cell o/tests.csv difference family=answers subset=all quantity=accuracy | cut -c1-8)" = "-0.12254" ]
    "$MAMBENCH" compare a b --json >compared
    p=$(sed -n 's/.*"p": \(.*\),/\1/p' compared | head -n 1)
    is "$p" o/tests.csv p family=answers subset=all quantity=accuracy
    # Holm's correction is over a family: no p gets smaller, and the first is times its tests.
    expect 0 study spatial a b --json
    says out '"tests": ['
    OMP_NUM_THREADS=1 "$MAMBENCH" study spatial a b --json >one
    OMP_NUM_THREADS=3 "$MAMBENCH" study spatial a b --json >three
    cmp one three
    expect 2 study spatial a b --draws 10
    baseline p yes pope@triml "$POPE"
    baseline q no pope@triml "$POPE"
    expect 0 study hallucination p q --out h
    is lower h/tests.csv verdict subset=random "quantity=false_alarm_rate"
    is -1 h/tests.csv difference subset=random "quantity=false_alarm_rate"
    is inconclusive h/tests.csv verdict subset=random quantity=accuracy
}
test_that runs_are_held_against_the_first

few_captions_are_shown_together() {
    baseline a yes vsr@triml "$VSR"
    answer_vsr a "$VSR" 50
    expect 0 study spatial a --out o
    [ "$(wc -l <o/relations.csv)" -eq 18 ] # 17 relations of 24 captions
    is 24 o/relations.csv n relation=left_of
    expect 0 study spatial a --least 25 --out p
    is 168 p/relations.csv n category=Projective
    is 7 p/relations.csv relations category=Projective
    is "other (7 relations)" p/relations.csv relation category=Projective
    says p/relations.csv "below; in front of"
    is 24 p/relations.csv n category=Directional # alone, it keeps its name
    is "away from" p/relations.csv relation category=Directional
    is 168 p/categories.csv n category=Projective
    says out "not measured, for one of the two has no caption"
    for file in runs categories relations orientation; do
        [ -s "p/$file.csv" ]
    done
}
test_that few_captions_are_shown_together

captions_are_turned_and_read_back() {
    baseline a yes vsr@triml "$VSR"
    expect 0 study spatial a --write-questions made
    says out "408 captions, of which 0 do not parse"
    says out "406 converse, 329 opposite, 408 not"
    says out "--task vsr@triml --data made"
    expect 0 study spatial --data "$VSR" --write-questions again
    cmp made/zeroshot/test.jsonl again/zeroshot/test.jsonl
    expect 0 task show vsr@triml --data made --sample 0
    baseline m yes vsr@triml made
    says m/report.md "are only assumed"
    says m/report.md "synthetic"
    # Always True: what is said twice is the same, and contradicts itself.
    expect 0 study spatial a --extra m --out o
    is 1 o/consistency.csv consistent kind=converse
    is 0 o/consistency.csv consistent kind=opposite
    is 0 o/consistency.csv consistent kind=not
    is 408 o/consistency.csv n kind=not
    is 336 o/consistency.csv both_true kind=opposite
    is 168 o/consistency.csv known kind=opposite
    is 0.5 o/consistency.csv made_accuracy kind=converse
    # Right answers to all are consistent.
    answer_vsr a "$VSR" 0
    answer_vsr m made 0
    expect 0 study spatial a --extra m --out p
    for kind in converse opposite not; do
        is 1 p/consistency.csv consistent kind=$kind
        is 1 p/consistency.csv made_accuracy kind=$kind
    done
    is 24 p/consistency_relations.csv n kind=converse relation=left_of
    # A failed one is counted, and no answer.
    answer_vsr m made 0 0
    expect 4 study spatial a --extra m --out q
    is 407 q/consistency.csv n kind=converse
}
test_that captions_are_turned_and_read_back

turned_captions_do_not_replace_a_benchmark() {
    cp -r "$VSR" data
    expect 2 study spatial --data data --write-questions data
    says err "is there already"
    cmp data/zeroshot/test.jsonl "$VSR/zeroshot/test.jsonl"
    expect 2 study spatial --write-questions made
    says err "those of --data"
    expect 2 study spatial --data "$POPE" --task pope@triml --write-questions made
    says err "only captions of vsr"
    expect 3 study spatial --data nowhere --write-questions made
    mkdir -p odd/zeroshot
    echo '{"image": "a.jpg", "caption": "Two cats left of a dog.", "label": 1, "relation": "left of"}' >odd/zeroshot/test.jsonl
    expect 3 study spatial --data odd --write-questions made
    says err "no caption of odd/zeroshot/test.jsonl can be turned"
    echo '{"image": "a.jpg", "caption": "The cat is left of the dog.", "label": 1, "relation": "left of"}' >>odd/zeroshot/test.jsonl
    expect 0 study spatial --data odd --write-questions made
    says out "2 captions, of which 1 do not parse"
    says err "there are no pictures"
    [ ! -e made/images ]
}
test_that turned_captions_do_not_replace_a_benchmark

what_cannot_be_studied_is_refused() {
    baseline v yes vsr@triml "$VSR"
    baseline p yes pope@triml "$POPE"
    expect 2 study
    expect 2 study hallucinations p
    says err "did you mean hallucination"
    expect 2 study hallucination
    expect 2 study spatial v --coco x.json
    says err "--coco is for the study 'hallucination'"
    expect 2 study hallucination p --bins 0
    expect 2 study hallucination p p
    says err "p is named twice"
    expect 2 study spatial v --write-questions made --out o
    expect 3 study hallucination v
    says err "v is a run of vsr@triml; this study is of pope"
    expect 3 study spatial p
    expect 3 study spatial nowhere
    # Among several, what is of another benchmark is told and left out.
    expect 0 study spatial v p
    says err "p is left out: it is a run of pope@triml"
    # --extra: one for each run, of the same model, of made captions.
    expect 2 study spatial v --extra v --extra v
    baseline other yes vsr@triml "$DATA/vsr"
    expect 3 study spatial v --extra other
    says err "was not asked any caption that is made of those"
    expect 3 study spatial v --extra p
    says err "not of made captions"
    baseline n no vsr@triml "$VSR"
    expect 3 study spatial v --extra n
    says err "consistency is one model's own"
    # Without scores; unfinished; of an older schema; with failed samples.
    cp -r v w
    rm w/scores.json
    expect 3 study spatial w
    says err "scores"
    expect 4 study spatial v w
    cp -r v w2
    head -n 5 v/predictions.jsonl >w2/predictions.jsonl
    expect 3 study spatial w2
    says err "unfinished"
    cp -r v w3
    grep -v '"hash"' v/manifest.json >w3/manifest.json
    expect 3 study spatial w3
    says err '"hash"'
    answer_vsr v "$VSR" 0 3
    expect 4 study spatial v --out o
    is 1 o/categories.csv failed category=all
    says out "Failed samples count as wrong"
    : >file
    expect 5 study spatial v --out file
}
test_that what_cannot_be_studied_is_refused

shared() {
    [ -n "${SHARED:-}" ] || skip "needs SHARED=DIR"
}

# The counts that LLaVA's own scorer gives for these answers.
real_llava_answers_have_the_reference_counts() {
    shared
    expect 0 score --task pope@llava --predictions "$SHARED/data/pope/pope_llava15_13b.jsonl" \
        --data "$SHARED/data/pope/2910" --out llava --name llava-1.5-13b
    expect 0 study hallucination llava --out o
    for split in random:31:1410 popular:59:1500 adversarial:117:1500; do
        name=${split%%:*}
        rest=${split#*:}
        is 1182 o/answers.csv hits "questions=$name"
        is 1500 o/answers.csv labelled_yes "questions=$name"
        is "${rest%:*}" o/answers.csv false_alarms "questions=$name"
        is $((1500 + ${rest#*:})) o/answers.csv n "questions=$name"
    done
    is 0.855 o/answers.csv accuracy questions=adversarial
    is 0.433 o/answers.csv yes_ratio questions=adversarial
    is 0.788 o/answers.csv hit_rate questions=pooled
    says out "8910 questions, 5043 of them distinct"
    # scipy: norm.ppf(1182.5 / 1501) - norm.ppf(117.5 / 1501) = 2.21556765050512
    [ "$(cell o/answers.csv dprime questions=adversarial | cut -c1-11)" = "2.215567650" ]
    is "" o/probabilities.csv auroc questions=random
    [ "$(wc -l <o/objects.csv)" -eq 80 ]
    baseline all yes pope@triml "$SHARED/data/pope"
    expect 0 study hallucination all --out a
    says out "9000 questions, 5127 of them distinct"
}
test_that real_llava_answers_have_the_reference_counts

real_vsr_has_the_official_counts() {
    shared
    baseline floor yes vsr@triml "$SHARED/data/vsr"
    expect 0 study spatial floor --least 1 --out o
    is 1222 o/categories.csv n category=all
    [ "$(cell o/categories.csv accuracy category=all | cut -c1-6)" = "0.5147" ]
    for count in Topological:492 Projective:451 Adjacency:116 Orientation:49 Directional:42 \
        Unallocated:40 Proximity:32; do
        is "${count#*:}" o/categories.csv n "category=${count%:*}"
    done
    for count in under:107 contains:104 touching:89 on_top_of:89 facing_away_from:23 off:1; do
        is "${count#*:}" o/relations.csv n "relation=${count%:*}"
    done
    [ "$(wc -l <o/relations.csv)" -eq 54 ] # 53 relations
    is 49 o/orientation.csv first_n
    expect 0 study spatial floor --out p
    is "facing away from" p/relations.csv relation category=Orientation relations=1
    is 26 p/relations.csv n category=Orientation relations=3
    expect 0 study spatial floor --write-questions made
    says out "1222 captions, of which 0 do not parse"
    baseline turned yes vsr@triml made
    expect 0 study spatial floor --extra turned --out q
    is 1 q/consistency.csv consistent kind=converse
    is 0 q/consistency.csv consistent kind=not
}
test_that real_vsr_has_the_official_counts
