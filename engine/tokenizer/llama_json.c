/* tokenizer.json as transformers converts LLaMA's tokenizer.model (transformers 4.36.2
 * convert_slow_tokenizer.py, LlamaConverter). */
#include "engine/tokenizer/json_file.h"
#include "engine/tokenizer/sentencepiece.h"

#include <stdio.h>
#include <string.h>

/* ---- The components around the model -------------------------------------------------------- */

static bool is_string(const cJSON *object, const char *key, const char *value)
{
    return strcmp(json_string_or(object, key, ""), value) == 0;
}

static bool is_step(const cJSON *list, int index, const char *type)
{
    return is_string(cJSON_GetArrayItem(list, index), "type", type);
}

static bool is_replacement(const cJSON *step, const char *from, const char *to)
{
    return is_string(json_find(step, "pattern"), "String", from) && is_string(step, "content", to);
}

static enum status check_normalizer(const struct json_file *file)
{
    const cJSON *steps = json_find(json_find(file->root, "normalizer"), "normalizers");
    const cJSON *first = cJSON_GetArrayItem(steps, 0), *second = cJSON_GetArrayItem(steps, 1);
    bool ok = cJSON_GetArraySize(steps) == 2 && is_step(steps, 0, "Prepend") &&
              is_string(first, "prepend", SENTENCEPIECE_SPACE) && is_step(steps, 1, "Replace") &&
              is_replacement(second, " ", SENTENCEPIECE_SPACE);
    return ok ? STATUS_OK
              : fail(file->err, STATUS_UNSUPPORTED,
                     "%s: the normalizer is not LLaMA's (Prepend \"" SENTENCEPIECE_SPACE
                     "\", then Replace \" \" by it), which alone is supported with byte_fallback",
                     file->path);
}

static enum status check_pretokenizer(const struct json_file *file)
{
    const cJSON *component = json_find(file->root, "pre_tokenizer");
    if (!component || cJSON_IsNull(component))
        return STATUS_OK;
    return fail(file->err, STATUS_UNSUPPORTED,
                "%s: the pre_tokenizer is of type %.60s, only null is supported with byte_fallback",
                file->path, json_string_or(component, "type", "unnamed"));
}

static enum status check_decoder(const struct json_file *file)
{
    const cJSON *steps = json_find(json_find(file->root, "decoder"), "decoders");
    const cJSON *replace = cJSON_GetArrayItem(steps, 0), *strip = cJSON_GetArrayItem(steps, 3);
    bool ok = cJSON_GetArraySize(steps) == 4 && is_step(steps, 0, "Replace") &&
              is_replacement(replace, SENTENCEPIECE_SPACE, " ") &&
              is_step(steps, 1, "ByteFallback") && is_step(steps, 2, "Fuse") &&
              is_step(steps, 3, "Strip") && is_string(strip, "content", " ") &&
              json_int_or(strip, "start", 0) == 1 && json_int_or(strip, "stop", 0) == 0;
    return ok ? STATUS_OK
              : fail(file->err, STATUS_UNSUPPORTED,
                     "%s: the decoder is not LLaMA's (Replace \"" SENTENCEPIECE_SPACE
                     "\" by \" \", ByteFallback, Fuse, Strip one leading \" \"), which alone is "
                     "supported with byte_fallback",
                     file->path);
}

/* unk_token and fuse_unk have no effect where each byte has a token. */
static enum status check_pipeline(struct json_file *file)
{
    static const char *const options[] = {"dropout", "continuing_subword_prefix",
                                          "end_of_word_suffix", "ignore_merges"};
    enum status status;
    if ((status = json_file_find_parts(file)) ||
        (status = json_file_check_model(file, options, sizeof options / sizeof options[0])) ||
        (status = json_file_check_component(file, "normalizer", "Sequence", false)) ||
        (status = check_normalizer(file)) || (status = check_pretokenizer(file)) ||
        (status = json_file_check_component(file, "post_processor", "TemplateProcessing", true)) ||
        (status = json_file_check_component(file, "decoder", "Sequence", false)))
        return status;
    return check_decoder(file);
}

