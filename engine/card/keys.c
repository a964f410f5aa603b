#include "engine/card/keys.h"

#include "engine/connectors/connector.h"
#include "engine/models/lm.h"

#include <string.h>

#define TOWER(member, type, low, high)                                                             \
    {                                                                                              \
#member, offsetof(struct card_tower, member), type, low, high                              \
    }
#define CONNECTOR(member, type, low, high)                                                         \
    {                                                                                              \
#member, offsetof(struct card_connector, member), type, low, high                          \
    }
#define LM(member, type, low, high)                                                                \
    {                                                                                              \
#member, offsetof(struct card_lm, member), type, low, high                                 \
    }
#define END                                                                                        \
    {                                                                                              \
        NULL, 0, CARD_INT, 0, 0                                                                    \
    }

const struct card_key card_tower_keys[] = {
    TOWER(name, CARD_TEXT, 0, 0),
    TOWER(encoder, CARD_TEXT, 0, 0),
    TOWER(naming, CARD_TEXT, 0, 0),
    TOWER(patch_size, CARD_INT, 1, CARD_MAX_SIDE),
    TOWER(native_grid, CARD_INT, 1, CARD_MAX_SIDE),
    TOWER(width, CARD_INT, 1, CARD_MAX_WIDTH),
    TOWER(heads, CARD_INT, 1, CARD_MAX_WIDTH),
    TOWER(mlp_width, CARD_INT, 1, CARD_MAX_WIDTH),
    TOWER(layers, CARD_INT, 1, CARD_MAX_LAYERS),
    TOWER(eps, CARD_REAL, CARD_MIN_EPS, CARD_MAX_EPS),
    TOWER(activation, CARD_TEXT, 0, 0),
    TOWER(layer_scale, CARD_FLAG, 0, 0),
    TOWER(cls_token, CARD_FLAG, 0, 0),
    TOWER(cls_position, CARD_FLAG, 0, 0),
    TOWER(pre_norm, CARD_FLAG, 0, 0),
    TOWER(patch_bias, CARD_FLAG, 0, 0),
    TOWER(registers, CARD_INT, 0, CARD_MAX_SIDE),
    TOWER(skip_patches, CARD_INT, 0, CARD_MAX_SIDE),
    END,
};

const struct card_key card_connector_keys[] = {
    CONNECTOR(kind, CARD_TEXT, 0, 0),
    CONNECTOR(in_width, CARD_INT, 1, CARD_MAX_WIDTH),
    CONNECTOR(out_width, CARD_INT, 1, CARD_MAX_WIDTH),
    END,
};

const struct card_key card_lm_keys[] = {
    LM(family, CARD_TEXT, 0, 0),
    LM(width, CARD_INT, 1, CARD_MAX_WIDTH),
    LM(layers, CARD_INT, 1, CARD_MAX_LAYERS),
    LM(vocabulary, CARD_INT, 1, CARD_MAX_IDS),
    LM(eps, CARD_REAL, CARD_MIN_EPS, CARD_MAX_EPS),
    LM(bos, CARD_INT, -1, CARD_MAX_IDS),
    LM(eos, CARD_INT, 0, CARD_MAX_IDS),
    LM(max_text_tokens, CARD_INT, 1, CARD_MAX_IDS),
    LM(max_positions, CARD_INT, 0, CARD_MAX_IDS),
    END,
};

static const struct card_key none[] = {END};

const struct card_key *card_connector_own_keys(const struct card_connector *connector)
{
    const struct connector_kind *kind = connector_kind_find(connector->kind);
    return kind && kind->keys ? kind->keys : none;
}

const struct card_key *card_lm_own_keys(const struct card_lm *lm)
{
    const struct lm_family *family = lm_family_find(lm->family);
    return family && family->keys ? family->keys : none;
}

static const void *member(const struct card_key *key, const void *part)
{
    return (const char *)part + key->offset;
}

double card_key_number(const struct card_key *key, const void *part)
{
    return key->type == CARD_INT ? *(const int *)member(key, part)
                                 : *(const double *)member(key, part);
}

const char *card_key_text(const struct card_key *key, const void *part)
{
    return *(const char *const *)member(key, part);
}

bool card_key_flag(const struct card_key *key, const void *part)
{
    return *(const bool *)member(key, part);
}

void card_key_set_int(const struct card_key *key, void *part, int value)
{
    memcpy((char *)part + key->offset, &value, sizeof value);
}

void card_key_set_real(const struct card_key *key, void *part, double value)
{
    memcpy((char *)part + key->offset, &value, sizeof value);
}

void card_key_set_text(const struct card_key *key, void *part, const char *value)
{
    memcpy((char *)part + key->offset, &value, sizeof value);
}

void card_key_set_flag(const struct card_key *key, void *part, bool value)
{
    memcpy((char *)part + key->offset, &value, sizeof value);
}
