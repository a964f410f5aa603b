#include "engine/card.h"

#include "engine/base/file.h"
#include "engine/base/json.h"
#include "engine/card/keys.h"

#include <string.h>

enum { CARD_FORMAT = 1 };

/* Reading: a cursor over one JSON object that remembers where it is and the first failure. */
struct reader {
    const cJSON *object;
    const char *place; /* "model.json: towers[0]" */
    struct arena *arena;
    struct error *err;
    enum status status;
};

/* Members that model.json may leave out; the part holds what they are then. */
static bool is_optional(const char *key)
{
    static const char *const optional[] = {"bos", "max_positions", "registers", "skip_patches"};
    for (size_t i = 0; i < sizeof optional / sizeof optional[0]; i++)
        if (strcmp(optional[i], key) == 0)
            return true;
    return false;
}

static void read_int(struct reader *in, const char *key, int *out)
{
    if (!in->status)
        in->status = json_get_int(in->object, key, in->place, out, in->err);
}

static void read_string(struct reader *in, const char *key, const char **out)
{
    const char *value = NULL;
    if (in->status)
        return;
    in->status = json_get_string(in->object, key, in->place, &value, in->err);
    if (in->status)
        return;
    *out = arena_string(in->arena, value);
    if (!*out)
        in->status = fail(in->err, STATUS_NO_MEMORY, "out of memory while reading %s", in->place);
}

/* false where there is no such member. */
static void read_flag(struct reader *in, const char *key, bool *out)
{
    const cJSON *item = json_find(in->object, key);
    *out = cJSON_IsTrue(item);
    if (!in->status && item && !cJSON_IsBool(item))
        in->status = fail(in->err, STATUS_BAD_FORMAT, "%s: \"%s\" is neither true nor false",
                          in->place, key);
}

static void read_key(struct reader *in, const struct card_key *key, void *part)
{
    int whole = 0;
    double real = 0;
    bool flag = false;
    const char *text = NULL;
    if (key->type == CARD_INT && is_optional(key->name) && !json_find(in->object, key->name))
        return;
    switch (key->type) {
    case CARD_INT:
        read_int(in, key->name, &whole);
        card_key_set_int(key, part, whole);
        break;
    case CARD_REAL:
        if (!in->status)
            in->status = json_get_number(in->object, key->name, in->place, &real, in->err);
        card_key_set_real(key, part, real);
        break;
    case CARD_FLAG:
        read_flag(in, key->name, &flag);
        card_key_set_flag(key, part, flag);
        break;
    case CARD_TEXT:
        read_string(in, key->name, &text);
        card_key_set_text(key, part, text);
        break;
    }
}

static void read_keys(struct reader *in, const struct card_key *keys, void *part)
{
    for (; keys->name && !in->status; keys++)
        read_key(in, keys, part);
}

/* The place of an inner reader; without memory for it the reader fails. */
static const char *enter_place(struct reader *inner, const char *place)
{
    if (!place && !inner->status)
        inner->status =
            fail(inner->err, STATUS_NO_MEMORY, "out of memory while reading %s", inner->place);
    return place ? place : inner->place;
}

/* A reader for a member that is an object. */
static struct reader enter(struct reader *in, const char *key)
{
    struct reader inner = *in;
    inner.place = enter_place(&inner, arena_printf(in->arena, "%s: %s", in->place, key));
    if (!inner.status)
        inner.status = json_get(in->object, key, in->place, &inner.object, in->err);
    if (!inner.status && !cJSON_IsObject(inner.object))
        inner.status =
            fail(in->err, STATUS_BAD_FORMAT, "%s: \"%s\" is not an object", in->place, key);
    return inner;
}

/* Files are relative to the model's directory, or absolute; a card may share another's files. */
static void read_weights(struct reader *in, struct card_weights *out)
{
    const cJSON *files = NULL, *file;
    read_string(in, "prefix", &out->prefix);
    if (!in->status)
        in->status = json_get_array(in->object, "files", in->place, &files, in->err);
    cJSON_ArrayForEach(file, files)
    {
        if (in->status)
            return;
        if (!cJSON_IsString(file) || out->n_files == CARD_MAX_FILES) {
            in->status =
                fail(in->err, STATUS_BAD_FORMAT, "%s: \"files\" must be at most %d file names",
                     in->place, CARD_MAX_FILES);
            return;
        }
        out->files[out->n_files++] = arena_string(in->arena, file->valuestring);
    }
}

static void read_triple(struct reader *in, const char *key, float out[3])
{
    const cJSON *array = NULL;
    if (!in->status)
        in->status = json_get_array(in->object, key, in->place, &array, in->err);
    for (int i = 0; !in->status && i < 3; i++) {
        const cJSON *item = cJSON_GetArrayItem(array, i);
        if (!cJSON_IsNumber(item) || cJSON_GetArraySize(array) != 3)
            in->status = fail(in->err, STATUS_BAD_FORMAT, "%s: \"%s\" must be three numbers",
                              in->place, key);
        else
            out[i] = (float)item->valuedouble;
    }
}

