#!/bin/bash
# The array job of scripts/slurm on a cluster of this machine alone: one task is killed, one is
# stopped as preemption stops it, both go on, and what is merged is compared with one run.
# From the repository root, as root:  bash tests/slurm/run.sh ./mambench
#
# It needs Debian's slurmctld, slurmd, slurm-client and munge; nothing of a configured cluster is
# used or touched: configuration, key, sockets and ports are this test's own.
set -euo pipefail

MAMBENCH=$(readlink -f "$1")
root=$(pwd)
export MAMBENCH

for program in slurmctld slurmd munged sbatch; do
    if ! PATH=$PATH:/usr/sbin command -v "$program" >/dev/null; then
        echo "check-slurm: skipped: $program is not installed (Debian: slurm-wlm, munge)"
        exit 77
    fi
done
if [ "$(id -u)" -ne 0 ]; then
    echo "check-slurm: skipped: slurmd starts jobs only as root"
    exit 77
fi
PATH=$PATH:/usr/sbin

work=$(mktemp -d)
chmod 711 "$work"
pids=()

# Ends what was started here, and nothing else: the jobs before the daemons, and munged last, which
# the others need for that.
finish() {
    code=$?
    trap - EXIT INT TERM
    [ "$code" -eq 0 ] || for log in "$work"/*.log; do
        echo "--- $log"
        tail -n 25 "$log"
    done
    if [ -e "$work/ready" ]; then
        timeout 10 scancel --user=root --quiet || true
        timeout 15 sh -c 'while [ -n "$(squeue -h)" ]; do sleep 0.2; done' || true
    fi
    for ((i = ${#pids[@]} - 1; i >= 0; i--)); do
        kill "${pids[i]}" 2>/dev/null || true
        timeout 10 tail --pid="${pids[i]}" -f /dev/null || kill -9 "${pids[i]}" 2>/dev/null || true
    done
    rm -rf "$work"
    exit "$code"
}
trap finish EXIT
trap 'exit 130' INT TERM

fail() {
    echo "check-slurm: FAILED: $1" >&2
    exit 1
}

# until_true SECONDS WHAT COMMAND...
until_true() {
    local end=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$end" ] || fail "$what"
        sleep 0.1
    done
}

# --- A cluster of one node. ---------------------------------------------------------------------

host=$(hostname -s)
port=$((20000 + $$ % 20000))
mkdir "$work/state" "$work/spool"
head -c 1024 /dev/urandom >"$work/munge.key"
chmod 600 "$work/munge.key"
munged --foreground --force --key-file="$work/munge.key" --socket="$work/munge.socket" \
    --pid-file="$work/munged.pid" --seed-file="$work/munged.seed" --log-file="$work/munged.log" \
    >"$work/munged.out" 2>&1 &
pids+=($!)
until_true 10 "munged did not start" test -S "$work/munge.socket"

export SLURM_CONF=$work/slurm.conf
cat >"$SLURM_CONF" <<END
ClusterName=mambench
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmdPort=$((port + 1))
SlurmUser=root
AuthType=auth/munge
# A requeued job begins when its old credential has run out.
AuthInfo=socket=$work/munge.socket,cred_expire=5
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd.pid
SlurmctldLogFile=$work/slurmctld.log
SlurmdLogFile=$work/slurmd.log
# Without control groups, so that it runs in a container, too.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_min_interval=10000,sched_interval=1,bf_interval=1,batch_sched_delay=1
ReturnToService=2
KillWait=5
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc) State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
END
slurmctld -D -f "$SLURM_CONF" >"$work/slurmctld.out" 2>&1 &
pids+=($!)
slurmd -D -f "$SLURM_CONF" >"$work/slurmd.out" 2>&1 &
pids+=($!)
is_idle() { sinfo -h -o %t | grep -qx idle; }
until_true 30 "the node did not become idle" is_idle
touch "$work/ready"
echo "check-slurm: $(sinfo --version), one node of $(nproc) CPUs, up after $SECONDS s"

# --- The job. -----------------------------------------------------------------------------------

cd "$work"
run=(--model "$root/examples/mini-cobra" --task "pope@llava,vsr@triml"
    --data-root "$root/examples/mini-bench" --precision f32 --threads 1 --quiet)
most=(--limit 900)
# Reading the picture anew for every question changes no answer and takes long enough to be killed.
slow=(--no-reuse --sync every)
job=$(sbatch --parsable --array=1-4 --output="job-%a.log" "$root/scripts/slurm/array.sbatch" \
    "${run[@]}" "${most[@]}" "${slow[@]}" --out run)
shard() { echo "run/pope@llava/shards/$1-of-4"; }
state_of() { squeue -h -r -t all -j "${job}_$1" -o %T; }
id_of() { squeue -h -r -j "${job}_$1" -o %A; }
is() { [ "$(state_of "$1")" = "$2" ]; }

# The first is killed with everything it started, the second stopped as before its time limit.
until_true 60 "the first task did not begin" test -s "$(shard 1)/predictions.jsonl"
scontrol listpids "$(id_of 1)" >pids
for pid in $(awk 'NR > 1 && $1 > 0 {print $1}' pids); do
    kill -9 "$pid" 2>/dev/null || true
done
until_true 30 "the killed task is not seen to have failed" is 1 FAILED
lines=$(wc -l <"$(shard 1)/predictions.jsonl")
"$MAMBENCH" merge run/pope@llava >merge.out 2>&1 && fail "an incomplete run was merged"
grep -q "shard 1 of 4" merge.out || fail "the gap was not named"
scontrol requeue "${job}_1"

until_true 60 "the second task did not begin" test -s "$(shard 2)/predictions.jsonl"
scancel --signal=TERM "${job}_2" || true # by then it may be queued again
until_true 30 "the stopped task was not queued again" grep -q "back into the queue" job-2.log
merge=$(sbatch --parsable --dependency="afterany:$job" --output=merge.log \
    "$root/scripts/slurm/merge.sbatch" run)
echo "check-slurm: the first task was killed after $lines answers of its first run"

is_over() { [ -z "$(squeue -h -j "$merge" -o %T)" ]; }
until_true 240 "the merge job did not end" is_over
cat merge.log
[ -z "$(squeue -h -j "$job" -o %T)" ] || fail "the merge job did not wait for the tasks"

# Two processes in each task of the array.
job=$(sbatch --wait --parsable --array=1-2 --ntasks=2 --output="two-%a.log" "$root/scripts/slurm/array.sbatch" \
    "${run[@]}" --limit 60 --out both)
[ -d both/vsr@triml/shards/4-of-4 ] || fail "2 x 2 processes are not 4 shards"
"$MAMBENCH" merge both >/dev/null

# What is cancelled stays so.
job=$(sbatch --parsable --array=1-1 --output=cancelled.log "$root/scripts/slurm/array.sbatch" \
    "${run[@]}" "${most[@]}" "${slow[@]}" --out cancelled)
until_true 60 "the task to be cancelled did not begin" \
    test -s cancelled/pope@llava/shards/1-of-1/predictions.jsonl
scancel "${job}_1"
is_cancelled() { squeue -h -r -t all -j "${job}_1" -o %T | grep -qx CANCELLED; }
until_true 30 "the cancelled task did not end" is_cancelled
sleep 2
is_cancelled || fail "the cancelled task was queued again"
grep -q '"outcome": "interrupted"' cancelled/pope@llava/shards/1-of-1/manifest.json ||
    fail "the cancelled task was not told to stop"

# Several tasks, but nobody starts them: the script itself is none of them.
code=0
sbatch --wait --ntasks=2 --output=alone.log --wrap "'$MAMBENCH' run --model baseline:yes \
    --task vsr@triml --data '$root/examples/mini-bench/vsr' --shard auto --out alone" >/dev/null ||
    code=$?
[ "$code" -eq 2 ] && grep -q srun alone.log || fail "a script was taken for a task"

# --- One process. -------------------------------------------------------------------------------

"$MAMBENCH" run "${run[@]}" "${most[@]}" --out whole >/dev/null
"$MAMBENCH" run "${run[@]}" --limit 60 --out whole-60 >/dev/null
for task in pope@llava vsr@triml; do
    cmp "whole/$task/predictions.jsonl" "run/$task/predictions.jsonl"
    cmp "whole/$task/scores.json" "run/$task/scores.json"
    cmp "whole-60/$task/predictions.jsonl" "both/$task/predictions.jsonl"
done
grep -q '"outcome": "interrupted"' "$(shard 2)/manifest.json" || fail "the stopped task did not say so"
for i in 1 2; do
    grep -q '"samples_before": [1-9]' "$(shard $i)/manifest.json" || fail "shard $i did not go on"
done
stopped=$(sed -n 's/.*"samples_before": \([1-9][0-9]*\).*/\1/p' "$(shard 2)/manifest.json" | head -n 1)
echo "check-slurm: the second went on behind $stopped answers"
echo "check-slurm: passed in $SECONDS s: the same bytes as by one process"
