#include "engine/tokenizer/tokenizer.h"

#include "engine/base/file.h"
#include "engine/base/utf8.h"
#include "engine/tokenizer/kind.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const struct tokenizer_kind *const kinds[] = {
    &tokenizer_llama_json,
    &tokenizer_bpe,
    &tokenizer_llama_model,
};

struct tokenizer {
    const struct tokenizer_kind *kind;
    void *state;
};

void token_list_init(struct token_list *list)
{
    *list = (struct token_list){0};
}

void token_list_release(struct token_list *list)
{
    free(list->ids);
    token_list_init(list);
}

bool token_list_add(struct token_list *list, int id)
{
    if (list->n == list->capacity) {
        if (list->capacity > SIZE_MAX / 2 / sizeof *list->ids)
            return false;
        size_t capacity = list->capacity ? list->capacity * 2 : 64;
        int *ids = realloc(list->ids, capacity * sizeof *ids);
        if (!ids)
            return false;
        list->ids = ids;
        list->capacity = capacity;
    }
    list->ids[list->n++] = id;
    return true;
}

static enum status open_source(struct tokenizer **out, const struct tokenizer_source *source,
                               struct error *err)
{
    const struct tokenizer_kind *kind = NULL;
    for (size_t i = 0; !kind && i < sizeof kinds / sizeof kinds[0]; i++)
        if (kinds[i]->recognises(source))
            kind = kinds[i];
    if (!kind)
        return fail(err, STATUS_UNSUPPORTED,
                    "%s: neither a tokenizer.json nor a SentencePiece model: it begins with byte "
                    "0x%02X",
                    source->path, (unsigned)(unsigned char)source->data[0]);
    struct tokenizer *tokenizer = malloc(sizeof *tokenizer);
    if (!tokenizer)
        return fail(err, STATUS_NO_MEMORY, "out of memory while reading %s", source->path);
    tokenizer->kind = kind;
    enum status status = kind->open(&tokenizer->state, source, err);
    if (status)
        free(tokenizer);
    else
        *out = tokenizer;
    return status;
}

static bool is_json_object(const char *data, size_t length)
{
    size_t i = 0;
    while (i < length && (data[i] == ' ' || data[i] == '\t' || data[i] == '\n' || data[i] == '\r'))
        i++;
    return i < length && data[i] == '{';
}

static enum status open_mapped(struct tokenizer **out, const struct file_map *map, const char *path,
                               struct error *err)
{
    struct tokenizer_source source = {path, (const char *)map->data, map->size_bytes, NULL};
    cJSON *root = NULL;
    enum status status = STATUS_OK;
    if (map->size_bytes == 0)
        return fail(err, STATUS_BAD_FORMAT, "%s: empty, a tokenizer file is expected", path);
    if (is_json_object(source.data, source.length))
        status = json_parse(&root, source.data, source.length, path, err);
    source.json = root;
    if (!status)
        status = open_source(out, &source, err);
    cJSON_Delete(root);
    return status;
}

enum status tokenizer_open(struct tokenizer **out, const char *path, struct error *err)
{
    struct file_map map;
    enum status status = file_map_open(&map, path, err);
    if (status)
        return status;
    status = open_mapped(out, &map, path, err);
    file_map_close(&map);
    return status;
}

void tokenizer_close(struct tokenizer *tokenizer)
{
    if (!tokenizer)
        return;
    tokenizer->kind->close(tokenizer->state);
    free(tokenizer);
}

int tokenizer_size(const struct tokenizer *tokenizer)
{
    return tokenizer->kind->size(tokenizer->state);
}

bool tokenizer_prefixes_space(const struct tokenizer *tokenizer)
{
    return tokenizer->kind->prefixes_space;
}

/* Encodes text that is not UTF-8 throughout. */
static enum status encode_repaired(const struct tokenizer *tokenizer, const char *text,
                                   size_t length, struct token_list *ids, struct error *err)
{
    struct text repaired;
    text_init(&repaired);
    const char *end = text + length;
    while (text < end)
        text_add_code_point(&repaired, utf8_next(&text, end));
    enum status status =
        repaired.failed
            ? fail(err, STATUS_NO_MEMORY, "out of memory while encoding text")
            : tokenizer->kind->encode(tokenizer->state, repaired.data, repaired.length, ids, err);
    text_release(&repaired);
    return status;
}

enum status tokenizer_encode(const struct tokenizer *tokenizer, const char *text, size_t length,
                             struct token_list *ids, struct error *err)
{
    if (length == 0)
        return STATUS_OK;
    assert(text);
    size_t n = ids->n;
    enum status status = utf8_valid(text, length, NULL)
                             ? tokenizer->kind->encode(tokenizer->state, text, length, ids, err)
                             : encode_repaired(tokenizer, text, length, ids, err);
    if (status)
        ids->n = n;
    return status;
}

void tokenizer_decode(const struct tokenizer *tokenizer, const int *ids, size_t n, struct text *out)
{
    tokenizer->kind->decode(tokenizer->state, ids, n, out);
}

int tokenizer_single_id(const struct tokenizer *tokenizer, const char *text)
{
    struct token_list ids;
    token_list_init(&ids);
    int id = -1;
    if (tokenizer_encode(tokenizer, text, strlen(text), &ids, NULL) == STATUS_OK && ids.n == 1)
        id = ids.ids[0];
    token_list_release(&ids);
    return id;
}
