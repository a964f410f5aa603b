#include "engine/tokenizer/bpe.h"

#include "engine/base/json.h"
#include "engine/base/string_map.h"
#include "engine/base/utf8.h"
#include "engine/tokenizer/nfc.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The largest vocabularies in use have some 260,000 entries; a damaged id must not take all memory.
 */
enum { MOST_IDS = 1 << 20 };

/* While the file is read; everything here goes when it has been. */
struct reader {
    const char *path;
    struct bpe *bpe;
    const cJSON *model, *vocab, *added;
    size_t n_vocab;
    struct arena arena;
    struct string_map ids; /* the vocabulary as written: content -> id */
    struct error *err;
};

static enum status no_memory(const struct reader *reader)
{
    return fail(reader->err, STATUS_NO_MEMORY, "out of memory while reading %s", reader->path);
}

/* ---- The components around the model ---------------------------------------------------- */

static bool is_null(const cJSON *item)
{
    return !item || cJSON_IsNull(item);
}

/* A component that has to be of the one type this reader implements. */
static enum status check_component(const struct reader *reader, const cJSON *root, const char *name,
                                   const char *type, bool may_be_null)
{
    const cJSON *component = json_find(root, name);
    if (may_be_null && is_null(component))
        return STATUS_OK;
    const char *found = is_null(component) ? "null" : json_string_or(component, "type", "unnamed");
    if (strcmp(found, type) != 0)
        return fail(reader->err, STATUS_UNSUPPORTED,
                    "%s: the %s is of type %.60s, only %s%s is supported", reader->path, name,
                    found, type, may_be_null ? " or null" : "");
    return STATUS_OK;
}

