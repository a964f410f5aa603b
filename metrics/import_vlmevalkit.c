/* VLMEvalKit's prediction files {model}_{dataset}.tsv, .csv or .json: one row a question with the
 * columns index, question, answer, prediction and, for POPE, category.  Reference:
 * open-compass/VLMEvalKit@e8e78f0:vlmeval/inference.py, dump() of the data set's rows.
 *
 * It numbers rows its own way.  A POPE row is in every split that its category lists with commas
 * (yorn.py:160); with POPE's files loaded it is found by split, picture and question, which needs a
 * column image_path or image.  GQA's index is the question's id, else rows are taken in the order
 * of the file and compared.  The .xlsx files that it writes by default are refused by
 * metrics/import.c: set PRED_FORMAT=tsv, or save them as .tsv. */
#include "engine/base/string_map.h"
#include "metrics/import_read.h"
#include "metrics/python_text.h"

#include <csv.h>
#include <stdio.h>
#include <string.h>

enum column { INDEX, QUESTION, ANSWER, PREDICTION, CATEGORY, IMAGE_PATH, IMAGE, N_COLUMNS };

static const char *const column_names[N_COLUMNS] = {
    "index", "question", "answer", "prediction", "category", "image_path", "image"};

enum { MOST_FILE_COLUMNS = 64 };

/* A row's cells, NULL where the file has no such column. */
struct row {
    const char *cells[N_COLUMNS];
    size_t number; /* from 1, without the head */
};

struct rows {
    struct import_reader *reader;
    struct string_map samples; /* "split|picture|question" of POPE's samples */
    enum column columns[MOST_FILE_COLUMNS];
    size_t n_columns, column;
    bool has_head;
    struct row row;
    enum status status;
    struct error *err;
};

/* Yes and No of the file are yes and no of POPE's. */
static const char *label_of(struct rows *rows, const char *answer)
{
    struct arena *scratch = &rows->reader->scratch;
    if (!answer || strcmp(rows->reader->kind->name, "pope") != 0)
        return answer;
    struct text lower;
    text_init(&lower);
    python_lower(span_of(answer), &lower);
    const char *label = arena_string(scratch, text_string(&lower));
    scratch->failed |= lower.failed;
    text_release(&lower);
    return label;
}

static void add(struct rows *rows, const char *id, const char *group)
{
    struct import_answer *answer = import_add(rows->reader);
    if (!answer)
        return;
    const struct row *row = &rows->row;
    answer->id = id;
    answer->text = arena_string(rows->reader->arena, row->cells[PREDICTION]);
    answer->label = label_of(rows, row->cells[ANSWER]);
    answer->question = row->cells[QUESTION];
    answer->group = group;
    answer->record = row->number;
}

static enum status index_pope(struct rows *rows)
{
    const struct dataset *set = rows->reader->set;
    struct arena *scratch = &rows->reader->scratch;
    string_map_init(&rows->samples, scratch);
    for (size_t i = 0; set && i < set->n_samples && !arena_failed(scratch); i++) {
        const struct sample *sample = &set->samples[i];
        const char *key =
            arena_printf(scratch, "%s|%s|%s", sample->group, sample->image_name, sample->question);
        if (key)
            string_map_add(&rows->samples, key, strlen(key), (int64_t)i, NULL);
    }
    return import_check_memory(rows->reader, rows->reader->path, rows->err);
}

/* One split of a POPE row. */
static enum status add_pope(struct rows *rows, const char *split)
{
    const struct row *row = &rows->row;
    struct arena *scratch = &rows->reader->scratch;
    const char *image = row->cells[IMAGE_PATH] ? row->cells[IMAGE_PATH] : row->cells[IMAGE];
    if (!rows->reader->set) {
        add(rows, arena_printf(scratch, "%s/%s", split, row->cells[INDEX]), split);
        return STATUS_OK;
    }
    if (!image)
        return fail(rows->err, STATUS_MISMATCH,
                    "%s: no column image_path or image to find a question of POPE by; without "
                    "--data the labels in the file are scored",
                    rows->reader->path);
    const char *key =
        arena_printf(scratch, "%s|%s|%s", split, path_name(image), row->cells[QUESTION]);
    int64_t at = key ? string_map_get(&rows->samples, key, strlen(key), -1) : -1;
    add(rows, at < 0 ? "" : rows->reader->set->samples[at].id, split);
    return STATUS_OK;
}

static enum status add_pope_row(struct rows *rows)
{
    char splits[128];
    if (!rows->row.cells[CATEGORY])
        return fail(rows->err, STATUS_BAD_FORMAT, "%s: row %zu: \"category\" is missing",
                    rows->reader->path, rows->row.number);
    snprintf(splits, sizeof splits, "%s", rows->row.cells[CATEGORY]);
    enum status status = STATUS_OK;
    char *rest = splits;
    for (char *name; !status && (name = strtok_r(rest, ", ", &rest));) {
        const char *split = import_pope_split(name);
        status = split ? add_pope(rows, split)
                       : fail(rows->err, STATUS_BAD_FORMAT,
                              "%s: row %zu: \"category\" is '%.40s', not adversarial, popular or "
                              "random",
                              rows->reader->path, rows->row.number, name);
    }
    return status;
}

