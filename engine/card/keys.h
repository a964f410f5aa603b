/* engine/card/keys.h - the members of a card's parts, taken and set through their tables. */
#ifndef MAMBENCH_ENGINE_CARD_KEYS_H
#define MAMBENCH_ENGINE_CARD_KEYS_H

#include "engine/card.h"

/* What a connector's kind and a language model's family add to the members of every one; an empty
 * table where the name is unknown. */
const struct card_key *card_connector_own_keys(const struct card_connector *connector);
const struct card_key *card_lm_own_keys(const struct card_lm *lm);

/* The member of part that key describes: a number of it is widened to double. */
double card_key_number(const struct card_key *key, const void *part);
const char *card_key_text(const struct card_key *key, const void *part);
bool card_key_flag(const struct card_key *key, const void *part);

void card_key_set_int(const struct card_key *key, void *part, int value);
void card_key_set_real(const struct card_key *key, void *part, double value);
void card_key_set_text(const struct card_key *key, void *part, const char *value);
void card_key_set_flag(const struct card_key *key, void *part, bool value);

#endif
