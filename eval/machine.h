/* eval/machine.h - what this machine is, for manifests and `mambench doctor`. */
#ifndef MAMBENCH_EVAL_MACHINE_H
#define MAMBENCH_EVAL_MACHINE_H

#include <stddef.h>

struct machine {
    char cpu[128];    /* "AMD EPYC 9B14"; "" if unknown */
    char system[256]; /* "Debian GNU/Linux 12 (bookworm), Linux 6.1.0" */
    char host[128];
    int cores;                            /* this process may use */
    double memory_bytes, available_bytes; /* 0 if unknown */
};

void machine_read(struct machine *machine);

/* Largest resident size of this process so far, in bytes. */
double machine_peak_bytes(void);

/* What may change while something is measured. */
struct machine_state {
    double mhz;    /* mean of the cores; 0 if unknown */
    double load;   /* runnable processes, the last minute's mean */
    double busy_s; /* CPU time of all processes and of the hypervisor's others, since boot */
    double own_s;  /* of this process */
    double wall_s;
};
void machine_state_read(struct machine_state *state);

/* Share of the machine's CPU time that others had between two states: other processes, and steal.
 * NAN where they lie less than half a second apart. */
double machine_others(const struct machine_state *before, const struct machine_state *after);

/* Appends names and values of what slows or speeds a machine: governor, cgroup quota and memory,
 * NUMA nodes; "unknown" where the system does not tell.  value: at most size bytes. */
void machine_governor(char *value, size_t size);
void machine_quota(char *value, size_t size);
int machine_numa_nodes(void); /* 0 if unknown */
/* Bytes that this process may still take: what is available, or less by its cgroup; 0 if unknown.
 */
double machine_free_bytes(void);

/* UTC now, "2026-01-31T12:00:00Z". */
void machine_time(char *out, size_t size);

/* Whether the CPU's flags in /proc/cpuinfo contain this one. */
int machine_has_flag(const char *flag);

#endif
