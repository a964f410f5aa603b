#include "eval/manifest.h"

#include "engine/base/file.h"
#include "engine/base/json.h"
#include "eval/machine.h"
#include "eval/version.h"
#include "reports/json_writer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void put_origin(struct json_writer *writer, const struct options *options)
{
    json_open(writer, "settings", '{');
    for (size_t i = 0; options->specs[i].name; i++) {
        const struct option_spec *spec = &options->specs[i];
        bool given = option_given(options, spec->name);
        json_open(writer, spec->name, '{');
        if (spec->type == OPTION_FLAG)
            json_put_bool(writer, "value", given);
        else if (spec->repeatable) {
            const char *const *values;
            size_t n = option_list(options, spec->name, &values);
            json_put_strings(writer, "value", values, n);
        } else
            json_put_string(writer, "value", option_text(options, spec->name));
        json_put_string(writer, "origin", option_origin(options, spec->name));
        json_close(writer, '}');
    }
    json_close(writer, '}');
}

static void put_protocol(struct json_writer *writer, const struct protocol *protocol)
{
    json_open(writer, "protocol", '{');
    json_put_string(writer, "name", protocol->name);
    if (protocol->file) {
        char *absolute = realpath(protocol->file, NULL);
        json_put_string(writer, "file", absolute ? absolute : protocol->file);
        free(absolute);
    }
    json_put_count(writer, "version", (uint64_t)protocol->version);
    json_put_string(writer, "hash", protocol->hash);
    json_put_string(writer, "title", protocol->title);
    json_put_string(writer, "reference", protocol->reference);
    json_put_string(writer, "metric", protocol->metric);
    json_put_string(writer, "headline", protocol->headline);
    json_put_string(writer, "message", protocol->message);
    json_put_strings(writer, "choices", protocol->choices, protocol->n_choices);
    json_close(writer, '}');
}

static void put_data(struct json_writer *writer, const struct task *task)
{
    char *absolute = realpath(task->directory, NULL);
    const struct dataset *set = &task->set;
    json_open(writer, "data", '{');
    json_put_string(writer, "dataset", set->kind->name);
    json_put_string(writer, "title", set->kind->title);
    json_put_string(writer, "variant", set->variant);
    json_put_string(writer, "directory", absolute ? absolute : task->directory);
    json_put_string(writer, "note", set->note);
    json_put_count(writer, "samples", task->n_in_dataset);
    json_open(writer, "files", '[');
    for (size_t i = 0; i < set->n_files; i++) {
        json_open(writer, NULL, '{');
        json_put_string(writer, "path", set->files[i].path);
        json_put_string(writer, "sha256", set->files[i].sha256.hex);
        json_put_count(writer, "samples", set->files[i].n_samples);
        json_close(writer, '}');
    }
    json_close(writer, ']');
    json_open(writer, "sha256", '[');
    for (size_t i = 0; i < set->n_files; i++)
        json_put_string(writer, NULL, set->files[i].sha256.hex);
    json_close(writer, ']');
    json_close(writer, '}');
    free(absolute);
}

static void put_selection(struct json_writer *writer, const struct manifest_facts *facts)
{
    const struct task_selection *selection = &facts->selection;
    json_open(writer, "selection", '{');
    if (selection->slim > 0)
        json_put_count(writer, "slim", selection->slim);
    json_put_count(writer, "limit", selection->limit);
    json_put_strings(writer, "sample_ids", selection->sample_ids, selection->n_sample_ids);
    json_put_count(writer, "samples", facts->task->set.n_samples);
    json_put_count(writer, "images", facts->task->set.n_images);
    json_close(writer, '}');
    if (facts->shard.of == 0)
        return;
    json_open(writer, "shard", '{');
    json_put_count(writer, "index", facts->shard.index);
    json_put_count(writer, "of", facts->shard.of);
    json_put_count(writer, "first", facts->task->begin);
    json_put_count(writer, "samples", facts->task->end - facts->task->begin);
    json_close(writer, '}');
}

