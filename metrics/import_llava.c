/* LLaVA's answer files: JSON lines with question_id and text, as haotian-liu/LLaVA@c121f04:
 * llava/eval/model_vqa_loader.py:123-128 writes them.  POPE's ids are those of
 * llava_pope_test.jsonl: id (adversarial), 10000000 + id (random), 20000000 + id (popular).
 * Where a line says "category" and "split_question_id", these count instead. */
#include "metrics/import_read.h"

#include <stdio.h>
#include <string.h>

enum { ID_STEP = 10000000 };

/* The splits by the millions of their question_id. */
static const char *const splits_by_id[] = {"adversarial", "random", "popular"};
enum { N_SPLITS = sizeof splits_by_id / sizeof splits_by_id[0] };

/* "adversarial/17" from the two keys that the line has. */
static enum status read_id_of_split(const cJSON *object, const char *place, char *id,
                                    const char **split, struct error *err)
{
    const char *category;
    int number;
    enum status status;
    if ((status = json_get_string(object, "category", place, &category, err)) ||
        (status = json_get_int(object, "split_question_id", place, &number, err)))
        return status;
    *split = import_pope_split(category);
    if (!*split)
        return fail(err, STATUS_BAD_FORMAT,
                    "%s: \"category\" is '%s', not adversarial, popular or random", place,
                    category);
    snprintf(id, IMPORT_ID_BYTES, "%s/%d", category, number);
    return STATUS_OK;
}

static enum status read_pope_id(const cJSON *object, const char *place, char *id,
                                const char **split, struct error *err)
{
    if (json_find(object, "split_question_id"))
        return read_id_of_split(object, place, id, split, err);
    const cJSON *question_id = json_find(object, "question_id");
    int number;
    if (cJSON_IsString(question_id)) {
        *split = import_pope_split_of(question_id->valuestring);
        return import_read_id(object, "question_id", place, id, err);
    }
    enum status status = json_get_int(object, "question_id", place, &number, err);
    if (status)
        return status;
    if (number < 0 || number / ID_STEP >= N_SPLITS)
        return fail(err, STATUS_BAD_FORMAT,
                    "%s: \"question_id\" is %d; POPE's are id, 10000000 + id and 20000000 + id",
                    place, number);
    *split = splits_by_id[number / ID_STEP];
    snprintf(id, IMPORT_ID_BYTES, "%s/%d", *split, number % ID_STEP);
    return STATUS_OK;
}

static enum status read_line(struct import_reader *reader, const cJSON *object,
                             const struct records *records, struct error *err)
{
    char id[IMPORT_ID_BYTES];
    const char *text, *split = NULL, *place = records->place;
    bool is_pope = strcmp(reader->kind->name, "pope") == 0;
    enum status status = is_pope ? read_pope_id(object, place, id, &split, err)
                                 : import_read_id(object, "question_id", place, id, err);
    if (!status)
        status = json_get_string(object, "text", place, &text, err);
    if (status)
        return status;
    struct import_answer *answer = import_add(reader);
    if (answer) {
        struct arena *scratch = &reader->scratch;
        answer->id = arena_string(scratch, id);
        answer->text = arena_string(reader->arena, text);
        answer->label = arena_string(scratch, json_string_or(object, "label", NULL));
        answer->image = arena_string(scratch, json_string_or(object, "image", NULL));
        answer->question = arena_string(scratch, json_string_or(object, "prompt", NULL));
        answer->group = split;
        answer->record = records->number;
    }
    return import_check_memory(reader, place, err);
}

static enum status read_answers(struct import_reader *reader, struct error *err)
{
    return import_records(reader, reader->path, RECORDS_LINES, read_line, err);
}

const struct import_format import_llava = {
    .name = "llava",
    .title = "LLaVA's answer files: JSON lines with question_id (POPE: id, 10000000 + id, "
             "20000000 + id, or category and split_question_id) and text",
    .fill = read_answers,
};
