/* eval/profile_facts.c - what stands beside every measurement about the machine. */
#include "engine/ops/matmul.h"
#include "eval/command.h"
#include "eval/machine.h"
#include "eval/output.h"
#include "eval/profile.h"
#include "eval/version.h"

#include <stdarg.h>
#include <stdio.h>

enum { MOST_FACTS = 24 };

/* Nothing is added once memory has run out: the arena tells. */
static void add(struct profile *profile, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void add(struct profile *profile, const char *name, const char *format, ...)
{
    struct profile_record *record = &profile->record;
    struct profile_fact *facts = record->facts;
    char value[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(value, sizeof value, format, arguments);
    va_end(arguments);
    const char *copy = arena_string(&profile->arena, value);
    if (facts && copy && record->n_facts < MOST_FACTS)
        facts[record->n_facts++] = (struct profile_fact){name, copy};
}

static void add_state(struct profile *profile, bool before)
{
    struct machine_state state;
    machine_state_read(&state);
    if (state.mhz > 0)
        add(profile, before ? "MHz before" : "MHz after", "%.0f", state.mhz);
    add(profile, before ? "load before" : "load after", "%.2f", state.load);
}

enum status profile_facts_before(struct profile *profile, struct error *err)
{
    struct profile_record *record = &profile->record;
    struct machine machine;
    struct text command;
    char value[128];
    machine_read(&machine);
    record->facts = arena_alloc(&profile->arena, MOST_FACTS, sizeof *record->facts);
    add(profile, "cpu", "%s", machine.cpu[0] ? machine.cpu : "unknown");
    add(profile, "cores", "%d", machine.cores);
    add(profile, "system", "%s", machine.system);
    add(profile, "host", "%s", machine.host);
    add(profile, "memory", "%.1f GiB", machine.memory_bytes / (1 << 30));
    machine_governor(value, sizeof value);
    add(profile, "governor", "%s", value);
    machine_quota(value, sizeof value);
    add(profile, "CPU quota", "%s", value);
    add(profile, "NUMA nodes", "%d", machine_numa_nodes());
    add(profile, "products", "%s",
        matmul_describe(matmul_has(MATMUL_BF16) ? MATMUL_BF16 : MATMUL_F32));
    add_state(profile, true);
    machine_time(value, sizeof value);
    record->started = arena_string(&profile->arena, value);
    record->version = mambench_version;
    text_init(&command);
    if (command_line)
        add_shell_words(&command, command_line);
    record->command = arena_string(&profile->arena, text_string(&command));
    text_release(&command);
    return arena_failed(&profile->arena)
               ? fail(err, STATUS_NO_MEMORY, "out of memory for the machine's facts")
               : STATUS_OK;
}

enum status profile_facts_after(struct profile *profile, struct error *err)
{
    add_state(profile, false);
    return arena_failed(&profile->arena)
               ? fail(err, STATUS_NO_MEMORY, "out of memory for the machine's facts")
               : STATUS_OK;
}