static void put_model(struct json_writer *writer, const struct manifest_facts *facts)
{
    const struct engine_info *info = facts->answerer->facts.engine;
    json_open(writer, "model", '{');
    json_put_string(writer, "name", facts->answerer->facts.name);
    json_put_string(writer, "requested", facts->answerer->options.model);
    json_put_string(writer, "sha256", facts->model_sha256.hex);
    json_put_bool(writer, "baseline", info == NULL && !facts->imported);
    if (info) {
        json_put_string(writer, "family", info->family);
        json_put_string(writer, "directory", info->directory);
        json_put_bool(writer, "random_weights", info->random_weights);
        json_put_count(writer, "parameters", info->parameters);
        json_put_count(writer, "packed_bytes", info->packed_bytes);
        json_put_count(writer, "state_bytes", info->state_bytes);
        json_put_count(writer, "cache_bytes_per_token", info->cache_bytes_per_token);
        json_put_count(writer, "image_tokens", (uint64_t)info->image_tokens);
        json_put_count(writer, "tokens_before_image", (uint64_t)info->tokens_before);
        json_put_count(writer, "vocabulary", info->vocabulary);
    }
    json_close(writer, '}');
    json_open(writer, "numerics", '{');
    json_put_string(writer, "precision", info ? precision_name(info->precision) : NULL);
    json_put_string(writer, "precision_note", info ? info->precision_note : NULL);
    json_put_string(writer, "kernels", info ? info->kernels : NULL);
    json_put_string(writer, "matmul", info ? info->matmul : NULL);
    json_close(writer, '}');
    if (info)
        json_put_count(writer, "threads", (uint64_t)info->threads);
}

static void put_import(struct json_writer *writer, const struct manifest_import *imported)
{
    json_open(writer, "imported", '{');
    json_put_string(writer, "file", imported->file);
    json_put_string(writer, "format", imported->format);
    json_put_string(writer, "sha256", imported->sha256.hex);
    json_close(writer, '}');
}

static void put_machine(struct json_writer *writer)
{
    struct machine machine;
    machine_read(&machine);
    json_open(writer, "machine", '{');
    json_put_string(writer, "cpu", machine.cpu);
    json_put_count(writer, "cores", (uint64_t)machine.cores);
    json_put_number(writer, "memory_bytes", machine.memory_bytes);
    json_put_string(writer, "system", machine.system);
    json_close(writer, '}');
}

/* The command line that goes on with this run, without its shard: `mambench merge` adds one. */
static void put_again(struct json_writer *writer, const struct manifest_facts *facts)
{
    static const char *const not_again[] = {"force", "shard", NULL};
    struct arena arena;
    size_t n = 0;
    arena_init(&arena);
    const char **words = options_words(facts->options, not_again, &arena);
    while (words && words[n])
        n++;
    if (words)
        json_put_strings(writer, "again", words, n);
    else
        writer->out->failed = true;
    arena_release(&arena);
}

static void put_all(struct json_writer *writer, const struct manifest_facts *facts)
{
    char directory[4096];
    int changed = facts->answerer->options.max_new_tokens;
    size_t n_words = 0;
    while (facts->command_line[n_words])
        n_words++;
    json_open(writer, NULL, '{');
    json_put_string(writer, "mambench", mambench_version);
    json_put_strings(writer, "command", facts->command_line, n_words);
    put_again(writer, facts);
    json_put_string(writer, "working_directory", getcwd(directory, sizeof directory));
    put_protocol(writer, &facts->task->protocol);
    put_data(writer, facts->task);
    put_selection(writer, facts);
    json_open(writer, "prompts", '{');
    json_put_string(writer, "sha256", facts->prompts_sha256.hex);
    json_put_string(writer, "first", facts->first_prompt);
    json_close(writer, '}');
    put_model(writer, facts);
    json_put_count(writer, "seed", facts->answerer->options.seed);
    json_put_count(writer, "max_new_tokens",
                   (uint64_t)(changed >= 0 ? changed : facts->task->protocol.max_new_tokens));
    json_put_bool(writer, "max_new_tokens_changed",
                  changed >= 0 && changed != facts->task->protocol.max_new_tokens);
    if (facts->imported)
        put_import(writer, facts->imported);
    else
        put_machine(writer); /* of other answers it is not known */
    put_origin(writer, facts->options);
    json_open(writer, "starts", '[');
    json_close(writer, ']');
    json_close(writer, '}');
}

