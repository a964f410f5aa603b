#include "engine/tokenizer/bpe.h"

#include "engine/tokenizer/kind.h"
#include "engine/tokenizer/nfc.h"

#include <stdlib.h>

#define NOWHERE SIZE_MAX

/* A piece of the word at work; the pieces are a list threaded through an array. */
struct symbol {
    int id; /* -1: merged into the one before */
    size_t previous, next;
};

/* A merge that was possible when it was found. */
struct candidate {
    uint32_t rank;
    size_t position; /* of the left symbol */
};

/* What one call of encode works with. */
struct encoder {
    const struct bpe *bpe;
    struct pretokenizer_state *words;
    struct token_list *ids;
    struct symbol *symbols;
    struct candidate *heap; /* twice as many: see merge_word() */
    size_t capacity;        /* of symbols */
    size_t n_heap;
};

bool bpe_merges_init(struct bpe *bpe, size_t n)
{
    size_t n_slots = 16;
    while (n_slots / 2 < n)
        n_slots *= 2;
    bpe->merges = arena_alloc(&bpe->arena, n_slots, sizeof *bpe->merges);
    if (!bpe->merges)
        return false;
    for (size_t i = 0; i < n_slots; i++)
        bpe->merges[i].key = BPE_NO_KEY;
    bpe->n_slots = n_slots;
    return true;
}

