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

/* UTC now, "2026-01-31T12:00:00Z". */
void machine_time(char *out, size_t size);

/* Whether the CPU's flags in /proc/cpuinfo contain this one. */
int machine_has_flag(const char *flag);

#endif