enum status manifest_new(cJSON **manifest, const struct manifest_facts *facts, struct error *err)
{
    struct text text;
    struct json_writer writer;
    text_init(&text);
    json_begin(&writer, &text);
    put_all(&writer, facts);
    cJSON *root = text.failed ? NULL : cJSON_ParseWithLength(text.data, text.length);
    text_release(&text);
    if (!root)
        return fail(err, STATUS_NO_MEMORY, "out of memory while writing the manifest");
    *manifest = root;
    return STATUS_OK;
}

/* What must be the same, and what it is called. */
static const struct {
    const char *group, *key, *name;
} identity[] = {
    {NULL, "mambench", "the version of mambench"},
    {"protocol", "name", "the protocol"},
    {"protocol", "hash", "the protocol's file"},
    {"data", "sha256", "the annotation files"},
    {"data", "variant", "the variant"},
    {"selection", "slim", "--slim"},
    {"selection", "limit", "--limit"},
    {"selection", "sample_ids", "--sample-id"},
    {"selection", "samples", "the number of samples"},
    {"shard", "index", "--shard"},
    {"shard", "of", "the number of shards"},
    {"prompts", "sha256", "the prompts"},
    {"model", "name", "the model"},
    {"model", "sha256", "the model's files"},
    {"model", "random_weights", "--random-weights"},
    {"numerics", "precision", "the precision"},
    {"numerics", "kernels", "the kernels"},
    {"numerics", "matmul", "the library of matrix products"},
    {NULL, "seed", "the seed"},
    {NULL, "max_new_tokens", "the number of new tokens"},
};

/* " (was X, is Y)" where both are short. */
static void add_values(struct text *out, const cJSON *old, const cJSON *new)
{
    char *was = cJSON_PrintUnformatted(old), *is = cJSON_PrintUnformatted(new);
    if (was && is && strlen(was) <= 40 && strlen(is) <= 40)
        text_addf(out, " (was %s, is %s)", was, is);
    cJSON_free(was);
    cJSON_free(is);
}

void manifest_add_differences(const cJSON *old, const cJSON *new, bool shards_may_differ,
                              struct text *out)
{
    size_t start = out->length;
    for (size_t i = 0; i < sizeof identity / sizeof identity[0]; i++) {
        const char *group = identity[i].group;
        if (shards_may_differ && group && strcmp(group, "shard") == 0)
            continue;
        const cJSON *a = json_find(group ? json_find(old, group) : old, identity[i].key);
        const cJSON *b = json_find(group ? json_find(new, group) : new, identity[i].key);
        if ((!a && !b) || cJSON_Compare(a, b, 1))
            continue;
        text_addf(out, "%s%s", out->length > start ? ", " : "", identity[i].name);
        if (a && b)
            add_values(out, a, b);
    }
}

enum status manifest_compare(const cJSON *old, const cJSON *new, const char *directory,
                             struct error *err)
{
    struct text text;
    text_init(&text);
    manifest_add_differences(old, new, false, &text);
    enum status status = STATUS_OK;
    if (text.failed)
        status = fail(err, STATUS_NO_MEMORY, "out of memory while comparing manifests");
    else if (text.length > 0)
        status = fail(err, STATUS_USAGE,
                      "%s holds another run, which differs in: %s; give another --out, or --force "
                      "to start afresh",
                      directory, text_string(&text));
    text_release(&text);
    return status;
}

