#include "datasets/protocol.h"

#include "datasets/build.h"
#include "datasets/letters.h"
#include "datasets/protocol_data.h"
#include "engine/base/file.h"
#include "engine/base/json.h"
#include "engine/base/utf8.h"

#include <stdio.h>
#include <string.h>

static const char question[] = "{question}", capitalised[] = "{Question}";

/* What a protocol file is read with: the arena for strings and the place for errors. */
struct source {
    struct arena *arena;
    const char *place;
};

static enum status copy_string(const cJSON *root, const char *key, const struct source *source,
                               const char **out, struct error *err)
{
    const char *value;
    enum status status = json_get_string(root, key, source->place, &value, err);
    if (status)
        return status;
    if (!value[0])
        return fail(err, STATUS_BAD_FORMAT, "%s: \"%s\" is empty", source->place, key);
    *out = arena_string(source->arena, value);
    return STATUS_OK;
}

static enum status read_dataset(struct protocol *protocol, const cJSON *root,
                                const struct source *source, struct error *err)
{
    const char *name, *variant;
    enum status status;
    if ((status = json_get_string(root, "dataset", source->place, &name, err)) ||
        (status = json_get_string(root, "variant", source->place, &variant, err)))
        return status;
    protocol->dataset = dataset_kind_find(name);
    if (!protocol->dataset)
        return fail(err, STATUS_BAD_FORMAT, "%s: there is no dataset '%s'", source->place, name);
    for (size_t i = 0; protocol->dataset->variants[i]; i++)
        if (strcmp(protocol->dataset->variants[i], variant) == 0)
            protocol->variant = protocol->dataset->variants[i];
    if (!protocol->variant)
        return fail(err, STATUS_BAD_FORMAT, "%s: %s has no variant '%s'", source->place, name,
                    variant);
    return STATUS_OK;
}

static enum status read_choices(struct protocol *protocol, const cJSON *root,
                                const struct source *source, struct error *err)
{
    const cJSON *choices;
    enum status status = json_get_array(root, "choices", source->place, &choices, err);
    if (status)
        return status;
    const cJSON *choice;
    cJSON_ArrayForEach(choice, choices)
    {
        if (!cJSON_IsString(choice) || !choice->valuestring[0])
            return fail(err, STATUS_BAD_FORMAT,
                        "%s: \"choices\" must be strings that are not empty", source->place);
        if (protocol->n_choices == PROTOCOL_MAX_CHOICES)
            return fail(err, STATUS_BAD_FORMAT, "%s: more than %d \"choices\"", source->place,
                        PROTOCOL_MAX_CHOICES);
        protocol->choices[protocol->n_choices++] = arena_string(source->arena, choice->valuestring);
    }
    if (protocol->n_choices == 1)
        return fail(err, STATUS_BAD_FORMAT, "%s: one choice is none: \"choices\" needs two or more",
                    source->place);
    return STATUS_OK;
}

static enum status read_file(struct protocol_file *file, const cJSON *object,
                             const struct source *source, struct error *err)
{
    int n_samples = 0;
    enum status status;
    if ((status = copy_string(object, "name", source, &file->name, err)) ||
        (status = copy_string(object, "version", source, &file->version, err)) ||
        (status = copy_string(object, "sha256", source, &file->sha256, err)) ||
        (status = json_get_int(object, "samples", source->place, &n_samples, err)))
        return status;
    if (n_samples < 0)
        return fail(err, STATUS_BAD_FORMAT, "%s: \"samples\" is below 0", source->place);
    file->n_samples = (size_t)n_samples;
    file->is_reference = json_bool_or(object, "reference", false);
    return STATUS_OK;
}

static enum status read_files(struct protocol *protocol, const cJSON *root,
                              const struct source *source, struct error *err)
{
    const cJSON *list;
    enum status status = json_get_array(root, "files", source->place, &list, err);
    if (status)
        return status;
    size_t n = 0, capacity = (size_t)cJSON_GetArraySize(list);
    struct protocol_file *files = arena_alloc(source->arena, capacity, sizeof *files);
    if (!files)
        return STATUS_OK; /* the arena tells */
    const cJSON *object;
    cJSON_ArrayForEach(object, list)
    {
        if ((status = read_file(&files[n], object, source, err)))
            return status;
        n += 1;
    }
    protocol->files = files;
    protocol->n_files = n;
    return STATUS_OK;
}

