/* engine/card_cobra.h - recognising Cobra's release layout. */
#ifndef MAMBENCH_ENGINE_CARD_COBRA_H
#define MAMBENCH_ENGINE_CARD_COBRA_H

#include "engine/card.h"

/* Where the parts lie, relative to the directory; NULL: look in the usual places. */
struct cobra_files {
    const char *config, *checkpoint, *dino, *siglip, *tokenizer;
};

/* Fills the card from config.json, the names and shapes of the tensors and the config files beside
 * the towers (heads, picture size).  Errors name the file and what it lacks. */
enum status cobra_detect(struct card *card, const char *directory, const struct cobra_files *files,
                         struct arena *arena, struct error *err);

#endif
