/* engine/card/check.c - whether a card can be run: ranges, names, and what parts must agree on. */
#include "engine/card/keys.h"
#include "engine/chat.h"
#include "engine/connectors/connector.h"
#include "engine/models/lm.h"
#include "engine/ops/ops.h"
#include "engine/vision/encoder.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* How tensors of a tower may be called. */
static const char *const namings[] = {"timm", "transformers"};

/* Where a part is, for errors. */
struct part_place {
    const char *card, *part;
};

static int grid_of(const struct card *card, const struct card_tower *tower)
{
    return tower->patch_size < 1 ? 0 : card->image_size / tower->patch_size;
}

int card_patches(const struct card *card)
{
    if (card->n_towers < 1)
        return 0;
    int grid = grid_of(card, &card->towers[0]);
    if (grid < 1 || grid > CARD_MAX_SIDE || grid * grid <= card->towers[0].skip_patches)
        return 0;
    return grid * grid - card->towers[0].skip_patches;
}

int card_image_tokens(const struct card *card)
{
    const struct connector_kind *kind = connector_kind_find(card->connector.kind);
    int patches = card_patches(card);
    return kind && patches > 0 ? kind->rows(&card->connector, patches) : 0;
}

static enum status check_keys(const void *part, const struct card_key *key,
                              const struct part_place *place, struct error *err)
{
    for (; key->name; key++) {
        if (key->type != CARD_INT && key->type != CARD_REAL)
            continue;
        double value = card_key_number(key, part);
        if (!(value >= key->low && value <= key->high))
            return fail(err, STATUS_BAD_FORMAT,
                        "%s: %s: \"%s\" is %.10g, %.10g to %.10g is expected", place->card,
                        place->part, key->name, value, key->low, key->high);
    }
    return STATUS_OK;
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

static enum status check_names(const struct card_tower *tower, const struct part_place *place,
                               struct error *err)
{
    enum activation activation;
    struct error why = {""};
    enum status status = activation_parse(tower->activation, &activation, &why);
    if (status)
        return fail(err, status, "%s: %s: %s", place->card, place->part, why.text);
    if (!encoder_kind_find(tower->encoder))
        return fail(err, STATUS_UNSUPPORTED, "%s: %s: there is no encoder called '%s'", place->card,
                    place->part, tower->encoder);
    for (size_t i = 0; i < sizeof namings / sizeof namings[0]; i++)
        if (strcmp(namings[i], tower->naming) == 0)
            return STATUS_OK;
    return fail(err, STATUS_UNSUPPORTED, "%s: %s: there is no naming of tensors called '%s'",
                place->card, place->part, tower->naming);
}

static enum status check_tower_shape(const struct card *card, const struct card_tower *tower,
                                     const struct part_place *place, struct error *err)
{
    const struct card_tower *first = &card->towers[0];
    int grid = grid_of(card, tower);
    if (tower->width % tower->heads != 0 || tower->width / tower->heads > OPS_MAX_HEAD)
        return fail(err, STATUS_UNSUPPORTED,
                    "%s: %s: %d heads do not divide a width of %d into parts of at most %d",
                    place->card, place->part, tower->heads, tower->width, OPS_MAX_HEAD);
    if (grid < 1 || grid != grid_of(card, first))
        return fail(err, STATUS_MISMATCH,
                    "%s: %s: patches of %d in a picture of %d do not give the first tower's grid",
                    place->card, place->part, tower->patch_size, card->image_size);
    if (grid > CARD_MAX_PATCHES / grid ||
        tower->native_grid > CARD_MAX_PATCHES / tower->native_grid)
        return fail(err, STATUS_UNSUPPORTED,
                    "%s: %s: a grid of %d patches on a side, or a position table of %d, has more "
                    "than %d of them",
                    place->card, place->part, grid, tower->native_grid, CARD_MAX_PATCHES);
    if (tower->skip_patches >= grid * grid || tower->skip_patches != first->skip_patches)
        return fail(err, STATUS_MISMATCH,
                    "%s: %s: %d of %d patches are left out, which leaves none or not the first "
                    "tower's",
                    place->card, place->part, tower->skip_patches, grid * grid);
    return STATUS_OK;
}

static enum status check_tower(const struct card *card, const struct card_tower *tower,
                               const char *card_place, struct error *err)
{
    char part[64];
    snprintf(part, sizeof part, "tower %.40s", tower->name);
    struct part_place place = {card_place, part};
    enum status status = check_keys(tower, card_tower_keys, &place, err);
    if (!status)
        status = check_normalisation(&tower->preprocess, &place, err);
    if (!status)
        status = check_names(tower, &place, err);
    return status ? status : check_tower_shape(card, tower, &place, err);
}

static enum status check_towers(const struct card *card, const char *place, struct error *err)
{
    int features = 0;
    if (card->image_size < 1 || card->image_size > CARD_MAX_SIDE)
        return fail(err, STATUS_BAD_FORMAT, "%s: \"image_size\" is %d, 1 to %d is expected", place,
                    card->image_size, CARD_MAX_SIDE);
    for (size_t i = 0; i < card->n_towers; i++) {
        enum status status = check_tower(card, &card->towers[i], place, err);
        if (status)
            return status;
        features += card->towers[i].width;
    }
    if (card->connector.in_width != features)
        return fail(err, STATUS_MISMATCH, "%s: the towers give %d features, the connector takes %d",
                    place, features, card->connector.in_width);
    if (card_image_tokens(card) < 1)
        return fail(err, STATUS_MISMATCH,
                    "%s: the connector '%s' needs a square of patches, the towers give %d", place,
                    card->connector.kind, card_patches(card));
    return STATUS_OK;
}

static enum status check_connector(const struct card *card, const char *card_place,
                                   struct error *err)
{
    const struct card_connector *connector = &card->connector;
    const struct connector_kind *kind = connector_kind_find(connector->kind);
    struct part_place place = {card_place, "connector"};
    enum status status = check_keys(connector, card_connector_keys, &place, err);
    if (status)
        return status;
    if (!kind)
        return fail(err, STATUS_UNSUPPORTED, "%s: there is no connector called '%s'", card_place,
                    connector->kind);
    status = check_keys(connector, card_connector_own_keys(connector), &place, err);
    if (!status && kind->check)
        status = kind->check(connector, card_place, err);
    if (!status && connector->out_width != card->lm.width)
        status = fail(err, STATUS_MISMATCH,
                      "%s: the connector gives rows of %d, the language model takes %d", card_place,
                      connector->out_width, card->lm.width);
    return status;
}

/* A token that the model must have. */
static enum status check_token(const struct card_lm *lm, int id, const char *what,
                               const char *card_place, struct error *err)
{
    return id < lm->vocabulary
               ? STATUS_OK
               : fail(err, STATUS_MISMATCH, "%s: the %s token %d is outside a vocabulary of %d",
                      card_place, what, id, lm->vocabulary);
}

static enum status check_lm(const struct card_lm *lm, const char *card_place, struct error *err)
{
    const struct lm_family *family = lm_family_find(lm->family);
    struct part_place place = {card_place, "language_model"};
    enum status status = check_keys(lm, card_lm_keys, &place, err);
    if (status)
        return status;
    if (!family)
        return fail(err, STATUS_UNSUPPORTED, "%s: there is no language model family called '%s'",
                    card_place, lm->family);
    status = check_keys(lm, card_lm_own_keys(lm), &place, err);
    if (!status && family->check)
        status = family->check(lm, card_place, err);
    if (!status)
        status = check_token(lm, lm->eos, "end", card_place, err);
    return status ? status : check_token(lm, lm->bos, "first", card_place, err);
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
