/* Any bytes as a baseline of mambench gate. */
#include "engine/base/json.h"
#include "eval/gate_credits.h"
#include "eval/gate_file.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_entry(const cJSON *entry, struct arena *arena)
{
    const cJSON *check;
    double *credits;
    struct error err = {""};
    cJSON_ArrayForEach(check, json_find(entry, "checks"))
    {
        struct gate_rules rules = gate_rules_of(check);
        if (rules.floor > rules.ceiling || rules.allowed_drop < 0 || rules.allowed_rise < 0)
            __builtin_trap();
    }
    for (size_t n = 0; n < 12; n++)
        if (gate_credits_read(json_find(entry, "recorded"), n, "x", arena, &credits, &err) ==
            STATUS_OK)
            for (size_t i = 0; credits && i < n; i++)
                if (!(credits[i] >= 0 && credits[i] <= 1))
                    __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    struct arena arena;
    struct gate_file file;
    struct error err = {""};
    const cJSON *entry;
    int fd = memfd_create("baseline", 0);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        return 0;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    arena_init(&arena);
    if (gate_file_open(&file, path, &err) == STATUS_OK) {
        cJSON_ArrayForEach(entry, gate_file_entries(&file, "tasks")) read_entry(entry, &arena);
        cJSON_ArrayForEach(entry, gate_file_entries(&file, "speed")) read_entry(entry, &arena);
        gate_file_close(&file);
    }
    arena_release(&arena);
    close(fd);
    return 0;
}
