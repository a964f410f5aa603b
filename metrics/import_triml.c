/* The results of TRI's harness, which Cobra and ML-Mamba used: results+rank-R.json, an object
 * id -> result, or the folder with those of all ranks.  Reference: TRI-ML/vlm-evaluation@d9f5896:
 * vlm_eval/tasks/harnesses/{gqa,pope,vsr}.py, evaluate().
 *
 * POPE's ids are salted hashes that nothing else knows.  What is known is the order: the index is
 * shuffled with seed 21 (metrics/tri_order.h) and rank r of R gets every R-th question from r on,
 * padded from the start.  Question and label of every result are compared with the sample. */
#include "metrics/import_read.h"
#include "metrics/tri_order.h"

#include <stdio.h>
#include <string.h>

enum { MOST_RANKS = 64 };

struct files {
    const char *paths[MOST_RANKS];
    size_t first[MOST_RANKS]; /* answer of each file */
    size_t n;
};

/* The rank's file in the folder; NULL if it is not there. */
static const char *rank_file(struct import_reader *reader, size_t rank)
{
    const char *path =
        arena_printf(&reader->scratch, "%s/results+rank-%zu.json", reader->path, rank);
    return path && file_exists(path) ? path : NULL;
}

static enum status find_files(struct import_reader *reader, struct files *files, struct error *err)
{
    if (!directory_exists(reader->path)) {
        files->paths[files->n++] = reader->path;
        return STATUS_OK;
    }
    while (files->n < MOST_RANKS) {
        const char *path = rank_file(reader, files->n);
        if (!path)
            break;
        files->paths[files->n++] = path;
    }
    if (files->n == 0)
        return fail(err, STATUS_NOT_FOUND, "%s has no results+rank-0.json", reader->path);
    return import_check_memory(reader, reader->path, err);
}

/* true or false (VSR), or the text of the answer; a list of answers is no single label. */
static const char *label_of(const cJSON *result, struct arena *arena)
{
    const cJSON *label = json_find(result, "ground_truth_answer");
    if (cJSON_IsBool(label))
        return cJSON_IsTrue(label) ? "True" : "False";
    if (cJSON_IsNumber(label)) /* numpy's and torch's true is 1 */
        return label->valuedouble != 0 ? "True" : "False";
    return arena_string(arena, cJSON_GetStringValue(label));
}

static enum status read_result(struct import_reader *reader, const cJSON *result,
                               const struct records *records, struct error *err)
{
    static const char *const pairs[] = {"yes_no_probabilities", "true_false_probabilities"};
    char id[IMPORT_ID_BYTES];
    const char *place = records->place, *text = NULL;
    const char *id_key = json_find(result, "example_id") ? "example_id" : "question_id";
    const double *pair = NULL;
    enum status status = import_read_id(result, id_key, place, id, err);
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0] && !status; i++)
        if (json_find(result, pairs[i]))
            status =
                import_read_pair(reader, json_find(result, pairs[i]), pairs[i], place, &pair, err);
    if (!status && (!pair || json_find(result, "model_output")))
        status = json_get_string(result, "model_output", place, &text, err);
    if (status)
        return status;
    struct import_answer *answer = import_add(reader);
    if (answer) {
        struct arena *scratch = &reader->scratch;
        const char *caption = json_string_or(result, "caption", NULL);
        answer->id = arena_string(scratch, id);
        answer->text = arena_string(reader->arena, text);
        answer->probabilities = pair;
        answer->label = label_of(result, scratch);
        answer->question = arena_string(scratch, json_string_or(result, "question", caption));
        answer->record = records->number;
    }
    return import_check_memory(reader, place, err);
}

/* Gives every answer the id of the sample at its place in TRI's order. */
static enum status place_pope(struct import_reader *reader, const struct files *files,
                              struct error *err)
{
    const struct dataset *set = reader->set;
    if (!set)
        return fail(err, STATUS_MISMATCH,
                    "%s: TRI's results for POPE name no split: name the folder with POPE's files",
                    reader->path);
    size_t *order = arena_alloc(&reader->scratch, set->n_samples, sizeof *order);
    if (!order)
        return import_check_memory(reader, reader->path, err);
    bool is_slim = reader->n < set->n_samples;
    size_t n = tri_slim(set, is_slim ? (reader->n + 2) / 3 : set->n_samples, order);
    for (size_t rank = 0; rank < files->n; rank++) {
        size_t end = rank + 1 < files->n ? files->first[rank + 1] : reader->n;
        for (size_t i = files->first[rank]; i < end; i++) {
            size_t at = (i - files->first[rank]) * files->n + rank;
            const struct sample *sample = &set->samples[order[at % n]];
            struct import_answer *answer = &reader->answers[i];
            /* Without its question an answer would be joined by hope. */
            if (!answer->question || !answer->label)
                return fail(err, STATUS_MISMATCH,
                            "%s:%zu: no \"question\" and \"ground_truth_answer\" to know a result "
                            "for POPE by",
                            files->paths[rank], answer->record);
            answer->id = sample->id;
            answer->group = sample->group;
        }
    }
    return STATUS_OK;
}

static enum status read_results(struct import_reader *reader, struct error *err)
{
    struct files files = {.n = 0};
    enum status status = find_files(reader, &files, err);
    for (size_t i = 0; i < files.n && !status; i++) {
        files.first[i] = reader->n;
        status = import_records(reader, files.paths[i], RECORDS_MEMBERS, read_result, err);
    }
    if (!status && reader->n > 0 && strcmp(reader->kind->name, "pope") == 0)
        status = place_pope(reader, &files, err);
    return status;
}

const struct import_format import_triml = {
    .name = "triml",
    .title = "TRI's vlm-evaluation: results+rank-0.json, or the folder with those of all ranks "
             "(POPE: in the order of its index; --data is needed)",
    .fill = read_results,
};
