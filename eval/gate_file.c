#include "eval/gate_file.h"

#include "engine/base/json.h"
#include "eval/manifest.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const file_keys[] = {"gate", "about", "level", "tasks", "speed", NULL};
static const char *const entry_keys[] = {"checks", "recorded", NULL};

/* What a check may ask, and of what. */
struct rule_row {
    const char *name;
    const char *group;
    double most; /* the largest value that makes sense */
    size_t offset;
};

#define RULE(name, group, most)                                                                    \
    {                                                                                              \
#name, group, most, offsetof(struct gate_rules, name)                                      \
    }
static const struct rule_row rule_rows[] = {
    RULE(floor, "tasks", 1),           RULE(ceiling, "tasks", 1),
    RULE(allowed_drop, "tasks", 100),  RULE(most, "speed", INFINITY),
    RULE(allowed_rise, "speed", 1000),
};
enum { N_RULES = sizeof rule_rows / sizeof rule_rows[0] };

static bool is_among(const char *word, const char *const *words)
{
    for (size_t i = 0; words[i]; i++)
        if (strcmp(words[i], word) == 0)
            return true;
    return false;
}

/* Objects only, no key twice, and none but those in keys (NULL: any). */
static enum status check_keys(const cJSON *object, const char *const *keys, const char *place,
                              struct error *err)
{
    const cJSON *item;
    if (!cJSON_IsObject(object))
        return fail(err, STATUS_BAD_FORMAT, "%s is not an object", place);
    cJSON_ArrayForEach(item, object)
    {
        if (keys && !is_among(item->string, keys))
            return fail(err, STATUS_BAD_FORMAT, "%s: unknown key \"%s\"", place, item->string);
        if (json_find(object, item->string) != item)
            return fail(err, STATUS_BAD_FORMAT, "%s: \"%s\" stands there twice", place,
                        item->string);
    }
    return STATUS_OK;
}

static enum status check_rule(const cJSON *item, const char *group, const char *place,
                              struct error *err)
{
    const struct rule_row *row = NULL;
    for (size_t i = 0; i < N_RULES && !row; i++)
        if (strcmp(rule_rows[i].name, item->string) == 0 && strcmp(rule_rows[i].group, group) == 0)
            row = &rule_rows[i];
    if (!row)
        return fail(err, STATUS_BAD_FORMAT, "%s: unknown key \"%s\"; there %s", place, item->string,
                    strcmp(group, "tasks") == 0 ? "are floor, ceiling and allowed_drop"
                                                : "are most and allowed_rise");
    if (!cJSON_IsNumber(item) || !isfinite(item->valuedouble))
        return fail(err, STATUS_BAD_FORMAT, "%s: %s is not a number", place, item->string);
    if (item->valuedouble < 0 || item->valuedouble > row->most)
        return fail(err, STATUS_BAD_FORMAT, "%s: %s is %g; it lies from 0 to %g", place,
                    item->string, item->valuedouble, row->most);
    return STATUS_OK;
}

static enum status check_check(const cJSON *check, const char *group, const char *place,
                               struct error *err)
{
    const cJSON *item;
    enum status status = check_keys(check, NULL, place, err);
    cJSON_ArrayForEach(item, check) if (!status) status = check_rule(item, group, place, err);
    if (status)
        return status;
    if (!check->child)
        return fail(err, STATUS_BAD_FORMAT, "%s asks nothing", place);
    struct gate_rules rules = gate_rules_of(check);
    if (rules.floor > rules.ceiling)
        return fail(err, STATUS_BAD_FORMAT, "%s: the floor %g lies above the ceiling %g", place,
                    rules.floor, rules.ceiling);
    return STATUS_OK;
}

static enum status check_entry(const cJSON *entry, const char *group, const char *path,
                               struct error *err)
{
    char place[512];
    const cJSON *check;
    snprintf(place, sizeof place, "%.200s: %.200s", path, entry->string);
    enum status status = check_keys(entry, entry_keys, place, err);
    if (!status)
        status = json_get(entry, "checks", place, &check, err);
    if (status)
        return status;
    const cJSON *checks = check;
    status = check_keys(checks, NULL, place, err);
    if (!status && !checks->child)
        return fail(err, STATUS_BAD_FORMAT, "%s has no check", place);
    if (!status && json_find(entry, "recorded") && !cJSON_IsObject(json_find(entry, "recorded")))
        return fail(err, STATUS_BAD_FORMAT, "%s: recorded is not an object", place);
    cJSON_ArrayForEach(check, checks)
    {
        char of_check[768];
        snprintf(of_check, sizeof of_check, "%s: %.200s", place, check->string);
        if (!status)
            status = check_check(check, group, of_check, err);
    }
    return status;
}