/* The message asks something, and nothing that the variant does not have. */
static enum status check_message(const struct protocol *protocol, const struct source *source,
                                 struct error *err)
{
    bool asks = strstr(protocol->message, question) || strstr(protocol->message, capitalised);
    for (const struct dataset_part *part = protocol->dataset->parts; part && part->name; part++) {
        if (!strstr(protocol->message, part->name))
            continue;
        if (!part->is_in(protocol->variant))
            return fail(err, STATUS_BAD_FORMAT, "%s: the variant '%s' of %s has no %s",
                        source->place, protocol->variant, protocol->dataset->name, part->name);
        asks = true;
    }
    if (!asks)
        return fail(err, STATUS_BAD_FORMAT, "%s: \"message\" has no %s", source->place, question);
    return STATUS_OK;
}

static enum status read_members(struct protocol *protocol, const cJSON *root,
                                const struct source *source, struct error *err)
{
    enum status status;
    if ((status = copy_string(root, "name", source, &protocol->name, err)) ||
        (status = json_get_int(root, "version", source->place, &protocol->version, err)) ||
        (status = copy_string(root, "title", source, &protocol->title, err)) ||
        (status = copy_string(root, "reference", source, &protocol->reference, err)) ||
        (status = read_dataset(protocol, root, source, err)) ||
        (status = copy_string(root, "message", source, &protocol->message, err)) ||
        (status = read_choices(protocol, root, source, err)) ||
        (status =
             json_get_int(root, "max_new_tokens", source->place, &protocol->max_new_tokens, err)) ||
        (status = copy_string(root, "metric", source, &protocol->metric, err)) ||
        (status = copy_string(root, "headline", source, &protocol->headline, err)) ||
        (status = copy_string(root, "missing", source, &protocol->missing, err)) ||
        (status = read_files(protocol, root, source, err)))
        return status;
    protocol->duplicates = arena_string(source->arena, json_string_or(root, "duplicates", NULL));
    if (arena_failed(source->arena))
        return fail(err, STATUS_NO_MEMORY, "out of memory while reading %s", source->place);
    if ((status = check_message(protocol, source, err)))
        return status;
    if (protocol->max_new_tokens < 0 || (protocol->max_new_tokens == 0 && protocol->n_choices == 0))
        return fail(err, STATUS_BAD_FORMAT,
                    "%s: \"max_new_tokens\" is %d: nothing would be answered", source->place,
                    protocol->max_new_tokens);
    return STATUS_OK;
}

static enum status parse_protocol(struct protocol *protocol, const char *data, size_t size,
                                  const struct source *source, struct error *err)
{
    *protocol = (struct protocol){0};
    size_t bad;
    if (size > 0 && !utf8_valid(data, size, &bad))
        return fail(err, STATUS_BAD_FORMAT, "%s: byte %zu is not UTF-8", source->place, bad);
    cJSON *root = NULL;
    enum status status = json_parse(&root, data, size, source->place, err);
    if (status)
        return status;
    struct sha256_text hash = sha256_bytes(data, size);
    protocol->hash = arena_string(source->arena, hash.hex);
    if (!hash.hex[0] || !protocol->hash)
        status = fail(err, STATUS_NO_MEMORY, "out of memory while reading %s", source->place);
    else
        status = read_members(protocol, root, source, err);
    cJSON_Delete(root);
    return status;
}

static enum status unknown_protocol(const char *name, struct error *err)
{
    char known[640] = "";
    for (size_t i = 0; protocol_names[i]; i++) {
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "", protocol_names[i]);
    }
    return fail(err, STATUS_NOT_FOUND,
                "there is no protocol '%s'; there is: %s, or the name of a .json file", name,
                known);
}

static enum status open_plain(struct protocol *protocol, const char *name, struct arena *arena,
                              struct error *err)
{
    for (size_t i = 0; protocol_data[i].name; i++) {
        if (strcmp(protocol_data[i].name, name) != 0)
            continue;
        const struct source source = {arena, name};
        return parse_protocol(protocol, (const char *)protocol_data[i].bytes,
                              protocol_data[i].size_bytes, &source, err);
    }
    size_t length = strlen(name);
    if (length < 5 || strcmp(name + length - 5, ".json") != 0)
        return unknown_protocol(name, err);
    char *data = NULL;
    size_t size = 0;
    enum status status = file_read(name, arena, &data, &size, err);
    if (status)
        return status;
    const struct source source = {arena, name};
    if ((status = parse_protocol(protocol, data, size, &source, err)))
        return status;
    protocol->file = arena_string(arena, name);
    return protocol->file ? STATUS_OK
                          : fail(err, STATUS_NO_MEMORY, "out of memory while reading %s", name);
}

