#include "engine/tokenizer/sentencepiece.h"

#include "engine/base/file.h"
#include "engine/base/utf8.h"

#include <string.h>

static const char space[] = SENTENCEPIECE_SPACE;
enum { SPACE_LENGTH = sizeof space - 1 };

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int sentencepiece_byte(const char *piece, size_t length)
{
    if (length != 6 || memcmp(piece, "<0x", 3) != 0 || piece[5] != '>')
        return -1;
    int high = hex_digit(piece[3]), low = hex_digit(piece[4]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

bool sentencepiece_set_token(struct sentencepiece *model, int id, const char *piece, size_t length,
                             bool special)
{
    char *bytes = arena_copy(&model->arena, piece, length);
    size_t n = 0;
    if (!bytes)
        return false;
    int byte = sentencepiece_byte(piece, length);
    if (byte >= 0)
        bytes[n++] = (char)byte;
    for (size_t i = 0; byte < 0 && i < length;) {
        bool is_space = length - i >= SPACE_LENGTH && memcmp(piece + i, space, SPACE_LENGTH) == 0;
        bytes[n++] = is_space ? ' ' : piece[i];
        i += is_space ? SPACE_LENGTH : 1;
    }
    model->symbols[id] = (struct sentencepiece_symbol){bytes, n, special};
    return true;
}

bool sentencepiece_add_character(struct sentencepiece *model, const char *piece, size_t length,
                                 int symbol)
{
    const char *cursor = piece;
    if (length == 0 || !utf8_valid(piece, length, NULL))
        return true;
    utf8_next(&cursor, piece + length);
    if (cursor != piece + length)
        return true;
    char *key = arena_copy(&model->arena, piece, length);
    if (key)
        string_map_add(&model->characters, key, length, symbol, NULL);
    return !arena_failed(&model->arena);
}

bool sentencepiece_normalize(const char *text, size_t length, bool prefix, struct text *out)
{
    if (prefix)
        text_add_bytes(out, space, SPACE_LENGTH);
    for (const char *end = text + length; text < end;) {
        const char *blank = memchr(text, ' ', (size_t)(end - text));
        text_add_bytes(out, text, (size_t)((blank ? blank : end) - text));
        if (blank)
            text_add_bytes(out, space, SPACE_LENGTH);
        text = blank ? blank + 1 : end;
    }
    return !out->failed;
}

static enum status read_flags(struct sentencepiece *model, const char *path, struct error *err)
{
    cJSON *root;
    enum status status = json_read(&root, path, err);
    if (status)
        return status;
    const cJSON *legacy = json_find(root, "legacy");
    if (legacy && !cJSON_IsNull(legacy) && !cJSON_IsBool(legacy))
        status = fail(err, STATUS_BAD_FORMAT, "%s: \"legacy\" is not true or false", path);
    else if (!json_bool_or(root, "add_prefix_space", true))
        status = fail(err, STATUS_UNSUPPORTED,
                      "%s: add_prefix_space is false, which is not supported", path);
    model->legacy = json_bool_or(root, "legacy", true);
    cJSON_Delete(root);
    return status;
}

enum status sentencepiece_read_config(struct sentencepiece *model, const char *path,
                                      struct error *err)
{
    struct arena arena;
    arena_init(&arena);
    model->legacy = true;
    const char *directory = path_directory(&arena, path);
    const char *config = directory ? path_join(&arena, directory, "tokenizer_config.json") : NULL;
    enum status status = STATUS_OK;
    if (!config)
        status = fail(err, STATUS_NO_MEMORY, "out of memory while reading %s", path);
    else if (file_exists(config))
        status = read_flags(model, config, err);
    arena_release(&arena);
    return status;
}