static enum status check_version(const struct gate_file *file, struct error *err)
{
    const cJSON *version = json_find(file->root, "gate");
    if (!cJSON_IsNumber(version))
        return fail(err, STATUS_BAD_FORMAT,
                    "%s is not a baseline of mambench gate: it has no \"gate\", the version of its "
                    "schema",
                    file->path);
    if (version->valuedouble < GATE_FILE_VERSION || version->valuedouble > GATE_FILE_VERSION)
        return fail(err, STATUS_BAD_FORMAT,
                    "%s has version %g of the schema, and this mambench reads %d: write it anew "
                    "with mambench gate --update, into another file",
                    file->path, version->valuedouble, GATE_FILE_VERSION);
    return STATUS_OK;
}

static enum status check_file(struct gate_file *file, struct error *err)
{
    static const char *const groups[] = {"tasks", "speed"};
    enum status status = cJSON_IsObject(file->root) ? check_version(file, err) : STATUS_OK;
    if (!status)
        status = check_keys(file->root, file_keys, file->path, err);
    const cJSON *level = json_find(file->root, "level"), *entry;
    if (!status && level) {
        file->level = cJSON_IsNumber(level) ? level->valuedouble : (double)NAN;
        if (!(file->level > 0 && file->level <= 0.5))
            status = fail(err, STATUS_BAD_FORMAT, "%s: level is a number above 0 and up to 0.5",
                          file->path);
    }
    size_t n = 0;
    for (size_t g = 0; g < 2 && !status; g++) {
        const cJSON *entries = json_find(file->root, groups[g]);
        if (entries)
            status = check_keys(entries, NULL, file->path, err);
        cJSON_ArrayForEach(entry, entries)
        {
            n += 1;
            if (!status)
                status = check_entry(entry, groups[g], file->path, err);
        }
    }
    if (!status && n == 0)
        status = fail(err, STATUS_BAD_FORMAT, "%s checks nothing: it has no tasks", file->path);
    return status;
}

enum status gate_file_open(struct gate_file *file, const char *path, struct error *err)
{
    *file = (struct gate_file){.path = path, .level = GATE_LEVEL};
    enum status status = json_read(&file->root, path, err);
    if (status)
        return status;
    status = check_file(file, err);
    if (status)
        gate_file_close(file);
    return status;
}

enum status gate_file_new(struct gate_file *file, const char *path, struct error *err)
{
    *file = (struct gate_file){.path = path, .root = cJSON_CreateObject(), .level = GATE_LEVEL};
    if (file->root && cJSON_AddNumberToObject(file->root, "gate", GATE_FILE_VERSION))
        return STATUS_OK;
    gate_file_close(file);
    return fail(err, STATUS_NO_MEMORY, "out of memory for a baseline");
}

void gate_file_close(struct gate_file *file)
{
    cJSON_Delete(file->root);
    *file = (struct gate_file){0};
}

const cJSON *gate_file_entries(const struct gate_file *file, const char *group)
{
    return json_find(file->root, group);
}

struct gate_rules gate_rules_of(const cJSON *check)
{
    struct gate_rules rules;
    for (size_t i = 0; i < N_RULES; i++)
        *(double *)((char *)&rules + rule_rows[i].offset) =
            json_number_or(check, rule_rows[i].name, (double)NAN);
    return rules;
}

static cJSON *member(cJSON *object, const char *key)
{
    cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    return item ? item : cJSON_AddObjectToObject(object, key);
}

enum status gate_file_record(struct gate_file *file, const char *group, const char *name,
                             const char *metric, const char *rule, double limit, cJSON *recorded,
                             struct error *err)
{
    cJSON *entries = member(file->root, group);
    cJSON *entry = entries ? member(entries, name) : NULL;
    bool has_checks = entry && json_find(entry, "checks");
    bool ok = entry && recorded;
    if (ok && !has_checks) {
        cJSON *checks = member(entry, "checks"), *check = checks ? member(checks, metric) : NULL;
        ok = check && cJSON_AddNumberToObject(check, rule, limit);
    }
    if (ok) {
        cJSON_DeleteItemFromObjectCaseSensitive(entry, "recorded");
        ok = cJSON_AddItemToObject(entry, "recorded", recorded);
    }
    if (ok)
        return STATUS_OK;
    cJSON_Delete(recorded);
    return fail(err, STATUS_NO_MEMORY, "out of memory for the baseline %s", file->path);
}

enum status gate_file_write(const struct gate_file *file, struct error *err)
{
    return manifest_write(file->root, file->path, err);
}
