#include "datasets/gqa_facts.h"

#include "engine/base/text.h"

#include <string.h>

static enum status no_memory(const char *place, struct error *err)
{
    return fail(err, STATUS_NO_MEMORY, "%s: out of memory", place);
}

/* Copies a list of strings; those equal to leave_out (may be NULL) are left out. */
static enum status read_strings(const cJSON *record, const char *key, const char *leave_out,
                                const char *place, struct arena *arena, const char *const **out,
                                size_t *n, struct error *err)
{
    const cJSON *list, *string;
    enum status status = json_get_array(record, key, place, &list, err);
    if (status)
        return status;
    size_t capacity = (size_t)cJSON_GetArraySize(list);
    const char **strings = arena_alloc_small(arena, capacity ? capacity : 1, sizeof *strings);
    if (!strings)
        return no_memory(place, err);
    *n = 0;
    cJSON_ArrayForEach(string, list)
    {
        if (!cJSON_IsString(string))
            return fail(err, STATUS_BAD_FORMAT, "%s: \"%s\" holds something not a string", place,
                        key);
        if (!leave_out || strcmp(leave_out, string->valuestring) != 0)
            strings[(*n)++] = arena_string(arena, string->valuestring);
    }
    *out = strings;
    return arena_failed(arena) ? no_memory(place, err) : STATUS_OK;
}

/* The program says nothing new where it only names or finds the object asked for. */
static bool is_counted(const char *operation, const char *argument, struct text *scratch)
{
    static const char *const skipped[] = {"exist", "query: name", "choose name"};
    text_reset(scratch);
    text_addf(scratch, "%s: %s", operation, argument);
    for (size_t i = 0; i < sizeof skipped / sizeof skipped[0]; i++)
        if (strstr(text_string(scratch), skipped[i]))
            return false;
    return true;
}

enum status gqa_count_steps(const cJSON *semantic, const char *place, size_t *out,
                            struct error *err)
{
    struct text scratch;
    const cJSON *step;
    enum status status = STATUS_OK;
    text_init(&scratch);
    *out = 0;
    cJSON_ArrayForEach(step, semantic)
    {
        const char *operation, *argument;
        if ((status = json_get_string(step, "operation", place, &operation, err)) ||
            (status = json_get_string(step, "argument", place, &argument, err)))
            break;
        *out += is_counted(operation, argument, &scratch);
    }
    if (!status && scratch.failed)
        status = no_memory(place, err);
    text_release(&scratch);
    return status;
}

static enum status read_types(const cJSON *record, const char *place, struct arena *arena,
                              struct gqa_facts *facts, struct error *err)
{
    const cJSON *types;
    const char *structural, *semantic, *detailed;
    enum status status;
    if ((status = json_get(record, "types", place, &types, err)) ||
        (status = json_get_string(types, "structural", place, &structural, err)) ||
        (status = json_get_string(types, "semantic", place, &semantic, err)) ||
        (status = json_get_string(types, "detailed", place, &detailed, err)))
        return status;
    facts->structural = arena_string(arena, structural);
    facts->semantic = arena_string(arena, semantic);
    facts->detailed = arena_string(arena, detailed);
    return STATUS_OK;
}

/* "groups": {"global": null, ...}; null means that the question is in no group. */
static enum status read_group(const cJSON *record, const char *place, struct arena *arena,
                              struct gqa_facts *facts, struct error *err)
{
    const cJSON *groups, *global;
    enum status status;
    if ((status = json_get(record, "groups", place, &groups, err)) ||
        (status = json_get(groups, "global", place, &global, err)))
        return status;
    if (!cJSON_IsNull(global) && !cJSON_IsString(global))
        return fail(err, STATUS_BAD_FORMAT, "%s: \"global\" is neither a string nor null", place);
    facts->group = arena_string(arena, cJSON_GetStringValue(global));
    return STATUS_OK;
}

static enum status read_answered(const cJSON *record, const char *id, const char *place,
                                 struct arena *arena, struct gqa_facts *facts, struct error *err)
{
    const cJSON *semantic;
    enum status status;
    if ((status = read_types(record, place, arena, facts, err)) ||
        (status = read_group(record, place, arena, facts, err)) ||
        (status = json_get_array(record, "semantic", place, &semantic, err)) ||
        (status = gqa_count_steps(semantic, place, &facts->n_steps, err)))
        return status;
    return read_strings(record, "entailed", id, place, arena, &facts->entailed, &facts->n_entailed,
                        err);
}

enum status gqa_facts_read(const cJSON *record, const char *id, const char *place,
                           struct arena *arena, struct gqa_facts **out, struct error *err)
{
    struct gqa_facts *facts = arena_alloc_small(arena, 1, sizeof *facts);
    if (!facts)
        return no_memory(place, err);
    const cJSON *balanced;
    enum status status = json_get(record, "isBalanced", place, &balanced, err);
    if (!status && !cJSON_IsBool(balanced))
        status = fail(err, STATUS_BAD_FORMAT, "%s: \"isBalanced\" is not true or false", place);
    if (!status && json_find(record, "answer"))
        status = read_answered(record, id, place, arena, facts, err);
    if (status)
        return status;
    facts->is_balanced = cJSON_IsTrue(balanced);
    *out = facts;
    return arena_failed(arena) ? no_memory(place, err) : STATUS_OK;
}

enum status gqa_choices_read(const cJSON *record, const char *place, struct arena *arena,
                             const struct gqa_choices **out, struct error *err)
{
    struct gqa_choices *choices = arena_alloc_small(arena, 1, sizeof *choices);
    if (!choices)
        return no_memory(place, err);
    enum status status;
    if ((status = read_strings(record, "valid", NULL, place, arena, &choices->valid,
                               &choices->n_valid, err)) ||
        (status = read_strings(record, "plausible", NULL, place, arena, &choices->plausible,
                               &choices->n_plausible, err)))
        return status;
    *out = choices;
    return STATUS_OK;
}
