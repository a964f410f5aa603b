/* What the loaders of the VQA-like benchmarks share, see datasets/build.h. */
#include "datasets/build.h"
#include "datasets/records.h"
#include "engine/base/file.h"

#include <string.h>

void string_pool_init(struct string_pool *pool, struct arena *strings)
{
    pool->strings = strings;
    arena_init(&pool->scratch);
    string_map_init(&pool->map, &pool->scratch);
}

void string_pool_release(struct string_pool *pool)
{
    arena_release(&pool->scratch);
}

const char *string_pool_add(struct string_pool *pool, const char *text)
{
    size_t length = strlen(text);
    int64_t kept = string_map_get(&pool->map, text, length, 0);
    if (kept)
        return (const char *)(intptr_t)kept;
    const char *copy = arena_copy(pool->strings, text, length);
    if (!copy)
        return NULL;
    string_map_add(&pool->map, copy, length, (int64_t)(intptr_t)copy, NULL);
    if (!arena_failed(&pool->scratch))
        return copy;
    pool->strings->failed = true; /* whoever asks the set's arena is told */
    return NULL;
}

static enum status read_answer(const cJSON *item, size_t i, const char *place, const char **out,
                               struct error *err)
{
    const cJSON *answer = cJSON_IsObject(item) ? json_find(item, "answer") : item;
    if (!cJSON_IsString(answer))
        return fail(err, STATUS_BAD_FORMAT, "%s: answer %zu of \"answers\" is not a string", place,
                    i + 1);
    *out = answer->valuestring;
    return STATUS_OK;
}

enum status dataset_set_ten_answers(struct dataset *set, struct sample *sample, const cJSON *list,
                                    struct string_pool *pool, const char *place, struct error *err)
{
    if (!cJSON_IsArray(list))
        return fail(err, STATUS_BAD_FORMAT, "%s: \"answers\" is not an array", place);
    int n = cJSON_GetArraySize(list);
    if (n != DATASET_ANNOTATORS)
        return fail(err, STATUS_BAD_FORMAT, "%s: %d answers, %d are expected", place, n,
                    DATASET_ANNOTATORS);
    const char **answers = arena_alloc_small(&set->arena, DATASET_ANNOTATORS, sizeof *answers);
    size_t i = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, list)
    {
        const char *text = NULL;
        enum status status = read_answer(item, i, place, &text, err);
        if (status)
            return status;
        const char *kept = string_pool_add(pool, text);
        if (!answers || !kept)
            return fail(err, STATUS_NO_MEMORY, "%s: out of memory", place);
        answers[i++] = kept;
    }
    sample->answers = answers;
    sample->n_answers = DATASET_ANNOTATORS;
    return STATUS_OK;
}

enum status dataset_read_records(struct dataset *set, const char *path, const char *member,
                                 dataset_add_record *add, void *context, struct error *err)
{
    struct records records;
    enum status status = records_open_array(&records, path, member, err);
    if (status)
        return status;
    const cJSON *record = NULL;
    while (!(status = records_next(&records, &record, err)) && record)
        if ((status = add(context, record, records.place, err)))
            break;
    size_t n = records.number;
    if (!status && n == 0)
        status = fail(err, STATUS_BAD_FORMAT, "%s: %s%s%s is empty", path, member ? "\"" : "the ",
                      member ? member : "array", member ? "\"" : "");
    if (!status)
        dataset_add_file(set, path, &records.sha256, n);
    records_close(&records);
    return status;
}

enum status dataset_find_file(struct dataset *set, const char *directory, const char *name,
                              const char *const *folders, const char **out, struct error *err)
{
    struct arena *arena = &set->arena;
    const char *path = path_join(arena, directory, name);
    for (; path && !file_exists(path) && *folders; folders++)
        path = arena_printf(arena, "%s/%s/%s", directory, *folders, name);
    if (!path)
        return fail(err, STATUS_NO_MEMORY, "out of memory while reading %s", directory);
    if (!file_exists(path))
        return fail(err, STATUS_NOT_FOUND, "%s has no %s; %s is read from %s", directory, name,
                    set->kind->title, set->kind->expects);
    *out = path;
    return STATUS_OK;
}

void dataset_note_count(struct dataset *set, const char *file, const char *what, size_t n,
                        size_t official)
{
    if (n != official)
        dataset_add_note(set, "%s: %s %s, not the official count (%s)", file,
                         dataset_count_text(&set->arena, n), what,
                         dataset_count_text(&set->arena, official));
}
