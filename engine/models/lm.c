/* engine/models/lm.c - what is the same for every family: states, embedding, head. */
#include "engine/models/lm.h"

#include "engine/base/float16.h"
#include "engine/base/random.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

const struct lm_family *lm_family_find(const char *name)
{
    for (const struct lm_family *const *family = lm_families; *family; family++)
        if (strcmp((*family)->name, name) == 0)
            return *family;
    return NULL;
}

static size_t element_bytes(const struct lm *lm)
{
    return lm->cache_type == CACHE_BF16 ? sizeof(unsigned short) : sizeof(float);
}

/* Bytes of one slab with so many positions. */
static size_t slab_bytes(const struct lm *lm, int positions)
{
    return (size_t)positions * (size_t)lm->slab_width * element_bytes(lm);
}

static char *slab_start(const struct lm *lm, const struct lm_state *state, int slab)
{
    return (char *)state->cache + (size_t)slab * slab_bytes(lm, state->capacity);
}

void *lm_slab(const struct lm *lm, const struct lm_state *state, int slab)
{
    return slab_start(lm, state, slab);
}

size_t lm_slab_stride(const struct lm *lm, const struct lm_state *state)
{
    return (size_t)state->capacity * (size_t)lm->slab_width;
}

size_t lm_state_bytes(const struct lm *lm, int positions)
{
    return lm->fixed_floats * sizeof(float) + (size_t)lm->n_slabs * slab_bytes(lm, positions);
}

enum status lm_state_open(struct lm_state *state, const struct lm *lm, struct error *err)
{
    *state = (struct lm_state){.n_positions = 0};
    if (lm->fixed_floats == 0)
        return STATUS_OK;
    state->fixed = calloc(lm->fixed_floats, sizeof *state->fixed);
    if (!state->fixed)
        return fail(err, STATUS_NO_MEMORY, "out of memory for %zu bytes of state",
                    lm->fixed_floats * sizeof *state->fixed);
    return STATUS_OK;
}

void lm_state_release(struct lm_state *state)
{
    free(state->fixed);
    free(state->cache);
    *state = (struct lm_state){.n_positions = 0};
}

void lm_state_reset(struct lm_state *state, const struct lm *lm)
{
    state->n_positions = 0;
    if (state->fixed)
        memset(state->fixed, 0, lm->fixed_floats * sizeof *state->fixed);
}

enum status lm_state_reserve(struct lm_state *state, const struct lm *lm, int positions,
                             struct error *err)
{
    if (lm->n_slabs == 0 || positions <= state->capacity)
        return STATUS_OK;
    struct lm_state grown = *state;
    grown.capacity = positions;
    grown.cache = malloc((size_t)lm->n_slabs * slab_bytes(lm, positions));
    if (!grown.cache)
        return fail(err, STATUS_NO_MEMORY, "out of memory for the keys and values of %d positions",
                    positions);
    for (int slab = 0; state->n_positions > 0 && slab < lm->n_slabs; slab++)
        memcpy(slab_start(lm, &grown, slab), slab_start(lm, state, slab),
               slab_bytes(lm, state->n_positions));
    free(state->cache);
    *state = grown;
    return STATUS_OK;
}

enum status lm_state_copy(struct lm_state *to, const struct lm_state *from, const struct lm *lm,
                          struct error *err)
{
    lm_state_reset(to, lm);
    enum status status = lm_state_reserve(to, lm, from->n_positions, err);
    if (status)
        return status;
    to->n_positions = from->n_positions;
    if (from->fixed)
        memcpy(to->fixed, from->fixed, lm->fixed_floats * sizeof *to->fixed);
    for (int slab = 0; from->n_positions > 0 && slab < lm->n_slabs; slab++)
        memcpy(slab_start(lm, to, slab), slab_start(lm, from, slab),
               slab_bytes(lm, from->n_positions));
    return STATUS_OK;
}

/* Numbers drawn for the front of a slab and repeated behind it: drawing gigabytes of them takes
 * longer than what is then measured. */
static void fill_slab(const struct lm *lm, char *slab, size_t bytes, struct random_stream *random)
{
    enum { DRAWN = 1 << 16 };
    size_t size = element_bytes(lm), drawn = bytes / size < DRAWN ? bytes / size : DRAWN;
    for (size_t i = 0; i < drawn; i++) {
        float value = (float)(2 * random_uniform(random) - 1);
        if (lm->cache_type == CACHE_BF16)
            ((unsigned short *)(void *)slab)[i] = bf16_from_float(value);
        else
            ((float *)(void *)slab)[i] = value;
    }
    for (size_t done = drawn * size; done < bytes;) {
        size_t more = bytes - done < done ? bytes - done : done;
        memcpy(slab + done, slab, more);
        done += more;
    }
}

enum status lm_state_fill(struct lm_state *state, const struct lm *lm, int positions, uint64_t seed,
                          struct error *err)
{
    struct random_stream random = {seed};
    lm_state_reset(state, lm);
    enum status status = lm_state_reserve(state, lm, positions, err);
    if (status)
        return status;
    for (size_t i = 0; i < lm->fixed_floats; i++)
        state->fixed[i] = (float)(2 * random_uniform(&random) - 1);
    for (int slab = 0; slab < lm->n_slabs; slab++)
        fill_slab(lm, slab_start(lm, state, slab), slab_bytes(lm, positions), &random);
    state->n_positions = positions;
    return STATUS_OK;
}

bool lm_state_equal(const struct lm_state *a, const struct lm_state *b, const struct lm *lm)
{
    if (a->n_positions != b->n_positions)
        return false;
    if (a->fixed && memcmp(a->fixed, b->fixed, lm->fixed_floats * sizeof *a->fixed) != 0)
        return false;
    for (int slab = 0; a->n_positions > 0 && slab < lm->n_slabs; slab++)
        if (memcmp(slab_start(lm, a, slab), slab_start(lm, b, slab),
                   slab_bytes(lm, a->n_positions)) != 0)
            return false;
    return true;
}

void lm_forward(const struct lm *lm, struct compute *compute, const struct lm_span *spans,
                size_t n_spans, float *x, int rows)
{
    for (size_t i = 0; i < n_spans; i++)
        assert(lm->n_slabs == 0 ||
               spans[i].state->n_positions + spans[i].n_rows <= spans[i].state->capacity);
    lm->family->forward(lm, compute, spans, n_spans, x, rows);
    for (size_t i = 0; i < n_spans; i++)
        spans[i].state->n_positions += spans[i].n_rows;
}

int lm_chunk(const struct lm *lm, const struct ops *ops)
{
    return lm->family->chunk ? lm->family->chunk(ops) : 1;
}

void lm_embed(const struct lm *lm, const struct compute *compute, const int *ids, int n, float *y)
{
    const struct embedding *table = &lm->embedding;
    if (table->bf16)
        compute->ops->embed_bf16(y, table->bf16, ids, n, lm->width);
    else
        compute->ops->embed_f32(y, table->f32, ids, n, lm->width);
}

void lm_logits(const struct lm *lm, struct compute *compute, const float *x, int rows,
               float *logits)
{
    linear_run(compute->matmul, &lm->head, x, (size_t)lm->width, logits, rows);
}
