/* Opens the input as VizWiz's val.json and as TextVQA's and VQAv2's files, and scores one answer to
 * every question of what opens. */
#include "datasets/dataset.h"
#include "datasets/protocol.h"
#include "metrics/metric.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const files[] = {"val.json", "TextVQA_0.5.1_val.json",
                                    "v2_OpenEnded_mscoco_test2015_questions.json"};
static const struct {
    const char *dataset, *variant, *protocol;
} kinds[] = {{"vizwiz", "val", "vizwiz@triml"},
             {"textvqa", "val", "textvqa@lmms-eval"},
             {"vqav2", "test", "vqav2@official"}};
enum { N_KINDS = sizeof kinds / sizeof kinds[0] };

static char folder[64], paths[N_KINDS][128];

static void remove_folder(void)
{
    for (size_t i = 0; i < N_KINDS; i++)
        unlink(paths[i]);
    rmdir(folder);
}

static void score(const struct dataset *set, const char *name)
{
    struct arena arena;
    struct protocol protocol;
    struct score_table table;
    struct text message;
    struct error err = {{0}};
    arena_init(&arena);
    text_init(&message);
    struct prediction *predictions = arena_alloc(&arena, set->n_samples, sizeof *predictions);
    if (!predictions || protocol_open(&protocol, name, &arena, &err))
        abort();
    for (size_t i = 0; i < set->n_samples; i++) {
        protocol_message(&protocol, &set->samples[i], &message);
        predictions[i].text = set->samples[i].question;
    }
    if (score_predictions(set, &protocol, predictions, &arena, &table, &err)) {
        fprintf(stderr, "%s\n", err.text);
        abort();
    }
    text_release(&message);
    arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!folder[0]) {
        snprintf(folder, sizeof folder, "/tmp/mambench-fuzz-XXXXXX");
        if (!mkdtemp(folder))
            abort();
        for (size_t i = 0; i < N_KINDS; i++)
            snprintf(paths[i], sizeof paths[i], "%s/%s", folder, files[i]);
        atexit(remove_folder);
    }
    for (size_t i = 0; i < N_KINDS; i++) {
        FILE *file = fopen(paths[i], "wb");
        if (!file || fwrite(data, 1, size, file) != size || fclose(file))
            abort();
        struct dataset set;
        struct error err = {{0}};
        const struct dataset_kind *kind = dataset_kind_find(kinds[i].dataset);
        if (!dataset_open(&set, kind, kinds[i].variant, folder, &err)) {
            score(&set, kinds[i].protocol);
            dataset_close(&set);
        } else if (!strstr(err.text, files[i]) && !strstr(err.text, "is there twice")) {
            fprintf(stderr, "%s\n", err.text);
            abort();
        }
    }
    return 0;
}
