/* tests/bench/vqa_folder.h - a folder with a synthetic VQAv2 val of true size. */
#ifndef MAMBENCH_TESTS_BENCH_VQA_FOLDER_H
#define MAMBENCH_TESTS_BENCH_VQA_FOLDER_H

#include "tests/vqa_files.h"

#include <stdbool.h>
#include <stdlib.h>

enum { VQA_VAL_QUESTIONS = 214354 };

static const char *const vqa_names[] = {"v2_OpenEnded_mscoco_val2014_questions.json",
                                        "v2_mscoco_val2014_annotations.json"};

static inline bool vqa_write_folder(const char *folder, uint64_t n)
{
    static void (*const writers[])(FILE *, uint64_t) = {vqa_write_questions, vqa_write_annotations};
    for (size_t i = 0; i < 2; i++) {
        char path[256];
        snprintf(path, sizeof path, "%s/%s", folder, vqa_names[i]);
        FILE *file = fopen(path, "w");
        if (!file)
            return false;
        writers[i](file, n);
        if (fclose(file))
            return false;
    }
    return true;
}

static inline bool vqa_remove_folder(const char *folder)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command) == 0;
}

#endif
