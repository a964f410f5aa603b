/* Plain JSON lines, this program's own predictions.jsonl among them: the id of a sample as
 * `mambench task show` prints it, and a text, two probabilities, or the error that kept the model
 * from answering. */
#include "metrics/import_read.h"

#include <string.h>

/* The first of the keys that the line has; NULL if it has none. */
static const char *key_of(const cJSON *line, const char *const *keys)
{
    for (size_t i = 0; keys[i]; i++)
        if (json_find(line, keys[i]))
            return keys[i];
    return NULL;
}

static enum status read_answer(struct import_reader *reader, const cJSON *line, const char *place,
                               struct import_answer *answer, struct error *err)
{
    static const char *const texts[] = {"text", "answer", "prediction", NULL};
    const cJSON *pair = json_find(line, "probabilities");
    const char *key = key_of(line, texts), *text = NULL;
    const char *failure = json_string_or(line, "error", NULL);
    enum status status = STATUS_OK;
    if (failure) {
        answer->failure = arena_string(reader->arena, failure);
        return STATUS_OK;
    }
    if (!key && !pair)
        return fail(err, STATUS_BAD_FORMAT,
                    "%s: no \"text\", no \"probabilities\" and no \"error\"", place);
    if (key && !(pair && cJSON_IsNull(json_find(line, key))))
        status = json_get_string(line, key, place, &text, err);
    if (!status && pair)
        status =
            import_read_pair(reader, pair, "probabilities", place, &answer->probabilities, err);
    answer->text = arena_string(reader->arena, text);
    return status;
}

static enum status read_line(struct import_reader *reader, const cJSON *line,
                             const struct records *records, struct error *err)
{
    static const char *const ids[] = {"id", "question_id", "questionId", NULL};
    char id[IMPORT_ID_BYTES];
    struct import_answer read = {.record = records->number};
    const char *key = key_of(line, ids);
    enum status status;
    if ((status = import_read_id(line, key ? key : ids[0], records->place, id, err)) ||
        (status = read_answer(reader, line, records->place, &read, err)))
        return status;
    struct import_answer *answer = import_add(reader);
    if (answer) {
        struct arena *scratch = &reader->scratch;
        *answer = read;
        answer->id = arena_string(scratch, id);
        answer->label = arena_string(scratch, json_string_or(line, "label", NULL));
        answer->image = arena_string(scratch, json_string_or(line, "image", NULL));
        answer->question = arena_string(scratch, json_string_or(line, "question", NULL));
        answer->group = import_pope_split_of(id);
    }
    return import_check_memory(reader, records->place, err);
}

static enum status read_lines(struct import_reader *reader, struct error *err)
{
    return import_records(reader, reader->path, RECORDS_LINES, read_line, err);
}

const struct import_format import_jsonl = {
    .name = "jsonl",
    .title = "JSON lines with id (also question_id, questionId) and text (also answer, "
             "prediction), two probabilities, or error; mambench's own predictions.jsonl",
    .fill = read_lines,
};
