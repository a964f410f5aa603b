#include "engine/tokenizer/merges.h"

#include <assert.h>
#include <stdlib.h>

#define NOWHERE SIZE_MAX

/* The symbols of a word are a list threaded through an array. */
struct merge_symbol {
    int id; /* -1: merged into the one before */
    size_t previous, next;
};

/* A merge that was possible when it was found. */
struct merge_candidate {
    uint32_t rank;
    size_t position; /* of the left symbol */
};

/* ---- The table ------------------------------------------------------------------------------ */

bool merge_table_init(struct merge_table *table, struct arena *arena, size_t n)
{
    size_t n_slots = 16;
    while (n_slots / 2 < n)
        n_slots *= 2;
    table->slots = arena_alloc(arena, n_slots, sizeof *table->slots);
    if (!table->slots)
        return false;
    for (size_t i = 0; i < n_slots; i++)
        table->slots[i].key = MERGE_NO_KEY;
    table->n_slots = n_slots;
    return true;
}

static uint64_t key_of(int left, int right)
{
    return (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
}

/* The slot of the pair, or the free one where it belongs. */
static struct merge *find_slot(const struct merge_table *table, uint64_t key)
{
    uint64_t hash = key * 0x9E3779B97F4A7C15u; /* Fibonacci hashing */
    size_t i = (size_t)(hash >> 32) & (table->n_slots - 1);
    while (table->slots[i].key != key && table->slots[i].key != MERGE_NO_KEY)
        i = (i + 1) & (table->n_slots - 1);
    return &table->slots[i];
}

bool merge_table_add(struct merge_table *table, int left, int right, uint32_t rank, int merged)
{
    assert(left >= 0 && right >= 0 && merged >= 0);
    struct merge *slot = find_slot(table, key_of(left, right));
    if (slot->key != MERGE_NO_KEY)
        return false;
    *slot = (struct merge){key_of(left, right), rank, merged};
    return true;
}

const struct merge *merge_table_find(const struct merge_table *table, int left, int right)
{
    const struct merge *slot = find_slot(table, key_of(left, right));
    return slot->key == MERGE_NO_KEY ? NULL : slot;
}

/* ---- The heap ------------------------------------------------------------------------------- */

/* Lowest rank first, then leftmost. */
static bool comes_before(const struct merge_candidate *a, const struct merge_candidate *b)
{
    return a->rank != b->rank ? a->rank < b->rank : a->position < b->position;
}

static void heap_push(struct merger *merger, struct merge_candidate added)
{
    struct merge_candidate *heap = merger->heap;
    size_t i = merger->n_heap++;
    while (i > 0 && comes_before(&added, &heap[(i - 1) / 2])) {
        heap[i] = heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    heap[i] = added;
}

static struct merge_candidate heap_pop(struct merger *merger)
{
    struct merge_candidate *heap = merger->heap;
    struct merge_candidate top = heap[0], last = heap[--merger->n_heap];
    size_t i = 0, n = merger->n_heap;
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

/* ---- Merging -------------------------------------------------------------------------------- */

void merger_release(struct merger *merger)
{
    free(merger->symbols);
    free(merger->heap);
    *merger = (struct merger){0};
}

bool merger_begin(struct merger *merger, size_t n)
{
    merger->n = 0;
    if (n <= merger->capacity)
        return true;
    size_t capacity = merger->capacity ? merger->capacity : 64;
    while (capacity < n) {
        if (capacity > SIZE_MAX / 4 / sizeof(struct merge_symbol))
            return false;
        capacity *= 2;
    }
    merger_release(merger);
    merger->symbols = malloc(capacity * sizeof *merger->symbols);
    merger->heap = malloc(capacity * 2 * sizeof *merger->heap); /* twice: see merger_run() */
    if (!merger->symbols || !merger->heap) {
        merger_release(merger);
        return false;
    }
    merger->capacity = capacity;
    return true;
}

void merger_add(struct merger *merger, int symbol)
{
    assert(merger->n < merger->capacity && symbol >= 0);
    size_t i = merger->n++;
    merger->symbols[i] = (struct merge_symbol){symbol, i > 0 ? i - 1 : NOWHERE, NOWHERE};
    if (i > 0)
        merger->symbols[i - 1].next = i;
}

/* The merge of the symbol at position with the next one, or NULL. */
static const struct merge *merge_at(const struct merger *merger, const struct merge_table *table,
                                    size_t position)
{
    const struct merge_symbol *left = &merger->symbols[position];
    if (left->id < 0 || left->next == NOWHERE)
        return NULL;
    return merge_table_find(table, left->id, merger->symbols[left->next].id);
}

static void push_merge_at(struct merger *merger, const struct merge_table *table, size_t position)
{
    const struct merge *merge = merge_at(merger, table, position);
    if (merge)
        heap_push(merger, (struct merge_candidate){merge->rank, position});
}

static void merge_with_next(struct merge_symbol *symbols, size_t position, int id)
{
    struct merge_symbol *left = &symbols[position], *right = &symbols[left->next];
    left->id = id;
    left->next = right->next;
    right->id = -1;
    if (left->next != NOWHERE)
        symbols[left->next].previous = position;
}

/* n - 1 candidates at first; each of at most n - 1 merges takes one and adds at most two: the heap
 * never holds more than 2 (n - 1). */
void merger_run(struct merger *merger, const struct merge_table *table)
{
    merger->n_heap = 0;
    for (size_t i = 0; i + 1 < merger->n; i++)
        push_merge_at(merger, table, i);
    while (merger->n_heap > 0) {
        struct merge_candidate top = heap_pop(merger);
        const struct merge *merge = merge_at(merger, table, top.position);
        if (!merge || merge->rank != top.rank)
            continue; /* a neighbour was merged meanwhile */
        merge_with_next(merger->symbols, top.position, merge->merged);
        if (merger->symbols[top.position].previous != NOWHERE)
            push_merge_at(merger, table, merger->symbols[top.position].previous);
        push_merge_at(merger, table, top.position);
    }
}

bool merger_next(const struct merger *merger, size_t *position, int *symbol)
{
    if (*position >= merger->n)
        return false;
    const struct merge_symbol *found = &merger->symbols[*position];
    *symbol = found->id;
    *position = found->next;
    return true;
}
