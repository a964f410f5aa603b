#include "engine/ops/panels.h"

#include <string.h>

enum { BLOCK_WORDS = 16 }; /* a cache line of every row at a time */

/* Words [first, first + n) of one row, zeros behind its last value. */
static void load_words(uint32_t words[BLOCK_WORDS], const unsigned char *row, size_t row_bytes,
                       int first, int n)
{
    size_t start = (size_t)first * sizeof *words, wanted = (size_t)n * sizeof *words;
    size_t left = start < row_bytes ? row_bytes - start : 0;
    memset(words, 0, BLOCK_WORDS * sizeof *words);
    memcpy(words, row + (left ? start : 0), wanted < left ? wanted : left);
}

void panel_fill(const struct panels *panels, uint32_t *panel, const void *rows, int n)
{
    size_t row_bytes = (size_t)panels->n_in * (sizeof(uint32_t) / (size_t)panels->word_values);
    const unsigned char *bytes = rows;
    for (int first = 0; first < panels->padded_words; first += BLOCK_WORDS) {
        int left = panels->padded_words - first;
        int block = left < BLOCK_WORDS ? left : BLOCK_WORDS;
        uint32_t *to = panel + (size_t)first * PANEL_OUTPUTS;
        for (int c = 0; c < PANEL_OUTPUTS; c++) {
            uint32_t words[BLOCK_WORDS] = {0};
            if (c < n)
                load_words(words, bytes + (size_t)c * row_bytes, row_bytes, first, block);
            for (int w = 0; w < block; w++)
                to[w * PANEL_OUTPUTS + c] = words[w];
        }
    }
}
