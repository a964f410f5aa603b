# report --format html: one file; what is missing is told.  A browser looks at it in tests/page.
. tests/cli/lib.sh

# a_run DIR [DATA]: the 18 captions of the tests, answered by a baseline.
a_run() {
    "$MAMBENCH" run --model baseline:yes --task vsr@triml --data "${2:-$DATA/vsr}" --out "$1" --quiet \
        >/dev/null 2>&1
}

# own_data: a copy of the benchmark that may be damaged.
own_data() {
    mkdir -p data
    cp -r "$DATA/vsr/." data
}

# addresses PAGE: of its pictures.
addresses() {
    sed -n '/^"images": \[/,$p' "$1" | grep -o '"[^"]*\.png"' | tr -d '"'
}

a_page_is_one_file() {
    a_run run
    mkdir -p far/away
    expect 0 report run --format html --out far/away/page.html
    [ ! -s out ]
    expect 0 report run --format html
    cp out page.html
    says page.html "Content-Security-Policy"
    says page.html "default-src 'none'"
    says page.html "The cat is under the dog."
    says_not page.html "http:"
    says_not page.html "https:"
    expect 0 report run --format html
    cmp out page.html # the same bytes every time
    [ "$(addresses page.html | wc -l)" -eq 6 ]
    # A picture's address is seen from where the page lies.
    for place in . far/away; do
        (cd $place && addresses page.html | while read -r name; do [ -s "$name" ] || exit 1; done)
    done
}
test_that a_page_is_one_file

thumbnails_are_inside() {
    a_run run
    expect 0 report run --format html --thumbnails
    [ "$(grep -o 'data:image/jpeg;base64,' out | wc -l)" -eq 6 ]
    [ "$(addresses out | wc -l)" -eq 0 ]
}
test_that thumbnails_are_inside

samples_are_bounded_on_demand() {
    a_run run
    expect 0 report run --format html --samples 5
    says out '"leftOut": 13'
    [ "$(grep -c '^{"id": ' out)" -eq 5 ]
    expect 0 report run --format html --samples 0
    says out '"leftOut": 18'
}
test_that samples_are_bounded_on_demand

a_benchmark_that_is_gone_is_told() {
    own_data
    a_run run data
    mv data elsewhere
    expect 3 report run --format html --out page.html
    says err "shown by their answers alone"
    says page.html "shown by their answers alone"
    says page.html '"p": [1, 0]' # the answers themselves are there
    says_not page.html "The cat is under the dog."
    says page.html "50.00 %" # and so are the scores
}
test_that a_benchmark_that_is_gone_is_told

other_annotations_are_not_taken_for_the_runs() {
    own_data
    a_run run data
    sed -i 's/The cat is under the dog/The cat is over the dog/' data/zeroshot/test.jsonl
    expect 3 report run --format html --out page.html
    says page.html "are not those of the run"
    says_not page.html "The cat is over the dog"
}
test_that other_annotations_are_not_taken_for_the_runs

pictures_that_are_gone_are_told() {
    own_data
    a_run run data
    rm data/images/000000000003.png
    : >data/images/000000000004.png
    expect 3 report run --format html --out page.html
    says page.html "1 of 6 pictures cannot be shown"
    says page.html "000000000003.png"
    [ "$(addresses page.html | wc -l)" -eq 5 ]
    expect 3 report run --format html --thumbnails --out page.html
    says page.html "2 of 6 pictures cannot be shown" # an empty file is none
}
test_that pictures_that_are_gone_are_told

failed_and_unfinished_runs_are_told() {
    a_run runs/a
    a_run runs/b
    sed -i '3s/.*/{"id": "12", "image": "000000000001.png", "error": "torn <b>"}/' \
        runs/a/predictions.jsonl
    expect 4 score runs/a
    expect 4 report runs/a --format html --out page.html
    says page.html "1 of 18 samples have no answer"
    says page.html "torn &lt;b&gt;"
    says page.html 'torn \u003cb\u003e'
    rm runs/b/scores.json
    expect 4 report runs --format html --out page.html
    says page.html "runs/b is left out: it has no scores yet"
    expect 3 report runs/b --format html --out none.html
    says err "mambench score"
    [ ! -e none.html ]
}
test_that failed_and_unfinished_runs_are_told

a_run_of_an_older_program_is_told() {
    a_run run
    hash=$(sed -n 's/.*"hash": "\([0-9a-f]*\)".*/\1/p' run/manifest.json | head -n 1)
    cat >run/manifest.json <<JSON
{"protocol": {"name": "vsr@triml", "hash": "$hash"}, "data": {"directory": "$DATA/vsr"},
 "selection": {"samples": 18}, "model": {"name": "baseline:yes"}}
JSON
    rm -f run/timings.jsonl
    expect 0 report run --format html --out page.html
    says page.html "does not tell its command, its first prompt, its annotation files, the machine"
    says page.html "has no timings"
    says page.html "The cat is under the dog."
}
test_that a_run_of_an_older_program_is_told

figures_are_shown() {
    a_run run
    mkdir figures
    echo '<svg xmlns="http://www.w3.org/2000/svg"/>' >figures/pareto.svg
    echo '<svg xmlns="http://www.w3.org/2000/svg" id="a"/>' >run/roc.svg
    echo text >figures/pareto.csv
    expect 0 report run --format html --figures figures
    [ "$(grep -o 'data:image/svg+xml;base64,' out | wc -l)" -eq 2 ]
    says out "<figcaption>pareto</figcaption>"
    says out "<figcaption>roc</figcaption>"
    says out 'href="#figures"'
    expect 0 report run --format html --figures new # drawn where there are none, if there are numbers
    says err "figure history: not drawn"
    expect 0 report run --format html
    says out "<figcaption>roc</figcaption>"
    rm run/roc.svg
    expect 0 report run --format html
    says_not out "<figure>"
}
test_that figures_are_shown

options_of_the_page_are_its_own() {
    a_run run
    expect 2 report run --thumbnails
    says err "--thumbnails is for --format html"
    expect 2 report run --format csv --samples 3
    says err "--samples is for --format html"
    expect 0 report run --out report.md
    says report.md "# baseline:yes on vsr@triml"
    expect 5 report run --format html --out nowhere/page.html
    expect 2 report run --format htm
    says err "html"
}
test_that options_of_the_page_are_its_own
