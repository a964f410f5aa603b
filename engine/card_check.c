/* engine/card_check.c - whether a card can be run: ranges, names, and what parts must agree on. */
#include "engine/card.h"

#include "engine/chat.h"
#include "engine/connectors/connector.h"
#include "engine/models/lm.h"
#include "engine/vision/encoder.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* More than any release has: they bound what a damaged card can cost. */
enum { MAX_SIDE = 4096, MAX_WIDTH = 1 << 20, MAX_LAYERS = 4096, MAX_IDS = 1 << 24 };

/* Attention, scan and convolution keep one head, state or window in fixed memory. */
enum { MAX_HEAD = 256, MAX_STATE = 256, MAX_CONV = 8 };

/* A whole number of a part and its range. */
struct int_range {
    const char *key;
    size_t offset;
    int low, high;
};

#define TOWER(member, low, high)                                                                   \
    {                                                                                              \
#member, offsetof(struct card_tower, member), low, high                                    \
    }
#define CONNECTOR(member, low, high)                                                               \
    {                                                                                              \
#member, offsetof(struct card_connector, member), low, high                                \
    }
#define LM(member, low, high)                                                                      \
    {                                                                                              \
#member, offsetof(struct card_lm, member), low, high                                       \
    }

static const struct int_range tower_ranges[] = {
    TOWER(patch_size, 1, MAX_SIDE), TOWER(native_grid, 1, MAX_SIDE), TOWER(width, 1, MAX_WIDTH),
    TOWER(heads, 1, MAX_WIDTH),     TOWER(mlp_width, 1, MAX_WIDTH),  TOWER(layers, 1, MAX_LAYERS),
    TOWER(registers, 0, MAX_SIDE),
};

static const struct int_range connector_ranges[] = {
    CONNECTOR(in_width, 1, MAX_WIDTH),
    CONNECTOR(hidden_width, 0, MAX_WIDTH),
    CONNECTOR(out_width, 1, MAX_WIDTH),
};

static const struct int_range lm_ranges[] = {
    LM(width, 1, MAX_WIDTH),      LM(layers, 1, MAX_LAYERS),   LM(inner_width, 1, MAX_WIDTH),
    LM(state_size, 1, MAX_STATE), LM(conv_width, 1, MAX_CONV), LM(dt_rank, 1, MAX_WIDTH),
    LM(vocabulary, 1, MAX_IDS),   LM(eos, 0, MAX_IDS),         LM(max_text_tokens, 1, MAX_IDS),
};

enum { N_TOWER = sizeof tower_ranges / sizeof tower_ranges[0] };
enum { N_CONNECTOR = sizeof connector_ranges / sizeof connector_ranges[0] };
enum { N_LM = sizeof lm_ranges / sizeof lm_ranges[0] };

/* Where a part is, for errors. */
struct part_place {
    const char *card, *part;
};

static enum status check_ranges(const void *part, const struct int_range *ranges, size_t n,
                                const struct part_place *place, struct error *err)
{
    for (size_t i = 0; i < n; i++) {
        int value;
        memcpy(&value, (const char *)part + ranges[i].offset, sizeof value);
        if (value < ranges[i].low || value > ranges[i].high)
            return fail(err, STATUS_BAD_FORMAT, "%s: %s: \"%s\" is %d, %d to %d is expected",
                        place->card, place->part, ranges[i].key, value, ranges[i].low,
                        ranges[i].high);
    }
    return STATUS_OK;
}

static enum status check_eps(double eps, const struct part_place *place, struct error *err)
{
    if (eps > 0 && eps < 1)
        return STATUS_OK;
    return fail(err, STATUS_BAD_FORMAT,
                "%s: %s: \"eps\" is %g, a number between 0 and 1 is expected", place->card,
                place->part, eps);
}

static enum status check_normalisation(const struct preprocess *how, const struct part_place *place,
                                       struct error *err)
{
    for (int c = 0; c < 3; c++)
        if (!isfinite(how->mean[c]) || !isfinite(how->std[c]) || how->std[c] <= 0)
            return fail(err, STATUS_BAD_FORMAT,
                        "%s: %s: \"mean\" must be finite and \"std\" above 0", place->card,
                        place->part);
    return STATUS_OK;
}