static cJSON *start_object(const struct manifest_start *start, const char *began)
{
    struct machine machine;
    machine_read(&machine);
    cJSON *object = cJSON_CreateObject();
    bool ok = object && cJSON_AddStringToObject(object, "began", began) &&
              cJSON_AddStringToObject(object, "host", machine.host) &&
              cJSON_AddNumberToObject(object, "threads", start->threads) &&
              cJSON_AddNumberToObject(object, "batch", (double)start->batch) &&
              cJSON_AddBoolToObject(object, "reuse", start->reuse) &&
              cJSON_AddNumberToObject(object, "samples_before", (double)start->samples_before) &&
              cJSON_AddNumberToObject(object, "samples_after", (double)start->samples_after) &&
              cJSON_AddNumberToObject(object, "seconds", start->seconds) &&
              cJSON_AddNumberToObject(object, "peak_rss_bytes", machine_peak_bytes()) &&
              cJSON_AddStringToObject(object, "outcome", start->outcome);
    if (ok)
        return object;
    cJSON_Delete(object);
    return NULL;
}

static cJSON *starts_of(cJSON *manifest)
{
    cJSON *starts = cJSON_GetObjectItemCaseSensitive(manifest, "starts");
    if (cJSON_IsArray(starts))
        return starts;
    cJSON_DeleteItemFromObjectCaseSensitive(manifest, "starts");
    return cJSON_AddArrayToObject(manifest, "starts");
}

bool manifest_add_start(cJSON *manifest, const struct manifest_start *start)
{
    char now[32];
    machine_time(now, sizeof now);
    cJSON *starts = starts_of(manifest);
    cJSON *object = starts ? start_object(start, now) : NULL;
    if (object && cJSON_AddItemToArray(starts, object))
        return true;
    cJSON_Delete(object);
    return false;
}

bool manifest_update_start(cJSON *manifest, const struct manifest_start *start)
{
    cJSON *starts = starts_of(manifest);
    int last = starts ? cJSON_GetArraySize(starts) - 1 : -1;
    if (last < 0)
        return manifest_add_start(manifest, start);
    const cJSON *old = cJSON_GetArrayItem(starts, last);
    cJSON *object = start_object(start, json_string_or(old, "began", ""));
    if (object && cJSON_ReplaceItemInArray(starts, last, object))
        return true;
    cJSON_Delete(object);
    return false;
}

enum status manifest_protocol(const cJSON *manifest, const char *place, const char **out,
                              struct error *err)
{
    const cJSON *protocol = json_find(manifest, "protocol");
    *out = json_string_or(protocol, "file", NULL);
    return *out ? STATUS_OK : json_get_string(protocol, "name", place, out, err);
}

/* A cJSON tree through our writer, so that numbers and escapes are the project's own. */
static void put_tree(struct json_writer *writer, const char *key, const cJSON *item)
{
    const cJSON *child;
    bool too_deep = writer->depth + 2 >= JSON_MAX_DEPTH; /* not written by this program */
    if (!too_deep && (cJSON_IsObject(item) || cJSON_IsArray(item))) {
        bool is_object = cJSON_IsObject(item);
        json_open(writer, key, is_object ? '{' : '[');
        cJSON_ArrayForEach(child, item) put_tree(writer, is_object ? child->string : NULL, child);
        json_close(writer, is_object ? '}' : ']');
    } else if (cJSON_IsString(item)) {
        json_put_string(writer, key, item->valuestring);
    } else if (cJSON_IsNumber(item)) {
        json_put_number(writer, key, item->valuedouble);
    } else if (cJSON_IsBool(item)) {
        json_put_bool(writer, key, cJSON_IsTrue(item));
    } else {
        json_put_string(writer, key, NULL);
    }
}

enum status manifest_write(const cJSON *manifest, const char *path, struct error *err)
{
    struct text text;
    struct json_writer writer;
    text_init(&text);
    json_begin(&writer, &text);
    put_tree(&writer, NULL, manifest);
    enum status status = text.failed
                             ? fail(err, STATUS_NO_MEMORY, "out of memory while writing %s", path)
                             : file_write(path, text_string(&text), text.length, err);
    text_release(&text);
    return status;
}
