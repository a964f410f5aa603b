#include "engine/tokenizer/json_file.h"

#include "engine/base/utf8.h"
#include "engine/tokenizer/kind.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

void json_file_init(struct json_file *file, const cJSON *root, const char *path, struct error *err)
{
    *file = (struct json_file){.path = path, .root = root, .err = err};
    arena_init(&file->arena);
    string_map_init(&file->ids, &file->arena);
}

void json_file_release(struct json_file *file)
{
    arena_release(&file->arena);
}

enum status json_file_no_memory(const struct json_file *file)
{
    return fail(file->err, STATUS_NO_MEMORY, "out of memory while reading %s", file->path);
}

/* ---- The pipeline ------------------------------------------------------------------------- */

static bool is_null(const cJSON *item)
{
    return !item || cJSON_IsNull(item);
}

enum status json_file_check_component(const struct json_file *file, const char *name,
                                      const char *type, bool may_be_null)
{
    const cJSON *component = json_find(file->root, name);
    if (may_be_null && is_null(component))
        return STATUS_OK;
    const char *found = is_null(component) ? "null" : json_string_or(component, "type", "unnamed");
    if (strcmp(found, type) != 0)
        return fail(file->err, STATUS_UNSUPPORTED,
                    "%s: the %s is of type %.60s, only %s%s is supported", file->path, name, found,
                    type, may_be_null ? " or null" : "");
    return STATUS_OK;
}

enum status json_file_find_parts(struct json_file *file)
{
    char place[512];
    snprintf(place, sizeof place, "%.400s: model", file->path);
    enum status status = json_get(file->root, "model", file->path, &file->model, file->err);
    if (!status && !cJSON_IsObject(file->model))
        status = fail(file->err, STATUS_BAD_FORMAT, "%s is not an object", place);
    if (status)
        return status;
    file->added = json_find(file->root, "added_tokens");
    if (!is_null(file->added) && !cJSON_IsArray(file->added))
        return fail(file->err, STATUS_BAD_FORMAT, "%s: \"added_tokens\" is not an array",
                    file->path);
    status = json_get(file->model, "vocab", place, &file->vocab, file->err);
    if (!status && !cJSON_IsObject(file->vocab))
        status = fail(file->err, STATUS_BAD_FORMAT, "%s: \"vocab\" is not an object", place);
    return status;
}

/* Whether an option is there and says something else than "off". */
static bool is_set(const cJSON *item)
{
    if (is_null(item) || cJSON_IsFalse(item))
        return false;
    if (cJSON_IsString(item))
        return item->valuestring[0] != '\0';
    return !cJSON_IsNumber(item) || item->valuedouble != 0;
}

enum status json_file_check_model(const struct json_file *file, const char *const *options,
                                  size_t n_options)
{
    /* Files of GPT-2's time have no type; only BPE has merges. */
    const char *type = json_string_or(file->model, "type", "BPE");
    if (strcmp(type, "BPE") != 0)
        return fail(file->err, STATUS_UNSUPPORTED,
                    "%s: the model is of type %.60s, only BPE is supported", file->path, type);
    for (size_t i = 0; i < n_options; i++)
        if (is_set(json_find(file->model, options[i])))
            return fail(file->err, STATUS_UNSUPPORTED,
                        "%s: the model has %s, which is not supported", file->path, options[i]);
    return STATUS_OK;
}

/* ---- The vocabulary ----------------------------------------------------------------------- */

static bool is_id(double value)
{
    return value >= 0 && value < TOKENIZER_MOST_IDS && value == floor(value);
}

/* Checks the ids and finds how many there are, so that the table can be taken. */
static enum status count_ids(struct json_file *file)
{
    int n_ids = 0;
    const cJSON *entry;
    cJSON_ArrayForEach(entry, file->vocab)
    {
        if (!cJSON_IsNumber(entry) || !is_id(entry->valuedouble))
            return fail(
                file->err, STATUS_BAD_FORMAT,
                "%s: the id of vocabulary entry \"%.60s\" is not a whole number from 0 to %d",
                file->path, entry->string, TOKENIZER_MOST_IDS - 1);
        if ((int)entry->valuedouble >= n_ids)
            n_ids = (int)entry->valuedouble + 1;
        file->n_vocab += 1;
    }
    size_t most = file->n_vocab + (size_t)cJSON_GetArraySize(file->added);
    if (most > TOKENIZER_MOST_IDS)
        return fail(file->err, STATUS_BAD_FORMAT, "%s: %zu tokens, at most %d are supported",
                    file->path, most, TOKENIZER_MOST_IDS);
    /* Added tokens are numbered from the number of entries on. */
    file->n_ids = n_ids > (int)most ? n_ids : (int)most;
    return STATUS_OK;
}