/* Puts the place in front of an error that does not know it. */
static enum status named(const struct reader *in, enum status status)
{
    return status ? fail_within(in->err, status, in->place) : STATUS_OK;
}

static void read_preprocess(struct reader *in, const struct card *card, struct preprocess *out)
{
    const char *strategy = NULL, *rescale = NULL;
    out->size = card->image_size;
    read_string(in, "resize", &strategy);
    read_string(in, "rescale", &rescale);
    read_triple(in, "mean", out->mean);
    read_triple(in, "std", out->std);
    read_flag(in, "half_pixels", &out->half_pixels);
    if (!in->status)
        in->status = named(in, resize_strategy_parse(strategy, &out->strategy, in->err));
    if (!in->status)
        in->status = named(in, rescale_parse(rescale, &out->rescale, in->err));
}

static void read_tower(struct reader *in, const struct card *card, struct card_tower *out)
{
    read_keys(in, card_tower_keys, out);
    read_weights(in, &out->weights);
    read_preprocess(in, card, &out->preprocess);
}

static void read_connector(struct reader *in, struct card_connector *out)
{
    read_keys(in, card_connector_keys, out);
    if (!in->status)
        read_keys(in, card_connector_own_keys(out), out);
    read_weights(in, &out->weights);
}

static void read_lm(struct reader *in, struct card_lm *out)
{
    out->bos = -1;
    read_keys(in, card_lm_keys, out);
    if (!in->status)
        read_keys(in, card_lm_own_keys(out), out);
    read_weights(in, &out->weights);
}

static void read_towers(struct reader *in, struct card *card)
{
    const cJSON *towers = NULL, *tower;
    if (!in->status)
        in->status = json_get_array(in->object, "towers", in->place, &towers, in->err);
    cJSON_ArrayForEach(tower, towers)
    {
        if (in->status)
            return;
        if (card->n_towers == CARD_MAX_TOWERS) {
            in->status = fail(in->err, STATUS_UNSUPPORTED, "%s: more than %d towers", in->place,
                              CARD_MAX_TOWERS);
            return;
        }
        struct reader inner = *in;
        inner.object = tower;
        inner.place = enter_place(
            &inner, arena_printf(in->arena, "%s: towers[%zu]", in->place, card->n_towers));
        read_tower(&inner, card, &card->towers[card->n_towers++]);
        in->status = inner.status;
    }
    if (!in->status && card->n_towers == 0)
        in->status = fail(in->err, STATUS_BAD_FORMAT, "%s: \"towers\" is empty", in->place);
}

static enum status read_card(struct card *card, const cJSON *root, const char *place,
                             struct arena *arena, struct error *err)
{
    struct reader in = {root, place, arena, err, STATUS_OK};
    int format = 0;
    read_int(&in, "format", &format);
    if (!in.status && format != CARD_FORMAT)
        in.status = fail(err, STATUS_UNSUPPORTED, "%s: \"format\" is %d, only %d is read", place,
                         format, CARD_FORMAT);
    read_string(&in, "name", &card->name);
    read_string(&in, "family", &card->family);
    read_string(&in, "template", &card->template);
    read_int(&in, "image_size", &card->image_size);
    const cJSON *tokenizer = json_find(root, "tokenizer");
    if (cJSON_IsString(tokenizer))
        card->tokenizer = arena_string(arena, tokenizer->valuestring);
    card->clean_up = json_bool_or(root, "clean_up", true);
    read_towers(&in, card);
    struct reader connector = enter(&in, "connector");
    read_connector(&connector, &card->connector);
    in.status = connector.status;
    struct reader lm = enter(&in, "language_model");
    read_lm(&lm, &card->lm);
    if (lm.status)
        return lm.status;
    if (arena_failed(arena))
        return fail(err, STATUS_NO_MEMORY, "out of memory while reading %s", place);
    return card_check(card, place, err);
}

enum status card_parse(struct card *card, const char *data, size_t length, const char *place,
                       struct arena *arena, struct error *err)
{
    cJSON *root = NULL;
    enum status status = json_parse(&root, data, length, place, err);
    if (status)
        return status;
    *card = (struct card){.directory = ""};
    status = read_card(card, root, place, arena, err);
    cJSON_Delete(root);
    return status;
}

enum status card_open(struct card *card, const char *directory, struct arena *arena,
                      struct error *err)
{
    if (!directory_exists(directory))
        return fail(err, STATUS_NOT_FOUND,
                    "%s is neither a model directory nor a preset (`mambench model list`)",
                    directory);
    const char *path = path_join(arena, directory, "model.json");
    if (!path)
        return fail(err, STATUS_NO_MEMORY, "out of memory while opening %s", directory);
    if (!file_exists(path))
        return card_detect(card, directory, arena, err);
    char *data;
    size_t size;
    enum status status = file_read(path, arena, &data, &size, err);
    if (!status)
        status = card_parse(card, data, size, path, arena, err);
    if (status)
        return status;
    card->directory = arena_string(arena, directory);
    return card->directory ? STATUS_OK : fail(err, STATUS_NO_MEMORY, "out of memory");
}
