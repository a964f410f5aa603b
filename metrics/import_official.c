/* What the benchmarks' own scorers read: GQA's list of questionId and prediction (eval.py:56),
 * POPE's lines of question and answer in the order of the questions (README.md:94-101), VSR's
 * preds.txt with 0 or 1 a line. */
#include "metrics/import_read.h"

#include <string.h>

static enum status add_gqa(struct import_reader *reader, const cJSON *record,
                           const struct records *records, struct error *err)
{
    char id[IMPORT_ID_BYTES];
    const char *text;
    enum status status;
    if ((status = import_read_id(record, "questionId", records->place, id, err)) ||
        (status = json_get_string(record, "prediction", records->place, &text, err)))
        return status;
    struct import_answer *answer = import_add(reader);
    if (answer) {
        answer->id = arena_string(&reader->scratch, id);
        answer->text = arena_string(reader->arena, text);
        answer->record = records->number;
    }
    return import_check_memory(reader, records->place, err);
}

/* Lines have no ids: they answer the questions in their order, one after the other. */
static enum status add_pope(struct import_reader *reader, const cJSON *record,
                            const struct records *records, struct error *err)
{
    const struct dataset *set = reader->set;
    const char *question, *text;
    enum status status;
    if ((status = json_get_string(record, "question", records->place, &question, err)) ||
        (status = json_get_string(record, "answer", records->place, &text, err)))
        return status;
    struct import_answer *answer = import_add(reader);
    if (answer) {
        bool known = reader->n <= set->n_samples;
        answer->id = known ? set->samples[reader->n - 1].id : "";
        answer->question = arena_string(&reader->scratch, question);
        answer->text = arena_string(reader->arena, text);
        answer->record = records->number;
    }
    return import_check_memory(reader, records->place, err);
}

static enum status add_vsr(struct import_reader *reader, const char *line, size_t length,
                           size_t number, struct error *err)
{
    static const double says_true[2] = {1, 0}, says_false[2] = {0, 1};
    while (length > 0 && strchr(" \t\r", line[length - 1]))
        length -= 1;
    if (length != 1 || (line[0] != '0' && line[0] != '1'))
        return fail(err, STATUS_BAD_FORMAT, "%s:%zu: neither 0 nor 1", reader->path, number);
    struct import_answer *answer = import_add(reader);
    if (answer) {
        answer->id = arena_printf(&reader->scratch, "%zu", number - 1);
        answer->probabilities = line[0] == '1' ? says_true : says_false;
        answer->record = number;
    }
    return import_check_memory(reader, reader->path, err);
}

static enum status read_vsr(struct import_reader *reader, struct error *err)
{
    char *data;
    size_t size;
    enum status status = import_read_text(reader, &data, &size, err);
    if (status)
        return status;
    reader->sha256 = sha256_bytes(data, size);
    struct lines lines;
    const char *line;
    size_t length;
    lines_init(&lines, data, size);
    while (!status && lines_next(&lines, &line, &length))
        status = add_vsr(reader, line, length, lines.number, err);
    return status;
}

static enum status read_answers(struct import_reader *reader, struct error *err)
{
    bool is_gqa = strcmp(reader->kind->name, "gqa") == 0;
    bool is_pope = strcmp(reader->kind->name, "pope") == 0;
    if (!is_gqa && !is_pope && strcmp(reader->kind->name, "vsr") != 0)
        return fail(err, STATUS_UNSUPPORTED, "%s: no official form of predictions is read for %s",
                    reader->path, reader->kind->name);
    if (!reader->set)
        return fail(err, STATUS_MISMATCH,
                    "%s: the file holds no labels: name the folder with %s's files", reader->path,
                    reader->kind->name);
    if (is_gqa)
        return import_records(reader, reader->path, RECORDS_ELEMENTS, add_gqa, err);
    if (is_pope)
        return import_records(reader, reader->path, RECORDS_LINES, add_pope, err);
    return read_vsr(reader, err);
}

const struct import_format import_official = {
    .name = "official",
    .title = "what the benchmark's own scorer reads: GQA's list of questionId and prediction, "
             "POPE's lines of question and answer in order, VSR's preds.txt",
    .fill = read_answers,
};
