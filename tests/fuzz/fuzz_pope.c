/* Opens the input as each of POPE's files in turn and as an answer file, and scores what opens. */
#include "datasets/dataset.h"
#include "datasets/protocol.h"
#include "metrics/import.h"
#include "metrics/metric.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[64];

static void remove_folder(void)
{
    static const char *const names[] = {"coco_pope_random.json", "coco_pope_popular.json",
                                        "coco_pope_adversarial.json"};
    for (size_t i = 0; i < 3; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    rmdir(folder);
}

static void write_or_abort(const char *name, const void *data, size_t size)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(data, 1, size, file) != size || fclose(file))
        abort();
}

static void score(const struct dataset *set, const struct prediction *predictions,
                  struct arena *arena)
{
    struct protocol protocol;
    struct score_table table;
    struct error err = {{0}};
    if (protocol_open(&protocol, "pope@llava", arena, &err) ||
        score_predictions(set, &protocol, predictions, arena, &table, &err)) {
        fprintf(stderr, "%s\n", err.text);
        abort();
    }
}

static void import(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    struct arena arena;
    arena_init(&arena);
    struct dataset set = {0};
    struct prediction *predictions;
    struct import_notes notes;
    struct error err = {{0}};
    enum status status = predictions_import(import_format_find("llava"), path, &set, false, &arena,
                                            &predictions, &notes, &err);
    if (!status) {
        score(&set, predictions, &arena);
        dataset_close(&set);
    } else if (!err.text[0]) {
        abort();
    }
    arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char line[] =
        "{\"question_id\": 1, \"image\": \"a\", \"text\": \"b\", \"label\": \"no\"}\n";
    if (!folder[0]) {
        snprintf(folder, sizeof folder, "/tmp/mambench-fuzz-XXXXXX");
        if (!mkdtemp(folder))
            abort();
        atexit(remove_folder);
        write_or_abort("coco_pope_adversarial.json", line, strlen(line));
        write_or_abort("coco_pope_popular.json", line, strlen(line));
    }
    write_or_abort("coco_pope_random.json", data, size);
    struct dataset set;
    struct error err = {{0}};
    enum status status = dataset_open(&set, dataset_kind_find("pope"), NULL, folder, &err);
    if (!status) {
        if (set.n_samples < 3 || !set.note)
            abort();
        dataset_close(&set);
    } else if (!strstr(err.text, "coco_pope_random.json")) {
        abort();
    }
    import("coco_pope_random.json");
    return 0;
}
