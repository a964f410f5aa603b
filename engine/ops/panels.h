/* engine/ops/panels.h - packed weights: panels of 64 outputs, words of all 64 side by side.
 *
 * A word is 32 bits of one output's inputs: one float, two bf16, or four int8.  Word w of output c
 * stands at panel c / 64, place w * 64 + c % 64:
 *
 *     [n_out / 64][words][64]        outputs and words padded with zeros
 *
 * It is the layout that oneDNN 2.6 chooses for AVX-512 (BA16a64b, BA16a64b2a, BA16a64b4a): sixteen
 * outputs fill a register, and a product with one row reads memory straight on. */
#ifndef MAMBENCH_ENGINE_OPS_PANELS_H
#define MAMBENCH_ENGINE_OPS_PANELS_H

#include <stddef.h>
#include <stdint.h>

enum { PANEL_OUTPUTS = 64 };

struct panels {
    int n_in, n_out;
    int word_values;  /* values in a word: 1, 2 or 4 */
    int padded_words; /* of every output */
};

/* Words that hold an output's inputs, padding not counted. */
static inline int panels_words(const struct panels *panels)
{
    return (panels->n_in + panels->word_values - 1) / panels->word_values;
}

static inline int panels_count(const struct panels *panels)
{
    return (panels->n_out + PANEL_OUTPUTS - 1) / PANEL_OUTPUTS;
}

static inline size_t panel_words(const struct panels *panels)
{
    return (size_t)panels->padded_words * PANEL_OUTPUTS;
}

static inline size_t panels_bytes(const struct panels *panels)
{
    return (size_t)panels_count(panels) * panel_words(panels) * sizeof(uint32_t);
}

/* Fills panel [padded_words, 64] from n plain rows of n_in values each; n is 64 but for the last
 * panel. */
void panel_fill(const struct panels *panels, uint32_t *panel, const void *rows, int n);

#endif
