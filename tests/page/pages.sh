# Runs and their pages for the checks.  The benchmark is the miniature one of the examples (synthetic
# pictures) answered by baselines; the hostile and the large one are made here.

MINI=$ROOT/examples/mini-bench

# may CODES COMMAND...: runs it; its exit code must be 0 or one of these.
may() {
    local codes=" 0 $1 " code=0
    shift
    "$@" || code=$?
    case $codes in
    *" $code "*) ;;
    *) echo "exit code $code: $*"; return 1 ;;
    esac
}

# baseline MODEL TASK DATA OUT
baseline() {
    "$MAMBENCH" run --model "baseline:$1" --task "$2" --data "$3" --out "$4" --quiet >"$WORK/run.log" 2>&1 || {
        cat "$WORK/run.log"
        return 1
    }
}

# mini.html: two answerers of POPE and VSR; one sample of the first failed.
make_mini() {
    local model
    for model in yes random; do
        baseline $model pope@triml "$MINI/pope" "$WORK/mini/$model/pope"
        baseline $model vsr@triml "$MINI/vsr" "$WORK/mini/$model/vsr"
    done
    local log=$WORK/mini/yes/pope/predictions.jsonl
    jq -c 'if .id == "random/7" then {id, image, error: "the picture is torn"} else . end' \
        "$log" >"$WORK/log" && mv "$WORK/log" "$log"
    may 4 "$MAMBENCH" score "$WORK/mini/yes/pope" >/dev/null 2>&1
    may "4 6" "$MAMBENCH" compare "$WORK/mini/random/pope" "$WORK/mini/yes/pope" --flips 0 --json \
        >"$WORK/compare.json"
    may 4 "$MAMBENCH" report "$WORK/mini" --format html --out "$WORK/mini.html"
}

# hostile.html: markup and worse in every place that comes from a file.
make_hostile() {
    local data=$WORK/hostile picture='a #1% & "<b>.jpg'
    mkdir -p "$data/val"
    cp "$(find "$MINI/vizwiz/val" -name '*.jpg' | head -n 1)" "$data/val/$picture"
    jq -n --arg image "$picture" '
        def answers($text): [range(10) | {answer: $text, answer_confidence: "yes"}];
        [{image: $image, question: "</script><script>window.hit = 1</script> one?", answer_type: "other",
          answerable: 1, answers: answers("<img src=x onerror=\"window.hit = 2\">")},
         {image: $image, question: "line\u2028and\u2029and <!-- <script> two?", answer_type: "other",
          answerable: 1, answers: answers("\u0027\"><svg onload=window.hit=3>")},
         {image: $image, question: "]]>\\u003c/script> {{script}} {question} three?",
          answer_type: "<b>type</b>", answerable: 1, answers: answers("${window.hit=4}")}]' \
        >"$data/val.json"
    baseline majority vizwiz@triml "$data" "$WORK/hostile-run"
    local log=$WORK/hostile-run/predictions.jsonl
    jq -c 'if .id == "2" then {id, image, error: "</pre><script>window.hit = 5</script>"}
           else .text = "</script><script>window.hit = 6</script>\u2028\u202e" end' "$log" >"$WORK/log"
    mv "$WORK/log" "$log"
    may 4 "$MAMBENCH" score "$WORK/hostile-run" >/dev/null 2>&1
    sed -i 's|"name": "baseline:majority"|"name": "</script><script>window.hit = 7</script>"|' \
        "$WORK/hostile-run/manifest.json"
    mkdir "$WORK/figures"
    cat >"$WORK/figures/<i>.svg" <<'SVG'
<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20" onload="window.hit = 8"><script>
parent.hit = 9; fetch("http://127.0.0.1:9/")</script><rect width="40" height="20" style="fill: #888"/>
<image href="http://127.0.0.1:9/x.png" width="9" height="9"/></svg>
SVG
    may 4 "$MAMBENCH" report "$WORK/hostile-run" --format html --out "$WORK/hostile.html" \
        --figures "$WORK/figures"
}

# many.html: 10,000 captions, answered twice.
make_many() {
    local data=$WORK/many
    mkdir -p "$data/zeroshot"
    ln -s "$MINI/vsr/images" "$data/images"
    local first
    first=$(head -n 1 "$MINI/vsr/zeroshot/test.jsonl")
    printf '%s\n' "$first" | jq -c 'range(10000) as $i | .caption = "Cat \($i) is left of dog \($i % 97)." |
        .label = $i % 2 | .relation = ["left of", "under", "facing"][$i % 3]' >"$data/zeroshot/test.jsonl"
    baseline yes vsr@triml "$data" "$WORK/many-yes"
    baseline random vsr@triml "$data" "$WORK/many-random"
    "$MAMBENCH" report "$WORK/many-yes" "$WORK/many-random" --format html --out "$WORK/many.html"
}

make_mini
make_hostile
make_many
browser_start "$WORK"
