/* Opens the input as GQA's questions, as their choices and as predictions of every format, and
 * scores what opens: right answers are never refused. */
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
static const char questions[] = "testdev_all_questions.json", choices[] = "testdev_choices.json";

/* A name that makes a format of several kinds of files read each of them. */
static const char *const predictions_names[] = {"p.json", "p.tsv", "p.csv"};
enum { N_NAMES = 3 };

static const char one_question[] =
    "{\"1\": {\"semantic\": [], \"entailed\": [\"2\"], \"question\": \"Is?\", \"imageId\": \"n\", "
    "\"isBalanced\": true, \"groups\": {\"global\": \"g\"}, \"answer\": \"no\", \"types\": "
    "{\"detailed\": \"d\", \"semantic\": \"s\", \"structural\": \"query\"}}}";

static const char *path_of(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void remove_folder(void)
{
    unlink(path_of(questions));
    unlink(path_of(choices));
    for (size_t i = 0; i < N_NAMES; i++)
        unlink(path_of(predictions_names[i]));
    rmdir(folder);
}

static void write_or_abort(const char *name, const void *data, size_t size)
{
    FILE *file = fopen(path_of(name), "wb");
    if (!file || fwrite(data, 1, size, file) != size || fclose(file))
        abort();
}

static void score_right_answers(const struct dataset *set)
{
    struct arena arena;
    struct protocol protocol;
    struct score_table table;
    struct error err = {""};
    arena_init(&arena);
    struct prediction *predictions = arena_alloc(&arena, set->n_samples, sizeof *predictions);
    bool has_answers = predictions != NULL;
    for (size_t i = 0; has_answers && i < set->n_samples; i++) {
        has_answers = set->samples[i].n_answers == 1;
        predictions[i].text = has_answers ? set->samples[i].answers[0] : NULL;
    }
    if (has_answers && (protocol_open(&protocol, "gqa@official", &arena, &err) ||
                        score_predictions(set, &protocol, predictions, &arena, &table, &err))) {
        fprintf(stderr, "%s\n", err.text);
        abort();
    }
    arena_release(&arena);
}

static void open_questions(void)
{
    struct dataset set;
    struct error err = {""};
    if (dataset_open(&set, dataset_kind_find("gqa"), "testdev-all", folder, &err) == STATUS_OK) {
        score_right_answers(&set);
        dataset_close(&set);
    } else if (!err.text[0]) {
        abort();
    }
}

static void import(const struct import_format *format, const char *name, const char *kind)
{
    struct arena arena;
    struct dataset set = {.kind = dataset_kind_find(kind)};
    struct prediction *predictions;
    struct import_notes notes;
    struct error err = {""};
    arena_init(&arena);
    if (predictions_import(format, path_of(name), &set, false, &arena, &predictions, &notes,
                           &err) == STATUS_OK) {
        if (notes.n_joined != set.n_samples)
            abort();
        dataset_close(&set);
    } else if (!err.text[0]) {
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
        atexit(remove_folder);
    }
    write_or_abort(questions, data, size);
    write_or_abort(choices, "{}", 2);
    open_questions();
    write_or_abort(questions, one_question, sizeof one_question - 1);
    write_or_abort(choices, data, size);
    open_questions();
    for (size_t i = 0; i < N_NAMES; i++) {
        write_or_abort(predictions_names[i], data, size);
        for (size_t f = 0; import_formats[f]; f++) {
            import(import_formats[f], predictions_names[i], "gqa");
            import(import_formats[f], predictions_names[i], "pope");
        }
    }
    return 0;
}