static enum status check_tower_shape(const struct card *card, const struct card_tower *tower,
                                     const struct part_place *place, struct error *err)
{
    if (!encoder_kind_find(tower->encoder))
        return fail(err, STATUS_UNSUPPORTED, "%s: %s: there is no encoder called '%s'", place->card,
                    place->part, tower->encoder);
    if (strcmp(tower->activation, "gelu_erf") != 0)
        return fail(err, STATUS_UNSUPPORTED, "%s: %s: there is no activation called '%s'",
                    place->card, place->part, tower->activation);
    if (tower->width % tower->heads != 0 || tower->width / tower->heads > MAX_HEAD)
        return fail(err, STATUS_UNSUPPORTED,
                    "%s: %s: %d heads do not divide a width of %d into parts of at most %d",
                    place->card, place->part, tower->heads, tower->width, MAX_HEAD);
    if (tower->patch_size > card->image_size ||
        card_grid(card) != card->image_size / tower->patch_size)
        return fail(err, STATUS_MISMATCH,
                    "%s: %s: patches of %d in a picture of %d do not give the first tower's grid",
                    place->card, place->part, tower->patch_size, card->image_size);
    return STATUS_OK;
}

static enum status check_tower(const struct card *card, const struct card_tower *tower,
                               const char *card_place, struct error *err)
{
    char part[64];
    snprintf(part, sizeof part, "tower %.40s", tower->name);
    struct part_place place = {card_place, part};
    enum status status = check_ranges(tower, tower_ranges, N_TOWER, &place, err);
    if (!status)
        status = check_eps(tower->eps, &place, err);
    if (!status)
        status = check_normalisation(&tower->preprocess, &place, err);
    return status ? status : check_tower_shape(card, tower, &place, err);
}

static enum status check_towers(const struct card *card, const char *place, struct error *err)
{
    int features = 0;
    if (card->image_size < 1 || card->image_size > MAX_SIDE)
        return fail(err, STATUS_BAD_FORMAT, "%s: \"image_size\" is %d, 1 to %d is expected", place,
                    card->image_size, MAX_SIDE);
    for (size_t i = 0; i < card->n_towers; i++) {
        enum status status = check_tower(card, &card->towers[i], place, err);
        if (status)
            return status;
        features += card->towers[i].width;
    }
    if (card->connector.in_width != features)
        return fail(err, STATUS_MISMATCH, "%s: the towers give %d features, the connector takes %d",
                    place, features, card->connector.in_width);
    return STATUS_OK;
}

static enum status check_connector(const struct card *card, const char *card_place,
                                   struct error *err)
{
    const struct card_connector *connector = &card->connector;
    struct part_place place = {card_place, "connector"};
    enum status status = check_ranges(connector, connector_ranges, N_CONNECTOR, &place, err);
    if (status)
        return status;
    if (!connector_kind_find(connector->kind))
        return fail(err, STATUS_UNSUPPORTED, "%s: there is no connector called '%s'", card_place,
                    connector->kind);
    if (connector->hidden_width == 0 && strcmp(connector->kind, "linear") != 0)
        return fail(err, STATUS_BAD_FORMAT, "%s: connector: \"hidden_width\" is 0", card_place);
    if (connector->out_width != card->lm.width)
        return fail(err, STATUS_MISMATCH,
                    "%s: the connector gives rows of %d, the language model takes %d", card_place,
                    connector->out_width, card->lm.width);
    return STATUS_OK;
}

static enum status check_lm(const struct card_lm *lm, const char *card_place, struct error *err)
{
    struct part_place place = {card_place, "language_model"};
    enum status status = check_ranges(lm, lm_ranges, N_LM, &place, err);
    if (!status)
        status = check_eps(lm->eps, &place, err);
    if (status)
        return status;
    if (!lm_family_find(lm->family))
        return fail(err, STATUS_UNSUPPORTED, "%s: there is no language model family called '%s'",
                    card_place, lm->family);
    if (lm->eos >= lm->vocabulary)
        return fail(err, STATUS_MISMATCH, "%s: the end token %d is outside a vocabulary of %d",
                    card_place, lm->eos, lm->vocabulary);
    return STATUS_OK;
}

enum status card_check(const struct card *card, const char *place, struct error *err)
{
    enum status status = check_lm(&card->lm, place, err);
    if (!status)
        status = check_connector(card, place, err);
    if (!status)
        status = check_towers(card, place, err);
    if (!status && !chat_template_find(card->template))
        status = fail(err, STATUS_UNSUPPORTED, "%s: there is no chat template called '%s'", place,
                      card->template);
    return status;
}
