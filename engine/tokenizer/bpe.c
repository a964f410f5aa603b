#include "engine/tokenizer/bpe.h"

#include "engine/tokenizer/kind.h"
#include "engine/tokenizer/nfc.h"

/* What one call of encode works with. */
struct encoder {
    const struct bpe *bpe;
    struct pretokenizer_state *words;
    struct token_list *ids;
    struct merger word;
};

static bool encode_word(struct encoder *encoder, const char *word, size_t length)
{
    if (!merger_begin(&encoder->word, length))
        return false;
    for (size_t i = 0; i < length; i++)
        merger_add(&encoder->word, encoder->bpe->byte_ids[(unsigned char)word[i]]);
    merger_run(&encoder->word, &encoder->bpe->merges);
    size_t position = 0;
    int id;
    while (merger_next(&encoder->word, &position, &id))
        if (!token_list_add(encoder->ids, id))
            return false;
    return true;
}

static bool encode_words(void *context, const char *text, size_t length)
{
    struct encoder *encoder = context;
    size_t position = 0;
    while (position < length) {
        size_t end;
        if (!pretokenizer_word(encoder->bpe->pretokenizer, encoder->words, text, length, position,
                               &end) ||
            !encode_word(encoder, text + position, end - position))
            return false;
        position = end;
    }
    return true;
}

static bool encode_raw(void *context, const char *text, size_t length)
{
    struct encoder *encoder = context;
    const struct bpe *bpe = encoder->bpe;
    if (!bpe->normalize || nfc_is_plain(text, length))
        return added_tokens_encode(&bpe->normalized, text, length, encoder->ids, encode_words,
                                   encoder);
    struct text normal;
    text_init(&normal);
    bool done = nfc_normalize(text, length, &normal) &&
                added_tokens_encode(&bpe->normalized, normal.data, normal.length, encoder->ids,
                                    encode_words, encoder);
    text_release(&normal);
    return done;
}

static enum status encode(const void *state, const char *text, size_t length,
                          struct token_list *ids, struct error *err)
{
    const struct bpe *bpe = state;
    struct encoder encoder = {.bpe = bpe, .ids = ids};
    encoder.words = pretokenizer_state_open(bpe->pretokenizer);
    bool done =
        encoder.words && added_tokens_encode(&bpe->raw, text, length, ids, encode_raw, &encoder);
    pretokenizer_state_close(encoder.words);
    merger_release(&encoder.word);
    return done ? STATUS_OK : fail(err, STATUS_NO_MEMORY, "out of memory while encoding text");
}

static void decode(const void *state, const int *ids, size_t n, struct text *out)
{
    const struct bpe *bpe = state;
    for (size_t i = 0; i < n; i++) {
        if (ids[i] < 0 || ids[i] >= bpe->n_tokens)
            continue;
        const struct bpe_token *token = &bpe->tokens[ids[i]];
        if (token->bytes && !token->special)
            text_add_bytes(out, token->bytes, token->length);
    }
}

static int size(const void *state)
{
    const struct bpe *bpe = state;
    return bpe->n_tokens;
}

/* Every tokenizer.json that is not LLaMA's (llama_json.c): what is wrong with it is said in terms
 * of this kind. */
static bool recognises(const struct tokenizer_source *source)
{
    return source->json != NULL;
}

static enum status open_kind(void **state, const struct tokenizer_source *source, struct error *err)
{
    struct bpe *bpe;
    enum status status = bpe_open(&bpe, source->json, source->path, err);
    if (!status)
        *state = bpe;
    return status;
}

static void close_kind(void *state)
{
    bpe_close(state);
}

const struct tokenizer_kind tokenizer_bpe = {
    .name = "byte-level BPE",
    .prefixes_space = false,
    .recognises = recognises,
    .open = open_kind,
    .close = close_kind,
    .size = size,
    .encode = encode,
    .decode = decode,
};