/* ---- The symbols ---------------------------------------------------------------------------- */

static enum status find_bytes(struct sentencepiece *model, const struct json_file *file)
{
    for (unsigned byte = 0; byte < 256; byte++) {
        char name[8];
        snprintf(name, sizeof name, "<0x%02X>", byte);
        model->byte_ids[byte] = (int)string_map_get(&file->ids, name, strlen(name), -1);
        if (model->byte_ids[byte] < 0)
            return fail(file->err, STATUS_BAD_FORMAT,
                        "%s: the vocabulary has no entry for byte 0x%02X, \"%s\"", file->path, byte,
                        name);
    }
    return STATUS_OK;
}

/* Only what the model knows is found in the text by merging, not the added tokens. */
static enum status add_characters(struct sentencepiece *model, const struct json_file *file)
{
    for (int id = 0; id < file->n_ids; id++)
        if (file->contents[id] &&
            !sentencepiece_add_character(model, file->contents[id], strlen(file->contents[id]), id))
            return json_file_no_memory(file);
    return STATUS_OK;
}

static enum status set_tokens(struct sentencepiece *model, const struct json_file *file)
{
    model->n_tokens = model->n_symbols = file->n_ids;
    model->symbols = arena_alloc(&model->arena, (size_t)file->n_ids, sizeof *model->symbols);
    if (!model->symbols)
        return json_file_no_memory(file);
    for (int id = 0; id < file->n_ids; id++) {
        const char *content = file->contents[id];
        if (content && !sentencepiece_set_token(model, id, content, strlen(content), false))
            return json_file_no_memory(file);
    }
    return STATUS_OK;
}

/* A token that is matched on normalised text is normalised too
 * (huggingface/tokenizers@3ba8ad00 tokenizers/src/tokenizer/added_vocabulary.rs,
 * refresh_added_tokens).
 */
static bool add_added_token(struct sentencepiece *model, const struct json_added *token)
{
    struct text content;
    text_init(&content);
    size_t length = strlen(token->content);
    if (token->normalized)
        sentencepiece_normalize(token->content, length, true, &content);
    else
        text_add_bytes(&content, token->content, length);
    char *copy = content.failed ? NULL : arena_copy(&model->arena, content.data, content.length);
    if (copy) {
        struct added_tokens *set = token->normalized ? &model->normalized : &model->raw;
        set->tokens[set->n++] = (struct added_token){copy, content.length, token->id};
        model->symbols[token->id].special = token->special;
    }
    text_release(&content);
    return copy != NULL;
}

static enum status set_added_tokens(struct sentencepiece *model, const struct json_file *file)
{
    size_t n = file->n_tokens;
    model->raw.tokens = arena_alloc_small(&model->arena, n, sizeof *model->raw.tokens);
    model->normalized.tokens =
        arena_alloc_small(&model->arena, n, sizeof *model->normalized.tokens);
    if (arena_failed(&model->arena))
        return json_file_no_memory(file);
    for (size_t i = 0; i < n; i++)
        if (!add_added_token(model, &file->tokens[i]))
            return json_file_no_memory(file);
    added_tokens_init(&model->raw, model->raw.tokens, model->raw.n);
    added_tokens_init(&model->normalized, model->normalized.tokens, model->normalized.n);
    return STATUS_OK;
}

enum status sentencepiece_read_json(struct sentencepiece *model,
                                    const struct tokenizer_source *source, struct error *err)
{
    struct json_file file;
    json_file_init(&file, source->json, source->path, err);
    enum status status;
    if (!(status = check_pipeline(&file)) && !(status = json_file_read_vocabulary(&file)) &&
        !(status = find_bytes(model, &file)) && !(status = add_characters(model, &file)) &&
        !(status = json_file_read_merges(&file, &model->merges, &model->arena)) &&
        !(status = json_file_read_added(&file)) && !(status = set_tokens(model, &file)))
        status = set_added_tokens(model, &file);
    json_file_release(&file);
    return status;
}