static enum status add_row(struct rows *rows)
{
    static const enum column needed[] = {INDEX, QUESTION, PREDICTION};
    const struct dataset *set = rows->reader->set;
    rows->row.number += 1;
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
        if (!rows->row.cells[needed[i]])
            return fail(rows->err, STATUS_BAD_FORMAT, "%s: row %zu: \"%s\" is missing or empty",
                        rows->reader->path, rows->row.number, column_names[needed[i]]);
    if (strcmp(rows->reader->kind->name, "pope") == 0)
        return add_pope_row(rows);
    const char *id = rows->row.cells[INDEX];
    size_t at = rows->row.number - 1;
    if (set && at < set->n_samples && string_map_get(&rows->samples, id, strlen(id), -1) < 0)
        id = set->samples[at].id;
    add(rows, id, NULL);
    return STATUS_OK;
}

static enum status index_ids(struct rows *rows)
{
    const struct dataset *set = rows->reader->set;
    string_map_init(&rows->samples, &rows->reader->scratch);
    for (size_t i = 0; set && i < set->n_samples; i++)
        string_map_add(&rows->samples, set->samples[i].id, strlen(set->samples[i].id), (int64_t)i,
                       NULL);
    return import_check_memory(rows->reader, rows->reader->path, rows->err);
}

/* A cell that is a number or a string in JSON. */
static const char *cell_of(struct rows *rows, const cJSON *record, enum column column)
{
    const cJSON *value = json_find(record, column_names[column]);
    if (cJSON_IsNumber(value))
        return arena_printf(&rows->reader->scratch, "%.15g", value->valuedouble);
    return arena_string(&rows->reader->scratch, cJSON_GetStringValue(value));
}

static enum status read_json(struct rows *rows)
{
    struct records records;
    enum status status =
        records_open(&records, rows->reader->path, RECORDS_LINES_OR_ARRAY, rows->err);
    if (status)
        return status;
    rows->reader->sha256 = records.sha256;
    const cJSON *record;
    while (!(status = records_next(&records, &record, rows->err)) && record) {
        for (enum column c = 0; c < N_COLUMNS; c++)
            rows->row.cells[c] = cell_of(rows, record, c);
        if ((status = add_row(rows)))
            break;
    }
    records_close(&records);
    return status;
}

static void on_cell(void *data, size_t length, void *context)
{
    struct rows *rows = context;
    size_t at = rows->column++;
    if (rows->status || at >= MOST_FILE_COLUMNS)
        return;
    const char *text = data ? data : "";
    if (!rows->has_head) {
        rows->columns[at] = N_COLUMNS;
        for (enum column c = 0; c < N_COLUMNS; c++)
            if (strlen(column_names[c]) == length && memcmp(column_names[c], text, length) == 0)
                rows->columns[at] = c;
        rows->n_columns = at + 1;
    } else if (at < rows->n_columns && rows->columns[at] != N_COLUMNS) {
        /* pandas reads an empty cell as nothing, which str() makes "nan": only an answer may be
         * empty, and an empty one is an answer. */
        bool is_nothing = length == 0 && rows->columns[at] != PREDICTION;
        rows->row.cells[rows->columns[at]] =
            is_nothing ? NULL : arena_copy(&rows->reader->scratch, text, length);
    }
}

static void on_row(int terminator, void *context)
{
    struct rows *rows = context;
    (void)terminator;
    if (!rows->status && rows->has_head)
        rows->status = add_row(rows);
    rows->has_head = true;
    rows->column = 0;
    memset(rows->row.cells, 0, sizeof rows->row.cells);
}

static enum status read_cells(struct rows *rows, char delimiter)
{
    char *data;
    size_t size;
    enum status status = import_read_text(rows->reader, &data, &size, rows->err);
    if (!status)
        status = jsonl_check_bytes(rows->reader->path, data, size, rows->err);
    if (status)
        return status;
    rows->reader->sha256 = sha256_bytes(data, size);
    struct csv_parser parser;
    if (csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI | CSV_EMPTY_IS_NULL))
        return fail(rows->err, STATUS_NO_MEMORY, "%s: out of memory", rows->reader->path);
    csv_set_delim(&parser, (unsigned char)delimiter);
    csv_set_space_func(&parser, NULL);
    bool ok = csv_parse(&parser, data, size, on_cell, on_row, rows) == size &&
              csv_fini(&parser, on_cell, on_row, rows) == 0;
    int cause = csv_error(&parser);
    csv_free(&parser);
    if (rows->status)
        return rows->status;
    if (!ok)
        return fail(rows->err, cause == CSV_ENOMEM ? STATUS_NO_MEMORY : STATUS_BAD_FORMAT,
                    "%s: row %zu: %s", rows->reader->path, rows->row.number + 1,
                    csv_strerror(cause));
    return STATUS_OK;
}

static enum status read_rows(struct import_reader *reader, struct error *err)
{
    struct rows rows = {.reader = reader, .err = err};
    enum status status =
        strcmp(reader->kind->name, "pope") == 0 ? index_pope(&rows) : index_ids(&rows);
    if (status)
        return status;
    if (text_ends_with(reader->path, ".json") || text_ends_with(reader->path, ".jsonl"))
        status = read_json(&rows);
    else
        status = read_cells(&rows, text_ends_with(reader->path, ".csv") ? ',' : '\t');
    return status ? status : import_check_memory(reader, reader->path, err);
}

const struct import_format import_vlmevalkit = {
    .name = "vlmevalkit",
    .title = "VLMEvalKit's prediction files, .tsv, .csv or .json, with index, question, answer and "
             "prediction (POPE: and category)",
    .fill = read_rows,
};
