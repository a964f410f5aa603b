#include "engine/tokenizer/bpe.h"

#include "engine/base/utf8.h"
#include "engine/tokenizer/json_file.h"
#include "engine/tokenizer/nfc.h"

#include <stdlib.h>
#include <string.h>

/* ---- The components around the model ---------------------------------------------------- */

static enum status check_pretokenizer(const struct json_file *file)
{
    const cJSON *component = json_find(file->root, "pre_tokenizer");
    if (json_bool_or(component, "add_prefix_space", true))
        return fail(file->err, STATUS_UNSUPPORTED,
                    "%s: the pre_tokenizer has add_prefix_space, which is not supported",
                    file->path);
    if (!json_bool_or(component, "use_regex", true))
        return fail(file->err, STATUS_UNSUPPORTED,
                    "%s: the pre_tokenizer has use_regex false, which is not supported",
                    file->path);
    return STATUS_OK;
}

static enum status check_pipeline(struct bpe *bpe, struct json_file *file)
{
    static const char *const options[] = {
        "byte_fallback",      "unk_token",    "dropout", "continuing_subword_prefix",
        "end_of_word_suffix", "ignore_merges"};
    enum status status;
    if ((status = json_file_find_parts(file)) ||
        (status = json_file_check_model(file, options, sizeof options / sizeof options[0])) ||
        (status = json_file_check_component(file, "normalizer", "NFC", true)) ||
        (status = json_file_check_component(file, "pre_tokenizer", "ByteLevel", false)) ||
        (status = check_pretokenizer(file)) ||
        (status = json_file_check_component(file, "post_processor", "ByteLevel", true)) ||
        (status = json_file_check_component(file, "decoder", "ByteLevel", false)))
        return status;
    const cJSON *normalizer = json_find(file->root, "normalizer");
    bpe->normalize = normalizer && !cJSON_IsNull(normalizer);
    return STATUS_OK;
}

/* ---- What the tokens stand for ------------------------------------------------------------ */

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

static enum status set_tokens(struct bpe *bpe, const struct json_file *file)
{
    bpe->n_tokens = file->n_ids;
    bpe->tokens = arena_alloc(&bpe->arena, (size_t)bpe->n_tokens, sizeof *bpe->tokens);
    if (!bpe->tokens)
        return json_file_no_memory(file);
    for (int id = 0; id < bpe->n_tokens; id++)
        if (file->contents[id] && !set_token(bpe, id, file->contents[id]))
            return json_file_no_memory(file);
    return STATUS_OK;
}

/* Every byte that UTF-8 can have needs an entry, as there is no unknown token. */
static enum status find_bytes(struct bpe *bpe, const struct json_file *file)
{
    for (size_t byte = 0; byte < 256; byte++)
        bpe->byte_ids[byte] = -1;
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
        int id = (int)string_map_get(&file->ids, name, length, -1);
        bpe->byte_ids[byte] = id;
        bool never = byte == 0xC0 || byte == 0xC1 || byte > 0xF4;
        if (id < 0 && !never)
            return fail(file->err, STATUS_BAD_FORMAT,
                        "%s: the vocabulary has no entry for byte 0x%02X, \"%.*s\"", file->path,
                        (unsigned)byte, (int)length, name);
    }
    return STATUS_OK;
}

/* ---- The added tokens --------------------------------------------------------------------- */

/* A token that is matched on normalised text must be normal itself to be found as it stands. */
static enum status check_normal(const struct bpe *bpe, const struct json_file *file, size_t index)
{
    const struct json_added *entry = &file->tokens[index];
    size_t length = strlen(entry->content);
    if (!bpe->normalize || !entry->normalized || nfc_is_plain(entry->content, length))
        return STATUS_OK;
    struct text normal;
    text_init(&normal);
    enum status status = STATUS_OK;
    if (!nfc_normalize(entry->content, length, &normal))
        status = json_file_no_memory(file);
    else if (strcmp(text_string(&normal), entry->content) != 0)
        status = fail(file->err, STATUS_UNSUPPORTED,
                      "%s: added_tokens[%zu]: \"%.60s\" is changed by NFC, which is not supported",
                      file->path, index, entry->content);
    text_release(&normal);
    return status;
}

static enum status set_added_tokens(struct bpe *bpe, const struct json_file *file)
{
    size_t n = file->n_tokens;
    bpe->raw.tokens = arena_alloc_small(&bpe->arena, n, sizeof *bpe->raw.tokens);
    bpe->normalized.tokens = arena_alloc_small(&bpe->arena, n, sizeof *bpe->normalized.tokens);
    if (arena_failed(&bpe->arena))
        return json_file_no_memory(file);
    for (size_t i = 0; i < n; i++) {
        const struct json_added *token = &file->tokens[i];
        enum status status = check_normal(bpe, file, i);
        if (status)
            return status;
        size_t length = strlen(token->content);
        char *content = arena_copy(&bpe->arena, token->content, length);
        if (!content)
            return json_file_no_memory(file);
        bpe->tokens[token->id].special = token->special;
        struct added_tokens *set = token->normalized ? &bpe->normalized : &bpe->raw;
        set->tokens[set->n++] = (struct added_token){content, length, token->id};
    }
    added_tokens_init(&bpe->raw, bpe->raw.tokens, bpe->raw.n);
    added_tokens_init(&bpe->normalized, bpe->normalized.tokens, bpe->normalized.n);
    return STATUS_OK;
}

/* ------------------------------------------------------------------------------------------ */

static enum status read_file(struct bpe *bpe, struct json_file *file)
{
    enum status status;
    if (!(status = check_pipeline(bpe, file)) && !(status = json_file_read_vocabulary(file)) &&
        !(status = find_bytes(bpe, file)) &&
        !(status = json_file_read_merges(file, &bpe->merges, &bpe->arena)) &&
        !(status = json_file_read_added(file)) && !(status = set_tokens(bpe, file)))
        status = set_added_tokens(bpe, file);
    return status;
}

enum status bpe_open(struct bpe **out, const cJSON *root, const char *path, struct error *err)
{
    struct bpe *bpe = calloc(1, sizeof *bpe);
    if (!bpe)
        return fail(err, STATUS_NO_MEMORY, "out of memory while reading %s", path);
    struct json_file file;
    json_file_init(&file, root, path, err);
    arena_init(&bpe->arena);
    enum status status = read_file(bpe, &file);
    if (!status)
        status = pretokenizer_open(&bpe->pretokenizer, err);
    json_file_release(&file);
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
