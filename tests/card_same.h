/* tests/card_same.h - two cards compared member by member. */
#ifndef MAMBENCH_TESTS_CARD_SAME_H
#define MAMBENCH_TESTS_CARD_SAME_H

#include "tests/check.h"

#include "engine/card/keys.h"

static inline void assert_same_weights(const struct card_weights *a, const struct card_weights *b)
{
    assert_string_equal(a->prefix, b->prefix);
    assert_int_equal(a->n_files, b->n_files);
    for (size_t i = 0; i < a->n_files; i++)
        assert_string_equal(a->files[i], b->files[i]);
}

static inline void assert_same_keys(const struct card_key *key, const void *a, const void *b)
{
    for (; key->name; key++) {
        if (key->type == CARD_TEXT) {
            assert_string_equal(card_key_text(key, a), card_key_text(key, b));
        } else if (key->type == CARD_FLAG) {
            if (card_key_flag(key, a) != card_key_flag(key, b))
                fail_msg("%s: %d and %d", key->name, card_key_flag(key, a), card_key_flag(key, b));
        } else if (!(card_key_number(key, a) == card_key_number(key, b))) {
            fail_msg("%s: %.17g and %.17g", key->name, card_key_number(key, a),
                     card_key_number(key, b));
        }
    }
}

static inline void assert_same_tower(const struct card_tower *a, const struct card_tower *b)
{
    assert_same_keys(card_tower_keys, a, b);
    assert_same_weights(&a->weights, &b->weights);
    assert_int_equal(a->preprocess.size, b->preprocess.size);
    assert_int_equal(a->preprocess.strategy, b->preprocess.strategy);
    assert_int_equal(a->preprocess.rescale, b->preprocess.rescale);
    assert_int_equal(a->preprocess.half_pixels, b->preprocess.half_pixels);
    for (int i = 0; i < 3; i++) {
        assert_true(a->preprocess.mean[i] == b->preprocess.mean[i]);
        assert_true(a->preprocess.std[i] == b->preprocess.std[i]);
    }
}

/* All but name and directory. */
static inline void assert_same_parts(const struct card *a, const struct card *b)
{
    assert_string_equal(a->family, b->family);
    assert_int_equal(a->tokenizer == NULL, b->tokenizer == NULL);
    if (a->tokenizer)
        assert_string_equal(a->tokenizer, b->tokenizer);
    assert_int_equal(a->clean_up, b->clean_up);
    assert_string_equal(a->template, b->template);
    assert_int_equal(a->image_size, b->image_size);
    assert_int_equal(a->n_towers, b->n_towers);
    for (size_t i = 0; i < a->n_towers; i++)
        assert_same_tower(&a->towers[i], &b->towers[i]);
    assert_same_keys(card_connector_keys, &a->connector, &b->connector);
    assert_same_keys(card_connector_own_keys(&a->connector), &a->connector, &b->connector);
    assert_same_weights(&a->connector.weights, &b->connector.weights);
    assert_same_keys(card_lm_keys, &a->lm, &b->lm);
    assert_same_keys(card_lm_own_keys(&a->lm), &a->lm, &b->lm);
    assert_same_weights(&a->lm.weights, &b->lm.weights);
}

static inline void assert_same_card(const struct card *a, const struct card *b)
{
    assert_string_equal(a->name, b->name);
    assert_same_parts(a, b);
}

#endif