enum status json_file_read_vocabulary(struct json_file *file)
{
    enum status status = count_ids(file);
    if (status)
        return status;
    file->contents = arena_alloc_small(&file->arena, (size_t)file->n_ids, sizeof *file->contents);
    if (!file->contents)
        return json_file_no_memory(file);
    const cJSON *entry;
    cJSON_ArrayForEach(entry, file->vocab)
    {
        int id = (int)entry->valuedouble;
        if (file->contents[id])
            return fail(file->err, STATUS_BAD_FORMAT,
                        "%s: vocabulary entry \"%.60s\" has id %d, as another one has", file->path,
                        entry->string, id);
        if (!string_map_add(&file->ids, entry->string, strlen(entry->string), id, NULL) &&
            !arena_failed(&file->arena))
            return fail(file->err, STATUS_BAD_FORMAT,
                        "%s: vocabulary entry \"%.60s\" is there twice", file->path, entry->string);
        if (arena_failed(&file->arena))
            return json_file_no_memory(file);
        file->contents[id] = entry->string;
    }
    return STATUS_OK;
}

/* ---- The merges --------------------------------------------------------------------------- */

struct pair {
    const char *left, *right;
    size_t left_length, right_length;
};

/* Takes "a b" or ["a", "b"] apart. */
static bool read_pair(const cJSON *item, struct pair *pair)
{
    if (cJSON_IsArray(item)) {
        const cJSON *left = cJSON_GetArrayItem(item, 0), *right = cJSON_GetArrayItem(item, 1);
        if (cJSON_GetArraySize(item) != 2 || !cJSON_IsString(left) || !cJSON_IsString(right))
            return false;
        *pair = (struct pair){left->valuestring, right->valuestring, strlen(left->valuestring),
                              strlen(right->valuestring)};
        return true;
    }
    const char *space = cJSON_IsString(item) ? strchr(item->valuestring, ' ') : NULL;
    if (!space || strchr(space + 1, ' '))
        return false;
    *pair = (struct pair){item->valuestring, space + 1, (size_t)(space - item->valuestring),
                          strlen(space + 1)};
    return true;
}

static enum status unknown_part(const struct json_file *file, size_t index, const char *part,
                                size_t length)
{
    return fail(file->err, STATUS_BAD_FORMAT,
                "%s: merge %zu names \"%.*s\", which is not in the vocabulary", file->path, index,
                length < 60 ? (int)length : 60, part);
}

static enum status read_merge(const struct json_file *file, struct merge_table *table,
                              const cJSON *item, size_t index, uint32_t rank, struct text *joined)
{
    struct pair pair;
    if (!read_pair(item, &pair))
        return fail(file->err, STATUS_BAD_FORMAT, "%s: merge %zu is not a pair of tokens",
                    file->path, index);
    text_reset(joined);
    text_add_bytes(joined, pair.left, pair.left_length);
    text_add_bytes(joined, pair.right, pair.right_length);
    if (joined->failed)
        return json_file_no_memory(file);
    int left = (int)string_map_get(&file->ids, pair.left, pair.left_length, -1);
    int right = (int)string_map_get(&file->ids, pair.right, pair.right_length, -1);
    int merged = (int)string_map_get(&file->ids, joined->data, joined->length, -1);
    if (left < 0)
        return unknown_part(file, index, pair.left, pair.left_length);
    if (right < 0)
        return unknown_part(file, index, pair.right, pair.right_length);
    if (merged < 0)
        return unknown_part(file, index, joined->data, joined->length);
    if (!merge_table_add(table, left, right, rank, merged))
        return fail(file->err, STATUS_BAD_FORMAT, "%s: merge %zu repeats an earlier one",
                    file->path, index);
    return STATUS_OK;
}

/* The first line of a merges.txt that got in; the library passes over it too. */
static bool is_version_line(const cJSON *item)
{
    return cJSON_IsString(item) && strncmp(item->valuestring, "#version", 8) == 0;
}

enum status json_file_read_merges(struct json_file *file, struct merge_table *table,
                                  struct arena *arena)
{
    const cJSON *merges, *item;
    char place[512];
    snprintf(place, sizeof place, "%.400s: model", file->path);
    enum status status = json_get_array(file->model, "merges", place, &merges, file->err);
    if (status)
        return status;
    if (!merge_table_init(table, arena, (size_t)cJSON_GetArraySize(merges)))
        return json_file_no_memory(file);
    struct text joined;
    text_init(&joined);
    size_t index = 0;
    uint32_t rank = 0;
    cJSON_ArrayForEach(item, merges)
    {
        if (!is_version_line(item))
            status = read_merge(file, table, item, index, rank++, &joined);
        if (status)
            break;
        index += 1;
    }
    text_release(&joined);
    return status;
}

