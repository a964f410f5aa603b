/* lmms-eval's logged samples: one JSON line a document, {date}_samples_{task}.jsonl, or the older
 * single file with a list called "logs".  Reference: EvolvingLMMs-Lab/lmms-eval@75571cf:
 * lmms_eval/loggers/evaluation_tracker.py, save_results_samples().
 *
 * A line has doc_id, target, filtered_resps and the prompt; the document itself is left out by the
 * present versions and there in old ones.  doc_id counts the documents, which stand in the order of
 * the official files (POPE: adversarial, popular, random); prompt and target are compared with the
 * sample, so that another order is refused and not scored. */
#include "metrics/import_read.h"

#include <stdio.h>
#include <string.h>

/* What the harness calls a document: its own id where the document is there, else the sample at
 * that place. */
static enum status read_document_id(struct import_reader *reader, const cJSON *line,
                                    const char *place, char *id, const char **split,
                                    struct error *err)
{
    const cJSON *doc = json_find(line, "doc");
    const char *category = json_string_or(doc, "category", NULL);
    *split = category ? import_pope_split(category) : NULL;
    if (*split && json_find(doc, "question_id")) {
        char number[IMPORT_ID_BYTES];
        enum status status = import_read_id(doc, "question_id", place, number, err);
        snprintf(id, IMPORT_ID_BYTES, "%s/%.100s", *split, number);
        return status;
    }
    if (strcmp(reader->kind->name, "pope") != 0 && json_find(doc, "question_id"))
        return import_read_id(doc, "question_id", place, id, err);
    if (strcmp(reader->kind->name, "gqa") == 0 && json_find(doc, "id"))
        return import_read_id(doc, "id", place, id, err);
    int at;
    enum status status = json_get_int(line, "doc_id", place, &at, err);
    if (status)
        return status;
    if (at < 0)
        return fail(err, STATUS_BAD_FORMAT, "%s: \"doc_id\" is %d", place, at);
    if (reader->set && (size_t)at < reader->set->n_samples)
        snprintf(id, IMPORT_ID_BYTES, "%s", reader->set->samples[at].id);
    else
        snprintf(id, IMPORT_ID_BYTES, "document %d", at);
    return STATUS_OK;
}

/* The first answer after the harness's filters, else before them. */
static enum status read_text(const cJSON *line, const char *place, const char **text,
                             struct error *err)
{
    *text = import_first_string(json_find(line, "filtered_resps"));
    if (!*text)
        *text = import_first_string(json_find(line, "resps"));
    if (!*text)
        return fail(err, STATUS_BAD_FORMAT,
                    "%s: neither \"filtered_resps\" nor \"resps\" holds a text", place);
    return STATUS_OK;
}

static enum status add_line(struct import_reader *reader, const cJSON *line, const char *place,
                            size_t record, struct error *err)
{
    char id[IMPORT_ID_BYTES];
    const char *text, *split;
    enum status status;
    if ((status = read_document_id(reader, line, place, id, &split, err)) ||
        (status = read_text(line, place, &text, err)))
        return status;
    struct import_answer *answer = import_add(reader);
    if (answer) {
        struct arena *scratch = &reader->scratch;
        const cJSON *doc = json_find(line, "doc");
        const char *prompt = import_first_string(json_find(line, "input"));
        const char *image = json_string_or(doc, "image_source", NULL);
        answer->id = arena_string(scratch, id);
        answer->text = arena_string(reader->arena, text);
        answer->label = arena_string(scratch, json_string_or(line, "target", NULL));
        answer->question =
            arena_string(scratch, prompt ? prompt : json_string_or(doc, "question", NULL));
        answer->image = reader->set ? NULL : arena_string(scratch, image);
        answer->group = split;
        answer->record = record;
    }
    return import_check_memory(reader, place, err);
}

static enum status read_line(struct import_reader *reader, const cJSON *line,
                             const struct records *records, struct error *err)
{
    return add_line(reader, line, records->place, records->number, err);
}

/* {"args": ..., "logs": [{...}, ...]} */
static enum status read_logs(struct import_reader *reader, const cJSON *root, struct error *err)
{
    const cJSON *logs, *line;
    size_t n = 0;
    enum status status = json_get_array(root, "logs", reader->path, &logs, err);
    if (status)
        return status;
    cJSON_ArrayForEach(line, logs)
    {
        const char *place = arena_printf(&reader->scratch, "%s: logs[%zu]", reader->path, n++);
        if (!place)
            return import_check_memory(reader, reader->path, err);
        if ((status = add_line(reader, line, place, n, err)))
            return status;
    }
    return STATUS_OK;
}

/* One object over many lines is the older file; one on a line is a sample. */
static enum status read_samples(struct import_reader *reader, struct error *err)
{
    struct error first = {""};
    enum status status = import_records(reader, reader->path, RECORDS_LINES, read_line, &first);
    if (status != STATUS_BAD_FORMAT || reader->n > 0)
        return status ? fail(err, status, "%s", first.text) : STATUS_OK;
    cJSON *root = NULL;
    struct error second = {""};
    if (json_read(&root, reader->path, &second) || !json_find(root, "logs")) {
        cJSON_Delete(root);
        return fail(err, status, "%s", first.text);
    }
    status = sha256_file(reader->path, &reader->sha256, err);
    if (!status)
        status = read_logs(reader, root, err);
    cJSON_Delete(root);
    return status;
}

const struct import_format import_lmms_eval = {
    .name = "lmms-eval",
    .title = "lmms-eval's logged samples: JSON lines with doc_id, target and filtered_resps "
             "(--log_samples), or the older file with logs",
    .fill = read_samples,
};
