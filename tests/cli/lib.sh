# What every command-line test includes.  A test is a function, run in a directory of its own:
#     test_that a_sentence_about_the_program

DATA=$ROOT/tests/data/cli
NO_COLOR=1
export NO_COLOR

test_that() {
    directory=$RESULTS/$1
    mkdir -p "$directory"
    # Not in a condition: there `set -e` would be off.
    (cd "$directory" && set -e && "$1") >"$directory.log" 2>&1
    case $? in
    0)
        echo "P $1" >>"$RESULTS/log"
        echo "  ok      $1"
        ;;
    77)
        echo "S $1" >>"$RESULTS/log"
        echo "  skipped $1: $(tail -n 1 "$directory.log")"
        ;;
    *)
        echo "F $1" >>"$RESULTS/log"
        echo "  FAILED  $1"
        sed 's/^/    /' "$directory.log"
        ;;
    esac
    rm -rf "$directory"
}

# expect CODE ARGUMENT...: runs mambench, keeps its output in `out` and `err`, compares the code.
expect() {
    code=$1
    shift
    set +e
    "$MAMBENCH" "$@" >out 2>err
    got=$?
    set -e
    if [ "$got" -ne "$code" ]; then
        echo "mambench $*: exit code $got, expected $code"
        cat out err
        return 1
    fi
}

# says FILE PART: the file contains the part, literally.
says() {
    grep -qF -e "$2" "$1" || {
        echo "$1 does not say: $2"
        cat "$1"
        return 1
    }
}

# says_not FILE PART
says_not() {
    if grep -qF -e "$2" "$1"; then
        echo "$1 says: $2"
        return 1
    fi
}

# skip REASON
skip() {
    echo "$1"
    exit 77
}

# wait_for FILE PID: until the process has written something, or has ended.
wait_for() {
    while [ ! -s "$1" ]; do
        kill -0 "$2" 2>/dev/null || {
            echo "$1 is empty, and its writer has ended"
            return 1
        }
        sleep 0.02
    done
}

# The tiny model with invented weights: everything is real but the answers.
TINY="--model $DATA/tiny --random-weights --max-new-tokens 6 --quiet"

# many_captions N: a VSR folder `many` with N captions about the six pictures.
many_captions() {
    mkdir -p many/zeroshot
    ln -s "$DATA/vsr/images" many/images
    awk -v n="$1" 'BEGIN {
        for (i = 0; i < n; i++)
            printf "{\"image\": \"%012d.png\", \"caption\": \"Cat %d is left of the dog.\", " \
                   "\"label\": %d, \"relation\": \"left of\"}\n", i % 6 + 1, i, i % 2
    }' >many/zeroshot/test.jsonl
}

# The miniature VSR of the examples: 408 synthetic captions.  Samples are numbered by line.
VSR=$ROOT/examples/mini-bench/vsr

# baseline DIR [OPTION...]: a real run, whose answers answer_all() replaces.
baseline() {
    directory=$1
    shift
    "$MAMBENCH" run --model baseline:yes --task vsr@triml --data "$VSR" --out "$directory" \
        --quiet "$@" >out 2>err
}

# answer_all DIR EVERY [FAILED]: the right answer to all captions but each EVERY-th, with sample
# FAILED failed; synthetic answers.
answer_all() {
    awk -v every="$2" -v failed="${3:--1}" '{
        right = index($0, "\"label\": 1") > 0
        if ((NR - 1) % every == every - 1)
            right = !right
        match($0, /[0-9]+\.png/)
        printf "{\"id\": \"%d\", \"image\": \"%s\", ", NR - 1, substr($0, RSTART, RLENGTH)
        if (NR - 1 == failed)
            print "\"error\": \"the picture is torn\"}"
        else
            print "\"probabilities\": [" (right ? "0.9, 0.1" : "0.1, 0.9") "]}"
    }' "$VSR/zeroshot/test.jsonl" >"$1/predictions.jsonl"
}

# two_runs EVERY EVERY: runs `a` and `b`.
two_runs() {
    baseline a
    cp -r a b
    answer_all a "$1"
    answer_all b "$2"
}
