/* LLaVA's answer files: JSON lines with question_id and text, as haotian-liu/LLaVA@c121f04:
 * llava/eval/model_vqa_loader.py:123-128 writes them.  POPE's ids are those of
 * llava_pope_test.jsonl: id (adversarial), 10000000 + id (random), 20000000 + id (popular).
 * Where a line says "category" and "split_question_id", these count instead.
 *
 * TextVQA's question_id is that of the picture; such answers are joined by picture and by the
 * question in their prompt, and what cannot be joined is refused, as haotian-liu/LLaVA@c121f04:
 * llava/eval/eval_textvqa.py:17-45 does. */
#include "engine/base/string_map.h"
#include "metrics/import_read.h"
#include "metrics/python_text.h"
#include "metrics/textvqa_prompt.h"

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

/* "PICTURE.jpg\nquestion in lower case": what an answer and a sample of TextVQA are joined by. */
static const char *prompt_key(struct arena *arena, const char *image, const struct text *question)
{
    arena->failed |= question->failed;
    return arena_printf(arena, "%s\n%s", image, text_string(question));
}

/* The keys of the set's samples. */
static enum status index_prompts(struct import_reader *reader, struct string_map *index,
                                 struct error *err)
{
    const struct dataset *set = reader->set;
    string_map_init(index, &reader->scratch);
    for (size_t i = 0; set && i < set->n_samples; i++) {
        struct text question;
        text_init(&question);
        python_lower(span_of(set->samples[i].question), &question);
        const char *key = prompt_key(&reader->scratch, set->samples[i].image_name, &question);
        text_release(&question);
        if (key)
            string_map_add(index, key, strlen(key), (int64_t)i, NULL);
    }
    return import_check_memory(reader, reader->path, err);
}

static enum status read_textvqa_line(struct import_reader *reader, const struct string_map *index,
                                     const cJSON *object, const char *place, size_t number,
                                     struct error *err)
{
    const char *picture, *prompt, *text;
    enum status status;
    if ((status = json_get_string(object, "question_id", place, &picture, err)) ||
        (status = json_get_string(object, "prompt", place, &prompt, err)) ||
        (status = json_get_string(object, "text", place, &text, err)))
        return status;
    struct text question;
    text_init(&question);
    bool asked = textvqa_question_of(prompt, &question) == TEXTVQA_PROMPT_READ;
    const char *image = arena_printf(&reader->scratch, "%s.jpg", picture);
    const char *key = image ? prompt_key(&reader->scratch, image, &question) : NULL;
    text_release(&question);
    if (!asked)
        return fail(err, STATUS_BAD_FORMAT,
                    "%s: LLaVA's scorer reads no question out of the prompt '%.120s'", place,
                    prompt);
    int64_t at = key ? string_map_get(index, key, strlen(key), -1) : -1;
    if (key && at < 0)
        return fail(err, STATUS_MISMATCH,
                    "%s: no question of the set is that of the prompt '%.120s' about this picture",
                    place, prompt);
    struct import_answer *answer = import_add(reader);
    if (answer && key) {
        answer->id = reader->set->samples[at].id;
        answer->text = arena_string(reader->arena, text);
        answer->record = number;
    }
    return import_check_memory(reader, place, err);
}

static enum status read_textvqa(struct import_reader *reader, struct error *err)
{
    struct string_map index;
    struct records records;
    const cJSON *object = NULL;
    enum status status = index_prompts(reader, &index, err);
    if (!status)
        status = records_open(&records, reader->path, RECORDS_LINES, err);
    if (status)
        return status;
    reader->sha256 = records.sha256;
    while (!(status = records_next(&records, &object, err)) && object)
        if ((status =
                 read_textvqa_line(reader, &index, object, records.place, records.number, err)))
            break;
    records_close(&records);
    return status;
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
    if (strcmp(reader->kind->name, "textvqa") == 0)
        return read_textvqa(reader, err);
    return import_records(reader, reader->path, RECORDS_LINES, read_line, err);
}

const struct import_format import_llava = {
    .name = "llava",
    .title = "LLaVA's answer files: JSON lines with question_id (POPE: id, 10000000 + id, "
             "20000000 + id, or category and split_question_id) and text",
    .fill = read_answers,
};