/* Fills in the placeholder at *rest and moves behind it; false where there is none. */
static bool fill_in(const struct protocol *protocol, const struct sample *sample, const char **rest,
                    struct text *out)
{
    if (text_starts_with(*rest, question)) {
        text_add(out, sample->question);
        *rest += sizeof question - 1;
        return true;
    }
    if (text_starts_with(*rest, capitalised)) {
        letters_capitalise(sample->question, out);
        *rest += sizeof capitalised - 1;
        return true;
    }
    for (const struct dataset_part *part = protocol->dataset->parts; part && part->name; part++) {
        if (!text_starts_with(*rest, part->name))
            continue;
        text_add(out, part->of(sample));
        *rest += strlen(part->name);
        return true;
    }
    return false;
}

/* The same protocol on another variant is another measurement: its name and its hash tell. */
static enum status set_variant(struct protocol *protocol, const char *name, const char *variant,
                               struct arena *arena, struct error *err)
{
    char known[256] = "";
    protocol->variant = NULL;
    for (size_t i = 0; protocol->dataset->variants[i]; i++) {
        const char *one = protocol->dataset->variants[i];
        size_t used = strlen(known);
        if (strcmp(one, variant) == 0)
            protocol->variant = one;
        snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "", one);
    }
    if (!protocol->variant)
        return fail(err, STATUS_NOT_FOUND, "%s: %s has no variant '%s'; there is: %s", name,
                    protocol->dataset->name, variant, known);
    const char *both = arena_printf(arena, "%s:%s", protocol->hash, variant);
    struct sha256_text hash = both ? sha256_bytes(both, strlen(both)) : (struct sha256_text){0};
    protocol->hash = arena_string(arena, hash.hex);
    protocol->name = arena_string(arena, name);
    if (!hash.hex[0] || arena_failed(arena))
        return fail(err, STATUS_NO_MEMORY, "out of memory while reading %s", name);
    const struct source source = {arena, name};
    return check_message(protocol, &source, err);
}

enum status protocol_open(struct protocol *protocol, const char *name, struct arena *arena,
                          struct error *err)
{
    const char *colon = strchr(name, ':'), *at = strchr(name, '@');
    if (!colon || !at || at < colon || text_ends_with(name, ".json"))
        return open_plain(protocol, name, arena, err);
    char plain[128], variant[64];
    snprintf(plain, sizeof plain, "%.*s%s", (int)(colon - name), name, at);
    snprintf(variant, sizeof variant, "%.*s", (int)(at - colon - 1), colon + 1);
    enum status status = open_plain(protocol, plain, arena, err);
    return status ? status : set_variant(protocol, name, variant, arena, err);
}

void protocol_message(const struct protocol *protocol, const struct sample *sample,
                      struct text *out)
{
    for (const char *rest = protocol->message; *rest;)
        if (*rest != '{' || !fill_in(protocol, sample, &rest, out))
            text_add_char(out, *rest++);
}

static const struct protocol_file *known_version(const struct protocol *protocol,
                                                 const struct dataset_file *file)
{
    for (size_t i = 0; i < protocol->n_files; i++)
        if (strcmp(protocol->files[i].sha256, file->sha256.hex) == 0)
            return &protocol->files[i];
    return NULL;
}

const char *protocol_check_files(const struct protocol *protocol, const struct dataset *set,
                                 struct arena *arena)
{
    const char *note = NULL, *last_version = NULL;
    if (protocol->n_files == 0)
        return NULL; /* no version is known: there is nothing to compare with */
    for (size_t i = 0; i < set->n_files; i++) {
        const struct dataset_file *file = &set->files[i];
        const struct protocol_file *known = known_version(protocol, file);
        const char *sentence = NULL;
        if (!known) {
            sentence =
                arena_printf(arena, "%s (%s samples) is no published version of the file",
                             path_name(file->path), dataset_count_text(arena, file->n_samples));
        } else if (!known->is_reference &&
                   (!last_version || strcmp(last_version, known->version))) {
            sentence = arena_printf(arena, "%s is from %s, which is not what %s is published on",
                                    path_name(file->path), known->version, protocol->name);
            last_version = known->version;
        }
        if (sentence)
            note = note ? arena_printf(arena, "%s; %s", note, sentence) : sentence;
    }
    return arena_failed(arena) ? NULL : note;
}