static enum status check_pretokenizer(const struct reader *reader, const cJSON *root)
{
    const cJSON *component = json_find(root, "pre_tokenizer");
    if (json_bool_or(component, "add_prefix_space", true))
        return fail(reader->err, STATUS_UNSUPPORTED,
                    "%s: the pre_tokenizer has add_prefix_space, which is not supported",
                    reader->path);
    if (!json_bool_or(component, "use_regex", true))
        return fail(reader->err, STATUS_UNSUPPORTED,
                    "%s: the pre_tokenizer has use_regex false, which is not supported",
                    reader->path);
    return STATUS_OK;
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

static enum status check_model(const struct reader *reader)
{
    /* Files of GPT-2's time have no type; only BPE has merges. */
    const char *type = json_string_or(reader->model, "type", "BPE");
    if (strcmp(type, "BPE") != 0)
        return fail(reader->err, STATUS_UNSUPPORTED,
                    "%s: the model is of type %.60s, only BPE is supported", reader->path, type);
    static const char *const options[] = {
        "byte_fallback",      "unk_token",    "dropout", "continuing_subword_prefix",
        "end_of_word_suffix", "ignore_merges"};
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        if (is_set(json_find(reader->model, options[i])))
            return fail(reader->err, STATUS_UNSUPPORTED,
                        "%s: the model has %s, which is not supported", reader->path, options[i]);
    return STATUS_OK;
}

static enum status check_pipeline(struct reader *reader, const cJSON *root)
{
    char place[512];
    snprintf(place, sizeof place, "%.400s: model", reader->path);
    enum status status = json_get(root, "model", reader->path, &reader->model, reader->err);
    if (!status && !cJSON_IsObject(reader->model))
        status = fail(reader->err, STATUS_BAD_FORMAT, "%s is not an object", place);
    if (status || (status = check_model(reader)) ||
        (status = check_component(reader, root, "normalizer", "NFC", true)) ||
        (status = check_component(reader, root, "pre_tokenizer", "ByteLevel", false)) ||
        (status = check_pretokenizer(reader, root)) ||
        (status = check_component(reader, root, "post_processor", "ByteLevel", true)) ||
        (status = check_component(reader, root, "decoder", "ByteLevel", false)))
        return status;
    reader->bpe->normalize = !is_null(json_find(root, "normalizer"));
    reader->added = json_find(root, "added_tokens");
    if (!is_null(reader->added) && !cJSON_IsArray(reader->added))
        return fail(reader->err, STATUS_BAD_FORMAT, "%s: \"added_tokens\" is not an array",
                    reader->path);
    status = json_get(reader->model, "vocab", place, &reader->vocab, reader->err);
    if (!status && !cJSON_IsObject(reader->vocab))
        status = fail(reader->err, STATUS_BAD_FORMAT, "%s: \"vocab\" is not an object", place);
    return status;
}

/* ---- The vocabulary ----------------------------------------------------------------------- */

/* openai/gpt-2 src/encoder.py, bytes_to_unicode: printable bytes stand for themselves, the others
 * for the code points from 256 on, in order.  -1 for a code point that stands for no byte. */
static int byte_of_code_point(uint32_t code_point)
{
    uint32_t c = code_point;
    if ((c >= 0x21 && c <= 0x7E) || (c >= 0xA1 && c <= 0xFF && c != 0xAD))
        return (int)c;
    if (c >= 256 && c < 256 + 33)
        return (int)(c - 256);
    if (c >= 256 + 33 && c < 256 + 67)
        return (int)(c - 256 - 33 + 0x7F);
    return c == 256 + 67 ? 0xAD : -1;
}

/* What a token decodes to.  A content that is not in the byte alphabet throughout stands for itself
 * (huggingface/tokenizers@3ba8ad00 tokenizers/src/pre_tokenizers/byte_level.rs, decode_chain). */
static bool set_token(struct bpe *bpe, int id, const char *content)
{
    size_t length = strlen(content), n = 0;
    char *bytes = arena_copy(&bpe->arena, content, length);
    if (!bytes)
        return false;
    const char *cursor = content, *end = content + length;
    while (cursor < end) {
        int byte = byte_of_code_point(utf8_next(&cursor, end));
        if (byte < 0) {
            memcpy(bytes, content, length);
            n = length;
            break;
        }
        bytes[n++] = (char)byte;
    }
    bpe->tokens[id].bytes = bytes;
    bpe->tokens[id].length = n;
    return true;
}

static bool is_id(double value)
{
    return value >= 0 && value < MOST_IDS && value == floor(value);
}

/* Checks the ids and finds how many there are, so that the table can be taken. */
static enum status count_ids(struct reader *reader)
{
    int n_ids = 0;
    const cJSON *entry;
    cJSON_ArrayForEach(entry, reader->vocab)
    {
        if (!cJSON_IsNumber(entry) || !is_id(entry->valuedouble))
            return fail(
                reader->err, STATUS_BAD_FORMAT,
                "%s: the id of vocabulary entry \"%.60s\" is not a whole number from 0 to %d",
                reader->path, entry->string, MOST_IDS - 1);
        if ((int)entry->valuedouble >= n_ids)
            n_ids = (int)entry->valuedouble + 1;
        reader->n_vocab += 1;
    }
    size_t most = reader->n_vocab + (size_t)cJSON_GetArraySize(reader->added);
    if (most > MOST_IDS)
        return fail(reader->err, STATUS_BAD_FORMAT, "%s: %zu tokens, at most %d are supported",
                    reader->path, most, MOST_IDS);
    /* Added tokens are numbered from the number of entries on. */
    reader->bpe->n_tokens = n_ids > (int)most ? n_ids : (int)most;
    return STATUS_OK;
}

static enum status read_vocabulary(struct reader *reader)
{
    enum status status = count_ids(reader);
    if (status)
        return status;
    struct bpe *bpe = reader->bpe;
    bpe->tokens = arena_alloc(&bpe->arena, (size_t)bpe->n_tokens, sizeof *bpe->tokens);
    if (!bpe->tokens)
        return no_memory(reader);
    const cJSON *entry;
    cJSON_ArrayForEach(entry, reader->vocab)
    {
        int id = (int)entry->valuedouble;
        if (bpe->tokens[id].bytes)
            return fail(reader->err, STATUS_BAD_FORMAT,
                        "%s: vocabulary entry \"%.60s\" has id %d, as another one has",
                        reader->path, entry->string, id);
        if (!string_map_add(&reader->ids, entry->string, strlen(entry->string), id, NULL) &&
            !arena_failed(&reader->arena))
            return fail(reader->err, STATUS_BAD_FORMAT,
                        "%s: vocabulary entry \"%.60s\" is there twice", reader->path,
                        entry->string);
        if (arena_failed(&reader->arena) || !set_token(bpe, id, entry->string))
            return no_memory(reader);
    }
    return STATUS_OK;
}

/* Every byte that UTF-8 can have needs an entry, as there is no unknown token. */
static enum status find_bytes(struct reader *reader)
{
    for (size_t byte = 0; byte < 256; byte++)
        reader->bpe->byte_ids[byte] = -1;
    for (uint32_t c = 0; c < 256 + 68; c++) {
        int byte = byte_of_code_point(c);
        char name[] = {(char)c, 0};
        size_t length = 1;
        if (byte < 0)
            continue;
        if (c >= 0x80) {
            name[0] = (char)(0xC0 | c >> 6);
            name[1] = (char)(0x80 | (c & 0x3F));
            length = 2;
        }
        int id = (int)string_map_get(&reader->ids, name, length, -1);
        reader->bpe->byte_ids[byte] = id;
        bool never = byte == 0xC0 || byte == 0xC1 || byte > 0xF4;
        if (id < 0 && !never)
            return fail(reader->err, STATUS_BAD_FORMAT,
                        "%s: the vocabulary has no entry for byte 0x%02X, \"%.*s\"", reader->path,
                        (unsigned)byte, (int)length, name);
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

static enum status unknown_part(const struct reader *reader, size_t index, const char *part,
                                size_t length)
{
    return fail(reader->err, STATUS_BAD_FORMAT,
                "%s: merge %zu names \"%.*s\", which is not in the vocabulary", reader->path, index,
                length < 60 ? (int)length : 60, part);
}

static enum status read_merge(struct reader *reader, const cJSON *item, size_t index, uint32_t rank,
                              struct text *joined)
{
    struct pair pair;
    if (!read_pair(item, &pair))
        return fail(reader->err, STATUS_BAD_FORMAT, "%s: merge %zu is not a pair of tokens",
                    reader->path, index);
    text_reset(joined);
    text_add_bytes(joined, pair.left, pair.left_length);
    text_add_bytes(joined, pair.right, pair.right_length);
    if (joined->failed)
        return no_memory(reader);
    int left = (int)string_map_get(&reader->ids, pair.left, pair.left_length, -1);
    int right = (int)string_map_get(&reader->ids, pair.right, pair.right_length, -1);
    int merged = (int)string_map_get(&reader->ids, joined->data, joined->length, -1);
    if (left < 0)
        return unknown_part(reader, index, pair.left, pair.left_length);
    if (right < 0)
        return unknown_part(reader, index, pair.right, pair.right_length);
    if (merged < 0)
        return unknown_part(reader, index, joined->data, joined->length);
    struct bpe_merge *slot = bpe_merge_slot(reader->bpe, left, right);
    if (slot->key != BPE_NO_KEY)
        return fail(reader->err, STATUS_BAD_FORMAT, "%s: merge %zu repeats an earlier one",
                    reader->path, index);
    *slot = (struct bpe_merge){(uint64_t)(uint32_t)left << 32 | (uint32_t)right, rank, merged};
    return STATUS_OK;
}

/* The first line of a merges.txt that got in; the library passes over it too. */
static bool is_version_line(const cJSON *item)
{
    return cJSON_IsString(item) && strncmp(item->valuestring, "#version", 8) == 0;
}

static enum status read_merges(struct reader *reader)
{
    const cJSON *merges, *item;
    char place[512];
    snprintf(place, sizeof place, "%.400s: model", reader->path);
    enum status status = json_get_array(reader->model, "merges", place, &merges, reader->err);
    if (status)
        return status;
    if (!bpe_merges_init(reader->bpe, (size_t)cJSON_GetArraySize(merges)))
        return no_memory(reader);
    struct text joined;
    text_init(&joined);
    size_t index = 0;
    uint32_t rank = 0;
    cJSON_ArrayForEach(item, merges)
    {
        if (!is_version_line(item))
            status = read_merge(reader, item, index, rank++, &joined);
        if (status)
            break;
        index += 1;
    }
    text_release(&joined);
    return status;
}

/* ---- The added tokens --------------------------------------------------------------------- */

struct added_entry {
    const char *content;
    int id;
    bool special, normalized;
};

static enum status read_flags(const struct reader *reader, const cJSON *item, const char *place,
                              struct added_entry *entry)
{
    static const char *const names[] = {"special", "normalized", "lstrip", "rstrip", "single_word"};
    bool flags[5];
    for (size_t i = 0; i < 5; i++) {
        const cJSON *flag = json_find(item, names[i]);
        if (!cJSON_IsBool(flag))
            return fail(reader->err, STATUS_BAD_FORMAT, "%s: \"%s\" is not true or false", place,
                        names[i]);
        flags[i] = cJSON_IsTrue(flag);
        if (i >= 2 && flags[i])
            return fail(reader->err, STATUS_UNSUPPORTED,
                        "%s: \"%.60s\" has %s, which is not supported", place, entry->content,
                        names[i]);
    }
    entry->special = flags[0];
    entry->normalized = flags[1];
    return STATUS_OK;
}

/* A token that is matched on normalised text must be normal itself to be found as it stands. */
static enum status check_normal(const struct reader *reader, const char *place,
                                const struct added_entry *entry)
{
    size_t length = strlen(entry->content);
    if (!reader->bpe->normalize || !entry->normalized || nfc_is_plain(entry->content, length))
        return STATUS_OK;
    struct text normal;
    text_init(&normal);
    enum status status = STATUS_OK;
    if (!nfc_normalize(entry->content, length, &normal))
        status = no_memory(reader);
    else if (strcmp(text_string(&normal), entry->content) != 0)
        status =
            fail(reader->err, STATUS_UNSUPPORTED,
                 "%s: \"%.60s\" is changed by NFC, which is not supported", place, entry->content);
    text_release(&normal);
    return status;
}

static enum status read_added_entry(const struct reader *reader, const cJSON *item,
                                    const char *place, struct added_entry *entry)
{
    if (!cJSON_IsObject(item))
        return fail(reader->err, STATUS_BAD_FORMAT, "%s is not an object", place);
    enum status status;
    if ((status = json_get_string(item, "content", place, &entry->content, reader->err)) ||
        (status = json_get_int(item, "id", place, &entry->id, reader->err)))
        return status;
    if (entry->content[0] == '\0' || !utf8_valid(entry->content, strlen(entry->content), NULL))
        return fail(reader->err, STATUS_BAD_FORMAT, "%s: \"content\" is %s", place,
                    entry->content[0] ? "not UTF-8" : "empty");
    status = read_flags(reader, item, place, entry);
    return status ? status : check_normal(reader, place, entry);
}

/* The library numbers these tokens itself and only warns where the file says otherwise
 * (huggingface/tokenizers@3ba8ad00 tokenizers/src/tokenizer/added_vocabulary.rs, add_tokens); a
 * file that disagrees is refused. */
static enum status check_added_id(const struct reader *reader, const char *place,
                                  const struct added_entry *entry, size_t *n_new)
{
    size_t length = strlen(entry->content);
    int expected = (int)string_map_get(&reader->ids, entry->content, length, -1);
    if (expected < 0)
        expected = (int)(reader->n_vocab + (*n_new)++);
    if (entry->id != expected)
        return fail(reader->err, STATUS_BAD_FORMAT,
                    "%s: \"%.60s\" has id %d, the vocabulary before it leads to %d", place,
                    entry->content, entry->id, expected);
    return STATUS_OK;
}

static enum status add_entry(struct reader *reader, const char *place,
                             const struct added_entry *entry, struct string_map *seen)
{
    struct bpe *bpe = reader->bpe;
    size_t length = strlen(entry->content);
    if (!string_map_add(seen, entry->content, length, entry->id, NULL) &&
        !arena_failed(&reader->arena))
        return fail(reader->err, STATUS_BAD_FORMAT, "%s: \"%.60s\" is there twice", place,
                    entry->content);
    bool known = string_map_get(&reader->ids, entry->content, length, -1) >= 0;
    if (!known && bpe->tokens[entry->id].bytes)
        return fail(reader->err, STATUS_BAD_FORMAT,
                    "%s: \"%.60s\" has id %d, as a vocabulary entry has", place, entry->content,
                    entry->id);
    char *content = arena_copy(&bpe->arena, entry->content, length);
    if (!content || arena_failed(&reader->arena) ||
        (!known && !set_token(bpe, entry->id, entry->content)))
        return no_memory(reader);
    bpe->tokens[entry->id].special = entry->special;
    struct added_tokens *set = entry->normalized ? &bpe->normalized : &bpe->raw;
    set->tokens[set->n++] = (struct added_token){content, length, entry->id};
    return STATUS_OK;
}

static enum status read_added_tokens(struct reader *reader)
{
    struct bpe *bpe = reader->bpe;
    size_t n = (size_t)cJSON_GetArraySize(reader->added), index = 0, n_new = 0;
    bpe->raw.tokens = arena_alloc_small(&bpe->arena, n, sizeof *bpe->raw.tokens);
    bpe->normalized.tokens = arena_alloc_small(&bpe->arena, n, sizeof *bpe->normalized.tokens);
    if (arena_failed(&bpe->arena))
        return no_memory(reader);
    struct string_map seen;
    string_map_init(&seen, &reader->arena);
    const cJSON *item;
    cJSON_ArrayForEach(item, reader->added)
    {
        char place[512];
        snprintf(place, sizeof place, "%.400s: added_tokens[%zu]", reader->path, index++);
        struct added_entry entry;
        enum status status;
        if ((status = read_added_entry(reader, item, place, &entry)) ||
            (status = check_added_id(reader, place, &entry, &n_new)) ||
            (status = add_entry(reader, place, &entry, &seen)))
            return status;
    }
    added_tokens_init(&bpe->raw, bpe->raw.tokens, bpe->raw.n);
    added_tokens_init(&bpe->normalized, bpe->normalized.tokens, bpe->normalized.n);
    while (bpe->n_tokens > 0 && !bpe->tokens[bpe->n_tokens - 1].bytes)
        bpe->n_tokens -= 1;
    return STATUS_OK;
}

/* ------------------------------------------------------------------------------------------ */

static enum status read_root(struct bpe *bpe, const cJSON *root, const char *path,
                             struct error *err)
{
    struct reader reader = {.path = path, .bpe = bpe, .err = err};
    arena_init(&reader.arena);
    string_map_init(&reader.ids, &reader.arena);
    enum status status;
    if (!(status = check_pipeline(&reader, root)) && !(status = read_vocabulary(&reader)) &&
        !(status = find_bytes(&reader)) && !(status = read_merges(&reader)))
        status = read_added_tokens(&reader);
    arena_release(&reader.arena);
    return status;
}

enum status bpe_open(struct bpe **out, const char *data, size_t length, const char *path,
                     struct error *err)
{
    cJSON *root;
    enum status status = json_parse(&root, data, length, path, err);
    if (status)
        return status;
    struct bpe *bpe = calloc(1, sizeof *bpe);
    if (bpe) {
        arena_init(&bpe->arena);
        if (!(status = read_root(bpe, root, path, err)))
            status = pretokenizer_open(&bpe->pretokenizer, err);
    } else {
        status = fail(err, STATUS_NO_MEMORY, "out of memory while reading %s", path);
    }
    cJSON_Delete(root);
    if (status)
        bpe_close(bpe);
    else
        *out = bpe;
    return status;
}

void bpe_close(struct bpe *bpe)
{
    if (!bpe)
        return;
    pretokenizer_close(bpe->pretokenizer);
    arena_release(&bpe->arena);
    free(bpe);
}
