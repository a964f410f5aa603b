/* eval/machine_state.c - what else the machine does, and how fast it may run. */
#include "engine/base/clock.h"
#include "eval/machine.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* The first line of a small file; 0 where it cannot be read. */
static int read_line(const char *path, char *out, size_t size)
{
    FILE *file = fopen(path, "r");
    char *line = file ? fgets(out, (int)size, file) : NULL;
    if (file)
        fclose(file);
    if (!line)
        out[0] = '\0';
    out[strcspn(out, "\n")] = '\0';
    return line != NULL;
}

static double mean_mhz(void)
{
    char line[256];
    double sum = 0, mhz;
    int n = 0;
    FILE *file = fopen("/proc/cpuinfo", "r");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "cpu MHz : %lf", &mhz) == 1) {
            sum += mhz;
            n++;
        }
    if (file)
        fclose(file);
    return n > 0 ? sum / n : 0;
}

static double own_seconds(void)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0)
        return 0;
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

/* /proc/stat's first line: user, nice, system, idle, iowait, irq, softirq, steal. */
static double busy_seconds(void)
{
    char line[512];
    double user, nice_, system, idle, wait, irq, soft, steal;
    if (!read_line("/proc/stat", line, sizeof line) ||
        sscanf(line, "cpu %lf %lf %lf %lf %lf %lf %lf %lf", &user, &nice_, &system, &idle, &wait,
               &irq, &soft, &steal) != 8)
        return 0;
    return (user + nice_ + system + irq + soft + steal) / (double)sysconf(_SC_CLK_TCK);
}

void machine_state_read(struct machine_state *state)
{
    char line[128];
    *state = (struct machine_state){.mhz = mean_mhz(),
                                    .busy_s = busy_seconds(),
                                    .own_s = own_seconds(),
                                    .wall_s = (double)clock_ns() * 1e-9};
    if (read_line("/proc/loadavg", line, sizeof line) && sscanf(line, "%lf", &state->load) != 1)
        state->load = 0;
}

double machine_others(const struct machine_state *before, const struct machine_state *after)
{
    double wall = after->wall_s - before->wall_s;
    double busy = after->busy_s - before->busy_s, own = after->own_s - before->own_s;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    if (wall < 0.5 || !(busy > 0) || cores < 1)
        return (double)NAN;
    return fmax(0, busy - own) / (wall * (double)cores);
}

void machine_governor(char *value, size_t size)
{
    if (!read_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", value, size))
        snprintf(value, size, "unknown");
}

void machine_quota(char *value, size_t size)
{
    char line[128];
    double quota, period;
    if (!read_line("/sys/fs/cgroup/cpu.max", line, sizeof line))
        snprintf(value, size, "unknown");
    else if (sscanf(line, "%lf %lf", &quota, &period) == 2 && period > 0)
        snprintf(value, size, "%.2f CPUs", quota / period);
    else
        snprintf(value, size, "none");
}

int machine_numa_nodes(void)
{
    int nodes = 0;
    for (char path[64]; nodes < 1024; nodes++) {
        snprintf(path, sizeof path, "/sys/devices/system/node/node%d", nodes);
        if (access(path, F_OK) != 0)
            break;
    }
    return nodes;
}

double machine_free_bytes(void)
{
    char line[128];
    double most, used;
    struct machine machine;
    machine_read(&machine);
    if (read_line("/sys/fs/cgroup/memory.max", line, sizeof line) &&
        sscanf(line, "%lf", &most) == 1 &&
        read_line("/sys/fs/cgroup/memory.current", line, sizeof line) &&
        sscanf(line, "%lf", &used) == 1 && most - used < machine.available_bytes)
        return fmax(0, most - used);
    return machine.available_bytes;
}
