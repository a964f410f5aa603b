#!/bin/bash
# A real Slurm on one machine: an array job of the miniature, of which one task is killed and one is
# requeued while they run, merged and compared with a single run.
#     run.sh MAMBENCH
# Needs Debian's slurm-wlm and munge, and root (slurmd). It makes its own cluster - keys, sockets,
# ports, state - in a temporary directory, touches no other, and takes it down again.
set -euo pipefail

for program in slurmctld slurmd munged sbatch; do
    command -v "$program" >/dev/null || {
        echo "slurm: skipped: needs $program (apt-get install slurm-wlm munge)"
        exit 77
    }
done
[ "$(id -u)" -eq 0 ] || {
    echo "slurm: skipped: slurmd needs root"
    exit 77
}
mambench=$(readlink -f "$1")
root=$(pwd)
work=$(mktemp -d)
chmod 755 "$work"
down() {
    code=$?
    for name in slurmctld slurmd munged; do
        [ -s "$work/$name.pid" ] && kill "$(cat "$work/$name.pid")" 2>/dev/null
    done
    sleep 1
    [ "$code" -eq 0 ] || tail -n 20 "$work"/*.log "$work"/job-*.out 2>/dev/null
    rm -rf "$work"
}
trap down EXIT

# --- the cluster
host=$(hostname -s)
base=$((20000 + RANDOM % 20000))
mkdir -m 700 "$work/state" "$work/spool"
mkdir -m 711 "$work/munge"
dd if=/dev/urandom of="$work/munge/key" bs=1024 count=1 2>/dev/null
chmod 400 "$work/munge/key"
cat >"$work/slurm.conf" <<CONF
ClusterName=mambench
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmctldPort=$base
SlurmdPort=$((base + 1))
AuthType=auth/munge
AuthInfo=socket=$work/munge/socket,cred_expire=5
CredType=cred/munge
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd.pid
SlurmctldLogFile=$work/slurmctld.log
SlurmdLogFile=$work/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SwitchType=switch/none
ReturnToService=2
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,bf_interval=1
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MinJobAge=300
KillWait=2
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc) State=UNKNOWN
PartitionName=main Nodes=$host Default=YES MaxTime=INFINITE State=UP OverSubscribe=FORCE:4
CONF
echo "CgroupPlugin=cgroup/v1" >"$work/cgroup.conf" # is loaded, but nothing here uses it
export SLURM_CONF=$work/slurm.conf
munged --force --key-file="$work/munge/key" --socket="$work/munge/socket" \
    --pid-file="$work/munged.pid" --log-file="$work/munged.log" --seed-file="$work/munge/seed"
slurmctld -f "$SLURM_CONF"
slurmd -f "$SLURM_CONF" -N "$host"
for _ in $(seq 60); do
    state=$(sinfo -h -o %T 2>/dev/null || true)
    [ "$state" = idle ] && break
    sleep 0.5
done
echo "slurm: $(sinfo --version), node $host is ${state:-unknown}"
[ "$state" = idle ]

# --- the undisturbed run
cd "$root"
export MAMBENCH=$mambench
arguments=(--model examples/mini-cobra --task "pope@llava" --data examples/mini-bench/pope
    --threads 1 --batch 1 --sync every)
"$mambench" run "${arguments[@]}" --quiet --out "$work/whole" >/dev/null

# --- the array, two of whose tasks are disturbed
job=$(sbatch --parsable --array=0-3 --output="$work/job-%a.out" --chdir="$root" \
    scripts/slurm/array.sbatch "${arguments[@]}" --out "$work/runs")
lines() { wc -l 2>/dev/null <"$work/runs/shards/$1-of-4/predictions.jsonl" || echo 0; }
wait_for_lines() {
    for _ in $(seq 600); do
        [ "$(lines "$1")" -ge 20 ] && return
        sleep 0.05
    done
    echo "slurm: shard $1 did not begin"
    exit 1
}
wait_for_lines 1
killed=$(lines 1)
scancel --signal=KILL --full "${job}_0" # as if the node had died: Slurm puts it back by itself
wait_for_lines 2
requeued=$(lines 2)
scontrol requeue "${job}_1" # as pre-emption does: SIGTERM first
merge=$(sbatch --parsable --dependency="afterany:$job" --output="$work/job-merge.out" \
    --chdir="$root" scripts/slurm/merge.sbatch "$work/runs")
finished() {
    for _ in $(seq 2400); do
        squeue -h -j "$1" 2>/dev/null | grep -q . || return 0
        sleep 0.1
    done
    squeue
    return 1
}
finished "$merge"
cmp "$work/whole/predictions.jsonl" "$work/runs/predictions.jsonl"
cmp "$work/whole/scores.json" "$work/runs/scores.json"
[ "$(grep -c "450 of 450, .* of them now" "$work/job-0.out" "$work/job-1.out" | grep -c ":1$")" -eq 2 ]
echo "slurm: task 0 killed after $killed answers, task 1 requeued after $requeued; merged predictions and" \
    "scores are those of a single run, $(wc -l <"$work/runs/predictions.jsonl") answers"
