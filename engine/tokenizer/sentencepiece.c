#include "engine/tokenizer/sentencepiece.h"

#include "engine/base/utf8.h"

#include <stdlib.h>

/* What one call of encode works with. */
struct encoder {
    const struct sentencepiece *model;
    const char *start; /* of the text */
    struct token_list *ids;
    struct text normal; /* the stretch at work, as the model sees it */
    struct merger stretch;
};

static bool add_bytes(struct encoder *encoder, const struct sentencepiece_symbol *symbol)
{
    for (size_t i = 0; i < symbol->length; i++)
        if (!token_list_add(encoder->ids,
                            encoder->model->byte_ids[(unsigned char)symbol->bytes[i]]))
            return false;
    return true;
}

static void add_character(struct encoder *encoder, const char *character, size_t length)
{
    const struct sentencepiece *model = encoder->model;
    int symbol = (int)string_map_get(&model->characters, character, length, -1);
    if (symbol >= 0)
        merger_add(&encoder->stretch, symbol);
    for (size_t i = 0; symbol < 0 && i < length; i++)
        merger_add(&encoder->stretch, model->byte_ids[(unsigned char)character[i]]);
}

static bool encode_normal(void *context, const char *text, size_t length)
{
    struct encoder *encoder = context;
    const struct sentencepiece *model = encoder->model;
    if (!merger_begin(&encoder->stretch, length))
        return false;
    for (const char *cursor = text, *end = text + length; cursor < end;) {
        const char *character = cursor;
        utf8_next(&cursor, end);
        add_character(encoder, character, (size_t)(cursor - character));
    }
    merger_run(&encoder->stretch, &model->merges);
    size_t position = 0;
    int symbol;
    while (merger_next(&encoder->stretch, &position, &symbol))
        if (symbol < model->n_tokens ? !token_list_add(encoder->ids, symbol)
                                     : !add_bytes(encoder, &model->symbols[symbol]))
            return false;
    return true;
}

static bool encode_raw(void *context, const char *text, size_t length)
{
    struct encoder *encoder = context;
    bool prefix = encoder->model->legacy || text == encoder->start;
    text_reset(&encoder->normal);
    return sentencepiece_normalize(text, length, prefix, &encoder->normal) &&
           added_tokens_encode(&encoder->model->normalized, encoder->normal.data,
                               encoder->normal.length, encoder->ids, encode_normal, encoder);
}

static enum status encode(const void *state, const char *text, size_t length,
                          struct token_list *ids, struct error *err)
{
    const struct sentencepiece *model = state;
    struct encoder encoder = {.model = model, .start = text, .ids = ids};
    text_init(&encoder.normal);
    bool done = added_tokens_encode(&model->raw, text, length, ids, encode_raw, &encoder);
    text_release(&encoder.normal);
    merger_release(&encoder.stretch);
    return done ? STATUS_OK : fail(err, STATUS_NO_MEMORY, "out of memory while encoding text");
}

/* The space in front of the first token is the one that encoding put there. */
static void decode(const void *state, const int *ids, size_t n, struct text *out)
{
    const struct sentencepiece *model = state;
    bool at_start = true;
    for (size_t i = 0; i < n; i++) {
        if (ids[i] < 0 || ids[i] >= model->n_tokens)
            continue;
        const struct sentencepiece_symbol *token = &model->symbols[ids[i]];
        if (!token->bytes || token->special || token->length == 0)
            continue;
        size_t skipped = at_start && token->bytes[0] == ' ' ? 1 : 0;
        text_add_bytes(out, token->bytes + skipped, token->length - skipped);
        at_start = false;
    }
}

static int size(const void *state)
{
    const struct sentencepiece *model = state;
    return model->n_tokens;
}

/* ---- The two kinds of file ------------------------------------------------------------------ */

typedef enum status read_file(struct sentencepiece *model, const struct tokenizer_source *source,
                              struct error *err);

static enum status open_with(void **state, const struct tokenizer_source *source, read_file *read,
                             struct error *err)
{
    struct sentencepiece *model = calloc(1, sizeof *model);
    if (!model)
        return fail(err, STATUS_NO_MEMORY, "out of memory while reading %s", source->path);
    arena_init(&model->arena);
    string_map_init(&model->characters, &model->arena);
    enum status status = read(model, source, err);
    if (!status)
        status = sentencepiece_read_config(model, source->path, err);
    if (status)
        sentencepiece_close(model);
    else
        *state = model;
    return status;
}

void sentencepiece_close(struct sentencepiece *model)
{
    if (!model)
        return;
    arena_release(&model->arena);
    free(model);
}

static void close_kind(void *state)
{
    sentencepiece_close(state);
}

static enum status open_json(void **state, const struct tokenizer_source *source, struct error *err)
{
    return open_with(state, source, sentencepiece_read_json, err);
}

static enum status open_model(void **state, const struct tokenizer_source *source,
                              struct error *err)
{
    return open_with(state, source, sentencepiece_read_model, err);
}

/* Byte tokens are what tells LLaMA's form from the byte-level one. */
static bool recognises_json(const struct tokenizer_source *source)
{
    return json_bool_or(json_find(source->json, "model"), "byte_fallback", false);
}

/* The pieces stand first: field 1, of wire type 2. */
static bool recognises_model(const struct tokenizer_source *source)
{
    return !source->json && source->data[0] == (1 << 3 | 2);
}

const struct tokenizer_kind tokenizer_llama_json = {
    .name = "LLaMA (tokenizer.json)",
    .prefixes_space = true,
    .recognises = recognises_json,
    .open = open_json,
    .close = close_kind,
    .size = size,
    .encode = encode,
    .decode = decode,
};

const struct tokenizer_kind tokenizer_llama_model = {
    .name = "LLaMA (tokenizer.model)",
    .prefixes_space = true,
    .recognises = recognises_model,
    .open = open_model,
    .close = close_kind,
    .size = size,
    .encode = encode,
    .decode = decode,
};
