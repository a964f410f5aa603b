#include "metrics/import_read.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum status import_records(struct import_reader *reader, const char *path,
                           enum records_layout layout, import_record *each, struct error *err)
{
    struct records records;
    const cJSON *record;
    enum status status = records_open(&records, path, layout, err);
    if (status)
        return status;
    reader->sha256 = records.sha256;
    while (!(status = records_next(&records, &record, err)) && record)
        if ((status = each(reader, record, &records, err)))
            break;
    records_close(&records);
    return status;
}

enum status import_read_id(const cJSON *object, const char *key, const char *place,
                           char id[IMPORT_ID_BYTES], struct error *err)
{
    const cJSON *value;
    enum status status = json_get(object, key, place, &value, err);
    if (status)
        return status;
    if (cJSON_IsNumber(value) && value->valuedouble == floor(value->valuedouble) &&
        fabs(value->valuedouble) < 9007199254740992.0) {
        snprintf(id, IMPORT_ID_BYTES, "%.0f", value->valuedouble);
        return STATUS_OK;
    }
    if (!cJSON_IsString(value) || !value->valuestring[0] ||
        strlen(value->valuestring) >= IMPORT_ID_BYTES)
        return fail(err, STATUS_BAD_FORMAT,
                    "%s: \"%s\" is neither a whole number nor a string of 1 to %d bytes", place,
                    key, IMPORT_ID_BYTES - 1);
    snprintf(id, IMPORT_ID_BYTES, "%s", value->valuestring);
    return STATUS_OK;
}

enum status import_read_text(struct import_reader *reader, char **data, size_t *size,
                             struct error *err)
{
    struct file_map map;
    enum status status = file_map_open(&map, reader->path, err);
    if (status)
        return status;
    size_t bytes = map.size_bytes;
    file_map_close(&map);
    if (bytes > IMPORT_TEXT_BYTES)
        return fail(err, STATUS_BAD_FORMAT,
                    "%s: %zu bytes, which is no table of answers (at most %d MiB are read)",
                    reader->path, bytes, IMPORT_TEXT_BYTES >> 20);
    return file_read(reader->path, &reader->scratch, data, size, err);
}

static const char *const splits[] = {"adversarial", "popular", "random"};
enum { N_SPLITS = sizeof splits / sizeof splits[0] };

const char *import_pope_split(const char *name)
{
    for (size_t i = 0; i < N_SPLITS; i++)
        if (strcmp(splits[i], name) == 0)
            return splits[i];
    return NULL;
}

const char *import_pope_split_of(const char *id)
{
    for (size_t i = 0; i < N_SPLITS; i++) {
        size_t length = strlen(splits[i]);
        if (strncmp(splits[i], id, length) == 0 && id[length] == '/')
            return splits[i];
    }
    return NULL;
}

enum status import_read_pair(struct import_reader *reader, const cJSON *list, const char *key,
                             const char *place, const double **out, struct error *err)
{
    const cJSON *first = cJSON_IsArray(list) ? list->child : NULL;
    const cJSON *items[2] = {first, first ? first->next : NULL};
    double *pair = arena_alloc_small(reader->arena, 2, sizeof *pair);
    if (!pair)
        return import_check_memory(reader, place, err);
    for (size_t i = 0; i < 2; i++) {
        if (!items[i] || !(cJSON_IsNumber(items[i]) || cJSON_IsNull(items[i])) ||
            (i == 1 && items[i]->next))
            return fail(err, STATUS_BAD_FORMAT, "%s: \"%s\" is not two numbers", place, key);
        pair[i] = cJSON_IsNumber(items[i]) ? items[i]->valuedouble : (double)NAN;
    }
    bool is_nan = isnan(pair[0]) && isnan(pair[1]);
    if (!is_nan && !(pair[0] >= 0 && pair[1] >= 0 && fabs(pair[0] + pair[1] - 1) < 1e-2))
        return fail(err, STATUS_BAD_FORMAT, "%s: \"%s\" is %g and %g, not two probabilities", place,
                    key, pair[0], pair[1]);
    *out = pair;
    return STATUS_OK;
}

const char *import_first_string(const cJSON *value)
{
    while (cJSON_IsArray(value))
        value = value->child;
    return cJSON_GetStringValue(value);
}