struct bpe_merge *bpe_merge_slot(const struct bpe *bpe, int left, int right)
{
    uint64_t key = (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
    uint64_t hash = key * 0x9E3779B97F4A7C15u; /* Fibonacci hashing */
    size_t i = (size_t)(hash >> 32) & (bpe->n_slots - 1);
    while (bpe->merges[i].key != key && bpe->merges[i].key != BPE_NO_KEY)
        i = (i + 1) & (bpe->n_slots - 1);
    return &bpe->merges[i];
}

/* Lowest rank first, then leftmost. */
static bool comes_before(const struct candidate *a, const struct candidate *b)
{
    return a->rank != b->rank ? a->rank < b->rank : a->position < b->position;
}

static void heap_push(struct encoder *encoder, struct candidate added)
{
    struct candidate *heap = encoder->heap;
    size_t i = encoder->n_heap++;
    while (i > 0 && comes_before(&added, &heap[(i - 1) / 2])) {
        heap[i] = heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    heap[i] = added;
}

static struct candidate heap_pop(struct encoder *encoder)
{
    struct candidate *heap = encoder->heap;
    struct candidate top = heap[0], last = heap[--encoder->n_heap];
    size_t i = 0, n = encoder->n_heap;
    for (size_t child = 1; child < n; child = 2 * i + 1) {
        if (child + 1 < n && comes_before(&heap[child + 1], &heap[child]))
            child += 1;
        if (!comes_before(&heap[child], &last))
            break;
        heap[i] = heap[child];
        i = child;
    }
    heap[i] = last;
    return top;
}

/* The merge of the symbol at position with the next one, or NULL. */
static const struct bpe_merge *merge_at(const struct encoder *encoder, size_t position)
{
    const struct symbol *left = &encoder->symbols[position];
    if (left->id < 0 || left->next == NOWHERE)
        return NULL;
    const struct bpe_merge *merge =
        bpe_merge_slot(encoder->bpe, left->id, encoder->symbols[left->next].id);
    return merge->key == BPE_NO_KEY ? NULL : merge;
}

static void push_merge_at(struct encoder *encoder, size_t position)
{
    const struct bpe_merge *merge = merge_at(encoder, position);
    if (merge)
        heap_push(encoder, (struct candidate){merge->rank, position});
}

static void merge_with_next(struct symbol *symbols, size_t position, int id)
{
    struct symbol *left = &symbols[position], *right = &symbols[left->next];
    left->id = id;
    left->next = right->next;
    right->id = -1;
    if (left->next != NOWHERE)
        symbols[left->next].previous = position;
}

/* n - 1 candidates at first; each of at most n - 1 merges takes one and adds at most two: the heap
 * never holds more than 2 (n - 1). */
static void merge_word(struct encoder *encoder, size_t n)
{
    struct symbol *symbols = encoder->symbols;
    encoder->n_heap = 0;
    for (size_t i = 0; i + 1 < n; i++)
        push_merge_at(encoder, i);
    while (encoder->n_heap > 0) {
        struct candidate top = heap_pop(encoder);
        const struct bpe_merge *merge = merge_at(encoder, top.position);
        if (!merge || merge->rank != top.rank)
            continue; /* a neighbour was merged meanwhile */
        merge_with_next(symbols, top.position, merge->id);
        if (symbols[top.position].previous != NOWHERE)
            push_merge_at(encoder, symbols[top.position].previous);
        push_merge_at(encoder, top.position);
    }
}

static bool make_room(struct encoder *encoder, size_t n)
{
    if (n <= encoder->capacity)
        return true;
    size_t capacity = encoder->capacity ? encoder->capacity : 64;
    while (capacity < n) {
        if (capacity > SIZE_MAX / 4 / sizeof(struct symbol))
            return false;
        capacity *= 2;
    }
    free(encoder->symbols);
    free(encoder->heap);
    encoder->symbols = malloc(capacity * sizeof *encoder->symbols);
    encoder->heap = malloc(capacity * 2 * sizeof *encoder->heap);
    encoder->capacity = encoder->symbols && encoder->heap ? capacity : 0;
    return encoder->capacity > 0;
}

static bool encode_word(struct encoder *encoder, const char *word, size_t length)
{
    if (!make_room(encoder, length))
        return false;
    struct symbol *symbols = encoder->symbols;
    for (size_t i = 0; i < length; i++)
        symbols[i] = (struct symbol){encoder->bpe->byte_ids[(unsigned char)word[i]],
                                     i > 0 ? i - 1 : NOWHERE, i + 1 < length ? i + 1 : NOWHERE};
    merge_word(encoder, length);
    for (size_t i = 0; i != NOWHERE; i = symbols[i].next)
        if (!token_list_add(encoder->ids, symbols[i].id))
            return false;
    return true;
}

/* A stretch of text and what follows it in the pipeline. */
typedef bool encode_step(struct encoder *encoder, const char *text, size_t length);

/* Cuts the set's tokens out of text and hands what lies between to next. */
static bool encode_around(struct encoder *encoder, const struct added_tokens *set, const char *text,
                          size_t length, encode_step *next)
{
    size_t position = 0;
    struct added_match match;
    while (added_tokens_find(set, text, length, position, &match)) {
        if (match.start > position && !next(encoder, text + position, match.start - position))
            return false;
        if (!token_list_add(encoder->ids, match.id))
            return false;
        position = match.end;
    }
    return position == length || next(encoder, text + position, length - position);
}

static bool encode_words(struct encoder *encoder, const char *text, size_t length)
{
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

static bool encode_raw(struct encoder *encoder, const char *text, size_t length)
{
    const struct bpe *bpe = encoder->bpe;
    if (!bpe->normalize || nfc_is_plain(text, length))
        return encode_around(encoder, &bpe->normalized, text, length, encode_words);
    struct text normal;
    text_init(&normal);
    bool done = nfc_normalize(text, length, &normal) &&
                encode_around(encoder, &bpe->normalized, normal.data, normal.length, encode_words);
    text_release(&normal);
    return done;
}

static enum status encode(const void *state, const char *text, size_t length,
                          struct token_list *ids, struct error *err)
{
    const struct bpe *bpe = state;
    struct encoder encoder = {.bpe = bpe, .ids = ids};
    encoder.words = pretokenizer_state_open(bpe->pretokenizer);
    bool done = encoder.words && encode_around(&encoder, &bpe->raw, text, length, encode_raw);
    pretokenizer_state_close(encoder.words);
    free(encoder.symbols);
    free(encoder.heap);
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

static bool recognises(const char *data, size_t length)
{
    size_t i = 0;
    while (i < length && (data[i] == ' ' || data[i] == '\t' || data[i] == '\n' || data[i] == '\r'))
        i++;
    return i < length && data[i] == '{';
}

static enum status open_kind(void **state, const char *data, size_t length, const char *path,
                             struct error *err)
{
    struct bpe *bpe;
    enum status status = bpe_open(&bpe, data, length, path, err);
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
    .recognises = recognises,
    .open = open_kind,
    .close = close_kind,
    .size = size,
    .encode = encode,
    .decode = decode,
};
