/* engine/tokenizer/merges.h - the core of byte-pair encoding: neighbouring symbols are merged,
 * lowest rank first, the leftmost of equal ranks, until no pair of neighbours is in the table. */
#ifndef MAMBENCH_ENGINE_TOKENIZER_MERGES_H
#define MAMBENCH_ENGINE_TOKENIZER_MERGES_H

#include "engine/base/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- The table: which pairs may be merged -------------------------------------------------- */

struct merge {
    uint64_t key; /* left symbol << 32 | right symbol; MERGE_NO_KEY: free slot */
    uint32_t rank;
    int merged; /* the symbol that takes the place of both */
};

#define MERGE_NO_KEY UINT64_MAX

struct merge_table {
    struct merge *slots; /* open addressing, n_slots is a power of two */
    size_t n_slots;
};

/* Takes memory for n merges from the arena; false without it. */
bool merge_table_init(struct merge_table *table, struct arena *arena, size_t n);

/* Symbols are 0 or greater.  False, and nothing changes, if the pair is there already. */
bool merge_table_add(struct merge_table *table, int left, int right, uint32_t rank, int merged);

/* The merge of a pair, or NULL. */
const struct merge *merge_table_find(const struct merge_table *table, int left, int right);

/* ---- Merging -------------------------------------------------------------------------------- */

struct merge_symbol;
struct merge_candidate;

/* A word at work; one for each thread.  Zeroed is empty. */
struct merger {
    struct merge_symbol *symbols; /* [n] */
    struct merge_candidate *heap;
    size_t n, capacity; /* of symbols */
    size_t n_heap;
};

void merger_release(struct merger *merger);

/* Empties the word and makes room for n symbols; false without memory. */
bool merger_begin(struct merger *merger, size_t n);

/* Appends a symbol; there must be room. */
void merger_add(struct merger *merger, int symbol);

/* Merges what can be merged, in O(n log n). */
void merger_run(struct merger *merger, const struct merge_table *table);

/* The symbols that are left, one a call: start with *position 0; false at the end. */
bool merger_next(const struct merger *merger, size_t *position, int *symbol);

#endif