/* ---- The added tokens --------------------------------------------------------------------- */

static enum status read_flags(const struct json_file *file, const cJSON *item, const char *place,
                              struct json_added *entry)
{
    static const char *const names[] = {"special", "normalized", "lstrip", "rstrip", "single_word"};
    bool flags[5];
    for (size_t i = 0; i < 5; i++) {
        const cJSON *flag = json_find(item, names[i]);
        if (!cJSON_IsBool(flag))
            return fail(file->err, STATUS_BAD_FORMAT, "%s: \"%s\" is not true or false", place,
                        names[i]);
        flags[i] = cJSON_IsTrue(flag);
        if (i >= 2 && flags[i])
            return fail(file->err, STATUS_UNSUPPORTED,
                        "%s: \"%.60s\" has %s, which is not supported", place, entry->content,
                        names[i]);
    }
    entry->special = flags[0];
    entry->normalized = flags[1];
    return STATUS_OK;
}

static enum status read_added_entry(const struct json_file *file, const cJSON *item,
                                    const char *place, struct json_added *entry)
{
    if (!cJSON_IsObject(item))
        return fail(file->err, STATUS_BAD_FORMAT, "%s is not an object", place);
    enum status status;
    if ((status = json_get_string(item, "content", place, &entry->content, file->err)) ||
        (status = json_get_int(item, "id", place, &entry->id, file->err)))
        return status;
    if (entry->content[0] == '\0' || !utf8_valid(entry->content, strlen(entry->content), NULL))
        return fail(file->err, STATUS_BAD_FORMAT, "%s: \"content\" is %s", place,
                    entry->content[0] ? "not UTF-8" : "empty");
    return read_flags(file, item, place, entry);
}

/* The library numbers these tokens itself and only warns where the file says otherwise
 * (huggingface/tokenizers@3ba8ad00 tokenizers/src/tokenizer/added_vocabulary.rs, add_tokens); a
 * file that disagrees is refused. */
static enum status check_added_id(const struct json_file *file, const char *place,
                                  const struct json_added *entry, size_t *n_new)
{
    size_t length = strlen(entry->content);
    int expected = (int)string_map_get(&file->ids, entry->content, length, -1);
    if (expected < 0)
        expected = (int)(file->n_vocab + (*n_new)++);
    if (entry->id != expected)
        return fail(file->err, STATUS_BAD_FORMAT,
                    "%s: \"%.60s\" has id %d, the vocabulary before it leads to %d", place,
                    entry->content, entry->id, expected);
    return STATUS_OK;
}

/* seen: the contents of the added tokens before this one. */
static enum status add_entry(struct json_file *file, const char *place,
                             const struct json_added *entry, struct string_map *seen)
{
    size_t length = strlen(entry->content);
    if (!string_map_add(seen, entry->content, length, entry->id, NULL) &&
        !arena_failed(&file->arena))
        return fail(file->err, STATUS_BAD_FORMAT, "%s: \"%.60s\" is there twice", place,
                    entry->content);
    if (arena_failed(&file->arena))
        return json_file_no_memory(file);
    bool known = string_map_get(&file->ids, entry->content, length, -1) >= 0;
    if (!known && file->contents[entry->id])
        return fail(file->err, STATUS_BAD_FORMAT,
                    "%s: \"%.60s\" has id %d, as a vocabulary entry has", place, entry->content,
                    entry->id);
    file->contents[entry->id] = entry->content;
    file->tokens[file->n_tokens++] = *entry;
    return STATUS_OK;
}

enum status json_file_read_added(struct json_file *file)
{
    size_t n = (size_t)cJSON_GetArraySize(file->added), index = 0, n_new = 0;
    file->tokens = arena_alloc_small(&file->arena, n, sizeof *file->tokens);
    if (arena_failed(&file->arena))
        return json_file_no_memory(file);
    struct string_map seen;
    string_map_init(&seen, &file->arena);
    const cJSON *item;
    cJSON_ArrayForEach(item, file->added)
    {
        char place[512];
        snprintf(place, sizeof place, "%.400s: added_tokens[%zu]", file->path, index++);
        struct json_added entry;
        enum status status;
        if ((status = read_added_entry(file, item, place, &entry)) ||
            (status = check_added_id(file, place, &entry, &n_new)) ||
            (status = add_entry(file, place, &entry, &seen)))
            return status;
    }
    while (file->n_ids > 0 && !file->contents[file->n_ids - 1])
        file->n_ids -= 1;
    return STATUS_OK;
}
