/* Opens the input as VSR's file and scores an always-true answerer on what opens. */
#include "datasets/dataset.h"
#include "datasets/protocol.h"
#include "metrics/baseline.h"

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

static void score(const struct dataset *set)
{
    struct arena arena;
    arena_init(&arena);
    struct protocol protocol;
    struct score_floor floors[N_BASELINES];
    size_t n_floors;
    struct error err = {{0}};
    if (protocol_open(&protocol, "vsr@triml", &arena, &err) ||
        score_floors(set, &protocol, 1, &arena, floors, &n_floors, &err)) {
        fprintf(stderr, "%s\n", err.text);
        abort();
    }
    arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!folder[0]) {
        snprintf(folder, sizeof folder, "/tmp/mambench-fuzz-XXXXXX");
        if (!mkdtemp(folder))
            abort();
        snprintf(path, sizeof path, "%s/test.jsonl", folder);
        atexit(remove_folder);
    }
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(data, 1, size, file) != size || fclose(file))
        abort();
    struct dataset set;
    struct error err = {{0}};
    enum status status = dataset_open(&set, dataset_kind_find("vsr"), NULL, folder, &err);
    if (!status) {
        score(&set);
        dataset_close(&set);
    } else if (!strstr(err.text, "test.jsonl")) {
        abort();
    }
    return 0;
}
