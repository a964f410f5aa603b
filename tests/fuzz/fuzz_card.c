/* Any bytes as a model.json: a card that holds what it promises and survives being written, or a
 * sentence. */
#include "engine/card.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct card *card)
{
    if (card->n_towers < 1 || card->n_towers > CARD_MAX_TOWERS || card_patches(card) < 1 ||
        card_image_tokens(card) < 1)
        abort();
    for (size_t i = 0; i < card->n_towers; i++)
        if (card->towers[i].width % card->towers[i].heads != 0 || !(card->towers[i].eps > 0))
            abort();
}

/* A card's text reads back and is written the same. */
static void write_back(const struct card *card, struct arena *arena)
{
    struct card again;
    struct text first, second;
    text_init(&first);
    text_init(&second);
    card_write(card, &first);
    if (card_parse(&again, text_string(&first), first.length, "written", arena, NULL))
        abort();
    card_write(&again, &second);
    if (strcmp(text_string(&first), text_string(&second)) != 0)
        abort();
    text_release(&first);
    text_release(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct card card;
    struct arena arena;
    struct error err = {""};
    arena_init(&arena);
    char *text = malloc(size + !size);
    if (text && size > 0)
        memcpy(text, data, size);
    if (text && card_parse(&card, text, size, "fuzz", &arena, &err) == STATUS_OK) {
        check(&card);
        write_back(&card, &arena);
    } else if (text && strstr(err.text, "fuzz") == NULL) {
        abort();
    }
    free(text);
    arena_release(&arena);
    return 0;
}
