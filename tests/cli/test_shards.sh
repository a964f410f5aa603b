# Shards: together they are the run, whoever starts them; merge refuses what is not.
. tests/cli/lib.sh

vsr="--task vsr@triml --data $DATA/vsr"

# single: the run without shards, in `whole`.
single() {
    # shellcheck disable=SC2086
    expect 0 run $TINY $vsr --out whole
}

# shards N OUT: every shard, by hand.
shards() {
    for i in $(seq "$1"); do
        # shellcheck disable=SC2086
        expect 0 run $TINY $vsr --out "$2" --shard "$i/$1"
    done
}

same_as_single() {
    cmp whole/predictions.jsonl "$1/predictions.jsonl"
    cmp whole/scores.json "$1/scores.json"
}

any_number_of_shards_is_the_run() {
    single
    for n in 1 2 3 5 9; do # there are six pictures
        shards "$n" "x$n"
        [ ! -e "x$n/scores.json" ]
        expect 0 merge "x$n"
        same_as_single "x$n"
        [ "$(grep -c '"index":' "x$n/manifest.json")" -eq "$n" ] # the list of shards
        says "x$n/report.md" "$n shards that were merged"
        expect 0 merge "x$n" # harmless
        same_as_single "x$n"
        expect 0 score "x$n"
        same_as_single "x$n"
        [ "$(grep -l '"image"' "x$n"/shards/*/predictions.jsonl | wc -l)" -le 6 ]
    done
    cat x3/shards/*/predictions.jsonl | grep -o '"image": "[^"]*"' >images
    [ "$(uniq images | wc -l)" -eq 6 ] # no picture is cut
}
test_that any_number_of_shards_is_the_run

# Each baseline has a rule of its own about all samples: the seed's order, the most frequent label.
baselines_and_failures_have_shards_too() {
    for model in yes majority random; do
        run="run --model baseline:$model --seed 7 --task pope@llava --data $DATA/pope --quiet"
        # shellcheck disable=SC2086
        expect 0 $run --out whole
        for n in 3 20; do
            for i in $(seq $n); do
                # shellcheck disable=SC2086
                expect 0 $run --out x --shard "$i/$n"
            done
            expect 0 merge x
            same_as_single x
            [ ! -e x/timings.jsonl ]
            rm -r x
        done
        rm -r whole
    done
    cp -r "$DATA/vsr" vsr
    rm vsr/images/000000000002.png
    # shellcheck disable=SC2086
    expect 4 run $TINY --task vsr@triml --data vsr --out damaged
    for i in 1 2; do
        # shellcheck disable=SC2086
        "$MAMBENCH" run $TINY --task vsr@triml --data vsr --out y --shard "$i/2" 2>/dev/null || true
    done
    expect 4 merge y
    cmp damaged/predictions.jsonl y/predictions.jsonl
}
test_that baselines_and_failures_have_shards_too

what_is_missing_is_named_with_its_command() {
    single
    shards 3 x
    rm -r x/shards/2-of-3
    head -n 2 x/shards/3-of-3/predictions.jsonl >cut
    cp cut x/shards/3-of-3/predictions.jsonl
    expect 3 merge x
    says err "shard 2 of 3 is missing"
    says err "--shard 2/3"
    says err "shard 3 of 3 has 2 of"
    says err "2 of 3 shards of x are not finished"
    [ ! -e x/predictions.jsonl ]
    # What it says to type is typed, from another folder.
    here=$(pwd)
    (cd / && "$MAMBENCH" merge "$here/x" 2>&1 || true) | grep -e "--shard" | sed 's/^.*: //' >commands
    [ "$(wc -l <commands)" -eq 2 ]
    (cd / && sh "$here/commands") >/dev/null 2>&1
    expect 0 merge x
    same_as_single x
    # A machine that crashed can leave zeroes behind the last line.
    { head -c 200 /dev/zero; echo; } >>x/shards/3-of-3/predictions.jsonl
    expect 0 merge x
    same_as_single x
    # For `run`, the merged run is one that is finished.
    # shellcheck disable=SC2086
    expect 0 run $TINY $vsr --out x
    same_as_single x
    says x/report.md "3 shards that were merged"
    rm -r x/shards/1-of-3
    mkdir x/shards/1-of-3 # killed at once
    expect 3 merge x
    says err "shard 1 of 3 is missing"
}
test_that what_is_missing_is_named_with_its_command

a_killed_shard_goes_on() {
    many_captions 3000
    # shellcheck disable=SC2086
    expect 0 run $TINY --task vsr@triml --data many --out whole
    for i in 1 2; do
        # shellcheck disable=SC2086
        "$MAMBENCH" run $TINY --task vsr@triml --data many --out x --shard "$i/2" &
        pid=$!
        sleep 0.1
        kill -9 "$pid" 2>/dev/null || true
        wait "$pid" || true
        # shellcheck disable=SC2086
        expect 0 run $TINY --task vsr@triml --data many --out x --shard "$i/2"
    done
    expect 0 merge x
    same_as_single x
}
test_that a_killed_shard_goes_on

what_does_not_belong_together_is_refused() {
    shards 2 x
    cp -r x other
    # shellcheck disable=SC2086
    expect 0 run $TINY $vsr --seed 5 --force --out other --shard 2/2
    expect 3 merge other
    says err "are not of one run: they differ in: the"
    says err "the seed"
    cp -r x twice
    cp twice/shards/1-of-2/predictions.jsonl twice/shards/2-of-2/
    expect 3 merge twice
    says err "twice/shards/2-of-2/predictions.jsonl: line 1 answers sample '0' where"
    cp -r x moved
    rm -r moved/shards/2-of-2
    cp -r moved/shards/1-of-2 moved/shards/2-of-2
    expect 3 merge moved
    says err "is not that of shard 2 of 2"
    cp -r x three
    mkdir three/shards/1-of-3
    expect 3 merge three
    says err "shards of"
    mkdir x/shards/notes
    expect 3 merge x
    says err "x/shards/notes is not the folder of a shard"
    expect 3 score x/shards/1-of-2
    says err "is shard 1 of 2 of a run"
    expect 3 report other
    says err "mambench merge other"
    expect 0 run --model baseline:yes --task pope@triml --data "$DATA/pope" --quiet --out mine
    cp -r x/shards mine/
    rm -rf mine/shards/notes
    cp mine/predictions.jsonl before
    expect 3 merge mine
    says err "holds another run than its shards"
    cmp before mine/predictions.jsonl
    expect 3 merge "$DATA"
    says err "holds no shards"
    expect 2 merge
    # another shard does not go on in a shard's directory
    # shellcheck disable=SC2086
    expect 2 run $TINY $vsr --seed 6 --out other --shard 2/2
    says err "the seed"
}
test_that what_does_not_belong_together_is_refused

a_selection_is_cut_behind_itself() {
    # shellcheck disable=SC2086
    expect 0 run $TINY $vsr --limit 11 --out whole
    for i in 1 2 3; do
        # shellcheck disable=SC2086
        expect 0 run $TINY $vsr --limit 11 --out x --shard "$i/3"
    done
    expect 0 merge x
    same_as_single x
}
test_that a_selection_is_cut_behind_itself

a_shard_that_is_being_run_is_told() {
    many_captions 20000
    # shellcheck disable=SC2086
    "$MAMBENCH" run $TINY --task vsr@triml --data many --out x --shard 1/1 >/dev/null 2>&1 &
    pid=$!
    wait_for x/shards/1-of-1/predictions.jsonl "$pid"
    expect 3 merge x
    says err "is being run"
    says_not err "--shard"
    kill "$pid"
    wait "$pid" || true
}
test_that a_shard_that_is_being_run_is_told

# told EXPECTED VARIABLE=VALUE...: what --shard auto finds in such an environment.
told() {
    wanted=$1
    shift
    rm -rf auto
    env "$@" "$MAMBENCH" run --model baseline:yes $vsr --out auto --shard auto >out 2>err || true
    says err "$wanted"
}

launchers_tell_the_shard() {
    told "shard 3 of 4 (Slurm array task)" SLURM_ARRAY_TASK_ID=2 SLURM_ARRAY_TASK_COUNT=4 \
        SLURM_ARRAY_TASK_MIN=0
    told "shard 2 of 3 (Slurm array task)" SLURM_ARRAY_TASK_ID=15 SLURM_ARRAY_TASK_COUNT=3 \
        SLURM_ARRAY_TASK_MIN=10 SLURM_ARRAY_TASK_STEP=5 SLURM_PROCID=0 SLURM_NTASKS=1
    told "shard 4 of 6 (Slurm array task)" SLURM_ARRAY_TASK_ID=2 SLURM_ARRAY_TASK_COUNT=3 \
        SLURM_ARRAY_TASK_MIN=1 SLURM_PROCID=1 SLURM_NTASKS=2
    told "shard 7 of 8 (Slurm array task)" SLURM_ARRAY_TASK_ID=1 SLURM_ARRAY_TASK_COUNT=2 \
        SLURM_ARRAY_TASK_MIN=0 SLURM_PROCID=0 SLURM_NTASKS=1 OMPI_COMM_WORLD_RANK=2 \
        OMPI_COMM_WORLD_SIZE=4
    told "shard 8 of 8 (Slurm process)" SLURM_PROCID=7 SLURM_NTASKS=8
    told "shard 1 of 2 (Open MPI rank)" OMPI_COMM_WORLD_RANK=0 OMPI_COMM_WORLD_SIZE=2
    told "shard 2 of 2 (PMI rank)" PMI_RANK=1 PMI_SIZE=2
    # mpirun starts its daemons with srun: Slurm's number is then a daemon's.
    told "shard 4 of 4 (Open MPI rank)" OMPI_COMM_WORLD_RANK=3 OMPI_COMM_WORLD_SIZE=4 PMIX_RANK=3 \
        SLURM_PROCID=0 SLURM_NTASKS=2 SLURM_JOB_ID=7 SLURM_STEP_ID=0
    told "shard 2 of 2 (Slurm process)" SLURM_PROCID=1 SLURM_NTASKS=2 SLURM_JOB_ID=7 SLURM_STEP_ID=0
    # The script of a job, where srun has started nothing.
    told "start it with srun" SLURM_PROCID=0 SLURM_NTASKS=2 SLURM_JOB_ID=7
    told "start it with srun" SLURM_PROCID=0 SLURM_NTASKS=2 SLURM_JOB_ID=7 SLURM_ARRAY_TASK_ID=0 \
        SLURM_ARRAY_TASK_COUNT=4 SLURM_ARRAY_TASK_MIN=0
    told "shard 1 of 4 (Slurm array task)" SLURM_PROCID=0 SLURM_NTASKS=1 SLURM_JOB_ID=7 \
        SLURM_ARRAY_TASK_ID=0 SLURM_ARRAY_TASK_COUNT=4 SLURM_ARRAY_TASK_MIN=0
    told "cannot be" SLURM_ARRAY_TASK_ID=3 SLURM_ARRAY_TASK_COUNT=3 SLURM_ARRAY_TASK_MIN=1 \
        SLURM_ARRAY_TASK_MAX=7 SLURM_ARRAY_TASK_STEP=1
    told "how many there are is not known" PMIX_RANK=1
    told "how many there are is not known" PMIX_RANK=1 SLURM_ARRAY_TASK_ID=0 \
        SLURM_ARRAY_TASK_COUNT=4
    told "more than 100000" PMI_RANK=1 PMI_SIZE=100001
    told "neither Slurm nor an MPI launcher" NOTHING=1
    told "how many there are is not known" PMI_RANK=1
    told "is 'x', not a number" PMI_RANK=x PMI_SIZE=2
    told "PMI_RANK is 2 of 2" PMI_RANK=2 PMI_SIZE=2
    told "cannot be" SLURM_ARRAY_TASK_ID=4 SLURM_ARRAY_TASK_COUNT=3 SLURM_ARRAY_TASK_MIN=1 \
        SLURM_ARRAY_TASK_STEP=2
    for bad in 0/4 5/4 1 1/ /4 a/b 1/0 1/200000 1/2/3 "" -1/4; do
        # shellcheck disable=SC2086
        expect 2 run --model baseline:yes $vsr --out bad --shard "$bad"
        says err "--shard"
    done
    [ ! -e bad ]
}
test_that launchers_tell_the_shard

a_suite_has_shards() {
    cat >s.json <<JSON
{"suite": 1, "name": "s", "data-root": "$DATA", "settings": {"random-weights": true},
 "models": [{"model": "$DATA/tiny", "name": "tiny"}, "baseline:yes"], "tasks": ["pope@triml", "vsr@triml"]}
JSON
    expect 0 run s.json --out whole --quiet
    for i in 1 2 3; do
        expect 0 run s.json --out x --shard "$i/3"
    done
    says err "mambench merge x"
    expect 0 merge x
    for cell in tiny/pope@triml tiny/vsr@triml baseline-yes/vsr@triml; do
        cmp "whole/$cell/predictions.jsonl" "x/$cell/predictions.jsonl"
        cmp "whole/$cell/scores.json" "x/$cell/scores.json"
    done
    expect 0 report x --format grid
}
test_that a_suite_has_shards

mpirun_starts_the_shards() {
    command -v mpirun >/dev/null || { echo "needs mpirun"; return 77; }
    single
    root=
    [ "$(id -u)" -ne 0 ] || root=--allow-run-as-root
    # shellcheck disable=SC2086
    mpirun $root --oversubscribe -n 4 "$MAMBENCH" run $TINY $vsr --threads 1 --out x --shard auto \
        >out 2>err || { cat err; return 1; }
    [ -d x/shards/4-of-4 ]
    expect 0 merge x
    same_as_single x
}
test_that mpirun_starts_the_shards
