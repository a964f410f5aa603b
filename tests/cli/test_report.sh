# Tables and figures of finished runs, end to end.
. tests/cli/lib.sh

GOLDEN=$ROOT/tests/data/report

# The six benchmarks by three miniatures, as they were measured, in x.
copy_runs() {
    mkdir x
    cp -r "$GOLDEN"/mini-* "$GOLDEN/suite.json" x/
    [ ! -d "$GOLDEN/speed" ] || cp -r "$GOLDEN/speed" .
    sed -i "s|@ROOT@|$ROOT|" x/*/*/manifest.json
}

six_tasks_by_three_miniatures_are_the_golden_table() {
    copy_runs
    for format in md csv tex json; do
        expect 0 report x speed --published cobra,ml-mamba,llava-1.5-7b --format $format
        diff "$GOLDEN/golden.$format" out
    done
}
test_that six_tasks_by_three_miniatures_are_the_golden_table

# Every number of the table, in reading order, in each format.
the_four_formats_tell_the_same_numbers() {
    copy_runs
    for format in csv json; do
        expect 0 report x speed --published cobra,llava-1.5-7b --format $format
        cp out table.$format
    done
    grep -c '"value": [0-9]' table.json >n
    # kind, system, notes, then seven fields a column: the first is the value.
    awk -F'","' '/^"(run|published|floor|samples)"/ {
        for (i = 4; i <= NF; i += 7) { gsub(/"/, "", $i); if ($i != "") print $i } }' table.csv >a
    sed -n 's/^ *"value": \([0-9.]*\),$/\1/p' table.json >b
    [ "$(cat n)" -eq "$(wc -l <b)" ]
    diff a b
    for format in md tex; do
        expect 0 report x speed --published cobra,llava-1.5-7b --format $format
        while read -r number; do says out "$number"; done <a
    done
}
test_that the_four_formats_tell_the_same_numbers

the_latex_compiles() {
    command -v pdflatex >/dev/null || skip "pdflatex is not installed (make deps-check)"
    copy_runs
    n=0
    for arguments in "x speed --published all" "x --layout vsr-categories" \
        "x --layout pope-splits --published llava-1.5-7b" "--layout cobra-table2" \
        "--layout cobra-table3" "--layout ml-mamba-table2"; do
        n=$((n + 1))
        # shellcheck disable=SC2086 # words
        expect 0 report $arguments --format tex
        {
            printf '%s\n' '\documentclass{article}' '\usepackage[a4paper,landscape,margin=1cm]{geometry}' \
                '\usepackage{booktabs,textcomp}' '\begin{document}'
            cat out
            printf '%s\n' '\end{document}'
        } >t$n.tex
        pdflatex -interaction=nonstopmode -halt-on-error t$n.tex >t$n.out || {
            tail -n 30 t$n.out
            return 1
        }
        [ -s t$n.pdf ]
    done
}
test_that the_latex_compiles

a_suite_keeps_names_order_and_scenarios() {
    copy_runs
    mkdir -p x/mini-cobra/cobra-table3
    cp speed/mini-cobra/profile.json x/mini-cobra/cobra-table3/
    sed -i 's|"cells": \[|"cells": [ {"model": "mini-cobra", "task": "cobra-table3", "state": "finished"}, {"model": "none", "task": "pope@triml", "state": "failed", "reason": "no such model"},|' x/suite.json
    expect 4 report x --format grid
    says out "tokens/s"
    says out "failed (1)"
    says out "no such model"
    sed -n 3,6p out | awk '{ print $1 }' >rows
    printf '%s\n' mini-cobra none mini-ml-mamba mini-llama | diff - rows
    expect 4 report x
    says out "blank: no such model"
    says out "| none"
}
test_that a_suite_keeps_names_order_and_scenarios

what_is_missing_is_said_and_counted() {
    copy_runs
    rm x/mini-llama/pope@triml/scores.json
    expect 4 report x
    says out "blank: x/mini-llama/pope@triml has no scores yet"
    says out "no profile of this model"
    sed -i 's/"failed": *0/"failed": 7/' x/mini-cobra/vsr@triml/scores.json
    expect 4 report x
    says out "7 of 408 samples have no answer and count as wrong"
    # An older version's manifest, and a profile of a newer one.
    sed -i '/image_tokens/d; /"family"/d' x/mini-cobra/*/manifest.json
    mkdir new
    echo '{"profile": 99, "rows": []}' >new/profile.json
    expect 4 report x new
    says out "did not record it"
    says err "version 99"
    echo '{"profile": 1' >new/profile.json
    expect 3 report x new
    says err "new/profile.json"
    expect 3 report x/mini-llama/pope@triml
}
test_that what_is_missing_is_said_and_counted

other_weights_leave_the_speed_blank() {
    copy_runs
    sed -i 's/"model_sha256": "[0-9a-f]\{8\}/"model_sha256": "00000000/' speed/mini-cobra/profile.json
    expect 0 report x speed
    says out "other weights (00000000, not"
    sed -i 's/"precision": "bf16"/"precision": "int8"/' speed/mini-llama/profile.json
    expect 0 report x speed
    says out "was measured in int8, the answers were given in bf16"
}
test_that other_weights_leave_the_speed_blank

printed_rows_stand_alone() {
    expect 0 report --published cobra,llava-1.5-7b
    for trap in T1 T2 T3 T4 T6; do says out "<sup>$trap</sup> trap: "; done
    says out "(85.9)"
    says out "split: test-dev, not val"
    expect 0 report --layout cobra-table2
    says out "OpenFlamingo"
    expect 0 report --layout cobra-table3 --format csv
    says out '"166.47"'
    expect 2 report --published nobody
    says err "llava-1.5-7b"
    expect 2 report
    says err "--published"
    expect 2 report --layout vsr-categories
    expect 2 report --layout none
}
test_that printed_rows_stand_alone

one_run_is_its_own_report() {
    copy_runs
    expect 0 report x/mini-cobra/vsr@triml
    says out "# cobra+mini on vsr@triml"
    expect 0 report x/mini-cobra/vsr@triml --layout systems
    says out "# Systems by benchmarks"
    expect 0 report x --layout runs
    says out "# 18 runs"
}
test_that one_run_is_its_own_report

figures_are_numbers_and_scripts() {
    copy_runs
    # Without gnuplot: a PATH that has none.
    PATH_BEFORE=$PATH
    PATH=$PWD/nothing
    export PATH
    "$MAMBENCH" report x speed --figures f >out 2>err
    PATH=$PATH_BEFORE
    says err "gnuplot is not installed"
    for name in quality-latency quality-memory state-bytes vsr-relations; do
        [ -s f/$name.csv ] && [ -s f/$name.gp ] && [ ! -e f/$name.svg ]
    done
    says err "figure depth-tpot: not drawn: no profile over several depths"
    says err "figure history: not drawn"
    says f/quality-latency.csv "mini-cobra"
}
test_that figures_are_numbers_and_scripts

gnuplot_draws_them() {
    command -v gnuplot >/dev/null || skip "gnuplot is not installed (make deps-check)"
    copy_runs
    for day in 1 2 3; do
        printf '{"history": 1, "run": "%s", "commit": "c%s", "date": "2026-11-0%sT10:00:00Z", "task": "vsr@triml", "model": "it'"'"'s", "headline": "accuracy", "scores": {"accuracy": [0.9%s, 0.85, 0.97]}, "scale": {"accuracy": 1}}\n' \
            $day $day $day $day
    done >h.jsonl
    sed -i 's|"@ROOT@|"'"$ROOT"'|' x/*/*/manifest.json
    expect 0 report x speed --figures f --history h.jsonl
    for name in quality-latency quality-memory state-bytes vsr-relations history; do
        [ -s f/$name.svg ] && [ -s f/$name.pdf ]
        says f/$name.svg "</svg>"
    done
    [ "$(wc -l <f/history.csv)" -eq 4 ]
    echo '{"history": 1}' >>h.jsonl
    expect 3 report x --figures f --history h.jsonl
    says err "h.jsonl, line 4"
    expect 3 report x --figures f --history none.jsonl
}
test_that gnuplot_draws_them
