#include "engine/card/detect.h"

#include "engine/base/file.h"
#include "engine/base/json.h"
#include "engine/tokenizer/tokenizer.h"

#include <string.h>

extern const struct card_layout layout_prismatic, layout_llava, layout_factory;

static const struct card_layout *const layouts[] = {
    &layout_prismatic,
    &layout_llava,
    &layout_factory,
};
enum { N_LAYOUTS = sizeof layouts / sizeof layouts[0] };

/* Files. */

bool detect_has_file(const struct detection *d, const char *name)
{
    const char *path = path_join(d->arena, d->directory, name);
    return path && file_exists(path);
}

const char *detect_place(const struct detection *d, const char *const *places)
{
    for (; *places; places++)
        if (detect_has_file(d, *places))
            return *places;
    return NULL;
}

enum status detect_no_memory(const struct detection *d)
{
    return fail(d->err, STATUS_NO_MEMORY, "out of memory while opening %s", d->directory);
}

enum status detect_missing(const struct detection *d, const char *what, const char *where)
{
    if (arena_failed(d->arena))
        return detect_no_memory(d);
    return fail(d->err, STATUS_NOT_FOUND, "%s: %s is missing; put it at %s", d->directory, what,
                where);
}

enum status detect_read(const struct detection *d, const char *name, cJSON **root,
                        const char **where)
{
    *root = NULL;
    *where = path_join(d->arena, d->directory, name);
    if (!*where)
        return detect_no_memory(d);
    return file_exists(*where) ? json_read(root, *where, d->err) : STATUS_OK;
}

static bool is_absent(const cJSON *object, const char *key)
{
    const cJSON *item = json_find(object, key);
    return !item || cJSON_IsNull(item);
}

enum status detect_int(const struct detection *d, const cJSON *object, const char *key,
                       const char *where, int *out)
{
    return is_absent(object, key) ? STATUS_OK : json_get_int(object, key, where, out, d->err);
}

enum status detect_number(const struct detection *d, const cJSON *object, const char *key,
                          const char *where, double *out)
{
    return is_absent(object, key) ? STATUS_OK : json_get_number(object, key, where, out, d->err);
}

/* The tokenizer. */

/* The id of a string that must be one token. */
static enum status find_end(const struct detection *d, const struct tokenizer *tokenizer,
                            const char *path, const char *end)
{
    struct token_list ids;
    token_list_init(&ids);
    enum status status = tokenizer_encode(tokenizer, end, strlen(end), &ids, d->err);
    if (!status && ids.n != 1)
        status = fail(d->err, STATUS_MISMATCH, "%s: it has no token %s, with which answers end",
                      path, end);
    if (!status)
        d->card->lm.eos = ids.ids[0];
    token_list_release(&ids);
    return status;
}

enum status detect_tokenizer(const struct detection *d, const char *what, const char *const *places,
                             const char *end)
{
    const char *name = detect_place(d, places);
    const char *path = name ? path_join(d->arena, d->directory, name) : NULL;
    struct tokenizer *tokenizer;
    if (!path)
        return detect_missing(d, what, places[0]);
    enum status status = tokenizer_open(&tokenizer, path, d->err);
    if (status)
        return status;
    d->card->tokenizer = name;
    if (tokenizer_size(tokenizer) > d->card->lm.vocabulary)
        status = fail(d->err, STATUS_MISMATCH, "%s has %d entries, the embedding only %d rows",
                      path, tokenizer_size(tokenizer), d->card->lm.vocabulary);
    else if (end)
        status = find_end(d, tokenizer, path, end);
    tokenizer_close(tokenizer);
    return status;
}

/* The layouts. */

static const struct card_layout *find_layout(const struct detection *d)
{
    for (size_t i = 0; i < N_LAYOUTS; i++)
        if (layouts[i]->recognises(d))
            return layouts[i];
    return NULL;
}

static enum status not_recognised(const struct detection *d)
{
    struct text text;
    const cJSON *architecture = cJSON_GetArrayItem(json_find(d->config, "architectures"), 0);
    text_init(&text);
    text_addf(&text, "%s is no model directory that is recognised", d->directory);
    if (cJSON_IsString(architecture))
        text_addf(&text, " (config.json: the architecture %.80s)", architecture->valuestring);
    for (size_t i = 0; i < N_LAYOUTS; i++)
        text_addf(&text, "%s %s has %s", i ? ";" : ":", layouts[i]->name, layouts[i]->needs);
    enum status status = text.failed || arena_failed(d->arena)
                             ? detect_no_memory(d)
                             : fail(d->err, STATUS_NOT_FOUND, "%s", text_string(&text));
    text_release(&text);
    return status;
}

/* The directory's own name. */
static const char *directory_name(const struct detection *d)
{
    size_t length = strlen(d->directory);
    while (length > 1 && d->directory[length - 1] == '/')
        length--;
    const char *path = arena_copy(d->arena, d->directory, length);
    const char *name = path ? path_name(path) : "";
    return name[0] && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 ? name : d->card->family;
}

static enum status detect(struct detection *d)
{
    const struct card_layout *layout = find_layout(d);
    enum status status = layout ? layout->detect(d) : not_recognised(d);
    if (status)
        return status;
    if (!d->card->name)
        d->card->name = directory_name(d);
    if (arena_failed(d->arena))
        return detect_no_memory(d);
    for (size_t i = 0; i < d->card->n_towers; i++)
        d->card->towers[i].preprocess.size = d->card->image_size;
    return d->shapes_only ? STATUS_OK : card_check(d->card, d->directory, d->err);
}

static enum status detect_directory(struct card *card, const char *directory, bool shapes_only,
                                    struct arena *arena, struct error *err)
{
    struct detection d = {.card = card,
                          .directory = directory,
                          .shapes_only = shapes_only,
                          .arena = arena,
                          .err = err};
    cJSON *root;
    *card = (struct card){.lm = {.bos = -1}};
    card->directory = arena_string(arena, directory);
    if (!card->directory)
        return detect_no_memory(&d);
    enum status status = detect_read(&d, "config.json", &root, &d.where);
    d.config = root;
    if (!status)
        status = detect(&d);
    cJSON_Delete(root);
    return status;
}

enum status card_detect(struct card *card, const char *directory, struct arena *arena,
                        struct error *err)
{
    return detect_directory(card, directory, false, arena, err);
}

enum status card_detect_shapes(struct card *card, const char *directory, struct arena *arena,
                               struct error *err)
{
    return detect_directory(card, directory, true, arena, err);
}
