/* Reads the input as a file of recorded cases and as a protocol file. */
#include "datasets/protocol.h"
#include "metrics/cases.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[64], path[128];

static void remove_folder(void)
{
    unlink(path);
    rmdir(folder);
}

static void report(void *context, const struct case_result *result)
{
    *(size_t *)context += strlen(result->expected) + strlen(result->got) + strlen(result->field);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!folder[0]) {
        snprintf(folder, sizeof folder, "/tmp/mambench-fuzz-XXXXXX");
        if (!mkdtemp(folder))
            abort();
        snprintf(path, sizeof path, "%s/input.json", folder);
        atexit(remove_folder);
    }
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(data, 1, size, file) != size || fclose(file))
        abort();
    struct case_summary summary;
    struct error err = {{0}};
    size_t n_bytes = 0;
    if (cases_check(path, report, &n_bytes, &summary, &err) && !err.text[0])
        abort();
    struct arena arena;
    arena_init(&arena);
    struct protocol protocol;
    struct error other = {{0}};
    if (protocol_open(&protocol, path, &arena, &other) && !other.text[0])
        abort();
    arena_release(&arena);
    return 0;
}
