#include "eval/machine.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

/* The value behind "key<separator>" on the first line of a file that begins so. */
static int find_value(const char *path, const char *key, char separator, char *out, size_t size)
{
    char *line = NULL;
    size_t capacity = 0;
    int found = 0;
    FILE *file = fopen(path, "r");
    out[0] = '\0';
    if (!file)
        return 0;
    while (!found && getline(&line, &capacity, file) > 0) {
        char *value = strchr(line, separator);
        if (strncmp(line, key, strlen(key)) != 0 || !value)
            continue;
        value += 1 + strspn(value + 1, " \t\"");
        value[strcspn(value, "\"\n")] = '\0';
        snprintf(out, size, "%s", value);
        found = 1;
    }
    free(line);
    fclose(file);
    return found;
}

static double memory_value(const char *key)
{
    char value[64];
    if (!find_value("/proc/meminfo", key, ':', value, sizeof value))
        return 0;
    return strtod(value, NULL) * 1024; /* the file counts in KiB */
}

static int usable_cores(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        return CPU_COUNT(&set);
    return (int)sysconf(_SC_NPROCESSORS_ONLN);
}

void machine_read(struct machine *machine)
{
    struct utsname name;
    char release[128];
    *machine = (struct machine){.cores = usable_cores()};
    if (!find_value("/proc/cpuinfo", "model name", ':', machine->cpu, sizeof machine->cpu))
        find_value("/proc/cpuinfo", "Hardware", ':', machine->cpu, sizeof machine->cpu);
    if (uname(&name) == 0) {
        find_value("/etc/os-release", "PRETTY_NAME", '=', release, sizeof release);
        snprintf(machine->system, sizeof machine->system, "%s%s%.40s %.60s", release,
                 release[0] ? ", " : "", name.sysname, name.release);
        snprintf(machine->host, sizeof machine->host, "%.100s", name.nodename);
    }
    machine->memory_bytes = memory_value("MemTotal");
    machine->available_bytes = memory_value("MemAvailable");
}

double machine_peak_bytes(void)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0)
        return 0;
    return (double)usage.ru_maxrss * 1024;
}

void machine_time(char *out, size_t size)
{
    struct tm parts;
    time_t now = time(NULL);
    if (!gmtime_r(&now, &parts) || !strftime(out, size, "%Y-%m-%dT%H:%M:%SZ", &parts))
        out[0] = '\0';
}

int machine_has_flag(const char *flag)
{
    static char flags[8192];
    size_t length = strlen(flag);
    if (!flags[0])
        find_value("/proc/cpuinfo", "flags", ':', flags, sizeof flags);
    for (const char *at = flags; (at = strstr(at, flag)) != NULL; at += length)
        if ((at == flags || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0'))
            return 1;
    return 0;
}
